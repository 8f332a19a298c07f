# SPDX-License-Identifier: Apache-2.0
"""A peer registers what its certificate names, and nothing else."""

import grpc
import pytest
from api import ADMIN

pytestmark = [pytest.mark.contract(6), pytest.mark.reference("R24")]


REGISTRATIONS = [
    ("another agent's name", {"Name": "givc-net-vm.service", "Parent": "microvm@net-vm.service", "Type": 8}),
    ("a unit of another agent", {"Name": "evil.service", "Parent": "givc-net-vm.service", "Type": 9}),
    ("a second host", {"Name": "givc-gui-vm.service", "Parent": "", "Type": 0}),
    ("a VM, from a VM", {"Name": "microvm@net-vm.service", "Parent": "givc-gui-vm.service", "Type": 7}),
    ("somebody else's transport", {"Name": "givc-gui-vm.service", "Parent": "microvm@gui-vm.service", "Type": 8,
                                   "Transport": ("net-vm", "192.168.101.1")}),
]


@pytest.mark.parametrize("fields", [f for _, f in REGISTRATIONS], ids=[name for name, _ in REGISTRATIONS])
def test_names_belong_to_certificates(lab, fields):
    before = lab.list()
    fields = dict(fields)
    name, address = fields.pop("Transport", ("gui-vm", "192.168.101.3"))
    transport = lab.api.message("admin.TransportConfig")(Protocol="tcp", Address=address, Port="9000", Name=name)
    state = lab.api.message("systemd.UnitStatus")(Name=fields["Name"], LoadState="loaded", ActiveState="active",
                                                  SubState="running", FreezerState="running")
    with lab.channel("gui-vm") as channel, pytest.raises(grpc.RpcError) as refused:
        lab.call(channel, f"{ADMIN}/RegisterService", Transport=transport, State=state, **fields)
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert lab.list() == before
