# SPDX-License-Identifier: Apache-2.0
"""What was broken in the reference once, each by its name in its history: it is not broken here."""

import json

import grpc
import pytest
from api import ADMIN
from changes import LOOP, go_on, hold_on
from givcfleet.paths import DEFAULT_TOPOLOGY
from lab import wait_until
from stream import Stream

TOPOLOGY = json.loads(DEFAULT_TOPOLOGY.read_text(encoding="utf-8"))
APP_VM = TOPOLOGY["machines"]["app-vm"]
APP_VM["services"] = ["kiosk-task.service", "kiosk.service"]
APP_VM["units"] = {
    "kiosk-task.service": "[Service]\nType=oneshot\nExecStart=touch %t/kiosk-task\n",
    "unlisted-task.service": "[Service]\nType=oneshot\nExecStart=touch %t/unlisted-task\n",
    "kiosk.service": "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=sleep infinity\n"
                     "[Install]\nWantedBy=default.target\n"}
APP_VM["applications"] += [{"name": "dies", "command": f"/bin/sh -c '{LOOP}; exit 3'", "args": [], "directories": []}]
TOPOLOGY["machines"]["net-vm"]["services"] += ["setup.service"]
TOPOLOGY["machines"]["net-vm"]["units"]["setup.service"] = (
    "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=true\n")
DAEMONS = ("givc-admin.service", "givc-ghaf-host.service", "givc-gui-vm.service", "givc-net-vm.service",
           "givc-app-vm.service")


def said(lab, machine, cursor=None, level=7):
    messages = lab.journal(machine, *([f"--after-cursor={cursor}"] if cursor else []))
    return [m["MESSAGE"] for m in messages if int(m.get("PRIORITY", 7)) <= level
            and {m.get("_SYSTEMD_UNIT"), m.get("_SYSTEMD_USER_UNIT")} & set(DAEMONS)
            and m.get("SYSLOG_IDENTIFIER", "").startswith("givc-")]


@pytest.mark.reference("8.5: 3066057 log level", "8.1: 13, 14")
def test_a_boot_is_no_reason_to_complain(lab):
    """First in its module: the journals are those of the boot. That an agent is early is told, once."""
    for machine in ("admin-vm", "ghaf-host", "gui-vm", "net-vm", "app-vm"):
        complaints = said(lab, machine, level=4)
        assert len(complaints) <= 1, complaints
        assert not said(lab, machine, level=3)


@pytest.mark.reference("8.5: 0571609 failed app not deregistered")
def test_an_application_that_fails_leaves(lab):
    hold_on(lab, "app-vm")
    with lab.watch() as watch:
        app = lab.start_app("dies")
        go_on(lab, "app-vm")
        watch.wait_for(app, kind="Removed")
    assert app not in lab.names()
    hold_on(lab, "app-vm")
    assert lab.start_app("dies") == app, "and its number is free"
    go_on(lab, "app-vm")
    wait_until(lambda: app not in lab.names())


@pytest.mark.reference("8.5: 2bac7b3 managed endpoints for pause and stop")
def test_pause_and_stop_reach_the_agent_that_has_the_application(lab, app):
    with lab.channel("gui-vm") as channel:
        for method in ("PauseApplication", "ResumeApplication", "StopApplication"):
            answer = lab.call(channel, f"{ADMIN}/{method}", AppName=app)
            assert answer.CmdStatus == "Command successful."
    assert lab.show("app-vm", app, "LoadState") == "not-found"


@pytest.mark.reference("8.5: 13a2620 TLS name for all endpoints")
@pytest.mark.parametrize("vm, unit", [("ghaf-host", "microvm@app-vm.service"), ("net-vm", "dhcp.service"),
                                      ("gui-vm", "display.service"), ("app-vm", "kiosk.service"),
                                      ("app-vm", "givc-app-vm.service")])
def test_each_entry_is_asked_for_under_its_agents_name(lab, vm, unit):
    with lab.channel("gui-vm") as channel:
        assert lab.call(channel, f"{ADMIN}/GetUnitStatus", VmName=vm, UnitName=unit).Name == unit


@pytest.mark.reference("8.5: 740598a logs polluted JSON stdout")
def test_what_is_logged_is_not_in_the_output(lab):
    for words in (("list", "-j"), ("call", "admin.AdminService/QueryList", "{}"), ("query-list", "--as-json")):
        done = lab.exec("ghaf-host", "env", "GIVC_LOG=debug", "givcctl", *words)
        assert json.loads(done.stdout)


@pytest.mark.reference("8.5: 04065e6 cascade deregistration", "2.6")
def test_what_ran_in_a_vm_leaves_with_it_its_agent_last(lab, app):
    with lab.channel("gui-vm") as channel:
        stream, removed = Stream(lab, channel), []
        lab.exec("ghaf-host", "systemctl", "stop", "microvm@app-vm.service")
        while "givc-app-vm.service" not in removed:
            event = stream.take()
            if event.kind == "Removed":
                removed.append(event.item.Name)
        stream.cancel()
    assert set(removed) == {app, "kiosk.service", "kiosk-task.service", "givc-app-vm.service"}
    assert lab.entry("microvm@app-vm.service")["VmStatus"] == "PoweredOff"


