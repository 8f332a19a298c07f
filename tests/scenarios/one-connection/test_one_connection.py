# SPDX-License-Identifier: Apache-2.0
"""Admin and agent keep one connection each way: the kernel counts what is accepted in a machine, calls add nothing."""

import pytest
from api import ADMIN
from lab import wait_until

pytestmark = pytest.mark.contract(2)
CALLS = 50


def accepted(lab, machine):
    """TCP connections that the machine's network has accepted since it is there."""
    lines = [line.split() for line in lab.exec(machine, "cat", "/proc/net/snmp").stdout.splitlines()
             if line.startswith("Tcp:")]
    return int(dict(zip(*lines))["PassiveOpens"])


def peers(lab, machine, port):
    """The other ends of the connections to a port of the machine."""
    shown = lab.exec(machine, "ss", "--no-header", "--tcp", "--numeric", "state", "established", f"sport = :{port}")
    return sorted(line.split()[3] for line in shown.stdout.splitlines())


def settled(lab):
    """The links between agents and the admin, when nobody is about to make or to end another one."""
    addresses = sorted(m.address for m in lab.topology.machines.values() if m.has_agent)
    wait_until(lambda: sorted(p.rpartition(":")[0] for p in peers(lab, "admin-vm", 9001)) == addresses)
    wait_until(lambda: len(peers(lab, "net-vm", 9000)) == 1)
    return peers(lab, "net-vm", 9000), peers(lab, "admin-vm", 9001)


def test_calls_share_the_connection_to_an_agent(lab):
    links, before = settled(lab), accepted(lab, "net-vm")
    with lab.channel("ghaf-host") as channel:
        for _ in range(CALLS):
            lab.call(channel, f"{ADMIN}/GetUnitStatus", VmName="net-vm", UnitName="dhcp.service")
        status = lab.api.bind(channel, ADMIN, "GetUnitStatus")
        request = lab.api.message("admin.UnitStatusRequest")(VmName="net-vm", UnitName="dhcp.service")
        for future in [status.future(request, timeout=15) for _ in range(CALLS)]:
            assert future.result().ActiveState == "active"
    assert accepted(lab, "net-vm") == before, "not one more handshake"
    assert settled(lab) == links


def test_an_agent_keeps_its_connection_to_the_admin(lab):
    links, before = settled(lab), accepted(lab, "admin-vm")
    with lab.watch() as watch:
        for act, state in (("stop", "PoweredOff"), ("start", "Running")) * 5:
            lab.exec("net-vm", "systemctl", act, "dhcp.service")
            watch.wait_for("dhcp.service", state)
    assert accepted(lab, "admin-vm") == before + 1, "none but the watcher's"
    assert settled(lab) == links
