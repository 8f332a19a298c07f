# SPDX-License-Identifier: Apache-2.0
"""Commands on another machine: `givcctl exec` through the admin against ssh straight to an sshd with throw-away keys,
between the same two machines."""

import contextlib
import json
import subprocess

from figures import KINDS, ROUNDS
from fleet import HERE, machines, script, stopwatch
from lab import TOOL

TOPOLOGY = {"machines": {
    "admin-vm": {"role": "admin", "address": "192.168.101.10"},
    "ghaf-host": {"role": "host", "address": "192.168.101.2",
                  "agent": {"capabilities": {"exec": {"enable": True, "commands": ["cat", "sh"]}}}},
}}
NEAR, FAR = "admin-vm", "ghaf-host"
KEYS = "/run/bench-ssh"
SSHD = ("/usr/sbin/sshd", "-D", "-f", "/dev/null", "-p", "2222", "-h", f"{KEYS}/key", "-o", "UsePAM=no", "-o",
        f"AuthorizedKeysFile={KEYS}/authorized", "-o", "MaxStartups=1000", "-o", "PidFile=none", "-o", "StrictModes=no")
SSH = ("ssh", "-F", "none", "-p", "2222", "-i", f"{KEYS}/key", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR",
       "-o", f"UserKnownHostsFile={KEYS}/known", "-o", "BatchMode=yes", TOPOLOGY["machines"][FAR]["address"])
OURS = ("givcctl", "exec", FAR, "--")
DIRECT = ("env", f"GIVC_NAME={FAR}", "givcctl", "--admin=tcp:192.168.101.2:9000", *OURS[1:])  # past the admin's limit
WAYS = dict(zip(KINDS, (OURS, SSH)))
DAEMONS = dict(zip(KINDS, (("givc-ghaf-host.service", "givc-agent"), ("bench-sshd.service", "sshd"))))
N_TRIPS, MIB, N_IDLE = 1000, 64, 100


def start_sshd(lab):
    for machine in (NEAR, FAR):
        lab.exec(machine, "mkdir", "-m", "700", KEYS)
        lab.exec(machine, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{KEYS}/key")
    lab.exec(FAR, "tee", f"{KEYS}/authorized", stdin=None, input=lab.exec(NEAR, "cat", f"{KEYS}/key.pub").stdout)
    lab.exec(FAR, "systemd-run", "--quiet", "--unit=bench-sshd", "--service-type=notify",
             "--property=RuntimeDirectory=sshd", *SSHD)


def measure_round(lab, results):
    for name, words, n, command, unit, more in (
        ("exec: round trip, 64 bytes", "trips", N_TRIPS, ["cat"], "µs", False),
        ("exec: throughput in", "in", MIB, ["wc -c"], "MiB/s", True),
        ("exec: throughput out", "out", MIB, [f"head -c {MIB}M /dev/zero"], "MiB/s", True),
    ):
        for kind, way in WAYS.items():
            shell = ["sh", "-c"] if kind == "ours" and command != ["cat"] else []
            figure = script(lab, "streams.py", NEAR, words, n, json.dumps([*way, *shell, *command]))
            results.add(name, kind, figure, unit, more)
    for kind, way in WAYS.items():
        for used in stopwatch(lab, NEAR, [*way, "cat"]):
            results.add("exec: cat of nothing, from beginning to end", kind, used, "ms")


@contextlib.contextmanager
def held(way):
    argv = [TOOL, "exec", NEAR, "--", "/usr/bin/python3", "-c", (HERE / "streams.py").read_text(), "hold", str(N_IDLE),
            json.dumps([*way, "cat"])]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        if not holder.stdout.readline():
            raise RuntimeError(f"{way}: {N_IDLE} of them cannot be held")
        yield
        holder.communicate()


def measure_memory(lab, results):
    for kind, way in zip(KINDS, (DIRECT, SSH)):
        before = script(lab, "memory.py", FAR, *DAEMONS[kind])
        with held(way):
            used = script(lab, "memory.py", FAR, *DAEMONS[kind]) - before
        results.add("exec: memory of an idle one, of its daemon there", kind, used / N_IDLE, "KiB")


def measure(results):
    with machines(TOPOLOGY) as lab:
        lab.wait_until_registered()
        start_sshd(lab)
        for _ in range(ROUNDS):
            measure_round(lab, results)
        measure_memory(lab, results)
