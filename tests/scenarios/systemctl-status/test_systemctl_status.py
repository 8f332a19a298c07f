# SPDX-License-Identifier: Apache-2.0
"""systemctl status of the daemons says what an administrator wants to know first."""

import pytest
from lab import wait_until


@pytest.mark.contract(14)
def test_systemctl_status_says_how_they_are(lab):
    n_agents = len([m for m in lab.topology.machines.values() if m.has_agent])
    wait_until(lambda: f"{n_agents} agents" in lab.status_text("admin-vm"))
    with lab.watch():
        wait_until(lambda: "1 watcher" in lab.status_text("admin-vm"))
    for machine in ("ghaf-host", "net-vm", "app-vm"):
        wait_until(lambda: "registered with" in lab.status_text(machine))
        shown = lab.systemctl(machine, "status", lab.daemon(machine)).stdout
        assert "admin-vm" in next(line for line in shown.splitlines() if "Status:" in line)
