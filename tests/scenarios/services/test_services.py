# SPDX-License-Identifier: Apache-2.0
"""Services of VMs are started and stopped through the VMs' agents; what is not exposed is not there."""

import grpc
import pytest
from api import ADMIN
from lab import wait_until

pytestmark = pytest.mark.reference("7.4")


def test_services_start_and_stop(lab):
    with lab.channel("gui-vm") as channel, lab.watch() as watch:
        service = {"ServiceName": "dhcp.service", "VmName": "net-vm"}
        before = lab.show("net-vm", "dhcp.service", "InvocationID")
        assert lab.call(channel, f"{ADMIN}/StartService", **service).registryId == "givc-net-vm.service"
        assert lab.show("net-vm", "dhcp.service", "InvocationID") == before, "it runs, and goes on"
        lab.call(channel, f"{ADMIN}/StopService", **service)
        watch.wait_for("dhcp.service", "PoweredOff")
        assert lab.entry("dhcp.service")["VmStatus"] == "PoweredOff"
        lab.call(channel, f"{ADMIN}/StartService", **service)
        watch.wait_for("dhcp.service", "Running")
        with pytest.raises(grpc.RpcError) as refused:
            lab.call(channel, f"{ADMIN}/StartService", ServiceName="dbus.service", VmName="net-vm")
        assert refused.value.code() == grpc.StatusCode.NOT_FOUND


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
