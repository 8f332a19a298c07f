# SPDX-License-Identifier: Apache-2.0
"""How busy machines are and what the host is, through the admin."""

import json

import pytest
from lab import wait_until

pytestmark = pytest.mark.reference("issue 4: stats, sysinfo")

NAME, BUSY = "busy", "givc-test-busy.service"


def stats(lab, vm):
    return json.loads(lab.ctl("call", "GetStats", json.dumps({"VmName": vm})).stdout)


@pytest.mark.parametrize("machine", ["net-vm", "app-vm"])
def test_processes_of_other_users_are_seen(lab, machine):
    """An agent of the system, which has no capabilities, and one of a session."""
    lab.exec(machine, "cp", "/bin/sh", f"/usr/local/bin/{NAME}")
    lab.exec(machine, "systemd-run", f"--unit={BUSY}", "--uid=65534", NAME, "-c", "while :; do :; done")
    try:
        wait_until(lambda: any(p["Name"] == NAME and p.get("User", 0) + p.get("Sys", 0) > 0
                               for p in stats(lab, machine)["Process"].get("CpuProcesses", [])), 30, "a busy process")
        memory = stats(lab, machine)["Process"]["MemProcesses"]
        assert len(memory) == 5
        assert [int(p["ResSetSize"]) for p in memory] == sorted((int(p["ResSetSize"]) for p in memory), reverse=True)
        assert int(memory[0]["ResSetSize"]) > 1_000_000                  # bytes
    finally:
        lab.exec(machine, "systemctl", "stop", BUSY)


def test_the_whole_machine_is_counted(lab):
    reply = stats(lab, "net-vm")
    n_processes = int(lab.exec("net-vm", "sh", "-c", "ls -d /proc/[0-9]* | wc -l").stdout)
    assert int(reply["Process"]["Total"]) >= n_processes // 2
    total = int(lab.exec("net-vm", "awk", "/^MemTotal/{print $2}", "/proc/meminfo").stdout) * 1024
    assert int(reply["Memory"]["Total"]) == total and int(reply["Process"]["TotalCycles"]) > 0


def test_what_the_host_is(lab):
    lab.exec("ghaf-host", "sh", "-c", "printf '#!/bin/sh\\necho 25.06.test\\n' > /usr/local/bin/ghaf-version; "
             "chmod 755 /usr/local/bin/ghaf-version")
    try:
        wait_until(lambda: lab.ctl("sysinfo").stdout.splitlines()[0] == "Ghaf Version: 25.06.test", 10, "the version")
    finally:
        lab.exec("ghaf-host", "rm", "/usr/local/bin/ghaf-version")
    wait_until(lambda: lab.ctl("sysinfo").stdout.splitlines()[0] == "Ghaf Version: Unknown", 10, "the next answer")


def test_all_machines_in_one_table(lab):
    rows = json.loads(lab.ctl("top", "-j").stdout)["VMs"]
    assert [row["VmName"] for row in rows] == ["ghaf-host", "gui-vm", "net-vm", "app-vm"]
    assert all("Stats" in row for row in rows)
    lab.fleet("cut", "gui-vm")
    wait_until(lambda: "Error" in json.loads(lab.ctl("top", "-j").stdout)["VMs"][1], 60, "gui-vm to be missed")
    assert lab.ctl("get-stats", "net-vm").stdout.startswith("StatsResponse { memory: Some(MemoryStats { total: ")
