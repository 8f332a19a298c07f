# SPDX-License-Identifier: Apache-2.0
"""Access rules in givc-admin and givc-agent as programs: what they refuse to start with, what they refuse to callers
and say of it, and what becomes of that when the file of rules changes under them."""

import contextlib
import os
import re
import signal
import socket

import grpc
import pytest
import test_admin
import test_agent
from certs import make_certs
from conftest import ROOT, WAIT, Client
from test_admin import channel_of, query, refusal, wait_until, watch
from test_agent import client_channel, configuration, get_status

import admin_pb2


daemon, machines = test_admin.daemon, test_admin.machines
agent_daemon, config = test_agent.daemon, test_agent.config  # fixtures
ADMIN_DENIED = (grpc.StatusCode.PERMISSION_DENIED, 'cedar: permission denied by admin access control policy')
AGENT_DENIED = (grpc.StatusCode.PERMISSION_DENIED, 'permission denied by access control policy')
LISTS = 'permit(principal == Source::"gui-vm", action, resource == Module::"admin");\n'
NOBODY = '// nobody\n'
BAD = 'permit(principal, action, resource);\npermit(principal action, resource);\n'
NEVER = 'forbid(principal, action, resource) when { context.nothing == 1 };\n'


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / 'rules.cedar'
    path.write_text(LISTS)
    return path


def replace(path, text):
    new = path.with_suffix('.new')
    new.write_text(text)
    os.replace(new, path)


def options(path, *more):
    return '--access-control', '--cedar-file', str(path), *more


def refused(function, *args):
    return refusal(function, *args)[:2]


def certificate_words(machines, name='admin-vm'):
    own = machines / name
    return ('--use-tls', '--ca-cert', str(own / 'ca-cert.pem'), '--host-cert', str(own / 'cert.pem'), '--host-key',
            str(own / 'key.pem'))


def test_admin_check(machines, rules):
    words = ('--check', *certificate_words(machines), *options(rules))
    good = test_admin.run(*words)
    assert good.returncode == 0
    assert f'Access rules: 1 from {rules}' in good.stderr and 'there is no' not in good.stderr
    rules.write_text(LISTS + 'permit(principal, action == Command::"StartVn", resource);\n')
    doubtful = test_admin.run(*words)
    assert doubtful.returncode == 0
    assert f"Access rules: {rules}:2:19: there is no method 'StartVn': did you mean 'StartVM'?" in doubtful.stderr
    rules.write_text(BAD)
    bad = test_admin.run(*words)
    assert bad.returncode == 2
    lines = bad.stderr.splitlines()
    assert re.search(rf'Access rules: {rules}:2:\d+: ', lines[0])
    assert lines[1].endswith('permit(principal action, resource);')
    assert lines[2].endswith('^')
    assert lines[2].rindex('^') == lines[1].index('action')
    assert test_admin.run(*words[1:]).returncode == 2
    rules.unlink()
    missing = test_admin.run(*words)
    assert missing.returncode == 2
    assert f'Access rules: {rules}: No such file or directory' in missing.stderr


def test_admin_without_tls(rules):
    done = test_admin.run(*options(rules))
    assert done.returncode == 2
    assert '--access-control: rules need to know who calls' in done.stderr


def test_agent_check(tmp_path, config, certs, rules):
    def check():
        return test_agent.run('-config', config(1, 2, certs / 'gui-vm', accessControl={
            'enable': True, 'rulesFile': str(rules)}), '--check')
    assert check().returncode == 0
    rules.write_text(BAD)
    bad = check()
    assert bad.returncode == 2
    assert f'Access rules: {rules}:2:' in bad.stderr
    assert bad.stderr.rstrip().endswith('^')
    rules.unlink()
    missing = check()
    assert missing.returncode == 2
    assert 'No such file or directory' in missing.stderr
    no_tls = test_agent.run('-config', config(1, 2, accessControl={'enable': True, 'rulesFile': str(rules)}))
    assert no_tls.returncode == 2
    assert 'access rules need TLS' in no_tls.stderr


def test_admin_asks(daemon, machines, rules):
    d = daemon(*options(rules), certificates=machines / 'admin-vm')
    with channel_of(machines, 'gui-vm', d.port) as gui, channel_of(machines, 'app-vm', d.port) as app:
        assert query(gui) == {}
        assert refused(query, app) == ADMIN_DENIED
        assert refused(lambda: next(watch(app))) == ADMIN_DENIED
    line = next(line for line in d.text().splitlines() if 'QueryList' in line)
    assert 'Refused app-vm (127.0.0.1), which called admin.AdminService/QueryList: no rule permits it' in line
    d.wait_until_said('calls: 1 allowed, 2 denied')


def test_a_file_without_rules_denies(daemon, machines, rules):
    rules.write_text(NOBODY)
    d = daemon(*options(rules), certificates=machines / 'admin-vm')
    assert 'so everything is denied' in d.text()
    for name in ('gui-vm', 'app-vm', 'admin-vm'):
        with channel_of(machines, name, d.port) as channel:
            assert refused(query, channel) == ADMIN_DENIED


