# SPDX-License-Identifier: Apache-2.0
"""The wireless networks of an agent: dbusmock's NetworkManager on a bus of our own, beside a manager that has no
units."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

import dbus
import dbus.bus
import grpc
import pytest
from conftest import WAIT
from test_agent import Daemon, configuration, unused_port

import wifimanager_pb2 as wifi
import wifimanager_pb2_grpc

NM, PATH = 'org.freedesktop.NetworkManager', '/org/freedesktop/NetworkManager'
MOCK = 'org.freedesktop.DBus.Mock'
PASSWORD = 'open sesame, 42'
PSK, EAP, SAE, OWE = 0x100, 0x200, 0x400, 0x800
CODE = grpc.StatusCode


class Machine:
    """A bus, what is on it, and an agent that is too."""

    def __init__(self, tmp_path):
        self.processes = []
        self.address = f'unix:path={tmp_path}/bus'
        self.environment = os.environ | {'DBUS_SYSTEM_BUS_ADDRESS': self.address}
        read, write = os.pipe()
        self.spawn('dbus-daemon', '--session', '--nofork', f'--address={self.address}', f'--print-address={write}',
                   pass_fds=[write])
        os.close(write)
        assert os.read(read, 1)
        os.close(read)
        self.bus = dbus.bus.BusConnection(self.address)
        self.bus.set_exit_on_disconnect(False)
        self.spawn(sys.executable, '-m', 'dbusmock', '--system', 'org.freedesktop.systemd1',
                   '/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager')
        self.wait_for_name('org.freedesktop.systemd1')
        manager = dbus.Interface(self.bus.get_object('org.freedesktop.systemd1', '/org/freedesktop/systemd1'), MOCK)
        manager.AddMethod('', 'Subscribe', '', '', '')
        self.start_network_manager()

    def spawn(self, *command, **options):
        self.processes.append(subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL,
                                               stdout=subprocess.DEVNULL, **options))
        return self.processes[-1]

    def wait_for_name(self, name, there=True):
        end = time.monotonic() + WAIT
        while self.bus.name_has_owner(name) != there:
            assert time.monotonic() < end, name
            time.sleep(0.01)

    def start_network_manager(self):
        self.network_manager = self.spawn(sys.executable, '-m', 'dbusmock', '--system', '--template', 'networkmanager')
        self.wait_for_name(NM)
        self.mock = dbus.Interface(self.bus.get_object(NM, PATH, introspect=False), MOCK)
        self.template = dbus.Interface(self.bus.get_object(NM, '/org/freedesktop', introspect=False), MOCK)
        end = time.monotonic() + WAIT
        while True:   # the name is there before the template
            with contextlib.suppress(dbus.exceptions.DBusException):
                self.ask('GetDevices')
                return
            assert time.monotonic() < end
            time.sleep(0.01)

    def ask(self, method, path=PATH, interface=NM):
        return self.bus.get_object(NM, path, introspect=False).get_dbus_method(method, interface)()

    def properties(self, path):
        return dbus.Interface(self.bus.get_object(NM, path, introspect=False), 'org.freedesktop.DBus.Properties')

    def get(self, path, interface, name):
        return self.properties(path).Get(interface, name)

    def add_device(self):
        self.device = self.template.AddWiFiDevice('wlan', 'wlan0', dbus.Int32(30))
        dbus.Interface(self.bus.get_object(NM, self.device, introspect=False), MOCK).AddProperty(
            f'{NM}.Device.Wireless', 'ActiveAccessPoint', dbus.ObjectPath('/'))

    def add_point(self, name, ssid, strength=50, flags=0, wpa=0, rsn=0):
        self.template.AddAccessPoint(self.device, name, ssid if isinstance(ssid, str) else 'x', '00:23:F8:7E:12:BB',
                                     dbus.UInt32(2), dbus.UInt32(2425), dbus.UInt32(5400), dbus.Byte(strength),
                                     dbus.UInt32(0))
        path = f'{PATH}/AccessPoint/{name}'
        properties = {'Flags': dbus.UInt32(flags), 'WpaFlags': dbus.UInt32(wpa), 'RsnFlags': dbus.UInt32(rsn)}
        if isinstance(ssid, bytes):
            properties['Ssid'] = dbus.ByteArray(ssid)
        point = dbus.Interface(self.bus.get_object(NM, path, introspect=False), MOCK)
        point.UpdateProperties(f'{NM}.AccessPoint', dbus.Dictionary(properties, signature='sv'))
        return path

    def activate(self, point):
        self.properties(self.device).Set(f'{NM}.Device.Wireless', 'ActiveAccessPoint', dbus.ObjectPath(point))

    def calls(self, method):
        return [args for _, name, args in self.mock.GetCalls() if name == method]

    def activate_slowly(self, before='', after=''):
        """The mock's own way to connect, but it is on its way for as long as the test wants."""
        self.mock.AddMethod(NM, 'AddAndActivateConnection', 'a{sa{sv}}oo', 'oo', before +
                            "ret = self.add_and_activate_connection(self, args[0], args[1], args[2])\n"
                            f"objects[ret[1]].Set('{NM}.Connection.Active', 'State', dbus.UInt32(1))\n" + after)

    def active(self):
        return self.get(PATH, NM, 'ActiveConnections')

    def saved(self):
        return self.get(f'{PATH}/Settings', f'{NM}.Settings', 'Connections')

    def wait_until(self, condition):
        end = time.monotonic() + WAIT
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.01)

    def say(self, state, reason, device_reason=None):
        """How the connection that is on its way goes on."""
        if device_reason is not None:
            device = dbus.Interface(self.bus.get_object(NM, self.device, introspect=False), MOCK)
            device.EmitSignal(f'{NM}.Device', 'StateChanged', 'uuu', dbus.Array(
                [dbus.UInt32(120), dbus.UInt32(60), dbus.UInt32(device_reason)], signature='v'))
        active = dbus.Interface(self.bus.get_object(NM, self.active()[0], introspect=False), MOCK)
        active.EmitSignal(f'{NM}.Connection.Active', 'StateChanged', 'uu', dbus.Array(
            [dbus.UInt32(state), dbus.UInt32(reason)], signature='v'))

    def match_rules(self):
        """Of the agent, at the bus."""
        stats = dbus.Interface(self.bus.get_object('org.freedesktop.DBus', '/org/freedesktop/DBus'),
                               'org.freedesktop.DBus.Debug.Stats')
        return sum(rule.count(NM) for rules in stats.GetAllMatchRules().values() for rule in rules
                   if 'NameOwnerChanged' in rule or 'StateChanged' in rule)

    def close(self):
        self.bus.close()
        for process in reversed(self.processes):
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


