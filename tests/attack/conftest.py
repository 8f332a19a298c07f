# SPDX-License-Identifier: Apache-2.0
"""A server, an honest client beside the attacker, and the verdict on an attack: what it cost the server, and whether
the honest client noticed."""

import contextlib
import json
import pathlib
import subprocess
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "interop")]
import h2  # noqa: E402
import outside  # noqa: E402

RSS_MAX_KB = 5 * 1024
CPU_MAX = 0.1


class Arena:
    def __init__(self, folder, mode):
        self.authority = outside.Authority(folder).issue("honest.test")
        self.port = outside.free_port()
        self.log = open(pathlib.Path(folder) / "server.log", "w+")
        self.server = outside.echo_server(self.authority, self.port, mode, log=self.log)
        a = self.authority
        argv = [sys.executable, HERE / "honest.py", self.port, a.path("ca", ".crt")]
        argv += [a.path("honest.test", ".crt"), a.path("honest.test", ".key")]
        self.honest = subprocess.Popen(
            [str(x) for x in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self.honest.stdout.readline() == "ready\n"
        self.n_identities = 0
        for _ in range(20):
            self.warm()

    def warm(self):
        """An orderly connection, so that what the first ones allocate is not blamed on the attack."""
        with self.peer("warm.test") as p:
            p.start()
            for i in range(1, 16, 2):
                p.send(h2.call(i) + h2.message(i, h2.field(2, b"x" * 4096)))
            assert p.wait(lambda p: p.count(h2.HEADERS, h2.END_STREAM) == 8)

    def peer(self, name=None, alpn=("h2",), **kw):
        """Without a name: an attacker that nobody has seen yet, with budgets of its own."""
        if name is None:
            self.n_identities += 1
            name = f"attacker{self.n_identities}.test"
        return h2.Peer(self.port, h2.client_context(self.authority, name, alpn), **kw)

    def ask_honest(self):
        self.honest.stdin.write("\n")
        return json.loads(self.honest.stdout.readline())

    def peak_kb(self):
        for line in pathlib.Path(f"/proc/{self.server.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1])
        return 0

    @contextlib.contextmanager
    def verdict(self, cpu=CPU_MAX, rss_kb=RSS_MAX_KB, worst_ms=1000):
        """What happens inside must not cost the server more than this, nor the honest client an answer."""
        self.ask_honest()
        self.server.wait_stats(lambda s: s["handshakes"] == 0)
        before = self.server.rss_kb()
        pathlib.Path(f"/proc/{self.server.pid}/clear_refs").write_text("5")
        cpu_before, begin = self.server.cpu(), time.monotonic()
        yield
        assert self.server.alive(), f"the server died: {self.server.popen.wait()}"
        used, seconds = self.server.cpu() - cpu_before, time.monotonic() - begin
        grown = self.peak_kb() - before
        while (honest := self.ask_honest())["calls"] == 0:
            time.sleep(0.05)
        # The honest client's own calls, measured generously, are not the attacker's.
        used -= seconds * 0.005
        print(f"cpu {used:.3f} s, RSS +{grown} kB, honest {honest}, {seconds:.2f} s")
        if outside.VALGRIND:
            return
        assert not honest["failures"], honest
        assert honest["worst_ms"] < worst_ms, honest
        if outside.SANITIZED:
            return
        assert grown < rss_kb, f"RSS grew by {grown} kB"
        assert used < cpu, f"{used:.3f} s of processor time"

    def stop(self):
        self.honest.stdin.close()
        self.honest.kill()
        self.honest.wait()
        self.honest.stdout.close()
        code = self.server.stop()
        self.log.close()
        return code


@pytest.fixture(scope="module", params=["driven", "threaded"])
def arena(request, tmp_path_factory):
    a = Arena(tmp_path_factory.mktemp("attack"), request.param)
    yield a
    assert a.stop() == 0
