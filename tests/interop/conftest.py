# SPDX-License-Identifier: Apache-2.0
"""The echo server in both queue modes, and the ways to reach it."""

import pathlib
import sys

import grpc
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import outside  # noqa: E402


class Echo:
    """A server, and grpcio channels to it."""

    def __init__(self, folder, mode):
        self.authority = outside.Authority(folder).issue("client.test")
        self.port = outside.free_port()
        self.log = open(pathlib.Path(folder) / "server.log", "w+")
        self.socket = pathlib.Path(folder) / "socket"
        extra = ["--listen", f"unix:{self.socket}"]
        self.server = outside.echo_server(self.authority, self.port, mode, extra=extra, log=self.log)

    def channel(self, name="client.test", options=()):
        a = self.authority.issue(name) if name else None
        files = [self.authority.read("ca", ".crt")]
        if a:
            files += [a.read(name, ".key"), a.read(name, ".crt")]
        own = [("grpc.ssl_target_name_override", outside.SERVER_NAME), ("grpc.use_local_subchannel_pool", 1)]
        return grpc.secure_channel(f"127.0.0.1:{self.port}", grpc.ssl_channel_credentials(*files), [*own, *options])

    def stop(self):
        code = self.server.stop()
        self.log.close()
        return code


@pytest.fixture(scope="session", params=["driven", "threaded"])
def mode(request):
    return request.param


@pytest.fixture(scope="module")
def echo(mode, tmp_path_factory):
    e = Echo(tmp_path_factory.mktemp("echo"), mode)
    assert e.server.stats()["mode"] == mode
    yield e
    assert e.stop() == 0


@pytest.fixture(scope="module")
def channel(echo):
    with echo.channel() as c:
        yield c
