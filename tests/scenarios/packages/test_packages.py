# SPDX-License-Identifier: Apache-2.0
"""The packages of `make deb`, by the lines of README.md: a machine that has nothing of ours gets them from apt, runs
what the lines make of it, keeps that when they are upgraded or removed, and has no trace of them once purged."""

import json
import os
import re
import shlex
import subprocess

import pytest
from givcfleet.paths import TREE
from lab import TOOL, wait_until

NAME, ADDRESS = "laptop", "192.168.101.7"
OTHER, OTHER_ADDRESS = "net-vm", "192.168.101.1"
TOPOLOGY = {"machines": {NAME: {"address": ADDRESS}, OTHER: {"address": OTHER_ADDRESS}}}
UNITS = ("givc-admin.service", "givc-admin.socket", "givc-admin-local.socket", "givc-agent.service",
         "givc-agent.socket")
POLICY = "/usr/sbin/policy-rc.d"
BUILD = os.environ.get("GIVC_BUILD", "build")
# Everything where packages put things, but for what dpkg and others write whenever anything happens.
TRACES = """set -e
find /etc /usr /var -xdev '(' -path /usr/lib/debug -o -path /usr/src -o -path /var/lib/dpkg -o -path /var/lib/apt \
    -o -path /var/lib/systemd -o -path /var/lib/PackageKit -o -path /var/cache -o -path /var/log -o -path /var/tmp \
    -o -path /etc/.pwd.lock -o -path '/etc/*-' -o -path /etc/ld.so.cache ')' -prune -o -printf '%p %y %m %U:%G %l\\n'
find /run/givc* /run/systemd/*/givc* 2>/dev/null || true
find /etc /var/lib/givc* -xdev '(' -path '/etc/*-' -o -path /etc/ld.so.cache ')' -prune -o -type f -print0 2>/dev/null |
    xargs -0 sha256sum
"""

pytestmark = pytest.mark.reference("issue 6: Debian")


def lines_of_readme():
    """The commands below the heading, without what stands behind them."""
    text = (TREE / "README.md").read_text(encoding="utf-8")
    section = re.search(r"^## From a package[^\n]*\n(.*?)^## ", text, re.M | re.S)[1]
    return [line.split("  #")[0].strip() for line in section.splitlines() if line.startswith("    ")]


@pytest.fixture(scope="module")
def lines():
    return lines_of_readme()


def make_packages(command, version=None):
    sanitize = re.search(r"sanitize-([a-z-]+)$", BUILD)
    environment = dict(os.environ, SANITIZE=sanitize[1].replace("-", ",") if sanitize else "")
    if version:
        environment["DEB_VERSION"] = version
    done = subprocess.run(command, cwd=TREE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, shell=True)
    assert done.returncode == 0, done.stdout


def carry(fleet, machine=NAME):
    """The packages, to where the machine's user would have built them."""
    archive = subprocess.Popen(["tar", "-c", "-C", str(TREE / BUILD), "deb"], stdout=subprocess.PIPE)
    fleet.exec(machine, "sh", "-c", "rm -rf /tmp/givc && mkdir -p /tmp/givc/build && tar -xC /tmp/givc/build",
               stdin=archive.stdout)
    assert archive.wait() == 0


def run(fleet, line, machine=NAME, **options):
    """As somebody who may become root."""
    prelude = 'set -e; export DEBIAN_FRONTEND=noninteractive; sudo() { "$@"; }; cd /tmp/givc; '
    return fleet.exec(machine, "sh", "-c", prelude + line, timeout=120, **options)


def traces(fleet, machine=NAME):
    return set(fleet.exec(machine, "sh", "-c", TRACES).stdout.splitlines())


def states(fleet, verb):
    return fleet.exec(NAME, "systemctl", verb, *UNITS, check=False).stdout.split()


def listeners(fleet):
    return set(re.findall(r":(9000|9001)\b|(/run/givc/\S+)", fleet.exec(NAME, "ss", "-lntx").stdout))


def listed(fleet):
    done = fleet.exec(NAME, "givcctl", "list", "--no-legend", check=False)
    return done.stdout if done.returncode == 0 else ""


def pids(fleet):
    return [fleet.show(NAME, unit, "MainPID") for unit in ("nap@0.service", "givc-admin.service", "givc-agent.service")]


def configuration(fleet):
    return fleet.exec(NAME, "sh", "-c", "find /etc/givc /etc/givc-agent -type f | xargs sha256sum").stdout


def forget(fleet, machine):
    """A machine as Debian makes it: where ours run containers, a policy may forbid packages to start anything."""
    fleet.forget_givc(machine)
    fleet.exec(machine, "rm", "-rf", "/etc/givc", POLICY)
    return traces(fleet, machine)


@pytest.fixture(scope="module")
def before(fleet):
    return forget(fleet, NAME)