def test_an_error_in_a_rule(daemon, machines, rules):
    """It is skipped, as Cedar has it, and logged; or it denies."""
    rules.write_text(LISTS + NEVER)
    d = daemon(*options(rules), certificates=machines / 'admin-vm')
    with channel_of(machines, 'gui-vm', d.port) as gui:
        assert query(gui) == {}
        assert f'policy1 ({rules}:2) cannot be evaluated: ' in d.text()
    assert d.stop()[0] == 0
    d = daemon(*options(rules, '--on-rule-error=deny'), certificates=machines / 'admin-vm')
    with channel_of(machines, 'gui-vm', d.port) as gui:
        assert refused(query, gui) == ADMIN_DENIED


def test_the_local_front_door_is_its_owners(daemon, machines, rules):
    rules.write_text(NOBODY)
    d = daemon(*options(rules), certificates=machines / 'admin-vm')
    ctl = Client(f'--admin=unix:{d.local}')
    assert ctl('list').returncode == 0
    replace(rules, 'forbid(principal == Source::"admin-vm", action == Command::"QueryList", resource);')
    wait_until(lambda: 'Access rules: 1' in d.text(), 'the reload')
    denied = ctl('list')
    assert denied.returncode != 0
    assert denied.stderr.count('cedar: permission denied by admin access control policy') == 1
    assert 'forbidden by policy0' in d.text()


@pytest.mark.parametrize('how', ['rename', 'in place', 'link', 'signal'])
def test_rules_change_while_calls_go_on(daemon, machines, rules, tmp_path, how):
    """The stream that was allowed goes on; what is asked for next is judged anew."""
    link = tmp_path / 'link.cedar'
    link.symlink_to(rules)
    d = daemon(*options(link), certificates=machines / 'admin-vm')

    def change(text):
        if how == 'link':
            other = tmp_path / f'other-{abs(hash(text))}.cedar'
            other.write_text(text)
            new = tmp_path / 'new-link'
            new.symlink_to(other)
            os.replace(new, link)
        elif how == 'in place':
            rules.write_text(text)
        else:
            replace(rules, text)
        if how == 'signal':
            d.process.send_signal(signal.SIGHUP)
    with channel_of(machines, 'gui-vm', d.port) as gui, channel_of(machines, 'app-vm', d.port) as app:
        stream = watch(gui)
        next(stream)
        change(LISTS.replace('gui-vm', 'app-vm') + '// more\n')

        def swapped():
            with contextlib.suppress(grpc.RpcError):
                return query(app) == {}
            return False
        wait_until(swapped, 'the new rules')
        assert refused(query, gui) == ADMIN_DENIED
        assert stream.is_active()
        change('permit(')
        wait_until(lambda: 'The access rules stay as they were' in d.text(), 'a complaint')
        assert query(app) == {}
        assert refused(query, gui) == ADMIN_DENIED
        assert stream.is_active()
    assert d.text().count('The access rules stay as they were') == 1


@pytest.mark.parametrize('what', ['pipe', 'device', 'directory', 'nothing', 'nowhere', 'too much', 'loop'])
def test_rules_that_are_no_file(daemon, machines, tmp_path, what):
    """They hold up nobody, and are told from the file that comes back."""
    path = tmp_path / 'rules/rules.cedar'
    path.parent.mkdir()
    path.write_text(LISTS)
    d = daemon(*options(path), certificates=machines / 'admin-vm')
    new = tmp_path / 'new'
    if what == 'pipe':
        os.mkfifo(new)
    elif what in ('device', 'loop'):
        new.symlink_to('/dev/zero' if what == 'device' else path)
    elif what == 'too much':
        new.write_text(LISTS * 100_000)
    path.unlink()
    if what == 'directory':
        path.mkdir()
    elif what == 'nowhere':
        path.parent.rmdir()
    elif what != 'nothing':
        os.replace(new, path)
    with channel_of(machines, 'gui-vm', d.port) as gui, channel_of(machines, 'app-vm', d.port) as app:
        wait_until(lambda: 'The access rules stay as they were' in d.text(), 'a complaint')
        assert query(gui) == {}
        assert refused(query, app) == ADMIN_DENIED
        if what == 'directory':
            path.rmdir()
        path.parent.mkdir(exist_ok=True)
        replace(path, NOBODY)
        wait_until(lambda: 'so everything is denied' in d.text(), 'the new rules')
        assert refused(query, gui) == ADMIN_DENIED
        replace(path, LISTS)
        wait_until(lambda: d.text().count('Access rules: 1') == 2, 'the old rules')


def test_a_crowd_of_denials_does_not_flood_the_journal(daemon, machines, rules):
    d = daemon(*options(rules), certificates=machines / 'admin-vm')
    with channel_of(machines, 'app-vm', d.port) as app:
        for _ in range(700):
            assert refused(query, app) == ADMIN_DENIED
    assert d.text().count('no rule permits it') <= 600
    d.wait_until_said('denied')