@pytest.fixture
def machine(tmp_path):
    m = Machine(tmp_path)
    m.add_device()
    yield m
    m.close()


@pytest.fixture
def agent(machine, tmp_path):
    wireless = {'enable': True, 'certificates': '/etc/wireless/'}
    path = tmp_path / 'config.json'
    path.write_text(json.dumps(configuration(unused_port(), unused_port(), capabilities={'wifi': wireless})))
    d = Daemon(path, tmp_path, DBUS_SYSTEM_BUS_ADDRESS=machine.address, DEBUG='true')
    d.wait_until_said('READY=1')
    with grpc.insecure_channel(f'127.0.0.1:{d.port}') as channel:
        stub = wifimanager_pb2_grpc.WifiServiceStub(channel)
        stub.daemon = d
        yield stub
    text = d.text()
    assert PASSWORD not in text
    assert d.stop()[0] == 0
    d.close()


def listed(agent):
    return {n.SSID: (n.Security, n.Signal, n.Connection)
            for n in agent.ListNetwork(wifi.WifiNetworkRequest(), timeout=WAIT).networks}


@contextlib.contextmanager
def refused(code, text):
    with pytest.raises(grpc.RpcError) as e:
        yield
    assert (e.value.code(), e.value.details()) == (code, text)
    assert PASSWORD not in str(e.value.trailing_metadata())


def connect(agent, ssid, password='', settings='', timeout=WAIT):
    request = wifi.WifiConnectionRequest(SSID=ssid, Password=password, Settings=settings)
    return agent.ConnectNetwork(request, timeout=timeout)


METHODS = {'ListNetwork': wifi.WifiNetworkRequest(), 'GetActiveConnection': wifi.EmptyRequest(),
           'ConnectNetwork': wifi.WifiConnectionRequest(SSID='home', Password=PASSWORD),
           'DisconnectNetwork': wifi.EmptyRequest(), 'TurnOn': wifi.EmptyRequest(), 'TurnOff': wifi.EmptyRequest()}


