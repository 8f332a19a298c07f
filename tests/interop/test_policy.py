# SPDX-License-Identifier: Apache-2.0
"""Our decisions beside those of @cedar-policy/cedar-wasm: js/policy/ makes up what is asked, and compares."""

import json
import subprocess

import outside
import pytest

SCRIPTS = outside.ROOT / "tests/interop/js/policy"
ANSWERS = outside.BUILD / "tests/interop/policy-answers"
# Seed, first and count. `make oracle` goes on with as many as one likes.
RANGES = ("1:0:1000", "2:0:1000", "20261122:0:1000")

# Answers everything alike.
LIAR = """#!/usr/bin/python3
import sys
for line in sys.stdin.buffer:
    sys.stdin.buffer.read(sum(map(int, line.split())))
    print('{"decision": "deny", "reasons": [], "errors": []}', flush=True)
"""


def differ(*sources, program=ANSWERS):
    argv = ["node", SCRIPTS / "differ.js", program, *sources]
    run = subprocess.run(list(map(str, argv)), stdout=subprocess.PIPE, timeout=300, env=outside.node_environment(),
                         check=False)
    assert run.returncode in (0, 1)
    *differences, total = map(json.loads, run.stdout.splitlines())
    assert bool(run.returncode) == bool(total["differences"])
    return total, differences


@pytest.mark.parametrize("triples", RANGES)
def test_generated(triples):
    total, differences = differ(triples)
    assert not differences, json.dumps(differences[0], indent=2)
    assert all(total[k] > 50 for k in ("allowed", "denied", "policies_refused", "reasons", "errors")), total


def test_edges():
    """What people thought of: each is a line of js/policy/edges.jsonl."""
    total, differences = differ(SCRIPTS / "edges.jsonl")
    assert not differences, json.dumps(differences[0], indent=2)
    assert total["triples"] > 300


def test_differences_are_found(tmp_path):
    liar = tmp_path / "liar"
    liar.write_text(LIAR, encoding="ascii")
    liar.chmod(0o755)
    total, differences = differ("1:0:20", program=liar)
    assert total["differences"] >= 5
    assert len(differences) == total["differences"]
