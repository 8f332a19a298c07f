# SPDX-License-Identifier: Apache-2.0
"""givc-admin as a program: its options, how it lives with the service manager (passed sockets, READY, STATUS, the store
of descriptors, reload, stop), and who may do what over mutual TLS. Agents are Python's."""

import concurrent.futures
import contextlib
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

import admin_pb2
import health_pb2
import reflection_pb2
import systemd_pb2

ADMIN = str(BUILD / 'givc-admin')
MACHINES = {'admin-vm': ['127.0.0.1'], 'ghaf-host': ['127.0.0.1'], 'app-vm': ['127.0.0.1'], 'gui-vm': ['127.0.0.1'],
            'bad-vm': ['192.0.2.1']}


def run(*words, **variables):
    return subprocess.run([ADMIN, *words], env=environment(**variables), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=WAIT, check=False)


@pytest.fixture(scope='module')
def machines(tmp_path_factory):
    directory = tmp_path_factory.mktemp('certs')
    make_certs(str(directory), MACHINES)
    return directory


def wait_until(condition, what='it'):
    end = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < end, f'{what} does not happen'
        time.sleep(0.01)


class Daemon(Managed):
    """An admin with its network socket and perhaps what it stored before."""

    def __init__(self, tmp_path, *words, certificates=None, stored=None, local=None, prefix=()):
        super().__init__(tmp_path)
        fds, variables = {'grpc': self.listener.fileno()} | (stored or {}), {}
        if local:
            fds['local'] = local.fileno()
        else:
            words += ('--local-socket', str(tmp_path / 'admin.sock'))
        self.local = str(tmp_path / 'admin.sock')
        if certificates:
            variables = {'TLS': 'true', 'CA_CERT': 'ca-cert.pem', 'HOST_CERT': 'cert.pem', 'HOST_KEY': 'key.pem',
                         'CREDENTIALS_DIRECTORY': str(certificates)}
        self.start([ADMIN, '--listen', 'sd-listen:*', *words], fds, prefix, **variables)


@pytest.fixture
def daemon(tmp_path):
    daemons = []

    def start(*words, **more):
        daemons.append(Daemon(tmp_path, *words, **more))
        daemons[-1].wait_until_said('READY=1')
        return daemons[-1]
    yield start
    for d in daemons:
        d.close()


def credentials(machines, name):
    own = machines / name
    return [(own / f).read_bytes() for f in ('ca-cert.pem', 'key.pem', 'cert.pem')]


def channel_of(machines, name, port):
    ca, key, cert = credentials(machines, name)
    return grpc.secure_channel(f'127.0.0.1:{port}', grpc.ssl_channel_credentials(ca, key, cert),
                               [('grpc.ssl_target_name_override', 'admin-vm')])


def call(channel, method, request, response, timeout=WAIT):
    invoke = channel.unary_unary(f'/admin.AdminService/{method}', type(request).SerializeToString, response.FromString)
    return invoke(request, timeout=timeout)


def query(channel):
    answer = call(channel, 'QueryList', admin_pb2.Empty(), admin_pb2.QueryListResponse)
    return {item.Name: item for item in answer.List}


def watch(channel):
    invoke = channel.unary_stream('/admin.AdminService/Watch', admin_pb2.Empty.SerializeToString,
                                  admin_pb2.WatchItem.FromString)
    return invoke(admin_pb2.Empty(), timeout=WAIT)


def start_app(channel, name, vm, timeout=WAIT):
    request = admin_pb2.ApplicationRequest(AppName=name, VmName=vm)
    return call(channel, 'StartApplication', request, admin_pb2.StartResponse, timeout).registryId


def unit(name, active='active', sub='running', freezer='running'):
    return systemd_pb2.UnitStatus(Name=name, Description='A unit', LoadState='loaded', ActiveState=active, SubState=sub,
                                  FreezerState=freezer)


