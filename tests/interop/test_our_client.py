# SPDX-License-Identifier: Apache-2.0
"""The runtime's client against servers of other implementations, and against its own."""

import json
import os
import socket
import subprocess
import sys
import threading
import time

import outside
import pytest

HERE = outside.ROOT / "tests/interop"


class Target:
    def __init__(self, kind, folder, mode):
        self.kind, self.mode = kind, mode
        self.authority = outside.Authority(folder).issue("client.test").issue(outside.SERVER_NAME)
        self.port = outside.free_port()
        self.process = self.start()

    def start(self):
        a = self.authority
        files = [a.path("ca", ".crt"), a.path(outside.SERVER_NAME, ".crt"), a.path(outside.SERVER_NAME, ".key")]
        if self.kind == "ours":
            return outside.echo_server(a, self.port, self.mode)
        if self.kind == "grpcio":
            return outside.Process([sys.executable, HERE / "python_server.py", self.port, *files])
        return outside.Process(["node", HERE / "js/server.js", self.port, *files], outside.node_environment())

    def argv(self, verb, authority=None, **options):
        a = authority or self.authority
        values = {
            "connect": f"127.0.0.1:{self.port}",
            "name": outside.SERVER_NAME,
            "ca": self.authority.path("ca", ".crt"),
            "cert": a.path("client.test", ".crt"),
            "key": a.path("client.test", ".key"),
            **options,
        }
        argv = [str(outside.CLIENT)]
        for k, v in values.items():
            argv += ["--" + k.replace("_", "-")] + ([] if v is True else [str(v)])
        return [*argv, verb]

    def calls(self, verb, **options):
        env = {**os.environ, "GIVC_QUEUE": self.mode}
        run = subprocess.run(self.argv(verb, **options), stdout=subprocess.PIPE, timeout=60, env=env)
        assert run.returncode == 0, run
        return [json.loads(line) for line in run.stdout.splitlines()]

    def call(self, verb, **options):
        (r,) = self.calls(verb, **options)
        return r


@pytest.fixture(scope="module", params=["grpcio", "grpc-js", "ours"])
def target(request, mode, tmp_path_factory):
    t = Target(request.param, tmp_path_factory.mktemp(request.param), mode)
    yield t
    t.process.stop()


def test_unary(target):
    r = target.call("unary", text="grüß Gott, 世界 🌍", size=1000)
    assert (r["code"], r["text"], r["bytes"]) == ("OK", "grüß Gott, 世界 🌍", 1000)


def test_unary_empty(target):
    r = target.call("unary")
    assert (r["code"], r["n"], r["text"], r["bytes"]) == ("OK", 1, "", 0)


def test_server_stream(target):
    r = target.call("server-stream", text="x", count=500, size=100)
    assert (r["code"], r["n"], r["index"], r["bytes"]) == ("OK", 500, 499, 50000)


def test_server_stream_of_nothing(target):
    r = target.call("server-stream")
    assert (r["code"], r["n"]) == ("OK", 0)


def test_client_stream(target):
    r = target.call("client-stream", messages=300, size=1000, text="last")
    assert (r["code"], r["index"], r["size"], r["text"]) == ("OK", 300, 300000, "last")


def test_client_stream_of_nothing(target):
    r = target.call("client-stream", messages=0)
    assert (r["code"], r["index"]) == ("OK", 0)


def test_bidi(target):
    r = target.call("bidi", messages=100, count=3, size=500)
    assert (r["code"], r["n"], r["index"], r["bytes"]) == ("OK", 300, 299, 150000)


def test_large(target):
    size = 4 * 1024 * 1024 - 64
    r = target.call("unary", size=size)
    assert (r["code"], r["bytes"]) == ("OK", size)
    r = target.call("bidi", size=1 << 20, messages=30)
    assert (r["code"], r["bytes"]) == ("OK", 30 << 20)


@pytest.mark.parametrize("target", ["grpcio", "grpc-js"], indirect=True)
def test_reply_too_large(target):
    assert target.call("unary", size=4 * 1024 * 1024 + 1)["code"] == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize("verb", ["unary", "server-stream", "client-stream", "bidi"])
def test_status(target, verb):
    r = target.call(verb, fail=5, fail_text="schön 世界 100%", count=2, messages=1)
    assert (r["code"], r["message"]) == ("NOT_FOUND", "schön 世界 100%")
    assert r["result"] < 0
    assert r["n"] == (2 if verb in ("server-stream", "bidi") else 0)


def test_every_status(target):
    for code in range(1, 17):
        assert target.call("unary", fail=code, fail_text=f"<{code}>")["message"] == f"<{code}>"


