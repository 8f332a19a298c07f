# SPDX-License-Identifier: Apache-2.0
"""Access rules of the admin and of an agent on real machines, in the shape that the reference's modules write them: who
may do what, what those who may not are told, what the journal says, and rules that are replaced while all goes on."""

import grpc
import pytest
from api import ADMIN, UNITS
from lab import wait_until

pytestmark = [pytest.mark.contract(16, 17), pytest.mark.reference("5, 7.3")]

ADMIN_RULES, AGENT_RULES = "/etc/givc-admin-acl/rules.cedar", "/etc/givc-agent-acl/rules.cedar"
REFLECTION = """permit(principal, action, resource)
when { (action == Command::"ServerReflectionInfo") && (resource == Module::"grpc") };
"""
DENIED_BY_ADMIN = "cedar: permission denied by admin access control policy"
DENIED_BY_AGENT = "permission denied by access control policy"


def rule(sources, actions, to=()):
    def one_of(what, kind, names):
        return "(" + " || ".join(f'{what} == {kind}::"{name}"' for name in names) + ")"
    target = " || ".join(f'context.VmName == "{name}"' for name in to)
    return (f'permit(principal, action, resource) when {{ {one_of("principal", "Source", sources)} && '
            f'resource == Module::"admin" && {one_of("action", "Command", actions)}'
            + (f' && (context has "VmName" && ({target}))' if to else "") + " };\n")


RULES = (REFLECTION + rule(["app-vm", "gui-vm", "ghaf-host"], ["RegisterService"])
         + rule(["gui-vm"], ["StartApplication"], ["app-vm"]) + rule(["gui-vm"], ["StopService"], ["ghaf-host"])
         + rule(["ghaf-host"], ["QueryList", "Watch", "StartService"]))  # with which a scenario looks
OF_AGENT = REFLECTION + """permit(principal, action, resource)
when { (principal == Source::"admin-vm" || principal == Source::"gui-vm") && (resource == Module::"systemd") };
"""
TOPOLOGY = {"machines": {
    "admin-vm": {"role": "admin", "address": "192.168.101.10",
                 "environment": {"ACCESS_CONTROL": "true", "CEDAR_FILE": ADMIN_RULES},
                 "files": {ADMIN_RULES.lstrip("/"): RULES}},
    "ghaf-host": {"role": "host", "address": "192.168.101.2", "services": ["host-test.service"],
                  "units": {"host-test.service": "[Service]\nExecStart=sleep infinity\n[Install]\n"
                                                 "WantedBy=multi-user.target\n"}},
    "gui-vm": {"role": "sysvm", "address": "192.168.101.3"},
    "app-vm": {"role": "appvm", "address": "192.168.101.5",
               "applications": [{"name": "cat", "command": "cat", "args": ["file"], "directories": ["/etc", "/tmp"]},
                                {"name": "anothercat", "command": "sleep 30", "args": [], "directories": []}],
               "agent": {"accessControl": {"enable": True, "rulesFile": AGENT_RULES}},
               "files": {AGENT_RULES.lstrip("/"): OF_AGENT}},
}}


def gui(lab, *words):
    return lab.exec("gui-vm", "givcctl", *words, check=False)


def refused(lab, channel, method, **fields):
    with channel, pytest.raises(grpc.RpcError) as error:
        lab.call(channel, method, **fields)
    return error.value.code(), error.value.details()


def denials(lab, machine, cursor):
    return [m for m in lab.messages(machine, lab.daemon(machine), cursor)
            if m.get("MESSAGE_ID") == "a1978a9f025240a38d7afb2ec1f72645"]


def replace(lab, machine, path, rules):
    """As people and NixOS do it: a new file, renamed over the old one."""
    lab.exec(machine, "sh", "-c", 'printf %s "$2" >"$1.new" && chmod 644 "$1.new" && mv "$1.new" "$1"', "sh", path,
             rules)


def test_an_application_by_those_who_may_start_it(lab):
    lab.exec("app-vm", "sh", "-c", "echo text >/tmp/testfile && chmod 644 /tmp/testfile")
    done = gui(lab, "start", "app", "cat", "--vm", "app-vm", "--", "/tmp/testfile")
    assert done.returncode == 0, done.stderr
    # What the agent itself does not permit stays so.
    for path in "/var/log/lastlog", "/etc/../bin/sh":
        denied = gui(lab, "start", "app", "cat", "--vm", "app-vm", "--", path)
        assert denied.returncode != 0 and "access control" not in denied.stderr
    # Without a VM it is cat-vm's, which the rule is not about.
    assert DENIED_BY_ADMIN in gui(lab, "start", "app", "cat").stderr


def test_an_agent_asks_its_own_rules(lab):
    cursor = lab.cursor("app-vm")
    start = f"{UNITS}/StartApplication"
    assert refused(lab, lab.channel("ghaf-host", "app-vm"), start, UnitName="anothercat@0.service") == (
        grpc.StatusCode.PERMISSION_DENIED, DENIED_BY_AGENT)
    with lab.channel("gui-vm", "app-vm") as channel:
        assert lab.call(channel, start, UnitName="anothercat@0.service").UnitStatus.ActiveState == "active"
    line, = wait_until(lambda: denials(lab, "app-vm", cursor), what="the denial in the journal")
    assert (line["GIVC_PEER"], line["GIVC_METHOD"]) == ("ghaf-host", start)
    assert line["GIVC_REASON"] == "no rule permits it"


