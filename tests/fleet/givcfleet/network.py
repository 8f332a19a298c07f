# SPDX-License-Identifier: Apache-2.0
"""The fleet's network: a bridge in the supervisor's own network namespace, and for each machine a namespace with a leg.
A cut takes the leg off the bridge: packets vanish, the carrier stays, as when a switch dies."""

import subprocess
from pathlib import Path

BRIDGE = "fleet"
INTERFACE = "eth1"


def ip(*commands, namespace=None):
    """Runs ip(8) commands in one batch, in the current namespace or in the one that the file names."""
    enter = ["nsenter", f"--net={namespace}"] if namespace else []
    subprocess.run([*enter, "ip", "-batch", "-"], input="\n".join(commands) + "\n", text=True, check=True)


def set_up_bridge():
    ip("link set lo up", f"link add {BRIDGE} type bridge stp_state 0 forward_delay 0", f"link set {BRIDGE} up")


class Leg:
    """One machine's namespace and its link to the bridge."""

    def __init__(self, index, address, directory):
        self.port = f"leg{index}"
        self.address = address
        self.namespace = Path(directory, f"net{index}")
        self.is_cut = False

    def set_up(self):
        self.namespace.touch()
        subprocess.run(["unshare", f"--net={self.namespace}", "true"], check=True)
        ip(f"link add {self.port} type veth peer name {INTERFACE} netns {self.namespace}",
           f"link set {self.port} master {BRIDGE} up")
        ip("link set lo up", f"addr add {self.address}/24 dev {INTERFACE}", f"link set {INTERFACE} up",
           namespace=self.namespace)

    def cut(self):
        ip(f"link set {self.port} nomaster")
        self.is_cut = True

    def heal(self):
        ip(f"link set {self.port} master {BRIDGE}")
        self.is_cut = False
