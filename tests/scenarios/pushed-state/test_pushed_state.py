# SPDX-License-Identifier: Apache-2.0
"""States are pushed: from systemd's signals through the agent and the admin to who watches. How long that takes is the
difference of what systemd and the admin have noted. An agent that cannot push is polled."""

import queue
import statistics
import threading
import time

import grpc
import pytest
from lab import SECONDS, wait_until
from old_agent import OldAgent
from stream import Stream

pytestmark = pytest.mark.contract(1)
VISIBLE = 0.1                                   # seconds, by contract
CHANGES = 10                                    # of each kind


def entered(lab, state):
    """When systemd saw the service enter the state, in seconds of the time of day."""
    key = {"Running": "ActiveEnterTimestampMonotonic", "PoweredOff": "InactiveEnterTimestampMonotonic"}[state]
    return int(lab.show("net-vm", "dhcp.service", key)) / 1e6 + time.time() - time.monotonic()


class Reader(threading.Thread):
    """Takes the events of a stream when they come, whatever else goes on, so that they bear the time of that."""

    def __init__(self, stream):
        super().__init__()
        self.stream, self.events = stream, queue.Queue()
        self.start()

    def run(self):
        try:
            while True:
                self.events.put(self.stream.take())
        except grpc.RpcError:
            pass

    def wait_for(self, name, state):
        while True:
            event = self.events.get(timeout=SECONDS)
            if event.item and (event.item.Name, event.item.VmStatus) == (name, state):
                return event

    def stop(self):
        self.stream.cancel()
        self.join()


def test_a_change_is_known_and_seen_at_once(lab):
    known, seen = [], []
    with lab.channel("ghaf-host") as channel:
        stream = Stream(lab, channel)
        reader = Reader(stream)
        try:
            for act, state in (("stop", "PoweredOff"), ("start", "Running")) * CHANGES:
                lab.exec("net-vm", "systemctl", act, "dhcp.service")
                event = reader.wait_for("dhcp.service", state)
                changed = entered(lab, state)
                known.append(event.item.Since / 1e6 - changed)
                seen.append(event.came - changed)
            wait_until(lambda: stream.model == stream.list())
        finally:
            reader.stop()
    assert statistics.median(known) < VISIBLE, known
    assert statistics.median(seen) < VISIBLE, seen


def test_a_change_that_nobody_asked_givc_for_is_seen(lab, app):
    with lab.watch() as watch:
        lab.session("systemctl", "--user", "kill", "-s", "KILL", app)
        watch.wait_for(app, kind="Removed")
        lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
        watch.wait_for("dhcp.service", "PoweredOff")
        lab.exec("net-vm", "systemctl", "start", "dhcp.service")
        watch.wait_for("dhcp.service", "Running")


def test_who_acts_finds_it_in_the_list_when_the_answer_is_there(lab, app):
    for act, state in (("pause", "Paused"), ("resume", "Running")) * 3:
        lab.ctl(act, app)
        assert lab.entry(app)["VmStatus"] == state


def test_unchanged_states_are_not_sent(lab, app):
    with lab.channel("ghaf-host") as channel:
        stream = Stream(lab, channel)
        lab.systemctl("net-vm", "restart", "givc-net-vm.service")       # it registers all that it has again
        wait_until(lambda: "registered with" in lab.status_text("net-vm"))
        for act, last in (("pause", "Paused"), ("resume", "Running")) * 3:
            lab.ctl(act, app)
            item = None
            while not item or (item.Name, item.VmStatus) != (app, last):
                known = dict(stream.model)
                event = stream.take()
                item = event.item
                assert event.kind == "Removed" or item.VmStatus != known.get((item.Vm, item.Name), (None,))[0], item
        stream.cancel()


@pytest.mark.reference("2.8", "R25")
def test_an_agent_that_cannot_push_is_polled(lab):
    with OldAgent(lab, "gui-vm", ["old.service"]) as agent, lab.watch() as watch:
        wait_until(lambda: lab.entry("old.service"))
        agent.set("old.service", "inactive", "dead")
        watch.wait_for("old.service", "PoweredOff")
        agent.set("old.service", "active", "running")
        watch.wait_for("old.service", "Running")
        for act, state in (("stop", "PoweredOff"), ("start", "Running")):
            lab.exec("net-vm", "systemctl", act, "dhcp.service")
            watch.wait_for("dhcp.service", state)
