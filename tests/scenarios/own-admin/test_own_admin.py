# SPDX-License-Identifier: Apache-2.0
"""An agent answers its admin, and no other certificate of the same authority: not another VM's, not the host's, not the
admin's own from another place."""

import grpc
import pytest
from api import UNITS

pytestmark = [pytest.mark.contract(16), pytest.mark.reference("7.2 tls-ip")]
CALLS = [("GetUnitStatus", {"UnitName": "dhcp.service"}), ("StartUnit", {"UnitName": "dhcp.service"}),
         ("StopUnit", {"UnitName": "dhcp.service"}), ("KillUnit", {"UnitName": "dhcp.service"}),
         ("FreezeUnit", {"UnitName": "dhcp.service"}), ("UnfreezeUnit", {"UnitName": "dhcp.service"}),
         ("StartApplication", {"UnitName": "hold@0.service"}), ("MonitorUnit", {"UnitName": "dhcp.service"}),
         ("WatchUnits", {})]


def refusal(lab, channel, method, fields, timeout=15):
    with pytest.raises(grpc.RpcError) as refused:
        answer = lab.call(channel, f"{UNITS}/{method}", timeout=timeout, **fields)
        next(iter(answer))                      # of a stream
    return refused.value


@pytest.mark.parametrize("origin", ["gui-vm", "ghaf-host", "app-vm"])
def test_a_valid_certificate_that_is_not_the_admins_is_refused(lab, origin):
    before = lab.show("net-vm", "dhcp.service", "InvocationID")
    with lab.channel(origin, "net-vm") as channel:
        for method, fields in CALLS:
            error = refusal(lab, channel, method, fields)
            assert error.code() == grpc.StatusCode.PERMISSION_DENIED, method
            assert error.details() == f"This agent answers 'admin-vm' only, not '{origin}'."
        assert lab.call(channel, "grpc.health.v1.Health/Check").status == 1, "whether it serves is no secret"
    assert lab.show("net-vm", "dhcp.service", "InvocationID") == before


def test_the_admins_own_certificate_elsewhere_is_refused(lab):
    """Stolen: identity and address have to agree, also for the one whom agents obey."""
    with lab.channel("gui-vm", "net-vm", identity="admin-vm") as channel:
        error = refusal(lab, channel, "StopUnit", {"UnitName": "dhcp.service"})
    assert error.code() == grpc.StatusCode.PERMISSION_DENIED
    assert lab.show("net-vm", "dhcp.service", "ActiveState") == "active"


def test_the_admin_is_answered(lab):
    with lab.channel("admin-vm", "net-vm") as channel:
        answer = lab.call(channel, f"{UNITS}/GetUnitStatus", UnitName="dhcp.service")
        assert answer.UnitStatus.ActiveState == "active"
        assert refusal(lab, channel, "GetUnitStatus", {"UnitName": "dbus.service"}).code() == grpc.StatusCode.NOT_FOUND
        error = refusal(lab, channel, "StopUnit", {"UnitName": "dbus.service"})
        assert error.code() == grpc.StatusCode.PERMISSION_DENIED
    assert lab.show("net-vm", "dbus.service", "ActiveState") == "active"


def test_an_application_vms_agent_does_not_obey_its_user(lab):
    """Who has a shell in the VM has its certificate: that of its own agent commands nobody, also not itself."""
    with lab.channel("app-vm", "app-vm") as channel:
        error = refusal(lab, channel, "StartApplication", {"UnitName": "hold@7.service"})
    assert error.code() == grpc.StatusCode.PERMISSION_DENIED
