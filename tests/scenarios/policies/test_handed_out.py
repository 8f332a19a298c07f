# SPDX-License-Identifier: Apache-2.0
"""Policies that the admin fetches from a real web server or a real git repository and hands out: to the agents that
want them, when they change, when agents come, and when they come back. What is no good leaves everything as it was."""

import json

import pytest
from givcfleet.paths import TREE
from lab import wait_until

pytestmark = pytest.mark.reference("issue 4: policy admin; REF 2.9")

DESTINATION, STORED = "/etc/proxy/policy.conf", "/etc/policies/shared/policy.bin"
STORE = "/var/lib/givc-admin/policies/data/vm-policies"
ADMIN = "givc-admin.socket", "givc-admin-local.socket", "givc-admin.service"
WEB = "192.168.101.40"
EXAMPLE = (TREE / "units/examples/50-policies.conf").read_text(encoding="utf-8")
RULE = (TREE / "units/examples/givc-policies.rules").read_text(encoding="utf-8")
DROP_IN = "/run/systemd/system/givc-admin.service.d/60-policies.conf"
# Python's own server, which says Last-Modified, with ETags, answers that are cut, and a log of what it answered.
SERVER = """import hashlib, http.server, os
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_request(self, code='-', size='-'):
        print(self.path, int(code), flush=True)
    def do_GET(self):
        with open('/srv/web' + self.path, 'rb') as f:
            tag = '"%s"' % hashlib.sha256(f.read()).hexdigest()
        if self.headers['If-None-Match'] == tag:
            self.send_response(304)
            self.end_headers()
            return
        self.tag = tag
        super().do_GET()
    def end_headers(self):
        if hasattr(self, 'tag') and 'tagged' in self.path:
            self.send_header('ETag', self.tag)
        super().end_headers()
    def send_header(self, name, value):
        if name == 'Content-Length' and os.path.exists('/srv/cut'):
            value = str(int(value) + 10)
        super().send_header(name, value)
os.chdir('/srv/web')
http.server.ThreadingHTTPServer(('', 80), Handler).serve_forever()
"""


def subscriber(name, address, policies):
    return {
        "role": "sysvm", "address": address,
        "agent": {"capabilities": {"policy": {"enable": True, "storePath": "/etc/policies", "policies": policies}}},
        "files": {
            f"etc/systemd/system/givc-{name}.service.d/50-policies.conf":
                EXAMPLE.replace("=/etc/policies", "=/etc/policies /etc/proxy"),
            "etc/policies/README": "the store\n",
            "etc/proxy/README": "what the proxy reads\n",
        },
        "units": {
            "proxy.path": f"[Path]\nPathModified={DESTINATION}\n",
            "proxy.service": "[Unit]\nStartLimitIntervalSec=0\n"
                             f"[Service]\nType=oneshot\nExecStart=cp {DESTINATION} /run/noticed\n",
        },
    }


TOPOLOGY = {"machines": {
    "admin-vm": {"role": "admin", "address": "192.168.101.10",
                 "files": {"etc/polkit-1/rules.d/givc-policies.rules": RULE}},
    "net-vm": subscriber("net-vm", "192.168.101.1", {"proxy": DESTINATION, "shared": ""}),
    "gui-vm": subscriber("gui-vm", "192.168.101.3", {"shared": ""}),
    "web": {
        "address": WEB,
        "files": {"srv/server.py": SERVER, "srv/web/README": "\n", "srv/git/README": "\n"},
        "units": {
            "web.service": "[Service]\nType=exec\nExecStart=/usr/bin/python3 /srv/server.py\n",
            "git.service": "[Service]\nType=exec\nExecStart=/usr/bin/git daemon --export-all --reuseaddr "
                           "--base-path=/srv/git /srv/git\n",
        },
    },
}}


def policies(source, **urls):
    return {"source": source, "policies": {
        name: {"vms": vms, "perPolicyUpdater": {"url": urls.get(name), "poll_interval_secs": 5}}
        for name, vms in (("proxy", ["net-vm"]), ("shared", ["net-vm", "gui-vm"]))}}


def forget(lab):
    """The machine has nothing yet, and is going to notice what it gets."""
    lab.systemctl("net-vm", "stop", "proxy.path")
    lab.exec("net-vm", "rm", "-f", DESTINATION, "/run/noticed")
    lab.systemctl("net-vm", "start", "proxy.path")


def configure(lab, config):
    """The admin begins with an empty store, and goes on when all have what they want. Its sockets would start it."""
    text = json.dumps(config)
    lab.exec("admin-vm", "sh", "-c", 'mkdir -p "$(dirname "$1")" && cat >"$1"', "sh", DROP_IN, stdin=None,
             input=f"[Service]\nEnvironment=POLICY_ADMIN=true\nEnvironment='POLICY_CONFIG={text}'\n")
    lab.exec("admin-vm", "systemctl", "daemon-reload")
    lab.systemctl("admin-vm", "stop", *ADMIN)
    lab.exec("admin-vm", "rm", "-rf", "/var/lib/givc-admin/policies")
    forget(lab)
    cursor = lab.cursor("admin-vm")
    lab.systemctl("admin-vm", "start", "givc-admin.service")
    lab.wait_until_registered()
    if config["source"]["type"] != "none":
        wait_until(lambda: len({m["MESSAGE"] for m in said(lab, cursor, "has policy")}) == 3)


