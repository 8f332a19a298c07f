# SPDX-License-Identifier: Apache-2.0
"""The admin against a plain C++ one that serves the same three calls: a storm of registrations, the list, and what
changes told to a thousand watchers. The crowd is the same program for both, in a process and on a core of its own."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import outside
from figures import KINDS, ROUNDS

BENCH = outside.BUILD / "tests/bench"
AGENTS, UNITS = 200, 20  # the storm: each agent registers itself and this many units
LISTED = (50, 19)  # agents and units that make 1,000 entries
COUNTED = (5, 199)  # the same, with fewer handshakes for valgrind
WATCHERS = 1000
CORE = ("taskset", "-c")


class Admin(outside.Process):
    """givc-admin says that it is ready to a service manager; here somebody has to try."""

    def __init__(self, argv, prefix=()):
        self.popen = subprocess.Popen(
            [*prefix, *map(str, argv)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.pid = self.popen.pid
        self.buffer = b""


def wait_listening(port, process):
    """A connection that came and went is no client, so the table of the kernel is asked."""
    wanted = f":{port:04X}"
    end = time.monotonic() + 60
    while True:
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            words = line.split()
            if words[1].endswith(wanted) and words[3] == "0A":
                return
        if time.monotonic() > end or not process.alive():
            raise RuntimeError(f"nobody listens on port {port}")
        time.sleep(0.01)


class Side:
    """One of the two admins, fresh, with nobody registered."""

    def __init__(self, kind, authority, prefix=(*CORE, "0")):
        a = authority
        name = outside.SERVER_NAME
        self.kind, self.authority, self.port = kind, authority, outside.free_port()
        address = f"127.0.0.1:{self.port}"
        ca, cert, key = a.path("ca", ".crt"), a.path(name, ".crt"), a.path(name, ".key")
        if kind == "ours":
            argv = [outside.BUILD / "givc-admin", f"--listen={address}", "--local-socket=none", "--use-tls"]
            self.process = Admin([*argv, f"--ca-cert={ca}", f"--host-cert={cert}", f"--host-key={key}"], prefix)
            wait_listening(self.port, self.process)
        else:
            self.process = outside.Process([BENCH / "plain-admin", address, ca, cert, key], prefix=prefix)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop(60)


class Crowd(outside.Process):
    def __init__(self, side, n_agents, n_units):
        target = f"127.0.0.1:{side.port}"
        argv = [*CORE, "1", BENCH / "crowd", target, side.authority.folder, n_agents, n_units]
        self.popen = subprocess.Popen(
            list(map(str, argv)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self.pid = self.popen.pid
        self.buffer = b""
        self.side = side
        if self.read_line(30) != "ready":
            raise RuntimeError("the crowd did not get ready")

    def do(self, word, n=0):
        """Seconds that the command took, and of processor time at the admin."""
        before = self.side.process.cpu()
        self.popen.stdin.write(f"{word} {n}\n".encode())
        line = self.read_line(300)
        if not line:
            raise RuntimeError(f"{word} failed against {self.side.kind}")
        return json.loads(line)["seconds"], self.side.process.cpu() - before

    def __exit__(self, *_):
        self.popen.stdin.close()
        self.popen.wait(60)
        self.popen.stdout.close()


def measure_storm(side, results):
    n = AGENTS * (UNITS + 1)
    with Crowd(side, AGENTS, UNITS) as crowd:
        seconds, cpu = crowd.do("storm")
        results.add(f"storm, {AGENTS} agents with {UNITS} units", side.kind, seconds, "s")
        results.add("storm, processor time a registration", side.kind, cpu / n * 1e6, "us")
        results.add(f"RSS, {AGENTS} agents, {n} entries", side.kind, side.process.rss_kb() / 1024, "MiB")


def measure_crowd(side, results):
    """A thousand entries, then a thousand watchers of them."""
    n_calls, n_changes, n_burst = 100, 11, 20
    with Crowd(side, *LISTED) as crowd:
        crowd.do("storm")
        seconds, cpu = crowd.do("list", n_calls)
        results.add("QueryList, 1000 entries", side.kind, seconds * 1e3, "ms")
        results.add("QueryList, processor time", side.kind, cpu / (n_calls + 1) * 1e3, "ms")
        before = side.process.rss_kb()
        seconds, cpu = crowd.do("watch", WATCHERS)
        results.add("1000 watchers arrive, each has the list", side.kind, seconds, "s")
        results.add("RSS a watcher", side.kind, (side.process.rss_kb() - before) / WATCHERS, "KiB")
        seconds, cpu = crowd.do("change", n_changes)
        results.add("a change, until 1000 watchers know", side.kind, seconds * 1e3, "ms")
        results.add("a change, processor time a watcher", side.kind, cpu / n_changes / WATCHERS * 1e6, "us")
        seconds, cpu = crowd.do("burst", n_burst)
        results.add(f"{n_burst} changes at once to 1000 watchers", side.kind, seconds * 1e3, "ms")
        results.add("of these, processor time a message", side.kind, cpu / n_burst / WATCHERS * 1e6, "us")
        measure_idle(side, results)


def measure_idle(side, results, seconds=3):
    """What it costs that everybody is there and nothing happens."""
    cpu, wakeups = side.process.cpu(), side.process.wakeups()
    time.sleep(seconds)
    crowded = "idle with 1000 watchers"
    results.add(f"{crowded}, processor time", side.kind, (side.process.cpu() - cpu) / seconds * 1e3, "ms/s")
    results.add(f"{crowded}, wakeups", side.kind, (side.process.wakeups() - wakeups) / seconds, "1/s")


def count_instructions(kind, authority, folder, crowd_of, commands):
    out = pathlib.Path(folder) / f"callgrind-{kind}"
    tool = ("valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}")
    with Side(kind, authority, tool) as side, Crowd(side, *crowd_of) as crowd:
        for word, n in commands:
            crowd.do(word, n)
    return int(re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.M).group(1))


def measure_counts(kind, authority, folder, results):
    """What repeats: the difference of a long run and a short one, so that start and handshakes cancel out."""
    few, many, watchers = 5, 25, 20

    def count(*commands, agents=COUNTED):
        return count_instructions(kind, authority, folder, agents, [("storm", 0), *commands])

    lists = count(("list", many)) - count(("list", few))
    results.add("QueryList, instructions", kind, lists / (many - few) / 1e3, "k")
    told = count(("watch", watchers), ("change", many)) - count(("watch", watchers), ("change", few))
    results.add("a change, instructions a watcher", kind, told / (many - few) / watchers / 1e3, "k")
    units = count(agents=(5, 200)) - count(agents=(5, 20))
    results.add("a registration, instructions", kind, units / 900 / 1e3, "k")


def measure(results):
    with tempfile.TemporaryDirectory() as folder:
        authority = outside.Authority(folder).issue(outside.SERVER_NAME)
        for i in range(AGENTS):
            authority.issue(f"vm-{i}")
        for _ in range((ROUNDS + 1) // 2):  # each is long
            for part in (measure_storm, measure_crowd):
                for kind in KINDS:
                    with Side(kind, authority) as side:
                        part(side, results)
        if shutil.which("valgrind"):
            for kind in KINDS:
                measure_counts(kind, authority, folder, results)
