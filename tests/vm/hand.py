# SPDX-License-Identifier: Apache-2.0
"""hand.py PORT: what the tests do inside of the machine: it reads {"call": function, "arguments": […]} and writes
{"value": …} or {"error": text}, a line each. Input devices are made and heard as the kernel's own words say, without
the library that the agent uses."""

import fcntl
import json
import os
import queue
import struct
import subprocess
import sys
import threading
from pathlib import Path

SYN, KEY, REL, ABS, MSC, SW = 0, 1, 2, 3, 4, 5
SET_BIT = {"ev": 100, KEY: 101, REL: 102, ABS: 103, MSC: 104, SW: 109, "property": 110}
EVENT = struct.Struct("llHHi")
AXIS = struct.Struct("6i")                       # value, minimum, maximum, fuzz, flat, resolution
IDS = ("bustype", "vendor", "product", "version")
BITS = ("ev", "key", "rel", "abs", "msc", "sw")
INPUT = Path("/sys/class/input")
CLONE = "givc/uinput"
SLOT = 0x2f
devices, ears = {}, {}


def number(direction, kind, what, size):
    return direction << 30 | size << 16 | ord(kind) << 8 | what


def set_bit(fd, which, code):
    fcntl.ioctl(fd, number(1, "U", SET_BIT[which], 4), code)


def plug(name, ids, codes, axes=(), properties=()):
    """A device as if it were one that somebody plugs in; its inputN is its name from now on."""
    fd = os.open("/dev/uinput", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    for kind, code in codes:
        set_bit(fd, "ev", kind)
        set_bit(fd, kind, code)
    for code, *values in axes:
        set_bit(fd, "ev", ABS)
        set_bit(fd, ABS, code)
        fcntl.ioctl(fd, number(1, "U", 4, 28), struct.pack("Hxx", code) + AXIS.pack(*values))
    for p in properties:
        set_bit(fd, "property", p)
    fcntl.ioctl(fd, number(1, "U", 3, 92), struct.pack("4H80sI", *ids, name.encode(), 0))
    fcntl.ioctl(fd, number(0, "U", 1, 0))
    sysname = fcntl.ioctl(fd, number(2, "U", 44, 32), b"\0" * 32).rstrip(b"\0").decode()
    devices[sysname] = fd
    return sysname


def unplug(sysname):
    os.close(devices.pop(sysname))


def unplug_all():
    for sysname in list(devices):
        unplug(sysname)
    ears.clear()


def emit(sysname, *events):
    for event in events:
        os.write(devices[sysname], EVENT.pack(0, 0, *event))


def node(sysname):
    return f"/dev/input/{next((INPUT / sysname).glob('event*')).name}"


def look(sysname):
    """What the kernel shows of a device, None when it is gone meanwhile."""
    place = INPUT / sysname
    try:
        seen = {"name": (place / "name").read_text().rstrip("\n"),
                "properties": (place / "properties").read_text().strip(),
                "ids": [int((place / "id" / i).read_text(), 16) for i in IDS],
                "bits": {b: (place / "capabilities" / b).read_text().strip() for b in BITS}, "axes": {}}
        fd = os.open(node(sysname), os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, StopIteration):
        return None
    words = [int(w, 16) for w in seen["bits"]["abs"].split()]
    mask = sum(w << 64 * i for i, w in enumerate(reversed(words)))
    try:
        for code in (c for c in range(64) if mask >> c & 1):
            seen["axes"][code] = AXIS.unpack(fcntl.ioctl(fd, number(2, "E", 0x40 + code, AXIS.size), b"\0" * AXIS.size))
        seen["held"] = held(fd, 0x18) + held(fd, 0x1b)
        n_slots = seen["axes"][SLOT][2] + 1 if SLOT in seen["axes"] else 0
        seen["slots"] = {code: slots(fd, code, n_slots) for code in seen["axes"] if code > SLOT and n_slots}
    except OSError:
        return None
    finally:
        os.close(fd)
    return seen


def held(fd, what):
    """Codes of keys that are down, or switches that are on."""
    bits = fcntl.ioctl(fd, number(2, "E", what, 96), b"\0" * 96)
    return [i for i in range(len(bits) * 8) if bits[i // 8] >> i % 8 & 1]


def slots(fd, code, n):
    """The value of an axis in each of the slots."""
    shape = struct.Struct(f"I{n}i")
    return shape.unpack(fcntl.ioctl(fd, number(2, "E", 0x0a, shape.size), shape.pack(code, *[0] * n)))[1:]


def clones(name):
    """The devices of that name that the agent has made."""
    found = []
    for place in INPUT.glob("input*"):
        try:
            if (place / "phys").read_text().strip() == CLONE and (place / "name").read_text().rstrip("\n") == name:
                found.append(place.name)
        except OSError:
            pass
    return [sysname for sysname in found if look(sysname)]


class Ear(threading.Thread):
    """Reads what a device says as it comes, since the kernel keeps little of it."""

    def __init__(self, sysname):
        super().__init__(daemon=True)
        self.fd = os.open(node(sysname), os.O_RDONLY)
        self.events = queue.SimpleQueue()

    def run(self):
        try:
            while True:
                for event in EVENT.iter_unpack(os.read(self.fd, EVENT.size * 64)):
                    self.events.put(event[2:])
        except OSError:
            self.events.put(None)
        os.close(self.fd)


def hear(sysname):
    """From now on what the device says is kept for heard()."""
    ears[sysname] = Ear(sysname)
    ears[sysname].start()


def heard(sysname):
    """[[type, code, value], …] since it was asked last; the last one is None when the device is gone."""
    events = []
    while not ears[sysname].events.empty():
        events.append(ears[sysname].events.get())
    return events


def run(command, seconds):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False, timeout=seconds, text=True, errors="replace")
    return done.returncode, done.stdout, done.stderr


def write(path, text):
    Path(path).write_text(text, encoding="utf-8")


CALLS = {f.__name__: f for f in (plug, unplug, unplug_all, emit, look, clones, hear, heard, run, write)}


def answer(line):
    try:
        request = json.loads(line)
        return {"value": CALLS[request["call"]](*request["arguments"])}
    except Exception as e:  # whatever it is, the tests are to hear of it
        return {"error": f"{type(e).__name__}: {e}"}


def main(path):
    with open(path, "r+b", buffering=0) as port:
        port.write(b'{"value": "ready"}\n')
        buffer = b""
        while True:
            buffer += port.read(1 << 16)
            while b"\n" in buffer:
                request, _, buffer = buffer.partition(b"\n")
                rest = json.dumps(answer(request)).encode() + b"\n"
                while rest:
                    rest = rest[port.write(rest):]


main(sys.argv[1])
