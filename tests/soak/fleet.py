# SPDX-License-Identifier: Apache-2.0
"""The soak's machines: an admin and agents as plain processes over mutual TLS, each agent with a service manager of its
own (tests/soak/manager.c), and what /proc says about them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TREE / "tests"), str(TREE / "tests/interop")]
import outside  # noqa: E402
from certs import make_certs  # noqa: E402

BUILD = outside.BUILD
ADDRESS = ["127.0.0.1"]
SERVICES = [f"s{i}.service" for i in range(20)]
MICROVMS = ["app-vm", "gui-vm", "net-vm"]
# name: identity, what it exposes, whether it starts applications
AGENTS = {
    "ghaf-host": (0, 1, "", [f"microvm@{vm}.service" for vm in MICROVMS]),
    "net-vm": (8, 9, "microvm@net-vm.service", SERVICES),
    "gui-vm": (8, 9, "microvm@gui-vm.service", SERVICES),
    "app-vm": (12, 13, "microvm@app-vm.service", SERVICES),
}
STEADY = ("admin-vm", "gui-vm")  # processes that nobody kills: what they hold says whether something piles up


def transport(name, port):
    return {"transport": {"name": name, "addr": "127.0.0.1", "port": str(port), "protocol": "tcp"}}


class Program:
    """A process that can be killed and started again as it was."""

    def __init__(self, directory, name, argv, variables):
        self.name, self.argv = name, [str(word) for word in argv]
        self.environment = {k: v for k, v in os.environ.items() if k not in ("NOTIFY_SOCKET", "LISTEN_FDS")}
        self.environment |= variables
        self.log = open(directory / f"{name}.log", "ab")
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.argv, env=self.environment, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log)

    def send(self, number):
        self.process.send_signal(number)

    def restart(self, number=signal.SIGKILL):
        self.send(number)
        status = self.process.wait(10)
        self.start()
        return status

    def stop(self):
        """Its exit status; it has five seconds."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            return self.process.wait(5 * (10 if outside.SANITIZED else 1))
        except subprocess.TimeoutExpired:
            self.process.kill()
            return f"hangs: {self.process.wait()}"
        finally:
            self.log.close()

    def count_fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def anonymous_kb(self):
        """What is its own; pages of programs come and go as the kernel likes."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("RssAnon:"))


class Manager:
    """The service manager of one machine; it obeys words, see manager.c."""

    def __init__(self, directory, name, seed, units):
        self.socket = directory / f"{name}.bus"
        self.process = subprocess.Popen([str(BUILD / "tests/soak/manager"), str(self.socket), str(seed), *units],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self.process.stdout.readline() == "ok\n"

    def tell(self, word):
        self.process.stdin.write(word + "\n")
        return self.process.stdout.readline()

    def state(self):
        return json.loads(self.tell("state"))

    def stop(self):
        self.process.stdin.close()
        return self.process.wait(10)


class Fleet:
    def __init__(self, directory, seed):
        self.directory = Path(directory)
        make_certs(str(self.directory / "certs"), {name: ADDRESS for name in ("admin-vm", *AGENTS)})
        self.port = outside.free_port()
        self.programs, self.managers = {}, {}
        try:
            self.programs["admin-vm"] = self.start_admin()
            for i, name in enumerate(AGENTS):
                self.start_machine(name, seed + i)
        except BaseException:
            self.stop()
            raise

    def credentials(self, name):
        """CA, key and certificate, as gRPC's Python takes them."""
        return [(self.directory / "certs" / name / f).read_bytes() for f in ("ca-cert.pem", "key.pem", "cert.pem")]

    def start_admin(self):
        own = self.directory / "certs/admin-vm"
        argv = [BUILD / "givc-admin", f"--listen=127.0.0.1:{self.port}", "--local-socket=none", "--use-tls=true",
                f"--ca-cert={own / 'ca-cert.pem'}", f"--host-cert={own / 'cert.pem'}", f"--host-key={own / 'key.pem'}",
                "--host=ghaf-host"]
        return Program(self.directory, "admin-vm", argv, {"GIVC_LOG": "error"})

    def start_machine(self, name, seed):
        kind, subtype, parent, services = AGENTS[name]
        own = self.directory / "certs" / name
        config = {"identity": {"name": name, "type": kind, "subType": subtype, "parent": parent},
                  "network": {"admin": transport("admin-vm", self.port),
                              "agent": transport(name, outside.free_port()),
                              "tls": {"enable": True, "caCertPath": f"{own}/ca-cert.pem", "certPath": f"{own}/cert.pem",
                                      "keyPath": f"{own}/key.pem"}},
                  "capabilities": {"services": services}}
        if name == "ghaf-host":
            config["capabilities"] = {"vmServices": {"systemVms": services}}
        if name == "app-vm":
            config["capabilities"]["applications"] = [{"name": "app", "command": "/usr/bin/app", "args": ["flag"]}]
        path = self.directory / f"{name}.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        self.managers[name] = Manager(self.directory, name, seed, [f"givc-{name}.service", *services])
        bus = f"unix:path={self.managers[name].socket}"
        self.programs[name] = Program(self.directory, name, [BUILD / "givc-agent", "--config", path],
                                      {"DBUS_SYSTEM_BUS_ADDRESS": bus, "GIVC_LOG": "error"})

    def tell_managers(self, word):
        for manager in self.managers.values():
            manager.tell(word)

    def expected(self):
        """(VM, unit): VmStatus of everything that the admin's list has to have, by what the service managers say."""
        out = {}
        for vm, manager in self.managers.items():
            for unit, (active, sub, freezer) in manager.state().items():
                running = "Running" if (active, sub) == ("active", "running") else "PoweredOff"
                out[vm, unit] = "Paused" if freezer == "frozen" else running
        return out

    def stop(self):
        """Exit statuses of all that runs."""
        statuses = {name: p.stop() for name, p in reversed(self.programs.items())}
        return statuses | {f"{name}'s manager": m.stop() for name, m in self.managers.items()}


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not (out := condition()):
        assert time.monotonic() < end, f"{what} did not come within {seconds} s"
        time.sleep(0.02)
    return out
