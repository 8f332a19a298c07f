# SPDX-License-Identifier: Apache-2.0
"""is-online and show: answers for scripts."""

import json

import admin_pb2
import pytest
from admin import FLEET, UNITS, as_before_us
from conftest import WAIT

FAILED, NOT_RUNNING, NO_SUCH_NAME, TIMEOUT = 1, 3, 4, 7


@pytest.mark.parametrize('words, status, says', [
    (('app-vm',), 0, 'online\n'), (('ghaf-host',), 0, 'online\n'), (('net-vm',), NOT_RUNNING, 'offline\n'),
    (('hold@0',), 0, 'online\n'), (('twin', '--vm=net-vm'), 0, 'online\n'),
    (('twin', '--vm', 'app-vm'), NOT_RUNNING, 'offline\n'), (('givc-app-vm',), 0, 'online\n')])
def test_is_online(ctl, words, status, says):
    result = ctl('is-online', *words)
    assert (result.returncode, result.stdout, result.stderr) == (status, says, '')


def test_a_vm_without_its_agent_is_not_online(ctl, admin):
    admin.fleet = [e for e in FLEET if e.Name != 'givc-app-vm.service']
    assert ctl('is-online', 'app-vm').returncode == NOT_RUNNING
    admin.fleet = [e for e in FLEET if e.Name != 'microvm@app-vm.service']
    assert ctl('is-online', 'app-vm').returncode == 0


def test_is_online_of_an_admin_before_ours(ctl, admin):
    admin.fleet = [as_before_us(e) for e in FLEET]
    assert ctl('is-online', 'app-vm').returncode == 0
    assert ctl('is-online', 'net-vm').returncode == NOT_RUNNING


def test_is_online_of_nothing_and_of_two(ctl):
    result = ctl('is-online', 'unheard-of')
    assert (result.returncode, result.stdout) == (NO_SUCH_NAME, '')
    assert result.stderr.startswith("Failed to ask for 'unheard-of': Nothing is registered by that name (NotFound).")
    for words in (('is-online', 'twin'), ('is-online', 'twin', '--wait')):
        result = ctl(*words)  # one of them watches: Watch of this admin ends when its caller has left
        assert result.returncode == FAILED
        assert "in VM 'net-vm' and in VM 'app-vm'" in result.stderr


def test_waits_for_what_comes(ctl, admin):
    new = admin_pb2.QueryListItem()
    new.CopyFrom(next(e for e in FLEET if e.Name == 'givc-app-vm.service'))
    new.Name = new.AgentName = 'givc-new-vm.service'
    new.VmName = new.Vm = 'new-vm'
    new.VmStatus = 'PoweredOff'
    waiting = ctl.spawn('is-online', 'new-vm', '--wait')
    assert admin.requests.get(timeout=WAIT)[0] == 'Watch'
    admin.fleet = [*FLEET, new]
    admin.events.put(admin_pb2.WatchItem(Added=new))
    assert admin.requests.get(timeout=WAIT)[0] == 'QueryList'
    assert waiting.poll() is None
    new.VmStatus = 'Running'
    admin.events.put(admin_pb2.WatchItem(Updated=new))
    assert waiting.communicate(timeout=WAIT) == ('online\n', '')
    assert waiting.returncode == 0


def test_does_not_wait_for_what_is_there(ctl):
    assert ctl('is-online', 'app-vm', '--wait=20').stdout == 'online\n'


def test_waits_no_longer_than(ctl):
    result = ctl('is-online', 'unheard-of', '--wait=1')
    assert (result.returncode, result.stdout) == (TIMEOUT, '')
    assert result.stderr.startswith("Failed to wait for 'unheard-of': ")


def test_show(ctl):
    since = FLEET[0].Since
    assert ctl('show', 'hold@0').stdout == f"""\
Name=hold@0.service
Description=Application service for hold
VmStatus=Running
TrustLevel=Warning
VmType=AppVM
ServiceType=App
VmName=app-vm
AgentName=givc-app-vm.service
Vm=app-vm
Since={since}
LoadState=loaded
ActiveState=active
SubState=running
Path=/unit
FreezerState=running
"""


def test_show_json(ctl):
    shown = json.loads(ctl('-j', 'show', 'net-vm').stdout)
    assert (shown['Name'], shown['Vm'], shown['ActiveState']) == ('microvm@net-vm.service', 'ghaf-host', 'inactive')


def test_show_of_what_its_agent_does_not_tell(ctl, admin):
    del admin.units['app-vm', 'hold@0.service']
    result = ctl('show', 'hold@0')
    assert (result.returncode, result.stderr) == (0, '')
    assert 'VmStatus=Running\n' in result.stdout and 'LoadState' not in result.stdout
    assert ('app-vm', 'hold@0.service') in UNITS


def test_show_is_not_obeyed_by_terminals(ctl):
    assert 'Description=clears?[2Jthe screen\n' in ctl('show', 'evil').stdout


def test_show_of_nothing(ctl):
    result = ctl('show', 'unheard-of')
    assert (result.returncode, result.stdout) == (NO_SUCH_NAME, '')
    assert result.stderr.startswith("Failed to show 'unheard-of': Nothing is registered")
