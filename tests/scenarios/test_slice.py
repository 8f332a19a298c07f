# SPDX-License-Identifier: Apache-2.0
"""The main job: what there is, and an application on another VM started, paused, resumed and stopped from a client,
through the admin, over mutual TLS, with its state seen live."""

import grpc
import pytest
from api import ADMIN, UNITS
from lab import wait_until

pytestmark = pytest.mark.contract("Products; better than REF 1, 6, 7, 8, 9, 15, 17")


def frozen(lab, unit):
    group = lab.show("app-vm", unit, "ControlGroup")
    events = lab.exec("app-vm", "cat", f"/sys/fs/cgroup{group}/cgroup.events").stdout
    return dict(line.split() for line in events.splitlines())["frozen"] == "1"


@pytest.fixture
def app(lab):
    instance = lab.start_app()
    yield instance
    lab.ctl("stop", instance, check=False)
    wait_until(lambda: instance not in lab.names(), what=f"{instance} gone")


def test_list_shows_agents_units_and_vms(lab):
    listed = {item["Name"]: item for item in lab.list().values()}
    assert set(listed) == lab.expected_names()
    assert listed["givc-ghaf-host.service"]["VmType"] == "Host"
    assert listed["givc-net-vm.service"] | {"VmType": "SysVM", "ServiceType": "Mgr", "VmStatus": "Running",
                                            "VmName": "net-vm"} == listed["givc-net-vm.service"]
    assert listed["givc-app-vm.service"] | {"VmType": "AppVM", "ServiceType": "Mgr"} == listed["givc-app-vm.service"]
    assert listed["dhcp.service"] | {"ServiceType": "Svc", "VmStatus": "Running",
                                     "Vm": "net-vm"} == listed["dhcp.service"]
    assert listed["microvm@app-vm.service"] | {"VmType": "AppVM", "ServiceType": "VM", "VmStatus": "Running",
                                               "VmName": "app-vm",
                                               "Vm": "ghaf-host"} == listed["microvm@app-vm.service"]
    assert "(no VM)" not in lab.ctl("list").stdout
    assert "poweroff.target" not in listed


def test_an_application_lives_while_it_is_watched(lab):
    with lab.watch() as watch:
        app = lab.start_app()
        watch.wait_for(app, "Running")
        assert lab.show("app-vm", app, "ActiveState") == "active"
        lab.ctl("pause", app)
        watch.wait_for(app, "Paused")
        assert frozen(lab, app)
        assert lab.entry(app)["VmStatus"] == "Paused"
        lab.ctl("resume", app)
        watch.wait_for(app, "Running")
        assert not frozen(lab, app)
        lab.ctl("stop", app)
        watch.wait_for(app, kind="Removed")
        assert lab.show("app-vm", app, "LoadState") == "not-found"
        states = watch.states_of(app)
        assert states[0][0] == "Added" and states[-1][0] == "Removed"
        updates = [state for kind, state in states if kind != "Removed"]
        assert all(a != b for a, b in zip(updates, updates[1:])), f"unchanged states are not sent: {states}"
        assert watch.replay() == lab.list()


def test_the_watcher_hears_of_it_before_the_caller_has_its_answer_or_at_once_after(lab, app):
    """Pushed, not polled: the event is there long before a period of REF's monitor (5 s) could have passed."""
    with lab.watch() as watch:
        for act, state in (("pause", "Paused"), ("resume", "Running")) * 3:
            lab.ctl(act, app)
            watch.next(lambda k, v: k == "Updated" and v["Name"] == app and v["VmStatus"] == state, seconds=1)


def process_state(lab, unit):
    stat = lab.exec("net-vm", "cat", f"/proc/{lab.show('net-vm', unit, 'MainPID')}/stat").stdout
    return stat.rpartition(")")[2].split()[0]


def test_a_signal_reaches_whom_it_is_for(lab, app):
    lab.ctl("kill", "-s", "STOP", "--kill-whom=main", "dhcp.service")
    try:
        wait_until(lambda: process_state(lab, "dhcp.service") == "T", what="dhcp.service held by SIGSTOP")
    finally:
        lab.ctl("kill", "-s", "CONT", "dhcp.service", "--vm=net-vm")
    wait_until(lambda: process_state(lab, "dhcp.service") != "T", what="dhcp.service let go by SIGCONT")
    assert lab.entry("dhcp.service")["VmStatus"] == "Running"
    with lab.watch() as watch:
        lab.ctl("kill", app)
        watch.wait_for(app, kind="Removed")


