# SPDX-License-Identifier: Apache-2.0
"""Where a running fleet keeps what others may look at, and where the source tree is. GIVC_FLEET=NAME names a fleet that
lives beside the default one."""

import os
from pathlib import Path

TREE = Path(__file__).resolve().parents[3]
FLEET = TREE / "tests" / "fleet"
DEFAULT_TOPOLOGY = FLEET / "default.json"

DEFAULT_NAME = "givc-fleet"
NAME = os.environ.get("GIVC_FLEET", DEFAULT_NAME)
STATE = Path("/run") / NAME
LOCK = STATE / "lock"                # held by the keeper for as long as the fleet lives
CONTROL = STATE / "control"          # socket of the supervisor
HYPERVISOR = STATE / "hypervisor"    # directory of the socket that the host machine boots and kills VMs through
CERTIFICATES = STATE / "certs"
JOURNALS = STATE / "journal"
CONSOLES = STATE / "console"
SUPERVISOR_LOG = STATE / "supervisor.log"
DISKS = STATE / "disks"              # a tmpfs that only the fleet itself sees
NSPAWN = Path("/run/systemd/nspawn")  # what nspawn leaves behind; likewise
