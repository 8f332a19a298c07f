# SPDX-License-Identifier: Apache-2.0
"""Sockets from one VM to another: a D-Bus that xdg-dbus-proxy filters, with who may use it; much, many and long
connections; and every part of the way going away and coming back."""

import hashlib
import os
import subprocess

import grpc
import pytest
from givcfleet.paths import TREE
from lab import TOOL, wait_until

pytestmark = pytest.mark.reference("issue 4: socket proxy")

MIB = 1 << 20
MUCH = int(os.environ.get("GIVC_MUCH") == "1") * 1024 * MIB or 256 * MIB
MANY = 256
PROXY_PORT, ECHO_PORT = 9010, 9011
BUS, ECHO = "/tmp/dbusproxy_net.sock", "/tmp/echo.sock"
FAR_BUS, FAR_ECHO = "/tmp/.dbusproxy_net.sock", "/run/far-echo.sock"
DROP_IN = (TREE / "units/examples/50-socket-proxy.conf").read_text(encoding="utf-8")
# What the filter lets through: one name to talk to, and one call of another.
FILTER = ("--filter --talk=org.freedesktop.login1 "
          "--call=org.freedesktop.systemd1=org.freedesktop.DBus.Properties.Get@/org/freedesktop/systemd1")
LETS_IN = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=exec\nGroup=users\nUMask=0007\n"
BUS_PROXY = (f"{LETS_IN}User=ghaf\nRestart=always\n"
             f"ExecStart=xdg-dbus-proxy unix:path=/run/dbus/system_bus_socket {FAR_BUS} {FILTER}\n"
             "[Install]\nWantedBy=multi-user.target\n")
ECHO_PROGRAM = f"""
import os, socket, socketserver
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(1 << 16):
            self.request.sendall(data)
class Server(socketserver.ThreadingUnixStreamServer):
    request_queue_size, daemon_threads = 64, True
if os.path.exists("{FAR_ECHO}"):
    os.unlink("{FAR_ECHO}")
Server("{FAR_ECHO}", Echo).serve_forever()
"""
ECHO_UNIT = f"{LETS_IN}ExecStart=python3 /etc/echo.py\n[Install]\nWantedBy=multi-user.target\n"
# Sends so many bytes, ends its direction, and says the sums of what it sent and what came back.
THROUGH = f"""
import hashlib, random, socket, sys, threading
size, block = int(sys.argv[1]), random.Random(1).randbytes(1 << 20)
s = socket.socket(socket.AF_UNIX)
s.connect("{ECHO}")
sent, came = hashlib.sha256(), hashlib.sha256()
def send():
    for _ in range(size >> 20):
        s.sendall(block)
        sent.update(block)
    s.shutdown(socket.SHUT_WR)
t = threading.Thread(target=send)
t.start()
while data := s.recv(1 << 16):
    came.update(data)
t.join()
print(sent.hexdigest(), came.hexdigest())
"""
# Opens so many, has each echo a word of its own while all are open, and says how many did. Then it keeps them until its
# input ends; with one more argument it says how many ended in order by themselves.
CROWD = f"""
import socket, sys
n = int(sys.argv[1])
crowd = []
for i in range(n):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect("{ECHO}")
    crowd.append(s)
def attempt(step, *arguments):
    try:
        return step(*arguments)
    except OSError:
        return None
words = [b"%08d" % i for i in range(n)]
for s, word in zip(crowd, words):
    attempt(s.sendall, word)
print(sum(attempt(s.recv, 8, socket.MSG_WAITALL) == word for s, word in zip(crowd, words)), flush=True)
if sys.argv[2:]:
    print(sum(s.recv(1) == b"" for s in crowd), flush=True)
else:
    sys.stdin.read()
"""


def transport(name, address, port):
    return {"name": name, "addr": address, "port": str(port), "protocol": "tcp"}


def sockets(server, name, address, *rows):
    return {"capabilities": {"socketProxy": {"enable": True, "sockets": [
        {"server": server, "socket": path, "transport": transport(name, address, port)} for path, port in rows]}}}


TOPOLOGY = {"machines": {
    "admin-vm": {"role": "admin", "address": "192.168.101.10"},
    "ghaf-host": {"role": "host", "address": "192.168.101.2"},
    "gui-vm": {
        "role": "sysvm", "address": "192.168.101.3",
        "agent": sockets(False, "net-vm", "192.168.101.1", (BUS, PROXY_PORT), (ECHO, ECHO_PORT)),
        "files": {"etc/systemd/system/givc-gui-vm.service.d/50-socket-proxy.conf": DROP_IN,
                  "etc/through.py": THROUGH, "etc/crowd.py": CROWD},
    },
    "net-vm": {
        "role": "sysvm", "address": "192.168.101.1",
        "agent": sockets(True, "gui-vm", "192.168.101.3", (FAR_BUS, PROXY_PORT), (FAR_ECHO, ECHO_PORT)),
        "units": {"bus-proxy.service": BUS_PROXY, "echo.service": ECHO_UNIT},
        "files": {"etc/systemd/system/givc-net-vm.service.d/50-socket-proxy.conf": DROP_IN,
                  "etc/echo.py": ECHO_PROGRAM},
    },
    "other-vm": {"address": "192.168.101.7"},
}}


