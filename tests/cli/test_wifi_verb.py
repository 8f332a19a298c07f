# SPDX-License-Identifier: Apache-2.0
"""givcctl wifi: what it asks the admin, what it shows, and where passwords come from."""

import json
import os
import pty
import select
import subprocess
import termios
import threading
from concurrent import futures

import grpc
import pytest
from admin import when_left
from conftest import WAIT, Client, environment

import wifimanager_pb2 as wifi
import wifimanager_pb2_grpc

PASSWORD = 'open sesame'


class Wifi(wifimanager_pb2_grpc.WifiServiceServicer):
    def __init__(self):
        self.requests, self.left, self.asked = [], threading.Event(), threading.Event()
        self.active = wifi.AccessPoint(Connection=True, SSID='home', Signal=70, Security='WPA2')
        self.points = [wifi.AccessPoint(SSID='cafe', Signal=30, Security='None'),
                       wifi.AccessPoint(SSID='home', Signal=90, Security='WPA2'), self.active,
                       wifi.AccessPoint(SSID='\033[2J' + 'x' * 28, Signal=100, Security='WPA2 WPA3 802.1X'),
                       wifi.AccessPoint(Signal=5, Security='WEP')]

    def ListNetwork(self, request, context):
        self.requests.append(('ListNetwork', request.VmName))
        return wifi.WifiNetworkResponse(networks=self.points)

    def GetActiveConnection(self, request, context):
        self.requests.append(('GetActiveConnection', request.VmName))
        return self.active

    def ConnectNetwork(self, request, context):
        self.requests.append(('ConnectNetwork', request.VmName, request.SSID, request.Password))
        self.asked.set()
        if request.SSID == 'none':
            context.abort(grpc.StatusCode.NOT_FOUND, "No network 'none' is seen.")
        if request.Password == 'slow':
            when_left(context, self.left.set)
            self.left.wait(WAIT)
        return wifi.WifiConnectionResponse(Response=f'Connected to {request.SSID} successfully')

    def change(self, name, request):
        self.requests.append((name, request.VmName))
        return wifi.WifiConnectionResponse(Response=name)

    def DisconnectNetwork(self, request, context):
        return self.change('DisconnectNetwork', request)

    def TurnOn(self, request, context):
        return self.change('TurnOn', request)

    def TurnOff(self, request, context):
        return self.change('TurnOff', request)


@pytest.fixture
def remote(tmp_path):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    service = Wifi()
    wifimanager_pb2_grpc.add_WifiServiceServicer_to_server(service, server)
    server.add_insecure_port(f'unix:{tmp_path}/wifi.sock')
    server.start()
    ctl = Client(f'--admin=unix:{tmp_path}/wifi.sock')
    ctl.service = service
    yield ctl
    service.left.set()
    server.stop(0).wait()


def run(remote, *words, text=''):
    return subprocess.run(remote.command('wifi', *words), env=environment(COLUMNS='80'), input=text,
                          capture_output=True, text=True, timeout=WAIT, check=False)


def test_list(remote):
    done = run(remote, 'list')
    assert (done.returncode, done.stderr) == (0, '')
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == ['NETWORK', 'IN', 'USE', 'SIGNAL', 'SECURITY']
    assert rows[1] == ['home', 'yes', '70', '%', 'WPA2']
    assert rows[2][1:] == ['100', '%', 'WPA2', 'WPA3', '802.1X'] and '\033' not in done.stdout
    assert rows[3:] == [['cafe', '30', '%', 'None'], ['(hidden)', '5', '%', 'WEP']]
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert not run(remote, '--no-legend', 'list').stdout.startswith('NETWORK')
    shown = json.loads(run(remote, '--json=short', '--vm=radio-vm', 'list').stdout)
    assert len(shown['networks']) == 5 and remote.service.requests[-1] == ('ListNetwork', 'radio-vm')


def test_status(remote):
    done = run(remote, 'status')
    assert (done.returncode, done.stdout) == (0, 'Network: home\nSignal: 70 %\nSecurity: WPA2\n')
    remote.service.active = wifi.AccessPoint()
    done = run(remote, 'status')
    assert (done.returncode, done.stdout) == (3, 'No network is connected.\n')
    assert run(remote, '-j', 'status').returncode == 3


@pytest.mark.parametrize('word, method', [('disconnect', 'DisconnectNetwork'), ('on', 'TurnOn'), ('off', 'TurnOff')])
def test_changes(remote, word, method):
    done = run(remote, word)
    assert (done.returncode, done.stdout) == (0, f'{method}\n')
    assert remote.service.requests == [(method, '')]
    assert json.loads(run(remote, word, '--json=short').stdout) == {'Response': method}


def test_password_from_a_pipe(remote):
    done = run(remote, 'connect', 'home', text=f'{PASSWORD}\nmore\n')
    assert (done.returncode, done.stdout, done.stderr) == (0, 'Connected to home successfully\n', '')
    assert remote.service.requests[-1] == ('ConnectNetwork', '', 'home', PASSWORD)
    assert run(remote, 'connect', 'home', text=PASSWORD).returncode == 0
    assert remote.service.requests[-1][3] == PASSWORD


def test_no_password_for_an_open_network(remote):
    assert run(remote, 'connect', 'cafe', text=f'{PASSWORD}\n').returncode == 0
    assert remote.service.requests[-1] == ('ConnectNetwork', '', 'cafe', '')


def test_password_on_a_terminal(remote):
    fd, inner = pty.openpty()
    before = termios.tcgetattr(inner)
    process = subprocess.Popen(remote.command('wifi', 'connect', 'home'), env=environment(), stdin=inner, stdout=inner,
                               stderr=inner)
    text = b''

    def until(word):
        nonlocal text
        while word not in text:
            assert select.select([fd], [], [], WAIT)[0], text
            text += os.read(fd, 4096)
    until(b"Password for 'home': ")
    os.write(fd, f'{PASSWORD}\n'.encode())
    until(b'Connected to home successfully')
    assert process.wait(WAIT) == 0
    assert PASSWORD.encode() not in text
    assert termios.tcgetattr(inner) == before
    assert remote.service.requests[-1][3] == PASSWORD
    os.close(fd)
    os.close(inner)


def test_refused(remote):
    done = run(remote, 'connect', 'none')
    assert (done.returncode, done.stdout) == (4, '')
    assert done.stderr.startswith("Failed to connect to 'none': No network 'none' is seen (NotFound).")
    done = run(remote, 'connect', 'home', text='x' * 600)
    assert done.returncode == 1 and 'x' * 600 not in done.stderr


def test_who_leaves_is_seen_to_leave(remote):
    process = subprocess.Popen(remote.command('wifi', 'connect', 'home'), env=environment(), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(b'slow\n')
    process.stdin.flush()
    assert remote.service.asked.wait(WAIT)
    process.terminate()
    process.communicate(timeout=WAIT)
    assert remote.service.left.wait(WAIT)


@pytest.mark.parametrize('words, says', [
    ((), 'needs more'), (('lsit',), "'lsit' is none of list, status, connect, disconnect, on and off."),
    (('connect',), "'wifi connect' needs more: wifi connect SSID"), (('on', 'x'), "'x' is too much: wifi on"),
    (('connect', 'a', 'b'), 'is too much'),
])
def test_usage(remote, words, says):
    done = run(remote, *words)
    assert done.returncode == 2 and says in done.stderr
    assert remote.service.requests == []
