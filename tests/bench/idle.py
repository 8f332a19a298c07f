# SPDX-License-Identifier: Apache-2.0
"""Runs in a machine, from standard input: what processes cost while nobody asks for anything. Arguments: for how many
seconds, and their numbers; prints a list of [KiB of memory, microseconds of processor time a second, wakeups a
second]."""

import json
import os
import pathlib
import sys
import time


def look(pid):
    cpu = wakeups = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        cpu += int((task / "schedstat").read_text().split()[0])
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                wakeups += int(line.split()[1])
    return cpu / 1e3, wakeups


def memory(pid):
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024


seconds = float(sys.argv[1])
pids = sys.argv[2:]
before = [look(p) for p in pids]
time.sleep(seconds)
after = [look(p) for p in pids]
print(json.dumps([[memory(p), (b[0] - a[0]) / seconds, (b[1] - a[1]) / seconds]
                  for p, a, b in zip(pids, before, after)]))
