# SPDX-License-Identifier: Apache-2.0
"""The fleet that scenarios share: one at a time, for as long as the modules that come next want the same machines. And
what is kept of it when a scenario fails: the journals of all machines, as text and as journalctl reads them."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from givcfleet.layout import machine_id
from givcfleet.paths import CONSOLES, DEFAULT_TOPOLOGY, JOURNALS, TREE
from lab import TOOL, Lab

KEPT = TREE / "build" / "check" / "journals"


class FleetFailed(Exception):
    """A fleet did not come up; the text is what the tool said."""


def wanted_by(module):
    """What a module's TOPOLOGY says, as the text of a topology file; None: it needs no machines, or boots its own."""
    wanted = getattr(module, "TOPOLOGY", DEFAULT_TOPOLOGY)
    if wanted is None:
        return None
    return json.dumps(wanted) if isinstance(wanted, dict) else Path(wanted).read_text(encoding="utf-8")


class Fleets:
    def __init__(self, directory):
        self.directory = Path(directory)
        self.wanted = self.lab = None

    def get(self, wanted):
        if wanted != self.wanted:
            self.down()
            path = self.directory / "topology.json"
            path.write_text(wanted, encoding="utf-8")
            up = subprocess.run([TOOL, "up", str(path), "--owner", str(os.getpid()), "--wait", "300"], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            if up.returncode != 0:
                raise FleetFailed(f"the fleet did not come up:\n{up.stdout}")
            self.wanted, self.lab = wanted, Lab(path)
        return self.lab

    def down(self):
        if self.lab is not None:
            self.lab.close()
            self.wanted = self.lab = None
            subprocess.run([TOOL, "down"], check=True)


def keep_journals(lab, test, since):
    """Into build/check/journals/TEST: MACHINE.log of what was said since then, MACHINE.console, journal/ for journalctl
    --directory. Returns where."""
    place = KEPT / re.sub(r"[^\w.-]+", "-", test).strip("-")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    shutil.copytree(JOURNALS, place / "journal")
    for machine in lab.topology.machines:
        with open(place / f"{machine}.log", "wb") as log:
            subprocess.run(["journalctl", f"--directory={JOURNALS / machine_id(machine)}", "--output=short-precise",
                            f"--since=@{since:.6f}", "--all"], stdout=log, stderr=subprocess.STDOUT, check=False)
        console = CONSOLES / f"{machine}.log"
        if console.exists():
            shutil.copy(console, place / f"{machine}.console")
    return place


def daemon_messages(since):
    """What our daemons said meanwhile, of all machines in one order."""
    return subprocess.run([TOOL, "logs", "--lines=80", "--identifier=givc-admin", "--identifier=givc-agent",
                           "--priority=info", f"--since=@{since:.6f}"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False).stdout
