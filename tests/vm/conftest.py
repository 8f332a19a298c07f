# SPDX-License-Identifier: Apache-2.0
"""One machine with a kernel of its own for all tests of this folder; of what failed the journal is shown."""

import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "fleet")]

from machine import Machine  # noqa: E402


@pytest.fixture(scope="session")
def machine():
    m = Machine()
    yield m
    m.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed and "machine" in getattr(item, "funcargs", {}):
        m = item.funcargs["machine"]
        since = f"-{int(time.time() - call.start) + 5}s"
        try:
            report.sections.append(("journal of the machine", m.journal("--since", since, "--output=short-monotonic")))
        except Exception:
            report.sections.append(("console of the machine", m.console()))
