# SPDX-License-Identifier: Apache-2.0
"""A machine that has nothing of ours gets what `make install DESTDIR=` leaves, and all of it works from there: users,
units, policies, catalog and pages, after what a package does when it is installed."""

import json
import os
import re
import subprocess

import pytest
from givcfleet.paths import TREE
from lab import wait_until

NAME, ADDRESS = "solo-vm", "192.168.101.7"
AGENT = f"givc-{NAME}"
CONFIG = {
    "identity": {"name": NAME, "type": 0, "subType": 1},
    "network": {"admin": {"transport": {"name": NAME, "addr": ADDRESS, "port": "9001", "protocol": "tcp"}},
                "agent": {"transport": {"name": NAME, "addr": ADDRESS, "port": "9000", "protocol": "tcp"}},
                "tls": {"enable": True, "caCertPath": "/etc/givc/ca-cert.pem", "certPath": "/etc/givc/cert.pem",
                        "keyPath": "/etc/givc/key.pem"}},
    "capabilities": {"services": ["sleeper.service"]},
}
TOPOLOGY = {"machines": {NAME: {
    "address": ADDRESS,
    "files": {"etc/givc-agent/config.json": json.dumps(CONFIG)},
    "units": {"sleeper.service": "[Service]\nType=exec\nExecStart=sleep infinity\n"},
}}}
# How a package makes what was installed known.
SET_UP = f"""set -e
systemd-sysusers
systemd-tmpfiles --create
journalctl --update-catalog
cd /usr/lib/systemd/system
cp givc-agent.service {AGENT}.service
cp givc-agent.socket {AGENT}.socket
systemctl daemon-reload
systemctl reload dbus.service
systemctl enable --now givc-admin.service {AGENT}.service
"""

pytestmark = pytest.mark.reference("issue 3: runs from make install DESTDIR=")


@pytest.fixture(scope="module")
def installed(fleet, tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    sanitize = re.search(r"sanitize-([a-z-]+)$", os.environ.get("GIVC_BUILD", "build"))
    subprocess.run(["make", "-s", "-C", str(TREE), "install", f"DESTDIR={root}",
                    f"SANITIZE={sanitize[1].replace('-', ',') if sanitize else ''}"], check=True,
                   stdout=subprocess.DEVNULL)
    fleet.forget_givc(NAME)
    archive = subprocess.Popen(["tar", "-c", "-C", str(root), "--owner=0", "--group=0", "."], stdout=subprocess.PIPE)
    fleet.exec(NAME, "tar", "-x", "-C", "/", "--no-overwrite-dir", stdin=archive.stdout)
    assert archive.wait() == 0
    fleet.exec(NAME, "sh", "-c", SET_UP)
    return fleet


def listed(lab):
    done = lab.exec(NAME, "givcctl", "list", "--json=short", check=False)
    return {i["Name"]: i["VmStatus"] for i in json.loads(done.stdout).get("List", [])} if done.returncode == 0 else {}


def test_admin_and_agent_run_from_there(installed):
    wait_until(lambda: {f"{AGENT}.service", "sleeper.service"} <= set(listed(installed)))
    for unit in ("givc-admin", AGENT):
        pid = installed.show(NAME, unit, "MainPID")
        assert installed.exec(NAME, "readlink", f"/proc/{pid}/exe").stdout.startswith("/usr/bin/givc-")
    installed.exec(NAME, "givcctl", "start", "service", "sleeper")
    assert installed.show(NAME, "sleeper.service", "ActiveState") == "active"
    wait_until(lambda: listed(installed)["sleeper.service"] == "Running")
    installed.exec(NAME, "givc-cli", "--version")


def test_nothing_about_the_units_is_wrong(installed):
    units = [f"givc-{u}" for u in ("admin.service", "admin.socket", "admin-local.socket")]
    verify = installed.exec(NAME, "systemd-analyze", "verify", "--man=yes", *units, f"{AGENT}.service")
    assert not [line for line in verify.stderr.splitlines() if "givc" in line]
    failed = installed.exec(NAME, "systemctl", "--failed", "--no-legend").stdout
    assert "givc" not in failed


def test_policies_and_catalog_are_found(installed):
    for unit in ("givc-admin.service", f"{AGENT}.service"):
        wait_until(lambda u=unit: installed.systemctl(NAME, "service-log-level", u, check=False).stdout == "info\n")
    wait_until(lambda: "Subject: sleeper.service is registered" in installed.exec(
        NAME, "journalctl", "-x", "-t", "givc-admin", "UNIT=sleeper.service").stdout)
    done = {verb: installed.exec(NAME, "runuser", "-u", "givc-agent", "--", "systemctl", "--no-ask-password", "restart",
                                 verb, check=False).returncode for verb in ("sleeper.service", "dbus.service")}
    assert done["sleeper.service"] == 0 and done["dbus.service"] != 0
    assert installed.exec(NAME, "stat", "-c", "%U:%G %a", "/run/givc/admin.sock").stdout == "root:givc 660\n"


@pytest.mark.parametrize("page", ["givc.7", "givcctl.1", "givc-admin.8", "givc-agent.8", "givc-agent.json.5",
                                  "libgivc.3", "givc-api.7"])
def test_pages_are_found(installed, page):
    name, section = page.rsplit(".", 1)
    shown = installed.exec(NAME, "mandoc", "-T", "html", f"/usr/share/man/man{section}/{page}").stdout
    assert f"<td class=\"head-ltitle\">{name}({section})</td>" in shown and ">NAME</a>" in shown
