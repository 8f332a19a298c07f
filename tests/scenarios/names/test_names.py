# SPDX-License-Identifier: Apache-2.0
"""A peer registers what its certificate names, and nothing else."""

import grpc
import pytest
from api import ADMIN
from lab import wait_until

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


def register(lab, channel, machine, name, **fields):
    spec = lab.topology.machines[machine]
    transport = lab.api.message("admin.TransportConfig")(Protocol="tcp", Address=spec.address, Port="9000",
                                                         Name=machine)
    state = lab.api.message("systemd.UnitStatus")(Name=name, LoadState="loaded", ActiveState="active",
                                                  SubState="running", FreezerState="running")
    lab.call(channel, f"{ADMIN}/RegisterService", Name=name, Transport=transport, State=state,
             **{"Parent": f"givc-{machine}.service", "Type": 9, **fields})


def test_a_name_that_two_have_is_told_apart_by_the_vm(lab):
    """dhcp.service of gui-vm beside that of net-vm, until gui-vm's agent says that it has no such unit."""
    with lab.channel("gui-vm") as channel:
        register(lab, channel, "gui-vm", "dhcp.service")
        assert {vm for vm, name in lab.list() if name == "dhcp.service"} == {"gui-vm", "net-vm"}
        with pytest.raises(grpc.RpcError) as refused:
            lab.call(channel, f"{ADMIN}/StopService", ServiceName="dhcp.service")
        assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        for candidate in ("givc-gui-vm.service", "givc-net-vm.service"):
            assert candidate in refused.value.details()
        shown = lab.ctl("status", "dhcp.service", check=False)
        assert shown.returncode == 1 and "net-vm" in shown.stderr and "gui-vm" in shown.stderr
        assert "Address server" in lab.ctl("status", "dhcp.service", "--vm", "net-vm").stdout
        status = lab.call(channel, f"{ADMIN}/GetUnitStatus", VmName="net-vm", UnitName="dhcp.service")
        assert status.ActiveState == "active"
    lab.systemctl("gui-vm", "restart", "givc-gui-vm.service")
    wait_until(lambda: ("gui-vm", "dhcp.service") not in lab.list(), what="a unit that its agent does not have leaves")


def test_a_peer_registers_what_is_its_own_again_and_again(lab):
    before = {key: (i["VmStatus"], i["Since"]) for key, i in lab.list().items()}
    with lab.channel("gui-vm") as channel:
        for _ in range(3):
            register(lab, channel, "gui-vm", "display.service")
    assert {key: (i["VmStatus"], i["Since"]) for key, i in lab.list().items()} == before
