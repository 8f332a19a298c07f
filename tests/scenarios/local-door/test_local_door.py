# SPDX-License-Identifier: Apache-2.0
"""The admin's socket for people of its machine: members of the group need no certificate, others get nowhere."""

import pytest

pytestmark = pytest.mark.contract(15)


def test_the_local_door_knows_its_people(lab):
    ask = ("givcctl", "list", "--json=short")
    local = {"GIVC_ADMIN": "unix:/run/givc/admin.sock"}
    command = ["env", "-u", "GIVC_ADDR", "-u", "GIVC_CA_CERT", "-u", "GIVC_HOST_CERT", "-u", "GIVC_HOST_KEY",
               *(f"{k}={v}" for k, v in local.items()), *ask]
    assert lab.exec("admin-vm", *command).returncode == 0
    stranger = lab.exec("admin-vm", *command, user="ghaf", check=False)
    assert stranger.returncode != 0
    member = lab.exec("admin-vm", "setpriv", "--reuid=ghaf", "--regid=givc", "--clear-groups", *command)
    assert "givc-net-vm.service" in member.stdout