def test_list(machine, agent):
    assert listed(agent) == {}
    machine.add_point('open', 'open', 1)
    machine.add_point('wep', 'wep', 2, flags=1)
    machine.add_point('wpa', 'wpa', 3, flags=1, wpa=PSK)
    machine.add_point('two', 'two', 4, flags=1, wpa=PSK, rsn=PSK)
    machine.add_point('three', 'three', 100, flags=1, rsn=SAE)
    machine.add_point('eap', 'eap', 6, flags=1, rsn=EAP)
    machine.add_point('owe', 'owe', 7, rsn=OWE)
    machine.activate(machine.add_point('bytes', b'\xff\0\xc3\xa4', 8))
    assert listed(agent) == {
        'open': ('None', 1, False), 'wep': ('WEP', 2, False), 'wpa': ('WPA', 3, False), 'two': ('WPA WPA2', 4, False),
        'three': ('WPA3', 100, False), 'eap': ('WPA2 802.1X', 6, False), 'owe': ('OWE', 7, False),
        '??ä': ('None', 8, True)}


def test_active_connection(machine, agent):
    assert agent.GetActiveConnection(wifi.EmptyRequest(), timeout=WAIT) == wifi.AccessPoint()
    machine.activate(machine.add_point('home', 'home', 70, flags=1, rsn=PSK))
    assert agent.GetActiveConnection(wifi.EmptyRequest(), timeout=WAIT) == wifi.AccessPoint(
        Connection=True, SSID='home', Signal=70, Security='WPA2')


def test_connect(machine, agent):
    machine.add_point('far', 'home', 20, flags=1, rsn=PSK)
    near = machine.add_point('near', 'home', 80, flags=1, rsn=SAE)
    assert connect(agent, 'home', PASSWORD).Response == 'Connected to home successfully'
    (settings, device, point), = machine.calls('AddAndActivateConnection')
    assert (device, point) == (machine.device, near)
    assert settings == {
        'connection': {'id': 'home', 'type': '802-11-wireless', 'autoconnect': True},
        '802-11-wireless': {'ssid': list(b'home'), 'mode': 'infrastructure', 'security': '802-11-wireless-security'},
        '802-11-wireless-security': {'key-mgmt': 'sae', 'psk': PASSWORD}}
    assert len(machine.saved()) == 1 and machine.match_rules() == 0
    machine.add_point('cafe', 'cafe')
    connect(agent, 'cafe')
    assert set(machine.calls('AddAndActivateConnection')[1][0]) == {'connection', '802-11-wireless'}


def test_connect_to_an_enterprise(machine, agent):
    machine.add_point('work', 'work', flags=1, rsn=EAP)
    more = {'802-1x': {'eap': ['peap', 'ttls'], 'identity': 'me', 'ca-cert': 'file:///etc/wireless/ca.pem',
                       'password-flags': 0, 'system-ca-certs': True},
            'connection': {'id': 'mine', 'autoconnect-priority': -5}}
    connect(agent, 'work', PASSWORD, json.dumps(more))
    (settings, _, _), = machine.calls('AddAndActivateConnection')
    assert settings['connection'] == {'id': 'work', 'type': '802-11-wireless', 'autoconnect': True,
                                      'autoconnect-priority': -5}
    assert settings['802-1x'] == {'eap': ['peap', 'ttls'], 'identity': 'me',
                                  'ca-cert': list(b'file:///etc/wireless/ca.pem\0'), 'password-flags': 0,
                                  'system-ca-certs': True, 'password': PASSWORD}
    assert settings['802-11-wireless-security'] == {'key-mgmt': 'wpa-eap'}


@pytest.mark.parametrize('section, key, value', [
    ('802-1x', 'ca-cert', 'file:///etc/shadow'), ('802-1x', 'client-cert', 'file:///etc/wireless/../shadow'),
    ('802-1x', 'private-key', 'file:///etc/wireless/..'), ('802-1x', 'private-key', 'file:///etc/wireless/'),
    ('802-1x', 'ca-cert', 'file:///etc/wireless'), ('802-1x', 'ca-cert', 'file://etc/wireless/ca.pem'),
    ('802-1x', 'ca-cert', 'file:///etc/wireless/sub/ca.pem'), ('802-1x', 'ca-cert', 'file:///etc/wirelessly/ca.pem'),
    ('802-1x', 'private-key', 'pkcs11:token=x?module-path=/tmp/x.so'), ('802-1x', 'private-key', 'PKCS11:x'),
    ('802-1x', 'phase2-ca-cert', 'file:/etc/wireless/ca.pem'), ('802-1x', 'pac-file', '/etc/shadow'),
    ('802-1x', 'ca-path', '/etc/wireless'), ('802-1x', 'phase2-ca-path', '/'),
    ('802-1x', 'identity', 'file:///etc/wireless/ca.pem'), ('proxy', 'pac-url', 'file:///etc/shadow'),
    ('802-1x', 'altsubject-matches', ['a', 'file:///x']),
])
def test_files_of_a_callers_choice(machine, agent, section, key, value):
    machine.add_point('work', 'work', flags=1, rsn=EAP)
    with refused(CODE.PERMISSION_DENIED, f"Setting '{section}.{key}' names something to be opened: callers may name "
                 'certificates and keys, as file://DIRECTORY/NAME, in the directory of '
                 'capabilities.wifi.certificates.'):
        connect(agent, 'work', PASSWORD, json.dumps({section: {key: value}}))
    assert machine.calls('AddAndActivateConnection') == []


