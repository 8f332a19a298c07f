# SPDX-License-Identifier: Apache-2.0
"""givcctl certs: an authority in a folder, what openssl says of what it makes, and daemons that take it."""

import json
import os
import re
import stat
import subprocess

import grpc
import pytest
from admin import Server
from conftest import SANITIZERS, WAIT, Client, environment

FAILED, USAGE = 1, 2


@pytest.fixture
def folder(tmp_path):
    return tmp_path / 'authority'


@pytest.fixture
def certs(folder):
    client = Client()

    def run(verb, *words):
        return client('certs', verb, f'--dir={folder}', *words)
    return run


@pytest.fixture
def authority(certs, folder):
    assert certs('init').returncode == 0
    return folder


def openssl(*words):
    return subprocess.run(['openssl', *map(str, words)], capture_output=True, text=True, timeout=WAIT, check=False)


def text_of(path):
    return openssl('x509', '-noout', '-text', '-in', path).stdout


def serial_of(path):
    return openssl('x509', '-noout', '-serial', '-in', path).stdout.strip().removeprefix('serial=').lower()


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def everything(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob('*')) if p.is_file()}


def test_authority_in_a_folder_that_is_not_there(certs, folder):
    """As /etc/givc is where nothing was set up."""
    assert certs('init', f'--dir={folder}/deep/er/').returncode == 0
    assert (mode(folder), mode(folder / 'deep'), mode(folder / 'deep/er')) == (0o755, 0o755, 0o700)


def test_authority(authority):
    assert (mode(authority), mode(authority / 'ca-key.pem'), mode(authority / 'ca-cert.pem')) == (0o700, 0o600, 0o644)
    text = text_of(authority / 'ca-cert.pem')
    assert 'CA:TRUE, pathlen:0' in text and 'prime256v1' in text and 'Certificate Sign, CRL Sign' in text
    listed = openssl('crl', '-in', authority / 'crl.pem', '-CAfile', authority / 'ca-cert.pem', '-noout', '-text')
    assert 'No Revoked Certificates' in listed.stdout and 'verify OK' in listed.stderr


def test_one_authority_a_folder(certs, authority):
    before = everything(authority)
    done = certs('init')
    assert done.returncode == FAILED and f'{authority}: File exists' in done.stderr
    assert everything(authority) == before


def test_issue(certs, authority):
    done = certs('issue', 'app-vm', '192.168.101.5', 'fd00::5')
    assert done.returncode == 0 and done.stdout.startswith(f'Issued {authority}/app-vm: valid until 20')
    own = authority / 'app-vm'
    assert sorted(p.name for p in own.iterdir()) == ['ca-cert.pem', 'cert.pem', 'crl.pem', 'key.pem']
    assert (mode(own), mode(own / 'key.pem'), mode(own / 'cert.pem')) == (0o700, 0o600, 0o644)
    text = text_of(own / 'cert.pem')
    assert 'DNS:app-vm, IP Address:192.168.101.5, IP Address:FD00:0:0:0:0:0:0:5' in text
    assert 'TLS Web Server Authentication, TLS Web Client Authentication' in text and 'CA:FALSE' in text
    for purpose in ('sslserver', 'sslclient'):
        verified = openssl('verify', '-x509_strict', '-purpose', purpose, '-CAfile', own / 'ca-cert.pem', '-CRLfile',
                           own / 'crl.pem', '-crl_check', own / 'cert.pem')
        assert verified.returncode == 0, verified.stderr


def test_each_gets_its_own(certs, authority):
    """Who is added does not touch the others."""
    assert certs('issue', 'a-vm').returncode == 0
    before = everything(authority / 'a-vm')
    assert certs('issue', 'b-vm').returncode == 0
    assert everything(authority / 'a-vm') == before
    assert (authority / 'b-vm/key.pem').read_bytes() != before['key.pem']
    done = certs('issue', 'a-vm')
    assert done.returncode == FAILED and f'{authority}/a-vm: File exists' in done.stderr
    assert everything(authority / 'a-vm') == before


