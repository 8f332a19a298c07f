# SPDX-License-Identifier: Apache-2.0
"""What the client says on a terminal while something takes long, and what goes on when one does not wait for it."""

import queue
import re
import signal
import socket
import time

import admin_pb2
import pytest
from admin import item
from conftest import WAIT, Client, environment
from terminal import Terminal

DELAY = 0.5  # seconds after which the client begins to speak
ERASED = '\r\033[K'
VM, AGENT = 'microvm@slow-vm.service', 'givc-slow-vm.service'


def on_terminal(command, **variables):
    return Terminal(command, env=environment(**variables))


def ended(terminal):
    """What was printed, and how it ended."""
    status = terminal.finish()
    return terminal.out, status


def boot(admin, state):
    """The unit of VM 'slow-vm' on the host has that state."""
    unit = item(VM, "MicroVM 'slow-vm'", state, 'AppVM', 'VM', 'slow-vm', VM, 'ghaf-host', 0)
    admin.fleet = [e for e in admin.fleet if e.Name != VM] + [unit]
    admin.events.put(admin_pb2.WatchItem(Updated=unit))


def register(admin):
    agent = item(AGENT, 'givc agent', 'Running', 'AppVM', 'Mgr', 'slow-vm', AGENT, 'slow-vm', 0)
    admin.fleet = [*admin.fleet, agent]
    admin.events.put(admin_pb2.WatchItem(Added=agent))


def test_cold_start(ctl, admin):
    boot(admin, 'PoweredOff')
    start = on_terminal(ctl.command('start', 'slow'))
    start.until(r'\rbooting slow-vm \(\d+ s\)\033\[K')
    boot(admin, 'Running')
    start.until(r'\rwaiting for the agent of slow-vm \(\d+ s\)\033\[K')
    register(admin)
    start.until(r'\rstarting slow \(\d+ s\)\033\[K')
    admin.cancelled.set()
    assert ended(start) == ('slow@0.service\n', 0)
    assert start.shown.endswith(ERASED) and '\n' not in start.shown


def test_seconds_pass(ctl, admin):
    start = on_terminal(ctl.command('start', 'vm', 'slow'))
    start.until(r'booting slow \(\d+ s\)')
    first = re.search(r'\d+', start.shown)[0]
    start.until(rf'booting slow \((?!{first} )\d+ s\)')
    admin.cancelled.set()
    assert ended(start) == ('givc-slow.service\n', 0)


@pytest.mark.parametrize('words, says', [
    (('stop', 'slow@0'), 'stopping slow@0'), (('start', 'service', '--vm=net-vm', 'slow'), 'starting slow'),
    (('pause', 'slow'), 'pausing slow'), (('resume', 'slow'), 'resuming slow')])
def test_other_verbs(ctl, admin, words, says):
    work = on_terminal(ctl.command(*words))
    work.until(rf'\r{says} \(\d+ s\)')
    admin.cancelled.set()
    assert ended(work)[1] == 0
    assert work.shown.endswith(ERASED)


@pytest.mark.parametrize('verb, says', [
    ('poweroff', 'powering off the host, 1 VM still runs'), ('reboot', 'rebooting the host, 1 VM still runs'),
    ('suspend', 'waiting for the resume of the host')])
def test_power(ctl, admin, verb, says):
    admin.power_is_slow = True
    work = on_terminal(ctl.command(verb))
    work.until(rf'\r{says} \(\d+ s\)')
    admin.cancelled.set()
    assert ended(work) == ('', 0)
    assert work.shown.endswith(ERASED)


def test_waiting_for_the_end(ctl, admin):
    start = on_terminal(ctl.command('start', 'hold', '--vm=app-vm', '--wait'))
    start.until('waiting for the end of hold@0.service')
    start.process.send_signal(signal.SIGINT)
    assert ended(start) == ('hold@0.service\n', -signal.SIGINT)
    assert start.shown.endswith(ERASED + "Interrupted. 'hold@0.service' goes on running; 'givcctl list' shows.\r\n")


