# SPDX-License-Identifier: Apache-2.0
"""The way to the admin: where it is looked for, mutual TLS, and what is said when it cannot be reached."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest
from admin import Server
from conftest import CTL, WAIT, Client, environment

FAILED, USAGE, NO_PERMISSION, UNREACHABLE, TIMEOUT = 1, 2, 5, 6, 7


def identity(directory):
    return (f'--cacert={directory}/ca-cert.pem', f'--cert={directory}/cert.pem', f'--key={directory}/key.pem')


def test_mutual_tls(tls_server, certs):
    ctl = Client('--addr=127.0.0.1', f'--port={tls_server.port}', '--name=admin-vm', *identity(certs / 'gui-vm'))
    assert ctl('start', 'hold').stdout == 'hold@0.service\n'
    assert ctl(f'--admin=tcp:127.0.0.1:{tls_server.port}', 'start', 'hold').returncode == 0


def test_everything_from_the_environment(tls_server, certs):
    own = certs / 'gui-vm'
    files = {'GIVC_CA_CERT': 'ca-cert.pem', 'GIVC_HOST_CERT': 'cert.pem', 'GIVC_HOST_KEY': 'key.pem'}
    result = Client()('start', 'hold', GIVC_ADDR='127.0.0.1', GIVC_PORT=str(tls_server.port), GIVC_NAME='admin-vm',
                      **{variable: str(own / name) for variable, name in files.items()})
    assert (result.stdout, result.stderr) == ('hold@0.service\n', '')


def test_a_host_name_is_resolved(tls_server, certs):
    ctl = Client('--addr=localhost', f'--port={tls_server.port}', '--name=admin-vm', *identity(certs / 'gui-vm'))
    result = ctl('start', 'hold')
    assert (result.stdout, result.stderr) == ('hold@0.service\n', '')


def test_a_host_name_that_nobody_knows(certs):
    result = Client('--addr=nowhere.invalid', *identity(certs / 'gui-vm'))('list')
    assert result.returncode == UNREACHABLE
    assert result.stderr.startswith("Failed to list: Cannot resolve the admin's host 'nowhere.invalid': ")


def test_relative_file_names_are_of_the_working_directory(tls_server, certs):
    done = subprocess.run([CTL, '--addr=127.0.0.1', f'--port={tls_server.port}', '--name=admin-vm', *identity('gui-vm'),
                           'start', 'hold'], cwd=certs, env=environment(), capture_output=True, text=True, timeout=WAIT,
                          check=False)
    assert (done.stdout, done.stderr) == ('hold@0.service\n', '')


def test_the_wrong_name(tls_server, certs):
    ctl = Client('--addr=127.0.0.1', f'--port={tls_server.port}', '--name=other-vm', *identity(certs / 'gui-vm'))
    result = ctl('list')
    assert result.returncode == UNREACHABLE
    assert result.stderr.startswith('Failed to list the registry: Cannot reach the admin: ')
    assert 'name' in result.stderr.splitlines()[0]
    assert '--name' in result.stderr.splitlines()[1]


def test_a_certificate_of_another_authority(tls_server, certs):
    ctl = Client('--addr=127.0.0.1', f'--port={tls_server.port}', '--name=admin-vm',
                 *identity(certs / 'foreign/gui-vm'))
    result = ctl('list')
    assert (result.returncode, result.stdout) == (UNREACHABLE, '')
    assert tls_server.admin.requests.empty()


def test_plain_to_a_tls_port(tls_server):
    result = Client('--addr=127.0.0.1', f'--port={tls_server.port}', '--notls', '--timeout=20')('list')
    assert result.returncode == UNREACHABLE


def test_certificates_that_are_not_there(certs):
    result = Client('--addr=127.0.0.1', '--name=admin-vm', '--cacert=/nowhere/ca.pem')('list')
    assert result.returncode == FAILED
    assert result.stderr == "Failed to list: /nowhere/ca.pem: No such file or directory.\n"


def test_a_key_of_another_certificate(certs):
    own, other = certs / 'gui-vm', certs / 'admin-vm'
    result = Client('--addr=127.0.0.1', '--name=admin-vm', f'--cacert={own}/ca-cert.pem', f'--cert={own}/cert.pem',
                    f'--key={other}/key.pem')('list')
    assert result.returncode == FAILED
    assert 'key.pem' in result.stderr


def test_plain_tcp():
    server = Server('127.0.0.1:0')
    try:
        plain = Client('--addr=127.0.0.1', f'--port={server.port}', '--notls')
        assert plain('start', 'hold').stdout == 'hold@0.service\n'
        by_environment = Client(f'--admin=tcp:127.0.0.1:{server.port}')
        assert by_environment('start', 'hold', GIVC_NO_TLS='1').stdout == 'hold@0.service\n'
    finally:
        server.stop()


def test_relative_names_that_are_not_there(certs):
    result = Client('--addr=127.0.0.1', '--name=admin-vm', '--cacert=no-such-ca.pem')('list')
    assert result.returncode == FAILED
    assert result.stderr == "Failed to list: no-such-ca.pem: No such file or directory.\n"


def test_nobody_listens(tmp_path):
    result = Client(f'--admin=unix:{tmp_path}/admin.sock')('list')
    assert (result.returncode, result.stdout) == (UNREACHABLE, '')
    sentence, hint = result.stderr.splitlines()
    assert sentence.startswith('Failed to list the registry: Cannot reach the admin: ')
    assert sentence.endswith('No such file or directory (Unavailable).')
    assert hint.startswith('Hint: Where is the admin?')

    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        result = Client('--addr=127.0.0.1', f'--port={s.getsockname()[1]}', '--notls')('list')
    assert result.returncode == UNREACHABLE
    assert 'Connection refused (Unavailable).' in result.stderr


@pytest.fixture
def mute(tmp_path):
    """A socket that is accepted and says nothing."""
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(f'{tmp_path}/mute.sock')
        s.listen()
        s.settimeout(WAIT)
        yield s


def test_an_admin_that_says_nothing(mute):
    result = Client(f'--admin=unix:{mute.getsockname()}')('list', '--timeout=1')
    assert result.returncode == TIMEOUT
    assert 'Cannot reach the admin: no connection in time (DeadlineExceeded).' in result.stderr


def test_interrupt_before_the_admin_was_reached(mute):
    start = Client(f'--admin=unix:{mute.getsockname()}').spawn('start', 'hold')
    connection, _ = mute.accept()
    with connection:
        assert connection.recv(1)  # the client has begun to speak
        start.send_signal(signal.SIGINT)
        out, err = start.communicate(timeout=WAIT)
    assert (out, start.returncode) == ('', -signal.SIGINT)
    assert err == 'Interrupted before the admin was reached: nothing was asked of it.\n'


@pytest.mark.skipif(os.getuid() != 0, reason='becomes another user')
def test_a_socket_that_is_not_for_everybody(server, tmp_path):
    ctl = shutil.copy(CTL, tmp_path)  # the tree may be where others have no way in
    os.chmod(server.address.removeprefix('unix:'), 0o600)
    open_up(tmp_path)
    env = environment(ASAN_OPTIONS='exitcode=99')
    done = subprocess.run([ctl, f'--admin={server.address}', 'list'], env=env, user=65534, group=65534, extra_groups=[],
                          capture_output=True, text=True, timeout=WAIT, check=False, cwd='/')
    assert done.returncode == NO_PERMISSION
    assert "Hint: Members of the group 'givc' may use this socket" in done.stderr


def open_up(directory):
    """Lets everybody pass through the directories that pytest made for its user alone."""
    while directory.parent != directory and directory != pathlib.Path(tempfile.gettempdir()):
        os.chmod(directory, 0o755)
        directory = directory.parent
