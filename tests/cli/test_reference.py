# SPDX-License-Identifier: Apache-2.0
"""givc-cli: by that name the client reads and writes what the program before it did."""

import json
import signal

import admin_pb2
import pytest
from admin import FLEET, as_before_us
from conftest import WAIT, Cli, environment
from terminal import Terminal

OK, FAILED, USAGE = range(3)
HOLD = {'name': 'hold@0.service', 'description': 'Application service for hold', 'status': 'Running',
        'trust_level': 'Warning', 'vm_type': 'AppVM', 'service_type': 'App', 'vm_name': 'app-vm',
        'agent_name': 'givc-app-vm.service'}
HOLD_TEXT = '''\
    QueryResult {
        name: "hold@0.service",
        description: "Application service for hold",
        status: Running,
        trust_level: Warning,
        vm_type: AppVM,
        service_type: App,
        vm_name: Some(
            "app-vm",
        ),
        agent_name: Some(
            "givc-app-vm.service",
        ),
    },
'''


def succeeds(result, stdout):
    assert (result.returncode, result.stderr, result.stdout) == (OK, '', stdout)


@pytest.mark.parametrize('words, instance, method', [
    (('app', '--vm', 'app-vm', 'foot'), 'foot@0.service', 'StartApplication'),
    (('--vm', 'app-vm', 'foot'), 'foot@0.service', 'StartApplication'),  # the oldest form
    (('vm', 'chrome-vm'), 'givc-chrome-vm.service', 'StartVM'),
    (('service', '--vm', 'net-vm', 'suspend.target'), 'suspend.target', 'StartService')])
def test_start(cli, admin, words, instance, method):
    succeeds(cli('start', *words), f'StartResponse {{ registry_id: "{instance}" }}\n')
    assert admin.requests.get(timeout=WAIT)[0] == method


def test_start_with_arguments(cli, admin):
    assert cli('start', 'app', '--vm', 'app-vm', 'foot', '--', '--a', 'b').returncode == OK
    assert admin.requests.get(timeout=WAIT)[1] == admin_pb2.ApplicationRequest(
        AppName='foot', VmName='app-vm', Args=['--a', 'b'])


@pytest.mark.parametrize('words, method', [
    (('stop', 'app', 'hold@0.service'), 'StopApplication'), (('stop', 'hold@0.service'), 'StopApplication'),
    (('stop', 'service', '--vm', 'net-vm', 'x.service'), 'StopService'), (('pause', 'hold'), 'PauseApplication'),
    (('resume', 'hold'), 'ResumeApplication'), (('poweroff',), 'Poweroff'), (('reboot',), 'Reboot'),
    (('suspend',), 'Suspend')])
def test_what_prints_nothing(cli, admin, words, method):
    succeeds(cli(*words), '')
    assert admin.requests.get(timeout=WAIT)[0] == method


def test_wakeup_always_fails(cli):
    result = cli('wakeup')
    assert (result.returncode, result.stdout) == (FAILED, '')
    assert result.stderr.startswith('Error: ')


@pytest.mark.parametrize('verb', ['query', 'query-list'])
def test_query_json(cli, verb):
    lines = cli(verb, '--as-json').stdout.splitlines()
    assert len(lines) == 1
    entries = json.loads(lines[0])
    assert entries[0] == HOLD
    assert list(entries[0]) == list(HOLD)
    assert [e['name'] for e in entries] == [e.Name for e in FLEET]


def test_query_takes_filters_and_ignores_them(cli):
    assert cli('query', '--as-json', '--by-type', '8', '--by-name', 'a', '--by-name', 'b').stdout == cli(
        'query', '--as-json').stdout


def test_query_of_names_that_are_unset(cli, admin):
    admin.fleet = [as_before_us(FLEET[0])]
    admin.fleet[0].ClearField('VmName')
    assert json.loads(cli('query-list', '--as-json').stdout) == [HOLD | {'vm_name': None}]
    assert '        vm_name: None,\n        agent_name: Some(\n' in cli('query-list').stdout


