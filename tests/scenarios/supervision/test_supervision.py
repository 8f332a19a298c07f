# SPDX-License-Identifier: Apache-2.0
"""The daemons under systemd: watchdog, socket activation, how they begin and end."""

import pytest
from lab import wait_until

AGENTS = {"ghaf-host": "givc-ghaf-host.service", "net-vm": "givc-net-vm.service", "app-vm": "givc-app-vm.service"}


@pytest.mark.reference("Products: socket-activated, Type=notify, watchdog")
@pytest.mark.parametrize("machine, unit", [("admin-vm", "givc-admin.service"), *AGENTS.items()])
def test_they_are_notifying_units_with_a_watchdog(lab, machine, unit):
    assert lab.show(machine, unit, "Type") == "notify"
    assert lab.show(machine, unit, "WatchdogUSec") not in ("", "0", "infinity")
    assert lab.show(machine, unit, "ActiveState") == "active"


@pytest.mark.reference("issue 1, Done when: ended by the watchdog")
@pytest.mark.parametrize("machine, unit", [("admin-vm", "givc-admin.service"), ("app-vm", "givc-app-vm.service")])
def test_a_daemon_that_stands_still_is_ended_and_comes_back(lab, machine, unit):
    before = lab.pid(machine)
    lab.systemctl(machine, "kill", "-s", "STOP", "--kill-who=main", unit)
    wait_until(lambda: lab.pid(machine) not in (0, before), 30, f"{unit} has a new process")
    wait_until(lambda: any("watchdog" in m["MESSAGE"].lower() for m in lab.journal(machine) if unit in m["MESSAGE"]))
    wait_until(lambda: lab.show(machine, unit, "ActiveState") == "active")
    lab.wait_until_registered()


@pytest.mark.reference("issue 1, Done when: starting nothing but the sockets and then calling starts the daemons")
def test_a_call_to_its_socket_starts_the_admin(lab):
    lab.systemctl("admin-vm", "stop", "givc-admin.service")
    assert lab.show("admin-vm", "givc-admin.socket", "ActiveState") == "active"
    lab.ctl("list")
    assert lab.show("admin-vm", "givc-admin.service", "ActiveState") == "active"
    lab.wait_until_registered()


@pytest.mark.reference("issue 1, Done when: starting nothing but the sockets and then calling starts the daemons")
@pytest.mark.parametrize("machine", ["net-vm", "app-vm"])
def test_a_call_to_its_socket_starts_an_agent(lab, machine):
    unit = AGENTS[machine]
    lab.systemctl(machine, "stop", unit)
    assert lab.show(machine, unit.replace(".service", ".socket"), "ActiveState") == "active"
    with lab.channel("admin-vm", machine) as channel:
        lab.call(channel, "systemd.UnitControlService/GetUnitStatus", UnitName=unit)
    assert lab.show(machine, unit, "ActiveState") == "active"


@pytest.mark.reference("peers: SIGTERM stops accepting, drains and exits 0")
@pytest.mark.parametrize("machine, unit", [("admin-vm", "givc-admin.service"), *AGENTS.items()])
def test_stop_is_orderly_and_quick(lab, machine, unit):
    cursor = lab.cursor(machine)
    lab.systemctl(machine, "stop", unit)
    assert not [m["MESSAGE"] for m in lab.messages(machine, unit, cursor) if int(m["PRIORITY"]) <= 4], "it was forced"
    assert lab.show(machine, unit, "Result") == "success"
    assert lab.show(machine, unit, "ExecMainStatus") == "0"
    lab.systemctl(machine, "start", unit)
    lab.wait_until_registered()


BAD_CONFIGS = [
    ('{ "identity": ', "config.json"),
    ('{ "identity": {"name": "net-vm", "type": "eight"} }', "type"),
    ('{ "identity": {"name": "net-vm", "type": 8, "subType": 9} }', "admin"),
]


@pytest.mark.reference("Configuration: errors name file, key and reason, exit 2, before anything starts")
@pytest.mark.parametrize("text, word", BAD_CONFIGS)
def test_a_bad_configuration_is_told_and_ends_with_2(lab, text, word):
    lab.exec("net-vm", "sh", "-c", "cat > /run/config.json", stdin=None, input=text)
    done = lab.exec("net-vm", "givc-agent", "-config", "/run/config.json", check=False)
    assert done.returncode == 2
    assert "/run/config.json" in done.stderr and word in done.stderr
    missing = lab.exec("net-vm", "givc-agent", "-config", "/run/nothing.json", check=False)
    assert missing.returncode == 2 and "/run/nothing.json" in missing.stderr


@pytest.mark.reference("Configuration: errors name file, key and reason, exit 2, before anything starts")
def test_a_unit_with_a_bad_configuration_gives_up(lab):
    """Restart= does not try it again; calls that come in do, until systemd's limit of triggers closes the socket."""
    file, unit = "/etc/givc-agent/config.json", "givc-net-vm.service"
    lab.exec("net-vm", "sh", "-c", f"cp {file} /run/good.json; echo '{{' > {file}")
    try:
        assert lab.exec("net-vm", "systemctl", "restart", unit, check=False).returncode != 0
        wait_until(lambda: (lab.show("net-vm", "givc-net-vm.socket", "Result"), lab.show("net-vm", unit, "ActiveState"))
                   == ("trigger-limit-hit", "failed"))
        assert lab.show("net-vm", unit, "ExecMainStatus") == "2"
        assert lab.show("net-vm", unit, "NRestarts") == "0"
    finally:
        lab.exec("net-vm", "cp", "/run/good.json", file)
        lab.exec("net-vm", "systemctl", "reset-failed", "givc-net-vm.*")
        lab.exec("net-vm", "systemctl", "start", "givc-net-vm.socket", unit)


@pytest.mark.reference("Configuration: the admin's flags and environment")
@pytest.mark.parametrize("words, key", [
    (("--listen", "nowhere:x:y"), "--listen"),
    (("--listen", "tcp:127.0.0.1:9009", "--use-tls", "--ca-cert", "/run/no.pem", "--host-cert", "/run/no.pem",
      "--host-key", "/run/no.pem"), "/run/no.pem"),
])
def test_the_admin_says_what_is_wrong_with_its_options(lab, words, key):
    done = lab.exec("admin-vm", "givc-admin", *words, check=False)
    assert done.returncode == 2
    assert key in done.stderr


@pytest.mark.reference("issue 1: limits of the programs are those of their units")
def test_no_descriptor_is_left_behind(lab):
    """Calls that come and go leave a daemon with the descriptors that it had. A link between the two daemons that comes
    back within a round adds one for good, so the next round begins from what is there then; a leak grows in each."""
    def n_fds():
        return [len(lab.exec(machine, "ls", f"/proc/{lab.pid(machine)}/fd").stdout.split())
                for machine in ("admin-vm", "net-vm")]

    def grown(before):
        return [now - then for now, then in zip(n_fds(), before) if now > then]

    for last in (False, False, True):
        before = n_fds()
        for _ in range(10):
            lab.ctl("list")
            lab.ctl("status", "net-vm", "dhcp.service")
        try:
            wait_until(lambda: not grown(before), 10, "no descriptor more than before")
            return
        except AssertionError:
            if last:
                raise
