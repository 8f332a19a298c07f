# SPDX-License-Identifier: Apache-2.0
"""Certificates change without a restart and without dropping a call; a revocation list drops its peers."""

import pytest
from lab import wait_until


@pytest.mark.contract(11)
@pytest.mark.parametrize("machine", ["admin-vm", "ghaf-host", "net-vm", "app-vm"])
def test_reload_keeps_the_process_and_the_service(lab, machine):
    unit = lab.daemon(machine)
    old = lab.pid(machine)
    lab.systemctl(machine, "reload", unit)
    wait_until(lambda: lab.show(machine, unit, "ActiveState") == "active")
    assert lab.pid(machine) == old
    lab.ctl("list")
