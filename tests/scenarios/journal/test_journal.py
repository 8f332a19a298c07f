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
    wait_until(lambda: find(lab, "admin-vm", "REGISTERED", UNIT="givc-net-vm.service", GIVC_PEER="net-vm",
                            GIVC_VM="net-vm"))
    shown = lab.exec("admin-vm", "journalctl", "-x", "--lines=1", f"MESSAGE_ID={IDS['REGISTERED']}",
                     "UNIT=givc-net-vm.service").stdout
    assert "Subject: givc-net-vm.service is registered" in shown and "Defined-By: givc" in shown
    assert '"givcctl show givc-net-vm.service"' in shown and "@" not in shown


@pytest.mark.reference("issue 3: catalog")
def test_an_application_leaves_a_trace_on_both_sides(lab):
    unit = lab.start_app()
    lab.ctl("stop", "app", unit)
    found = wait_until(lambda: find(lab, "admin-vm", "APPLICATION_STARTED", UNIT=unit, GIVC_VM="app-vm"))
    assert found[-1]["GIVC_METHOD"].endswith("/StartApplication") and found[-1]["GIVC_PEER"]


@pytest.mark.reference("issue 3: catalog")
def test_a_refused_configuration_is_found_by_its_id(lab):
    lab.exec("net-vm", "mv", "/etc/givc-agent/config.json", "/etc/givc-agent/good.json")
    try:
        lab.exec("net-vm", "systemctl", "restart", "givc-net-vm.service", check=False)
        found = wait_until(lambda: find(lab, "net-vm", "CONFIGURATION_REFUSED"))
        assert "/etc/givc-agent/config.json" in found[-1]["MESSAGE"] and found[-1]["PRIORITY"] == "3"
        # journald no longer learns whose it was where the service manager was quicker to bury the process.
        assert found[-1].get("_SYSTEMD_UNIT", "givc-net-vm.service") == "givc-net-vm.service"
    finally:
        lab.exec("net-vm", "mv", "/etc/givc-agent/good.json", "/etc/givc-agent/config.json")
        lab.exec("net-vm", "systemctl", "reset-failed", "givc-net-vm.service", "givc-net-vm.socket", check=False)
        lab.exec("net-vm", "systemctl", "start", "givc-net-vm.socket", "givc-net-vm.service")
    lab.wait_until_registered()


@pytest.mark.reference("issue 3: systemctl service-log-level")
@pytest.mark.parametrize("machine, unit", [("admin-vm", "givc-admin.service"), ("net-vm", "givc-net-vm.service"),
                                           ("app-vm", "givc-app-vm.service")])
def test_systemctl_says_how_much_is_logged(lab, machine, unit):
    """Of the session's manager for the agent of app-vm. What is no level changes nothing."""
    def level(*words, **options):
        return lab.systemctl(machine, "service-log-level", unit, *words, **options)

    wait_until(lambda: level(check=False).stdout.strip() == "info")
    level("debug")
    assert level().stdout.strip() == "debug"
    assert level("loud", check=False).returncode != 0
    assert level().stdout.strip() == "debug"
    level("info")
    assert level().stdout.strip() == "info"


@pytest.mark.reference("issue 3: systemctl service-log-level")
def test_the_level_takes_effect_at_once(lab):
    def level(word):
        lab.systemctl("admin-vm", "service-log-level", "givc-admin.service", word)
        lab.list()
        lab.list()

    def said():
        """From when the level has changed."""
        messages = lab.messages("admin-vm", "givc-admin.service", after)
        changes = [i for i, m in enumerate(messages) if "log level is" in m["MESSAGE"]]
        return messages[changes[0]:] if changes else []

    after = lab.cursor("admin-vm")
    level("debug")
    wait_until(lambda: any(m["PRIORITY"] == "7" for m in said()))
    after = lab.cursor("admin-vm")
    level("info")
    app = lab.start_app()                       # which is told after everything else
    lab.ctl("stop", "app", app)
    wait_until(lambda: any(m.get("UNIT") == app for m in said()))
    assert not [m for m in said() if m["PRIORITY"] == "7"]


@pytest.mark.reference("issue 3: systemctl service-log-level")
def test_only_root_says_how_much_the_system_logs(lab):
    call = ("runuser", "-u", "nobody", "--", "busctl", "{}-property", "org.givc.Admin", "/org/freedesktop/LogControl1",
            "org.freedesktop.LogControl1", "LogLevel")
    done = {verb: lab.exec("admin-vm", *(w.format(verb) for w in call), *more, check=False)
            for verb, more in (("get", ()), ("set", ("s", "debug")))}
    assert done["get"].stdout.strip() == 's "info"'
    assert done["set"].returncode != 0 and "denied" in done["set"].stderr.lower()
    assert lab.systemctl("admin-vm", "service-log-target", "givc-admin.service").stdout.strip() == "journal"
