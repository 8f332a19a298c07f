# SPDX-License-Identifier: Apache-2.0
"""Input devices from one VM to another: uinput's on both sides, agents as their units run them."""

import pytest
from machine import wait_until

SYN, KEY, REL, ABS, MSC, SW = 0, 1, 2, 3, 4, 5
ESC, A = 1, 30
LEFT, RIGHT, SOUTH, TOUCH = 0x110, 0x111, 0x130, 0x14a
X, Y, WHEEL = 0, 1, 8
MT_SLOT, MT_X, MT_Y, MT_ID = 0x2f, 0x35, 0x36, 0x39
# Not the lid, by which logind would suspend the machine.
SCAN, HEADPHONES = 4, 2
REPORT, RELEASED = [SYN, 0, 0], [SYN, 0, 1]
IDS = [3, 0x1234, 0x5678, 0x111]
MOUSE = {"codes": [[KEY, LEFT], [KEY, RIGHT], [REL, X], [REL, Y], [REL, WHEEL]]}
# An axis of a shape that no default has; and all kinds of codes.
PAD = {"codes": [[KEY, SOUTH], [KEY, ESC], [KEY, A], [REL, WHEEL], [MSC, SCAN], [SW, HEADPHONES]],
       "axes": [[X, 5, -7, 99, 1, 2, 3], [Y, -32768, -32768, 32767, 16, 128, 0]], "properties": [3]}
TOUCHPAD = {"codes": [[KEY, TOUCH]], "properties": [0, 2],
            "axes": [[MT_SLOT, 0, 0, 4, 0, 0, 0], [MT_X, 0, 0, 1000, 0, 0, 12], [MT_Y, 0, 0, 700, 0, 0, 12],
                     [MT_ID, 0, 0, 65535, 0, 0, 0]]}
PRODUCER, CONSUMER = "givc-audio-vm.service", "givc-gui-vm.service"


class Input:
    """Devices that the tests plug in, and what becomes of them."""

    def __init__(self, machine):
        self.machine = machine

    def plug(self, name, codes, axes=(), properties=(), ids=None):
        return self.machine.ask("plug", name, ids or IDS, codes, axes, properties)

    def emit(self, device, *events):
        self.machine.ask("emit", device, *events)

    def unplug(self, device):
        self.machine.ask("unplug", device)

    def look(self, device):
        return self.machine.ask("look", device)

    def clones(self, name):
        return self.machine.ask("clones", name)

    def clone(self, name, besides=()):
        """That of a device, as soon as there is one that was not there before."""
        return wait_until(lambda: [c for c in self.clones(name) if c not in besides], what=f"clone of {name}")[0]

    def wait_until_carried(self, name, clone):
        """It is made before the events come. A reader hears all that comes from then on."""
        self.machine.ask("hear", clone)
        wait_until(lambda: f"Events of '{name}' go to" in self.machine.journal("--unit", PRODUCER),
                   what=f"{name} carried")

    def wait_until_gone(self, name):
        wait_until(lambda: not self.clones(name), what=f"clone of {name} gone")

    def pair(self, name, **shape):
        device = self.plug(name, **shape)
        clone = self.clone(name)
        self.wait_until_carried(name, clone)
        return device, clone

    def heard(self, clone, until):
        """Events of a clone until they are so many, or end with that one."""
        events = []

        def has():
            events.extend(self.machine.ask("heard", clone))
            return len(events) >= until if isinstance(until, int) else until in events
        wait_until(has, what=f"{until} of {events}")
        return events


@pytest.fixture(scope="module")
def agents(machine):
    machine.systemctl("start", PRODUCER, CONSUMER)
    return machine


@pytest.fixture
def devices(agents):
    yield Input(agents)
    agents.ask("unplug_all")
    agents.systemctl("start", PRODUCER, CONSUMER)


def frames(events):
    """Events as groups that SYN_REPORT ends."""
    groups = [[]]
    for event in events:
        if event in (REPORT, RELEASED):
            groups.append([])
        else:
            groups[-1].append(event)
    assert groups.pop() == [], "an event without the end of its frame"
    return groups