def test_passwords_that_look_like_files(machine, agent):
    machine.add_point('home', 'home', flags=1, rsn=PSK)
    connect(agent, 'home', 'file:///my/secret')
    (settings, _, _), = machine.calls('AddAndActivateConnection')
    assert settings['802-11-wireless-security']['psk'] == 'file:///my/secret'


@pytest.mark.parametrize('ssid, password, settings, code, text', [
    ('', '', '', CODE.INVALID_ARGUMENT, 'No network is named.'),
    ('none', '', '', CODE.NOT_FOUND, "No network 'none' is seen."),
    ('home', '', '', CODE.INVALID_ARGUMENT, "Network 'home' needs a password."),
    ('work', PASSWORD, '[]', CODE.INVALID_ARGUMENT, 'The settings are no JSON object.'),
    ('work', PASSWORD, '{"802-1x": {"x": 1.5}}', CODE.INVALID_ARGUMENT,
     "Setting '802-1x.x' is no string, list of strings, boolean or 32-bit integer."),
])
def test_connect_refusals(machine, agent, ssid, password, settings, code, text):
    machine.add_point('home', 'home', flags=1, rsn=PSK)
    machine.add_point('work', 'work', flags=1, rsn=EAP)
    with refused(code, text):
        connect(agent, ssid, password, settings)
    assert machine.calls('AddAndActivateConnection') == []


@pytest.mark.parametrize('state, reason, device_reason, text', [
    (4, 3, 7, 'the password is missing or wrong'), (4, 3, 53, 'the network is not seen any more'),
    (3, 2, None, 'somebody has disconnected it'), (4, 0, None, 'NetworkManager does not say why'),
])
def test_failure_has_a_reason(machine, agent, state, reason, device_reason, text):
    machine.add_point('home', 'home', flags=1, rsn=PSK)
    machine.activate_slowly()
    request = wifi.WifiConnectionRequest(SSID='home', Password=PASSWORD)
    answer = agent.ConnectNetwork.future(request, timeout=WAIT)
    machine.wait_until(machine.active)
    machine.say(1, 1)
    machine.say(state, reason, device_reason)
    with refused(CODE.FAILED_PRECONDITION, f"Cannot connect to 'home': {text}."):
        answer.result()
    machine.wait_until(lambda: not machine.saved())
    assert machine.match_rules() == 0


def test_connect_takes_its_time(machine, agent):
    machine.add_point('home', 'home', flags=1, rsn=PSK)
    machine.activate_slowly()
    answer = agent.ConnectNetwork.future(METHODS['ConnectNetwork'], timeout=WAIT)
    machine.wait_until(machine.active)
    machine.say(1, 1)
    assert not answer.done()
    machine.say(2, 1)
    assert answer.result().Response == 'Connected to home successfully'
    assert len(machine.saved()) == 1


def test_what_network_manager_says_has_no_password(machine, agent):
    machine.add_point('home', 'home', flags=1, rsn=PSK)
    for message, shown in ((f"{PASSWORD} is bad", None), ('psk: property is invalid', 'psk: property is invalid')):
        machine.mock.AddMethod(NM, 'AddAndActivateConnection', 'a{sa{sv}}oo', 'oo',
                               f'raise dbus.exceptions.DBusException("{message}", '
                               f'name="{NM}.Settings.Connection.InvalidProperty")')
        with pytest.raises(grpc.RpcError) as e:
            connect(agent, 'home', PASSWORD)
        assert e.value.code() == CODE.INVALID_ARGUMENT
        assert e.value.details() == "Cannot connect to 'home': NetworkManager does not take it."
        metadata = str(e.value.trailing_metadata())
        assert PASSWORD not in metadata and (shown is None or shown in metadata)


def test_disconnect(machine, agent):
    with refused(CODE.FAILED_PRECONDITION, 'No network is connected.'):
        agent.DisconnectNetwork(wifi.EmptyRequest(), timeout=WAIT)
    machine.activate(machine.add_point('home', 'home'))
    device = dbus.Interface(machine.bus.get_object(NM, machine.device, introspect=False), MOCK)
    device.AddMethod(f'{NM}.Device', 'Disconnect', '', '', '')
    assert agent.DisconnectNetwork(wifi.EmptyRequest(), timeout=WAIT).Response == 'wlan0 disconnected successfully'
    assert [name for _, name, _ in device.GetCalls()].count('Disconnect') == 1


