# SPDX-License-Identifier: Apache-2.0
"""What scenarios do to a fleet: run commands and givcctl, wait for states, watch, read the journal, open channels.
Nothing here sleeps for a fixed time: wait_until() looks until a deadline."""

import json
import queue
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import api
from givcfleet import topology
from givcfleet.client import ask
from givcfleet.layout import machine_id
from givcfleet.paths import DEFAULT_TOPOLOGY, FLEET, JOURNALS

TOOL = FLEET / "fleet"
SECONDS = 20
FORGET = """set -e
find /usr -xdev -path /usr/lib/debug -prune -o '(' -name 'givc*' -o -name 'libgivc*' ')' -print0 | xargs -0 rm -rf
rm -rf /run/givc /etc/locale-givc.conf /etc/timezone.conf
sed -i '/^givc/d' /etc/passwd /etc/group /etc/shadow /etc/gshadow
systemctl daemon-reload
! systemctl cat givc-admin.service 2>/dev/null
"""


def wait_until(condition, seconds=SECONDS, what=None):
    """The first true value of condition(), an assertion with what it was last when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what or getattr(condition, '__name__', 'condition')} not true within {seconds} s, "
                                 f"last: {value!r}")
        time.sleep(0.02)


class Watch:
    """givcctl watch --json in a machine: events as ("Initial"|"Added"|"Updated"|"Removed", item or list)."""

    def __init__(self, lab):
        self.lab = lab
        self.events = []
        self.queue = queue.Queue()
        self.process = subprocess.Popen([TOOL, "ctl", "watch", "--json=short"], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.queue.put(json.loads(line.lstrip("\x1e")))
        self.queue.put(None)

    def __enter__(self):
        self.next(lambda kind, _: kind == "Initial")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def next(self, wanted, seconds=SECONDS):
        """The next event that wanted(kind, value) likes; those before it are kept in events too."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                event = self.queue.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"watch saw nothing like it within {seconds} s: {self.events}") from None
            if event is None:
                raise AssertionError(f"watch ended with {self.process.wait()}: {self.process.stderr.read()}")
            (kind, value), = event.items()
            value = value.get("List", []) if kind == "Initial" else value
            self.events.append((kind, value))
            if wanted(kind, value):
                return value

    def wait_for(self, name, state=None, kind=None):
        return self.next(lambda k, v: k != "Initial" and v["Name"] == name and kind in (None, k)
                         and state in (None, v["VmStatus"]))

    def states_of(self, name):
        """What happened to one entry, in order: Added, each state, Removed."""
        return [(k, v["VmStatus"]) for k, v in self.events if k != "Initial" and v["Name"] == name]

    def replay(self):
        """The registry as a reader of the events knows it, by (VM, name)."""
        known = {}
        for kind, value in self.events:
            if kind == "Initial":
                known = {key_of(v): v for v in value}
            elif kind == "Removed":
                known.pop(key_of(value))
            else:
                known[key_of(value)] = value
        return known


    def catch_up(self):
        """Reads what is on its way: afterwards the events lead to the list."""
        while self.lab.list() != self.replay():
            self.next(lambda *_: True)


def key_of(item):
    return item["Vm"], item["Name"]