@pytest.mark.parametrize("name, shape", [("Ünusual test pad ™", PAD), ("A test pad to touch", TOUCHPAD),
                                         ("x" * 60 + " test pad", {**PAD, "ids": [6, 0xffff, 1, 0]}),
                                         ("Any test mouse", MOUSE)],
                         ids=["pad", "touch", "long-name", "mouse-by-vsock"])
def test_a_clone_is_what_its_source_is(devices, name, shape):
    device = devices.plug(name, **shape)
    clone = devices.look(devices.clone(name))
    assert clone == devices.look(device)
    devices.unplug(device)
    devices.wait_until_gone(name)


def test_events_arrive_in_their_frames(devices):
    device, clone = devices.pair("Framed test pad", **PAD)
    sent = [[[KEY, SOUTH, 1], [ABS, X, 50]], [[MSC, SCAN, 458756], [KEY, A, 1]], [[KEY, A, 2]],
            [[KEY, A, 0], [KEY, SOUTH, 0]], [[REL, WHEEL, -1]], [[SW, HEADPHONES, 1]], [[ABS, Y, 32767], [ABS, X, -7]]]
    for frame in sent:
        devices.emit(device, *frame, REPORT)
    assert frames(devices.heard(clone, 11 + len(sent))) == sent
    assert devices.look(clone)["axes"]["0"][0] == -7


def test_touches_arrive_in_their_slots(devices):
    device, clone = devices.pair("A test pad with fingers", **TOUCHPAD)
    sent = [[[ABS, MT_ID, 7], [ABS, MT_X, 10], [ABS, MT_Y, 20], [ABS, MT_SLOT, 1], [ABS, MT_ID, 8], [ABS, MT_X, 30],
             [KEY, TOUCH, 1]],
            [[ABS, MT_X, 31]], [[ABS, MT_ID, -1]], [[ABS, MT_SLOT, 0], [ABS, MT_ID, -1], [KEY, TOUCH, 0]]]
    for frame in sent:
        devices.emit(device, *frame, REPORT)
    assert frames(devices.heard(clone, 16)) == sent


def test_bursts_arrive(devices):
    """As much at once as the kernel keeps for a reader that is slow."""
    device, clone = devices.pair("Busy test mouse", **MOUSE)
    for i in range(1, 6):
        devices.emit(device, *([[REL, X, 1], [REL, Y, -2], REPORT] * 30), [KEY, LEFT, i % 2], REPORT)
        heard = devices.heard(clone, [KEY, LEFT, i % 2])
        assert [sum(v for t, c, v in heard if (t, c) == (REL, axis)) for axis in (X, Y)] == [30, -60], heard


@pytest.fixture
def halted(devices):
    """A producer that has no turn for a while: the kernel keeps a few events for it, and drops the others."""
    devices.machine.systemctl("kill", "--kill-whom=main", "--signal=STOP", PRODUCER)
    yield lambda: devices.machine.systemctl("kill", "--kill-whom=main", "--signal=CONT", PRODUCER)
    devices.machine.systemctl("kill", "--kill-whom=main", "--signal=CONT", PRODUCER)


def wait_until_alike(devices, device, clone):
    seen = {}

    def are_alike():
        seen.update(clone=devices.look(clone), device=devices.look(device))
        return seen["clone"] == seen["device"]
    wait_until(are_alike, what=seen)


@pytest.mark.parametrize("name, shape, before, lost, after", [
    ("Overrun test pad", PAD, [[[KEY, ESC, 1]]],
     [[[KEY, A, 1], [KEY, ESC, 0]], [[KEY, SOUTH, 1]], [[KEY, SOUTH, 0], [SW, HEADPHONES, 1]],
      *([[ABS, X, i % 90], [ABS, Y, i]] for i in range(300))], [[[KEY, A, 0]]]),
    ("A test pad overrun", TOUCHPAD,
     [[[ABS, MT_ID, 7], [ABS, MT_X, 10], [ABS, MT_SLOT, 1], [ABS, MT_ID, 8], [ABS, MT_Y, 30], [KEY, TOUCH, 1]]],
     [[[ABS, MT_ID, -1]], [[ABS, MT_SLOT, 2], [ABS, MT_ID, 9]], *([[ABS, MT_X, i], [ABS, MT_Y, 2 * i]]
                                                                  for i in range(300)),
      [[ABS, MT_SLOT, 0], [ABS, MT_ID, -1]], [[ABS, MT_ID, 10]], [[ABS, MT_SLOT, 3], [ABS, MT_ID, 11]]],
     [[[ABS, MT_X, 5]], [[ABS, MT_ID, -1]]])], ids=["keys", "touches"])
