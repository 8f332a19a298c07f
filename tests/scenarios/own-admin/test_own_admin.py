# SPDX-License-Identifier: Apache-2.0
"""An agent answers its admin, and no other certificate of the same authority."""

import grpc
import pytest
from api import UNITS

pytestmark = pytest.mark.contract(16)


def test_an_agent_answers_its_admin_only(lab):
    with lab.channel("gui-vm", "net-vm") as channel, pytest.raises(grpc.RpcError) as refused:
        lab.call(channel, f"{UNITS}/GetUnitStatus", UnitName="dhcp.service")
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    with lab.channel("admin-vm", "net-vm") as channel:
        answer = lab.call(channel, f"{UNITS}/GetUnitStatus", UnitName="dhcp.service")
        assert answer.UnitStatus.ActiveState == "active"
        with pytest.raises(grpc.RpcError):
            lab.call(channel, f"{UNITS}/GetUnitStatus", UnitName="dbus.service")