class Lab:
    def __init__(self, path):
        self.topology = topology.load(path or DEFAULT_TOPOLOGY)
        self.directory = Path(tempfile.mkdtemp(prefix="givc-lab-"))
        descriptors = FLEET.parents[1] / "build" / "proto" / "descriptors.bin"
        self.api = api.Api(descriptors)
        self.relays = {}

    def fleet(self, *words, check=True, timeout=60, **options):
        done = subprocess.run([TOOL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=timeout, check=False, **{"stdin": subprocess.DEVNULL, **options})
        if check and done.returncode != 0:
            raise AssertionError(f"fleet {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def exec(self, machine, *command, user=None, **options):
        return self.fleet("exec", machine, *(["--user", user] if user else []), "--", *command, **options)

    def session(self, *command, machine="app-vm", **options):
        return self.exec(machine, *command, user=topology.SESSION_USER, **options)

    def systemctl(self, machine, *words, **options):
        """Of the manager that the machine's agent belongs to: the session's in an application VM."""
        if self.topology.machines[machine].has_session:
            return self.session("systemctl", "--user", *words, machine=machine, **options)
        return self.exec(machine, "systemctl", *words, **options)

    def show(self, machine, unit, key):
        return self.systemctl(machine, "show", "-P", key, unit).stdout.strip()

    def daemon(self, machine):
        return f"{self.topology.machines[machine].daemon}.service"

    def pid(self, machine):
        return int(self.show(machine, self.daemon(machine), "MainPID"))

    def signal_daemon(self, machine, number):
        """Straight to the main process, past systemd."""
        self.exec(machine, "kill", f"-{int(number)}", str(self.pid(machine)))

    def status_text(self, machine):
        return self.show(machine, self.daemon(machine), "StatusText")

    def states(self):
        return {m["name"]: m["state"] for m in ask("status")["machines"]}

    def journal(self, machine, *options):
        """Messages of a machine's journal, as dictionaries."""
        where = JOURNALS / machine_id(machine)
        done = subprocess.run(["journalctl", f"--directory={where}", "--output=json", "--all", *options], check=True,
                              stdout=subprocess.PIPE, text=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def cursor(self, machine):
        messages = self.journal(machine, "--lines=1")
        return messages[-1]["__CURSOR"]

    def messages(self, machine, unit, after):
        return [m for m in self.journal(machine, f"--after-cursor={after}")
                if unit in (m.get("_SYSTEMD_UNIT"), m.get("_SYSTEMD_USER_UNIT"))]

    def crashes(self):
        """What must never be in a journal, whatever a scenario does."""
        words = "(Address|Leak)Sanitizer[: ]|runtime error:|Assertion .* failed|code=dumped|status=(6/ABRT|11/SEGV)"
        done = subprocess.run(["journalctl", f"--directory={JOURNALS}", "--output=cat", f"--grep={words}"], check=False,
                              stdout=subprocess.PIPE, text=True)
        return done.stdout.splitlines()

    def ctl(self, *words, **options):
        return self.fleet("ctl", *words, **options)

    def list(self):
        """The registry as givcctl shows it to programs, by (VM, name)."""
        return {key_of(item): item for item in json.loads(self.ctl("list", "--json=short").stdout).get("List", [])}

    def names(self):
        done = self.ctl("list", "--json=short", check=False)
        return {i["Name"] for i in json.loads(done.stdout).get("List", [])} if done.returncode == 0 else set()

    def entry(self, name):
        return next((item for item in self.list().values() if item["Name"] == name), None)

    def expected_names(self):
        """Entries that a healthy fleet has: agents, their services (targets are never listed), the host's VM units."""
        agents = [m for m in self.topology.machines.values() if m.has_agent]
        names = {f"{m.daemon}.service" for m in agents}
        names |= {s for m in agents for s in m.services if s.endswith(".service")}
        return names | {f"microvm@{m.name}.service" for m in self.topology.vms()}

    def wait_until_registered(self, *names, seconds=SECONDS):
        wanted = set(names) or self.expected_names()
        wait_until(lambda: not wanted - self.names(), seconds, f"{', '.join(sorted(wanted))} registered")

    def watch(self):
        return Watch(self)

    def start_app(self, name="hold", vm="app-vm"):
        return self.ctl("start", "app", name, "--vm", vm).stdout.split()[-1]

    def channel(self, origin, target="admin-vm", identity="", name=None, options=(), port=None):
        """From origin's network to target's daemon. identity: whose certificate, "" is origin's, None is none."""
        spec = self.topology.machines[target]
        way = (origin, target, port or spec.port)
        if way not in self.relays:
            self.relays[way] = api.Relay(self.directory / f"{len(self.relays)}.sock", origin, spec.address, way[2])
        creds = api.credentials(origin if identity == "" else identity, ca=origin)
        return api.open_channel(self.relays[way], name or target, creds, options)

    def plain_channel(self, origin, target="admin-vm"):
        self.channel(origin, target).close()    # for its relay
        return api.open_channel(self.relays[origin, target, self.topology.machines[target].port], target, None)

    def call(self, channel, method, timeout=15, **fields):
        service, name = method.rsplit("/", 1)
        return self.api.call(channel, service, name, timeout=timeout, **fields)

    def heal_everything(self):
        machines = ask("status")["machines"]
        for machine in machines:
            if machine["cut"]:
                self.fleet("heal", machine["name"])
            if machine["frozen"]:
                self.fleet("thaw", machine["name"])
        for machine in machines:
            if machine["state"] == "off" and self.topology.machines[machine["name"]].boot:
                self.fleet("boot", machine["name"])

    def start_services(self):
        """Those that a machine starts by itself, and that a scenario has left stopped."""
        units = {(m.name, unit) for m in self.topology.machines.values() for unit, text in m.units.items()
                 if "[Install]" in text}
        stopped = [i for key, i in self.list().items() if key in units and i["VmStatus"] != "Running"]
        for item in stopped:
            self.systemctl(item["Vm"], "start", item["Name"])
        wait_until(lambda: all(self.list()[key_of(i)]["VmStatus"] == "Running" for i in stopped), what="services run")

    def forget_givc(self, machine):
        """A machine that has nothing of ours, though all of the fleet's are born with it."""
        self.exec(machine, "sh", "-c", FORGET)

    def close(self):
        for relay in self.relays.values():
            relay.close()
        for path in self.directory.iterdir():
            path.unlink()
        self.directory.rmdir()