def test_what_was_dropped_is_made_up_for(devices, request, name, shape, before, lost, after):
    device, clone = devices.pair(name, **shape)
    for frame in before:
        devices.emit(device, *frame, REPORT)
    wait_until_alike(devices, device, clone)
    go_on = request.getfixturevalue("halted")
    devices.emit(device, *(event for frame in lost for event in [*frame, REPORT]))
    assert devices.look(clone) != devices.look(device)
    go_on()
    wait_until_alike(devices, device, clone)
    for frame in after:
        devices.emit(device, *frame, REPORT)
        wait_until_alike(devices, device, clone)
    devices.unplug(device)
    frames([event for event in devices.heard(clone, None) if event])
    wait_until(lambda: f"Events of '{name}' were dropped 1 times" in devices.machine.journal("--unit", PRODUCER))


def test_touches_in_progress_are_in_progress_there(devices):
    """And what a touch has left behind in its slot, which the kernel does not say again."""
    name = "A test pad touched already"
    devices.machine.systemctl("stop", CONSUMER)
    device = devices.plug(name, **TOUCHPAD)
    for frame in ([[ABS, MT_SLOT, 2], [ABS, MT_ID, 6], [ABS, MT_X, 60]], [[ABS, MT_ID, -1]],
                  [[ABS, MT_SLOT, 0], [ABS, MT_ID, 7], [ABS, MT_X, 10], [KEY, TOUCH, 1]],
                  [[ABS, MT_SLOT, 1], [ABS, MT_ID, 8], [ABS, MT_X, 30], [ABS, MT_Y, 20]]):
        devices.emit(device, *frame, REPORT)
    devices.machine.systemctl("start", CONSUMER)
    clone = devices.clone(name)
    wait_until_alike(devices, device, clone)
    assert devices.look(clone)["slots"][str(MT_ID)] == [7, 8, -1, -1, -1]
    devices.wait_until_carried(name, clone)
    for frame in [[ABS, MT_X, 31]], [[ABS, MT_SLOT, 2], [ABS, MT_ID, 9], [ABS, MT_X, 60]], [[ABS, MT_ID, -1]]:
        devices.emit(device, *frame, REPORT)
        assert frames(devices.heard(clone, REPORT))[-1][-1] in (frame[-1], [ABS, MT_ID, 9])
        wait_until_alike(devices, device, clone)


def test_several_devices_of_one_way(devices):
    names = [f"test pad {i}" for i in range(4)]
    pairs = [devices.pair(name, **PAD) for name in names]
    assert len({clone for _, clone in pairs}) == 4
    for i, (device, clone) in enumerate(pairs):
        devices.emit(device, [ABS, X, 10 + i], REPORT)
        assert frames(devices.heard(clone, 2)) == [[[ABS, X, 10 + i]]]
    devices.unplug(pairs[1][0])
    devices.wait_until_gone(names[1])
    assert all(devices.clones(n) for n in (names[0], names[2], names[3]))


def test_two_devices_of_one_name_are_two(devices):
    one, first = devices.pair("Twin test pad", **PAD)
    other = devices.plug("Twin test pad", **PAD)
    second = devices.clone("Twin test pad", besides=[first])
    devices.machine.ask("hear", second)
    devices.emit(one, [KEY, A, 1], REPORT)
    assert frames(devices.heard(first, 2)) == [[[KEY, A, 1]]]
    devices.unplug(one)
    wait_until(lambda: devices.clones("Twin test pad") == [second])
    devices.emit(other, [KEY, ESC, 1], REPORT)
    assert frames(devices.heard(second, [KEY, ESC, 1]) + devices.heard(second, 0))[-1] == [[KEY, ESC, 1]]


