# SPDX-License-Identifier: Apache-2.0
"""Links that are cut and machines that lose their power: who is told, when, and that everything comes back."""

import time

import grpc
import pytest
from api import ADMIN
from lab import wait_until

pytestmark = [pytest.mark.contract(2, 3, 4, 12), pytest.mark.reference("R2", "R3", "R4")]
NOTICED = 30                                    # seconds, by contract
BACK = 15                                       # backoff's longest pause and a handshake, with room for a slow machine


def states_of(lab, machine):
    agent = f"givc-{machine}.service"
    return {i["Name"]: i["VmStatus"] for i in lab.list().values() if agent in (i["Name"], i.get("AgentName"))}


def test_a_cut_link_is_noticed_and_healed(lab):
    before = set(lab.list())
    with lab.watch() as watch:
        lab.fleet("cut", "net-vm")
        watch.next(lambda k, v: k == "Updated" and v["Name"] == "givc-net-vm.service" and v["VmStatus"] == "PoweredOff",
                   seconds=NOTICED + 5)
        wait_until(lambda: set(states_of(lab, "net-vm").values()) == {"PoweredOff"})
        with lab.channel("ghaf-host") as channel:
            assert lab.call(channel, f"{ADMIN}/QueryList").List
            began = time.monotonic()
            with pytest.raises(grpc.RpcError) as refused:
                lab.call(channel, f"{ADMIN}/GetUnitStatus", VmName="net-vm", UnitName="dhcp.service")
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        assert time.monotonic() - began < 2, "calls to it fail at once"
        lab.fleet("heal", "net-vm")
        watch.next(lambda k, v: k in ("Added", "Updated") and v["Name"] == "givc-net-vm.service"
                   and v["VmStatus"] == "Running", seconds=BACK)
    wait_until(lambda: set(lab.list()) == before)
    wait_until(lambda: lab.entry("dhcp.service")["VmStatus"] == "Running")


def test_it_is_marked_in_time(lab):
    """By the admin's own clock: since when its entries are as they are."""
    lab.fleet("cut", "net-vm")
    cut = time.time()
    wait_until(lambda: set(states_of(lab, "net-vm").values()) == {"PoweredOff"}, NOTICED + 5)
    for name in ("givc-net-vm.service", "dhcp.service"):
        assert 0 < int(lab.entry(name)["Since"]) / 1e6 - cut < NOTICED
    lab.fleet("heal", "net-vm")


def test_what_its_host_has_stopped_leaves_at_once(lab, app):
    """No pause is waited for when the host says that it is off, and starting an application brings it back."""
    with lab.watch() as watch:
        lab.exec("ghaf-host", "systemctl", "stop", "microvm@app-vm.service")
        watch.wait_for("givc-app-vm.service", kind="Removed")
    stopped = int(lab.show("ghaf-host", "microvm@app-vm.service", "InactiveEnterTimestampMonotonic")) / 1e6
    entry = lab.entry("microvm@app-vm.service")
    assert entry["VmStatus"] == "PoweredOff" and app not in lab.names()
    assert int(entry["Since"]) / 1e6 - (stopped + time.time() - time.monotonic()) < 1
    again = lab.ctl("start", "app", "hold", "--vm", "app-vm", timeout=90).stdout.split()[-1]
    assert lab.entry(again)["VmStatus"] == "Running"
    assert lab.states()["app-vm"] == "running"
    lab.ctl("stop", again)


def test_others_are_served_while_one_is_cut_off(lab):
    lab.fleet("cut", "gui-vm")
    for _ in range(3):
        app = lab.start_app()
        lab.ctl("stop", app)
    lab.fleet("heal", "gui-vm")


def test_what_happened_meanwhile_is_known_after_the_heal(lab):
    lab.fleet("cut", "net-vm")
    lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
    lab.fleet("heal", "net-vm")
    wait_until(lambda: lab.entry("givc-net-vm.service")["VmStatus"] == "Running" and
               lab.entry("dhcp.service")["VmStatus"] == "PoweredOff", BACK)
    lab.exec("net-vm", "systemctl", "start", "dhcp.service")
    wait_until(lambda: lab.entry("dhcp.service")["VmStatus"] == "Running")


def test_a_vm_loses_its_power_and_comes_back(lab):
    before = set(lab.list())
    with lab.watch() as watch:
        lab.fleet("kill", "app-vm")
        watch.next(lambda k, v: k in ("Updated", "Removed") and v["Name"] == "microvm@app-vm.service", seconds=NOTICED)
        wait_until(lambda: (lab.entry("givc-app-vm.service") or {"VmStatus": "gone"})["VmStatus"] != "Running", NOTICED)
        lab.fleet("boot", "app-vm")
        watch.next(lambda k, v: k in ("Added", "Updated") and v["Name"] == "givc-app-vm.service"
                   and v["VmStatus"] == "Running", seconds=BACK)
    wait_until(lambda: set(lab.list()) == before)


def test_the_admins_machine_loses_its_power_and_comes_back(lab):
    lab.fleet("kill", "admin-vm")
    lab.fleet("boot", "admin-vm")
    lab.wait_until_registered(seconds=BACK)