def put(lab, path, text):
    lab.exec("web", "sh", "-c", 'mkdir -p "$(dirname "$1")" && cat >"$1.new" && mv "$1.new" "$1"', "sh", path,
             stdin=None, input=text)


def poll(lab):
    """What a reload asks for: that all sources are looked at now."""
    lab.systemctl("admin-vm", "reload", "givc-admin.service")


def content(lab, machine, path):
    return lab.exec(machine, "cat", path, check=False).stdout


def has(lab, machine, path, text, seconds=20):
    wait_until(lambda: content(lab, machine, path) == text, seconds, f"{machine}:{path} is {text!r}")


def said(lab, cursor, words):
    return [m for m in lab.messages("admin-vm", "givc-admin.service", cursor) if words in m["MESSAGE"]]


def noticed(lab, text):
    """And would notice another change: of one amid the service that it has started, systemd does not hear."""
    has(lab, "net-vm", "/run/noticed", text)
    wait_until(lambda: lab.show("net-vm", "proxy.path", "SubState") == "waiting")


@pytest.fixture
def web(lab):
    lab.exec("web", "sh", "-c", "rm -rf /srv/web/* /srv/cut")
    put(lab, "/srv/web/proxy.conf", "first\n")
    put(lab, "/srv/web/tagged.conf", "shared\n")
    lab.systemctl("web", "start", "web.service")
    urls = {"proxy": f"http://{WEB}/proxy.conf", "shared": f"http://{WEB}/tagged.conf"}
    configure(lab, policies({"type": "per-policy"}, **urls))
    has(lab, "net-vm", DESTINATION, "first\n")
    noticed(lab, "first\n")
    has(lab, "gui-vm", STORED, "shared\n")
    return lab


def test_a_change_goes_to_who_wants_it(web):
    """Without being asked to look, and the machine notices."""
    put(web, "/srv/web/proxy.conf", "second\n")
    has(web, "net-vm", DESTINATION, "second\n")
    noticed(web, "second\n")
    assert content(web, "admin-vm", f"{STORE}/proxy/proxy.conf") == "second\n"
    assert web.exec("gui-vm", "ls", "/etc/policies/proxy", check=False).returncode != 0


def test_what_has_not_changed_is_not_sent(web):
    """By ETag and by date."""
    cursor, log = web.cursor("admin-vm"), web.cursor("web")
    poll(web)
    wait_until(lambda: {m["MESSAGE"] for m in web.messages("web", "web.service", log)} >=
               {"/proxy.conf 304", "/tagged.conf 304"})
    assert not said(web, cursor, "is new") and not said(web, cursor, "has policy")


def test_who_was_away_gets_it(web):
    """An agent that is stopped, one whose machine cannot be reached, and one after a new start of the admin."""
    web.systemctl("net-vm", "stop", "givc-net-vm.socket", "givc-net-vm.service")
    web.fleet("cut", "gui-vm")
    put(web, "/srv/web/proxy.conf", "later\n")
    put(web, "/srv/web/tagged.conf", "later too\n")
    poll(web)
    has(web, "admin-vm", f"{STORE}/proxy/proxy.conf", "later\n")
    has(web, "admin-vm", f"{STORE}/shared/tagged.conf", "later too\n")
    assert content(web, "net-vm", DESTINATION) == "first\n"
    web.systemctl("net-vm", "start", "givc-net-vm.service")
    has(web, "net-vm", DESTINATION, "later\n")
    web.fleet("heal", "gui-vm")
    has(web, "gui-vm", STORED, "later too\n", 60)
    web.exec("net-vm", "rm", DESTINATION)
    web.systemctl("admin-vm", "restart", "givc-admin.service")
    has(web, "net-vm", DESTINATION, "later\n")


def test_a_server_that_is_away_comes_back(web):
    """The admin starts without it, with what it has kept, and fetches when it can."""
    web.systemctl("web", "stop", "web.service")
    cursor = web.cursor("admin-vm")
    web.systemctl("admin-vm", "restart", "givc-admin.service")
    failed = wait_until(lambda: said(web, cursor, "Policy 'proxy' stays as it is and is tried again: "))
    assert len(failed) == 1 and failed[0]["GIVC_POLICY"] == "proxy" and "MESSAGE_ID" in failed[0]
    web.wait_until_registered()
    web.exec("net-vm", "rm", DESTINATION)
    web.systemctl("net-vm", "restart", "givc-net-vm.service")
    has(web, "net-vm", DESTINATION, "first\n")
    put(web, "/srv/web/proxy.conf", "back\n")
    web.systemctl("web", "start", "web.service")
    has(web, "net-vm", DESTINATION, "back\n", 60)
    wait_until(lambda: said(web, cursor, "Policy 'proxy' can be fetched again"))


