# SPDX-License-Identifier: Apache-2.0
"""Starting, stopping and power: what is asked of the admin for services, VMs and the host, --wait and --no-block."""

import signal

import admin_pb2
import pytest
from admin import FLEET
from conftest import WAIT

USAGE, NO_SUCH_NAME, UNREACHABLE, TIMEOUT = 2, 4, 6, 7


def succeeds(result, stdout):
    assert (result.returncode, result.stderr, result.stdout) == (0, '', stdout)


def asked(admin):
    """What the admin was asked for, without the questions before it."""
    while (call := admin.requests.get(timeout=WAIT))[0] == 'QueryList':
        pass
    return call


def test_start_vm(ctl, admin):
    succeeds(ctl('start', 'vm', 'net-vm'), 'givc-net-vm.service\n')
    assert asked(admin) == ('StartVM', admin_pb2.StartVMRequest(VmName='net-vm'))


@pytest.mark.parametrize('verb, method, says', [('start', 'StartService', 'x.service\n'), ('stop', 'StopService', '')])
def test_services(ctl, admin, verb, method, says):
    succeeds(ctl(verb, 'service', '--vm', 'net-vm', 'x'), says)
    assert asked(admin) == (method, admin_pb2.ServiceRequest(ServiceName='x.service', VmName='net-vm'))
    succeeds(ctl(verb, 'service', 'NetworkManager'), says and 'NetworkManager.service\n')
    assert asked(admin)[1] == admin_pb2.ServiceRequest(ServiceName='NetworkManager.service', VmName='net-vm')
    succeeds(ctl(verb, 'service', 'suspend.target', '--vm=net-vm'), says and 'suspend.target\n')
    assert asked(admin)[1].ServiceName == 'suspend.target'
    succeeds(ctl(verb, 'NetworkManager.service'), says and 'NetworkManager.service\n')
    assert asked(admin) == (method, admin_pb2.ServiceRequest(ServiceName='NetworkManager.service', VmName='net-vm'))


def test_a_service_that_is_twice_or_nowhere(ctl, admin):
    result = ctl('stop', 'service', 'twin')
    assert result.returncode == 1
    assert result.stderr.startswith("Failed to stop service 'twin': It is in VM 'net-vm' and in VM 'app-vm'; ")
    assert ctl('start', 'service', 'unheard-of').returncode == NO_SUCH_NAME
    assert [admin.requests.get_nowait()[0] for _ in range(2)] == ['QueryList'] * 2 and admin.requests.empty()


def test_stop_vm_stops_its_unit_on_the_host(ctl, admin):
    succeeds(ctl('stop', 'vm', 'net-vm'), '')
    assert asked(admin) == ('StopService', admin_pb2.ServiceRequest(ServiceName='microvm@net-vm.service',
                                                                   VmName='ghaf-host'))


@pytest.mark.parametrize('verb', ['stop', 'pause', 'resume'])
def test_a_kind_may_be_said(ctl, admin, verb):
    succeeds(ctl(verb, 'app', 'hold@0'), '')
    assert asked(admin)[1] == admin_pb2.ApplicationRequest(AppName='hold@0.service')


@pytest.mark.parametrize('verb', ['poweroff', 'reboot', 'suspend'])
def test_power(ctl, admin, verb):
    succeeds(ctl(verb), '')
    assert asked(admin) == (verb.capitalize(), admin_pb2.Empty())


def test_suspend_has_no_time_to_be_back(ctl, admin):
    admin.power_is_slow = True
    suspend = ctl.spawn('suspend')
    asked(admin)
    assert suspend.poll() is None
    admin.cancelled.set()
    assert suspend.communicate(timeout=WAIT) == ('', '')
    assert suspend.returncode == 0


def test_refusals_name_the_kind(ctl):
    result = ctl('start', 'vm', 'late')
    assert result.returncode == TIMEOUT
    assert result.stderr.startswith("Failed to start vm 'late': VM 'late-vm' did not start within 60 s")


def test_no_block_leaves_the_call_behind(ctl, admin):
    succeeds(ctl('start', 'slow', '--no-block'), '')
    assert asked(admin)[1].AppName == 'slow'
    assert not admin.cancelled.is_set()
    admin.cancelled.set()


def test_no_block_says_what_is_answered_at_once(ctl):
    result = ctl('start', 'service', 'unheard-of', '--no-block')
    assert result.returncode == NO_SUCH_NAME
    assert "Failed to start service 'unheard-of': Nothing is registered" in result.stderr


def test_no_block_without_an_admin(ctl, server):
    server.stop()
    result = ctl('poweroff', '--no-block')
    assert result.returncode == UNREACHABLE
    assert result.stderr.startswith('Failed to power the host off: Cannot reach the admin')


def ended(admin, **event):
    admin.fleet = [e for e in admin.fleet if e.Name != 'hold@0.service']
    admin.events.put(admin_pb2.WatchItem(**event))


def test_wait_for_the_end(ctl, admin):
    start = ctl.spawn('start', 'hold', '--vm=app-vm', '--wait')
    assert start.stdout.readline() == 'hold@0.service\n'
    admin.events.put(admin_pb2.WatchItem(Updated=FLEET[1]))  # of somebody else
    assert asked(admin)[0] == 'StartApplication'
    assert asked(admin)[0] == 'Watch'
    assert admin.requests.get(timeout=WAIT)[0] == 'QueryList'
    assert start.poll() is None
    ended(admin, Removed=FLEET[0])
    assert start.communicate(timeout=WAIT) == ('', '')
    assert start.returncode == 0


def test_wait_for_what_has_ended_already(ctl, admin):
    admin.fleet = admin.fleet[1:]
    succeeds(ctl('start', 'hold', '--vm=app-vm', '--wait'), 'hold@0.service\n')


def test_wait_looks_at_the_vm(ctl):
    succeeds(ctl('start', 'hold', '--wait'), 'hold@0.service\n')  # it is app-vm's hold@0 that runs, not hold-vm's


def test_wait_for_a_service_that_is_off(ctl):
    succeeds(ctl('start', 'service', 'twin', '--vm=app-vm', '--wait'), 'twin.service\n')


def test_wait_no_longer_than(ctl, admin):
    result = ctl('start', 'hold', '--vm=app-vm', '--wait=1')
    assert (result.returncode, result.stdout) == (TIMEOUT, 'hold@0.service\n')
    assert '(DeadlineExceeded)' in result.stderr


def test_wait_is_interrupted(ctl, admin):
    start = ctl.spawn('start', 'hold', '--vm=app-vm', '--wait')
    start.stdout.readline()
    while asked(admin)[0] != 'Watch':
        pass
    start.send_signal(signal.SIGINT)
    _, err = start.communicate(timeout=WAIT)
    assert start.returncode == -signal.SIGINT
    assert err.startswith('Interrupted.')
