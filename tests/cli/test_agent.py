# SPDX-License-Identifier: Apache-2.0
"""givc-agent as a program: its options, what it says of a bad configuration, how it lives with the service manager
(sockets that were passed, READY, STATUS, reload, stop), and its session with an admin over mutual TLS. There is no bus
here."""

import json
import os
import signal
import socket
import subprocess
import threading
import time

import grpc
import pytest
from certs import Authority, make_certs
from conftest import BUILD, WAIT, WITHOUT_INOTIFY, environment
from managed import Managed

import eventproxy_pb2
import health_pb2
import stats_pb2
import systemd_pb2

AGENT = str(BUILD / 'givc-agent')
STOP = 5  # seconds that a stop may take


def run(*words, **variables):
    return subprocess.run([AGENT, *words], env=environment(**variables), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=WAIT, check=False)


def transport(name, port):
    return {'transport': {'name': name, 'addr': '127.0.0.1', 'port': str(port), 'protocol': 'tcp'}}


def configuration(admin_port, agent_port, directory=None, **more):
    tls = {'enable': False}
    if directory:
        tls = {'enable': True, 'caCertPath': f'{directory}/ca-cert.pem', 'certPath': f'{directory}/cert.pem',
               'keyPath': f'{directory}/key.pem'}
    return {'identity': {'name': 'gui-vm', 'type': 8, 'subType': 9, 'parent': 'microvm@gui-vm.service'},
            'network': {'admin': transport('admin-vm', admin_port), 'agent': transport('gui-vm', agent_port),
                        'tls': tls},
            'capabilities': {'services': ['a.service']}, **more}


@pytest.fixture
def config(tmp_path):
    def write(*args, **more):
        path = tmp_path / 'config.json'
        path.write_text(json.dumps(configuration(*args, **more)))
        return str(path)
    return write


class Daemon(Managed):
    """An agent with its listening socket, without a bus."""

    def __init__(self, config, tmp_path, passed=True, prefix=(), **more):
        super().__init__(tmp_path)
        self.start([AGENT, '-config', config] if config else [AGENT],
                   {'anything': self.listener.fileno()} if passed else {}, prefix,
                   **({'DBUS_SYSTEM_BUS_ADDRESS': 'unix:path=/nonexistent'} | more))


@pytest.fixture
def daemon(tmp_path):
    daemons = []

    def start(*args, **more):
        daemons.append(Daemon(*args, tmp_path=tmp_path, **more))
        return daemons[-1]
    yield start
    for d in daemons:
        d.close()


def unused_port():
    with socket.create_server(('127.0.0.1', 0)) as s:
        return s.getsockname()[1]


def check_health(channel):
    call = channel.unary_unary('/grpc.health.v1.Health/Check', health_pb2.HealthCheckRequest.SerializeToString,
                               health_pb2.HealthCheckResponse.FromString)
    return call(health_pb2.HealthCheckRequest(), timeout=WAIT).status


def client_channel(directory, name, port):
    own = directory / name
    credentials = grpc.ssl_channel_credentials((own / 'ca-cert.pem').read_bytes(), (own / 'key.pem').read_bytes(),
                                               (own / 'cert.pem').read_bytes())
    return grpc.secure_channel(f'127.0.0.1:{port}', credentials, [('grpc.ssl_target_name_override', 'gui-vm')])


def watch(channel):
    call = channel.unary_stream('/systemd.UnitControlService/WatchUnits',
                                systemd_pb2.WatchUnitsRequest.SerializeToString, systemd_pb2.UnitEvent.FromString)
    return call(systemd_pb2.WatchUnitsRequest(), timeout=WAIT)


def get_status(channel):
    call = channel.unary_unary('/systemd.UnitControlService/GetUnitStatus', systemd_pb2.UnitRequest.SerializeToString,
                               systemd_pb2.UnitResponse.FromString)
    return call(systemd_pb2.UnitRequest(UnitName='a.service'), timeout=WAIT)


def test_help_and_version():
    r = run('--help')
    assert r.returncode == 0 and r.stderr == ''
    for word in ('-config', '-debug', '--check', '--version'):
        assert word in r.stdout
    r = run('-version')
    assert (r.returncode, r.stdout.split()[0]) == (0, 'givc-agent')


