# SPDX-License-Identifier: Apache-2.0
"""A unit that takes its time, a VM that is suspended, a bus that has frozen: each delays who waits for it, and nobody
else. What waits is known to wait, by the state of its unit; what does not has to answer meanwhile."""

import grpc
import pytest
from api import ADMIN, UNITS
from changes import UNTIL, changed_unit, go_on
from lab import wait_until
from stream import Stream

pytestmark = [pytest.mark.contract(12), pytest.mark.reference("R3", "R4", "R13")]
LONG = 600                                      # seconds: who waits has all the time


def start_service(lab, channel, name="dhcp.service", vm="net-vm", timeout=LONG):
    request = lab.api.message("admin.ServiceRequest")(ServiceName=name, VmName=vm)
    return lab.api.bind(channel, ADMIN, "StartService").future(request, timeout=timeout)


@pytest.fixture
def slow_start(lab):
    """dhcp.service is off, and its start takes until go_on()."""
    lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
    with changed_unit(lab, "net-vm", "dhcp.service", f"ExecStartPre={UNTIL}\nTimeoutStartSec=infinity"):
        yield lab
    lab.exec("net-vm", "systemctl", "restart", "dhcp.service")


def everything_else_works(lab):
    """Calls to all agents, net-vm's too, an application's life, and a change that is watched."""
    with lab.channel("ghaf-host") as channel:
        stream = Stream(lab, channel)
        for vm, unit in (("net-vm", "givc-net-vm.service"), ("gui-vm", "display.service"),
                         ("ghaf-host", "microvm@app-vm.service")):
            status = lab.call(channel, f"{ADMIN}/GetUnitStatus", VmName=vm, UnitName=unit)
            assert status.ActiveState == "active"
        app = lab.start_app()
        lab.ctl("pause", app)
        stream.wait_for(app, "Paused")
        lab.ctl("stop", app)
        stream.wait_for(app, kind="Removed")
        stream.cancel()


def test_a_start_that_takes_minutes(slow_start):
    lab = slow_start
    with lab.channel("gui-vm") as channel:
        starts = [start_service(lab, channel) for _ in range(20)]
        wait_until(lambda: lab.show("net-vm", "dhcp.service", "ActiveState") == "activating")
        everything_else_works(lab)
        assert not any(s.done() for s in starts)
        go_on(lab, "net-vm")
        assert {s.result().registryId for s in starts} == {"givc-net-vm.service"}


def test_who_waits_may_leave(slow_start):
    """The job is systemd's: it goes on without its caller."""
    lab = slow_start
    with lab.channel("gui-vm") as channel:
        start = start_service(lab, channel)
        wait_until(lambda: lab.show("net-vm", "dhcp.service", "ActiveState") == "activating")
        start.cancel()
        short = start_service(lab, channel, timeout=0.5)
        assert short.exception().code() == grpc.StatusCode.DEADLINE_EXCEEDED
    go_on(lab, "net-vm")
    wait_until(lambda: lab.entry("dhcp.service")["VmStatus"] == "Running")


def test_a_vm_is_suspended(lab):
    """It answers nothing and its connections stand: a caller's deadline holds, and nothing else is late."""
    lab.fleet("freeze", "net-vm")
    with lab.channel("gui-vm") as channel:
        request = lab.api.message("admin.UnitStatusRequest")(VmName="net-vm", UnitName="dhcp.service")
        waiting = lab.api.bind(channel, ADMIN, "GetUnitStatus").future(request, timeout=LONG)
        short = lab.api.bind(channel, ADMIN, "GetUnitStatus").future(request, timeout=0.5)
        assert short.exception().code() == grpc.StatusCode.DEADLINE_EXCEEDED
        app = lab.start_app()
        lab.ctl("stop", app)
        status = lab.call(channel, f"{ADMIN}/GetUnitStatus", VmName="gui-vm", UnitName="display.service")
        assert status.ActiveState == "active"
        assert not waiting.done()
        lab.fleet("thaw", "net-vm")
        assert waiting.result().ActiveState == "active"


def test_a_bus_is_frozen(lab):
    """The agent's bus: what it is needed for waits until the caller's deadline; the rest is served."""
    bus = lab.show("net-vm", "dbus.service", "MainPID")
    lab.exec("net-vm", "kill", "-STOP", bus)
    try:
        with lab.channel("admin-vm", "net-vm") as channel, lab.channel("gui-vm") as others:
            with pytest.raises(grpc.RpcError) as late:
                lab.call(channel, f"{UNITS}/StopUnit", timeout=1, UnitName="dhcp.service")
            assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
            health = lab.call(channel, "grpc.health.v1.Health/Check")
            assert health.status == 1
            app = lab.start_app()
            lab.ctl("stop", app)
            assert lab.call(others, f"{ADMIN}/QueryList").List
    finally:
        lab.exec("net-vm", "kill", "-CONT", bus)
    lab.exec("net-vm", "systemctl", "start", "dhcp.service")
    wait_until(lambda: lab.entry("dhcp.service")["VmStatus"] == "Running")
    old = lab.pid("net-vm")
    with lab.watch() as watch:
        lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
        watch.wait_for("dhcp.service", "PoweredOff")
        lab.exec("net-vm", "systemctl", "start", "dhcp.service")
        watch.wait_for("dhcp.service", "Running")
    assert lab.pid("net-vm") == old
