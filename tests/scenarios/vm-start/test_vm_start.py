# SPDX-License-Identifier: Apache-2.0
"""VMs that are off: an application on one boots it, callers share its start, and what keeps it off is told."""

import grpc
import pytest
from api import ADMIN
from changes import UNTIL, change_unit, changed_daemon, go_on, restore_unit
from lab import TOOL, wait_until
from terminal import Terminal

pytestmark = pytest.mark.contract(4, 5, 7, 12)
BOOT = 90                                       # seconds: --vm-start-timeout and the start of the application
VM, UNIT, AGENT = "app-vm", "microvm@app-vm.service", "givc-app-vm.service"


@pytest.fixture
def off(lab):
    """app-vm is off, and the admin knows it; afterwards nothing runs in it."""
    lab.exec("ghaf-host", "systemctl", "stop", UNIT)
    wait_until(lambda: AGENT not in lab.names(), what=f"{AGENT} gone")
    yield lab
    restore_unit(lab, "ghaf-host", UNIT)
    lab.exec("ghaf-host", "systemctl", "start", UNIT)
    wait_until(lambda: AGENT in lab.names(), what=f"{AGENT} back")
    lab.ctl("stop", "hold", check=False)


def order_of(watch, *wanted):
    """When these were seen, as positions among the events."""
    seen = [(k, v["Name"], v["VmStatus"]) for k, v in watch.events if k != "Initial"]
    return [seen.index(w) for w in wanted]


def test_a_terminal_shows_the_steps(off):
    change_unit(off, "ghaf-host", UNIT, f"ExecStartPre={UNTIL}")
    start = Terminal([TOOL, "ctl", "start", "hold", f"--vm={VM}"])
    start.until(r"\rbooting app-vm \([1-9]\d* s\)", BOOT)
    go_on(off, "ghaf-host")
    start.until(r"\r(waiting for the agent of app-vm|starting hold) \(", BOOT)
    assert start.finish(BOOT) == 0
    assert start.out.startswith("hold@") and start.shown.endswith("\r\033[K")


def test_who_leaves_a_terminal_is_told_what_goes_on(off):
    change_unit(off, "ghaf-host", UNIT, f"ExecStartPre={UNTIL}")
    start = Terminal([TOOL, "ctl", "start", "hold", f"--vm={VM}"])
    start.until(r"\rbooting app-vm \(", BOOT)
    off.exec("ghaf-host", "pkill", "--signal=INT", "--exact", "givcctl")
    assert start.finish(BOOT) != 0
    assert "Interrupted. VM 'app-vm' goes on booting, 'hold' is not started; " in start.shown
    go_on(off, "ghaf-host")
    wait_until(lambda: AGENT in off.names(), BOOT, f"{AGENT} registered")
    assert not [name for name in off.names() if name.startswith("hold@")]


def test_an_application_starts_its_vm(off):
    with off.watch() as watch:
        app = off.ctl("start", "app", "hold", "--vm", VM, timeout=BOOT).stdout.split()[-1]
        watch.wait_for(app, "Running")
        places = order_of(watch, ("Updated", UNIT, "Running"), ("Added", app, "Running"))
        assert places == sorted(places)
        watch.catch_up()
    assert off.show(VM, app, "ActiveState") == "active"
    assert off.states()[VM] == "running"


def test_callers_share_one_start(off):
    after = off.cursor("ghaf-host")
    with off.channel("gui-vm") as channel:
        start_app = off.api.bind(channel, ADMIN, "StartApplication")
        start_vm = off.api.bind(channel, ADMIN, "StartVM")
        app = off.api.message("admin.ApplicationRequest")(AppName="hold", VmName=VM)
        vm = off.api.message("admin.StartVMRequest")(VmName=VM)
        futures = [start_app.future(app, timeout=BOOT) for _ in range(4)]
        futures += [start_vm.future(vm, timeout=BOOT) for _ in range(4)]
        names = [f.result().registryId for f in futures]
    assert names[4:] == [AGENT] * 4 and len(set(names[:4])) == 4
    boots = [m for m in off.journal("ghaf-host", f"--after-cursor={after}")
             if m.get("UNIT") == UNIT and m.get("MESSAGE", "").startswith("Starting ")]
    assert len(boots) == 1


def test_a_start_goes_on_without_its_caller(off):
    change_unit(off, "ghaf-host", UNIT, f"ExecStartPre={UNTIL}")
    with off.channel("gui-vm") as channel:
        gone = off.api.bind(channel, ADMIN, "StartVM").future(off.api.message("admin.StartVMRequest")(VmName=VM),
                                                              timeout=BOOT)
        wait_until(lambda: off.show("ghaf-host", UNIT, "ActiveState") == "activating")
        gone.cancel()
    go_on(off, "ghaf-host")
    wait_until(lambda: AGENT in off.names(), BOOT, f"{AGENT} registered")