def test_query_text(cli, admin):
    admin.fleet = FLEET[:1]
    succeeds(cli('query-list'), f'[\n{HOLD_TEXT}]\n')
    admin.fleet = []
    succeeds(cli('query-list'), '[]\n')
    succeeds(cli('query-list', '--as-json'), '[]\n')


def test_query_is_not_obeyed_by_terminals(cli):
    assert 'description: "clears\\u{1b}[2Jthe screen"' in cli('query-list').stdout


def test_get_status(cli):
    succeeds(cli('get-status', 'app-vm', 'hold@0.service'),
             'UnitStatus { name: "hold@0.service", description: "Application service for hold", load_state: "loaded", '
             'active_state: "active", sub_state: "running", path: "/unit", freezer_state: "running" }')
    assert cli('get-status', 'app-vm', 'dead.service').returncode == OK  # what it is does not show in the exit status


def test_sysinfo(cli, admin):
    succeeds(cli('sysinfo'), 'Ghaf Version: 25.06\nSecure Boot: enabled\nDisk Encryption: unknown\n')
    admin.sysinfo.SecureBoot = False
    admin.sysinfo.DiskEncrypted = True
    succeeds(cli('sysinfo'), 'Ghaf Version: 25.06\nSecure Boot: disabled\nDisk Encryption: enabled\n')


def steps(admin):
    for step in (admin_pb2.WatchItem(Added=FLEET[0]), admin_pb2.WatchItem(), admin_pb2.WatchItem(Updated=FLEET[0]),
                 admin_pb2.WatchItem(Removed=FLEET[0])):
        admin.events.put(step)


def test_watch_json(cli, admin):
    steps(admin)
    result = cli('watch', '--as-json', '--limit', '3')
    assert (result.returncode, result.stderr) == (OK, '')
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {'UnitRegistered': HOLD}, {'UnitStatusChanged': HOLD}, {'UnitShutdown': HOLD}]


def test_watch_text_and_initial(cli, admin):
    admin.fleet = FLEET[:1]
    steps(admin)
    succeeds(cli('watch', '--initial', '--limit', '1'), f'[\n{HOLD_TEXT}]\nUnitRegistered(\n{HOLD_TEXT})\n')
    steps(admin)
    first = cli('watch', '--initial', '--as-json', '--limit', '1').stdout.splitlines()[0]
    assert json.loads(first) == [HOLD]


@pytest.mark.parametrize('words, stdout', [(('--initial',), f'[\n{HOLD_TEXT}]\n'), ((), '')])
def test_watch_of_no_event(cli, admin, words, stdout):
    admin.fleet = FLEET[:1]
    succeeds(cli('watch', *words, '--limit', '0'), stdout)


def test_watch_fails_when_the_stream_ends(cli, admin):
    admin.events.put(admin.END)
    result = cli('watch', '--as-json')
    assert (result.returncode, result.stdout) == (FAILED, '')
    assert result.stderr.startswith('Error: ')


@pytest.mark.parametrize('words, status', [
    (('hold@0.service',), OK), (('--vm', 'app-vm', 'hold@0.service'), OK), (('--type', '14', 'hold@0.service'), OK),
    (('--type', '0', 'givc-ghaf-host.service'), OK), (('--type', '7', 'microvm@net-vm.service'), OK),
    (('--vm', 'net-vm', 'hold@0.service'), FAILED), (('--type', '13', 'hold@0.service'), FAILED),
    (('--vm', 'app-vm', 'twin.service'), OK), (('hold',), FAILED), (('--type', '15', 'hold@0.service'), USAGE)])
def test_ensure(cli, words, status):
    result = cli('test', 'ensure', '--retry', '1', *words)
    assert (result.returncode, result.stdout) == (status, '')


def test_ensure_says_why(cli):
    assert 'of wrong type' in cli('test', 'ensure', '--retry', '9', '--type', '2', 'hold@0.service').stderr
    assert 'on wrong VM' in cli('test', 'ensure', '--retry', '9', '--vm', 'x', 'hold@0.service').stderr
    assert 'is not registered' in cli('test', 'ensure', '--retry', '2', 'x').stderr


