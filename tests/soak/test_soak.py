# SPDX-License-Identifier: Apache-2.0
"""The soak: a whole fleet of plain processes under a crowd and bad weather, for as long as SOAK_MINUTES says. In
rounds: everything happens at once, then nobody does anything, and the admin's list has to be what the service managers
say, to those who ask and to one who has watched all the time; nothing may have piled up anywhere. SOAK_SEED repeats the
dice."""

import os
import random
import signal
import threading
import time

import crowd
import fleet
import pytest

SECONDS = float(os.environ.get("SOAK_MINUTES", "1.5")) * 60
SEED = int(os.environ.get("SOAK_SEED", str(int(time.time()))))
CALLERS, WATCHERS = 8, 4
SETTLED = 30 * (5 if fleet.outside.SANITIZED else 1)
ENDS = (signal.SIGKILL, signal.SIGTERM)
WARM = 3  # rounds until every pool has its size
GROWTH_KB = 2048


class Witness:
    """Watches from beginning to end, over the admin's own ends, and knows what the list is."""

    def __init__(self, the_fleet):
        self.client = crowd.Client(the_fleet.port, the_fleet.credentials("gui-vm"))
        self.list, self.error = {}, None
        self.ending, self.stream = False, self.client.watch()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.ending and not self.error:
            try:
                for item in self.stream:
                    self.take(item)
                self.error = "the stream has ended"
            except crowd.grpc.RpcError as e:
                if e.code() != crowd.CODES.UNAVAILABLE:
                    self.error = f"{e.code().name}: {e.details()}"
                self.list, self.stream = {}, self.client.watch()

    def take(self, item):
        kind = item.WhichOneof("Status")
        if kind == "Initial":
            self.list = {(i.Vm, i.Name): i.VmStatus for i in item.Initial.List}
            return
        entry = getattr(item, kind)
        key, before = (entry.Vm, entry.Name), dict(self.list)
        if kind == "Removed":
            del before[key]
        else:
            before[key] = entry.VmStatus
        self.list = before

    def close(self):
        self.ending = True
        self.stream.cancel()
        self.thread.join()
        self.client.close()


class Weather:
    """What befalls the machines, one thing after the other, until end()."""

    def __init__(self, the_fleet, seed):
        self.fleet, self.dice = the_fleet, random.Random(f"{seed} weather")
        self.ending = threading.Event()
        self.statuses = set()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.ending.wait(self.dice.random() * 2):
            self.strike(self.dice.choice([name for name in fleet.AGENTS]))

    def strike(self, name):
        program, manager = self.fleet.programs[name], self.fleet.managers[name]
        what = self.dice.randrange(7)
        if what == 0:
            program.send(signal.SIGSTOP)
            self.ending.wait(self.dice.random() * 3)
            program.send(signal.SIGCONT)
        elif what == 1 and name not in fleet.STEADY:
            self.statuses.add(program.restart())
        elif what == 2 and name not in fleet.STEADY:
            self.statuses.add(program.restart(signal.SIGTERM))
        elif what == 3:
            self.fleet.programs[self.dice.choice(["admin-vm", name])].send(signal.SIGHUP)
        else:
            manager.tell(self.dice.choice(["reload", "drop", "restart"]))

    def end(self):
        self.ending.set()
        self.thread.join()
        assert self.statuses <= {0, -signal.SIGKILL}, self.statuses


def one_round(the_fleet, number, faults):
    """All at once, while one slow download lasts."""
    size = sum(len(vm) + len(name) + 80 for vm, name in the_fleet.expected())
    the_fleet.tell_managers("churn")
    people = crowd.Crowd(the_fleet, f"{SEED} {number}", CALLERS, WATCHERS)
    weather = Weather(the_fleet, f"{SEED} {number}")
    download = crowd.Download(people, size)
    try:
        download.thread.join()
    finally:
        weather.end()
        people.end()
    the_fleet.tell_managers("quiet")
    faults += people.faults
    if download.fault:
        faults.append(f"The slow download: {download.fault}")
    print(f"round {number}: {people.n_calls} calls, {people.worst:.3f} s late at worst, download "
          f"{download.seconds:.1f} s, {dict(people.codes)}")


def end_admin(the_fleet, number):
    """The next one has nothing but what the agents tell it."""
    status = the_fleet.programs["admin-vm"].restart(random.Random(f"{SEED} {number}").choice(ENDS))
    assert status in (0, -signal.SIGKILL)


def settle(the_fleet, client, witness):
    """Until the list is what it has to be, for all who know it."""
    seen = {}

    def is_so():
        seen.update(expected=the_fleet.expected(), list=client.query(), witness=witness.list)
        return seen["expected"] == seen["list"] == seen["witness"]
    try:
        fleet.wait_until(is_so, SETTLED, "the right list")
    except AssertionError:
        wanted = set(seen["expected"].items())
        for who in ("list", "witness"):
            have = set(seen[who].items())
            print(who, "lacks", sorted(wanted - have), "and has", sorted(have - wanted))
            for vm, unit in {key for key, _ in wanted ^ have}:
                print(vm, unit, the_fleet.managers[vm].state().get(unit))
        raise
    assert not witness.error


def measure(the_fleet):
    return {name: {"fds": the_fleet.programs[name].count_fds(), "kb": the_fleet.programs[name].anonymous_kb()}
            for name in the_fleet.programs}


def wait_for_fds(the_fleet, before):
    fleet.wait_until(lambda: all(p.count_fds() <= before[name]["fds"] for name, p in the_fleet.programs.items()),
                     SETTLED, f"descriptors of {before}, now {measure(the_fleet)},")


def check_growth(rounds):
    """The least of the last rounds against the least of the first ones that are warm."""
    for name in fleet.STEADY:
        sizes = [r[name]["kb"] for r in rounds]
        print(name, "kb", sizes)
        if len(sizes) >= 4 * WARM and not fleet.outside.SANITIZED:
            assert min(sizes[-WARM:]) - min(sizes[WARM : 2 * WARM]) < GROWTH_KB, sizes


@pytest.fixture
def the_fleet(tmp_path):
    f = fleet.Fleet(tmp_path, SEED)
    yield f
    statuses = f.stop()
    for name in fleet.AGENTS:
        print(name, (tmp_path / f"{name}.log").read_text(errors="replace")[-2000:])
    print("admin-vm", (tmp_path / "admin-vm.log").read_text(errors="replace")[-4000:])
    assert set(statuses.values()) == {0}, statuses


def test_soak(the_fleet):
    print("seed", SEED)
    end = time.monotonic() + SECONDS
    client = crowd.Client(the_fleet.port, the_fleet.credentials("app-vm"))
    witness = Witness(the_fleet)
    faults, rounds = [], []
    try:
        settle(the_fleet, client, witness)
        while not rounds or time.monotonic() < end - crowd.DOWNLOAD_SECONDS:
            if len(rounds) % 3 == 1:
                end_admin(the_fleet, len(rounds))
                settle(the_fleet, client, witness)
            one_round(the_fleet, len(rounds), faults)
            assert not faults, faults
            settle(the_fleet, client, witness)
            if rounds:
                wait_for_fds(the_fleet, rounds[0])
            rounds.append(measure(the_fleet))
            print(rounds[-1], flush=True)
        check_growth(rounds)
    finally:
        witness.close()
        client.close()