def test_an_admin_that_does_not_answer(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / 'mute'))
        listener.listen()
        stop = on_terminal(Client(f'--admin=unix:{tmp_path}/mute').command('stop', 'foo'))
        stop.until(r'\rwaiting for the admin \(0 s\)')
        stop.process.send_signal(signal.SIGINT)
        assert ended(stop) == ('', -signal.SIGINT)
    assert stop.shown.endswith(f'{ERASED}Interrupted before the admin was reached: nothing was asked of it.\r\n')


def test_waiting_for_a_vm(ctl, admin):
    wait = on_terminal(ctl.command('is-online', 'slow-vm', '--wait'))
    wait.until('waiting for slow-vm')
    register(admin)
    assert ended(wait) == ('online\n', 0)


def test_a_failure_comes_on_a_line_of_its_own(ctl, admin):
    start = on_terminal(ctl.command('start', 'slow', '--timeout=2'))
    start.until('booting slow-vm')
    assert ended(start) == ('', 7)
    assert f"{ERASED}Failed to start 'slow': " in start.shown


@pytest.mark.parametrize('state, says', [
    ('PoweredOff', "VM 'slow-vm' goes on booting, 'slow' is not started"),
    ('Running', "VM 'slow-vm' runs, without its agent so far, 'slow' is not started")])
def test_interrupted(ctl, admin, state, says):
    boot(admin, state)
    start = on_terminal(ctl.command('start', 'slow'))
    start.until('booting' if state == 'PoweredOff' else 'waiting for the agent')
    start.process.send_signal(signal.SIGINT)
    assert ended(start) == ('', -signal.SIGINT)
    assert start.shown.endswith(f"{ERASED}Interrupted. {says}; 'givcctl list' shows.\r\n")
    assert admin.cancelled.wait(WAIT)


def test_an_admin_that_lets_nobody_watch(ctl, admin):
    admin.refused = {'Watch'}
    start = on_terminal(ctl.command('start', 'slow'))
    start.until(r'\rstarting slow \([1-9]\d* s\)')
    admin.cancelled.set()
    assert ended(start) == ('slow@0.service\n', 0)
    assert 'denied' not in start.shown


def test_it_fits_the_terminal(ctl, admin):
    name = 'slow@' + 'x' * 300
    stop = on_terminal(ctl.command('stop', name))
    stop.until(r'\rstopping slow@x+\033')
    admin.cancelled.set()
    ended(stop)
    assert max(map(len, re.findall(r'stopping [^\033]*', stop.shown))) < 80


def test_nothing_is_shown_elsewhere(ctl, admin):
    result = ctl('start', 'slow', '--timeout=2')
    assert result.returncode == 7 and result.stderr.startswith("Failed to start 'slow': ")
    assert admin.cancelled.wait(WAIT)
    admin.cancelled.clear()
    dumb = on_terminal(ctl.command('start', 'slow', '--timeout=2'), TERM='dumb')
    assert ended(dumb) == ('', 7)
    assert dumb.shown.startswith("Failed to start 'slow': ")
    assert [admin.requests.get_nowait()[0] for _ in range(2)] == ['StartApplication'] * 2 and admin.requests.empty()


def test_what_is_quick_needs_no_words(ctl, admin):
    """Whatever was slow because of the machine is not it."""
    deadline, was_quick = time.monotonic() + WAIT, False
    while not was_quick:
        assert time.monotonic() < deadline
        admin.requests = queue.Queue()
        begin = time.monotonic()
        start = on_terminal(ctl.command('start', 'hold'))
        assert ended(start) == ('hold@0.service\n', 0)
        was_quick = time.monotonic() - begin < DELAY
    assert start.shown == ''
    assert admin.requests.get(timeout=WAIT)[0] == 'StartApplication' and admin.requests.empty()