class Agent:
    """An agent as those before ours: it answers and pushes nothing."""

    def __init__(self, machines, name):
        self.name, self.units = f'givc-{name}.service', {}
        self.on_start = {}  # unit: what its start does
        self.vm = name
        self.units[self.name] = unit(self.name)
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        request, answer = systemd_pb2.UnitRequest, systemd_pb2.UnitResponse
        handlers = {name: grpc.unary_unary_rpc_method_handler(function, kind.FromString, answer.SerializeToString)
                    for name, function, kind in (('GetUnitStatus', self.get, request),
                                                 ('StartUnit', self.start_unit, request),
                                                 ('StopUnit', self.stop_unit, request),
                                                 ('StartApplication', self.start, systemd_pb2.AppUnitRequest))}
        self.server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler('systemd.UnitControlService', handlers)])
        if machines:
            ca, key, cert = credentials(machines, name)
            server_credentials = grpc.ssl_server_credentials([(key, cert)], ca, True)
            self.port = self.server.add_secure_port('127.0.0.1:0', server_credentials)
        else:
            self.port = self.server.add_insecure_port('127.0.0.1:0')
        self.server.start()

    def get(self, request, context):
        if request.UnitName not in self.units:
            context.abort(grpc.StatusCode.NOT_FOUND, 'no such unit')
        return systemd_pb2.UnitResponse(UnitStatus=self.units[request.UnitName])

    def start_unit(self, request, context):
        self.on_start.get(request.UnitName, lambda: None)()
        self.units[request.UnitName] = unit(request.UnitName)
        return self.get(request, context)

    def stop_unit(self, request, context):
        stopped = unit(request.UnitName, 'inactive', 'dead')
        if '@' in request.UnitName:
            self.units.pop(request.UnitName, None)
        else:
            self.units[request.UnitName] = stopped
        return systemd_pb2.UnitResponse(UnitStatus=stopped)

    def start(self, request, context):
        self.units[request.UnitName] = unit(request.UnitName)
        return self.get(request, context)

    def register(self, channel, name=None, kind=12, **fields):
        name = name or self.name
        transport = {'Protocol': 'tcp', 'Address': '127.0.0.1', 'Port': str(self.port), 'Name': self.vm}
        transport |= fields.pop('Transport', {})
        parent = f'microvm@{self.vm}.service' if name == self.name else self.name
        fields = {'Name': name, 'Parent': parent, 'Type': kind, 'State': unit(name)} | fields
        request = admin_pb2.RegistryRequest(Transport=admin_pb2.TransportConfig(**transport), **fields)
        return call(channel, 'RegisterService', request, admin_pb2.RegistryResponse)


@contextlib.contextmanager
def agent(machines, name):
    a = Agent(machines, name)
    try:
        yield a
    finally:
        a.server.stop(None).wait()


@contextlib.contextmanager
def host_of(machines, port, *vms):
    """The host's agent, registered, with these VMs, which are off."""
    with agent(machines, 'ghaf-host') as host, channel_of(machines, 'ghaf-host', port) as channel:
        host.register(channel, kind=0, Parent='')
        for name in (f'microvm@{vm}.service' for vm in vms):
            host.units[name] = unit(name, 'inactive', 'dead')
            host.register(channel, name, 11, State=host.units[name])
        yield host


def start_vm(channel, vm):
    return call(channel, 'StartVM', admin_pb2.StartVMRequest(VmName=vm), admin_pb2.StartResponse).registryId


def start_service(channel, name, vm):
    request = admin_pb2.ServiceRequest(ServiceName=name, VmName=vm)
    return call(channel, 'StartService', request, admin_pb2.StartResponse).registryId


def stop_service(channel, name, vm):
    request = admin_pb2.ServiceRequest(ServiceName=name, VmName=vm)
    return call(channel, 'StopService', request, admin_pb2.ApplicationResponse)


def refusal(function, *args, **more):
    with pytest.raises(grpc.RpcError) as e:
        function(*args, **more)
    return e.value.code(), e.value.details()


def test_help_and_version():
    r = run('--help')
    assert r.returncode == 0 and r.stderr == '' and '--listen=ADDRESS' in r.stdout
    r = run('--version')
    assert (r.returncode, r.stdout.split()[0]) == (0, 'givc-admin')


