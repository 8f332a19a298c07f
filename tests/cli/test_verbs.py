# SPDX-License-Identifier: Apache-2.0
"""What each verb asks of the admin, prints, and ends with when all goes well."""

import json
import signal

import admin_pb2
import pytest
from admin import FLEET, as_before_us
from conftest import WAIT, Client

TABLE = """\
NAME                     STATE      SINCE      TYPE      DESCRIPTION
ghaf-host                Running    4 days ago host
└─givc-ghaf-host.service Running    4 days ago agent     givc agent
net-vm                   PoweredOff 3 days ago system VM MicroVM 'net-vm'
├─NetworkManager.service Running    1 day ago  service   Network Manager, with a
└─twin.service           Running    3h ago     service   Twin
app-vm                   Running    3h ago     app VM    MicroVM 'app-vm'
├─givc-app-vm.service    Running    3h ago     agent     givc agent
├─evil.service           Running    3h ago     service   clears?[2Jthe screen
├─twin.service           PoweredOff 4h ago     service   Twin
└─hold@0.service         Running    2h ago     app       Application service for

3 VMs, 7 units.
"""


def succeeds(result, stdout):
    assert (result.returncode, result.stderr, result.stdout) == (0, '', stdout)


def test_list_is_the_default(ctl):
    succeeds(ctl(COLUMNS='80'), TABLE)
    succeeds(ctl('list', COLUMNS='80'), TABLE)


def test_list_full(ctl):
    assert 'terminal of eighty columns\n' in ctl('list', '--full', COLUMNS='80').stdout
    assert 'terminal of eighty columns\n' in ctl('list').stdout  # not a terminal, no width


def test_list_without_legend(ctl):
    assert ctl('--no-legend', COLUMNS='80').stdout.splitlines() == TABLE.splitlines()[1:-2]


def test_list_patterns(ctl):
    succeeds(ctl('list', 'hold*', COLUMNS='80', LC_ALL='C'), """\
NAME             STATE      SINCE  TYPE      DESCRIPTION
app-vm           Running    3h ago app VM    MicroVM 'app-vm'
`-hold@0.service Running    2h ago app       Application service for hold

1 VM, 1 unit.
""")
    assert ctl('list', 'net-vm').stdout.count('service ') == 4
    succeeds(ctl('list', 'nothing-*'), '0 VMs, 0 units.\n')


def test_list_of_an_admin_before_ours(ctl, admin):
    admin.fleet = [as_before_us(e) for e in FLEET if e.Name != 'twin.service']
    succeeds(ctl(COLUMNS='80'), """\
NAME                     STATE      TYPE      DESCRIPTION
ghaf-host                Running    host
└─givc-ghaf-host.service Running    agent     givc agent
(no VM)                             system VM
├─NetworkManager.service Running    service   Network Manager, with a descriptio
└─evil.service           Running    service   clears?[2Jthe screen
net-vm                   PoweredOff system VM MicroVM 'net-vm'
app-vm                   Running    app VM    MicroVM 'app-vm'
├─givc-app-vm.service    Running    agent     givc agent
└─hold@0.service         Running    app       Application service for hold

3 VMs, 5 units.
""")
    assert ctl('status', 'net-vm').stdout.splitlines()[1] == '        VM: ghaf-host'


def test_list_json(ctl):
    shown = json.loads(ctl('list', '--json=short').stdout)
    assert [e['Name'] for e in shown['List']] == [e.Name for e in FLEET]
    assert shown['List'][0] == {
        'Name': 'hold@0.service', 'Description': 'Application service for hold', 'VmStatus': 'Running',
        'TrustLevel': 'Warning', 'VmType': 'AppVM', 'ServiceType': 'App', 'VmName': 'app-vm',
        'AgentName': 'givc-app-vm.service', 'Vm': 'app-vm', 'Since': str(FLEET[0].Since)}
    assert ctl('-j').stdout.count('\n') == 1
    assert ctl('--json=pretty').stdout.count('\n') > 50
    assert [e['Name'] for e in json.loads(ctl('-j', 'list', 'hold*').stdout)['List']] == ['hold@0.service']


def test_start(ctl, admin):
    succeeds(ctl('start', 'hold'), 'hold@0.service\n')
    assert admin.requests.get(timeout=WAIT) == ('StartApplication', admin_pb2.ApplicationRequest(AppName='hold'))


def test_start_with_everything(ctl, admin):
    succeeds(ctl('start', 'app', 'foot', '--vm', 'app-vm', '--', '-j', '--vm', 'x y', ''), 'foot@0.service\n')
    assert admin.requests.get(timeout=WAIT)[1] == admin_pb2.ApplicationRequest(
        AppName='foot', VmName='app-vm', Args=['-j', '--vm', 'x y', ''])


def test_start_an_application_called_app(ctl, admin):
    succeeds(ctl('start', 'app', 'app'), 'app@0.service\n')


def test_start_json(ctl):
    succeeds(ctl('-j', 'start', 'hold'), '{"registryId":"hold@0.service"}\n')


