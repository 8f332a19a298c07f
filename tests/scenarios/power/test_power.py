# SPDX-License-Identifier: Apache-2.0
"""The host's power: it is the host's agent that asks its systemd, and the admin's caller that is told how that went."""

import pytest
from api import ADMIN
from changes import UNTIL, change_unit, go_on, restore_unit
from lab import wait_until

pytestmark = pytest.mark.reference("2.7", "R9")
UNIT = "microvm@app-vm.service"


@pytest.fixture
def sleeper(lab):
    """A container cannot sleep: its sleep is a file that is not there yet."""
    change_unit(lab, "ghaf-host", "systemd-suspend.service", f"ExecStart=\nExecStart={UNTIL}")
    yield lab
    restore_unit(lab, "ghaf-host", "systemd-suspend.service")


def test_suspend_answers_after_resume(sleeper):
    lab = sleeper
    with lab.channel("gui-vm") as channel:
        suspend = lab.api.bind(channel, ADMIN, "Suspend").future(lab.api.message("admin.Empty")(), timeout=60)
        wait_until(lambda: lab.show("ghaf-host", "systemd-suspend.service", "ActiveState") == "activating")
        status = lab.call(channel, f"{ADMIN}/GetUnitStatus", VmName="ghaf-host", UnitName=UNIT)
        assert status.ActiveState == "active"
        assert not suspend.done()
        go_on(lab, "ghaf-host")
        suspend.result()