def test_ensure_looks_again(cli, admin):
    admin.fleet = []
    ensure = cli.spawn('test', 'ensure', '--retry', '30', 'hold@0.service')
    assert admin.requests.get(timeout=WAIT)[0] == 'QueryList'
    admin.fleet = FLEET
    assert ensure.communicate(timeout=WAIT) == ('', '')
    assert ensure.returncode == OK


@pytest.mark.parametrize('words', [
    (), ('nonsense',), ('test', 'ensure', 'x'), ('test', 'other', '--retry=1', 'x'), ('get-status', 'app-vm'),
    ('query-list', 'x'), ('--port',), ('poweroff', '--nonsense')])
def test_usage(cli, words):
    result = cli(*words)
    assert (result.returncode, result.stdout) == (USAGE, '')
    assert result.stderr


@pytest.mark.parametrize('name', ['missing', 'denied', 'gone', 'late', 'old'])
def test_all_failures_are_one(cli, name):
    result = cli('start', 'app', '--vm', 'app-vm', name)
    assert (result.returncode, result.stdout) == (FAILED, '')
    assert result.stderr.startswith(f"Error: Failed to start app '{name}': ")
    if name == 'denied':
        assert 'permission denied by admin access control policy' in result.stderr


@pytest.mark.parametrize('words, method', [
    (('start', 'app', '--vm', 'app-vm', 'foot'), 'StartApplication'), (('start', 'vm', 'app-vm'), 'StartVM'),
    (('start', 'service', '--vm', 'net-vm', 'x.service'), 'StartService'), (('stop', 'app', 'foot'), 'StopApplication'),
    (('stop', 'service', '--vm', 'net-vm', 'x.service'), 'StopService'), (('pause', 'foot'), 'PauseApplication'),
    (('resume', 'foot'), 'ResumeApplication'), (('poweroff',), 'Poweroff'), (('reboot',), 'Reboot'),
    (('suspend',), 'Suspend'), (('sysinfo',), 'Sysinfo'), (('query',), 'QueryList'),
    (('query-list', '--as-json'), 'QueryList'), (('get-status', 'app-vm', 'hold@0.service'), 'GetUnitStatus'),
    (('watch', '--as-json', '--initial'), 'Watch'), (('test', 'ensure', '--retry', '3', 'x'), 'QueryList')])
def test_refusals_are_told_by_each_command(cli, admin, words, method):
    admin.refused = {method}
    result = cli(*words)
    assert (result.returncode, result.stdout) == (FAILED, '')
    assert result.stderr.startswith('Error: ') and 'permission denied by admin access control policy' in result.stderr


@pytest.mark.parametrize('port', ['0', '70000', 'x', ''])
def test_ports(tmp_path, port):
    result = Cli(tmp_path, '--addr', '127.0.0.1', '--port', port, '--name', 'a', '--notls')('query-list')
    assert (result.returncode, result.stdout) == (USAGE, '')


def test_vsock_goes_before_the_address(tmp_path):
    cli = Cli(tmp_path, '--addr', '127.0.0.1', '--port', '1', '--name', 'a', '--notls')
    for cid, number in ('2', 2), ('host', 2), ('local', 1):
        shown = json.loads(cli('--vsock', f'{cid}:9001', 'cat-config', '--json=short').stdout)
        assert shown['settings']['admin'] == {'value': f'vsock:{number}:9001', 'source': '--vsock'}
    assert cli('--vsock', 'nobody:1', 'query-list').returncode == USAGE


def test_options_stand_behind_as_well(cli, admin):
    succeeds(cli('start', 'app', 'foot', '--vm', 'app-vm'), 'StartResponse { registry_id: "foot@0.service" }\n')
    assert admin.requests.get(timeout=WAIT)[1] == admin_pb2.ApplicationRequest(AppName='foot', VmName='app-vm')
    succeeds(cli('stop', 'service', 'x.service', '--vm', 'net-vm'), '')
    assert admin.requests.get(timeout=WAIT)[1] == admin_pb2.ServiceRequest(ServiceName='x.service', VmName='net-vm')


