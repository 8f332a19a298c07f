# SPDX-License-Identifier: Apache-2.0
"""The stall and storm test: waves of 220 connections come, work and vanish while sixteen others work on. Nothing may
stall, be lost or pile up, neither in the server nor in the client."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import outside  # noqa: E402

STORM = outside.BUILD / "tests/storm/storm"
WAVES = int(os.environ.get("STORM_WAVES", "12"))
STEADY = 16
WARM = 4  # waves until every pool has its size
HEAP_GROWTH_KB = 400  # a third of a kilobyte a connection
RSS_GROWTH_KB = 8192  # the heap settles in its fragments for about ten waves


def grown(side, key):
    """The least of the last waves against the least of the first ones: calls in progress come and go."""
    values = [x[key] for x in side]
    return min(values[-4:]) - min(values[WARM : WARM + 4])


def is_settled(stats, before):
    """What the wave brought is gone, and gRPC's threads have closed what was theirs."""
    fds = before[0]["fds"] if before else stats["fds"]
    return stats["connections"] == stats["lanes"] == STEADY and stats["handshakes"] == 0 and stats["fds"] <= fds


def warm_up(server, authority, port):
    """The first connection makes what is made once."""
    files = [authority.path("ca", ".crt"), authority.path("storm.test", ".crt"), authority.path("storm.test", ".key")]
    argv = [outside.CLIENT, "--connect", f"127.0.0.1:{port}", "--name", outside.SERVER_NAME]
    argv += [x for pair in zip(("--ca", "--cert", "--key"), files) for x in pair] + ["unary"]
    subprocess.run([str(x) for x in argv], check=True, stdout=subprocess.DEVNULL)
    server.wait_stats(lambda s: s["connections"] == s["lanes"] == 0)


@pytest.mark.parametrize("mode", ["driven", "threaded"])
def test_storm(mode, tmp_path):
    authority = outside.Authority(tmp_path).issue("storm.test")
    port = outside.free_port()
    files = [authority.path("ca", ".crt"), authority.path("storm.test", ".crt"), authority.path("storm.test", ".key")]
    argv = [STORM, port, *files, outside.SERVER_NAME, WAVES]
    servers, clients = [], []
    log = open(tmp_path / "server.log", "w+")
    with log, outside.echo_server(authority, port, mode, log=log) as server:
        warm_up(server, authority, port)
        fds = server.stats()["fds"]
        storm = subprocess.Popen(
            [str(x) for x in argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "GIVC_QUEUE": mode},
            text=True,
            bufsize=1,
        )
        try:
            for _ in range(WAVES):
                line = storm.stdout.readline()
                assert line, f"the storm ended early: {storm.wait(10)}"
                clients.append(json.loads(line))
                print(line, end="")
                assert clients[-1]["failed"] == clients[-1]["late"] == 0
                s = server.wait_stats(lambda s: is_settled(s, servers), 10)
                print(s)
                servers.append(s)
                storm.stdin.write("\n")
            last = json.loads(storm.stdout.readline())
            assert storm.wait(20) == 0, last
        finally:
            storm.kill()
            storm.communicate()
            log.seek(0)
            print(log.read())
        nothing = ("connections", "lanes", "calls", "fibers")
        server.wait_stats(lambda s: not any(s[k] for k in nothing) and s["fds"] <= fds)
        assert server.stop() == 0
    assert last["calls"] > WAVES * 300
    for side in (servers, clients):
        assert max(x["fds"] for x in side) == side[0]["fds"], [x["fds"] for x in side]
        assert all(x["lanes"] == STEADY for x in side)
        if outside.SANITIZED:
            continue
        assert grown(side, "heap_kb") < HEAP_GROWTH_KB, [x["heap_kb"] for x in side]
        assert grown(side, "rss_kb") < RSS_GROWTH_KB, [x["rss_kb"] for x in side]
