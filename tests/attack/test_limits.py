# SPDX-License-Identifier: Apache-2.0
"""What happens when a server is full: others come in all the same."""

import os
import resource
import subprocess
import sys
import time

import grpc
import h2
import outside
import pytest

CROWD = """
import os, resource, socket, sys
name, uid, n, hello = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), bytes.fromhex(sys.argv[4])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
os.setuid(uid)
held = []
for _ in range(n):
    s = socket.socket(socket.AF_UNIX)
    s.connect("\\0" + name)
    s.sendall(hello)
    held.append(s)
print("there", flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=["driven", "threaded"])
def full(request, tmp_path_factory):
    """A server with all its connections taken by two users, half each."""
    folder = tmp_path_factory.mktemp("full")
    name = f"givc-full-{os.getpid()}"
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = ("prlimit", f"--nofile={hard}")
    authority = outside.Authority(str(folder))
    listen = ("--listen", f"@{name}")
    server = outside.echo_server(authority, outside.free_port(), request.param, extra=listen, prefix=files)
    hello = h2.PREFACE + h2.frame(h2.SETTINGS, 0, 0)
    crowds = []
    try:
        for uid in (4001, 4002):
            argv = [sys.executable, "-c", CROWD, name, str(uid), "1024", hello.hex()]
            crowds.append(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            assert crowds[-1].stdout.readline() == "there\n"
        server.wait_stats(lambda s: s["connections"] == 2048 and s["handshakes"] == 0)
        yield server, name
    finally:
        for c in crowds:
            c.communicate()
        server.stop(60)


def test_full_server_takes_a_newcomer(full):
    server, name = full
    pb, echo_grpc = outside.stubs()
    begin = time.monotonic()
    with grpc.insecure_channel(f"unix-abstract:{name}") as c:
        reply = echo_grpc.EchoStub(c).Unary(pb.EchoRequest(text="me too"), timeout=10, wait_for_ready=True)
    assert reply.text == "me too"
    assert time.monotonic() - begin < 5
    assert server.stats()["connections"] <= 2048
