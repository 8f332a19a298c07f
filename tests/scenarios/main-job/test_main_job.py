# SPDX-License-Identifier: Apache-2.0
"""The main job: what there is, and an application on another VM started, paused, resumed and stopped from a client,
through the admin, over mutual TLS, with its state seen live."""

import pytest
from api import ADMIN

pytestmark = [pytest.mark.contract(1, 6, 8), pytest.mark.reference("7.2")]


def frozen(lab, unit):
    group = lab.show("app-vm", unit, "ControlGroup")
    events = lab.exec("app-vm", "cat", f"/sys/fs/cgroup{group}/cgroup.events").stdout
    return dict(line.split() for line in events.splitlines())["frozen"] == "1"


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
        watch.catch_up()


def test_an_application_that_ends_leaves(lab):
    with lab.watch() as watch:
        app = lab.start_app("clearexit")
        watch.wait_for(app, "Running")
        watch.wait_for(app, kind="Removed")
    assert lab.start_app("clearexit") == app, "its number is free again"
    lab.ctl("stop", app)


def test_status_is_what_systemd_says(lab, app):
    with lab.channel("gui-vm") as channel:
        status = lab.call(channel, f"{ADMIN}/GetUnitStatus", VmName="app-vm", UnitName=app)
    assert (status.Name, status.LoadState, status.ActiveState, status.SubState, status.FreezerState) == \
        (app, "loaded", "active", "running", "running")
    assert status.Path.startswith("/org/freedesktop/systemd1/unit/")
    assert app in lab.ctl("status", app).stdout
