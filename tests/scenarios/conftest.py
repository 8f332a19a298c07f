# SPDX-License-Identifier: Apache-2.0
"""Modules of scenarios play on the default fleet, or on that of TOPOLOGY: a path, the dictionary that a topology file
would hold, or None for no fleet. Before each test the fleet is whole; of what failed the journals are kept."""

import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "fleet"), str(HERE.parent)]

from fleets import FleetFailed, Fleets, daemon_messages, keep_journals, wanted_by  # noqa: E402
from givcfleet.paths import DEFAULT_TOPOLOGY  # noqa: E402
from lab import wait_until  # noqa: E402
from points import POINTS  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "contract(point, ...): the points of the contract that it holds us to")
    config.addinivalue_line("markers", "reference(place, ...): where else what it asks for is written")


def pytest_collection_modifyitems(items):
    """Modules that share a fleet come together, those that need none last: they may boot their own."""
    default = DEFAULT_TOPOLOGY.read_text(encoding="utf-8")
    order = [default]
    for item in items:
        wanted = wanted_by(item.module)
        if wanted is not None and wanted not in order:
            order.append(wanted)
        for mark in item.iter_markers("contract"):
            assert mark.args and set(mark.args) <= set(POINTS), f"{item.nodeid}: {mark} names no points of POINTS"
    order.append(None)
    items.sort(key=lambda item: order.index(wanted_by(item.module)))


@pytest.fixture(scope="session")
def fleets(tmp_path_factory):
    fleets = Fleets(tmp_path_factory.mktemp("fleet"))
    yield fleets
    fleets.down()


@pytest.fixture(scope="module")
def fleet(request, fleets):
    try:
        lab = fleets.get(wanted_by(request.module))
    except FleetFailed as e:
        pytest.fail(str(e), pytrace=False)
    yield lab
    crashes = lab.crashes()
    if crashes:
        fleets.down()                           # who comes next has a fleet that has not seen it
    assert not crashes, "a daemon crashed, asserted or was reported by a sanitizer"


@pytest.fixture(scope="module", autouse=True)
def none_is_left_to_those_who_need_none(request, fleets):
    if wanted_by(request.module) is None:
        fleets.down()


@pytest.fixture
def lab(fleet):
    """A fleet that is whole: every machine runs and is connected, every agent is registered."""
    fleet.heal_everything()
    if fleet.topology.admin:
        fleet.wait_until_registered()
        fleet.start_services()
    return fleet


@pytest.fixture
def app(lab):
    """An instance of the application that runs until it is stopped."""
    instance = lab.start_app()
    yield instance
    lab.ctl("stop", instance, check=False)
    wait_until(lambda: instance not in lab.names(), what=f"{instance} gone")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if call.when == "setup":
        item.began = time.time() - call.duration
    if report.failed and call.when in ("setup", "call") and getattr(item, "funcargs", {}).get("fleet"):
        report.sections.append(("journals of the daemons", daemon_messages(item.began)))
        place = keep_journals(item.funcargs["fleet"], item.nodeid.split("/scenarios/")[-1], item.began)
        report.sections.append(("journals of all machines are kept in", str(place)))
