# SPDX-License-Identifier: Apache-2.0
"""An agent of the system that is not root: polkit's rule lets it do what its machine's configuration exposes, and only
that, even when somebody else has got hold of its user."""

import pytest
from givcfleet.paths import TREE
from lab import wait_until

EXAMPLE = (TREE / "units/examples/50-unprivileged.conf").read_text(encoding="utf-8")
SLEEPER = "[Unit]\nDescription=Sleeps\n[Service]\nType=exec\nExecStart=sleep infinity\n"
RULE = "/usr/share/polkit-1/rules.d/givc-agent.rules"
AGENT = "givc-net-vm.service"
TOPOLOGY = {"machines": {
    "admin-vm": {"role": "admin", "address": "192.168.101.10"},
    "ghaf-host": {"role": "host", "address": "192.168.101.2"},
    "net-vm": {
        "role": "sysvm", "address": "192.168.101.1", "services": ["dhcp.service"],
        "units": {"dhcp.service": SLEEPER, "other.service": SLEEPER},
        "agent": {"network": {"tls": {"caCertPath": "ca-cert.pem", "certPath": "cert.pem", "keyPath": "key.pem"}}},
        "files": {f"etc/systemd/system/{AGENT}.d/50-unprivileged.conf": EXAMPLE},
    },
}}

pytestmark = pytest.mark.reference("issue 3: polkit rule")


def ctl(lab, verb):
    return lab.ctl(verb, "service", "dhcp", "--vm", "net-vm", check=False)


def state(lab, unit):
    return lab.show("net-vm", unit, "ActiveState")


def as_agent(lab, *command):
    return lab.exec("net-vm", "runuser", "-u", "givc-agent", "--", *command, check=False)


def reload_rules(lab):
    lab.exec("net-vm", "systemctl", "restart", "polkit.service")


def test_it_is_not_root_and_controls_what_it_exposes(lab):
    pid = lab.pid("net-vm")
    assert lab.exec("net-vm", "ps", "-o", "user=", "-p", str(pid)).stdout.strip() == "givc-agent"
    assert ctl(lab, "start").returncode == 0
    assert state(lab, "dhcp.service") == "active"
    assert ctl(lab, "stop").returncode == 0
    assert state(lab, "dhcp.service") == "inactive"


def test_it_reads_the_journal_of_what_it_exposes(lab):
    assert ctl(lab, "start").returncode == 0
    wait_until(lambda: "Started dhcp.service" in lab.ctl("logs", "net-vm", "dhcp").stdout)
    assert lab.ctl("logs", "net-vm", "other", check=False).returncode == 4
    assert ctl(lab, "stop").returncode == 0


def test_without_the_rule_it_controls_nothing(lab):
    lab.exec("net-vm", "mv", RULE, "/run/givc.rules")
    try:
        reload_rules(lab)
        done = ctl(lab, "start")
        assert done.returncode == 5, done.stderr
        assert state(lab, "dhcp.service") == "inactive"
        assert "dhcp.service" in lab.names()          # to look takes no permission
    finally:
        lab.exec("net-vm", "mv", "/run/givc.rules", RULE)
        reload_rules(lab)
    assert ctl(lab, "start").returncode == 0
    assert ctl(lab, "stop").returncode == 0


@pytest.mark.parametrize("command, permitted", [
    (["systemctl", "--no-ask-password", "restart", "dhcp.service"], True),
    (["systemctl", "--no-ask-password", "start", "other.service"], False),
    (["systemctl", "--no-ask-password", "stop", "dbus.service"], False),
    (["systemctl", "--no-ask-password", "set-property", "--runtime", "dhcp.service", "CPUWeight=1"], False),
    (["systemctl", "--no-ask-password", "daemon-reload"], False),
    (["systemctl", "--no-ask-password", "link", "/tmp/x.service"], False),
    (["systemd-run", "--no-ask-password", "true"], False),
])
def test_its_user_can_do_no_more(lab, command, permitted):
    assert (as_agent(lab, *command).returncode == 0) == permitted
    lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
    assert state(lab, "other.service") == "inactive" and state(lab, "dbus.service") == "active"


def test_it_survives_a_restart_of_the_bus_and_of_itself(lab):
    lab.exec("net-vm", "systemctl", "restart", AGENT)
    lab.wait_until_registered()
    wait_until(lambda: ctl(lab, "start").returncode == 0)
    assert ctl(lab, "stop").returncode == 0