def test_radio(machine, agent):
    for method, text, on in (('TurnOff', 'Wireless disabled successfully', False),
                             ('TurnOn', 'Wireless enabled successfully', True)):
        assert getattr(agent, method)(wifi.EmptyRequest(), timeout=WAIT).Response == text
        assert machine.get(PATH, NM, 'WirelessEnabled') == on


def test_no_radio(machine, agent):
    machine.network_manager.kill()
    machine.wait_for_name(NM, False)
    machine.start_network_manager()
    with refused(CODE.FAILED_PRECONDITION,
                 'Cannot list networks: this machine has no wireless device that NetworkManager manages.'):
        agent.ListNetwork(wifi.WifiNetworkRequest(), timeout=WAIT)


@pytest.mark.parametrize('method', METHODS)
def test_away(machine, agent, method):
    machine.network_manager.kill()
    machine.wait_for_name(NM, False)
    begin = time.monotonic()
    with pytest.raises(grpc.RpcError) as e:
        getattr(agent, method)(METHODS[method], timeout=WAIT)
    assert e.value.code() == CODE.UNAVAILABLE and e.value.details().endswith(': NetworkManager cannot be reached.')
    assert time.monotonic() - begin < 5


def test_goes_away_meanwhile(machine, agent):
    machine.add_point('home', 'home', flags=1, rsn=PSK)
    machine.activate_slowly()
    answer = agent.ConnectNetwork.future(METHODS['ConnectNetwork'], timeout=WAIT)
    machine.wait_until(machine.active)
    machine.network_manager.kill()
    with refused(CODE.UNAVAILABLE, "Cannot connect to 'home': NetworkManager went away meanwhile."):
        answer.result()


def test_stuck(machine, agent):
    machine.network_manager.send_signal(signal.SIGSTOP)
    with refused(CODE.DEADLINE_EXCEEDED, 'Cannot list networks: NetworkManager has not done it in time.'):
        agent.ListNetwork(wifi.WifiNetworkRequest(), timeout=WAIT)


@pytest.mark.parametrize('method', METHODS)
def test_leaving(machine, agent, method):
    machine.add_point('home', 'home', flags=1, rsn=PSK)
    machine.network_manager.send_signal(signal.SIGSTOP)
    with pytest.raises(grpc.RpcError) as e:
        getattr(agent, method)(METHODS[method], timeout=0.3)
    assert e.value.code() == CODE.DEADLINE_EXCEEDED
    machine.network_manager.send_signal(signal.SIGCONT)
    assert 'home' in listed(agent)
    assert (machine.saved(), machine.match_rules()) == ([], 0)


def test_leaving_while_it_connects(machine, agent):
    machine.add_point('home', 'home', flags=1, rsn=PSK)
    machine.activate_slowly()
    answer = agent.ConnectNetwork.future(METHODS['ConnectNetwork'])
    machine.wait_until(machine.active)
    answer.cancel()
    machine.wait_until(lambda: not machine.saved() and not machine.active())
    assert machine.match_rules() == 0


def test_leaving_while_it_is_asked_for(machine, agent, tmp_path):
    """What to take back is known by an answer that comes when the caller has left."""
    os.mkfifo(tmp_path / 'gate')
    machine.add_point('home', 'home', flags=1, rsn=PSK)
    machine.activate_slowly(f"open('{tmp_path}/gate').close()\n", f"open('{tmp_path}/made', 'w').close()\n")
    answer = agent.ConnectNetwork.future(METHODS['ConnectNetwork'])
    gate = []
    opener = threading.Thread(target=lambda: gate.append(open(tmp_path / 'gate', 'w', encoding='utf-8')))
    opener.start()
    opener.join(WAIT)
    assert gate
    answer.cancel()
    machine.wait_until(lambda: machine.match_rules() == 0)
    gate[0].close()
    machine.wait_until((tmp_path / 'made').exists)
    machine.wait_until(lambda: not machine.saved() and not machine.active())


def test_leaving_when_it_is_up(machine, agent):
    machine.add_point('home', 'home', flags=1, rsn=PSK)
    answer = agent.ConnectNetwork.future(METHODS['ConnectNetwork'], timeout=WAIT)
    answer.result()
    answer.cancel()
    assert 'home' in listed(agent) and len(machine.saved()) == 1