@pytest.mark.parametrize('words, variables, sentence', [
    ((), {}, '--listen: no address is given'),
    (('--listen', 'nowhere'), {}, "givc-admin: --listen: 'nowhere': expected HOST:PORT.\n"),
    (('--nonsense',), {}, '--nonsense: there is no such option'),
    (('--use-tls',), {}, '--ca-cert ($CA_CERT): TLS is on'),
    ((), {'TLS': 'perhaps'}, "$TLS: 'perhaps' is neither true nor false."),
    (('--access-control',), {}, '--access-control: '),
    ((), {'POLICY_ADMIN': 'true'}, '--policy-admin: '),
    (('--use-tls', '--ca-cert=/no.pem', '--host-cert=/no.pem', '--host-key=/no.pem'), {}, '/no.pem'),
    (('--check', '--use-tls', '--ca-cert=/no.pem', '--host-cert=/no.pem', '--host-key=/no.pem'), {}, '/no.pem'),
])
def test_bad_configuration(words, variables, sentence, tmp_path):
    r = run('--local-socket', str(tmp_path / 's'), *words, **variables)
    assert (r.returncode, r.stdout) == (2, '')
    assert sentence in r.stderr
    assert not (tmp_path / 's').exists()


def test_the_first_host_is_the_host_after_a_reboot(daemon, machines, tmp_path):
    options = {'certificates': machines / 'admin-vm', 'prefix': ('env', f'STATE_DIRECTORY={tmp_path}')}
    d = daemon(**options)
    with host_of(machines, d.port):
        pass
    d.stop()
    assert (tmp_path / 'host').read_text() == 'ghaf-host\n'
    d = daemon(**options)
    with agent(machines, 'app-vm') as a, channel_of(machines, 'app-vm', d.port) as channel:
        code, details = refusal(a.register, channel, kind=0, Parent='')
        assert code == grpc.StatusCode.PERMISSION_DENIED and details.endswith('as the host: ghaf-host is.')
        a.register(channel)
    with host_of(machines, d.port):
        pass


def test_check(machines, tmp_path):
    directory = machines / 'admin-vm'
    r = run('--check', '--use-tls', '--ca-cert', f'{directory}/ca-cert.pem', '--host-cert', f'{directory}/cert.pem',
            '--host-key', f'{directory}/key.pem')
    assert r.returncode == 0 and 'fine' in r.stderr and 'TLS is off' not in r.stderr
    r = run('--check')
    assert r.returncode == 0 and 'TLS is off' in r.stderr


def test_address_in_use(tmp_path):
    with socket.create_server(('127.0.0.1', 0)) as s:
        r = run('--listen', f'127.0.0.1:{s.getsockname()[1]}', '--local-socket', str(tmp_path / 's'))
    assert r.returncode == 1
    assert 'Cannot listen on ' in r.stderr and 'Address already in use' in r.stderr


def test_life_without_tls(daemon):
    d = daemon()
    assert 'TLS is off' in d.text()
    d.wait_until_said('STATUS=TLS IS OFF; 0 agents, 0 units, 0 watchers')
    with agent(None, 'app-vm') as a, grpc.insecure_channel(f'127.0.0.1:{d.port}') as channel:
        assert not a.register(channel).HasField('Error')
        d.wait_until_said('STATUS=TLS IS OFF; 1 agent, 0 units, 0 watchers')
        stream = watch(channel)
        assert [i.Name for i in next(stream).Initial.List] == ['givc-app-vm.service']
        d.wait_until_said('STATUS=TLS IS OFF; 1 agent, 0 units, 1 watcher')
        assert start_app(channel, 'foo', 'app-vm') == 'foo@0.service'
        assert next(stream).Added.Name == 'foo@0.service'
        code, seconds = d.stop()
        assert code == 0 and seconds < 1
        assert refusal(next, stream) == (grpc.StatusCode.UNAVAILABLE, 'The admin is stopping.')
    d.wait_until_said('STOPPING=1')


def test_front_door(daemon):
    d = daemon()
    assert oct(os.stat(d.local).st_mode & 0o777) == '0o660'
    with grpc.insecure_channel(f'unix:{d.local}') as channel:
        assert query(channel) == {}


def test_front_door_that_was_passed(daemon, tmp_path):
    path = str(tmp_path / 'admin.sock')
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen()
        before = os.stat(path).st_ino
        daemon('--local-socket', path, local=s)
        with grpc.insecure_channel(f'unix:{path}') as channel:
            assert query(channel) == {}
        assert os.stat(path).st_ino == before


