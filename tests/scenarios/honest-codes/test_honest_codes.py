# SPDX-License-Identifier: Apache-2.0
"""What a call is refused with says what is wrong: a code, a sentence that names what it is about, google.rpc.ErrorInfo
for programs; and givcctl's exit status follows from it."""

import grpc
import pytest
from api import ADMIN, UNITS
from changes import changed_unit

pytestmark = pytest.mark.contract(7)
Code = grpc.StatusCode
VM = {"VmName": "app-vm"}

# What is asked, and code and word of the answer.
REFUSALS = [
    ("StartApplication", {"AppName": "nonsense", **VM}, Code.NOT_FOUND, "nonsense"),
    ("StartApplication", {"AppName": "a b", **VM}, Code.INVALID_ARGUMENT, "a b"),
    ("StartApplication", {"AppName": "hold", "VmName": "no-vm"}, Code.NOT_FOUND, "no-vm"),
    ("StartApplication", {"AppName": "hold", "Args": ["--no"], **VM}, Code.INVALID_ARGUMENT, "--no"),
    ("StopApplication", {"AppName": "nonsense@0.service"}, Code.NOT_FOUND, "nonsense"),
    ("PauseApplication", {"AppName": "nonsense@0.service", **VM}, Code.NOT_FOUND, "nonsense"),
    ("ResumeApplication", {"AppName": "nonsense"}, Code.NOT_FOUND, "nonsense"),
    ("StartVM", {"VmName": "no-vm"}, Code.NOT_FOUND, "no-vm"),
    ("StartVM", {"VmName": "no/vm"}, Code.INVALID_ARGUMENT, "no/vm"),
    ("StartService", {"ServiceName": "dbus.service", "VmName": "net-vm"}, Code.NOT_FOUND, "dbus.service"),
    ("StopService", {"ServiceName": "dbus.service", "VmName": "net-vm"}, Code.PERMISSION_DENIED, "dbus.service"),
    ("GetUnitStatus", {"UnitName": "nothing.service", "VmName": "net-vm"}, Code.NOT_FOUND, "nothing.service"),
    ("GetUnitStatus", {"UnitName": "dhcp.service", "VmName": "no-vm"}, Code.NOT_FOUND, "no-vm"),
    ("Wakeup", {}, Code.UNIMPLEMENTED, "Wakeup"),
    ("RegisterService", {"Name": "givc-gui-vm.service"}, Code.INVALID_ARGUMENT, "missing"),
]


def info_of(lab, error):
    """reason and domain of google.rpc.ErrorInfo."""
    details = dict(error.trailing_metadata()).get("grpc-status-details-bin")
    status = lab.api.message("google.rpc.Status").FromString(details)
    found = [d.value for d in status.details if d.type_url.endswith("/google.rpc.ErrorInfo")]
    info = lab.api.message("google.rpc.ErrorInfo").FromString(found[0])
    assert status.message == error.details()
    return info.reason, info.domain


def refuse(lab, method, timeout=15, **fields):
    with lab.channel("gui-vm") as channel, pytest.raises(grpc.RpcError) as refused:
        lab.call(channel, f"{ADMIN}/{method}", timeout=timeout, **fields)
    return refused.value


@pytest.mark.parametrize("method, fields, code, word", REFUSALS, ids=[f"{m}-{c.name}-{w}" for m, _, c, w in REFUSALS])
def test_a_refusal_says_what_is_wrong(lab, method, fields, code, word):
    error = refuse(lab, method, **fields)
    assert error.code() == code, error.details()
    assert word in error.details()
    reason, domain = info_of(lab, error)
    assert domain == "givc" and reason == reason.upper() and reason


def test_unavailable_is_an_agent_that_cannot_be_reached(lab):
    lab.exec("net-vm", "systemctl", "stop", "givc-net-vm.socket", "givc-net-vm.service")
    try:
        error = refuse(lab, "GetUnitStatus", UnitName="dhcp.service", VmName="net-vm")
        assert error.code() == Code.UNAVAILABLE and "reach" in error.details()
    finally:
        lab.exec("net-vm", "systemctl", "start", "givc-net-vm.socket", "givc-net-vm.service")


def test_failed_precondition_is_a_state_that_forbids_it(lab):
    with changed_unit(lab, "net-vm", "dhcp.service", "ExecStart=\nExecStart=false\nType=oneshot"):
        lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
        error = refuse(lab, "StartService", ServiceName="dhcp.service", VmName="net-vm")
        assert error.code() == Code.FAILED_PRECONDITION and "dhcp.service" in error.details()
    lab.exec("net-vm", "systemctl", "reset-failed", "dhcp.service")
    lab.exec("net-vm", "systemctl", "start", "dhcp.service")


def test_deadline_exceeded_is_the_callers(lab):
    lab.fleet("freeze", "net-vm")
    error = refuse(lab, "GetUnitStatus", timeout=0.5, UnitName="dhcp.service", VmName="net-vm")
    lab.fleet("thaw", "net-vm")
    assert error.code() == Code.DEADLINE_EXCEEDED


def test_resource_exhausted_is_a_bound(lab):
    error = refuse(lab, "StartApplication", AppName="hold", Args=["x" * 1024] * 4096, **VM)
    assert error.code() == Code.RESOURCE_EXHAUSTED


def test_permission_denied_is_for_who_asks(lab):
    with lab.channel("gui-vm", "net-vm") as channel, pytest.raises(grpc.RpcError) as refused:
        lab.call(channel, f"{UNITS}/StopUnit", UnitName="dhcp.service")
    assert refused.value.code() == Code.PERMISSION_DENIED
    assert info_of(lab, refused.value)[1] == "givc"


@pytest.mark.parametrize("words, status", [
    (("start", "app", "nonsense", "--vm", "app-vm"), 4), (("stop", "nonsense@0.service"), 4),
    (("pause", "nonsense@0.service"), 4), (("status", "nothing.service"), 4), (("is-online", "no-vm"), 4),
    (("no-such-verb",), 2), (("start",), 2), (("list", "--no-such-option"), 2),
    (("list", "--addr", "192.168.101.77", "--timeout", "1"), 6)])
def test_givcctl_ends_with_it(lab, words, status):
    done = lab.ctl(*words, check=False)
    assert done.returncode in ((6, 7) if status == 6 else (status,)), done.stderr
    assert done.stderr and not done.stdout