@pytest.mark.parametrize('words', [[], ['-debug'], ['-config'], ['-config', 'x', 'y'], ['-nonsense'], ['--check']])
def test_usage_errors(words):
    r = run(*words)
    assert r.returncode == 2
    assert r.stdout == '' and r.stderr != ''


@pytest.mark.parametrize('option', ['-config', '--config'])
def test_check(config, option):
    path = config(1, 2, extra=1)
    r = run(option, path, '--check')
    assert r.returncode == 0
    assert f'{path}: extra: unknown key, ignored' in r.stdout


@pytest.mark.parametrize('unit, code', [('a.service', 0), ('givc-gui-vm.service', 0), ('b.service', 1), ('foot', 1),
                                        ('foot@0.service', 1), ('a.service@0.service', 1), ('', 1), ('A.service', 1)])
def test_exposes(config, unit, code):
    foot = {'name': 'foot', 'command': '/bin/foot'}
    path = config(1, 2, capabilities={'services': ['a.service'], 'applications': [foot]})
    r = run('--config', path, f'--exposes={unit}')
    assert (r.returncode, r.stdout, r.stderr) == (code, '', '')


def test_bad_configuration_exposes_nothing(tmp_path):
    (tmp_path / 'bad.json').write_text('{')
    r = run('--config', str(tmp_path / 'bad.json'), '--exposes=a.service')
    assert r.returncode == 2 and r.stderr.startswith('givc-agent: ')


def test_bad_configuration(tmp_path, config):
    for words in (['-config', '/nonexistent'], ['-config', '/nonexistent', '--check']):
        r = run(*words)
        assert (r.returncode, r.stdout) == (2, '')
        assert r.stderr == 'givc-agent: /nonexistent: No such file or directory\n'
    path = tmp_path / 'bad.json'
    path.write_text('{"identity": {"name": "x"\n "type": 1}}')
    r = run('-config', str(path))
    assert (r.returncode, r.stdout) == (2, '')
    assert r.stderr.startswith(f'givc-agent: {path}:2:')
    path = config(1, 2, accessControl={'enable': True})
    r = run('-config', path)
    assert r.returncode == 2
    assert r.stderr.startswith(f'givc-agent: {path}: accessControl.enable: ')


def variables(admin_port, agent_port, **more):
    """What agents had before there was a file."""
    return {'NAME': 'gui-vm', 'ADDR': '127.0.0.1', 'PORT': str(agent_port), 'PROTO': 'tcp', 'TYPE': '8', 'SUBTYPE': '9',
            'TLS': 'false', 'SERVICES': 'a.service', 'ADMIN_SERVER_NAME': 'admin-vm',
            'ADMIN_SERVER_ADDR': '127.0.0.1', 'ADMIN_SERVER_PORT': str(admin_port), 'ADMIN_SERVER_PROTO': 'tcp', **more}


def test_environment(config):
    r = run('--check', **variables(1, 2))
    assert r.returncode == 0
    assert r.stdout.startswith('environment: network.tls.enable: TLS is off')
    for words in ([], ['--check'], ['-debug']):
        r = run(*words, **variables(1, 2, TYPE='x'))
        assert (r.returncode, r.stdout) == (2, '')
        assert r.stderr == "givc-agent: environment: TYPE: 'x' is not a registration type (0 to 14)\n"
    # A file that is given counts alone.
    r = run('-config', config(1, 2, extra=1), '--check', **variables(1, 2, TYPE='x'))
    assert r.returncode == 0 and 'extra: unknown key, ignored' in r.stdout


@pytest.mark.parametrize('debug', ['true', 'false'])
def test_environment_daemon(daemon, debug):
    d = daemon(None, **variables(unused_port(), unused_port(), DEBUG=debug))
    d.wait_until_said('READY=1')
    d.wait_until_said('STATUS=TLS IS OFF; admin-vm not reachable: ')
    with grpc.insecure_channel(f'127.0.0.1:{d.port}') as channel:
        assert check_health(channel) == 1
    assert d.stop()[0] == 0
    assert ('Received signal' in d.text()) == (debug == 'true')