@pytest.fixture(scope="module")
def installed(fleet, before, lines):
    assert lines[0] == "make deb" and len(lines) < 10
    make_packages(lines[0])
    carry(fleet)
    run(fleet, lines[1])
    return fleet


@pytest.fixture(scope="module")
def running(installed, lines):
    shown = [run(installed, line).stdout for line in lines[2:]]
    return installed, shown


def test_installing_starts_nothing(installed):
    assert states(installed, "is-enabled") == ["disabled"] * len(UNITS)
    assert states(installed, "is-active") == ["inactive"] * len(UNITS)
    assert not listeners(installed)
    assert installed.exec(NAME, "pgrep", "-f", "/usr/bin/givc", check=False).stdout == ""
    assert "givc" not in installed.exec(NAME, "find", "/etc/systemd", "-name", "*givc*").stdout
    assert installed.exec(NAME, "getent", "group", "givc").stdout


def test_without_a_configuration_it_says_what_is_missing(installed):
    installed.exec(NAME, "systemctl", "start", "givc-agent.service", check=False)
    wait_until(lambda: installed.show(NAME, "givc-agent.service", "ActiveState") == "failed")
    wait_until(lambda: "/etc/givc-agent/config.json" in installed.exec(
        NAME, "journalctl", "--identifier=givc-agent", "--output=cat").stdout)
    installed.exec(NAME, "systemctl", "stop", "givc-agent.socket")
    installed.exec(NAME, "systemctl", "reset-failed", "givc-agent.service")


def test_the_lines_of_the_readme_make_it_run(running):
    fleet, shown = running
    assert "nap@0.service" in shown[-2]
    wait_until(lambda: re.search(r"nap@0\.service.*Running", listed(fleet)))
    assert re.search(r"nap@0.*Running", shown[-1])
    assert states(fleet, "is-enabled") == ["enabled"] * len(UNITS)
    assert fleet.show(NAME, "nap@0.service", "ActiveState") == "active"
    # Whatever its unit is called, the agent answers for the name in the registry.
    assert f"givc-{NAME}.service" in listed(fleet)
    assert fleet.exec(NAME, "givcctl", "status", f"givc-{NAME}").stdout


def test_journal_and_bus_know_them(running):
    fleet, _ = running
    wait_until(lambda: f"Subject: givc-{NAME}.service is registered" in fleet.exec(
        NAME, "journalctl", "-x", "-t", "givc-admin", f"UNIT=givc-{NAME}.service").stdout)
    for unit in ("givc-admin.service", "givc-agent.service"):
        wait_until(lambda u=unit: fleet.systemctl(NAME, "service-log-level", u, check=False).stdout == "info\n")


def config_of_other(fleet):
    config = json.loads(fleet.exec(NAME, "cat", "/usr/share/givc/examples/config.json").stdout)
    config["identity"] = {"name": OTHER, "type": 8, "subType": 9}
    config["network"]["admin"]["transport"]["addr"] = ADDRESS
    config["network"]["agent"]["transport"].update(name=OTHER, addr=OTHER_ADDRESS)
    return json.dumps(config)


def test_a_further_machine_joins_and_leaves(running):
    """With an agent alone, whose machine is as before when that is gone, users and certificates too."""
    fleet, _ = running
    before = forget(fleet, OTHER)
    carry(fleet, OTHER)
    run(fleet, "apt-get install -y ./build/deb/givc-agent*.deb", OTHER)
    assert fleet.exec(OTHER, "getent", "passwd", "givc-admin", check=False).stdout == ""
    fleet.exec(NAME, "givcctl", "certs", "issue", OTHER, OTHER_ADDRESS)
    folder = subprocess.Popen([TOOL, "exec", NAME, "--", "tar", "-c", "-C", f"/etc/givc/authority/{OTHER}", "."],
                              stdout=subprocess.PIPE)
    fleet.exec(OTHER, "sh", "-c", "mkdir -m 755 /etc/givc && tar -x -C /etc/givc", stdin=folder.stdout)
    assert folder.wait() == 0
    fleet.exec(OTHER, "sh", "-c", f"mkdir /etc/givc-agent && echo {shlex.quote(config_of_other(fleet))} "
               "> /etc/givc-agent/config.json && systemctl enable --now givc-agent")
    wait_until(lambda: f"givc-{OTHER}.service" in listed(fleet))
    app = fleet.exec(NAME, "givcctl", "start", "app", "nap", "--vm", OTHER).stdout.strip()
    assert fleet.show(OTHER, app, "ActiveState") == "active"
    fleet.exec(NAME, "givcctl", "stop", app, "--vm", OTHER)
    run(fleet, "apt-get purge -y givc-agent", OTHER)
    assert "\n".join(sorted(traces(fleet, OTHER) ^ before)) == ""


