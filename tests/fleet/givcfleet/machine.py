# SPDX-License-Identifier: Apache-2.0
"""One machine: its disk (an overlay of the computer's root), its nspawn process and what state it is in."""

import asyncio
import os
import signal
import socket
import subprocess
import time

from . import cgroup
from .layout import BUILD_IN_MACHINE, machine_id
from .paths import CONSOLES, DISKS, HYPERVISOR, JOURNALS

OFF, BOOTING, RUNNING = "off", "booting", "running"
REBOOTS = 133                                   # exit status of nspawn whose machine wants to boot again


class Machine:
    """Changes of state are told to everybody who waits on `changed`."""

    def __init__(self, spec, leg, group, build):
        self.spec = spec
        self.leg = leg
        self.group = f"{group}/{spec.name}"
        self.build = build
        self.state = OFF
        self.leader = 0
        self.is_frozen = False
        self.process = None
        self.exit_status = 0
        self.boot_seconds = 0.0
        self.changed = asyncio.Condition()
        self.disk = DISKS / spec.name
        self.notify = None

    @property
    def upper(self):
        return self.disk / "upper"

    def mount(self, layer):
        for name in ("upper", "work", "root"):
            (self.disk / name).mkdir(parents=True, exist_ok=True)
        options = f"lowerdir={layer}:/,upperdir={self.upper},workdir={self.disk / 'work'}"
        subprocess.run(["mount", "-t", "overlay", self.spec.name, "-o", options, str(self.disk / "root")], check=True)

    def command(self):
        journal = JOURNALS / machine_id(self.spec.name)
        journal.mkdir(parents=True, exist_ok=True)
        arguments = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--notify-ready=yes",
                     "--console=pipe", "--suppress-sync=yes", "--link-journal=no", "--resolv-conf=off",
                     "--timezone=off", f"--machine={self.spec.name}", f"--directory={self.disk / 'root'}",
                     f"--network-namespace-path={self.leg.namespace}",
                     f"--bind-ro={self.build}:{BUILD_IN_MACHINE}", f"--bind={journal}:/var/log/journal/{journal.name}"]
        if self.spec.role == "host":
            arguments.append(f"--bind={HYPERVISOR}:/run/hypervisor")
        return arguments + ["systemd.firstboot=off"]

    def open_notify_socket(self):
        place = self.disk / "notify"
        place.unlink(missing_ok=True)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.notify.bind(str(place))
        asyncio.get_running_loop().add_reader(self.notify, self.on_notify)
        return str(place)

    async def boot(self):
        """Begins to boot; wait_for(RUNNING) waits for it. Nothing when it is on already."""
        if self.state != OFF:
            return
        cgroup.remove(self.group)               # a group that was frozen when its power went would freeze its next unit
        environment = dict(os.environ, NOTIFY_SOCKET=self.open_notify_socket(), SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1")
        with open(CONSOLES / f"{self.spec.name}.log", "ab") as console:
            self.boot_started = time.monotonic()
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                                            env=environment, preexec_fn=lambda: cgroup.enter(self.group))
        await self.set_state(BOOTING)

    def on_notify(self):
        for line in self.notify.recv(4096).decode(errors="replace").splitlines():
            key, _, value = line.partition("=")
            if key == "X_NSPAWN_LEADER_PID":
                self.leader = int(value)
            elif key == "READY" and self.state == BOOTING:
                self.boot_seconds = time.monotonic() - self.boot_started
                asyncio.ensure_future(self.set_state(RUNNING))

    def freeze(self, is_frozen):
        """As if it were suspended: it does nothing, and its connections stand."""
        if self.state == OFF:
            raise RuntimeError(f"Machine '{self.spec.name}' is off.")
        cgroup.freeze(self.group, is_frozen)
        self.is_frozen = is_frozen

    def kill(self):
        """As if its power went: nothing in it runs on. wait_for(OFF) waits for it."""
        if self.state == OFF:
            return
        self.freeze(False)
        os.kill(self.leader or self.process.pid, signal.SIGKILL)

    async def on_exit(self, status):
        self.exit_status = status
        self.leader = 0
        self.process = None
        asyncio.get_running_loop().remove_reader(self.notify)
        self.notify.close()
        if status == REBOOTS:
            self.state = OFF                    # which nobody is told: its hypervisor runs on
            await self.boot()
        else:
            await self.set_state(OFF)

    async def set_state(self, state):
        async with self.changed:
            self.state = state
            self.changed.notify_all()

    async def wait_for(self, *states):
        async with self.changed:
            await self.changed.wait_for(lambda: self.state in states)
        return self.state

    def describe(self):
        return {"name": self.spec.name, "address": self.spec.address, "role": self.spec.role, "state": self.state,
                "cut": self.leg.is_cut, "frozen": self.is_frozen,
                "boot_seconds": round(self.boot_seconds, 2), "leader": self.leader}
