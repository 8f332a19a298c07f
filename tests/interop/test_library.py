# SPDX-License-Identifier: Apache-2.0
"""The public library as a stranger has it: <givc/givc.h>, libgivc.so, the example, and a program with its own service.
The greeter runs under systemd-socket-activate; Python's grpcio and outsider.c call it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import grpc
import outside
import pytest
from outside import BUILD, ROOT

sys.path.insert(0, str(ROOT / "tests"))
from certs import Authority  # noqa: E402

OUTSIDER = BUILD / "tests/interop/outsider"
GREETER = BUILD / "examples/greeter"
EXAMPLES = ROOT / "src/libgivc/examples"
HEADER = ROOT / "src/libgivc/givc/givc.h"
WAIT = 30  # seconds that nothing should ever need
DRAIN = 4  # seconds that a server waits for its calls
FOREVER = 4000000000
Code = grpc.StatusCode


@pytest.fixture(scope="module")
def pb(tmp_path_factory):
    out = tmp_path_factory.mktemp("greeter")
    subprocess.run(["protoc", f"--proto_path={EXAMPLES}", f"--python_out={out}", "greeter.proto"], check=True)
    sys.path.insert(0, str(out))
    import greeter_pb2

    return greeter_pb2


class Greeter:
    """The example with two sockets from its service manager, which starts it when the first call comes."""

    def __init__(self, folder):
        self.unix, self.port = f"unix:{folder}/greeter.sock", outside.free_port()
        self.tcp = f"127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            ["systemd-socket-activate", "-l", f"{folder}/greeter.sock", "-l", self.tcp, GREETER],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + WAIT
        while not os.path.exists(f"{folder}/greeter.sock") or not is_listening(self.port):
            assert time.monotonic() < end and self.process.poll() is None
            time.sleep(0.01)

    def stop(self):
        """Exit status and seconds."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT), time.monotonic() - begin

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def is_listening(port):
    """Without a connection, which would be a reason to start."""
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
               for line in open("/proc/net/tcp").readlines()[1:])


@pytest.fixture
def greeter(tmp_path):
    g = Greeter(tmp_path)
    yield g
    g.close()


@pytest.fixture(params=["unix", "tcp"])
def address(request, greeter):
    return getattr(greeter, request.param)


@pytest.fixture
def channel(address):
    with grpc.insecure_channel(address) as c:
        yield c


def greet(pb, channel, name, **more):
    call = channel.unary_unary("/greeter.Greeter/Greet", pb.GreetRequest.SerializeToString, pb.GreetReply.FromString)
    return call(pb.GreetRequest(name=name), timeout=WAIT, **more).text


def greet_often(pb, channel, name, times):
    call = channel.unary_stream("/greeter.Greeter/GreetOften", pb.GreetRequest.SerializeToString,
                                pb.GreetReply.FromString)
    return call(pb.GreetRequest(name=name, times=times), timeout=WAIT)