@pytest.mark.reference("8.5: 836ebd2 refresh invalid status", "8.1: 14")
def test_a_unit_that_has_exited_and_is_active_is_no_error(lab):
    lab.exec("net-vm", "systemctl", "start", "setup.service")
    with lab.channel("gui-vm") as channel:
        status = lab.call(channel, f"{ADMIN}/GetUnitStatus", VmName="net-vm", UnitName="setup.service")
    assert (status.ActiveState, status.SubState) == ("active", "exited")
    cursor = lab.cursor("admin-vm")
    with lab.watch() as watch:
        lab.exec("net-vm", "systemctl", "restart", "setup.service")
        lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
        watch.wait_for("dhcp.service", "PoweredOff")
    assert not said(lab, "admin-vm", cursor, level=4)


@pytest.mark.reference("8.5: f33462e watch app VMs", "bc3a236 app VM services watched", "7.4")
def test_services_of_application_vms_are_watched(lab):
    with lab.watch() as watch:
        lab.session("systemctl", "--user", "stop", "kiosk.service")
        watch.wait_for("kiosk.service", "PoweredOff")
        lab.session("systemctl", "--user", "start", "kiosk.service")
        watch.wait_for("kiosk.service", "Running")
    assert lab.entry("kiosk.service")["VmType"] == "AppVM"


@pytest.mark.reference("7.4", "8.3: d05a78e")
def test_user_services_that_are_exposed_and_only_these(lab):
    cursor = lab.cursor("admin-vm")
    assert lab.ctl("start", "service", "kiosk-task.service", "--vm", "app-vm").returncode == 0
    assert lab.session("sh", "-c", "ls $XDG_RUNTIME_DIR/kiosk-task").returncode == 0
    refused = lab.ctl("start", "service", "unlisted-task.service", "--vm", "app-vm", check=False)
    assert refused.returncode in (4, 5), refused.stderr
    assert lab.session("sh", "-c", "ls $XDG_RUNTIME_DIR/unlisted-task", check=False).returncode != 0
    assert not said(lab, "admin-vm", cursor, level=4)


@pytest.mark.reference("8.5: 3093d87, 5b2ced8, 56ef9fc, b29bfa2, 5bd09b6 VM naming mix-ups")
def test_a_vm_has_one_name(lab):
    """Its own, wherever a VM is asked for: neither its unit's nor its agent's."""
    with lab.channel("gui-vm") as channel:
        assert lab.call(channel, f"{ADMIN}/StartVM", VmName="app-vm").registryId == "givc-app-vm.service"
        for name in ("microvm@app-vm.service", "givc-app-vm.service", "app-vm.service", "App-VM"):
            with pytest.raises(grpc.RpcError) as refused:
                lab.call(channel, f"{ADMIN}/StartVM", VmName=name)
            assert refused.value.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)
        with pytest.raises(grpc.RpcError) as refused:
            lab.call(channel, f"{ADMIN}/StartApplication", AppName="hold")
        assert refused.value.code() == grpc.StatusCode.NOT_FOUND and "'hold-vm'" in refused.value.details()
    assert lab.entry("givc-app-vm.service")["Vm"] == "app-vm"
    assert lab.entry("microvm@app-vm.service")["VmName"] == "app-vm"


@pytest.mark.reference("8.5: 751b7d3 application numbering", "7.2")
def test_the_lowest_free_number_is_taken(lab):
    names = [lab.start_app() for _ in range(3)]
    assert names == [f"hold@{i}.service" for i in range(3)]
    lab.ctl("stop", names[1])
    wait_until(lambda: names[1] not in lab.names())
    assert lab.start_app() == names[1]
    assert lab.start_app() == "hold@3.service"
    lab.ctl("stop", "hold")
    wait_until(lambda: not [n for n in lab.names() if n.startswith("hold@")])


@pytest.mark.reference("8.5: 3ba3729, 04fe8b8 admin VM type")
def test_the_admins_vm_has_its_type(lab):
    entry = lab.entry("microvm@admin-vm.service")
    assert (entry["VmType"], entry["ServiceType"], entry["VmName"]) == ("AdmVM", "VM", "admin-vm")


@pytest.mark.reference("8.5: 293a3ad duplicated logs")
def test_a_fact_is_logged_once(lab, app):
    cursors = {m: lab.cursor(m) for m in ("admin-vm", "app-vm")}
    lab.session("systemctl", "--user", "kill", "-s", "KILL", app)
    wait_until(lambda: app not in lab.names())
    for machine, cursor in cursors.items():
        about = [m for m in said(lab, machine, cursor, level=6) if app in m]
        assert len(about) <= 1, about


@pytest.mark.reference("8.5: b4139a6 connect timeouts, 0a14228 wrong timeouts")
def test_a_call_may_take_longer_than_a_connection(lab):
    """The application's own start-up time is no concern of the time that a connection may take."""
    with lab.channel("gui-vm") as channel:
        with pytest.raises(grpc.RpcError) as refused:
            lab.call(channel, f"{ADMIN}/GetUnitStatus", timeout=0.001, VmName="net-vm", UnitName="dhcp.service")
        assert refused.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        status = lab.call(channel, f"{ADMIN}/GetUnitStatus", timeout=60, VmName="net-vm", UnitName="dhcp.service")
        assert status.ActiveState == "active"
