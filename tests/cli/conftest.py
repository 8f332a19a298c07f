# SPDX-License-Identifier: Apache-2.0
"""What tests of the client share: the program with a clean environment, an admin on a unix socket, one over TLS."""

import faulthandler
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get('B', 'build')
os.environ['GRPC_ENABLE_FORK_SUPPORT'] = '0'
sys.path[:0] = [str(BUILD / 'tests/cli'), str(ROOT / 'tests'), str(pathlib.Path(__file__).parent)]

import grpc  # noqa: E402
import pytest  # noqa: E402
from admin import Server  # noqa: E402
from certs import make_certs  # noqa: E402

CTL = str(BUILD / 'givcctl')
WAIT = 30  # seconds that nothing should ever need
# Before a command: a machine on which somebody else has taken all the watches of files that there are.
WITHOUT_INOTIFY = ('unshare', '--user', '--map-root-user', 'sh', '-c',
                   'echo 0 >/proc/sys/user/max_inotify_instances; exec "$@"', 'sh')
# What sanitizers say goes to files: they warn of every program with stacks of its own. Faults show in the exit status.
SANITIZERS = {f'{kind}_OPTIONS': f'log_path={BUILD}/tests/cli/sanitizer:exitcode=99' for kind in ('ASAN', 'UBSAN')}


def pytest_unconfigure():
    """A thread that a test forgot keeps Python from its end: say which, and fail, before the lane's time is over."""
    faulthandler.dump_traceback_later(WAIT, exit=True)


def environment(**variables):
    keep = ('GIVC_QUEUE',)  # forces a way of driving gRPC
    drop = ('GIVC_', 'COLUMNS', 'NO_COLOR', 'PAGER', 'LESS', 'SUDO', 'PKEXEC')
    env = {k: v for k, v in os.environ.items() if k in keep or not k.startswith(drop)}
    return env | {'LC_ALL': 'C.UTF-8', 'TERM': 'xterm', 'TZ': 'UTC', 'GIVC_PAGER': ''} | SANITIZERS | variables


class Client:
    """givcctl with the options that lead to one admin."""

    def __init__(self, *options):
        self.options = options

    def command(self, *words):
        return [CTL, *self.options, *words]

    def __call__(self, *words, **variables):
        return subprocess.run(self.command(*words), env=environment(**variables), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=WAIT, check=False)

    def spawn(self, *words, **variables):
        return subprocess.Popen(self.command(*words), env=environment(**variables), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Cli(Client):
    """The same by the name of the program before it: a link of that name in the directory."""

    def __init__(self, directory, *options):
        super().__init__(*options)
        self.link = directory / 'givc-cli'
        self.link.symlink_to(CTL)

    def command(self, *words):
        return [str(self.link), *self.options, *words]


@pytest.fixture
def server(tmp_path):
    s = Server(f'unix:{tmp_path}/admin.sock')
    s.address = f'unix:{tmp_path}/admin.sock'
    yield s
    s.stop()


@pytest.fixture
def admin(server):
    return server.admin


@pytest.fixture
def ctl(server):
    return Client(f'--admin={server.address}')


@pytest.fixture
def cli(server, tmp_path):
    path = server.address.removeprefix('unix:')
    return Cli(tmp_path, '--addr', path, '--port', '9001', '--name', 'admin-vm', '--notls')


@pytest.fixture(scope='session')
def certs(tmp_path_factory):
    directory = tmp_path_factory.mktemp('certs')
    make_certs(directory, {'admin-vm': ['127.0.0.1'], 'gui-vm': ['127.0.0.1']})
    make_certs(directory / 'foreign', {'gui-vm': ['127.0.0.1']})
    return directory


@pytest.fixture
def tls_server(certs):
    own = certs / 'admin-vm'
    pair = ((own / 'key.pem').read_bytes(), (own / 'cert.pem').read_bytes())
    credentials = grpc.ssl_server_credentials([pair], (own / 'ca-cert.pem').read_bytes(), require_client_auth=True)
    s = Server('localhost:0', credentials)
    yield s
    s.stop()