def test_health_and_reflection(daemon):
    d = daemon()
    with grpc.insecure_channel(f'127.0.0.1:{d.port}') as channel:
        check = channel.unary_unary('/grpc.health.v1.Health/Check', health_pb2.HealthCheckRequest.SerializeToString,
                                    health_pb2.HealthCheckResponse.FromString)
        assert check(health_pb2.HealthCheckRequest(service='admin.AdminService'), timeout=WAIT).status == 1
        reflect = channel.stream_stream('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
                                        reflection_pb2.ServerReflectionRequest.SerializeToString,
                                        reflection_pb2.ServerReflectionResponse.FromString)
        answer = next(reflect(iter([reflection_pb2.ServerReflectionRequest(list_services='')]), timeout=WAIT))
        names = {s.name for s in answer.list_services_response.service}
        assert 'admin.AdminService' in names and 'systemd.UnitControlService' not in names


def test_registry_survives(daemon):
    """Also being killed: what an agent of before registered once is still there, and is asked for its state."""
    d = daemon()
    with agent(None, 'app-vm') as a:
        with grpc.insecure_channel(f'127.0.0.1:{d.port}') as channel:
            a.register(channel)
            a.register(channel, 'x.service', 13)
            a.units['x.service'] = unit('x.service')
            assert start_app(channel, 'foo', 'app-vm') == 'foo@0.service'
            assert start_app(channel, 'foo', 'app-vm') == 'foo@1.service'
            before = query(channel)
        d.process.kill()
        d.process.wait()
        del a.units['foo@1.service']
        d.wait_until_said('FDSTORE=1')
        after = daemon(stored={'registry': d.stored['registry']})
        assert 'Kept over the restart: 4 entries' in after.text()
        with grpc.insecure_channel(f'127.0.0.1:{after.port}') as channel:
            del before['foo@1.service']
            wait_until(lambda: query(channel) == before, 'the end of foo@1.service being noticed')
            assert start_app(channel, 'foo', 'app-vm') == 'foo@1.service'


def test_cold_start(daemon, machines):
    d = daemon(certificates=machines / 'admin-vm')
    with (host_of(machines, d.port, 'app-vm') as host, agent(machines, 'app-vm') as a,
          channel_of(machines, 'app-vm', d.port) as own, channel_of(machines, 'gui-vm', d.port) as channel):
        boots = []

        def boot():
            boots.append(1)
            a.register(own)  # before systemd calls the VM's boot done, as agents do
        host.on_start['microvm@app-vm.service'] = boot
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            names = list(pool.map(lambda _: start_app(channel, 'foo', 'app-vm'), range(8)))
        assert sorted(names) == [f'foo@{i}.service' for i in range(8)] and len(boots) == 1
        assert start_vm(channel, 'app-vm') == 'givc-app-vm.service' and len(boots) == 1
        entries = query(channel)
        assert entries['microvm@app-vm.service'].VmStatus == entries['foo@0.service'].VmStatus == 'Running'
    assert d.text().count("Starting VM 'app-vm'") == 1
    assert "VM 'app-vm' is up, and its agent has registered" in d.text()


def test_vm_that_does_not_come_up(daemon, machines):
    d = daemon('--vm-start-timeout', '1', certificates=machines / 'admin-vm')
    with host_of(machines, d.port, 'app-vm') as host, channel_of(machines, 'gui-vm', d.port) as channel:
        booted = threading.Event()
        host.on_start['microvm@app-vm.service'] = lambda: booted.wait(WAIT)
        late = "VM 'app-vm' did not start within 1 s: still "
        assert refusal(start_app, channel, 'foo', 'app-vm') == (grpc.StatusCode.DEADLINE_EXCEEDED, late + 'booting.')
        booted.set()
        assert refusal(start_vm, channel, 'app-vm') == (grpc.StatusCode.DEADLINE_EXCEEDED,
                                                        late + 'waiting for its agent.')
        assert refusal(start_vm, channel, 'foo-vm') == (
            grpc.StatusCode.NOT_FOUND, "There is no VM 'foo-vm': its host has no 'microvm@foo-vm.service'.")
        assert late + 'booting.' in d.text()


