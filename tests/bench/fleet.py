# SPDX-License-Identifier: Apache-2.0
"""The whole on real systemd: what a person or a program waits for, against what systemd's own tools take for the same
thing on the machine itself, without network, TLS or admin. What is faster than that is not to be had."""

import contextlib
import json
import pathlib
import queue
import subprocess
import tempfile
import threading
import time

import admin
import outside
from figures import ROUNDS
from fleets import Fleets
from givcfleet.paths import DEFAULT_TOPOLOGY
from lab import TOOL, wait_until

HERE = pathlib.Path(__file__).resolve().parent
UNIT = "display.service"
POLL_MSEC = 5000  # how often the admin that we replace looks at each unit
TIMES = 5  # runs of a command in a round
IDLE_SECONDS = 20


class Reader:
    """Lines of a program, each with the time at which it came."""

    def __init__(self, *argv):
        self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.queue = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.popen.stdout:
            self.queue.put((time.monotonic() * 1e3, line))
        self.queue.put((0, b""))

    def wait(self, wanted, seconds=20):
        """When the first line came that wanted(line) likes, and what that said of it."""
        while True:
            when, line = self.queue.get(timeout=seconds)
            if not line:
                raise RuntimeError(f"{self.popen.args} has ended")
            if found := wanted(line):
                return when, found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.terminate()
        self.popen.wait()


def script(lab, name, machine, *words, **options):
    with (HERE / name).open("rb") as source:
        return json.loads(lab.exec(machine, "/usr/bin/python3", "-", *map(str, words), stdin=source, **options).stdout)


def stopwatch(lab, machine, command, undo=None, **options):
    return script(lab, "stopwatch.py", machine, TIMES, json.dumps(command), json.dumps(undo), **options)


def told_by_bus(active):
    """PropertiesChanged of the unit: when systemd's clock says that it became so, in milliseconds."""

    def wanted(line):
        if b'"ActiveState"' not in line:
            return None
        properties = json.loads(line)["payload"]["data"][1]
        runs = properties["ActiveState"]["data"] == "active"
        return runs == active and properties["StateChangeTimestampMonotonic"]["data"] / 1e3

    return wanted


def told_by_admin(active):
    def wanted(line):
        (kind, item), = json.loads(line.lstrip(b"\x1e")).items()
        return kind == "Updated" and item["Name"] == UNIT and (item["VmStatus"] == "Running") == active

    return wanted


def measure_news(lab, results):
    """One change at a time, seen by two readers: `givcctl watch` in another machine, `busctl monitor` beside the unit,
    both from systemd's own time stamp on."""
    match = "type='signal',member='PropertiesChanged',path='/org/freedesktop/systemd1/unit/display_2eservice'"
    monitor = (TOOL, "exec", "gui-vm", "--", "busctl", "monitor", "--json=short", "--match", match)
    with Reader(TOOL, "ctl", "watch", "--json=short") as ours, Reader(*monitor) as theirs:
        ours.wait(lambda line: b'"Initial"' in line)
        theirs.wait(lambda line: b"Monitoring" in line)
        for _ in range(2 * ROUNDS):
            for verb, active in (("stop", False), ("start", True)):
                lab.systemctl("gui-vm", verb, UNIT)
                came, began = theirs.wait(told_by_bus(active))
                results.add("state change to watcher, over busctl monitor there", "yardstick", came - began, "ms")
                came, _ = ours.wait(told_by_admin(active))
                results.add("state change to watcher, over busctl monitor there", "ours", came - began, "ms")
                results.add("the same, over polling (half of its 5 s, computed)", "ours", came - began, "ms")
                results.add("the same, over polling (half of its 5 s, computed)", "yardstick", POLL_MSEC / 2, "ms")


