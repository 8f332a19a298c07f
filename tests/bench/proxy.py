# SPDX-License-Identifier: Apache-2.0
"""A unix socket of another machine: two agents against two socats with TLS, in plain processes that talk over the
loopback. A program at one end sends, or asks; one at the other takes, or answers."""

import contextlib
import itertools
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

import memory
import outside
from figures import KINDS, ROUNDS

sys.path.append(str(outside.ROOT / "tests"))
from certs import make_certs  # noqa: E402

SECONDS = float(os.environ.get("BENCH_SECONDS", "1"))
ANSWER = b"a" * 64
BLOCK = bytes(1 << 16)
WAIT = 20
N_IDLE = 200


def transport(name, port):
    return {"name": name, "addr": "127.0.0.1", "port": str(port), "protocol": "tcp"}


class Ours:
    """Two agents, with an admin that is not there."""

    def __init__(self, folder, near, far):
        port = outside.free_port()
        self.processes = []
        for name, peer, path in (("far", "near", far), ("near", "far", near)):
            config = {
                "identity": {"name": name, "type": 8, "subType": 9},
                "network": {
                    "admin": {"transport": transport("admin", outside.free_port())},
                    "agent": {"transport": transport(name, outside.free_port())},
                    "tls": {"enable": True, "caCertPath": f"{folder}/{name}/ca-cert.pem",
                            "certPath": f"{folder}/{name}/cert.pem", "keyPath": f"{folder}/{name}/key.pem"},
                },
                "capabilities": {"socketProxy": {"enable": True, "sockets": [
                    {"server": name == "far", "socket": path, "transport": transport(peer, port)}]}},
            }
            file = pathlib.Path(folder, f"{name}.json")
            file.write_text(json.dumps(config))
            self.start(outside.BUILD / "givc-agent", "-config", file)

    def start(self, *words):
        environment = os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
        self.processes.append(subprocess.Popen([str(w) for w in words], env=environment, stdin=subprocess.DEVNULL,
                                               stderr=subprocess.DEVNULL))

    def memory(self):
        """KiB of all processes, and of their children."""
        pids = [process.pid for process in self.processes]
        children = (pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split() for pid in pids)
        return memory.of([*pids, *itertools.chain(*children)])

    def stop(self):
        for process in self.processes:
            process.terminate()
            process.wait()


class Socats(Ours):
    def __init__(self, folder, near, far):
        port = outside.free_port()
        self.processes = []

        def files(name):
            return f"cafile={folder}/{name}/ca-cert.pem,cert={folder}/{name}/cert.pem,key={folder}/{name}/key.pem"
        self.start("socat", "-b65536", f"OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,{files('far')}",
                   f"UNIX-CONNECT:{far}")
        self.start("socat", "-b65536", f"UNIX-LISTEN:{near},fork",
                   f"OPENSSL:127.0.0.1:{port},commonname=far,{files('near')}")


def serve(listener):
    while True:
        try:
            s, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(s,), daemon=True).start()


def answer(s):
    """The first byte of a connection says what is wanted: answers to each 64 bytes, or how much came."""
    with s:
        if s.recv(1) == b"a":
            while s.recv(64, socket.MSG_WAITALL):
                s.sendall(ANSWER)
        else:
            n = 0
            while data := s.recv(1 << 18):
                n += len(data)
            s.sendall(b"%d" % n)


def connect(near, what):
    end = time.monotonic() + WAIT
    while True:
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(near)
            s.sendall(what)
            if what == b"t" or (s.sendall(ANSWER), s.recv(64, socket.MSG_WAITALL))[1] == ANSWER:
                return s
        except OSError:
            pass
        s.close()
        if time.monotonic() > end:
            raise RuntimeError("nobody answers at the far socket")
        time.sleep(0.02)


def round_trips(near):
    """Microseconds of one."""
    n, begin = 0, time.monotonic()
    with connect(near, b"a") as s:
        begin = time.monotonic()
        while (used := time.monotonic() - begin) < SECONDS:
            s.sendall(ANSWER)
            s.recv(64, socket.MSG_WAITALL)
            n += 1
    return used / n * 1e6


def throughput(near):
    """MiB a second, until the last byte has arrived."""
    with connect(near, b"t") as s:
        begin, n = time.monotonic(), 0
        while time.monotonic() - begin < SECONDS:
            s.sendall(BLOCK)
            n += len(BLOCK)
        s.shutdown(socket.SHUT_WR)
        taken = int(s.recv(64))
        if taken != n:
            raise RuntimeError(f"{n} bytes sent, {taken} taken")
        return n / (time.monotonic() - begin) / (1 << 20)


def idle_memory(way, near):
    """KiB of a connection, at both ends."""
    before = way.memory()
    with contextlib.ExitStack() as stack:
        for _ in range(N_IDLE):
            stack.enter_context(connect(near, b"a"))
        return (way.memory() - before) / N_IDLE


def measure(results):
    with tempfile.TemporaryDirectory(prefix="givc-bench-") as folder, contextlib.ExitStack() as stack:
        make_certs(folder, {name: {"addresses": ["127.0.0.1"], "key": "p256"} for name in ("near", "far")})
        far = f"{folder}/far.sock"
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(far)
        listener.listen()
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        sides = []
        for kind, make in zip(KINDS, (Ours, Socats)):
            near = f"{folder}/{kind}.sock"
            sides.append((kind, near, make(folder, near, far)))
            stack.callback(sides[-1][2].stop)
        for _ in range(ROUNDS):
            for kind, near, _ in sides:
                connect(near, b"a").close()
                results.add("socket round trip, 64 bytes", kind, round_trips(near), "µs")
                results.add("socket throughput", kind, throughput(near), "MiB/s", more_is_better=True)
        for kind, near, side in sides:
            results.add("memory of an idle connection, both ends", kind, idle_memory(side, near), "KiB")