@pytest.mark.parametrize("how", ["install", "reinstall"])
def test_an_upgrade_loses_nothing(running, lines, how):
    fleet, _ = running
    kept, (app, *daemons) = configuration(fleet), pids(fleet)
    if how == "install":
        make_packages(lines[0], "99")
        carry(fleet)
    run(fleet, lines[1].replace(" install ", f" {how} --yes "))
    assert fleet.exec(NAME, "dpkg-query", "-W", "-f=${Version}", "givc-agent").stdout == "99"
    wait_until(lambda: re.search(r"nap@0\.service.*Running", listed(fleet)))
    now = pids(fleet)
    assert now[0] == app and not set(now[1:]) & set(daemons)
    assert configuration(fleet) == kept
    assert states(fleet, "is-enabled") == ["enabled"] * len(UNITS)


def test_an_upgrade_reaches_agents_of_any_name(running):
    """Units may be named after their machine. Others stay as they are, and all where the machine forbids it."""
    fleet, _ = running
    config = json.loads(fleet.exec(NAME, "cat", "/usr/share/givc/examples/config.json").stdout)
    config["network"]["agent"]["transport"]["port"] = "9002"
    commands = {"givc-spare": "/usr/bin/givc-agent -config /run/givc-spare.json", "givc-asleep": "sleep infinity"}
    files = {f"/run/systemd/system/{unit}.service": f"[Service]\nType=exec\nExecStart={command}\n"
             for unit, command in commands.items()} | {"/run/givc-spare.json": json.dumps(config)}
    for path, content in files.items():
        fleet.exec(NAME, "sh", "-c", 'echo "$2" >"$1"', "sh", path, content)
    fleet.exec(NAME, "systemctl", "start", *commands)

    def restarted():
        before = {unit: fleet.show(NAME, unit, "MainPID") for unit in (*commands, "givc-agent", "givc-admin")}
        run(fleet, "apt-get install -y --reinstall ./build/deb/givc-agent*.deb ./build/deb/givc-admin*.deb")
        now = {unit: fleet.show(NAME, unit, "MainPID") for unit in before}
        assert "0" not in now.values()
        return {unit for unit in now if now[unit] != before[unit]}
    assert restarted() == {"givc-spare", "givc-agent", "givc-admin"}
    fleet.exec(NAME, "sh", "-c", f"printf '#!/bin/sh\nexit 101\n' >{POLICY} && chmod 755 {POLICY}")
    assert not restarted()
    fleet.exec(NAME, "systemctl", "stop", *commands)
    fleet.exec(NAME, "rm", *files, POLICY)
    fleet.exec(NAME, "systemctl", "daemon-reload")


def test_removed_and_back_again(running, lines):
    fleet, _ = running
    kept, app = configuration(fleet), pids(fleet)[0]
    run(fleet, "apt-get remove -y givc-admin givc-agent givcctl")
    assert not listeners(fleet)
    assert fleet.show(NAME, "nap@0.service", "MainPID") == app
    assert configuration(fleet) == kept
    run(fleet, lines[1])
    assert states(fleet, "is-enabled") == ["enabled"] * len(UNITS)
    assert states(fleet, "is-active") == ["inactive"] * len(UNITS)
    fleet.exec(NAME, "systemctl", "start", "givc-admin.service", "givc-agent.service")
    wait_until(lambda: f"givc-{NAME}.service" in listed(fleet))


def test_purged_without_a_trace(running, before):
    fleet, _ = running
    fleet.exec(NAME, "systemctl", "stop", "nap@0.service")
    said = run(fleet, "apt-get purge -y givc-admin givc-agent givcctl").stdout
    assert "/etc/givc/authority stays" in said
    fleet.exec(NAME, "rm", "-r", "/etc/givc")
    assert "\n".join(sorted(traces(fleet) ^ before)) == ""
    assert fleet.exec(NAME, "systemctl", "list-units", "--all", "--no-legend", "givc*").stdout == ""


@pytest.mark.skipif("sanitize" in BUILD, reason="a sanitized library wants a sanitized program")
def test_the_library_comes_and_goes(running, before):
    fleet, _ = running
    run(fleet, "apt-get install -y ./build/deb/libgivc*.deb")
    built = run(fleet, shlex.join(["sh", "-c", """set -e
        cd "$(mktemp -d)"
        protoc-c --proto_path=/usr/share/givc/examples --c_out=. greeter.proto
        cc -I. -o greeter /usr/share/givc/examples/greeter.c greeter.pb-c.c $(pkg-config --cflags --libs givc)
        ldd ./greeter
    """]))
    assert re.search(r"libgivc\.so\.0 => /(usr/)?lib/[\w-]+/libgivc\.so\.0", built.stdout)
    run(fleet, "apt-get purge -y libgivc0 libgivc-dev")
    assert "\n".join(sorted(traces(fleet) ^ before)) == ""
