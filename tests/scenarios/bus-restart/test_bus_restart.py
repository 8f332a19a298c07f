# SPDX-License-Identifier: Apache-2.0
"""The bus of an agent goes away: it reconnects to its service manager, and hears of changes again."""

import pytest

pytestmark = [pytest.mark.contract(13), pytest.mark.reference("R13")]


@pytest.mark.parametrize("machine", ["app-vm", "net-vm"])
def test_systemd_executes_itself_again_and_the_agent_goes_on(lab, machine):
    old = lab.pid(machine)
    lab.systemctl(machine, "daemon-reexec")
    if machine == "app-vm":
        with lab.watch() as watch:
            app = lab.start_app()
            watch.wait_for(app, "Running")
            lab.ctl("pause", app)
            watch.wait_for(app, "Paused")
            lab.ctl("resume", app)
            watch.wait_for(app, "Running")
            lab.session("systemctl", "--user", "kill", "-s", "KILL", app)
            watch.wait_for(app, kind="Removed")
    else:
        with lab.watch() as watch:
            lab.exec(machine, "systemctl", "stop", "dhcp.service")
            watch.wait_for("dhcp.service", "PoweredOff")
            lab.exec(machine, "systemctl", "start", "dhcp.service")
            watch.wait_for("dhcp.service", "Running")
    assert lab.pid(machine) == old
