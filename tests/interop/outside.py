# SPDX-License-Identifier: Apache-2.0
"""What every test that looks at the rpc runtime from outside needs: certificates, a server in a process of its own, and
what the kernel says about that process. Interop, attacks, storm and benchmark import it."""

import datetime
import ipaddress
import json
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("B", ROOT / "build")).resolve()
VALGRIND = ("valgrind", "-q", "--error-exitcode=99", "--leak-check=full") if os.environ.get("VALGRIND") else ()
SANITIZED = "sanitize" in BUILD.name or bool(VALGRIND)  # times and sizes say nothing then
SERVER = BUILD / "tests/interop/echo-server"
CLIENT = BUILD / "tests/interop/echo-client"
YARDSTICK = BUILD / "tests/bench/yardstick"
SERVER_NAME = "server.test"


class Authority:
    """A CA whose certificates live in a folder: path(NAME, ".crt"), path(NAME, ".key"), path("ca", ".crt")."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test CA {os.urandom(4).hex()}")])
        self.cert = self._sign("ca", self.key, self.name, [x509.BasicConstraints(ca=True, path_length=0)])

    def path(self, name, suffix):
        return str(self.folder / (name + suffix))

    def _sign(self, name, key, subject, extensions, days=2):
        now = datetime.datetime.utcnow()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=days))
        )
        for e in extensions:
            builder = builder.add_extension(e, critical=isinstance(e, x509.BasicConstraints))
        cert = builder.sign(self.key, hashes.SHA256())
        pathlib.Path(self.path(name, ".crt")).write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        pathlib.Path(self.path(name, ".key")).write_bytes(pem)
        return cert

    def issue(self, name, days=2):
        """A certificate for both roles whose SAN is name, localhost's addresses beside it."""
        if pathlib.Path(self.path(name, ".crt")).exists():
            return self
        san = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        self._sign(
            name,
            ec.generate_private_key(ec.SECP256R1()),
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
            [
                x509.SubjectAlternativeName(san),
                x509.BasicConstraints(ca=False, path_length=None),
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            ],
            days,
        )
        return self

    def read(self, name, suffix):
        return pathlib.Path(self.path(name, suffix)).read_bytes()


def free_port():
    """Below those that the kernel gives to whoever connects, so that nobody else has it when its server comes."""
    first = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", random.randrange(first // 2, first)))
                return s.getsockname()[1]
            except OSError:
                pass  # taken


class Process:
    """A process that says "ready" on standard output, and its view from /proc."""

    def __init__(self, argv, env=None, log=None, prefix=()):
        self.popen = subprocess.Popen(
            [*prefix, *map(str, argv)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log or subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
        )
        self.pid = self.popen.pid
        self.buffer = b""
        line = self.read_line(60 if prefix else 15)
        if line != "ready":
            self.stop()
            raise RuntimeError(f"{argv[0]} did not get ready: {line!r}, exit {self.popen.returncode}")

    def read_line(self, seconds):
        end = time.monotonic() + seconds
        fd = self.popen.stdout.fileno()
        while b"\n" not in self.buffer:
            if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f"no line from process {self.pid} within {seconds} s")
            data = os.read(fd, 65536)
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode()

    def stats(self):
        """What the server says about itself."""
        os.kill(self.pid, signal.SIGUSR1)
        line = self.read_line(10)
        if line is None:
            raise RuntimeError(f"process {self.pid} ended, exit {self.popen.wait()}")
        return json.loads(line)

    def wait_stats(self, condition, seconds=15):
        """Asks until condition(stats) holds; returns the stats."""
        end = time.monotonic() + seconds
        while True:
            s = self.stats()
            if condition(s):
                return s
            if time.monotonic() > end:
                raise AssertionError(f"still not after {seconds} s: {s}")
            time.sleep(0.02)

    def rss_kb(self):
        return int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024

    def cpu(self):
        """Seconds of processor time, user and system, of all threads (the scheduler's nanoseconds)."""
        n = 0
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            try:
                n += int((task / "schedstat").read_text().split()[0])
            except FileNotFoundError:
                pass
        return n / 1e9

    def wakeups(self):
        """Voluntary context switches of all threads since they began."""
        n = 0
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            for line in (task / "status").read_text().splitlines():
                if line.startswith("voluntary_ctxt_switches"):
                    n += int(line.split()[1])
        return n

    def alive(self):
        return self.popen.poll() is None

    def stop(self, seconds=15):
        if self.alive():
            self.popen.terminate()
        try:
            code = self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            code = None
        self.popen.stdout.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def echo_server(authority, port, mode=None, name=SERVER_NAME, extra=(), log=None, prefix=(), ca=None):
    authority.issue(name)
    argv = [SERVER, "--listen", f"127.0.0.1:{port}", "--ca", (ca or authority).path("ca", ".crt")]
    argv += ["--cert", authority.path(name, ".crt"), "--key", authority.path(name, ".key"), *extra]
    return Process(argv, {"GIVC_QUEUE": mode} if mode else None, log, prefix or VALGRIND)


def yardstick(authority, port, name=SERVER_NAME, prefix=()):
    authority.issue(name)
    argv = [YARDSTICK, f"127.0.0.1:{port}", authority.path("ca", ".crt")]
    argv += [authority.path(name, ".crt"), authority.path(name, ".key")]
    return Process(argv, prefix=prefix)


def stubs():
    """echo_pb2 and echo_pb2_grpc; the stubs of health, reflection and error details can be imported afterwards."""
    out = BUILD / "tests/proto/python"
    sources = [ROOT / "tests/interop/echo.proto"]
    sources += [ROOT / "proto" / (n + ".proto") for n in ("health", "reflection", "reflection_v1alpha", "status")]
    sources += [ROOT / "proto/error_details.proto"]
    target = out / "echo_pb2.py"
    if not target.exists() or target.stat().st_mtime < max(s.stat().st_mtime for s in sources):
        out.mkdir(parents=True, exist_ok=True)
        argv = ["protoc", f"--proto_path={ROOT / 'tests/interop'}", f"--proto_path={ROOT / 'proto'}"]
        argv += [f"--python_out={out}", f"--grpc_python_out={out}"]
        plugin = shutil.which("grpc_python_plugin")
        subprocess.run([*argv, f"--plugin=protoc-gen-grpc_python={plugin}", *map(str, sources)], check=True)
    if str(out) not in sys.path:
        sys.path.insert(0, str(out))
    import echo_pb2
    import echo_pb2_grpc

    return echo_pb2, echo_pb2_grpc


def node_environment():
    """Where npm has put its packages."""
    return {**os.environ, "NODE_PATH": str(BUILD / "tests/js/node_modules")}