def test_an_agent_whose_rules_lack_a_module(lab):
    """Rules that were written for the system before this one know no journals. Whoever asks learns what to add."""
    done = lab.exec("admin-vm", "givcctl", "--admin=unix:/run/givc/admin.sock", "logs", "app-vm", check=False)
    assert done.returncode != 0 and "app-vm" in done.stderr
    assert (f"do not let its admin read journals; they have to permit him module 'journal' ({DENIED_BY_AGENT})"
            in " ".join(done.stderr.split())), done.stderr


def test_what_a_rule_does_not_permit(lab):
    cursor = lab.cursor("admin-vm")
    denied = gui(lab, "status", "givc-app-vm.service", "--vm", "app-vm")
    assert denied.returncode != 0 and DENIED_BY_ADMIN in denied.stderr
    assert refused(lab, lab.channel("gui-vm"), f"{ADMIN}/GetUnitStatus", VmName="app-vm",
                   UnitName="givc-app-vm.service") == (grpc.StatusCode.PERMISSION_DENIED, DENIED_BY_ADMIN)
    assert wait_until(lambda: denials(lab, "admin-vm", cursor))[0]["GIVC_METHOD"].startswith(f"{ADMIN}/")
    wait_until(lambda: "denied" in lab.status_text("admin-vm"), what="counts in the status")


def test_a_service_of_the_host(lab):
    assert DENIED_BY_ADMIN in gui(lab, "stop", "service", "givc-gui-vm.service", "--vm", "gui-vm").stderr
    done = gui(lab, "stop", "service", "host-test.service", "--vm", "ghaf-host")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: lab.show("ghaf-host", "host-test.service", "ActiveState") == "inactive")


def test_the_local_door_is_the_machines(lab):
    done = lab.exec("admin-vm", "env", "-u", "GIVC_CERT", "-u", "GIVC_KEY", "-u", "GIVC_CACERT", "-u", "GIVC_NAME",
                    "GIVC_ADMIN=unix:/run/givc/admin.sock", "givcctl", "list", check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("machine, path, rules", [("admin-vm", ADMIN_RULES, RULES),
                                                  ("app-vm", AGENT_RULES, OF_AGENT)])
def test_a_rule_that_was_hardly_meant_so(lab, machine, path, rules):
    """It is in use, and the journal says where it is and what was meant."""
    cursor = lab.cursor(machine)
    try:
        replace(lab, machine, path, rules + 'permit(principal, action == Command::"StartVn", resource);\n')
        doubts = wait_until(lambda: [m for m in lab.messages(machine, lab.daemon(machine), cursor)
                                      if m.get("MESSAGE_ID") == "67ceb949366149ab8c12569f89527ec7"], what="a doubt")
    finally:
        replace(lab, machine, path, rules)
    meant = "there is no method 'StartVn': did you mean 'StartVM'?"
    said = f"Access rules: {path}:{rules.count(chr(10)) + 1}:19: {meant}"
    assert {(m["MESSAGE"], m["GIVC_REASON"], m["PRIORITY"]) for m in doubts} == {(said, meant, "4")}


def test_rules_that_are_replaced(lab):
    """A bad file changes nothing and is told once; a good one counts at once, and no stream ends."""
    start = "start", "app", "anothercat", "--vm", "app-vm"
    pid, cursor = lab.pid("admin-vm"), lab.cursor("admin-vm")
    try:
        with lab.watch() as watch:
            replace(lab, "admin-vm", ADMIN_RULES, RULES.replace('Command::"StartApplication"', 'Command::"StartVM"'))
            wait_until(lambda: DENIED_BY_ADMIN in gui(lab, *start).stderr, what="the new rules")
            replace(lab, "admin-vm", ADMIN_RULES, "permit(principal action, resource);\n")
            wait_until(lambda: [m for m in lab.messages("admin-vm", lab.daemon("admin-vm"), cursor)
                                if m["MESSAGE"] == "The access rules stay as they were"], what="a complaint")
            assert DENIED_BY_ADMIN in gui(lab, *start).stderr
            replace(lab, "admin-vm", ADMIN_RULES, RULES)
            wait_until(lambda: gui(lab, *start).returncode == 0, what="the old rules")
            watch.next(lambda kind, item: kind == "Added" and item["Name"].startswith("anothercat@"))
    finally:
        replace(lab, "admin-vm", ADMIN_RULES, RULES)
    assert lab.pid("admin-vm") == pid
    lines = [m["MESSAGE"] for m in lab.messages("admin-vm", lab.daemon("admin-vm"), cursor)]
    first = next(i for i, line in enumerate(lines) if line.startswith(f"Access rules: {ADMIN_RULES}:1:"))
    assert lines[first + 1].strip() == "permit(principal action, resource);"
    assert lines[first + 2].strip() == "^"
    assert lines.count("The access rules stay as they were") == 1