def test_requests_are_what_is_said(cli, admin):
    """Names go to the admin as they are, and nothing is asked before."""
    for words, request in (
            (('start', 'vm', 'x-vm'), admin_pb2.StartVMRequest(VmName='x-vm')),
            (('start', 'service', '--vm', 'v', 'a.timer'), admin_pb2.ServiceRequest(ServiceName='a.timer', VmName='v')),
            (('stop', 'app', 'foot@0.service'), admin_pb2.ApplicationRequest(AppName='foot@0.service')),
            (('pause', 'foot@0.service'), admin_pb2.ApplicationRequest(AppName='foot@0.service')),
            (('resume', 'foot'), admin_pb2.ApplicationRequest(AppName='foot')),
            (('get-status', 'app-vm', 'dead.service'),
             admin_pb2.UnitStatusRequest(VmName='app-vm', UnitName='dead.service'))):
        assert cli(*words).returncode == OK
        assert admin.requests.get(timeout=WAIT)[1] == request
        assert admin.requests.empty()


def test_terminals_get_the_same(cli, admin):
    """No pager, no line of what is waited for."""
    env = environment(GIVC_PAGER='sed s/^/paged:/', GIVC_PAGERSECURE='0')
    listed = Terminal(cli.command('query-list', '--as-json'), env=env, streams=('stdout',))
    assert listed.finish() == OK
    assert json.loads(listed.shown)[0] == HOLD
    start = Terminal(cli.command('start', 'app', '--vm', 'app-vm', 'slow', '--timeout=2'), env=env)
    assert start.finish() == FAILED
    assert start.shown.startswith("Error: Failed to start app 'slow': ")


def test_no_admin(cli, server):
    server.stop()
    result = cli('query-list')
    assert (result.returncode, result.stdout) == (FAILED, '')
    assert result.stderr.startswith('Error: Failed to list the registry: Cannot reach the admin')


def test_no_certificates(tmp_path):
    cli = Cli(tmp_path, '--addr=127.0.0.1', '--port=1', '--name=x', '--cacert=/none', '--cert=/none', '--key=/none')
    result = cli('query-list')
    assert (result.returncode, result.stdout) == (FAILED, '')
    assert result.stderr.startswith('Error: Failed to query-list: /none')


def test_everything_from_the_environment(server, tmp_path):
    result = Cli(tmp_path)('query-list', '--as-json', GIVC_ADDR=server.address.removeprefix('unix:'), GIVC_PORT='9001',
                           GIVC_NAME='admin-vm', GIVC_NO_TLS='true', GIVC_LOG='info')
    assert json.loads(result.stdout)[0] == HOLD


def test_mutual_tls(tls_server, certs, tmp_path):
    own = certs / 'gui-vm'
    cli = Cli(tmp_path, '--addr', '127.0.0.1', '--port', str(tls_server.port), '--name', 'admin-vm', '--cacert',
              f'{own}/ca-cert.pem', '--cert', f'{own}/cert.pem', '--key', f'{own}/key.pem')
    assert json.loads(cli('query-list', '--as-json').stdout)[0] == HOLD


def test_interrupt_of_watch(cli, admin):
    watch = cli.spawn('watch', '--initial', '--as-json')
    watch.stdout.readline()
    watch.send_signal(signal.SIGINT)
    assert watch.communicate(timeout=WAIT) == ('', '')


def test_givcctl_takes_them_too(ctl, admin):
    steps(admin)
    assert json.loads(ctl('query-list', '--as-json').stdout)[0] == HOLD
    assert ctl('get-status', 'app-vm', 'hold@0.service').stdout.startswith('UnitStatus { name: "hold@0.service"')
    assert ctl('sysinfo').stdout.startswith('Ghaf Version: ')
    assert ctl('watch', '--as-json', '--limit=1').stdout.startswith('{"UnitRegistered":{"name":')
    assert ctl('test', 'ensure', '--retry=1', 'x').returncode == 4
    assert ('As givc-cli has them: query, query-list, get-status, get-stats, ctap, sysinfo, '
            'notify-user, wakeup, test.\n') in ctl('--help-all').stdout
