# SPDX-License-Identifier: Apache-2.0
"""The security keys of the VM that has the screen, for others: through programs that really run there."""

import base64
import json
import time

import pytest
from lab import wait_until

pytestmark = pytest.mark.reference("issue 4: ctap")

PROGRAMS = "/usr/local/bin"


@pytest.fixture
def program(lab):
    """Makes the program that asks for what the key can do."""
    def make(script):
        lab.exec("gui-vm", "sh", "-c", f"cat > {PROGRAMS}/qctap-get-info; chmod 755 {PROGRAMS}/qctap-get-info",
                 stdin=None, input=f"#!/bin/sh\n{script}\n")
    yield make
    lab.exec("gui-vm", "rm", "-f", f"{PROGRAMS}/qctap-get-info")


def ask(lab, *args, payload=b"", timeout=30, what="ctap.GetInfo"):
    request = {"Req": what, "Args": args, "Payload": base64.b64encode(payload).decode()}
    return lab.ctl("call", f"--timeout={timeout}", "Ctap", json.dumps(request), check=False)


def running(lab):
    shown = lab.exec("gui-vm", "systemctl", "list-units", "--plain", "--no-legend", "givc-exec-*").stdout
    return [line.split()[0] for line in shown.splitlines()]


def test_the_key_answers(lab, program):
    program('printf "%s:" "$@"; cat; echo talk >&2; exit 1')         # a refusal by the key has a status of its own
    done = ask(lab, "a b", "$HOME", payload=b"\x00\xff")
    assert done.returncode == 0, done.stderr
    assert base64.b64decode(json.loads(done.stdout)["Output"]) == b"a b:$HOME:\x00\xff"


def test_failures_are_told(lab, program):
    done = ask(lab)
    assert done.returncode == 4 and "There is no program 'qctap-get-info' on this machine (NotFound)" in done.stderr
    program("echo first >&2; echo 'no key found' >&2; exit 3")
    done = ask(lab)
    assert done.returncode == 1
    assert "'qctap-get-info' has failed (exit-code, status 3): no key found (FailedPrecondition)" in done.stderr
    assert "(InvalidArgument)" in ask(lab, what="ctap.Reset").stderr


def test_who_leaves_leaves_nothing(lab, program):
    program("sleep 1000")
    begin = time.monotonic()
    assert ask(lab, timeout=2).returncode == 7
    assert time.monotonic() - begin < 20
    wait_until(lambda: not running(lab), 10, "the program to be gone")