def ask_bus(lab, *words, uid=1000, groups="100"):
    """dbus-send in gui-vm, as a user by his numbers."""
    return lab.exec("gui-vm", "setpriv", f"--reuid={uid}", f"--regid={uid}", f"--groups={groups}", "--", "dbus-send",
                    f"--bus=unix:path={BUS}", "--print-reply", "--reply-timeout=5000", *words, check=False)


def get(name, path, interface, key):
    return (f"--dest={name}", path, "org.freedesktop.DBus.Properties.Get", f"string:{interface}", f"string:{key}")


LOGIN = get("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "IdleHint")
SYSTEMD = get("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "Version")


def through(lab, size):
    done = lab.exec("gui-vm", "python3", "/etc/through.py", str(size), timeout=600, check=False)
    sent, came = done.stdout.split() if done.returncode == 0 else ("", "no way through")
    return sent == came and sent != hashlib.sha256().hexdigest()


def crowd(n, *words):
    return subprocess.Popen([TOOL, "exec", "gui-vm", "--", "python3", "/etc/crowd.py", str(n), *words],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_bus_of_another_machine(lab):
    done = ask_bus(lab, *LOGIN)
    assert done.returncode == 0 and "boolean" in done.stdout, done.stderr
    done = ask_bus(lab, *SYSTEMD)
    assert done.returncode == 0 and "string" in done.stdout, done.stderr


def test_what_the_filter_does_not_let_through(lab):
    done = ask_bus(lab, "--dest=org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                   "org.freedesktop.systemd1.Manager.ListUnits")
    assert done.returncode != 0 and "AccessDenied" in done.stderr
    done = ask_bus(lab, *get("org.freedesktop.timedate1", "/org/freedesktop/timedate1",
                             "org.freedesktop.timedate1", "Timezone"))
    assert done.returncode != 0 and "org.freedesktop.DBus.Error" in done.stderr


@pytest.mark.parametrize("uid, groups", [(0, "0"), (4269, "100"), (42, "42")])
def test_other_users(lab, uid, groups):
    """The bus believes that who calls is who the filter runs as, and nobody else; some cannot even open the socket."""
    assert ask_bus(lab, *LOGIN, uid=uid, groups=groups).returncode != 0


def test_who_the_socket_belongs_to(lab):
    assert lab.exec("gui-vm", "stat", "-c", "%a %U %G", BUS).stdout.split() == ["770", "root", "users"]


def test_two_at_once(lab):
    words = [TOOL, "exec", "gui-vm", "--", "setpriv", "--reuid=1000", "--regid=1000", "--groups=100", "--", "dbus-send",
             f"--bus=unix:path={BUS}", "--print-reply", *LOGIN]
    both = [subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) for _ in range(2)]
    assert all(b"boolean" in p.communicate(timeout=30)[0] for p in both)


def test_much(lab):
    assert through(lab, MUCH)


def test_many_at_once(lab):
    with crowd(MANY) as p:
        assert p.stdout.readline().strip() == str(MANY), p.stderr.read()
        one_more = lab.exec("gui-vm", "python3", "/etc/crowd.py", "1", check=False)
        assert one_more.stdout.split()[:1] == ["0"]
        p.communicate("", timeout=30)
    wait_until(lambda: through(lab, MIB), what="room again")


def open_files(lab):
    return [int(lab.exec(m, "sh", "-c", f"ls /proc/{lab.pid(m)}/fd | wc -l").stdout) for m in ("gui-vm", "net-vm")]


def test_nothing_is_left_of_a_thousand(lab):
    def have_and_drop(n):
        with crowd(n) as p:
            assert p.stdout.readline().strip() == str(n)
            p.communicate("", timeout=30)
    have_and_drop(MANY)                         # connections to the peer stay
    wait_until(lambda: through(lab, MIB))
    before = open_files(lab)
    for _ in range(1000 // MANY + 1):
        wait_until(lambda: max(map(int.__sub__, open_files(lab), before)) <= 0, what="all closed")
        have_and_drop(MANY)
    wait_until(lambda: max(map(int.__sub__, open_files(lab), before)) <= 0, what="all closed")


@pytest.mark.parametrize("machine", ["gui-vm", "net-vm"])
def test_an_agent_dies(lab, machine):
    with crowd(20, "ends") as p:
        assert p.stdout.readline().strip() == "20"
        lab.exec(machine, "kill", "-9", str(lab.pid(machine)))
        assert p.communicate("", timeout=30)[0].strip() == "20"
    lab.wait_until_registered()
    wait_until(lambda: lab.exec("gui-vm", "test", "-S", ECHO, check=False).returncode == 0)
    wait_until(lambda: lab.exec("gui-vm", "python3", "/etc/through.py", str(MIB), check=False).returncode == 0)
    assert through(lab, MIB)


def test_the_served_socket_comes_and_goes(lab):
    with crowd(5, "ends") as p:
        assert p.stdout.readline().strip() == "5"
        lab.exec("net-vm", "systemctl", "stop", "echo.service")
        assert p.communicate("", timeout=30)[0].strip() == "5"
    waiting = crowd(3)
    lab.exec("net-vm", "rm", "-f", FAR_ECHO)
    lab.exec("net-vm", "systemctl", "start", "echo.service")
    with waiting as p:
        assert p.stdout.readline().strip() == "3"
        p.communicate("", timeout=30)
    lab.exec("net-vm", "systemctl", "restart", "bus-proxy.service")
    assert wait_until(lambda: ask_bus(lab, *LOGIN).returncode == 0)


def test_a_socket_that_is_removed_is_made_again(lab):
    with crowd(5, "ends") as p:
        assert p.stdout.readline().strip() == "5"
        before = lab.exec("gui-vm", "stat", "-c", "%i", ECHO).stdout
        lab.exec("gui-vm", "rm", ECHO)
        wait_until(lambda: lab.exec("gui-vm", "test", "-S", ECHO, check=False).returncode == 0, what=ECHO)
        assert lab.exec("gui-vm", "stat", "-c", "%i", ECHO).stdout != before
        assert lab.exec("gui-vm", "stat", "-c", "%a %U %G", ECHO).stdout.split() == ["770", "root", "users"]
        assert through(lab, MIB)
        assert p.poll() is None, "a connection that was there before stays"
        lab.exec("net-vm", "systemctl", "restart", "echo.service")
        assert p.communicate("", timeout=30)[0].strip() == "5"
    wait_until(lambda: lab.exec("gui-vm", "python3", "/etc/through.py", str(MIB), check=False).returncode == 0)


def test_the_agent_needs_no_socket_to_start(lab):
    lab.exec("net-vm", "systemctl", "stop", "echo.service", "bus-proxy.service")
    lab.exec("net-vm", "rm", "-f", FAR_ECHO, FAR_BUS)
    lab.exec("net-vm", "systemctl", "restart", lab.daemon("net-vm"))
    lab.wait_until_registered()
    lab.exec("net-vm", "systemctl", "start", "echo.service", "bus-proxy.service")
    assert through(lab, MIB)
    assert wait_until(lambda: ask_bus(lab, *LOGIN).returncode == 0)


def test_the_service_manager_listens(lab):
    """The agent's connections end with it; the socket stays, and who comes meanwhile is served when it is back."""
    unit = f"[Socket]\nListenStream={ECHO}\nSocketGroup=users\nSocketMode=0770\nService={lab.daemon('gui-vm')}\n"
    lab.exec("gui-vm", "sh", "-c", "cat > /etc/systemd/system/echo-here.socket", input=unit, stdin=None)
    lab.exec("gui-vm", "systemctl", "stop", "givc-gui-vm.socket", "givc-gui-vm.service")
    lab.exec("gui-vm", "rm", "-f", ECHO)
    lab.exec("gui-vm", "systemctl", "daemon-reload")
    lab.exec("gui-vm", "systemctl", "start", "echo-here.socket")
    assert through(lab, MIB)
    lab.wait_until_registered()
    lab.exec("gui-vm", "systemctl", "stop", "echo-here.socket", "givc-gui-vm.socket", "givc-gui-vm.service")
    lab.exec("gui-vm", "rm", "-f", "/etc/systemd/system/echo-here.socket", ECHO)
    lab.exec("gui-vm", "systemctl", "daemon-reload")
    lab.exec("gui-vm", "systemctl", "start", lab.daemon("gui-vm"))
    lab.wait_until_registered()


@pytest.mark.parametrize("machine", ["other-vm", "admin-vm", "net-vm"])
def test_an_attack_from_a_machine_that_is_not_the_peer(lab, machine):
    """Whoever else has a certificate: nothing of the socket, and the journal says who."""
    frame = lab.api.message("socketproxy.StreamFrame")(Chunk=b"stolen")
    cursor = lab.cursor("net-vm")
    with lab.channel(machine, target="net-vm", port=ECHO_PORT) as channel:
        transfer = lab.api.bind(channel, "socketproxy.SocketStream", "TransferData")
        with pytest.raises(grpc.RpcError) as e:
            next(iter(transfer(iter([frame]), timeout=15)))
    assert e.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert "answers 'gui-vm' only" in e.value.details()
    refused = f"Refused {machine} ("
    wait_until(lambda: [m for m in lab.messages("net-vm", lab.daemon("net-vm"), cursor)
                        if m["MESSAGE"].startswith(refused) and m["GIVC_PEER"] == machine
                        and m["GIVC_METHOD"] == "socketproxy.SocketStream/TransferData"], what="a word about it")


def test_the_port_of_the_agent_serves_no_sockets(lab):
    frame = lab.api.message("socketproxy.StreamFrame")(Chunk=b"stolen")
    with lab.channel("admin-vm", target="net-vm", port=9000) as channel:
        transfer = lab.api.bind(channel, "socketproxy.SocketStream", "TransferData")
        with pytest.raises(grpc.RpcError) as e:
            next(iter(transfer(iter([frame]), timeout=15)))
    assert e.value.code() == grpc.StatusCode.UNIMPLEMENTED
