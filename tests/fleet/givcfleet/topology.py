# SPDX-License-Identifier: Apache-2.0
"""What a fleet consists of: machines with an address, a role and a configuration, read from a JSON file.

Keys of a machine, all but address optional:
  role          admin | host | sysvm | appvm | none (default none: a machine without a daemon of ours)
  address       its IPv4 address in the fleet's /24
  port          where its daemon listens (9001 for admin, 9000 for agents)
  certificate   the addresses that its certificate names (default: its own); [] makes a certificate without addresses
  services      units that the agent exposes
  applications  applications that the agent offers: [{name, command, args, directories}]
  vms           (host) machines that are its VMs, default: all with the roles admin, sysvm and appvm
  agent         merged into the agent's generated config.json, key by key
  environment   variables for the daemon
  units         {unit name: text} of more units in the machine (in the user session for appvm)
  files         {path: text} of more files in the machine
  start         service | socket | none: what is enabled of the daemon (default service, with its socket)
  boot          false: the machine exists, but is off until it is booted

Key of the fleet: tls (default true).
"""

import ipaddress
import json
from dataclasses import dataclass, field, fields
from pathlib import Path

ROLES = ("admin", "host", "sysvm", "appvm", "none")
# Numbers of identity.type and identity.subType that an agent registers itself and its units with.
IDENTITY = {"host": (0, 1), "sysvm": (8, 9), "appvm": (12, 13)}
NETWORK = ipaddress.ip_network("192.168.101.0/24")
SESSION_USER, SESSION_UID = "ghaf", 1000
DEFAULT_SERVICES = {"host": ["poweroff.target", "reboot.target", "sleep.target", "suspend.target"],
                    "sysvm": ["poweroff.target", "reboot.target"], "appvm": [], "admin": [], "none": []}


class TopologyError(Exception):
    """The file says something that cannot be; the text is for people."""


@dataclass
class MachineSpec:
    name: str
    address: str
    role: str = "none"
    port: int = 0
    certificate: list = None
    services: list = None
    applications: list = None
    vms: list = None
    agent: dict = field(default_factory=dict)
    environment: dict = field(default_factory=dict)
    units: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    start: str = "service"
    boot: bool = True

    def __post_init__(self):
        if self.role not in ROLES:
            raise TopologyError(f"{self.name}: role '{self.role}' is none of {', '.join(ROLES)}")
        if self.start not in ("service", "socket", "none"):
            raise TopologyError(f"{self.name}: start '{self.start}' is none of service, socket, none")
        if ipaddress.ip_address(self.address) not in NETWORK:
            raise TopologyError(f"{self.name}: address {self.address} is not in {NETWORK}")
        self.port = self.port or (9001 if self.role == "admin" else 9000)
        self.certificate = [self.address] if self.certificate is None else self.certificate
        self.services = DEFAULT_SERVICES[self.role] if self.services is None else self.services

    @property
    def has_agent(self):
        return self.role in IDENTITY

    @property
    def has_session(self):
        return self.role == "appvm"

    @property
    def daemon(self):
        """Name of the daemon's unit without its suffix, None when there is no daemon."""
        return "givc-admin" if self.role == "admin" else f"givc-{self.name}" if self.has_agent else None

    def transport(self):
        return {"name": self.name, "addr": self.address, "port": str(self.port), "protocol": "tcp"}


@dataclass
class Topology:
    machines: dict
    tls: bool = True

    def of_role(self, *roles):
        return [m for m in self.machines.values() if m.role in roles]

    @property
    def admin(self):
        return next(iter(self.of_role("admin")), None)

    @property
    def host(self):
        return next(iter(self.of_role("host")), None)

    def vms(self):
        """Machines that the host machine starts and stops."""
        if self.host is None:
            return []
        names = self.host.vms
        return [m for m in self.of_role("admin", "sysvm", "appvm") if names is None or m.name in names]

    def vm_services(self):
        def units(role):
            return [f"microvm@{m.name}.service" for m in self.vms() if m.role == role]
        return {"adminVm": next(iter(units("admin")), ""), "systemVms": units("sysvm"), "appVms": units("appvm")}

    def agent_config(self, machine):
        """config.json of the machine's agent as the NixOS modules write it."""
        kind, unit_kind = IDENTITY[machine.role]
        certificates = certificate_dir(machine)
        config = {
            "identity": {"name": machine.name, "type": kind, "subType": unit_kind,
                         "parent": "" if machine.role == "host" else f"microvm@{machine.name}.service"},
            "network": {
                "admin": {"transport": self.admin.transport() if self.admin else {}},
                "agent": {"transport": machine.transport()},
                "tls": {"enable": self.tls, "caCertPath": f"{certificates}/ca-cert.pem",
                        "certPath": f"{certificates}/cert.pem", "keyPath": f"{certificates}/key.pem"},
            },
            "capabilities": {"services": machine.services, "applications": machine.applications},
        }
        if machine.role == "host":
            config["capabilities"]["vmServices"] = self.vm_services()
        return merge(config, machine.agent)


def certificate_dir(machine):
    return "/run/givc" if machine.has_session else "/etc/givc"


def merge(base, override):
    """A copy of base in which override's values win; objects are merged key by key."""
    result = dict(base)
    for key, value in override.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merge(result[key], value) if both else value
    return result


def parse(data):
    known = {f.name for f in fields(MachineSpec)} - {"name"}
    machines = {}
    for name, keys in data.get("machines", {}).items():
        unknown = set(keys) - known
        if unknown:
            raise TopologyError(f"{name}: unknown key '{unknown.pop()}'")
        if "address" not in keys:
            raise TopologyError(f"{name}: no address")
        machines[name] = MachineSpec(name=name, **keys)
    if not machines:
        raise TopologyError("no machines")
    if len({m.address for m in machines.values()}) != len(machines):
        raise TopologyError("two machines have the same address")
    return Topology(machines, data.get("tls", True))


def load(path):
    try:
        return parse(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TopologyError) as e:
        raise TopologyError(f"{path}: {e}") from e