def test_a_boot_outlives_the_admin(off):
    change_unit(off, "ghaf-host", UNIT, f"ExecStartPre={UNTIL}")
    request = off.api.message("admin.StartVMRequest")(VmName=VM)
    with off.channel("gui-vm") as channel:
        interrupted = off.api.bind(channel, ADMIN, "StartVM").future(request, timeout=BOOT)
        wait_until(lambda: off.show("ghaf-host", UNIT, "ActiveState") == "activating")
        boot = off.show("ghaf-host", UNIT, "InvocationID")
        off.exec("admin-vm", "systemctl", "kill", "--signal=KILL", "givc-admin.service")
        assert interrupted.exception().code() == grpc.StatusCode.UNAVAILABLE
    off.wait_until_registered("givc-ghaf-host.service")
    with off.channel("gui-vm") as channel:
        again = off.api.bind(channel, ADMIN, "StartVM").future(request, timeout=BOOT)
        go_on(off, "ghaf-host")
        assert again.result().registryId == AGENT
    assert off.show("ghaf-host", UNIT, "InvocationID") == boot, "the boot that went on, and not another one"


def test_what_keeps_a_vm_off_is_told(off):
    change_unit(off, "ghaf-host", UNIT, "ExecStart=\nExecStart=false")
    with off.channel("gui-vm") as channel, pytest.raises(grpc.RpcError) as failed:
        off.call(channel, f"{ADMIN}/StartVM", timeout=BOOT, VmName=VM)
    assert failed.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert failed.value.details().startswith("VM 'app-vm' cannot be started: ")


def test_a_vm_that_lost_its_power_is_started(lab):
    lab.fleet("kill", VM)
    app = lab.ctl("start", "app", "hold", "--vm", VM, timeout=BOOT, check=False)
    if app.returncode != 0:                     # it was faster than the host's word
        wait_until(lambda: AGENT not in lab.names(), what=f"{AGENT} gone")
        app = lab.ctl("start", "app", "hold", "--vm", VM, timeout=BOOT)
    assert lab.show(VM, app.stdout.split()[-1], "ActiveState") == "active"
    lab.ctl("stop", "hold")


def test_there_is_no_such_vm(lab):
    with lab.channel("gui-vm") as channel:
        for method, fields in (("StartVM", {"VmName": "no-vm"}), ("StartApplication", {"AppName": "no"})):
            with pytest.raises(grpc.RpcError) as refused:
                lab.call(channel, f"{ADMIN}/{method}", **fields)
            assert (refused.value.code(), refused.value.details()) == (
                grpc.StatusCode.NOT_FOUND, "There is no VM 'no-vm': its host has no 'microvm@no-vm.service'.")


@pytest.fixture
def impatient(off, request):
    """An admin that waits for a VM for a few seconds only."""
    with changed_daemon(off, "admin-vm", f"Environment=GIVC_VM_START_TIMEOUT={request.param}"):
        off.wait_until_registered("givc-ghaf-host.service")
        yield off
        restore_unit(off, "ghaf-host", UNIT)
        off.exec("ghaf-host", "systemctl", "start", UNIT)


@pytest.mark.parametrize("impatient", [4], indirect=True)
def test_a_vm_that_does_not_boot_in_time(impatient):
    change_unit(impatient, "ghaf-host", UNIT, f"ExecStartPre={UNTIL}")
    with impatient.channel("gui-vm") as channel, pytest.raises(grpc.RpcError) as late:
        impatient.call(channel, f"{ADMIN}/StartVM", timeout=BOOT, VmName=VM)
    assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert late.value.details() == "VM 'app-vm' did not start within 4 s: still booting."


@pytest.mark.parametrize("impatient", [12], indirect=True)  # in which it boots, also where much else goes on
def test_a_vm_whose_agent_does_not_come_in_time(impatient):
    config, kept = "/etc/givc-agent/config.json", "/etc/givc-agent/kept.json"
    impatient.exec("ghaf-host", "systemctl", "start", UNIT)
    impatient.wait_until_registered(AGENT)
    impatient.exec(VM, "mv", config, kept)
    impatient.exec("ghaf-host", "systemctl", "stop", UNIT)
    wait_until(lambda: AGENT not in impatient.names())
    try:
        with impatient.channel("gui-vm") as channel, pytest.raises(grpc.RpcError) as late:
            impatient.call(channel, f"{ADMIN}/StartApplication", timeout=BOOT, AppName="hold", VmName=VM)
        assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert late.value.details() == "VM 'app-vm' did not start within 12 s: still waiting for its agent."
        assert impatient.states()[VM] == "running", "what was booted stays"
    finally:
        impatient.exec(VM, "mv", kept, config)
        impatient.exec("ghaf-host", "systemctl", "restart", UNIT)
    impatient.wait_until_registered(AGENT)
