# SPDX-License-Identifier: Apache-2.0
"""@grpc/grpc-js as a client of the runtime's server: the cases are js/client.js's."""

import json
import subprocess

import outside
import pytest

CASES = (
    "unary empty serverStream clientStream bidiHalfClose largestMessage oversizedMessage statusText errorDetails "
    "statusAfterReplies deadline cancel unknownMethod invalidUtf8 metadata identity concurrent health reflection "
    "wrongCertificates"
).split()


@pytest.fixture(scope="module")
def results(echo):
    a = echo.authority
    argv = ["node", outside.ROOT / "tests/interop/js/client.js", echo.port, a.path("ca", ".crt")]
    argv += [a.path("client.test", ".crt"), a.path("client.test", ".key")]
    run = subprocess.run(list(map(str, argv)), stdout=subprocess.PIPE, timeout=120, env=outside.node_environment())
    return json.loads(run.stdout)


@pytest.mark.parametrize("case", CASES)
def test_js(results, case):
    assert not results[case], results[case]


def test_no_case_is_missing(results):
    assert set(results) == set(CASES)


def test_nothing_is_left(echo, results):
    s = echo.server.wait_stats(lambda s: s["calls"] == 0 and s["connections"] == 0)
    assert s["fibers"] == 0 and s["lanes"] == 0
