# SPDX-License-Identifier: Apache-2.0
"""Connections over vsock, through the kernel's loopback: sockets that systemd listens at and those of the admin's own,
agents that register over it, and what the number of the caller is worth."""

import pytest
from layer import ANY_PORT, LOCAL_PORT
from machine import wait_until


@pytest.fixture(scope="module")
def admin(machine):
    machine.systemctl("start", "givc-admin.service", "givc-audio-vm.service")
    return machine


@pytest.mark.parametrize("port", [9001, ANY_PORT, LOCAL_PORT], ids=["socket-unit", "any", "local"])
def test_the_client_reaches_the_admin(admin, port):
    wait_until(lambda: "audio-vm" in admin.givcctl(f"--vsock=local:{port}", "list").stdout, what="audio-vm in the list")


def test_an_agent_is_called_back_at_its_number(admin):
    def is_active():
        done = admin.givcctl("--vsock=local:9001", "status", "audio-vm", "busy.service", check=False)
        return done.returncode == 0 and "active" in done.stdout
    admin.systemctl("start", "busy.service")
    try:
        wait_until(is_active, what="busy.service active")
    finally:
        admin.systemctl("stop", "busy.service")


def test_another_number_is_not_registered(admin):
    admin.systemctl("start", "givc-bad-vm.service")
    try:
        wait_until(lambda: "may not register at the address '7'" in admin.show("givc-bad-vm.service", "StatusText")
                   + admin.journal("--unit=givc-bad-vm.service"), what="bad-vm refused")
        assert "bad-vm" not in admin.givcctl("--vsock=local:9001", "list").stdout
    finally:
        admin.systemctl("stop", "givc-bad-vm.service")


def test_without_tls_the_number_is_who_calls(admin):
    admin.systemctl("start", "givc-plain-vm.service")
    try:
        done = admin.run("givcctl", "--admin=vsock:local:9030", "--notls", "call",
                         "systemd.UnitControlService/GetUnitStatus", '{"UnitName": "busy.service"}', check=False)
        assert done.returncode != 0
        assert "answers the address of its admin only" in done.stderr, done.stderr
    finally:
        admin.systemctl("stop", "givc-plain-vm.service")