@pytest.mark.parametrize("target", ["ours"], indirect=True)
def test_error_details(target):
    r = target.call("unary", fail=5, fail_text="no", fail_detail="the cause")
    assert (r["reason"], r["detail"]) == ("NOT_FOUND", "the cause")


@pytest.mark.parametrize("verb", ["unary", "server-stream", "bidi"])
def test_deadline(target, verb):
    r = target.call(verb, delay=3000, count=1, timeout=300)
    assert r["code"] == "DEADLINE_EXCEEDED"
    assert 250000 < r["usec"] < 1300000


def test_cancel(target):
    r = target.call("server-stream", count=100000, delay=1, cancel_after=5)
    assert (r["code"], r["n"]) == ("CANCELLED", 5)


def test_unknown_service(target):
    assert target.call("unary", service="test.Nothing")["code"] == "UNIMPLEMENTED"


@pytest.mark.parametrize("target", ["grpcio"], indirect=True)
def test_broken_reply(target):
    r = target.call("unary", service="test.Broken")
    assert r["code"] not in ("OK", "NONE") and r["result"] < 0


@pytest.mark.parametrize("verb", ["unary", "server-stream", "bidi"])
def test_concurrent(target, verb):
    r = target.call(verb, parallel=32, calls=20, count=5, messages=5, size=1000, quiet=True)
    assert (r["ok"], r["failed"]) == (640, 0)


def test_wrong_name(target):
    r = target.call("unary", name="other.test", timeout=1500)
    assert r["code"] in ("DEADLINE_EXCEEDED", "UNAVAILABLE")
    r = target.call("unary", name="other.test", timeout=1500, no_wait=True)
    assert r["code"] == "UNAVAILABLE" and r["message"]


def test_wrong_ca(target, tmp_path):
    other = outside.Authority(tmp_path).issue("client.test")
    r = target.call("unary", authority=other, timeout=1500, no_wait=True)
    assert r["code"] == "UNAVAILABLE"
    r = target.call("unary", ca=other.path("ca", ".crt"), timeout=1500, no_wait=True)
    assert r["code"] == "UNAVAILABLE"


def test_nobody_there(target):
    r = target.call("unary", connect=f"127.0.0.1:{outside.free_port()}", timeout=5000, no_wait=True)
    assert r["code"] == "UNAVAILABLE" and "refused" in r["message"]


def test_silent_server(target):
    """Somebody accepts and says nothing: the deadline ends the call."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        r = target.call("unary", connect=f"127.0.0.1:{s.getsockname()[1]}", timeout=1000)
    assert r["code"] in ("DEADLINE_EXCEEDED", "UNAVAILABLE")
    assert r["usec"] < 2000000


def test_server_comes_back(target):
    """Calls of a client that stays: some fail while the server is away, those after its return succeed."""
    env = {**os.environ, "GIVC_QUEUE": target.mode}
    argv = target.argv("unary", calls=400, delay=10, timeout=8000)
    client = subprocess.Popen(argv, stdout=subprocess.PIPE, env=env, text=True)
    results = []
    try:
        results += [json.loads(client.stdout.readline()) for _ in range(20)]
        target.process.popen.kill()
        target.process.popen.wait()
        target.process = target.start()
        results += [json.loads(line) for line in client.stdout]
        assert client.wait(30) == 0
    finally:
        client.kill()
        client.wait()
        client.stdout.close()
    codes = [r["code"] for r in results]
    assert codes[:20] == ["OK"] * 20 and len(codes) == 400
    assert set(codes) <= {"OK", "UNAVAILABLE"} and codes.count("UNAVAILABLE") <= 2, codes
    assert codes[-300:] == ["OK"] * 300


@pytest.mark.parametrize("target", ["ours"], indirect=True)
def test_server_that_stops_in_order(target):
    """GOAWAY: the call in progress ends well, the next one finds the new server."""
    out = {}
    t = threading.Thread(target=lambda: out.update(target.call("unary", delay=1000, text="late")))
    t.start()
    target.process.wait_stats(lambda s: s["calls"] == 1)
    assert target.process.stop() == 0
    t.join()
    target.process = target.start()
    assert (out["code"], out["text"]) == ("OK", "late")
    assert target.call("unary", text="again")["text"] == "again"


@pytest.mark.parametrize("target", ["ours"], indirect=True)
def test_server_sees_the_client_leave(target):
    p = subprocess.Popen(target.argv("unary", delay=60000, timeout=60000), stdout=subprocess.DEVNULL)
    target.process.wait_stats(lambda s: s["calls"] == 1)
    begin = time.monotonic()
    p.kill()
    p.wait()
    s = target.process.wait_stats(lambda s: s["calls"] == 0 and s["connections"] == 0)
    assert s["fibers"] == 0 and time.monotonic() - begin < 2