def test_what_others_call_their_devices_is_not_carried(devices):
    devices.plug("vmmouse test mouse", **MOUSE)
    devices.plug("Some other device", **MOUSE)
    devices.pair("The last test mouse", **MOUSE)
    assert not devices.clones("vmmouse test mouse") and not devices.clones("Some other device")


def test_a_clone_is_no_source(devices):
    """Producer and consumer see the same devices here: what it made is not carried again."""
    devices.pair("Single test pad", **PAD)
    devices.pair("Another test pad", **PAD)
    assert len(devices.clones("Single test pad")) == 1


@pytest.mark.parametrize("name, is_heard", [("Own test pad", True), ("Own test grabbed", False)])
def test_a_device_is_grabbed_where_that_is_asked_for(devices, name, is_heard):
    device, clone = devices.pair(name, **PAD)
    devices.machine.ask("hear", device)
    devices.emit(device, [KEY, A, 1], REPORT)
    assert devices.heard(clone, REPORT) == [[KEY, A, 1], REPORT]
    assert devices.machine.ask("heard", device) == ([[KEY, A, 1], REPORT] if is_heard else [])


def test_keys_that_are_held_are_held_there(devices):
    device = devices.plug("Held test pad", **PAD)
    devices.emit(device, [KEY, A, 1], [SW, HEADPHONES, 1], [ABS, X, 42], REPORT)
    clone = devices.clone("Held test pad")
    wait_until(lambda: devices.look(clone)["held"] == [A, HEADPHONES])
    assert devices.look(clone)["axes"]["0"][0] == 42


def test_keys_that_were_held_when_it_was_unplugged_are_not(devices):
    device, clone = devices.pair("Lost test pad", **PAD)
    devices.emit(device, [KEY, A, 1], REPORT)
    wait_until(lambda: devices.look(clone)["held"] == [A])
    devices.unplug(device)
    devices.wait_until_gone("Lost test pad")
    heard = devices.heard(clone, None)
    assert heard[-1] is None and heard[2:-1] in ([], [[KEY, A, 0], RELEASED]), "its end, and its release if in time"
    devices.plug("Lost test pad", **PAD)
    assert devices.look(devices.clone("Lost test pad"))["held"] == []


@pytest.mark.parametrize("unit", [PRODUCER, CONSUMER])
@pytest.mark.parametrize("how", ["restart", "kill"])
def test_an_agent_comes_back(devices, unit, how):
    name = f"Patient test pad {unit} {how}"
    device, clone = devices.pair(name, **PAD)
    devices.emit(device, [KEY, A, 1], REPORT)
    wait_until(lambda: devices.look(clone)["held"] == [A])
    if how == "kill":
        devices.machine.systemctl("kill", "--signal=KILL", unit)
    else:
        devices.machine.systemctl("restart", unit)
    assert devices.heard(clone, None)[-1] is None, "the clone went with its agent"
    again = devices.clone(name, besides=[clone])
    wait_until(lambda: devices.look(again)["held"] == [A])
    assert len(devices.clones(name)) == 1
    devices.machine.ask("hear", again)
    devices.emit(device, [KEY, A, 0], REPORT)
    assert devices.heard(again, REPORT)[-2:] == [[KEY, A, 0], REPORT]


def test_an_agent_that_stops_takes_its_clones_along(devices):
    devices.pair("Stopped test pad", **PAD)
    devices.machine.systemctl("stop", PRODUCER)
    devices.wait_until_gone("Stopped test pad")


def test_the_consumer_may_come_last(devices):
    devices.machine.systemctl("stop", CONSUMER)
    device = devices.plug("Early test grabbed", **PAD)
    devices.machine.ask("hear", device)
    devices.emit(device, [KEY, A, 1], [KEY, A, 0], REPORT)
    assert devices.heard(device, REPORT)[0] == [KEY, A, 1], "without a consumer it is this machine's"
    devices.machine.systemctl("start", CONSUMER)
    assert devices.clone("Early test grabbed")
