# SPDX-License-Identifier: Apache-2.0
"""The fleet's control groups: in a delegated scope where systemd runs the computer, elsewhere off the root."""

import os
import time
from pathlib import Path

from .paths import NAME

IS_SYSTEMD = os.path.isdir("/run/systemd/system")


def mounts():
    """Mount points of the unified hierarchy and, on a hybrid computer, of systemd's own; the unified one first."""
    unified, named = [], []
    with open("/proc/self/mounts", encoding="utf-8") as f:
        for line in f:
            _, place, kind, options = line.split()[:4]
            if kind == "cgroup2":
                unified.append(Path(place))
            elif kind == "cgroup" and "name=systemd" in options:
                named.append(Path(place))
    if not unified:
        raise OSError("This computer has no cgroup2 mount, which systemd in the machines needs.")
    return unified[:1] + named[:1]


def base():
    """The group that everything of the fleet is in, relative to the mount points; to be asked in the keeper."""
    if not IS_SYSTEMD:
        return NAME
    with open("/proc/self/cgroup", encoding="utf-8") as f:
        return next(line.strip().split(":", 2)[2] for line in f if line.startswith("0::")).lstrip("/")


def enter(group):
    """Moves the calling process; for use between fork and exec."""
    for mount in mounts():
        directory = mount / group
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "cgroup.procs").write_text("0", encoding="ascii")


def freeze(group, is_frozen):
    """Stops all processes in the group and below where they are, or lets them go on."""
    (mounts()[0] / group / "cgroup.freeze").write_text("1" if is_frozen else "0", encoding="ascii")


def remove(group, seconds=5):
    """Kills what is left in the group and removes it with all groups below; what does not go in time stays."""
    deadline = time.monotonic() + seconds
    for mount in mounts():
        top = mount / group
        kill = top / "cgroup.kill"
        if kill.exists():
            kill.write_text("1", encoding="ascii")
        while top.exists() and time.monotonic() < deadline:
            if not remove_tree(top):
                time.sleep(0.02)


def remove_tree(top):
    for directory, _, _ in os.walk(top, topdown=False):
        try:
            os.rmdir(directory)
        except OSError:
            return False
    return True
