# SPDX-License-Identifier: Apache-2.0
"""The target is resolved first, judged as what it is, and the same one is acted on: a VM's name beside the name of what
belongs to another one opens nothing."""

import grpc
import pytest
from api import ADMIN

pytestmark = [pytest.mark.contract(17), pytest.mark.reference("R24")]
CALLS = ("StopApplication", "PauseApplication", "ResumeApplication")
NOT_APPLICATIONS = ("givc-net-vm.service", "microvm@net-vm.service", "microvm@net-vm", "dhcp.service",
                    "givc-gui-vm.service", "microvm@gui-vm.service", "givc-app-vm.service")
NOT_NAMES = ("dhcp", "../dhcp.service", "dhcp.service\n", "hold@0.service/../x", "*", "hold@*",
             "hold@0.service hold@1.service", "", "@0.service")
REFUSALS = (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED)


def invocations(lab):
    """What a stop or a restart of anything that was named here would change."""
    return {(machine, unit): lab.show(machine, unit, "InvocationID") for machine, unit in (
        ("net-vm", "givc-net-vm.service"), ("net-vm", "dhcp.service"), ("gui-vm", "givc-gui-vm.service"),
        ("ghaf-host", "microvm@net-vm.service"), ("ghaf-host", "microvm@gui-vm.service"),
        ("app-vm", "givc-app-vm.service"))}


def refuse(lab, method, **fields):
    with lab.channel("gui-vm") as channel, pytest.raises(grpc.RpcError) as refused:
        lab.call(channel, f"{ADMIN}/{method}", **fields)
    assert refused.value.code() in REFUSALS, refused.value
    return refused.value


def test_application_calls_touch_applications_only(lab):
    before = invocations(lab)
    for vm in (None, "app-vm", "ghaf-host", "net-vm"):
        for name in NOT_APPLICATIONS:
            for method in CALLS:
                refuse(lab, method, AppName=name, **({"VmName": vm} if vm else {}))
    assert invocations(lab) == before


def test_a_vm_that_an_application_is_not_in_is_not_where_it_is_sought(lab, app):
    before = lab.show("app-vm", app, "InvocationID")
    for method in CALLS:
        error = refuse(lab, method, AppName=app, VmName="gui-vm")
        assert error.code() == grpc.StatusCode.NOT_FOUND
    assert lab.show("app-vm", app, "InvocationID") == before


def test_names_are_names_and_no_patterns(lab, app):
    with lab.channel("gui-vm") as channel:
        for method in CALLS:
            for name in NOT_NAMES:
                with pytest.raises(grpc.RpcError) as refused:
                    lab.call(channel, f"{ADMIN}/{method}", AppName=name, VmName="app-vm")
                assert refused.value.code() in (*REFUSALS, grpc.StatusCode.INVALID_ARGUMENT), name
    assert lab.entry(app)["VmStatus"] == "Running"
    assert lab.show("app-vm", app, "ActiveState") == "active"


def test_services_of_another_vm_are_not_reached_through_its_neighbour(lab):
    before = invocations(lab)
    for method in ("StartService", "StopService"):
        for name, vm in (("dhcp.service", "gui-vm"), ("microvm@net-vm.service", "net-vm"),
                         ("givc-net-vm.service", "gui-vm")):
            refuse(lab, method, ServiceName=name, VmName=vm)
    assert invocations(lab) == before
