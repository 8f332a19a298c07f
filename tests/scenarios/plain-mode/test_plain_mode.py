# SPDX-License-Identifier: Apache-2.0
"""A fleet without TLS: it does the whole job, everything in it says so loudly, and it is not combined with access
rules, which would be about names that nobody proves."""

import json

import grpc
import pytest
from api import ADMIN, UNITS
from givcfleet.paths import DEFAULT_TOPOLOGY
from lab import wait_until

pytestmark = [pytest.mark.contract(10), pytest.mark.reference("7.1")]
TOPOLOGY = json.loads(DEFAULT_TOPOLOGY.read_text(encoding="utf-8")) | {"tls": False}


def plain_call(lab, origin, method, target="admin-vm", **fields):
    with lab.plain_channel(origin, target) as channel:
        return lab.call(channel, method, **fields)


def test_the_whole_job(lab):
    with lab.watch() as watch:
        app = lab.start_app()
        watch.wait_for(app, "Running")
        lab.ctl("pause", app)
        watch.wait_for(app, "Paused")
        lab.ctl("resume", app)
        watch.wait_for(app, "Running")
        lab.ctl("stop", app)
        watch.wait_for(app, kind="Removed")
        lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
        watch.wait_for("dhcp.service", "PoweredOff")
        lab.exec("net-vm", "systemctl", "start", "dhcp.service")
        watch.wait_for("dhcp.service", "Running")
        watch.catch_up()


def test_an_application_starts_its_vm(lab):
    lab.exec("ghaf-host", "systemctl", "stop", "microvm@app-vm.service")
    wait_until(lambda: "givc-app-vm.service" not in lab.names())
    app = lab.ctl("start", "app", "hold", "--vm", "app-vm", timeout=90).stdout.split()[-1]
    assert lab.show("app-vm", app, "ActiveState") == "active"
    lab.ctl("stop", "hold")


def test_applications_exit_and_start_again(lab):
    """The reference's own scenario: what has ended has left, and its number is free."""
    with lab.watch() as watch:
        app = lab.start_app("clearexit")
        watch.wait_for(app, kind="Removed")
    assert lab.start_app("clearexit") == app
    lab.ctl("stop", app)


@pytest.mark.parametrize("machine", ["admin-vm", "ghaf-host", "net-vm", "app-vm"])
def test_it_is_said_loudly(lab, machine):
    said = [m["MESSAGE"] for m in lab.journal(machine) if int(m.get("PRIORITY", 7)) <= 4 and "TLS is off" in
            m["MESSAGE"]]
    assert said
    assert "TLS IS OFF" in lab.systemctl(machine, "status", lab.daemon(machine)).stdout


def test_an_agent_answers_the_address_of_its_admin(lab):
    answer = plain_call(lab, "admin-vm", f"{UNITS}/GetUnitStatus", "net-vm", UnitName="dhcp.service")
    assert answer.UnitStatus.ActiveState == "active"
    with pytest.raises(grpc.RpcError) as refused:
        plain_call(lab, "gui-vm", f"{UNITS}/GetUnitStatus", "net-vm", UnitName="dhcp.service")
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_a_peer_registers_what_is_at_its_address(lab):
    before = lab.list()
    transport = lab.api.message("admin.TransportConfig")(Protocol="tcp", Address="192.168.101.1", Port="9000",
                                                         Name="net-vm")
    state = lab.api.message("systemd.UnitStatus")(Name="givc-net-vm.service", LoadState="loaded", ActiveState="active",
                                                  SubState="running", FreezerState="running")
    with pytest.raises(grpc.RpcError) as refused:
        plain_call(lab, "gui-vm", f"{ADMIN}/RegisterService", Name="givc-net-vm.service",
                   Parent="microvm@net-vm.service", Type=8, Transport=transport, State=state)
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert lab.list() == before


def test_it_refuses_access_control(lab):
    done = lab.exec("admin-vm", "env", "TLS=false", "NAME=admin-vm", "TYPE=4", "SUBTYPE=5", "givc-admin", "--listen",
                    "tcp:127.0.0.1:9009", "--access-control", "--cedar-file", "/dev/null", check=False)
    assert done.returncode == 2 and "access-control" in done.stderr