def test_a_change_that_nobody_asked_givc_for_is_seen(lab, app):
    with lab.watch() as watch:
        lab.session("systemctl", "--user", "kill", "-s", "KILL", app)
        watch.wait_for(app, kind="Removed")
        lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
        watch.wait_for("dhcp.service", "PoweredOff")
        lab.exec("net-vm", "systemctl", "start", "dhcp.service")
        watch.wait_for("dhcp.service", "Running")


def test_an_application_that_ends_leaves(lab):
    with lab.watch() as watch:
        app = lab.start_app("clearexit")
        watch.wait_for(app, "Running")
        watch.wait_for(app, kind="Removed")
    assert lab.start_app("clearexit") == app, "its number is free again"
    lab.ctl("stop", app)


def test_two_starts_never_share_an_instance(lab):
    with lab.channel("ghaf-host") as channel:
        method = lab.api.bind(channel, ADMIN, "StartApplication")
        request = lab.api.message("admin.ApplicationRequest")(AppName="hold", VmName="app-vm")
        futures = [method.future(request, timeout=30) for _ in range(8)]
        instances = [f.result().registryId for f in futures]
    assert len(set(instances)) == len(instances)
    assert set(instances) <= lab.names()
    lab.ctl("stop", "hold")
    wait_until(lambda: not set(instances) & lab.names())


def test_status_is_what_systemd_says(lab, app):
    with lab.channel("gui-vm") as channel:
        status = lab.call(channel, f"{ADMIN}/GetUnitStatus", VmName="app-vm", UnitName=app)
    assert (status.Name, status.LoadState, status.ActiveState, status.SubState, status.FreezerState) == \
        (app, "loaded", "active", "running", "running")
    assert status.Path.startswith("/org/freedesktop/systemd1/unit/")
    assert app in lab.ctl("status", app).stdout


@pytest.mark.parametrize("words, exit_status, code", [
    (("start", "app", "nonsense", "--vm", "app-vm"), 4, grpc.StatusCode.NOT_FOUND),
    (("stop", "nonsense@0.service"), 4, grpc.StatusCode.NOT_FOUND),
    (("pause", "nonsense@0.service"), 4, grpc.StatusCode.NOT_FOUND),
])
def test_what_is_not_there_is_not_found(lab, words, exit_status, code):
    done = lab.ctl(*words, check=False)
    assert done.returncode == exit_status, done.stderr
    method = {"start": "StartApplication", "stop": "StopApplication", "pause": "PauseApplication"}[words[0]]
    name = words[2] if words[0] == "start" else words[1]
    with lab.channel("ghaf-host") as channel, pytest.raises(grpc.RpcError) as refused:
        lab.call(channel, f"{ADMIN}/{method}", AppName=name, VmName="app-vm")
    assert refused.value.code() == code
    assert name.split("@")[0] in refused.value.details()


@pytest.mark.parametrize("name", ["givc-net-vm.service", "microvm@net-vm.service", "dhcp.service"])
def test_application_calls_touch_applications_only(lab, name):
    with lab.channel("ghaf-host") as channel:
        for method in ("StopApplication", "PauseApplication"):
            with pytest.raises(grpc.RpcError) as refused:
                lab.call(channel, f"{ADMIN}/{method}", AppName=name)
            assert refused.value.code() in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND,
                                            grpc.StatusCode.PERMISSION_DENIED)
    assert lab.entry(name)["VmStatus"] == "Running"
    assert lab.states()["net-vm"] == "running"


def test_an_agent_answers_its_admin_only(lab):
    with lab.channel("gui-vm", "net-vm") as channel, pytest.raises(grpc.RpcError) as refused:
        lab.call(channel, f"{UNITS}/GetUnitStatus", UnitName="dhcp.service")
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    with lab.channel("admin-vm", "net-vm") as channel:
        answer = lab.call(channel, f"{UNITS}/GetUnitStatus", UnitName="dhcp.service")
        assert answer.UnitStatus.ActiveState == "active"
        with pytest.raises(grpc.RpcError):
            lab.call(channel, f"{UNITS}/GetUnitStatus", UnitName="dbus.service")


def test_the_local_door_knows_its_people(lab):
    ask = ("givcctl", "list", "--json=short")
    local = {"GIVC_ADMIN": "unix:/run/givc/admin.sock"}
    command = ["env", "-u", "GIVC_ADDR", "-u", "GIVC_CA_CERT", "-u", "GIVC_HOST_CERT", "-u", "GIVC_HOST_KEY",
               *(f"{k}={v}" for k, v in local.items()), *ask]
    assert lab.exec("admin-vm", *command).returncode == 0
    stranger = lab.exec("admin-vm", *command, user="ghaf", check=False)
    assert stranger.returncode != 0
    member = lab.exec("admin-vm", "setpriv", "--reuid=ghaf", "--regid=givc", "--clear-groups", *command)
    assert "givc-net-vm.service" in member.stdout
