# SPDX-License-Identifier: Apache-2.0
"""givcctl cat-config: settings, where they are from, the certificate, what looks wrong; without an admin."""

import datetime
import json

import pytest
from certs import Authority, make_certs
from conftest import Client

OK, FAILED, USAGE = range(3)


@pytest.fixture
def files(tmp_path):
    """The options for a certificate of 'gui-vm' at 192.168.101.3."""
    make_certs(tmp_path, {'gui-vm': ['192.168.101.3', 'fd00::1']})
    directory = tmp_path / 'gui-vm'
    (directory / 'key.pem').chmod(0o600)
    return {'cacert': directory / 'ca-cert.pem', 'cert': directory / 'cert.pem', 'key': directory / 'key.pem'}


def config(files, *words, **variables):
    done = Client(*(f'--{k}={v}' for k, v in files.items()))('cat-config', '--json=short', *words, **variables)
    assert done.stderr == '' and done.returncode in (OK, FAILED)
    answer = json.loads(done.stdout)
    assert (done.returncode == OK) == (answer['problems'] == [])
    return answer


def test_settings_say_where_they_are_from(files):
    answer = config(files, '--port=77', GIVC_ADDR='192.168.101.10', GIVC_NAME='admin-vm', GIVC_LOG='error')
    assert answer['settings'] == {
        'admin': {'value': 'tcp:192.168.101.10:77', 'source': '$GIVC_ADDR, --port'},
        'tls': {'value': 'yes', 'source': 'default'}, 'name': {'value': 'admin-vm', 'source': '$GIVC_NAME'},
        'cacert': {'value': str(files['cacert']), 'source': '--cacert'},
        'cert': {'value': str(files['cert']), 'source': '--cert'},
        'key': {'value': str(files['key']), 'source': '--key'},
        'timeout': {'value': '25 s to look, 120 s to act', 'source': 'default'},
        'colours': {'value': 'no', 'source': 'no terminal'}, 'log': {'value': 'error', 'source': '$GIVC_LOG'}}
    assert answer['problems'] == []


def test_certificate(files):
    certificate = config(files, '--addr=admin-vm')['certificate']
    assert {k: certificate[k] for k in ('principal', 'names', 'addresses', 'subject')} == {
        'principal': 'gui-vm', 'names': ['gui-vm'], 'addresses': ['192.168.101.3', 'fd00::1'], 'subject': 'CN=gui-vm'}
    begins, expires = (datetime.datetime.fromisoformat(certificate[k].rstrip('Z')) for k in ('begins', 'expires'))
    assert begins < expires and certificate['issuer'].startswith('CN=')


@pytest.mark.parametrize('words, variables, admin, tls, source', [
    ((), {}, 'unix:/run/givc/admin.sock', 'no', 'a unix socket'),
    (('--addr=h',), {'GIVC_ADMIN': 'unix:/x', 'GIVC_NO_TLS': 'yes'}, 'tcp:h:9001', 'no', '$GIVC_NO_TLS'),
    (('--vsock=2:9', '--notls'), {}, 'vsock:2:9', 'no', '--notls'),
    ((), {'GIVC_ADMIN': '/x/y'}, 'unix:/x/y', 'no', 'a unix socket')])
def test_ways_to_the_admin(words, variables, admin, tls, source):
    answer = config({}, *words, **variables)
    assert answer['settings']['admin']['value'] == admin
    assert answer['settings']['tls'] == {'value': tls, 'source': source}
    assert 'certificate' not in answer and 'cacert' not in answer['settings']
    assert [p.split(':')[0] for p in answer['problems']] == ([admin[5:]] if admin.startswith('unix:') else [])


def test_nothing_is_there(tmp_path):
    files = {name: tmp_path / name for name in ('cacert', 'cert', 'key')}
    answer = config(files, '--addr=10.0.0.1')
    assert answer['settings']['name'] == {'value': '', 'source': 'default'}
    assert answer['problems'] == ["TLS needs the admin's name: use --name=NAME or GIVC_NAME, or --notls."] + [
        f'{tmp_path}/{name}: No such file or directory' for name in files]


def test_a_key_of_somebody_else_and_for_everybody(files, tmp_path):
    make_certs(tmp_path / 'foreign', {'x': []})
    key = tmp_path / 'foreign/x/key.pem'
    key.chmod(0o604)
    assert config(files | {'key': key}, '--addr=a')['problems'] == [
        f'{key}: everybody may use it, its mode is 0604',
        f'{key}: does not belong to the certificate in {files["cert"]}']


def test_another_authority(files, tmp_path):
    make_certs(tmp_path / 'foreign', {'x': []})
    ca = tmp_path / 'foreign/ca-cert.pem'
    assert config(files | {'cacert': ca}, '--addr=a')['problems'] == [f'{files["cert"]}: was not signed by {ca}']


@pytest.mark.parametrize('days, says', [(5, 'expired on '), (12, 'expires in ')])
def test_time_runs_out(tmp_path, days, says):
    Authority('CA').issue('x', starts=-10, days=days).write(tmp_path)
    (tmp_path / 'key.pem').chmod(0o600)
    problems = config({'cacert': tmp_path / 'ca-cert.pem', 'cert': tmp_path / 'cert.pem', 'key': tmp_path / 'key.pem'},
                      '--addr=a')['problems']
    assert len(problems) == 1 and problems[0].startswith(f'{tmp_path}/cert.pem: {says}')


def test_an_address_that_is_none():
    answer = config({}, '--admin=nonsense')
    assert answer['settings']['admin'] == {'value': 'nonsense', 'source': '--admin'}
    assert 'nonsense' in answer['problems'][0]


def test_text(files):
    done = Client(*(f'--{k}={v}' for k, v in files.items()), '--addr=admin-vm')('cat-config')
    assert (done.returncode, done.stderr) == (OK, '')
    assert done.stdout.startswith('admin     tcp:admin-vm:9001 ')
    assert '\nThe own certificate:\n  principal  gui-vm\n' in done.stdout
    assert done.stdout.endswith('\nNothing looks wrong.\n')
    done = Client('--addr=a', '--key=/no\033[2J')('cat-config')
    assert done.returncode == FAILED
    assert '\n  /no?[2J: No such file or directory\n' in done.stdout


def test_what_is_wrong_with_the_command_line_is():
    assert Client()('cat-config', '--json=xml').returncode == USAGE
    assert Client()('cat-config', 'x').returncode == USAGE


def test_names_are_introspected_without_settings():
    done = Client('--addr=10.0.0.1')('introspect', 'stats.StatsService')
    assert (done.returncode, done.stderr) == (OK, '') and 'rpc GetStats' in done.stdout
