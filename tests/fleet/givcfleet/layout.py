# SPDX-License-Identifier: Apache-2.0
"""The files of the machines, as overlay directories above the computer's own root: one layer that all machines share
(what boots, users, our units and programs) and for each machine its configuration."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from .paths import FLEET, TREE
from .topology import SESSION_UID, SESSION_USER, certificate_dir

UNITS = TREE / "units"
PROGRAMS = ("givc-agent", "givc-admin", "givcctl")
BUILD_IN_MACHINE = "/opt/givc/build"     # the tree may lie where ProtectHome= hides it
SYSTEM_UNITS = "usr/lib/systemd/system"
# Directories of which a machine shall see nothing that the computer has put there.
OPAQUE = ("etc/systemd/system", "etc/systemd/user", "usr/lib/systemd/system-generators", "var/log/journal",
          "var/lib/systemd/linger", "etc/rc2.d", "etc/rc3.d", "etc/rc4.d", "etc/rc5.d", "etc/rcS.d",
          f"{SYSTEM_UNITS}/multi-user.target.wants", f"{SYSTEM_UNITS}/timers.target.wants",
          f"{SYSTEM_UNITS}/sockets.target.wants")
WANTED = {"multi-user.target": ("systemd-logind.service", "systemd-user-sessions.service"),
          "sockets.target": ("dbus.socket",)}
JOURNALD = """[Journal]
Storage=persistent
SystemMaxUse=64M
RateLimitIntervalSec=0
"""
# The leak sanitizer traces its own process when it ends.
SANITIZED = """[Service]
SystemCallFilter=
ProcSubset=all
ProtectProc=default
Environment=ASAN_OPTIONS=detect_stack_use_after_return=0 UBSAN_OPTIONS=print_stacktrace=1
"""


def write(root, path, text, mode=0o644):
    target = Path(root) / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    target.chmod(mode)


def link(root, path, target):
    place = Path(root) / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def make_opaque(root, path):
    place = Path(root) / path
    place.mkdir(parents=True, exist_ok=True)
    os.setxattr(place, "trusted.overlay.opaque", b"y")


def machine_id(name):
    return hashlib.md5(f"givc-fleet {name}".encode()).hexdigest()


def without_id(lines, number):
    """Lines of passwd or group without those that the session user's number belongs to."""
    return [line for line in lines if line.split(":")[2:3] != [str(number)]]


def write_users(layer):
    for name, entry in (("passwd", f"{SESSION_USER}:x:{SESSION_UID}:{SESSION_UID}:Ghaf:/home/{SESSION_USER}:/bin/bash"),
                        ("group", f"{SESSION_USER}:x:{SESSION_UID}:")):
        lines = without_id(Path("/etc", name).read_text(encoding="utf-8").splitlines(), SESSION_UID)
        write(layer, f"etc/{name}", "\n".join(lines + [entry, ""]))
    write(layer, "etc/shadow", f"root:*:19000::::::\n{SESSION_USER}:*:19000::::::\n", 0o640)
    write(layer, "etc/gshadow", "", 0o640)
    users = "".join(f.read_text(encoding="utf-8") for f in sorted(UNITS.glob("*.sysusers")))
    users += f"m {SESSION_USER} givc-agent\n"
    subprocess.run(["systemd-sysusers", f"--root={layer}", "-"], input=users, text=True, check=True)
    home = Path(layer, "home", SESSION_USER)
    home.mkdir(parents=True)
    os.chown(home, SESSION_UID, SESSION_UID)


def write_common(layer, build):
    layer = Path(layer)
    for path in OPAQUE:
        make_opaque(layer, path)
    for target, units in WANTED.items():
        for unit in units:
            link(layer, f"{SYSTEM_UNITS}/{target}.wants/{unit}", f"../{unit}")
    link(layer, "etc/systemd/system/default.target", f"/{SYSTEM_UNITS}/multi-user.target")
    for path in ("etc/fstab", "etc/crypttab"):
        write(layer, path, "")
    write(layer, "etc/systemd/journald.conf.d/fleet.conf", JOURNALD)
    if "sanitize" in str(build):
        for manager in ("system", "user"):
            write(layer, f"etc/systemd/{manager}/givc-.service.d/90-sanitized.conf", SANITIZED)
    write_users(layer)
    for program in PROGRAMS:
        link(layer, f"usr/bin/{program}", f"{BUILD_IN_MACHINE}/{program}")
    link(layer, "usr/bin/givc-cli", "givcctl")
    for kind in ("service", "socket"):
        for unit in UNITS.glob(f"givc-admin*.{kind}"):
            shutil.copy(unit, layer / SYSTEM_UNITS)
    for program in ("givc-admin", "givc-agent"):
        for kind, directory in (("tmpfiles", "usr/lib/tmpfiles.d"), ("dbus.conf", "usr/share/dbus-1/system.d")):
            text = (UNITS / f"{program}.{kind}").read_text(encoding="utf-8")
            write(layer, f"{directory}/{program}.conf", text)
    rules = (UNITS / "givc-agent.rules").read_text(encoding="utf-8")
    write(layer, "usr/share/polkit-1/rules.d/givc-agent.rules", rules)
    write(layer, "usr/lib/systemd/catalog/givc.catalog", (UNITS / "givc.catalog").read_text(encoding="utf-8"))
    shutil.copy(FLEET / "microvm@.service", layer / SYSTEM_UNITS)
    shutil.copy(FLEET / "microvm", layer / "usr/lib/givc-microvm")


