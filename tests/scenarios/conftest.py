# SPDX-License-Identifier: Apache-2.0
"""Every module of scenarios gets a fleet of its own: the default one, or that of TOPOLOGY, a path or the dictionary
that a topology file would hold. Before each test the fleet is whole; what failed shows the journals of the daemons."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "fleet"), str(Path(__file__).resolve().parents[1])]

from givcfleet.paths import DEFAULT_TOPOLOGY  # noqa: E402
from lab import TOOL, Lab  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "contract(point): the point of the contract that a scenario holds us to")


def topology_path(module, directory):
    wanted = getattr(module, "TOPOLOGY", DEFAULT_TOPOLOGY)
    if not isinstance(wanted, dict):
        return wanted
    path = directory / "topology.json"
    path.write_text(json.dumps(wanted), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def fleet(request, tmp_path_factory):
    path = topology_path(request.module, tmp_path_factory.mktemp("fleet"))
    up = subprocess.run([TOOL, "up", str(path), "--owner", str(os.getpid()), "--wait", "300"], text=True,
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if up.returncode != 0:
        pytest.fail(f"the fleet did not come up:\n{up.stdout}", pytrace=False)
    lab = Lab(path)
    try:
        yield lab
        crashes = lab.crashes()
    finally:
        lab.close()
        subprocess.run([TOOL, "down"], check=True)
    assert not crashes, "a daemon crashed, asserted or was reported by a sanitizer"


@pytest.fixture
def lab(fleet, request):
    """A fleet that is whole: every machine runs and is connected, every agent is registered."""
    fleet.heal_everything()
    if fleet.topology.admin:
        fleet.wait_until_registered()
    return fleet


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed and call.when in ("setup", "call") and "fleet" in item.fixturenames:
        journal = subprocess.run([TOOL, "logs", "--lines=60", "--identifier=givc-admin", "--identifier=givc-agent",
                                  "--priority=info"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 check=False)
        report.sections.append(("journals of the daemons", journal.stdout))
