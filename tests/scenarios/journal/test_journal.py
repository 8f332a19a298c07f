# SPDX-License-Identifier: Apache-2.0
"""What an administrator finds in the journal: events by their id, with the names that belong to them, explained."""

import re

import pytest
from givcfleet.paths import TREE
from lab import wait_until

HEADER = (TREE / "src/libgivc/base/message-id.h").read_text(encoding="utf-8")
IDS = dict(re.findall(r'^#define MESSAGE_(\w+) +"(\w+)"$', HEADER, re.M))


def find(lab, machine, name, **fields):
    return [m for m in lab.journal(machine, f"MESSAGE_ID={IDS[name]}")
            if all(m.get(key) == value for key, value in fields.items())]


@pytest.mark.reference("issue 3: catalog")
def test_the_journal_explains_what_happened(lab):
    lab.exec("admin-vm", "journalctl", "--update-catalog")
    assert find(lab, "admin-vm", "REGISTERED", UNIT="givc-net-vm.service", GIVC_PEER="net-vm", GIVC_VM="net-vm")
    shown = lab.exec("admin-vm", "journalctl", "-x", "--lines=1", f"MESSAGE_ID={IDS['REGISTERED']}",
                     "UNIT=givc-net-vm.service").stdout
    assert "Subject: givc-net-vm.service is registered" in shown and "Defined-By: givc" in shown
    assert '"givcctl show givc-net-vm.service"' in shown and "@" not in shown


@pytest.mark.reference("issue 3: catalog")
def test_an_application_leaves_a_trace_on_both_sides(lab):
    unit = lab.start_app()
    lab.ctl("stop", "app", unit)
    found = find(lab, "admin-vm", "APPLICATION_STARTED", UNIT=unit, GIVC_VM="app-vm")
    assert found and found[-1]["GIVC_METHOD"].endswith("/StartApplication") and found[-1]["GIVC_PEER"]


@pytest.mark.reference("issue 3: catalog")
def test_a_refused_configuration_is_found_by_its_id(lab):
    lab.exec("net-vm", "mv", "/etc/givc-agent/config.json", "/etc/givc-agent/good.json")
    try:
        lab.exec("net-vm", "systemctl", "restart", "givc-net-vm.service", check=False)
        found = wait_until(lambda: find(lab, "net-vm", "CONFIGURATION_REFUSED"))
        assert "/etc/givc-agent/config.json" in found[-1]["MESSAGE"] and found[-1]["PRIORITY"] == "3"
        assert found[-1]["_SYSTEMD_UNIT"] == "givc-net-vm.service"
    finally:
        lab.exec("net-vm", "mv", "/etc/givc-agent/good.json", "/etc/givc-agent/config.json")
        lab.exec("net-vm", "systemctl", "reset-failed", "givc-net-vm.service", "givc-net-vm.socket", check=False)
        lab.exec("net-vm", "systemctl", "start", "givc-net-vm.socket", "givc-net-vm.service")
    lab.wait_until_registered()