def test_services(daemon, machines):
    def becomes(state):
        """An answer to the admin's looking round may be older than the change, until the next one."""
        wait_until(lambda: query(channel)['x.service'].VmStatus == state, state)

    d = daemon(certificates=machines / 'admin-vm')
    with (agent(machines, 'app-vm') as a, channel_of(machines, 'app-vm', d.port) as own,
          channel_of(machines, 'gui-vm', d.port) as channel):
        a.register(own)
        a.units['x.service'] = unit('x.service', 'inactive', 'dead')
        a.register(own, 'x.service', 13, State=a.units['x.service'])
        starts = []
        a.on_start['x.service'] = lambda: starts.append(1)
        becomes('PoweredOff')
        assert start_service(channel, 'x.service', 'app-vm') == 'givc-app-vm.service'
        becomes('Running')
        assert start_service(channel, 'x.service', 'app-vm') == 'givc-app-vm.service' and len(starts) == 1
        answer = stop_service(channel, 'x.service', 'app-vm')
        assert answer.CmdStatus == answer.AppStatus == 'Command successful.'
        becomes('PoweredOff')
        assert refusal(start_service, channel, 'no.service', 'app-vm') == (grpc.StatusCode.NOT_FOUND, 'no such unit')
        assert refusal(start_service, channel, 'x.service', 'net-vm') == (grpc.StatusCode.NOT_FOUND,
                                                                          "VM 'net-vm' is not registered.")


def test_power(daemon, machines):
    def power(channel, method):
        return call(channel, method, admin_pb2.Empty(), admin_pb2.Empty)

    d = daemon(certificates=machines / 'admin-vm')
    with channel_of(machines, 'gui-vm', d.port) as channel:
        assert refusal(power, channel, 'Suspend') == (grpc.StatusCode.UNAVAILABLE, 'No host is registered.')
        assert refusal(power, channel, 'Wakeup')[0] == grpc.StatusCode.UNIMPLEMENTED
        with host_of(machines, d.port) as host, concurrent.futures.ThreadPoolExecutor(1) as pool:
            asleep, awake = threading.Event(), threading.Event()

            def sleep():
                asleep.set()
                awake.wait(WAIT)
            host.on_start['suspend.target'] = sleep
            host.units['x.service'] = unit('x.service', 'inactive', 'dead')
            suspended = pool.submit(power, channel, 'Suspend')
            assert asleep.wait(WAIT)
            assert start_service(channel, 'x.service', 'ghaf-host') == 'givc-ghaf-host.service'
            assert not suspended.done()
            awake.set()
            suspended.result(WAIT)
            for method, target in (('Poweroff', 'poweroff.target'), ('Reboot', 'reboot.target')):
                power(channel, method)
                assert host.units[target].ActiveState == 'active'
    assert 'Asking the host to suspend' in d.text()


def test_certificate_at_another_address(daemon, machines):
    d = daemon(certificates=machines / 'admin-vm')
    with channel_of(machines, 'bad-vm', d.port) as channel:
        code, details = refusal(query, channel)
    assert (code, details) == (grpc.StatusCode.PERMISSION_DENIED, 'IP 127.0.0.1 not in certificate SAN')
    assert ('Refused bad-vm (127.0.0.1), which called admin.AdminService/QueryList: IP 127.0.0.1 not in certificate SAN'
            in d.text())


def test_names_belong_to_certificates(daemon, machines):
    d = daemon(certificates=machines / 'admin-vm')
    with agent(machines, 'app-vm') as a, channel_of(machines, 'app-vm', d.port) as channel:
        a.register(channel)
        with channel_of(machines, 'gui-vm', d.port) as gui:
            cases = [
                (gui, {}), (channel, {'name': 'givc-gui-vm.service'}), (channel, {'Transport': {'Name': 'gui-vm'}}),
                (channel, {'Transport': {'Address': '127.0.0.2'}}), (channel, {'Transport': {'Protocol': 'unix'}}),
                (channel, {'name': 'microvm@gui-vm.service', 'kind': 7}), (channel, {'name': 'x.service', 'kind': 1}),
                (channel, {'Parent': 'microvm@gui-vm.service'}), (channel, {'kind': 4}),
            ]
            before = query(channel)
            for caller, fields in cases:
                assert refusal(a.register, caller, **fields)[0] == grpc.StatusCode.PERMISSION_DENIED, fields
            assert query(channel) == before
        assert len([line for line in d.text().splitlines() if 'may not register' in line]) == len(cases)