@pytest.mark.parametrize('verb, method', [('stop', 'StopApplication'), ('pause', 'PauseApplication'),
                                          ('resume', 'ResumeApplication')])
def test_act(ctl, admin, verb, method):
    succeeds(ctl(verb, 'hold@0.service'), '')
    assert admin.requests.get(timeout=WAIT) == (method, admin_pb2.ApplicationRequest(AppName='hold@0.service'))
    succeeds(ctl(verb, 'hold@0', '--vm=app-vm'), '')
    assert admin.requests.get(timeout=WAIT)[1] == admin_pb2.ApplicationRequest(
        AppName='hold@0.service', VmName='app-vm')
    succeeds(ctl(verb, 'hold'), '')
    assert admin.requests.get(timeout=WAIT)[1].AppName == 'hold'
    succeeds(ctl(verb, 'hold', '-j'), '{"CmdStatus":"Command successful.","AppStatus":"Command successful."}\n')


@pytest.mark.parametrize('words, asks', [
    (('hold@0',), {'UnitName': 'hold@0.service', 'VmName': 'app-vm', 'Signal': signal.SIGTERM}),
    (('-s', 'KILL', 'NetworkManager'), {'UnitName': 'NetworkManager.service', 'VmName': 'net-vm', 'Signal': 9}),
    (('-sSIGUSR1', 'hold@0.service'), {'UnitName': 'hold@0.service', 'VmName': 'app-vm', 'Signal': signal.SIGUSR1}),
    (('app-vm', '--signal=34'), {'UnitName': 'microvm@app-vm.service', 'VmName': 'ghaf-host', 'Signal': 34}),
    (('twin', '--vm', 'net-vm', '--kill-whom=main', '--signal', 'HUP'),
     {'UnitName': 'twin.service', 'VmName': 'net-vm', 'Signal': signal.SIGHUP, 'Whom': 'main'}),
    (('other.socket', '--vm=a-vm', '--kill-whom', 'control'),
     {'UnitName': 'other.socket', 'VmName': 'a-vm', 'Signal': signal.SIGTERM, 'Whom': 'control'}),
])
def test_kill(ctl, admin, words, asks):
    succeeds(ctl('kill', *words), '')
    requests = []
    while not admin.requests.empty():
        requests.append(admin.requests.get())
    assert requests[-1] == ('KillUnit', admin_pb2.KillUnitRequest(**asks))
    assert [method for method, _ in requests[:-1]] == ([] if '--vm' in ' '.join(words) else ['QueryList'])


def test_kill_json(ctl):
    assert json.loads(ctl('kill', 'hold@0', '-j').stdout)['ActiveState'] == 'active'


@pytest.mark.parametrize('words', [('hold@0.service',), ('hold@0',), ('app-vm', 'hold@0'), ('--vm=app-vm', 'hold@0')])
def test_status(ctl, words):
    succeeds(ctl('status', *words), """\
● hold@0.service - Application service for hold
        VM: app-vm
    Loaded: loaded
    Active: active (running)
""")


def test_status_of_a_vm_is_that_of_its_unit_on_the_host(ctl):
    result = ctl('status', 'net-vm')
    assert result.returncode == 3
    assert result.stdout == """\
○ microvm@net-vm.service - MicroVM 'net-vm'
        VM: ghaf-host
    Loaded: loaded
    Active: inactive (dead)
"""


@pytest.mark.parametrize('vm, status', [('net-vm', 0), ('app-vm', 3)])
def test_status_of_one_of_two(ctl, vm, status):
    for words in (('twin', '--vm', vm), (vm, 'twin')):
        result = ctl('status', *words)
        assert (result.returncode, result.stderr) == (status, '')
        assert f'twin.service - Twin\n        VM: {vm}\n' in result.stdout


def test_status_where_the_admin_does_not_tell_the_vm(ctl, admin):
    """As that of before us does with units of a VM's agent."""
    admin.fleet = [as_before_us(e) for e in FLEET if e.Name == 'NetworkManager.service']
    result = ctl('status', 'NetworkManager')
    assert (result.returncode, result.stdout) == (1, '')
    assert 'This admin does not tell which VM it is in; say so with --vm (FailedPrecondition).\n' in result.stderr
    assert [admin.requests.get(timeout=WAIT)[0] for _ in range(admin.requests.qsize())] == ['QueryList']


def test_status_of_an_agent(ctl):
    assert ctl('status', 'givc-app-vm').stdout.startswith('● givc-app-vm.service - givc agent\n        VM: app-vm\n')


@pytest.mark.parametrize('unit, status, dot, line', [
    ('paused', 0, '*', '   Freezer: frozen\n'), ('dead', 3, 'o', '    Active: inactive (dead)\n'),
    ('broken', 3, 'x', '    Active: failed (failed)\n'), ('none', 4, 'o', '    Loaded: not-found\n')])
def test_status_says_in_its_exit_status(ctl, unit, status, dot, line):
    result = ctl('status', 'app-vm', unit, LC_ALL='C')
    assert (result.returncode, result.stderr) == (status, '')
    assert result.stdout.startswith(f'{dot} {unit}.service')
    assert line in result.stdout