def write_machine(disk, topology, machine):
    disk = Path(disk)
    disk.chmod(0o755)
    write(disk, "etc/hostname", machine.name + "\n")
    write(disk, "etc/machine-id", machine_id(machine.name) + "\n")
    names = "".join(f"{m.address}\t{m.name}\n" for m in topology.machines.values())
    write(disk, "etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost\n" + names)
    for path, text in machine.files.items():
        write(disk, path, text)
    write_more_units(disk, machine)
    if machine.role == "admin":
        write_admin(disk, topology, machine)
    if machine.has_agent:
        write_agent(disk, topology, machine)
    if machine.has_session:
        write_session(disk)
    if machine.role == "host":
        for vm in topology.vms():
            if vm.boot:
                link(disk, f"etc/systemd/system/multi-user.target.wants/microvm@{vm.name}.service",
                     f"/{SYSTEM_UNITS}/microvm@.service")


def unit_dir(machine):
    return "etc/systemd/user" if machine.has_session else "etc/systemd/system"


def write_more_units(disk, machine):
    target = "default.target" if machine.has_session else "multi-user.target"
    for unit, text in machine.units.items():
        write(disk, f"{unit_dir(machine)}/{unit}", text)
        if "[Install]" in text:
            link(disk, f"{unit_dir(machine)}/{target}.wants/{unit}", f"../{unit}")


def write_listen(disk, machine, unit):
    """The socket listens on the machine's own address only, which it may not have yet when it starts."""
    write(disk, f"{unit_dir(machine)}/{unit}.socket.d/50-address.conf",
          f"[Socket]\nListenStream=\nListenStream={machine.address}:{machine.port}\nFreeBind=yes\n")


def enable(disk, machine, source, sockets):
    directory, target = unit_dir(machine), "default.target" if machine.has_session else "multi-user.target"
    if machine.start != "none":
        for socket in sockets:
            link(disk, f"{directory}/sockets.target.wants/{socket}.socket", f"/{source}/{socket}.socket")
    if machine.start == "service":
        link(disk, f"{directory}/{target}.wants/{machine.daemon}.service", f"/{source}/{machine.daemon}.service")


def write_admin(disk, topology, machine):
    variables = {"NAME": machine.name, "TYPE": 4, "SUBTYPE": 5, "TLS": "true" if topology.tls else "false"}
    hosts = [m.name for m in topology.machines.values() if m.role == "host"]
    if len(hosts) == 1 and topology.tls:
        variables["GIVC_HOST"] = hosts[0]  # without it, whoever registers first as host is the host
    variables.update(machine.environment)
    write(disk, f"{unit_dir(machine)}/givc-admin.service.d/50-environment.conf",
          "[Service]\n" + "".join(f'Environment="{key}={value}"\n' for key, value in variables.items()))
    write_listen(disk, machine, "givc-admin")
    enable(disk, machine, SYSTEM_UNITS, ("givc-admin", "givc-admin-local"))


def write_agent(disk, topology, machine):
    config = json.dumps(topology.agent_config(machine), indent=2)
    write(disk, "etc/givc-agent/config.json", config + "\n")
    source = UNITS / "user" if machine.has_session else UNITS
    for kind in ("service", "socket"):
        write(disk, f"{unit_dir(machine)}/{machine.daemon}.{kind}",
              (source / f"givc-agent.{kind}").read_text(encoding="utf-8"))
    if machine.environment:
        write(disk, f"{unit_dir(machine)}/{machine.daemon}.service.d/50-environment.conf", "[Service]\n" +
              "".join(f'Environment="{key}={value}"\n' for key, value in machine.environment.items()))
    write_listen(disk, machine, machine.daemon)
    enable(disk, machine, unit_dir(machine), (machine.daemon,))


def write_session(disk):
    """A user session that lingers, up before the machine counts as booted, and certificates that it may read."""
    write(disk, f"var/lib/systemd/linger/{SESSION_USER}", "")
    link(disk, f"etc/systemd/system/multi-user.target.wants/user@{SESSION_UID}.service",
         f"/{SYSTEM_UNITS}/user@.service")
    write(disk, "etc/tmpfiles.d/givc-session.conf", "".join(
        f"C /run/givc/{name} 0640 root {SESSION_USER} - /etc/givc/{name}\n"
        for name in ("ca-cert.pem", "cert.pem", "key.pem")))


def install_certificates(disk, directory, place="etc/givc"):
    for name in ("ca-cert.pem", "cert.pem", "key.pem"):
        text = Path(directory, name).read_text(encoding="ascii")
        write(disk, f"{place}/{name}", text, 0o600 if name == "key.pem" else 0o644)


def client_environment(topology, machine):
    """What givcctl needs to know in this machine to reach the admin with the machine's certificate."""
    if topology.admin is None:
        return {}
    certificates = certificate_dir(machine)
    variables = {"GIVC_NAME": topology.admin.name, "GIVC_ADDR": topology.admin.address,
                 "GIVC_PORT": str(topology.admin.port)}
    if not topology.tls:
        return variables | {"GIVC_NO_TLS": "true"}
    return variables | {"GIVC_CA_CERT": f"{certificates}/ca-cert.pem", "GIVC_HOST_CERT": f"{certificates}/cert.pem",
                        "GIVC_HOST_KEY": f"{certificates}/key.pem"}