def test_one_host(daemon, machines):
    d = daemon(certificates=machines / 'admin-vm')
    with agent(machines, 'ghaf-host') as host, channel_of(machines, 'ghaf-host', d.port) as channel:
        host.register(channel, kind=0, Parent='')
        host.register(channel, 'microvm@app-vm.service', 11)
        with agent(machines, 'app-vm') as a, channel_of(machines, 'app-vm', d.port) as other:
            code, details = refusal(a.register, other, kind=0)
            assert code == grpc.StatusCode.PERMISSION_DENIED
            assert details == ("app-vm (127.0.0.1) may not register 'givc-app-vm.service' as the host: "
                               "givc-ghaf-host.service is.")
        assert query(channel)['microvm@app-vm.service'].VmName == 'app-vm'


def test_host_by_option(daemon, machines):
    d = daemon('--host', 'ghaf-host', certificates=machines / 'admin-vm')
    with agent(machines, 'app-vm') as a, channel_of(machines, 'app-vm', d.port) as channel:
        assert refusal(a.register, channel, kind=0)[0] == grpc.StatusCode.PERMISSION_DENIED


def test_agents_certificate_is_checked(daemon, machines):
    """Who answers at a registered address has to be who registered."""
    d = daemon(certificates=machines / 'admin-vm')
    with agent(machines, 'app-vm') as a, agent(machines, 'gui-vm') as impostor:
        with channel_of(machines, 'app-vm', d.port) as channel:
            a.register(channel, Transport={'Port': str(impostor.port)})
            code, details = refusal(start_app, channel, 'foo', 'app-vm', timeout=10)
            assert code == grpc.StatusCode.UNAVAILABLE, details
            assert 'foo@0.service' not in impostor.units
            a.register(channel)
            assert start_app(channel, 'foo', 'app-vm') == 'foo@0.service'


@pytest.mark.parametrize('prefix', [(), WITHOUT_INOTIFY])
def test_reload(daemon, machines, tmp_path, prefix):
    directory = tmp_path / 'own'
    directory.mkdir()
    for name in ('ca-cert.pem', 'cert.pem', 'key.pem'):
        (directory / name).write_bytes((machines / 'admin-vm' / name).read_bytes())
    d = daemon(certificates=directory, prefix=prefix)
    with channel_of(machines, 'gui-vm', d.port) as channel:
        stream = watch(channel)
        next(stream)
        assert ('Cannot watch the certificates' in d.text()) == bool(prefix)
        (directory / 'cert.pem').write_text('nonsense')
        d.process.send_signal(signal.SIGHUP)
        d.wait_until_said('RELOADING=1')
        wait_until(lambda: 'they stay as they were: ' in d.text(), 'a complaint')
        assert query(channel) == {}
    with channel_of(machines, 'gui-vm', d.port) as channel:
        assert query(channel) == {}


def test_watched_certificates(daemon, machines, tmp_path):
    """Nobody asks for a reload: what cannot be used is told once, and a new list ends the connections it names."""
    ca = Authority.load(machines)
    directory, revocations = tmp_path / 'own', tmp_path / 'crl.pem'
    good = ca.issue('admin-vm', ['127.0.0.1']).write(directory).cert_pem()
    bad = ca.issue('bad-vm', ['127.0.0.1']).write(tmp_path / 'certs/bad-vm')
    ca.write_crl(revocations, [])

    def replace(path, data):
        (tmp_path / 'new').write_bytes(data)
        os.replace(tmp_path / 'new', path)

    d = daemon('--crl', str(revocations), certificates=directory)
    with channel_of(machines, 'gui-vm', d.port) as stays, channel_of(tmp_path / 'certs', 'bad-vm', d.port) as goes:
        streams = watch(stays), watch(goes)
        for stream in streams:
            next(stream)
        replace(directory / 'cert.pem', b'nonsense')
        wait_until(lambda: 'cannot be used, they stay as they were: ' in d.text(), 'a complaint')
        assert query(goes) == {}
        replace(directory / 'cert.pem', good)
        replace(revocations, ca.crl([bad]))
        assert refusal(lambda: list(streams[1]))[0] == grpc.StatusCode.UNAVAILABLE
        assert query(stays) == {}
        assert streams[0].is_active()
        assert refusal(query, goes)[0] == grpc.StatusCode.UNAVAILABLE
    assert d.text().count('stay as they were') == 1
