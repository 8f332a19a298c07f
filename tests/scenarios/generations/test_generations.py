# SPDX-License-Identifier: Apache-2.0
"""Generations of the host's system, by a stand-in for the tool of its machine, which has that one's interface."""

import json

import pytest
from givcfleet.paths import DEFAULT_TOPOLOGY

pytestmark = pytest.mark.reference("issue 4: generations; REF 2.7")

TOOL = """#!/bin/sh
case "$1" in
get)
        echo '[{"generation": 3, "date": "2026-11-20", "nixosVersion": "26.05", "kernelVersion": "6.12",
                "specialisations": ["debug"], "current": true, "storePath": "/nix/store/x", "bootspec": {}}]';;
cachix)
        echo "token ${CACHIX_TOKEN:-none}" >/run/ota-update.token
        tr '\\0' ' ' </proc/$$/cmdline >/run/ota-update.words
        echo "fetching $2 from $4"
        echo "no such pin" >&2
        test "$2" = good;;
esac
"""
TOPOLOGY = json.loads(DEFAULT_TOPOLOGY.read_text(encoding="utf-8"))
TOPOLOGY["machines"]["ghaf-host"]["files"] = {"/usr/local/bin/ota-update.sh": TOOL}
TOPOLOGY["machines"]["ghaf-host"]["agent"]["capabilities"]["exec"]["commands"] = ["ota-update"]


@pytest.fixture(autouse=True)
def tool(lab):
    lab.exec("ghaf-host", "install", "-m", "755", "/usr/local/bin/ota-update.sh", "/usr/local/bin/ota-update")


def update(lab, pin):
    request = {"Cachix": {"Pin": pin, "Cache": "ghaf-dev", "Token": "hush"}}
    done = lab.ctl("call", "SetGeneration", json.dumps(request), check=False)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def test_list(lab):
    shown = json.loads(lab.ctl("call", "ListGenerations").stdout)
    assert shown == {"List": [{"Generation": 3, "Date": "2026-11-20", "NixosVersion": "26.05", "KernelVersion": "6.12",
                               "ConfigurationRevision": "unknown", "Specialisations": ["debug"], "Current": True,
                               "StorePath": "/nix/store/x"}]}


def test_update(lab):
    done, events = update(lab, "good")
    assert done.returncode == 0
    assert events[-1] == {"Finished": True}
    assert "".join(e.get("Output", "") for e in events) == "fetching good from ghaf-dev\n"
    assert lab.exec("ghaf-host", "cat", "/run/ota-update.token").stdout == "token hush\n"
    assert lab.exec("ghaf-host", "cat", "/run/ota-update.words").stdout.endswith("cachix good --cache ghaf-dev ")


def test_an_update_that_fails(lab):
    done, events = update(lab, "bad")
    assert done.returncode == 1 and "'ota-update' failed with 1 (InvalidArgument)" in done.stderr
    assert "".join(e.get("Error", "") for e in events) == "no such pin\n"
    assert events[-1] == {"Finished": True}