@pytest.mark.parametrize('words, says', [
    (('../x',), "'../x' is not a host name"), (('a b',), "'a b' is not a host name"),
    (('*.vm',), "'*.vm' is not a host name"), (('a-vm', '10.0.0.256'), "'10.0.0.256' is not an IP address"),
    (('a-vm', '--lifetime=20y'), 'valid for longer than its authority'),
])
def test_orders_that_are_refused(certs, authority, words, says):
    before = everything(authority)
    done = certs('issue', *words)
    assert done.returncode == FAILED and says in done.stderr
    assert everything(authority) == before and sorted(p.name for p in authority.iterdir()) == [
        'ca-cert.pem', 'ca-key.pem', 'crl.pem']


@pytest.mark.parametrize('words', [('issue', 'a-vm', '--lifetime=soon'), ('issue', 'a-vm', '--lifetime=0'), ('issue',),
                                   ('renew', '../a'), ('revoke', '.'), ('revoke',), ('check', '--within=x')])
def test_usage(certs, authority, words):
    assert certs(*words).returncode == USAGE


def test_no_authority(certs, folder):
    for words in (('issue', 'a-vm'), ('renew',), ('revoke', 'a-vm'), ('show',), ('check',)):
        done = certs(*words)
        assert done.returncode == FAILED and f'{folder}' in done.stderr and 'No such file' in done.stderr
    assert not folder.exists()


def test_a_bad_name_without_an_authority(certs, folder):
    done = certs('issue', '../x')
    assert done.returncode == FAILED and "'../x' is not a host name" in done.stderr
    assert not folder.exists() and not folder.parent.joinpath('x').exists()


def test_what_is_broken_is_named(certs, authority):
    (authority / 'ca-key.pem').write_text('junk')
    done = certs('issue', 'a-vm')
    assert done.returncode == FAILED and f"{authority}: The authority's key cannot be read" in done.stderr
    assert not (authority / 'a-vm').exists()


def test_renew(certs, authority):
    certs('issue', 'a-vm', '10.0.0.1', '--lifetime=90d')
    own = authority / 'a-vm'
    key, first = (own / 'key.pem').read_bytes(), serial_of(own / 'cert.pem')
    os.chmod(own / 'key.pem', 0o640)
    os.chown(own / 'key.pem', 0, 4)
    done = certs('renew', 'a-vm')
    assert done.returncode == 0 and 'Renewed' in done.stdout
    assert serial_of(own / 'cert.pem') != first and (own / 'key.pem').read_bytes() == key
    assert (mode(own / 'key.pem'), os.stat(own / 'key.pem').st_gid) == (0o640, 4), 'who may read it still may'
    assert 'DNS:a-vm, IP Address:10.0.0.1' in text_of(own / 'cert.pem')
    assert openssl('x509', '-in', own / 'cert.pem', '-checkend', 89 * 86400).returncode == 0
    assert openssl('x509', '-in', own / 'cert.pem', '-checkend', 91 * 86400).returncode == 1
    assert certs('renew', '--new-key', '--lifetime=1w').returncode == 0
    assert (own / 'key.pem').read_bytes() != key
    assert openssl('x509', '-in', own / 'cert.pem', '-checkend', 8 * 86400).returncode == 1


def test_renew_what_ends_soon(certs, authority):
    certs('issue', 'long-vm')
    certs('issue', 'short-vm', '--lifetime=5d')
    before = serial_of(authority / 'long-vm/cert.pem')
    done = certs('renew', '--within=30d')
    assert done.returncode == 0 and 'short-vm' in done.stdout and 'long-vm' not in done.stdout
    assert serial_of(authority / 'long-vm/cert.pem') == before


def test_revoke(certs, authority):
    """Also those that were renewed, and those that are not there any more."""
    certs('issue', 'good-vm')
    certs('issue', 'bad-vm')
    serials = [serial_of(authority / 'bad-vm/cert.pem')]
    certs('renew', 'bad-vm')
    serials.append(serial_of(authority / 'bad-vm/cert.pem'))
    assert certs('revoke', 'bad-vm').returncode == 0
    assert not (authority / 'bad-vm/cert.pem').exists() and not (authority / 'bad-vm/key.pem').exists()
    lists = [openssl('crl', '-in', path, '-noout', '-text').stdout.lower() for path in
             (authority / 'crl.pem', authority / 'good-vm/crl.pem')]
    assert lists[0] == lists[1] and all(s in lists[0] for s in serials)
    assert serial_of(authority / 'good-vm/cert.pem') not in lists[0]
    assert certs('issue', 'bad-vm').returncode == 0, 'it may come back with another'
    assert certs('check').returncode == 0
    done = certs('revoke', 'other-vm')
    assert done.returncode == FAILED and 'other-vm/cert.pem: No such file' in done.stderr