def outsider(*words, **variables):
    """Exit status and lines."""
    r = subprocess.run([OUTSIDER, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                       env=os.environ | variables, timeout=WAIT, check=False)
    return r.returncode, r.stdout.splitlines()



@pytest.mark.parametrize("compiler", [("gcc", "-std=c11", "-xc"), ("g++", "-std=c++17", "-xc++")])
def test_header_stands_alone(compiler, tmp_path):
    words = [*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", f"-I{HEADER.parents[1]}", "-"]
    subprocess.run(words, input="#include <givc/givc.h>\nint main(void) { return GIVC_OK; }\n", text=True, check=True)


def test_exported_symbols():
    lines = subprocess.run(["nm", "-D", "--defined-only", BUILD / "libgivc.so"], stdout=subprocess.PIPE, text=True,
                           check=True).stdout.splitlines()
    names = {line.split()[-1].split("@")[0] for line in lines if " A " not in line}
    assert names == set(re.findall(r"\b(givc_\w+)\(", HEADER.read_text()))



def test_unary(pb, channel):
    assert greet(pb, channel, "Wörld") == "Hello, Wörld!"


def test_stream(pb, channel):
    assert [r.text for r in greet_often(pb, channel, "x", 100)] == ["x"] * 100


def test_refusal(pb, channel):
    with pytest.raises(grpc.RpcError) as e:
        greet(pb, channel, "")
    assert (e.value.code(), e.value.details()) == (Code.INVALID_ARGUMENT, "Whom shall I greet?")


def test_reader_leaves(pb, greeter, address):
    """What nobody reads ends: a handler that went on would hold up the stop."""
    with grpc.insecure_channel(address) as channel:
        stream = greet_often(pb, channel, "x", FOREVER)
        for _ in range(3):
            next(stream)
        stream.cancel()
        assert greet(pb, channel, "still there") == "Hello, still there!"
    code, seconds = greeter.stop()
    assert code == 0 and seconds < DRAIN / 2


def test_stop_drains(pb, greeter, channel):
    stream = greet_often(pb, channel, "x", 1000)
    next(stream)
    begin = time.monotonic()
    greeter.process.send_signal(signal.SIGTERM)
    assert len(list(stream)) == 999
    assert greeter.process.wait(WAIT) == 0
    assert time.monotonic() - begin < DRAIN + 1


def test_stop_ends_what_does_not_end(pb, greeter, channel):
    stream = greet_often(pb, channel, "x", FOREVER)
    next(stream)
    code, seconds = greeter.stop()
    assert code == 0 and DRAIN - 0.5 < seconds < DRAIN + 3
    with pytest.raises(grpc.RpcError) as e:
        list(stream)
    assert e.value.code() in (Code.UNAVAILABLE, Code.CANCELLED)



def test_client_unary(address):
    assert outsider("unary", address, "Wörld") == (0, ["Hello, Wörld!", "0 "])


def test_client_refused(address):
    assert outsider("unary", address, "") == (1, ["3 Whom shall I greet?"])


def test_client_stream(address):
    assert outsider("stream", address, "x", 300) == (0, ["300", "0 "])


def test_client_two_at_once(address):
    assert outsider("pair", address, "x", 200) == (0, ["200", "0 "] * 2)


def test_client_leaves_stream(address):
    assert outsider("leave", address, "x", 1000000) == (0, ["3", "0 ", "Hello, x!", "0 "])


def test_client_stopped(greeter, address):
    """SIGTERM in the middle of a call: the program's function comes to its end before what it uses."""
    p = subprocess.Popen([OUTSIDER, "stream", address, "x", str(FOREVER)], stdout=subprocess.PIPE, text=True)
    while open(f"/proc/{greeter.process.pid}/comm").read() != "greeter\n":
        assert p.poll() is None
        time.sleep(0.01)
    p.send_signal(signal.SIGTERM)
    lines = p.communicate(timeout=WAIT)[0].splitlines()
    assert p.returncode == 1 and lines[-1].startswith("1 ")


def test_client_lingers(address):
    """A fiber that goes on when the program is over is cancelled, before what it uses goes."""
    code, lines = outsider("linger", address, "x", FOREVER)
    assert code == 0 and lines[:2] == ["Hello, x!", "0 "] and lines[-1] == "cancelled"


def test_client_timeout(address):
    code, lines = outsider("stream", address, "x", 1000000, 300)
    assert code == 1 and int(lines[0]) > 0 and lines[1].startswith("4 ")


def test_client_timeout_of_connecting(tmp_path):
    """Somebody listens and never says a word."""
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(tmp_path / "silent"))
        s.listen()
        code, lines = outsider("unary", f"unix:{tmp_path}/silent", "x", 1, 300)
    assert code == 1 and len(lines) == 1 and lines[0].startswith("4 ")


@pytest.mark.parametrize("where", ["unix:/nonexistent/socket", "tcp:127.0.0.1:{port}"])
def test_client_alone(where):
    code, lines = outsider("unary", where.format(port=outside.free_port()), "x")
    assert code == 1 and len(lines) == 1 and lines[0].startswith("14 ")


@pytest.mark.parametrize("where", ["nonsense", "tcp:::1:9", "vsock:x:1"])
def test_client_bad_address(where):
    assert outsider("unary", where, "x") == (1, [])



class Served:
    """outsider serve, its CA and three machines."""

    def __init__(self, folder):
        self.folder, self.ca = folder, Authority()
        self.issued = {n: self.ca.issue(n, ["127.0.0.1"]).write(folder / n) for n in ("greeter.test", "good", "bad")}
        self.revoke()
        self.log = (folder / "log").open("w+")
        self.port = outside.free_port()
        self.address = f"tcp:127.0.0.1:{self.port}"
        self.heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.heard.bind(str(folder / "notify"))
        self.heard.settimeout(WAIT)
        self.process = outside.Process(
            [OUTSIDER, "serve", self.address, folder / "crl.pem"],
            {"CREDENTIALS_DIRECTORY": str(folder / "greeter.test"), "NOTIFY_SOCKET": str(folder / "notify"),
             "DESCRIPTORS": str(BUILD / "examples/greeter.bin")}, log=self.log)

    def revoke(self, *names):
        self.replace("crl.pem", self.ca.crl([self.issued[n] for n in names]))

    def replace(self, name, data):
        (self.folder / "new").write_bytes(data)
        os.replace(self.folder / "new", self.folder / name)

    def text(self):
        self.log.flush()
        return (self.folder / "log").read_text()

    def wait_for_log(self, what):
        end = time.monotonic() + WAIT
        while what not in self.text():
            assert time.monotonic() < end, f"'{what}' was not said, but: {self.text()}"
            time.sleep(0.01)

    def call(self, name, *words):
        return outsider(words[0], self.address, *words[1:], CREDENTIALS_DIRECTORY=str(self.folder / name))

    def channel(self, name):
        files = [(self.folder / name / f).read_bytes() for f in ("ca-cert.pem", "key.pem", "cert.pem")]
        return grpc.secure_channel(f"127.0.0.1:{self.port}", grpc.ssl_channel_credentials(*files),
                                   [("grpc.ssl_target_name_override", "greeter.test")])


@pytest.fixture
def served(tmp_path):
    s = Served(tmp_path)
    with s.process:
        yield s
    s.log.close()
    s.heard.close()


def test_principal(served):
    assert served.call("good", "unary", "x") == (0, ["good", "0 "])
    assert outsider("unary", served.address, "x", 1, 2000)[0] == 1
    assert served.process.stop() == 0


def greet_all(pb, channel, names, **more):
    call = channel.stream_unary("/greeter.Greeter/GreetAll", pb.GreetRequest.SerializeToString,
                                pb.GreetReply.FromString)
    return call((pb.GreetRequest(name=n) for n in names), **more).text


def test_client_streams(pb, channel):
    assert greet_all(pb, channel, ["Ada", "Bo"], timeout=WAIT) == "Hello, Ada, Bo!"
    for sizes in ((500, 500, 500), (1015, 100, 10), (1016, 0, 0), (5000,)):
        with pytest.raises(grpc.RpcError) as e:
            greet_all(pb, channel, ["x" * n for n in sizes], timeout=WAIT)
        assert e.value.code() == Code.RESOURCE_EXHAUSTED
    assert greet_all(pb, channel, ["x" * 1015], timeout=WAIT) == f"Hello, {'x' * 1015}!"


def test_what_is_known_of_a_call(pb, served):
    with served.channel("good") as channel:
        assert greet_all(pb, channel, ["a", "b"], timeout=WAIT, metadata=[("x-greeting", "hi")]) == "a b hi soon"
        assert greet_all(pb, channel, [], wait_for_ready=True) == "- never"


def test_reflection(served):
    with served.channel("good") as channel:
        ask = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
        services = next(ask(iter([b"\x3a\x00"]), timeout=WAIT))
    assert b"greeter.Greeter" in services and b"grpc.health.v1.Health" in services


def test_status(served):
    said = served.heard.recv(4096)
    while b"STATUS=" not in said:
        said = served.heard.recv(4096)
    assert said == b"STATUS=greets"


def test_every_function_is_used():
    used = "".join((ROOT / p).read_text() for p in ("tests/interop/outsider.c", "src/libgivc/examples/greeter.c"))
    assert {f for f in re.findall(r"\b(givc_\w+)\(", HEADER.read_text()) if f"{f}(" not in used} == set()


def test_wrong_server_name(served):
    """Its own certificate is good, but not that of the name that was asked for."""
    served.ca.issue("other.test", ["127.0.0.1"]).write(served.folder / "greeter.test")
    served.wait_for_log("Certificates were read again")
    code, lines = served.call("good", "unary", "x", 1, 5000)
    assert code == 1 and lines[0].split()[0] in ("14", "16")


@pytest.mark.parametrize("how", ["watched", "asked"])
def test_revoked(pb, served, how):
    """A new list ends what is there, without anybody's help or by SIGHUP."""
    with served.channel("good") as good, served.channel("bad") as bad:
        streams = [greet_often(pb, channel, "x", 1) for channel in (good, bad)]
        for s in streams:
            next(s)
        served.revoke("bad")
        if how == "asked":
            os.kill(served.process.pid, signal.SIGHUP)
        with pytest.raises(grpc.RpcError) as e:
            list(streams[1])
        assert e.value.code() == Code.UNAVAILABLE
        next(streams[0])
    assert served.call("good", "unary", "x")[0] == 0
    assert served.call("bad", "unary", "x", 1, 2000)[0] == 1


def test_broken_files_are_told_once(served):
    good = (served.folder / "greeter.test/cert.pem").read_bytes()
    served.replace("greeter.test/cert.pem", b"nonsense")
    served.wait_for_log("Certificates stay as they are: ")
    assert served.call("good", "unary", "x")[0] == 0
    served.replace("greeter.test/cert.pem", good)
    served.revoke("bad")
    served.wait_for_log("Certificates were read again")
    assert served.text().count("Certificates stay as they are: ") == 1
    assert served.call("good", "unary", "x")[0] == 0
