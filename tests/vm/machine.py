# SPDX-License-Identifier: Apache-2.0
"""The machine from outside: boots it, and has its hand do things in there."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("GIVC_BUILD", HERE.parents[1] / "build"))
CONSOLE = BUILD / "vm" / "console.log"
KERNEL = HERE.parents[1] / "build" / "vm" / "kernel"  # one for all builds
BOOT_SECONDS = 120
SECONDS = 30


def wait_until(condition, seconds=SECONDS, what=None):
    """The first true value of condition(), an assertion with what it was last when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what or 'condition'} not true within {seconds} s, last: {value!r}"
        time.sleep(0.05)
    return value


class Refused(Exception):
    """What the hand could not do."""


class Machine:
    def __init__(self):
        ours, theirs = socket.socketpair()
        # It ends with this process, however that ends.
        command = ["setpriv", "--pdeathsig=KILL", "--", "unshare", "--mount", "--propagation=private", "--",
                   sys.executable, str(HERE / "boot"), str(BUILD), str(KERNEL), str(theirs.fileno())]
        CONSOLE.parent.mkdir(parents=True, exist_ok=True)
        with open(CONSOLE, "wb") as console:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                                            pass_fds=[theirs.fileno()])
        theirs.close()
        self.socket, self.buffer = ours, b""
        began = time.monotonic()
        assert self.receive(BOOT_SECONDS) == {"value": "ready"}
        self.boot_seconds = time.monotonic() - began

    def receive(self, seconds):
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                data = self.socket.recv(1 << 16)
            except socket.timeout:
                raise AssertionError(f"The machine says nothing within {seconds} s; {self.console()}") from None
            if not data:
                raise AssertionError(f"The machine has ended; {self.console()}")
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def console(self):
        lines = CONSOLE.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(["its console:", *lines[-40:]])

    def ask(self, what, *arguments, seconds=SECONDS):
        """A function of hand.py."""
        request = json.dumps({"call": what, "arguments": arguments})
        self.socket.settimeout(seconds)
        self.socket.sendall(request.encode() + b"\n")
        reply = self.receive(seconds)
        if "error" in reply:
            raise Refused(reply["error"])
        return reply["value"]

    def run(self, *command, check=True, seconds=SECONDS):
        status, out, err = self.ask("run", command, seconds, seconds=seconds + 10)
        if check and status != 0:
            raise AssertionError(f"{' '.join(command)} ended with {status}:\n{out}{err}")
        return subprocess.CompletedProcess(command, status, out, err)

    def systemctl(self, *words, **options):
        return self.run("systemctl", *words, **options)

    def show(self, unit, key):
        return self.systemctl("show", "-P", key, unit).stdout.strip()

    def journal(self, *options):
        return self.run("journalctl", "--output=cat", "--no-pager", *options).stdout

    def givcctl(self, *words, **options):
        where = ["--name=admin-vm", "--cacert=/etc/givc/ca-cert.pem", "--cert=/etc/givc/cert.pem",
                 "--key=/etc/givc/key.pem"]
        return self.run("givcctl", *where, *words, **options)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.socket.close()
