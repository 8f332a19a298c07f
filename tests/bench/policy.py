# SPDX-License-Identifier: Apache-2.0
"""Decisions over rules as a system's configuration generates them, against Cedar's own library in WebAssembly, with
rules parsed beforehand (prepared) and with each call (plain)."""

import json
import os
import pathlib
import random
import subprocess
import tempfile

import outside
from figures import ROUNDS

SECONDS = float(os.environ.get("BENCH_SECONDS", "1"))
OURS = outside.BUILD / "tests/bench/decisions"
THEIRS = outside.ROOT / "tests/bench/decisions.js"
SIZES = (20, 200)
N_REQUESTS = 64
VMS = [f"{name}-vm" for name in "admin audio business chrome gui ids media net office zathura".split()]
VMS += [f"app{i}-vm" for i in range(20)]
METHODS = """RegisterService QueryList StartApplication StopApplication PauseApplication ResumeApplication StartVM
    StartUnit UnitStatus SetLocale SetTimezone Poweroff Reboot Suspend Wakeup Watch GetStats
    NotifyUser PolicyQuery""".split()

FIRST = """permit (
  principal,
  action,
  resource
)
when {
  (action == Command::"ServerReflectionInfo") &&
  (resource == Module::"grpc")
};
"""
RULE = """permit (
  principal,
  action,
  resource
)
when {
  %s
};
"""


def one_of(template, names):
    return "(" + " || ".join(template % name for name in names) + ")"


def rule(dice):
    conditions = [
        one_of('principal == Source::"%s"', dice.sample(VMS, dice.randint(1, 3))),
        'resource == Module::"admin"',
        one_of('action == Command::"%s"', dice.sample(METHODS, dice.randint(1, 4))),
    ]
    if targets := dice.sample(VMS, dice.randint(0, 4)):
        conditions.append(f"""(context has "VmName" && {one_of('context.VmName == "%s"', targets)})""")
    return RULE % " &&\n  ".join(conditions)


def rules(n):
    dice = random.Random(n)
    return FIRST + "".join(rule(dice) for _ in range(n - 1))


def request(dice):
    def entity(kind, name):
        return {"type": kind, "id": name}

    context = {"VmName": dice.choice(VMS), "AppName": "chromium", "Args": ["--new-window", "https://example.test/"],
               "service": "admin"}
    return {"principal": entity("Source", dice.choice(VMS)), "action": entity("Command", dice.choice(METHODS)),
            "resource": entity("Module", "admin"), "context": context}


def run(*argv):
    words = list(map(str, argv))
    done = subprocess.run(words, stdout=subprocess.PIPE, timeout=300, env=outside.node_environment(), check=True)
    return json.loads(done.stdout)


def measure(results):
    with tempfile.TemporaryDirectory() as folder:
        asked = pathlib.Path(folder, "requests.json")
        asked.write_text(json.dumps([request(random.Random(i)) for i in range(N_REQUESTS)]))
        for size in SIZES:
            file = pathlib.Path(folder, f"{size}.cedar")
            file.write_text(rules(size))
            for _ in range(ROUNDS):
                ours = run(OURS, file, asked, SECONDS)
                for how in ("prepared", "plain"):
                    theirs = run("node", THEIRS, how, file, asked, SECONDS)
                    if theirs["allowed"] != ours["allowed"]:
                        raise RuntimeError(f"{size} rules: {ours['allowed']} are allowed, not {theirs['allowed']}")
                    for kind, line in (("ours", ours), ("yardstick", theirs)):
                        name = f"policy: {size} rules, {how}"
                        results.add(f"{name}: a decision", kind, line["median_usec"], "us")
                        results.add(f"{name}: throughput", kind, line["per_second"], "1/s", more_is_better=True)