def test_show(certs, authority):
    certs('issue', 'a-vm', '10.0.0.1')
    certs('issue', 'b-vm', '--lifetime=2d')
    lines = [line.split() for line in certs('show').stdout.splitlines()]
    assert lines[0] == ['NAME', 'ADDRESSES', 'EXPIRES', 'STATE', 'SERIAL']
    assert (lines[1][0], lines[1][1], lines[1][3]) == ('a-vm', '10.0.0.1', 'valid')
    assert lines[1][4] == serial_of(authority / 'a-vm/cert.pem')
    assert (lines[2][0], lines[2][2]) == ('b-vm', 'soon')
    shown = json.loads(certs('show', '--json=short', f'{authority}/a-vm', f'{authority}/ca-cert.pem').stdout)
    assert [c['name'] for c in shown] == ['a-vm', ''] and shown[0]['addresses'] == '10.0.0.1'


@pytest.mark.parametrize('spoil, says', [
    (lambda d: os.chmod(d / 'a-vm/key.pem', 0o644), 'a-vm/key.pem: everybody may use this key, its mode is 0644'),
    (lambda d: os.chmod(d / 'ca-key.pem', 0o604), 'ca-key.pem: everybody may use this key'),
    (lambda d: (d / 'a-vm/key.pem').unlink(), 'a-vm/key.pem: No such file'),
    (lambda d: (d / 'a-vm/key.pem').write_bytes((d / 'b-vm/key.pem').read_bytes()), 'a-vm: '),
    (lambda d: (d / 'a-vm').rename(d / 'c-vm'), "c-vm/cert.pem: is for 'a-vm', and its folder for 'c-vm'"),
    (lambda d: (d / 'a-vm/ca-cert.pem').write_bytes((d / 'b-vm/cert.pem').read_bytes()), 'was not signed by'),
    (lambda d: (d / 'a-vm/cert.pem').write_text('junk'), 'holds no certificate'),
], ids=['readable', 'readable-ca', 'missing', 'other-key', 'other-name', 'other-ca', 'junk'])
def test_check_names_what_is_wrong(certs, authority, spoil, says):
    certs('issue', 'a-vm')
    certs('issue', 'b-vm')
    done = certs('check')
    assert (done.returncode, done.stdout) == (0, 'Nothing is wrong with 2 certificates.\n')
    spoil(authority)
    done = certs('check')
    assert done.returncode == FAILED and says in done.stdout + done.stderr, done.stdout + done.stderr
    assert 'b-vm/' not in done.stdout.replace('b-vm/cert.pem:', '')


def test_check_time_and_revocation(certs, authority):
    certs('issue', 'a-vm', '--lifetime=40d')
    assert certs('check', '--within=30d').returncode == 0
    done = certs('check', '--within=41d')
    assert done.returncode == FAILED and re.search(r'a-vm/cert.pem: expires in (39|40) days\n', done.stdout)
    old = everything(authority / 'a-vm')
    certs('revoke', 'a-vm')
    for name in ('cert.pem', 'key.pem'):
        (authority / 'a-vm' / name).write_bytes(old[name])
    os.chmod(authority / 'a-vm/key.pem', 0o600)
    (authority / 'a-vm/crl.pem').write_bytes((authority / 'crl.pem').read_bytes())
    done = certs('check', f'{authority}/a-vm')
    assert done.returncode == FAILED and 'a-vm/cert.pem: is revoked' in done.stdout


def test_used(certs, authority):
    """Client and server of other makes take them."""
    for name in ('admin-vm', 'gui-vm'):
        certs('issue', name, '127.0.0.1')
    own = authority / 'admin-vm'
    pair = ((own / 'key.pem').read_bytes(), (own / 'cert.pem').read_bytes())
    server = Server('127.0.0.1:0', grpc.ssl_server_credentials([pair], (own / 'ca-cert.pem').read_bytes(), True))
    gui = authority / 'gui-vm'
    ctl = Client(f'--admin=tcp:127.0.0.1:{server.port}', '--name=admin-vm', f'--cacert={gui}/ca-cert.pem',
                 f'--cert={gui}/cert.pem', f'--key={gui}/key.pem')
    try:
        assert ctl('list').returncode == 0
    finally:
        server.stop()


