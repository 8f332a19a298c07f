# SPDX-License-Identifier: Apache-2.0
"""The admin's socket for people of its machine: root and members of the group need no certificate, others get nowhere,
and nobody becomes an agent through it."""

import pytest
from lab import wait_until

pytestmark = pytest.mark.contract(15)
NAMES = ("ADDR", "PORT", "NAME", "CA_CERT", "HOST_CERT", "HOST_KEY")
FORGET = [word for name in NAMES for word in ("-u", f"GIVC_{name}")]
ASK = ["env", *FORGET, "GIVC_ADMIN=unix:/run/givc/admin.sock", "givcctl"]


def test_root_needs_no_certificate(lab):
    assert "givc-net-vm.service" in lab.exec("admin-vm", *ASK, "list", "--json=short").stdout


def sees_and_acts(lab, member):
    assert "givc-net-vm.service" in lab.exec("admin-vm", *member, *ASK, "list", "--json=short").stdout
    app = lab.exec("admin-vm", *member, *ASK, "start", "app", "hold", "--vm", "app-vm").stdout.split()[-1]
    assert lab.entry(app)["VmStatus"] == "Running"
    lab.exec("admin-vm", *member, *ASK, "stop", app)


def test_a_member_sees_and_acts(lab):
    sees_and_acts(lab, ["setpriv", "--reuid=ghaf", "--regid=givc", "--clear-groups"])


def test_who_joins_the_group_is_let_in_and_who_leaves_it_is_not(lab):
    """While the admin runs; the mode of the socket, which would do as well, is out of the way."""
    user = ["setpriv", "--reuid=ghaf", "--regid=ghaf", "--clear-groups"]

    def status():
        return lab.exec("admin-vm", *user, *ASK, "list", check=False).returncode
    lab.exec("admin-vm", "chmod", "0666", "/run/givc/admin.sock")
    try:
        assert status() == 5
        lab.exec("admin-vm", "usermod", "-aG", "givc", "ghaf")
        wait_until(lambda: status() == 0)
        sees_and_acts(lab, user)
        lab.exec("admin-vm", "gpasswd", "-d", "ghaf", "givc")
        wait_until(lambda: status() == 5)
    finally:
        lab.exec("admin-vm", "chmod", "0660", "/run/givc/admin.sock")


def test_a_stranger_gets_nowhere(lab):
    stranger = lab.exec("admin-vm", *ASK, "list", user="ghaf", check=False)
    assert stranger.returncode in (5, 6) and not stranger.stdout


def test_the_socket_is_its_groups(lab):
    shown = lab.exec("admin-vm", "stat", "-c", "%a %U %G", "/run/givc/admin.sock").stdout.split()
    assert shown == ["660", "root", "givc"]


def test_a_stranger_is_refused_also_where_the_mode_would_let_him_in(lab):
    """Who he is is asked of the kernel, whatever the mode says."""
    lab.exec("admin-vm", "chmod", "0666", "/run/givc/admin.sock")
    try:
        stranger = lab.exec("admin-vm", *ASK, "list", user="ghaf", check=False)
    finally:
        lab.exec("admin-vm", "chmod", "0660", "/run/givc/admin.sock")
    assert stranger.returncode == 5 and "group 'givc'" in stranger.stderr
    assert not stranger.stdout
