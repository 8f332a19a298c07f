# SPDX-License-Identifier: Apache-2.0
"""Notifications in a user's session, straight to its desktop, which is dbusmock's on that session's bus. Those that go
through sockets are played in settings."""

import json

import pytest
from lab import wait_until

DESKTOP, PATH, MOCK = "org.freedesktop.Notifications", "/org/freedesktop/Notifications", "org.freedesktop.DBus.Mock"
UNIT = (f"[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=dbus\nBusName={DESKTOP}\nExecStart=/usr/bin/python3 -m "
        "dbusmock --session --template notification_daemon\n[Install]\nWantedBy=default.target\n")
TOPOLOGY = {"machines": {
    "admin-vm": {"role": "admin", "address": "192.168.101.10"},
    "ghaf-host": {"role": "host", "address": "192.168.101.2"},
    "app-vm": {
        "role": "appvm", "address": "192.168.101.5", "agent": {"capabilities": {"notifier": {"enable": True}}},
        "units": {"desktop.service": UNIT},
    },
}}
NUMBERS = {"low": 0, "normal": 1, "critical": 2}

pytestmark = pytest.mark.reference("issue 4: notify")


def shown(lab):
    """What the desktop was asked to show, in order."""
    done = lab.session("busctl", "--user", "call", "--json=short", DESKTOP, PATH, MOCK, "GetCalls")
    return [[word["data"] for word in call[2]] for call in json.loads(done.stdout)["data"][0] if call[1] == "Notify"]


@pytest.fixture
def desktop(lab):
    lab.systemctl("app-vm", "restart", "desktop.service")
    wait_until(lambda: lab.session("busctl", "--user", "call", DESKTOP, PATH, DESKTOP, "GetServerInformation",
                                   check=False).returncode == 0)


@pytest.mark.parametrize("urgency", NUMBERS)
def test_the_desktop_shows_it(lab, desktop, urgency):
    lab.ctl("notify", "app-vm", "Title", "<b>Text</b> ä", f"--urgency={urgency}", "--event=test", "--icon=info")
    (application, replaced, icon, title, text, actions, hints, _), = shown(lab)
    assert (replaced, icon, title, text, actions) == (0, "info", "Title", "<b>Text</b> ä", [])
    assert application.endswith("] test")
    assert hints["urgency"]["data"] == NUMBERS[urgency]


def test_many_at_once_are_all_shown_in_order(lab, desktop):
    for i in range(20):
        lab.ctl("notify", "app-vm", f"Title {i}")
    assert [call[3] for call in shown(lab)] == [f"Title {i}" for i in range(20)]


def test_nobody_is_there_to_see_it(lab):
    lab.systemctl("app-vm", "stop", "desktop.service")
    done = lab.ctl("notify", "app-vm", "Title", check=False)
    assert done.returncode == 1 and "Cannot show the notification" in done.stderr
    lab.systemctl("app-vm", "start", "desktop.service")
    wait_until(lambda: lab.ctl("notify", "app-vm", "Title", check=False).returncode == 0)


def test_a_desktop_that_does_not_answer(lab, desktop):
    lab.systemctl("app-vm", "kill", "--signal=STOP", "desktop.service")
    try:
        done = lab.ctl("notify", "app-vm", "Title", check=False)
        assert done.returncode == 7 and "did not answer in time" in done.stderr
    finally:
        lab.systemctl("app-vm", "kill", "--signal=CONT", "desktop.service")


def test_the_session_has_ended(lab, desktop):
    """Nobody is logged in any more: the VM cannot be told, and that is what is said."""
    lab.exec("app-vm", "systemctl", "stop", "user@1000.service")
    done = lab.ctl("notify", "app-vm", "Title", check=False)
    assert done.returncode == 1 and "app-vm" in done.stderr
    lab.exec("app-vm", "systemctl", "start", "user@1000.service")
    lab.wait_until_registered()
