# SPDX-License-Identifier: Apache-2.0
"""update: generations of the host, what a web server offers, the way to a system in a binary cache, and its token."""

import http.server
import json
import signal
import threading
from pathlib import Path

import admin_pb2
import pytest
from conftest import CTL, WAIT, Client

GENERATIONS = [
    admin_pb2.Generation(Generation=7, Date='2026-11-20 10:00:00', NixosVersion='26.05', KernelVersion='6.12.1',
                         ConfigurationRevision='abc', Specialisations=['debug', 'kiosk'], Current=True,
                         StorePath='/nix/store/a'),
    admin_pb2.Generation(Generation=6, Date='2026-11-01 10:00:00', NixosVersion='25.11\033[2J', KernelVersion='6.6',
                         ConfigurationRevision='unknown', StorePath='/nix/store/b"'),
]
OFFERS = [{'name': 'new', 'storePath': '/nix/store/n', 'current': True, 'pubKey': 'k:1', 'other': 1},
          {'name': 'old', 'storePath': '/nix/store/o', 'current': False, 'pubKey': 'k:1'}]
CURRENT = {k: v for k, v in OFFERS[0].items() if k != 'other'}


@pytest.fixture
def cli(server, tmp_path):
    (tmp_path / 'givc-cli').symlink_to(CTL)

    class Cli(Client):
        def command(self, *words):
            return [str(tmp_path / 'givc-cli'), *self.options, *words]

    return Cli('--addr', server.address.removeprefix('unix:'), '--port', '9001', '--name', 'admin-vm', '--notls')


@pytest.fixture
def web():
    """A server of updates: its answers by path, as (code, body)."""
    answers, slow = {}, threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.endswith('slow'):
                slow.wait(WAIT)
            code, body = answers.get(self.path, (404, b'none'))
            self.send_response(code)
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    s.daemon_threads = True
    s.answers, s.url = answers, f'http://127.0.0.1:{s.server_port}'
    answers['/update/ghaf-updates'] = (200, json.dumps(OFFERS).encode())
    threading.Thread(target=s.serve_forever).start()
    yield s
    slow.set()
    s.shutdown()
    s.server_close()


def test_list(ctl, admin):
    admin.generations = GENERATIONS
    done = ctl('update', 'list')
    assert (done.returncode, done.stderr) == (0, '')
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines == [
        ['GENERATION', 'CURRENT', 'DATE', 'NIXOS', 'KERNEL', 'REVISION', 'SPECIALISATIONS'],
        ['7', 'yes', '2026-11-20', '10:00:00', '26.05', '6.12.1', 'abc', 'debug', 'kiosk'],
        ['6', '2026-11-01', '10:00:00', '25.11?[2J', '6.6', 'unknown']]
    shown = json.loads(ctl('update', 'list', '--json=short').stdout)
    assert [g['Generation'] for g in shown['List']] == [7, 6]
    assert admin.requests.get(timeout=WAIT)[0] == 'ListGenerations'


def test_list_of_none(ctl, cli):
    assert ctl('update', 'list').stdout == ''
    assert cli('update', 'list').stdout == '[]\n'


def test_list_of_the_program_before_this_one(cli, admin):
    admin.generations = GENERATIONS
    assert cli('update', 'list').stdout == (
        '[Generation { generation: 7, date: "2026-11-20 10:00:00", nixos_version: "26.05", kernel_version: "6.12.1", '
        'configuration_revision: "abc", specialisations: ["debug", "kiosk"], current: true, '
        'store_path: "/nix/store/a" }, '
        'Generation { generation: 6, date: "2026-11-01 10:00:00", nixos_version: "25.11\\u{1b}[2J", '
        'kernel_version: "6.6", configuration_revision: "unknown", specialisations: [], current: false, '
        'store_path: "/nix/store/b\\"" }]\n')


@pytest.mark.parametrize('words, method', [(('list',), 'ListGenerations'), (('cachix', 'pin'), 'SetGeneration')])
def test_refusals(ctl, cli, admin, words, method):
    admin.refused = {method}
    done = ctl('update', *words)
    assert (done.returncode, done.stdout) == (5, '') and 'access control policy (PermissionDenied).' in done.stderr
    assert cli('update', *words).returncode == 1


def query(web, *words):
    """Of no admin at all."""
    return Client('--admin=unix:/none')('update', 'query', f'--source={web.url}', *words)


def test_query(web):
    done = query(web)
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout == json.dumps([CURRENT], separators=(',', ':')) + '\n'
    assert json.loads(query(web, '--current').stdout) == [CURRENT, OFFERS[1]]
    assert query(web, '--raw').stdout == '/nix/store/n\n'
    assert query(web, '--raw', '--current').stdout == '/nix/store/n\n/nix/store/o\n'


def test_query_of_another_pin_and_path(web):
    web.answers['/base/update/a.b'] = (200, b'[]')
    done = Client()('update', 'query', f'--source={web.url}/base/', '--pin-name=a.b')
    assert (done.returncode, done.stdout) == (0, '[]\n')


def test_query_of_the_program_before_this_one(cli, web):
    done = cli('update', 'query', '--source', web.url, '--raw')
    assert (done.returncode, done.stderr, done.stdout) == (0, '', '/nix/store/n\n')


def test_query_takes_no_escape_from_a_server(web):
    web.answers['/update/evil'] = (200, json.dumps([OFFERS[0] | {'storePath': '/nix\033[2J\n/x'}]).encode())
    assert query(web, '--raw', '--pin-name=evil').stdout == '/nix?[2J?/x\n'


