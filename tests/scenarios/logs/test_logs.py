# SPDX-License-Identifier: Apache-2.0
"""Journals of VMs, read from elsewhere: what exposed units say and nobody else, live, over a rotation, in a session,
and what is left when the reader leaves."""

import json
import queue
import subprocess
import threading

import pytest
from changes import LOOP, go_on, hold_on
from givcfleet.paths import DEFAULT_TOPOLOGY
from lab import SECONDS, TOOL, wait_until

pytestmark = pytest.mark.reference("issue 4: journal")

TOPOLOGY = json.loads(DEFAULT_TOPOLOGY.read_text())
TOPOLOGY["machines"]["app-vm"]["applications"] += [
    {"name": name, "command": command, "args": [], "directories": []} for name, command in {
        "late": f"/bin/sh -c 'echo looking for a display; {LOOP}; echo cannot open display >&2; exit 5'",
        "talker": "/bin/sh -c 'while sleep 0.1; do echo tick; done'"}.items()]


class Follower:
    """givcctl logs -f: messages as they come."""

    def __init__(self, *words):
        self.lines = queue.Queue()
        self.process = subprocess.Popen([TOOL, "ctl", "logs", *words, "-f", "--json=short"], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line.lstrip("\x1e")))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate()

    def until(self, text):
        """Messages up to the first with that text in it."""
        messages = []
        while not messages or text not in messages[-1]["Message"]:
            try:
                messages.append(self.lines.get(timeout=SECONDS))
            except queue.Empty:
                raise AssertionError(f"nobody said '{text}': {messages}") from None
        return messages


def n_threads(lab, machine):
    return len(lab.exec(machine, "ls", f"/proc/{lab.pid(machine)}/task").stdout.split())


def test_a_unit_of_another_vm(lab):
    lab.exec("net-vm", "systemctl", "restart", "dhcp.service")

    def last():
        shown = lab.ctl("logs", "net-vm", "dhcp", "-n", "2").stdout.splitlines()
        return shown if shown and " net-vm systemd[1]: Started " in shown[-1] else None
    assert len(wait_until(last)) == 2
    entries = [json.loads(line) for line in lab.ctl("logs", "net-vm", "--json=short", "-n", "100").stdout.splitlines()]
    assert {"dhcp.service", "givc-net-vm.service"} <= {e["UnitName"] for e in entries}
    assert [e["Realtime"] for e in entries] == sorted(e["Realtime"] for e in entries)


def test_units_that_are_not_exposed(lab):
    done = lab.ctl("logs", "net-vm", "systemd-journald.service", check=False)
    assert done.returncode == 4
    assert "Unit 'systemd-journald.service' is not exposed by this agent" in done.stderr
    assert lab.ctl("logs", "gone-vm", check=False).returncode == 4
    units = {json.loads(line)["UnitName"] for line in
             lab.ctl("logs", "net-vm", "--json=short", "-n", "all").stdout.splitlines()}
    assert units <= {"dhcp.service", "givc-net-vm.service"}


def test_why_an_application_failed(lab):
    hold_on(lab, "app-vm")
    app = lab.start_app("late")
    go_on(lab, "app-vm")
    wait_until(lambda: app not in lab.names(), what=f"{app} gone")

    def said(unit):
        return lab.ctl("logs", "app-vm", unit, "--since", "10min ago").stdout
    wait_until(lambda: all(words in said("late") for words in (
        "looking for a display", "cannot open display", "status=5", "Failed with result")))
    wait_until(lambda: said("late") == said(app), what="its words, also when its unit is gone")


def test_an_application_live(lab):
    with Follower("app-vm", "-n", "0") as follower:    # of all: nobody knows its instance yet
        app = lab.start_app("talker")
        for _ in range(3):
            assert follower.until("tick")[-1]["UnitName"] == app
        lab.ctl("stop", app)


def test_following_over_a_rotation(lab):
    lab.exec("net-vm", "systemctl", "restart", "dhcp.service")
    threads = n_threads(lab, "net-vm")
    with Follower("net-vm", "dhcp", "-n", "1") as follower:
        seen = follower.until("Started")
        for _ in range(3):
            lab.exec("net-vm", "journalctl", "--rotate")
            lab.exec("net-vm", "systemctl", "restart", "dhcp.service")
            seen += follower.until("Started")
        assert n_threads(lab, "net-vm") > threads
        cursors = [m["Cursor"] for m in seen]
        assert len(set(cursors)) == len(cursors), "each line once"
        assert sum("Started" in m["Message"] for m in seen) == 4
    wait_until(lambda: n_threads(lab, "net-vm") <= threads, what="the reader's thread gone")


def test_the_agent_restarts_under_a_reader(lab):
    with Follower("net-vm", "-n", "1") as follower:
        follower.lines.get(timeout=SECONDS)
        lab.exec("net-vm", "systemctl", "restart", "givc-net-vm.service")
        assert follower.process.wait(SECONDS) == 1
        assert "(Unavailable)" in follower.process.stderr.read()
    lab.wait_until_registered()
    assert lab.ctl("logs", "net-vm", "givc-net-vm").stdout


def test_status_shows_the_last_lines(lab):
    lab.exec("net-vm", "systemctl", "restart", "dhcp.service")

    def shown():
        status, lines = lab.ctl("status", "net-vm", "dhcp").stdout.split("\n\n")
        return status if "Started" in lines.splitlines()[-1] else None
    assert "Active: active" in wait_until(shown)
    assert "\n\n" not in lab.ctl("status", "net-vm", "dhcp", "--lines=0").stdout
