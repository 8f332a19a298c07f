# SPDX-License-Identifier: Apache-2.0
"""Registration is a session: an agent registers again whenever its admin is a new one, and an admin that comes back
knows what its predecessor knew."""

import signal

import pytest
from lab import wait_until
from old_agent import OldAgent

pytestmark = [pytest.mark.contract(3), pytest.mark.reference("R1", "R2")]


def test_the_admin_is_killed_and_knows_everything_again(lab):
    app = lab.start_app()
    before, process = lab.list(), lab.show("app-vm", app, "MainPID")
    old = lab.pid("admin-vm")
    with lab.watch() as watch:
        lab.signal_daemon("admin-vm", signal.SIGKILL)
        with pytest.raises(AssertionError, match="(?s)watch ended with 6: .*Unavailable"):
            watch.next(lambda *_: False)
    wait_until(lambda: lab.pid("admin-vm") not in (0, old))
    lab.wait_until_registered(*lab.expected_names(), app, seconds=5)
    wait_until(lambda: lab.list() == before, what="the list as it was, each state with its time,")
    assert lab.show("app-vm", app, "MainPID") == process, "applications do not notice"
    lab.ctl("stop", app)


@pytest.mark.parametrize("machine", ["net-vm", "app-vm"])
def test_an_agent_is_killed_and_registers_again(lab, machine):
    before, old = set(lab.list()), lab.pid(machine)
    lab.signal_daemon(machine, signal.SIGKILL)
    wait_until(lambda: lab.pid(machine) not in (0, old))
    wait_until(lambda: "registered with" in lab.status_text(machine))
    wait_until(lambda: set(lab.list()) == before and lab.entry(lab.daemon(machine))["VmStatus"] == "Running")


@pytest.mark.parametrize("stop", ["kill", "restart"])
def test_an_agent_that_registers_once_outlives_the_admin(lab, stop):
    with OldAgent(lab, "gui-vm", ["old.service"]):
        wait_until(lambda: lab.entry("old.service"))
        before = lab.list()
        old = lab.pid("admin-vm")
        if stop == "kill":
            lab.signal_daemon("admin-vm", signal.SIGKILL)
        else:
            lab.systemctl("admin-vm", "restart", "givc-admin.service")
        wait_until(lambda: lab.pid("admin-vm") not in (0, old))
        wait_until(lambda: lab.list() == before, what="the list as it was, each state with its time,")


def test_it_does_not_outlive_a_reboot(lab):
    with OldAgent(lab, "gui-vm", ["old.service"]):
        wait_until(lambda: lab.entry("old.service"))
        lab.fleet("kill", "admin-vm")
        lab.fleet("boot", "admin-vm")
        others = lab.expected_names() - {"givc-gui-vm.service", "display.service"}
        lab.wait_until_registered(*others)
        assert not {"old.service", "givc-gui-vm.service"} & lab.names()


def test_what_happens_without_the_admin_is_known_to_the_next_one(lab, app):
    """One application ends, one is frozen, a service stops: none of it is news to anybody until the admin is back."""
    other = lab.start_app()
    lab.systemctl("admin-vm", "stop", "givc-admin.socket", "givc-admin-local.socket", "givc-admin.service")
    lab.session("systemctl", "--user", "stop", app)
    lab.session("systemctl", "--user", "freeze", other)
    lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
    lab.systemctl("admin-vm", "start", "givc-admin.socket", "givc-admin-local.socket", "givc-admin.service")
    wait_until(lambda: {item["Name"]: item["VmStatus"] for item in lab.list().values()
                        if item["Name"] in (app, other, "dhcp.service")}
               == {other: "Paused", "dhcp.service": "PoweredOff"})
    lab.exec("net-vm", "systemctl", "start", "dhcp.service")
    lab.ctl("resume", other)
    lab.ctl("stop", other)


def test_an_agent_without_an_admin_keeps_trying(lab):
    """Each unit is registered for itself: also those that were refused once."""
    before = set(lab.list())
    lab.systemctl("admin-vm", "stop", "givc-admin.socket", "givc-admin-local.socket", "givc-admin.service")
    cursor = lab.cursor("net-vm")
    lab.systemctl("net-vm", "restart", "givc-net-vm.service")
    wait_until(lambda: "registered" not in lab.status_text("net-vm"))
    lab.fleet("kill", "admin-vm")               # and the admin's machine, so that it has forgotten all of them
    lab.fleet("boot", "admin-vm")
    lab.wait_until_registered()
    wait_until(lambda: set(lab.list()) == before)
    said = [m["MESSAGE"] for m in lab.messages("net-vm", "givc-net-vm.service", cursor) if int(m["PRIORITY"]) <= 4]
    assert len(said) <= 2, f"a fact is said once, however often it is tried: {said}"
