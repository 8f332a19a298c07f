# SPDX-License-Identifier: Apache-2.0
"""Two starts of one application never share an instance: the number is reserved before the agent is asked."""

import pytest
from api import ADMIN
from lab import wait_until

pytestmark = [pytest.mark.contract(9), pytest.mark.reference("R8")]
STARTS = 100


def start_many(lab, channels, n):
    futures = []
    for i in range(n):
        method = lab.api.bind(channels[i % len(channels)], ADMIN, "StartApplication")
        request = lab.api.message("admin.ApplicationRequest")(AppName="hold", VmName="app-vm")
        futures.append(method.future(request, timeout=120))
    return [f.result().registryId for f in futures]


def running(lab):
    shown = lab.session("systemctl", "--user", "list-units", "--plain", "--no-legend", "--state=active", "hold@*")
    return {line.split()[0] for line in shown.stdout.splitlines()}


def test_a_hundred_at_once_are_a_hundred(lab):
    with lab.channel("ghaf-host") as one, lab.channel("gui-vm") as other:
        instances = start_many(lab, (one, other), STARTS)
    assert len(set(instances)) == STARTS
    assert set(instances) == {f"hold@{i}.service" for i in range(STARTS)}, "the lowest numbers that are free"
    assert set(instances) == running(lab)
    assert {n for n in lab.names() if n.startswith("hold@")} == set(instances)
    lab.ctl("stop", "hold", timeout=120)
    wait_until(lambda: not set(instances) & lab.names())
    assert not running(lab)


def test_a_number_is_free_again_when_its_instance_has_ended(lab):
    first, second = lab.start_app(), lab.start_app()
    lab.session("systemctl", "--user", "kill", "-s", "KILL", first)
    wait_until(lambda: first not in lab.names())
    assert lab.start_app() == first
    lab.ctl("stop", "hold")
    wait_until(lambda: not {first, second} & lab.names())


def test_a_start_that_failed_leaves_its_number(lab):
    """Also one whose caller has gone: what runs is listed, and nothing is listed that does not run."""
    with lab.channel("ghaf-host") as channel:
        method = lab.api.bind(channel, ADMIN, "StartApplication")
        request = lab.api.message("admin.ApplicationRequest")(AppName="hold", VmName="app-vm")
        for future in [method.future(request, timeout=60) for _ in range(10)]:
            future.cancel()
    wait_until(lambda: {n for n in lab.names() if n.startswith("hold@")} == running(lab))
    app = lab.start_app()
    assert app in running(lab)
    lab.ctl("stop", "hold")
    wait_until(lambda: not running(lab))
    wait_until(lambda: not [n for n in lab.names() if n.startswith("hold@")])
