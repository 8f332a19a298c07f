# SPDX-License-Identifier: Apache-2.0
"""The files of the machine above the computer's own root: those of a fleet's machine, the modules of its kernel, and
the daemons of an admin and of VMs, which are one machine here and call each other through its loopback."""

import json
import shutil
from pathlib import Path

from certs import make_certs
from givcfleet.layout import SYSTEM_UNITS, UNITS, install_certificates, link, machine_id, write, write_common

HERE = Path(__file__).resolve().parent
NAME = "one-vm"
HAND = """[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/usr/bin/python3 /usr/lib/givc-hand.py /dev/vport0p1
Restart=always
TimeoutStopSec=1
"""
# Names of devices say which of these three ways they go, the last of which others on the machine hear nothing of.
WAYS = [("pad", 9015, "tcp", False), ("mouse", 9016, "vsock", False), ("grabbed", 9017, "tcp", True)]
LOCAL_CID, OTHER_CID = "1", "7"
ANY_PORT, LOCAL_PORT = 9002, 9003


def transport(name, port, protocol="tcp", address=None):
    return {"name": name, "addr": address or {"tcp": "127.0.0.1", "vsock": LOCAL_CID}[protocol], "port": str(port),
            "protocol": protocol}


def events(peer, **end):
    return {"eventProxy": {"enable": True, "events": [
        {"transport": transport(peer, port, protocol), **{
            key: {"enable": True, "grab": grab} if key == "producer" else value for key, value in end.items()},
         "device": f"test {device}"} for device, port, protocol, grab in WAYS]}}


def write_agent(root, name, listen, own, capabilities, admin=transport("admin-vm", 9001, "vsock"), tls=True):
    """Unit and socket are the package's; what several agents of one machine need differs from it."""
    config = {"identity": {"name": name, "type": 8, "subType": 9, "parent": f"microvm@{name}.service"},
              "network": {"admin": {"transport": admin}, "agent": {"transport": own},
                          "tls": {"enable": tls, **{f"{key}Path": f"/etc/{name}/{file}.pem" for key, file in (
                              ("caCert", "ca-cert"), ("cert", "cert"), ("key", "key"))}}},
              "capabilities": capabilities}
    units = "etc/systemd/system"
    for kind in ("service", "socket"):
        text = (UNITS / f"givc-agent.{kind}").read_text(encoding="utf-8")
        write(root, f"{units}/givc-{name}.{kind}", text.replace("BusName=org.givc.Agent\n", ""))
    write(root, f"{units}/givc-{name}.socket.d/50-address.conf", f"[Socket]\nListenStream=\nListenStream={listen}\n")
    write(root, f"{units}/givc-{name}.service.d/40-config.conf",
          f"[Service]\nExecStart=\nExecStart=/usr/bin/givc-agent -config /etc/{name}/config.json\n")
    example = (UNITS / "examples/50-events.conf").read_text(encoding="utf-8")
    write(root, f"{units}/givc-{name}.service.d/50-events.conf", example)
    write(root, f"etc/{name}/config.json", json.dumps(config))
    link(root, f"{units}/sockets.target.wants/givc-{name}.socket", f"../givc-{name}.socket")


def write_agents(root):
    write_agent(root, "audio-vm", f"vsock:{LOCAL_CID}:9000", transport("audio-vm", 9000, "vsock"),
                {"services": ["busy.service"], **events("gui-vm", producer=True)})
    write_agent(root, "gui-vm", "127.0.0.1:9010", transport("gui-vm", 9010),
                events("audio-vm", consumer={"enable": True}))
    write_agent(root, "bad-vm", f"vsock:{LOCAL_CID}:9020", transport("bad-vm", 9020, "vsock", OTHER_CID), {})
    write_agent(root, "plain-vm", f"vsock:{LOCAL_CID}:9030", transport("plain-vm", 9030, "vsock"), {}, tls=False,
                admin=transport("admin-vm", 9001, "vsock", OTHER_CID))


def write_admin(root):
    units = "etc/systemd/system"
    write(root, f"{units}/givc-admin.socket.d/50-address.conf",
          "[Socket]\nListenStream=\nListenStream=127.0.0.1:9001\nListenStream=vsock::9001\n")
    write(root, f"{units}/givc-admin.service.d/50-environment.conf",
          "[Service]\nEnvironment=NAME=admin-vm TYPE=4 SUBTYPE=5\nExecStart=\nExecStart=/usr/bin/givc-admin "
          f"--listen sd-listen:* --listen vsock:any:{ANY_PORT} --listen vsock:local:{LOCAL_PORT}\n")
    for socket in ("givc-admin", "givc-admin-local"):
        link(root, f"{units}/sockets.target.wants/{socket}.socket", f"/{SYSTEM_UNITS}/{socket}.socket")


def write_layer(root, kernel, build, scratch):
    write_common(root, build)
    write(root, "etc/hostname", f"{NAME}\n")
    write(root, "etc/machine-id", f"{machine_id(NAME)}\n")
    write(root, "etc/hosts", "127.0.0.1\tlocalhost\n")
    write(root, "etc/modules-load.d/givc.conf", "virtio_console\nuinput\nvsock_loopback\n")
    shutil.copytree(kernel / "lib/modules", root / "usr/lib/modules")
    write(root, "usr/lib/givc-hand.py", (HERE / "hand.py").read_text(encoding="utf-8"))
    write(root, "etc/systemd/system/hand.service", HAND)
    link(root, "etc/systemd/system/multi-user.target.wants/hand.service", "../hand.service")
    write(root, "etc/systemd/system/busy.service", "[Service]\nExecStart=python3 /etc/busy.py\n")
    write(root, "etc/busy.py", "held = b'x' * (64 << 20)\nprint('held', flush=True)\nwhile True:\n    pass\n")
    names = ("admin-vm", "audio-vm", "gui-vm", "bad-vm", "plain-vm")
    make_certs(scratch, {name: ["127.0.0.1"] for name in names})
    for name in names:
        install_certificates(root, scratch / name, "etc/givc" if name == "admin-vm" else f"etc/{name}")
    write_agents(root)
    write_admin(root)
