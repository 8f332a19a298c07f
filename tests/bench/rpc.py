# SPDX-License-Identifier: Apache-2.0
"""The rpc runtime against a plain C++ gRPC server with the same load."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import outside
from figures import KINDS, ROUNDS

SECONDS = float(os.environ.get("BENCH_SECONDS", "1"))
LOAD = outside.BUILD / "tests/bench/load"
ON_CORE_0 = ("taskset", "-c", "0")


class Side:
    """One of the two servers and the load that runs against it."""

    def __init__(self, kind, authority):
        self.kind = kind
        self.authority = authority

    def start(self, prefix=ON_CORE_0):
        self.port = outside.free_port()
        start = outside.echo_server if self.kind == "ours" else outside.yardstick
        self.process = start(self.authority, self.port, prefix=prefix)
        return self

    def stop(self):
        self.process.stop(60)

    def argv(self, mode, core, *args):
        a = self.authority
        files = [a.path("ca", ".crt"), a.path("load.test", ".crt"), a.path("load.test", ".key")]
        name = f"--name={outside.SERVER_NAME}"
        return ["taskset", "-c", str(core), str(LOAD), mode, f"127.0.0.1:{self.port}", *files, name, *args]

    def load(self, mode, core, *args):
        run = subprocess.run(self.argv(mode, core, *args), stdout=subprocess.PIPE, text=True, timeout=300)
        if run.returncode != 0:
            raise RuntimeError(f"load {mode} against {self.kind} failed")
        return json.loads(run.stdout)

    def hold(self, n):
        """Opens n connections with a call each and keeps them; end with communicate()."""
        p = subprocess.Popen(
            self.argv("hold", 1, f"--parallel={n}"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if not p.stdout.readline():
            raise RuntimeError(f"cannot hold {n} connections against {self.kind}")
        return p


def measure_round(sides, results):
    seconds = f"--seconds={SECONDS}"
    for s in sides:
        r = s.load("unary", 0, seconds)
        results.add("unary p50, one core", s.kind, r["p50"], "us")
        results.add("unary p99, one core", s.kind, r["p99"], "us")
    for s in sides:
        before = s.process.cpu()
        r = s.load("unary", 1, seconds, "--parallel=32")
        results.add("calls, 32 in flight", s.kind, r["rate"], "1/s", True)
        results.add("processor time a call, 32 in flight", s.kind, (s.process.cpu() - before) / r["calls"] * 1e6, "us")
    for what, mode, n in (("server stream", "down", 1), ("4 echo streams", "echo", 4)):
        name = f"32 KiB messages, {what}"
        for s in sides:
            before = s.process.cpu()
            r = s.load(mode, 1, seconds, "--size=32768", f"--parallel={n}")
            results.add(name, s.kind, r["rate"], "MB/s", True)
            results.add(f"processor time a MB, {name}", s.kind, (s.process.cpu() - before) / r["mb"] * 1e6, "us")
    for s in sides:
        before = s.process.cpu()
        r = s.load("connect", 1, seconds, "--parallel=8")
        results.add("connections", s.kind, r["rate"], "1/s", True)
        results.add("processor time a connection", s.kind, (s.process.cpu() - before) / r["calls"] * 1e6, "us")


def measure_memory(side, results):
    for n in (1, 100, 1000):
        side.start()
        holder = side.hold(n)
        results.add(f"RSS, {n} connection{'s' if n > 1 else ''}", side.kind, side.process.rss_kb() / 1024, "MiB")
        holder.communicate()
        side.stop()


def measure_idle(sides, results):
    """Both at the same time: neither does anything."""
    holders = [s.start().hold(10) for s in sides]
    time.sleep(2)
    before = [s.process.wakeups() for s in sides]
    time.sleep(5)
    for s, b in zip(sides, before):
        results.add("idle wakeups, 10 connections", s.kind, (s.process.wakeups() - b) / 5, "1/s")
    for h, s in zip(holders, sides):
        h.communicate()
        s.stop()


def count_syscalls(side, n, folder):
    """System calls of the server during a connection with n calls."""
    out = pathlib.Path(folder) / "strace"
    side.start()
    strace = subprocess.Popen(
        ["strace", "-c", "-f", "-o", str(out), "-p", str(side.process.pid)], stderr=subprocess.PIPE, text=True
    )
    strace.stderr.readline()
    side.load("unary", 0, f"--calls={n}")
    strace.send_signal(2)
    strace.communicate()
    side.stop()
    return int(re.search(r"^\s*100\.00\s.*?(\d+)(?:\s+\d+)?\s+total$", out.read_text(), re.M).group(1))


def count_instructions(side, n, folder):
    out = pathlib.Path(folder) / f"callgrind-{side.kind}-{n}"
    side.start(("valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}"))
    side.load("unary", 1, f"--calls={n}")
    side.stop()
    return int(re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.M).group(1))


def measure_counts(side, results, folder):
    """What repeats exactly: the difference of a long run and a short one, so that start and handshake cancel out."""
    for name, tool, count in (
        ("system calls a call", "strace", count_syscalls),
        ("instructions a call", "valgrind", count_instructions),
    ):
        if shutil.which(tool):
            few, many = 200, 1200
            results.add(
                name, side.kind, (count(side, many, folder) - count(side, few, folder)) / (many - few), "", False
            )


def measure(results):
    with tempfile.TemporaryDirectory() as folder:
        authority = outside.Authority(folder).issue("load.test")
        sides = [Side(k, authority) for k in KINDS]
        for s in sides:
            s.start()
        for _ in range(ROUNDS):
            measure_round(sides, results)
        for s in sides:
            s.stop()
        for s in sides:
            measure_memory(s, results)
        measure_idle(sides, results)
        for s in sides:
            measure_counts(s, results, folder)
