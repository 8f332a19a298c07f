# SPDX-License-Identifier: Apache-2.0
"""Runs in a machine, or is imported: KiB of memory of processes, what they share with others by halves, thirds and so
on. Arguments: a unit of the system manager, and the name of those of its processes that count."""

import pathlib
import re
import sys


def of(pids):
    rollups = (pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids)
    return sum(int(re.search(r"^Pss:\s+(\d+) kB", text, re.M)[1]) for text in rollups)


def named(unit, name):
    pids = pathlib.Path(f"/sys/fs/cgroup/system.slice/{unit}/cgroup.procs").read_text().split()
    return [pid for pid in pids if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == name]


if __name__ == "__main__":
    print(of(named(*sys.argv[1:])))
