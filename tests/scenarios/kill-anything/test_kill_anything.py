# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the admin, of any agent, of a VM, at moments that a seed picks out of busy scripts: whatever is
still true is registered again, nothing that is not true stays, and no socket, unit or reservation is left behind.
GIVC_ROUNDS=N plays more rounds, GIVC_SEED=N others."""

import os
import random
import signal
import threading

import grpc
import pytest
from api import ADMIN
from lab import wait_until

pytestmark = [pytest.mark.contract(3, 4), pytest.mark.reference("R1", "R2", "R15")]
ROUNDS = int(os.environ.get("GIVC_ROUNDS", "12"))
SEED = int(os.environ.get("GIVC_SEED", "4711"))
TOLD = 30                                       # seconds in which what is not true has left, by contract
BACK = 60                                       # a boot of the machine and an agent's longest pause come before that
DAEMONS = ["admin-vm", "net-vm", "app-vm", "gui-vm", "ghaf-host"]
VMS = ["net-vm", "app-vm", "gui-vm", "admin-vm"]


class Script(threading.Thread):
    """What users do all day, one call after the other, whatever becomes of them."""

    def __init__(self, lab, origin):
        super().__init__(daemon=True)
        self.lab, self.channel, self.ends, self.n_calls = lab, lab.channel(origin), False, 0
        self.start()

    def call(self, method, **fields):
        if self.ends:
            return None
        self.n_calls += 1
        try:
            return self.lab.call(self.channel, f"{ADMIN}/{method}", timeout=5, **fields)
        except grpc.RpcError as e:
            assert e.code() not in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL), e
            return None

    def run(self):
        while not self.ends:
            for service in ("StopService", "StartService"):
                self.call(service, ServiceName="dhcp.service", VmName="net-vm")
            started = self.call("StartApplication", AppName="hold", VmName="app-vm")
            for method in ("PauseApplication", "ResumeApplication", "StopApplication"):
                self.call(method, AppName=started.registryId if started else "hold", VmName="app-vm")
            self.call("QueryList")

    def stop(self):
        self.ends = True
        self.join()
        self.channel.close()


def applications(lab):
    """What systemd says that runs, by name, and whether it is frozen."""
    shown = lab.session("systemctl", "--user", "list-units", "--plain", "--no-legend", "--type=service",
                        "--state=active", "hold@*").stdout
    names = [line.split()[0] for line in shown.splitlines()]
    return {n: "Paused" if lab.show("app-vm", n, "FreezerState") == "frozen" else "Running" for n in names}


def truth(lab):
    """What the list has to be, from the machines themselves."""
    services = {"dhcp.service": "net-vm", "display.service": "gui-vm"}
    states = {name: "Running" for name in lab.expected_names()}
    for name, machine in services.items():
        if lab.show(machine, name, "ActiveState") != "active":
            states[name] = "PoweredOff"
    return states | applications(lab)


def listed(lab):
    return {item["Name"]: item["VmStatus"] for item in lab.list().values()}


def is_true(lab):
    try:
        return truth(lab) == listed(lab)
    except (AssertionError, KeyError):
        return False                            # the admin is not back yet


def kill_one(lab, dice):
    """A daemon mostly, a VM at times."""
    if dice.random() < 0.8:
        machine = dice.choice(DAEMONS)
        lab.systemctl(machine, "kill", "--signal=KILL", lab.daemon(machine), check=False)
        return f"the daemon of {machine}"
    machine = dice.choice(VMS)
    lab.fleet("kill", machine)
    wait_until(lambda: lab.states()[machine] == "off")
    lab.fleet("boot", machine)
    return f"the machine {machine}"


def orphans(lab):
    """Transient units in the session that nobody runs any more."""
    left = lab.session("sh", "-c", "ls $XDG_RUNTIME_DIR/systemd/transient 2>/dev/null || true").stdout.split()
    return {u for u in left if u.startswith("hold@") and u.endswith(".service")} - set(applications(lab))


def test_what_is_true_stays_and_what_is_not_goes(lab):
    dice, killed = random.Random(SEED), []
    moment = threading.Event()                  # never set: a moment is a time
    for number in range(ROUNDS):
        scripts = [Script(lab, origin) for origin in ("ghaf-host", "gui-vm")[:1 + number % 2]]
        moment.wait(dice.uniform(0, 0.3))
        killed.append(kill_one(lab, dice))
        for script in scripts:
            script.stop()
        wait_until(lambda: is_true(lab), BACK, f"seed {SEED}, after {killed}: the list is what the machines say")
    lab.ctl("stop", "hold", check=False)
    wait_until(lambda: not applications(lab) and is_true(lab))
    try:
        wait_until(lambda: not orphans(lab))
    except AssertionError:
        shown = lab.session("systemctl", "--user", "show", "-p", "Id,ActiveState,SubState,Job,Result,MainPID",
                            *orphans(lab)).stdout
        raise AssertionError(f"transient units are left:\n{shown}") from None
    assert lab.start_app() == "hold@0.service", "no number is held by a start that is over"
    lab.ctl("stop", "hold")


def test_nothing_stays_behind_in_the_admins_machine(lab):
    """Sockets and kept descriptors are as many after a kill as before it."""
    def kept():
        sockets = lab.exec("admin-vm", "ss", "--no-header", "--unix", "--listening", "src", "/run/givc/*").stdout
        return (len(sockets.splitlines()), int(lab.show("admin-vm", "givc-admin.service", "NFileDescriptorStore")),
                lab.exec("admin-vm", "ls", "/run/givc").stdout.split())
    before = kept()
    for _ in range(3):
        old = lab.pid("admin-vm")
        lab.signal_daemon("admin-vm", signal.SIGKILL)
        wait_until(lambda: lab.pid("admin-vm") not in (0, old))
        lab.wait_until_registered()
    wait_until(lambda: kept() == before)
    assert before[1] == 1, "the registry"


@pytest.mark.parametrize("machine", ["net-vm", "app-vm"])
def test_what_a_dead_agent_ran_runs_on(lab, machine, app):
    before = lab.show("app-vm", app, "InvocationID"), lab.show("net-vm", "dhcp.service", "InvocationID")
    old = lab.pid(machine)
    lab.signal_daemon(machine, signal.SIGKILL)
    wait_until(lambda: lab.pid(machine) not in (0, old))
    wait_until(lambda: is_true(lab), TOLD)
    assert (lab.show("app-vm", app, "InvocationID"), lab.show("net-vm", "dhcp.service", "InvocationID")) == before