def test_no_certificates(config, tmp_path):
    r = run('-config', config(1, unused_port(), tmp_path))
    assert r.returncode == 1
    assert str(tmp_path) in r.stderr


def test_nowhere_to_listen(config):
    """Time will not help."""
    path = config(1, 2)
    with open(path, encoding='utf-8') as f:
        content = json.load(f)
    content['network']['agent']['transport'] |= {'addr': '/dev/null/agent.sock', 'protocol': 'unix'}
    with open(path, 'w', encoding='utf-8') as f:
        json.dump(content, f)
    r = run('-config', path)
    assert r.returncode == 1
    assert 'Cannot listen at unix:/dev/null/agent.sock: Not a directory' in r.stderr


def test_passed_socket(config, daemon):
    d = daemon(config(unused_port(), unused_port()))
    d.wait_until_said('READY=1')
    d.wait_until_said('STATUS=TLS IS OFF; admin-vm not reachable: ')
    with grpc.insecure_channel(f'127.0.0.1:{d.port}') as channel:
        assert check_health(channel) == 1
        with pytest.raises(grpc.RpcError) as e:
            get_status(channel)
        assert e.value.code() == grpc.StatusCode.UNAVAILABLE
        assert 'the service manager cannot be reached' in e.value.details()
    assert 'network.tls.enable: TLS is off' in d.text()
    code, seconds = d.stop()
    assert code == 0 and seconds < STOP
    d.wait_until_said('STOPPING=1')


def test_own_socket(config, daemon):
    port = unused_port()
    d = daemon(config(unused_port(), port), passed=False)
    d.wait_until_said('READY=1')
    with grpc.insecure_channel(f'127.0.0.1:{port}') as channel:
        assert check_health(channel) == 1


def test_port_in_use(config, daemon):
    """Time will help: it waits, says so, and registers as soon as it can be called."""
    with socket.create_server(('127.0.0.1', 0)) as s:
        port = s.getsockname()[1]
        d = daemon(config(unused_port(), port), passed=False)
        d.wait_until_said('READY=1')
        busy = f'annot listen at tcp:127.0.0.1:{port}: Address already in use; trying on'
        d.wait_until_said(f'STATUS=TLS IS OFF; c{busy}')
    d.wait_until_said('STATUS=TLS IS OFF; admin-vm not reachable: ')
    assert f'The agent c{busy}' in d.text()
    with grpc.insecure_channel(f'127.0.0.1:{port}') as channel:
        assert check_health(channel) == 1
    assert d.stop()[0] == 0


def test_stop_before_it_listens(config, daemon):
    with socket.create_server(('127.0.0.1', 0)) as s:
        d = daemon(config(unused_port(), s.getsockname()[1]), passed=False)
        d.wait_until_said('READY=1')
        code, seconds = d.stop()
    assert code == 0 and seconds < 1


def test_stop_with_open_stream(config, daemon):
    d = daemon(config(unused_port(), unused_port()))
    d.wait_until_said('READY=1')
    with grpc.insecure_channel(f'127.0.0.1:{d.port}') as channel:
        stream = watch(channel)
        check_health(channel)
        code, seconds = d.stop()
        with pytest.raises(grpc.RpcError) as e:
            next(stream)
    assert code == 0 and seconds < 1
    assert (e.value.code(), e.value.details()) == (grpc.StatusCode.UNAVAILABLE, 'The agent stops.')


def test_session_over_tls(config, daemon, tls_server, certs):
    """The admin sees a caller with a certificate; there is no bus, so what it hears is that nothing can be told yet."""
    d = daemon(config(tls_server.port, unused_port(), certs / 'gui-vm'))
    d.wait_until_said('READY=1')
    d.wait_until_said("STATUS=registering with admin-vm, 0 of 2 done")
    with client_channel(certs, 'admin-vm', d.port) as channel:
        assert check_health(channel) == 1
        with pytest.raises(grpc.RpcError) as e:
            get_status(channel)
        assert e.value.code() == grpc.StatusCode.UNAVAILABLE
    with client_channel(certs, 'gui-vm', d.port) as channel:
        assert check_health(channel) == 1
        with pytest.raises(grpc.RpcError) as e:
            get_status(channel)
        assert e.value.code() == grpc.StatusCode.PERMISSION_DENIED
        assert e.value.details() == "This agent answers 'admin-vm' only, not 'gui-vm'."
    assert ("Refused gui-vm (127.0.0.1), which called systemd.UnitControlService/GetUnitStatus: This agent answers"
            in d.text())