def belong_together(own):
    keys = [openssl(*words).stdout for words in (('x509', '-noout', '-pubkey', '-in', own / 'cert.pem'),
                                                 ('pkey', '-pubout', '-in', own / 'key.pem'))]
    return keys[0] == keys[1] != ''


def killed(folder, call, at, *words):
    """Runs it, and kills it when it makes that system call for the at-th time: whether it did."""
    command = Client().command('certs', *words, f'--dir={folder}')
    inject = ['strace', '-qq', '-o/dev/null', f'-etrace={call}', f'-einject={call}:signal=KILL:when={at}']
    options = SANITIZERS.get('ASAN_OPTIONS', '') + ':detect_leaks=0'  # who is traced cannot look for leaks
    done = subprocess.run([*inject, *command], env=environment(ASAN_OPTIONS=options), capture_output=True,
                          timeout=WAIT, check=False)
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == -9


@pytest.mark.parametrize('call', ['rename', 'fsync', 'fchmod'])
def test_renewal_that_is_killed(certs, authority, call):
    """Wherever that is, either pair is there, but for one moment, which is told of; and whoever comes next ends it."""
    certs('issue', 'a-vm')
    certs('issue', 'b-vm')
    own, torn, at = authority / 'a-vm', 0, 1
    while killed(authority, call, at, 'renew', 'a-vm', '--new-key'):
        checked = certs('check', 'a-vm')
        left = [p.name for p in own.iterdir() if p.name.endswith('.next')]
        if not belong_together(own):
            torn += 1
            assert left == ['cert.pem.next'] and 'key.pem: does not belong to the certificate' in checked.stdout
        assert ('is of a renewal that was interrupted' in checked.stdout) == bool(left), checked.stdout
        assert certs('renew', 'b-vm').returncode == 0
        assert belong_together(own)
        done = certs('check')
        assert done.returncode == 0, done.stdout
        assert sorted(p.name for p in own.iterdir() if not p.name.endswith('.new')) == [
            'ca-cert.pem', 'cert.pem', 'crl.pem', 'key.pem']
        at += 1
    assert at > 4 and torn == (1 if call == 'rename' else 0)


def test_issue_that_is_killed(certs, authority):
    """It can be done again."""
    at = 1
    while killed(authority, 'rename', at, 'issue', f'vm{at}'):
        assert not (authority / f'vm{at}/cert.pem').exists()
        assert certs('issue', f'vm{at}').returncode == 0
        assert certs('check').returncode == 0
        at += 1
    assert at == 7


def at_once(folder, *commands):
    """All of them at the same time; their exit codes."""
    client = Client()
    running = [client.spawn('certs', verb, f'--dir={folder}', *words) for verb, *words in commands]
    for p in running:
        p.communicate(timeout=WAIT)
    return [p.returncode for p in running]


def test_many_at_once(certs, authority):
    """What one revokes another does not put back, and of two that issue one certificate one does."""
    names = [f'vm{i}' for i in range(12)]
    assert at_once(authority, *[('issue', name) for name in names]) == [0] * len(names)
    serials = {serial_of(authority / name / 'cert.pem') for name in names[:8]}
    codes = at_once(authority, *[(verb, name) for revoked, renewed in zip(names[:8], names[8:] * 2)
                                 for verb, name in (('revoke', revoked), ('renew', renewed))],
                    *[('issue', 'same')] * 4)
    assert codes[:16] == [0] * 16
    assert sorted(codes[16:]) == [0] + [FAILED] * 3
    for where in (authority, authority / 'vm9', authority / 'same'):
        text = openssl('crl', '-noout', '-text', '-in', where / 'crl.pem').stdout
        found = {s.lower().lstrip('0') for s in re.findall(r'Serial Number: (\w+)', text)}
        assert found == {s.lstrip('0') for s in serials}, where
