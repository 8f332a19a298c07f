# SPDX-License-Identifier: Apache-2.0
"""What MonitorUnit measures of a unit in a cgroup of the kernel's own, beside what systemd says of it."""

import json

import pytest
from machine import wait_until

UNIT = "busy.service"
HELD = 64 << 20


@pytest.fixture(scope="module")
def busy(machine):
    machine.systemctl("start", "givc-audio-vm.service", UNIT)
    wait_until(lambda: "held" in machine.journal("--unit", UNIT), what="memory held")
    yield machine
    machine.systemctl("stop", UNIT)


def monitor(machine):
    """Some samples."""
    where = "--admin=vsock:local:9000 --name=audio-vm" + "".join(
        f" --{key}=/etc/givc/{file}.pem" for key, file in (("cacert", "ca-cert"), ("cert", "cert"), ("key", "key")))
    asked = f"givcctl {where} call systemd.UnitControlService/MonitorUnit '{json.dumps({'UnitName': UNIT})}'"
    samples = [json.loads(line) for line in machine.run("sh", "-c", f"{asked} | head -n 4").stdout.splitlines()]
    assert len(samples) == 4
    return samples


def age_and_use(machine):
    """Seconds since it started, and seconds of CPU time."""
    begin = int(machine.show(UNIT, "InactiveExitTimestampMonotonic")) / 1e6
    use = int(machine.show(UNIT, "CPUUsageNSec")) / 1e9
    return float(machine.run("cat", "/proc/uptime").stdout.split()[0]) - begin, use


def test_memory(busy):
    samples = monitor(busy)
    total = int(busy.run("grep", "MemTotal:", "/proc/meminfo").stdout.split()[1]) << 10
    current = int(busy.show(UNIT, "MemoryCurrent"))
    assert current > HELD
    for sample in samples:
        assert sample["memory_usage"] / 100 * total == pytest.approx(current, rel=0.02)


def test_cpu(busy):
    age_before, use_before = age_and_use(busy)
    samples = monitor(busy)
    age_after, use_after = age_and_use(busy)
    assert 0 < use_before < use_after
    for sample in samples:
        assert use_before / age_after * 100 < sample["cpu_usage"] < use_after / age_before * 100


def test_cpu_on_average_since_it_started(busy):
    """Which sinks while it rests."""
    busy.systemctl("kill", "--signal=STOP", UNIT)
    try:
        used = [sample["cpu_usage"] for sample in monitor(busy)]
    finally:
        busy.systemctl("kill", "--signal=CONT", UNIT)
    assert used == sorted(used, reverse=True) and used[0] > used[-1]