@pytest.mark.parametrize('code, body, status, words', [
    (404, b'', 4, 'the server answers 404 (NotFound)'), (410, b'', 4, 'the server answers 410 (NotFound)'),
    (401, b'', 5, 'the server answers 401 (PermissionDenied)'), (403, b'', 5, 'the server answers 403'),
    (500, b'', 1, 'the server answers 500'), (200, b'', 1, 'is no list of updates'),
    (200, b'{}', 1, 'is no list of updates'), (200, b'[1]', 1, 'is no list of updates'),
    (200, b'[{"name": "x"}]', 1, 'is no list of updates'),
    pytest.param(200, b'[' + b' ' * 1024 * 1024 + b']', 1, 'larger than it may be', id='large')])
def test_query_fails(cli, web, code, body, status, words):
    web.answers['/update/bad'] = (code, body)
    done = query(web, '--pin-name=bad')
    assert (done.returncode, done.stdout) == (status, '') and words in done.stderr
    assert cli('update', 'query', '--source', web.url, '--pin-name=bad').returncode == 1
    assert done.stderr.startswith('Failed to ask for updates: ')


def test_query_in_vain(web):
    done = query(web, '--pin-name=slow', '--timeout=1')
    assert done.returncode == 7 and 'has not answered in time (DeadlineExceeded)' in done.stderr
    for nowhere in ('http://127.0.0.1:1', 'http://host.invalid'):
        done = Client()('update', 'query', f'--source={nowhere}')
        assert (done.returncode, done.stdout) == (6, '')


def test_query_without_libcurl(web, tmp_path):
    """Nothing else needs it: it is not loaded before."""
    for name in ('libcurl.so.4', 'libcurl-gnutls.so.4'):
        (tmp_path / name).write_bytes(b'')
    assert Client()('--version', LD_LIBRARY_PATH=str(tmp_path)).returncode == 0
    done = Client()('update', 'query', f'--source={web.url}', LD_LIBRARY_PATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, '') and done.stderr.startswith('Cannot load libcurl: ')


def test_query_interrupted(web):
    query = Client().spawn('update', 'query', f'--source={web.url}', '--pin-name=slow')
    while 'SigCgt' not in (status := Path(f'/proc/{query.pid}/status').read_text()) or blocked(status) == 0:
        pass
    query.send_signal(signal.SIGINT)
    assert query.communicate(timeout=WAIT) == ('', 'Interrupted.\n')
    assert query.returncode == -signal.SIGINT


def blocked(status):
    return int(next(line for line in status.splitlines() if line.startswith('SigBlk')).split()[1], 16)


@pytest.mark.parametrize('words, said', [
    (('list', 'x'), "'x' is too much: update list"), ((), 'needs more'),
    (('rollback',), "'rollback' is none of list, query and cachix."),
    (('query',), 'needs --source=URL'), (('query', '--source=file:///etc/passwd'), 'needs --source=URL'),
    (('query', '--source=http://h/?x'), 'needs --source=URL'), (('cachix',), 'needs more: update cachix PIN'),
    (('query', '--source=http://h', '--pin-name=../x'), '--pin-name=../x'),
    (('query', '--source=http://h', '--pin-name='), '--pin-name=')])
def test_usage(ctl, admin, words, said):
    done = ctl('update', *words)
    assert (done.returncode, done.stdout) == (2, '') and said in done.stderr
    assert admin.requests.empty()


def cachix(**fields):
    return admin_pb2.SetGenerationRequest(Cachix=admin_pb2.Cachix(**fields))


def test_cachix(ctl, admin):
    done = ctl('update', 'cachix', 'pin')
    assert (done.returncode, done.stdout, done.stderr) == (0, 'fetching\ndone\n', 'clears?[2Jthe screen\n')
    assert admin.requests.get(timeout=WAIT)[1] == cachix(Pin='pin', Cache='ghaf-dev')
    assert ctl('update', 'cachix', 'pin', '--cache=c', '--cachix-host=h', CACHIX_TOKEN='secret').returncode == 0
    assert admin.requests.get(timeout=WAIT)[1] == cachix(Pin='pin', Cache='c', CachixHost='h', Token='secret')


def test_cachix_fails(ctl):
    done = ctl('update', 'cachix', 'broken')
    assert (done.returncode, done.stdout) == (1, 'fetching\ndone\n')
    assert "Failed to update the host's system to 'broken': 'ota-update' failed with 4 (Invalid" in done.stderr


def test_cachix_of_the_program_before_this_one(cli):
    done = cli('update', 'cachix', 'pin')
    assert (done.returncode, done.stdout) == (0, '') and 'fetching\n' in done.stderr


def test_output_comes_at_once_and_the_token_is_nowhere(ctl, admin):
    """Nor does one who leaves leave the update behind."""
    update = ctl.spawn('update', 'cachix', 'slow', '--token=secret', '--token', 'secret')
    assert update.stdout.readline() == 'fetching\n'
    assert admin.requests.get(timeout=WAIT)[1].Cachix.Token == 'secret'
    assert 'secret' not in Path(f'/proc/{update.pid}/cmdline').read_text()
    update.send_signal(signal.SIGINT)
    assert update.communicate(timeout=WAIT) == ('', 'Interrupted.\n')
    assert admin.cancelled.wait(WAIT)


def test_the_token_is_not_among_the_settings(ctl):
    assert 'secret' not in ctl('cat-config', CACHIX_TOKEN='secret').stdout
