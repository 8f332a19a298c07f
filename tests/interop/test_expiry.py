# SPDX-License-Identifier: Apache-2.0
"""A certificate that expires while its connection is open takes the connection with it, and nobody else's."""

import time

import grpc
import outside
import pytest

pb, pb_grpc = outside.stubs()
LIFE = 5  # seconds, at least: certificates know no parts of them
DAY = 24 * 60 * 60


def test_expiry(echo):
    name = f"short{time.monotonic_ns()}.test"
    begin = time.monotonic()
    echo.authority.issue(name, days=(LIFE + 1) / DAY)
    with echo.channel() as others, echo.channel(name) as channel:
        before = echo.server.stats()["connections"]
        # Nobody says a word: what is watched is the clock.
        silent = pb_grpc.EchoStub(channel).Bidi(iter_forever(), timeout=30)
        stays = pb_grpc.EchoStub(others).Bidi(iter_forever(), timeout=30)
        next(silent)
        next(stays)
        assert echo.server.stats()["connections"] == before + 2
        with pytest.raises(grpc.RpcError) as e:
            next(silent)
        assert e.value.code() == grpc.StatusCode.UNAVAILABLE
        assert LIFE < time.monotonic() - begin < LIFE + 10
        echo.server.wait_stats(lambda s: s["connections"] == before + 1)
        assert stays.is_active()
        stays.cancel()


def iter_forever():
    yield pb.EchoRequest(text="x")
    time.sleep(20)