@pytest.mark.parametrize("harm, words", [
    (("rm", "/srv/web/proxy.conf"), "stays as it is"),
    (("truncate", "-s", "17M", "/srv/web/proxy.conf"), "larger than it may be"),
    (("sh", "-c", "touch /srv/cut; echo other >/srv/web/proxy.conf"), "stays as it is"),
], ids=["missing", "too big", "cut"])
def test_a_bad_answer_changes_nothing(web, harm, words):
    cursor = web.cursor("admin-vm")
    web.exec("web", *harm)
    poll(web)
    wait_until(lambda: [m for m in said(web, cursor, words) if m["GIVC_POLICY"] == "proxy"])
    assert content(web, "admin-vm", f"{STORE}/proxy/proxy.conf") == content(web, "net-vm", DESTINATION) == "first\n"
    assert not said(web, cursor, "is new")


def commit(lab, **files):
    """The repository's one branch is these files."""
    lab.exec("web", "sh", "-euc", "rm -rf /srv/work/vm-policies; mkdir -p /srv/work")
    for path, text in files.items():
        put(lab, f"/srv/work/vm-policies/{path}", text)
    lab.exec("web", "sh", "-euc", "cd /srv/work; [ -d .git ] || git init -q -b main; git add -A; "
             "git -c user.name=a -c user.email=a@b commit -qm change --allow-empty; "
             "[ -d /srv/git/p ] || git clone -q --bare . /srv/git/p; git push -qf /srv/git/p main")


@pytest.fixture
def git(lab):
    commit(lab, **{"proxy/p.conf": "first\n", "shared/s.conf": "shared\n", "other/o": "nobody's\n"})
    lab.systemctl("web", "start", "git.service")
    configure(lab, policies({"type": "git-url", "url": f"git://{WEB}/p", "ref": "main", "poll_interval_secs": 5}))
    has(lab, "net-vm", DESTINATION, "first\n")
    noticed(lab, "first\n")
    has(lab, "gui-vm", STORED, "shared\n")
    return lab


def units_of_git(lab):
    return lab.exec("admin-vm", "systemctl", "list-units", "--all", "--plain", "--no-legend", "givc-policies-*").stdout


def test_a_commit_goes_to_who_wants_it(git):
    cursor = git.cursor("admin-vm")
    commit(git, **{"proxy/p.conf": "second\n", "shared/s.conf": "shared\n"})
    has(git, "net-vm", DESTINATION, "second\n")
    noticed(git, "second\n")
    assert content(git, "admin-vm", f"{STORE}/proxy/p.conf") == "second\n"
    assert not said(git, cursor, "Policy 'shared' is new")
    wait_until(lambda: not units_of_git(git))


def test_a_repository_that_is_no_good_changes_nothing(git):
    """Two files where one belongs: that policy stays, the other one changes. A branch that is gone: all stay."""
    cursor = git.cursor("admin-vm")
    commit(git, **{"proxy/p.conf": "x\n", "proxy/q.conf": "y\n", "shared/s.conf": "changed\n"})
    poll(git)
    has(git, "gui-vm", STORED, "changed\n")
    wait_until(lambda: said(git, cursor, "'vm-policies/proxy' has more than one file."))
    git.exec("web", "git", "-C", "/srv/git/p", "branch", "-m", "main", "gone")
    poll(git)
    wait_until(lambda: said(git, cursor, "there is no refs/heads/main"))
    assert content(git, "net-vm", DESTINATION) == "first\n"
    git.exec("web", "git", "-C", "/srv/git/p", "branch", "-m", "gone", "main")
    commit(git, **{"proxy/p.conf": "good\n"})
    has(git, "net-vm", DESTINATION, "good\n", 60)


def test_without_the_rule_git_is_not_run(git):
    cursor = git.cursor("admin-vm")
    git.exec("admin-vm", "mv", "/etc/polkit-1/rules.d/givc-policies.rules", "/run")
    git.exec("admin-vm", "systemctl", "restart", "polkit.service")
    try:
        poll(git)
        wait_until(lambda: said(git, cursor, "git cannot be run in a unit"))
    finally:
        git.exec("admin-vm", "mv", "/run/givc-policies.rules", "/etc/polkit-1/rules.d")
        git.exec("admin-vm", "systemctl", "restart", "polkit.service")
    poll(git)
    wait_until(lambda: said(git, cursor, "can be fetched again"))


def test_only_what_is_in_the_store(lab):
    """Without a source: policies that somebody has put there."""
    configure(lab, policies({"type": "none"}))
    lab.systemctl("admin-vm", "stop", *ADMIN)
    lab.exec("admin-vm", "sh", "-c", f"mkdir -p {STORE}/shared && echo factory >{STORE}/shared/any; "
             "chmod -R a+rX /var/lib/givc-admin/policies")
    lab.systemctl("admin-vm", "start", "givc-admin.service")
    has(lab, "net-vm", STORED, "factory\n")
    has(lab, "gui-vm", STORED, "factory\n")
