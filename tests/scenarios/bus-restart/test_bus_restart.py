# SPDX-License-Identifier: Apache-2.0
"""The bus of an agent goes away, or its service manager executes itself again: the agent reconnects, hears of changes
again, and knows what changed meanwhile. A call that waits for a job ends with a definite answer."""

import grpc
import pytest
from api import ADMIN
from changes import UNTIL, changed_unit, go_on
from lab import wait_until

pytestmark = [pytest.mark.contract(13), pytest.mark.reference("R13")]


def application_lives(lab):
    with lab.watch() as watch:
        app = lab.start_app()
        watch.wait_for(app, "Running")
        lab.ctl("pause", app)
        watch.wait_for(app, "Paused")
        lab.ctl("resume", app)
        watch.wait_for(app, "Running")
        lab.session("systemctl", "--user", "kill", "-s", "KILL", app)
        watch.wait_for(app, kind="Removed")


def service_is_followed(lab):
    with lab.watch() as watch:
        lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
        watch.wait_for("dhcp.service", "PoweredOff")
        lab.exec("net-vm", "systemctl", "start", "dhcp.service")
        watch.wait_for("dhcp.service", "Running")


LIFE = {"app-vm": application_lives, "net-vm": service_is_followed}


@pytest.mark.parametrize("machine", LIFE)
def test_systemd_executes_itself_again_and_the_agent_goes_on(lab, machine):
    old = lab.pid(machine)
    lab.systemctl(machine, "daemon-reexec")
    LIFE[machine](lab)
    assert lab.pid(machine) == old


@pytest.mark.parametrize("machine", LIFE)
def test_the_bus_is_restarted_and_the_agent_goes_on(lab, machine):
    old, bus = lab.pid(machine), lab.show(machine, "dbus.service", "MainPID")
    lab.systemctl(machine, "kill", "--signal=KILL", "dbus.service")
    wait_until(lambda: lab.exec(machine, "kill", "-0", bus, check=False).returncode != 0)
    lab.systemctl(machine, "start", "dbus.service", check=False)
    LIFE[machine](lab)
    assert lab.pid(machine) == old


def test_what_changes_while_the_bus_is_away_is_known_afterwards(lab):
    """systemctl needs no bus: it speaks to systemd itself."""
    lab.exec("net-vm", "systemctl", "stop", "dbus.socket", "dbus.service")
    with lab.watch() as watch:
        lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
        lab.exec("net-vm", "systemctl", "start", "dbus.socket", "dbus.service")
        watch.wait_for("dhcp.service", "PoweredOff")
        lab.exec("net-vm", "systemctl", "start", "dhcp.service")
        watch.wait_for("dhcp.service", "Running")


def test_a_job_that_outlives_the_bus_is_answered(lab):
    """JobRemoved that nobody heard is not waited for: the job is looked up again."""
    lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
    request = lab.api.message("admin.ServiceRequest")(ServiceName="dhcp.service", VmName="net-vm")
    with changed_unit(lab, "net-vm", "dhcp.service", f"ExecStartPre={UNTIL}\nTimeoutStartSec=infinity"), \
            lab.channel("gui-vm") as channel:
        start = lab.api.bind(channel, ADMIN, "StartService").future(request, timeout=60)
        wait_until(lambda: lab.show("net-vm", "dhcp.service", "ActiveState") == "activating")
        lab.exec("net-vm", "systemctl", "daemon-reexec")
        lab.exec("net-vm", "systemctl", "restart", "dbus.service")
        go_on(lab, "net-vm")
        wait_until(lambda: lab.show("net-vm", "dhcp.service", "ActiveState") == "active")
        error = start.exception()
        assert error is None or error.code() == grpc.StatusCode.UNAVAILABLE, error
    wait_until(lambda: lab.entry("dhcp.service")["VmStatus"] == "Running")