def measure_commands(lab, results):
    """Processes from beginning to end, as a shell runs them."""
    status = {"VmName": "gui-vm", "UnitName": UNIT}
    agent = {"UnitName": UNIT}
    direct = ["env", "GIVC_NAME=gui-vm", "givcctl", "--admin=tcp:192.168.101.3:9000", "call"]
    plain = ["systemd-run", "--user", "--quiet", "--collect", "--service-type=exec", "--unit=plain.service"]

    def add(name, ours, theirs):
        for kind, samples in (("ours", ours), ("yardstick", theirs)):
            for s in samples:
                results.add(name, kind, s, "ms")

    for _ in range(ROUNDS):
        add(
            "warm start of an application, over systemd-run there",
            stopwatch(lab, "ghaf-host", ["givcctl", "start", "app", "hold", "--vm", "app-vm"],
                      ["givcctl", "stop", "app", "hold", "--vm", "app-vm"]),
            stopwatch(lab, "app-vm", [*plain, "sleep", "infinity"], ["systemctl", "--user", "stop", "plain.service"],
                      user="ghaf"),
        )
        add(
            "givcctl show, over systemctl show there",
            stopwatch(lab, "ghaf-host", ["givcctl", "show", "--vm", "gui-vm", UNIT]),
            stopwatch(lab, "gui-vm", ["systemctl", "show", UNIT]),
        )
        add(
            "get-status through the admin, over asking the agent",
            stopwatch(lab, "admin-vm", ["givcctl", "call", "admin.AdminService/GetUnitStatus", json.dumps(status)]),
            stopwatch(lab, "admin-vm",
                      [*direct, "systemd.UnitControlService/GetUnitStatus", json.dumps(agent)]),
        )


def make_targets(lab, n):
    """So many units for systemd to list: targets, which cost it nothing else."""
    names = " ".join(f"bench-{i}.target" for i in range(n))
    lab.exec("net-vm", "sh", "-c", f"cd /run/systemd/system && for i in {names}; do echo '[Unit]' > $i; done && "
             f"systemctl daemon-reload && systemctl start {names}")


def list_command(side):
    authority = side.authority
    argv = [str(outside.BUILD / "givcctl"), f"--admin=tcp:127.0.0.1:{side.port}", f"--name={outside.SERVER_NAME}"]
    for option, name, suffix in (("cacert", "ca", ".crt"), ("cert", "vm-0", ".crt"), ("key", "vm-0", ".key")):
        argv.append(f"--{option}={authority.path(name, suffix)}")
    return [*argv, "list"]


def measure_list(lab, results):
    """A thousand entries: from an admin by TLS, and, from systemd by its bus, as many units. The yardstick is what an
    administrator types for a list; the two tables have about as many columns."""
    name = "givcctl list of 1000, over systemctl list-units"
    make_targets(lab, 1000)
    with tempfile.TemporaryDirectory() as folder:
        authority = outside.Authority(folder).issue(outside.SERVER_NAME)
        for i in range(admin.LISTED[0]):
            authority.issue(f"vm-{i}")
        with admin.Side("ours", authority, ()) as side, admin.Crowd(side, *admin.LISTED) as crowd:
            crowd.do("storm")
            local = ["/usr/bin/python3", HERE / "stopwatch.py", str(TIMES), json.dumps(list_command(side)), "null"]
            for _ in range(ROUNDS):
                for s in json.loads(subprocess.run(local, check=True, stdout=subprocess.PIPE).stdout):
                    results.add(name, "ours", s, "ms")
                for s in stopwatch(lab, "net-vm", ["systemctl", "list-units", "--no-pager", "bench-*"]):
                    results.add(name, "yardstick", s, "ms")


def measure_idle(lab, results):
    """Beside each daemon are those of systemd that everybody has: logind, which serves a few calls on the bus as our
    daemons do by gRPC, for memory, and PID 1 for time, since logind does nothing at all."""
    with Reader(TOOL, "ctl", "watch", "--json=short") as watcher:
        watcher.wait(lambda line: b'"Initial"' in line)
        for machine, name in (("gui-vm", "givc-agent"), ("admin-vm", "givc-admin")):
            logind = lab.show(machine, "systemd-logind.service", "MainPID")
            ours, neighbour, manager = script(lab, "idle.py", machine, IDLE_SECONDS, lab.pid(machine), logind, 1)
            for what, unit, i, theirs in (
                ("RSS, over systemd-logind", "KiB", 0, neighbour),
                ("idle processor time, over PID 1 there", "us/s", 1, manager),
                ("idle wakeups, over PID 1 there", "1/s", 2, manager),
            ):
                results.add(f"{name}: {what}", "ours", ours[i], unit)
                results.add(f"{name}: {what}", "yardstick", theirs[i], unit)


@contextlib.contextmanager
def machines(topology):
    with tempfile.TemporaryDirectory() as folder:
        fleets = Fleets(folder)
        try:
            yield fleets.get(topology if isinstance(topology, str) else json.dumps(topology))
        finally:
            fleets.down()


def measure(results):
    with machines(DEFAULT_TOPOLOGY.read_text()) as lab:
        lab.wait_until_registered()
        measure_news(lab, results)
        measure_commands(lab, results)
        measure_list(lab, results)
        wait_until(lambda: "hold@0.service" not in lab.names(), what="the applications gone")
        measure_idle(lab, results)