def test_status_watch(ctl, admin):
    status = ctl.spawn('status', '--watch', 'hold@0', '-j')
    assert json.loads(status.stdout.readline().removeprefix('\036'))['FreezerState'] == 'running'
    admin.events.put(admin_pb2.WatchItem(Updated=paused('twin.service')))  # nothing of this unit has changed
    admin.units['app-vm', 'hold@0.service'] = ('Hold', 'loaded', 'active', 'running', 'frozen')
    admin.events.put(admin_pb2.WatchItem(Updated=paused()))
    assert json.loads(status.stdout.readline().removeprefix('\036'))['FreezerState'] == 'frozen'
    status.send_signal(signal.SIGINT)
    assert status.communicate(timeout=WAIT) == ('', '')
    assert status.returncode == 0


def test_status_watch_ends_with_the_name(ctl, admin):
    status = ctl.spawn('status', '--watch', 'hold@0')
    assert status.stdout.readline().startswith('● hold@0.service')
    admin.fleet = admin.fleet[1:]
    admin.events.put(admin_pb2.WatchItem(Removed=paused()))
    assert 'Nothing is registered by that name (NotFound).' in status.communicate(timeout=WAIT)[1]
    assert status.returncode == 4


def test_status_json(ctl):
    assert json.loads(ctl('-j', 'status', 'hold@0').stdout) == {
        'Name': 'hold@0.service', 'Description': 'Application service for hold', 'LoadState': 'loaded',
        'ActiveState': 'active', 'SubState': 'running', 'Path': '/unit', 'FreezerState': 'running'}


def paused(name='hold@0.service'):
    entry = admin_pb2.QueryListItem()
    entry.CopyFrom(next(e for e in FLEET if e.Name == name))
    entry.VmStatus = 'Paused'
    return entry


def push(admin):
    """Updated, Removed, Added of hold, one Updated of something else, and a step that this client does not know."""
    hold, other = paused(), paused('NetworkManager.service')
    for event in (admin_pb2.WatchItem(Updated=hold), admin_pb2.WatchItem(), admin_pb2.WatchItem(Updated=other),
                  admin_pb2.WatchItem(Removed=hold), admin_pb2.WatchItem(Added=hold)):
        admin.events.put(event)


def test_watch(ctl, admin):
    push(admin)
    result = ctl('watch', '--limit=4')
    lines = [line.split(maxsplit=1) for line in result.stdout.splitlines()]
    assert (result.returncode, result.stderr) == (0, '')
    assert all(len(clock) == len('12:34:56.789') for clock, _ in lines)
    assert [rest for _, rest in lines][len(FLEET) - 1:] == [
        'present Running    app-vm/evil.service',
        'updated Paused     app-vm/hold@0.service',
        'updated Paused     net-vm/NetworkManager.service',
        'removed Paused     app-vm/hold@0.service',
        'added   Paused     app-vm/hold@0.service']


def test_watch_patterns(ctl, admin):
    push(admin)
    lines = ctl('watch', '--limit=3', 'hold*').stdout.splitlines()
    assert [line.split()[1] for line in lines] == ['present', 'updated', 'removed', 'added']


def test_watch_json_is_a_text_sequence(ctl, admin):
    push(admin)
    texts = ctl('watch', '--limit=3', 'hold*', '--json=short').stdout.split('\036')
    steps = [json.loads(t) for t in texts[1:]]
    assert texts[0] == '' and all(t.endswith('\n') for t in texts[1:])
    assert [list(s) for s in steps] == [['Initial'], ['Updated'], ['Removed'], ['Added']]
    assert [e['Name'] for e in steps[0]['Initial']['List']] == ['hold@0.service']
    assert steps[1]['Updated']['VmStatus'] == 'Paused'


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_watch_lives_until_it_is_ended(ctl, admin, number):
    watch = ctl.spawn('watch', 'hold*')
    assert 'present' in watch.stdout.readline()
    admin.events.put(admin_pb2.WatchItem(Updated=paused()))
    assert 'updated Paused' in watch.stdout.readline()  # at once, not when a buffer is full
    watch.send_signal(number)
    assert watch.communicate(timeout=WAIT) == ('', '')
    assert watch.returncode == 0
    assert admin.cancelled.wait(WAIT)


def test_watch_ends_with_its_reader(ctl, admin):
    watch = ctl.spawn('watch', 'hold*')
    watch.stdout.readline()
    watch.stdout.close()
    admin.events.put(admin_pb2.WatchItem(Updated=paused()))
    assert watch.wait(WAIT) == -signal.SIGPIPE
    watch.stderr.close()


def test_help_and_version():
    shown = Client()('--help')
    assert shown.returncode == 0 and shown.stderr == '' and len(shown.stdout.splitlines()) <= 60
    assert all(len(line) <= 80 for line in shown.stdout.splitlines())
    assert Client()('-h').stdout == shown.stdout
    assert Client()('--version').stdout.startswith('givcctl ')