def test_others_are_refused_before_they_are_read(config, daemon, certs):
    """Every method of the agent, whatever the body, also when it never comes; each refusal is a line in the log."""
    d = daemon(config(unused_port(), unused_port(), certs / 'gui-vm'))
    d.wait_until_said('READY=1')
    services = (systemd_pb2.DESCRIPTOR.services_by_name['UnitControlService'],
                stats_pb2.DESCRIPTOR.services_by_name['StatsService'])
    methods = [f'{service.full_name}/{method.name}' for service in services for method in service.methods]
    never = threading.Event()

    def no_body():
        never.wait(WAIT)
        yield from ()
    with client_channel(certs, 'gui-vm', d.port) as channel:
        for method in methods:
            call = channel.stream_stream(f'/{method}', bytes, bytes)
            for bodies in (iter([b'']), iter([b'\xff' * 100]), iter([b'x' * 4_000_000]), no_body()):
                with pytest.raises(grpc.RpcError) as e:
                    next(call(bodies, timeout=WAIT))
                assert e.value.code() == grpc.StatusCode.PERMISSION_DENIED, method
            assert d.text().count(f'Refused gui-vm (127.0.0.1), which called {method}: ') == 4
        never.set()


def event_proxy(*events):
    return {'eventProxy': {'enable': True, 'events': list(events)}}


def test_devices_of_the_permitted_source_only(config, daemon, certs):
    """A consumer has a port of its own, and one identity that it answers, which is not the admin's."""
    port, served = unused_port(), ('RegisterDevice', 'StreamEvents')
    consumer = {'consumer': {'enable': True, 'permittedSource': 'gui-vm'}, **transport('net-vm', port)}
    d = daemon(config(unused_port(), unused_port(), certs / 'gui-vm', capabilities=event_proxy(consumer)))
    d.wait_until_said('READY=1')
    with client_channel(certs, 'admin-vm', port) as channel:
        for method in served:
            with pytest.raises(grpc.RpcError) as e:
                channel.stream_unary(f'/eventproxy.EventService/{method}', bytes, bytes)(iter([b'']), timeout=WAIT)
            assert e.value.code() == grpc.StatusCode.PERMISSION_DENIED
            assert e.value.details() == "This event consumer answers 'gui-vm' only, not 'admin-vm'."
        assert check_health(channel) == health_pb2.HealthCheckResponse.SERVING
    with client_channel(certs, 'gui-vm', port) as channel:
        call = channel.unary_unary('/eventproxy.EventService/RegisterDevice',
                                   eventproxy_pb2.DeviceInfo.SerializeToString, eventproxy_pb2.Ack.FromString)
        with pytest.raises(grpc.RpcError) as e:
            call(eventproxy_pb2.DeviceInfo(name='wireless keyboard'), timeout=WAIT)
        assert e.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        with pytest.raises(grpc.RpcError) as e:
            channel.unary_unary('/systemd.UnitControlService/GetUnitStatus', bytes, bytes)(b'', timeout=WAIT)
        assert e.value.code() == grpc.StatusCode.UNIMPLEMENTED  # the admin's are elsewhere


def test_event_consumer_without_tls(config):
    consumer = {'consumer': {'enable': True, 'permittedSource': 'gui-vm'}, **transport('net-vm', 3)}
    r = run('-config', config(1, 2, capabilities=event_proxy(consumer)), '--check')
    assert r.returncode == 0
    assert 'events[0].consumer.enable: without TLS nobody would know whose keys these are; it is not served' in r.stdout


def test_stop_with_an_event_producer(config, daemon, certs):
    """Its consumer is not there, nor is a device: neither keeps it from its work, or from leaving."""
    producer = {'producer': {'enable': True}, 'device': 'mouse', **transport('net-vm', unused_port())}
    d = daemon(config(unused_port(), unused_port(), certs / 'gui-vm', capabilities=event_proxy(producer)))
    d.wait_until_said('READY=1')
    code, duration = d.stop()
    assert code == 0 and duration < STOP