# Before a command: standard error is the journal's, whose socket is another.
WITH_JOURNAL = ('unshare', '--user', '--map-root-user', '--mount', 'sh', '-c',
                'mount -t tmpfs run /run && mkdir -p /run/systemd/journal && ln -s "$0" /run/systemd/journal/socket && '
                'export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) && exec "$@"')


def test_a_long_name_does_not_fill_the_journal(daemon, machines, rules, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / 'journal'))
        journal.settimeout(WAIT)
        rules.write_text('permit(principal, action, resource) when { context.VmName == "app-vm" };')
        d = daemon(*options(rules), certificates=machines / 'admin-vm',
                   prefix=(*WITH_JOURNAL, str(tmp_path / 'journal')))
        request = admin_pb2.ServiceRequest(ServiceName='x' * 3_000_000, VmName='y' * 500_000)
        with channel_of(machines, 'app-vm', d.port) as app:
            assert refused(test_admin.call, app, 'StopService', request, admin_pb2.ApplicationResponse) == ADMIN_DENIED
        entry = b''
        while b'GIVC_METHOD=admin.AdminService/StopService' not in entry:
            entry, fds, _, _ = socket.recv_fds(journal, 1 << 20, 1)
            assert not fds, 'an entry that is too large for a datagram'
        assert b'UNIT=xxx' in entry
        assert len(entry) < 16384


def access(rules, **more):
    return {'accessControl': {'enable': True, 'rulesFile': str(rules), **more}}


def test_agent_asks(agent_daemon, tmp_path, rules):
    """Rules name the callers, in place of the one admin."""
    make_certs(tmp_path / 'own', {name: ['127.0.0.1'] for name in ('gui-vm', 'admin-vm', 'app-vm')})
    rules.write_text('permit(principal == Source::"app-vm", action == Command::"GetUnitStatus", '
                     'resource == Module::"systemd") when { context.UnitName == "a.service" && '
                     'context.target.vm == "gui-vm" };\n')
    path = tmp_path / 'config.json'
    path.write_text(test_agent.json.dumps(configuration(
        test_agent.unused_port(), test_agent.unused_port(), tmp_path / 'own/gui-vm', **access(rules))))
    d = agent_daemon(str(path))
    d.wait_until_said('READY=1')
    with client_channel(tmp_path / 'own', 'app-vm', d.port) as app, \
            client_channel(tmp_path / 'own', 'admin-vm', d.port) as admin:
        with pytest.raises(grpc.RpcError) as e:
            get_status(app)
        assert e.value.code() != grpc.StatusCode.PERMISSION_DENIED  # there is no bus here
        assert refused(get_status, admin) == AGENT_DENIED
        assert refused(test_agent.check_health, app) == AGENT_DENIED
        replace(rules, 'permit(principal == Source::"admin-vm", action, resource);')
        wait_until(lambda: d.text().count('Access rules: 1') == 2, 'the reload')
        assert refused(get_status, app) == AGENT_DENIED
        assert test_agent.check_health(admin) == 1
    assert 'Refused admin-vm (127.0.0.1), which called systemd.UnitControlService/GetUnitStatus' in d.text()
    d.wait_until_said('denied')


def test_agent_denies_on_errors(agent_daemon, tmp_path, rules):
    make_certs(tmp_path / 'own', {name: ['127.0.0.1'] for name in ('gui-vm', 'admin-vm')})
    rules.write_text('permit(principal, action, resource);\n' + NEVER)
    path = tmp_path / 'config.json'
    path.write_text(test_agent.json.dumps(configuration(
        test_agent.unused_port(), test_agent.unused_port(), tmp_path / 'own/gui-vm', **access(rules, onError='deny'))))
    d = agent_daemon(str(path))
    d.wait_until_said('READY=1')
    with client_channel(tmp_path / 'own', 'admin-vm', d.port) as admin:
        assert refused(test_agent.check_health, admin) == AGENT_DENIED


def test_the_client_says_so(daemon, machines, rules):
    rules.write_text(NOBODY)
    d = daemon(*options(rules), certificates=machines / 'admin-vm')
    own = machines / 'gui-vm'
    done = Client('--addr', '127.0.0.1', '--port', str(d.port), '--name', 'admin-vm', '--cacert',
                  str(own / 'ca-cert.pem'), '--cert', str(own / 'cert.pem'), '--key', str(own / 'key.pem'))('list')
    assert done.returncode != 0
    assert 'cedar: permission denied by admin access control policy' in done.stderr


def test_every_method_is_in_the_matrix():
    rows = (ROOT / 'tests/unit/matrix.txt').read_text()
    missing = []
    for path in sorted((ROOT / 'proto').glob('*.proto')):
        text = path.read_text()
        package = re.search(r'^package (.*);', text, re.MULTILINE)[1]
        for service, body in re.findall(r'^service (\w+) \{(.*?)^\}', text, re.MULTILINE | re.DOTALL):
            missing += [name for method in re.findall(r'rpc (\w+)', body)
                        if f' {(name := f"{package}.{service}/{method}")} ' not in rows]
    assert not missing
