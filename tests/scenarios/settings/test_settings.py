# SPDX-License-Identifier: Apache-2.0
"""Language and time zone of real machines, by their own localed and timedated, and notifications to their sockets."""

import json

import pytest
from lab import wait_until

MACHINES = ("ghaf-host", "net-vm", "app-vm")
SOCKET = ("[Socket]\nListenStream=/run/log/journal-notifier/user-1000.sock\nAccept=yes\nSocketMode=0660\n"
          "SocketUser=ghaf\nSocketGroup=users\nDirectoryMode=0770\n[Install]\nWantedBy=sockets.target\n")
RECEIVER = "[Service]\nStandardInput=socket\nExecStart=/bin/sh -c 'cat >/run/note.new; mv /run/note.new /run/note'\n"
TOPOLOGY = {"machines": {
    "admin-vm": {"role": "admin", "address": "192.168.101.10"},
    "ghaf-host": {"role": "host", "address": "192.168.101.2"},
    "net-vm": {
        "role": "sysvm", "address": "192.168.101.1",
        "agent": {"capabilities": {"notifier": {"enable": True, "socket": "/run/log/journal-notifier"}}},
        "units": {"note.socket": SOCKET, "note@.service": RECEIVER},
    },
    "app-vm": {"role": "appvm", "address": "192.168.101.5"},
}}

pytestmark = pytest.mark.reference("issue 4: locale and time zone, notify")


def zone(lab, machine):
    return lab.exec(machine, "readlink", "-f", "/etc/localtime").stdout.strip().removeprefix("/usr/share/zoneinfo/")


def language(lab, machine):
    return lab.exec(machine, "localectl", "status").stdout


def test_all_machines_follow(lab):
    """That in the user's session, too, whose user polkit lets do it."""
    lab.ctl("set-timezone", "Europe/Helsinki")
    lab.ctl("set-locale", "LANG=C.UTF-8", "LC_TIME=POSIX")
    for machine in MACHINES:
        wait_until(lambda m=machine: zone(lab, m) == "Europe/Helsinki")
        wait_until(lambda m=machine: "LANG=C.UTF-8" in language(lab, m) and "LC_TIME=POSIX" in language(lab, m))
    assert "LC_TIME=POSIX" in lab.session("systemctl", "--user", "show-environment").stdout
    assert lab.exec("admin-vm", "cat", "/etc/timezone.conf").stdout == "Europe/Helsinki"
    assert lab.exec("admin-vm", "cat", "/etc/locale-givc.conf").stdout == "LANG=C.UTF-8\nLC_TIME=POSIX"


def test_who_was_away_follows_later(lab):
    lab.fleet("cut", "net-vm")
    lab.ctl("set-timezone", "Asia/Tokyo")
    wait_until(lambda: zone(lab, "ghaf-host") == "Asia/Tokyo")
    assert zone(lab, "net-vm") != "Asia/Tokyo"
    lab.fleet("heal", "net-vm")
    wait_until(lambda: zone(lab, "net-vm") == "Asia/Tokyo", 60)


def test_a_new_admin_says_it_again(lab):
    lab.ctl("set-timezone", "UTC")
    wait_until(lambda: zone(lab, "net-vm") in ("UTC", "Etc/UTC"))
    lab.exec("net-vm", "timedatectl", "set-timezone", "Europe/Paris")
    lab.systemctl("admin-vm", "restart", "givc-admin.service")
    wait_until(lambda: zone(lab, "net-vm") in ("UTC", "Etc/UTC"))


def test_what_cannot_be_kept_is_not_said(lab):
    lab.ctl("set-timezone", "UTC")
    wait_until(lambda: zone(lab, "net-vm") in ("UTC", "Etc/UTC"))
    directory = "/var/lib/givc-admin"
    lab.exec("admin-vm", "chown", "root:root", directory)
    try:
        done = lab.ctl("set-timezone", "Europe/Oslo", check=False)
        assert done.returncode == 1 and "cannot be kept" in done.stderr
    finally:
        lab.exec("admin-vm", "chown", "givc-admin:givc-admin", directory)
    assert lab.exec("admin-vm", "cat", "/etc/timezone.conf").stdout == "UTC"
    assert zone(lab, "net-vm") in ("UTC", "Etc/UTC")


@pytest.mark.parametrize("urgency, number", [("low", 0), ("critical", 2)])
def test_a_notification_reaches_the_session(lab, urgency, number):
    lab.exec("net-vm", "systemctl", "start", "note.socket")
    lab.exec("net-vm", "rm", "-f", "/run/note")
    lab.ctl("notify", "net-vm", "Title", "Text", f"--urgency={urgency}", "--event=test")
    note = json.loads(wait_until(lambda: lab.exec("net-vm", "cat", "/run/note", check=False).stdout))
    assert (note["Title"], note["Message"], note["Urgency"]) == ("Title", "Text", number)
    assert note["Event"].endswith("] test")


def test_who_shows_none_says_so(lab):
    done = lab.ctl("notify", "app-vm", check=False)
    assert done.returncode != 0 and "does not show notifications" in done.stderr