def test_names_in_place_of_addresses(config, daemon, tls_server, certs):
    path = config(tls_server.port, unused_port(), certs / 'gui-vm')
    with open(path, encoding='utf-8') as f:
        text = f.read()
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text.replace('127.0.0.1', 'localhost'))
    d = daemon(path)
    d.wait_until_said('STATUS=registering with admin-vm, 0 of 2 done')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text.replace('127.0.0.1', 'x' * 70))
    r = run('-config', path)
    assert r.returncode == 1  # tomorrow somebody may know it
    assert f"network.admin.transport.addr: '{'x' * 70}': " in r.stderr
    assert run('-config', path, '--check').returncode == 0


def test_wrong_admin(config, daemon, tls_server, certs, tmp_path):
    """Somebody else's certificate at the admin's address."""
    make_certs(tmp_path / 'foreign', {'gui-vm': ['127.0.0.1']})
    d = daemon(config(tls_server.port, unused_port(), tmp_path / 'foreign/gui-vm'))
    d.wait_until_said('STATUS=admin-vm not reachable: ')


@pytest.mark.parametrize('prefix', [(), WITHOUT_INOTIFY])
def test_reload(config, daemon, tmp_path, prefix):
    """Also where the machine has no more watches for us: that they are read again unasked is all that is missing."""
    make_certs(tmp_path / 'own', {'gui-vm': ['127.0.0.1'], 'admin-vm': ['127.0.0.1']})
    d = daemon(config(unused_port(), unused_port(), tmp_path / 'own/gui-vm'), prefix=prefix)
    d.wait_until_said('READY=1')
    assert ('Cannot watch the certificates' in d.text()) == bool(prefix)
    d.said.clear()
    # A new CA: who has the old certificate is a stranger from now on.
    make_certs(tmp_path / 'new', {'gui-vm': ['127.0.0.1'], 'admin-vm': ['127.0.0.1']})
    for name in ('ca-cert.pem', 'cert.pem', 'key.pem'):
        os.replace(tmp_path / 'new/gui-vm' / name, tmp_path / 'own/gui-vm' / name)
    d.process.send_signal(signal.SIGHUP)
    d.wait_until_said('RELOADING=1')
    d.wait_until_said('READY=1')
    with client_channel(tmp_path / 'new', 'admin-vm', d.port) as channel:
        assert check_health(channel) == 1
    # Half a change keeps what there was.
    (tmp_path / 'own/gui-vm/key.pem').write_text('nonsense')
    d.said.clear()
    d.process.send_signal(signal.SIGHUP)
    d.wait_until_said('READY=1')
    assert 'Certificates cannot be used, the old ones stay in use' in d.text()
    with client_channel(tmp_path / 'new', 'admin-vm', d.port) as channel:
        assert check_health(channel) == 1


def test_watched_certificates(config, daemon, tmp_path):
    """Nobody asks for a reload: what cannot be used is told once, what can is used."""
    own = tmp_path / 'own/gui-vm'
    make_certs(tmp_path / 'own', {'gui-vm': ['127.0.0.1'], 'admin-vm': ['127.0.0.1']})
    d = daemon(config(unused_port(), unused_port(), own))
    d.wait_until_said('READY=1')

    def replace(data):
        (tmp_path / 'new').write_bytes(data)
        os.replace(tmp_path / 'new', own / 'ca-cert.pem')

    def wait_for_log(what):
        end = time.monotonic() + WAIT
        while what not in d.text():
            assert time.monotonic() < end, f'"{what}" was not said, but: {d.text()}'
            time.sleep(0.01)

    good = (own / 'ca-cert.pem').read_bytes()
    replace(b'nonsense')
    wait_for_log('Certificates cannot be used, the old ones stay in use: ')
    with client_channel(tmp_path / 'own', 'admin-vm', d.port) as channel:
        assert check_health(channel) == 1
    Authority('Another CA').write(tmp_path / 'more')
    replace(good + (tmp_path / 'more/ca-cert.pem').read_bytes())
    wait_for_log('Certificates were read again')
    assert d.text().count('the old ones stay in use') == 1
    with client_channel(tmp_path / 'own', 'admin-vm', d.port) as channel:
        assert check_health(channel) == 1
