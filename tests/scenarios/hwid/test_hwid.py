# SPDX-License-Identifier: Apache-2.0
"""What identifies the hardware of a VM, through the admin."""

import json

import pytest

pytestmark = pytest.mark.reference("issue 4: hwid")


def identify(lab, vm, **options):
    return lab.ctl("call", "hwid.HwidService/GetHwId", json.dumps({"VmName": vm}), **options)


def test_the_address_of_the_interface(lab):
    """A virtual one, which was made without: it is the one in use."""
    address = json.loads(lab.exec("net-vm", "ip", "-j", "link", "show", "eth1").stdout)[0]["address"]
    assert json.loads(identify(lab, "net-vm").stdout) == {"Identifier": address}
    assert lab.ctl("hwid", "net-vm").stdout == f"{address}\n"


def test_vms_that_do_not_say(lab):
    assert "does not identify its hardware (Unimplemented)" in identify(lab, "gui-vm", check=False).stderr
    assert identify(lab, "none", check=False).returncode == 4
