#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the rpc runtime against a plain C++ gRPC server with the same load, one after the other in one run, and
writes build/bench/rpc.json. Ratios above 1 are better for the runtime. BENCH_ROUNDS and BENCH_SECONDS make it longer or
shorter."""

import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import outside  # noqa: E402

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "1"))
LOAD = outside.BUILD / "tests/bench/load"
ON_CORE_0 = ("taskset", "-c", "0")
KINDS = ("ours", "yardstick")


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


class Results:
    def __init__(self):
        self.samples = {}
        self.units = {}

    def add(self, name, kind, value, unit, more_is_better=False):
        self.samples.setdefault(name, {}).setdefault(kind, []).append(value)
        self.units[name] = (unit, more_is_better)

    def rows(self):
        for name, kinds in self.samples.items():
            unit, more = self.units[name]
            ours, yard = (statistics.median(kinds[k]) for k in KINDS)
            ratio = (ours / yard if yard else 0) if more else (yard / ours if ours else 0)
            yield {
                "name": name,
                "ours": round(ours, 3),
                "yardstick": round(yard, 3),
                "ratio": round(ratio, 3),
                "unit": unit,
            }


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
    for s in sides:
        r = s.load("down", 1, seconds, "--size=32768")
        results.add("32 KiB messages, server stream", s.kind, r["rate"], "MB/s", True)
    for s in sides:
        r = s.load("echo", 1, seconds, "--size=32768", "--parallel=4")
        results.add("32 KiB messages, 4 echo streams", s.kind, r["rate"], "MB/s", True)
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


def main():
    if (load := os.getloadavg()[0]) > 0.5:
        print(f"Others use this machine (load {load:.1f}): only what is counted, not timed, can be trusted.\n")
    results = Results()
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

    rows = list(results.rows())
    print(f"{'':40} {'ours':>12} {'yardstick':>12} {'ratio':>7}")
    for r in rows:
        print(f"{r['name']:40} {r['ours']:12.2f} {r['yardstick']:12.2f} {r['ratio']:7.2f}  {r['unit']}")
    out = outside.BUILD / "bench/rpc.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(rows, indent=2) + "\n")


main()
