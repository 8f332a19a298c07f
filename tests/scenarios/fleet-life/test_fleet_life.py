# SPDX-License-Identifier: Apache-2.0
"""How fleets end (CONTRACT, "The fleet tool"): whatever happens to the tool, nothing of a fleet stays behind."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from lab import TOOL, wait_until

from givcfleet import cgroup
from givcfleet.paths import DEFAULT_NAME, NAME, STATE

TOPOLOGY = None                                 # it boots its own, again and again
MACHINES = {"machines": {"net-vm": {"role": "sysvm", "address": "192.168.101.1", "start": "none"}}}
UP = ["up", "--wait", "300"]


@pytest.fixture
def topology(tmp_path):
    path = tmp_path / "topology.json"
    path.write_text(json.dumps(MACHINES), encoding="utf-8")
    yield str(path)
    subprocess.run([TOOL, "down"], check=True)
    assert not STATE.exists()


def processes(pattern):
    """Processes of the computer whose command line matches, but for those of another fleet than ours."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                environment = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            fleet = next((e.partition("=")[2] for e in environment if e.startswith("GIVC_FLEET=")), DEFAULT_NAME)
            if fleet == NAME and re.search(pattern, line):
                found.append(int(entry.name))
    return found


def nothing_is_left():
    groups = [m / cgroup.NAME for m in cgroup.mounts() if (m / cgroup.NAME).exists()]
    mounted = f"{STATE}/" in Path("/proc/self/mounts").read_text(encoding="utf-8")
    running = processes(r"fleet (keep|supervise)|--machine=net-vm ")
    return not (STATE.exists() or groups or mounted or running)


def run(*words, **options):
    return subprocess.run([TOOL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          timeout=400, **options)


def test_down_removes_everything(topology):
    assert run(*UP, topology).returncode == 0
    links = subprocess.run(["ip", "-o", "link"], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "fleet" not in links and "leg" not in links, "the computer's own network knows nothing of it"
    assert run("down").returncode == 0
    assert nothing_is_left()
    assert run("down").returncode == 0, "twice is no mistake"
    gone = run("status")
    assert gone.returncode == 1 and "No fleet is up" in gone.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_up_leaves_nothing(topology, number):
    up = subprocess.Popen([TOOL, *UP, topology], start_new_session=True)
    wait_until(lambda: processes("--machine=net-vm "), 320, "it boots")
    up.send_signal(number)
    assert up.wait() in (128 + number, -number)
    wait_until(nothing_is_left)


def test_a_fleet_goes_with_its_owner(topology):
    with subprocess.Popen(["sleep", "infinity"]) as owner:
        assert run(*UP, topology, "--owner", str(owner.pid)).returncode == 0
        assert run("status").returncode == 0
        owner.kill()
    wait_until(nothing_is_left)


def test_what_a_killed_fleet_left_is_removed_by_the_next(topology):
    assert run(*UP, topology).returncode == 0
    for pid in processes("fleet keep "):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not processes("fleet supervise|--machine=net-vm "), what="the kernel ended the machines")
    assert STATE.exists()
    up = run(*UP, topology)
    assert up.returncode == 0 and "Removed what a killed fleet had left" in up.stdout
    assert run("exec", "net-vm", "--", "true").returncode == 0


def test_a_killed_supervisor_takes_everything_along(topology):
    assert run(*UP, topology).returncode == 0
    os.kill(max(processes("fleet supervise ")), signal.SIGKILL)
    wait_until(nothing_is_left)


@pytest.mark.parametrize("topology_text, word", [
    ("{", "Expecting"),
    ('{"machines": {}}', "no machines"),
    ('{"machines": {"a": {"address": "10.0.0.1"}}}', "192.168.101.0/24"),
    ('{"machines": {"a": {"address": "192.168.101.1", "roll": "host"}}}', "roll"),
    ('{"machines": {"a": {"address": "192.168.101.1", "role": "king"}}}', "king"),
])
def test_a_mistake_in_a_topology_is_told(tmp_path, topology_text, word):
    path = tmp_path / "bad.json"
    path.write_text(topology_text, encoding="utf-8")
    done = run("up", str(path))
    assert done.returncode == 1 and word in done.stderr and "bad.json" in done.stderr


def test_a_machine_that_cannot_boot_is_told(topology):
    broken = {"machines": {"net-vm": {"address": "192.168.101.1", "files": {"/usr/lib/systemd/systemd": "no"}}}}
    Path(topology).write_text(json.dumps(broken), encoding="utf-8")
    done = run(*UP, topology)
    assert done.returncode == 1 and "net-vm" in done.stderr and "died while it booted" in done.stderr
    wait_until(nothing_is_left)
