# SPDX-License-Identifier: Apache-2.0
"""logs, and the lines below a status: what is asked for, how it looks, and what is refused."""

import json
import os
import pty
import re
import signal
import subprocess
import time

import grpc
import pytest
from conftest import WAIT, environment
from journal_pb2 import JournalEntry

FAILED, USAGE, NO_SUCH_NAME = 1, 2, 4
START = 1_795_343_100  # Sun Nov 22 10:25:00 UTC 2026


def entry(message, seconds=0, **fields):
    defaults = {'Priority': 6, 'UnitName': 'foot@0.service', 'Identifier': 'foot', 'Pid': 77}
    return JournalEntry(Realtime=(START + seconds) * 1_000_000, Message=message, **defaults | fields)


@pytest.fixture
def journal(server):
    return server.serve_journal()


def asked(journal):
    return journal.requests.get(timeout=WAIT)


def test_lines(ctl, journal):
    journal.entries = [entry('one'), entry('two', 61, Identifier='', Pid=0), entry('first\n\tsecond\nthird', 62)]
    result = ctl('logs', 'foot-vm', 'foot')
    assert (result.returncode, result.stderr) == (0, '')
    assert result.stdout == ('Nov 22 10:25:00 foot-vm foot[77]: one\n'
                             'Nov 22 10:26:01 foot-vm unknown: two\n'
                             'Nov 22 10:26:02 foot-vm foot[77]: first\n'
                             '                                  \tsecond\n'
                             '                                  third\n')


def test_local_time(ctl, journal):
    journal.entries = [entry('one')]
    assert ctl('logs', 'foot-vm', TZ='Europe/Helsinki').stdout.startswith('Nov 22 12:25:00 ')


@pytest.mark.parametrize('options, lines', [
    ([], 10), (['-n', '3'], 3), (['--lines=0', '-f'], 0), (['-n', 'all'], None), (['--since=@1'], None),
    (['--since=@1', '-n5'], 5)])
def test_what_is_asked(ctl, server, journal, options, lines):
    if '-f' in options:
        with ctl.spawn('logs', 'app-vm', *options) as follower:
            request = asked(journal)
            follower.send_signal(signal.SIGINT)
            assert follower.wait(WAIT) == 0
        assert request.Follow
    else:
        assert ctl('logs', 'app-vm', *options).stdout == '-- No entries --\n'
        request = asked(journal)
        assert not request.Follow
    assert (request.VmName, request.UnitName) == ('app-vm', '')
    assert (request.Lines if request.HasField('Lines') else None) == lines
    assert request.Since == (1_000_000 if '--since=@1' in options else 0)


def test_a_unit_is_passed_on_as_it_is_said(ctl, journal):
    ctl('logs', 'app-vm', 'hold@0')
    assert asked(journal).UnitName == 'hold@0'


def test_since(ctl, journal):
    before = time.time()
    ctl('logs', 'app-vm', '--since', '1h 30min ago')
    assert before - 5400 <= asked(journal).Since / 1_000_000 <= time.time() - 5400


def test_following(ctl, journal):
    journal.entries = [entry('one')]
    with ctl.spawn('logs', 'foot-vm', '-f') as follower:
        assert follower.stdout.readline() == 'Nov 22 10:25:00 foot-vm foot[77]: one\n'
        follower.send_signal(signal.SIGINT)
        assert follower.wait(WAIT) == 0
        assert follower.stderr.read() == ''
    assert journal.left.wait(WAIT)


def test_json(ctl, journal):
    journal.entries = [entry('one\x1b'), entry('two', Cut=True, Cursor='s=1')]
    lines = ctl('logs', 'foot-vm', '--json=short').stdout.splitlines()
    first, second = (json.loads(line) for line in lines)
    assert (first['Message'], first['Priority'], first['UnitName']) == ('one\x1b', 6, 'foot@0.service')
    assert second['Cut'] and second['Cursor'] == 's=1'
    with ctl.spawn('logs', 'foot-vm', '-f', '--json=short') as follower:
        assert json.loads(follower.stdout.readline().removeprefix('\x1e'))['Pid'] == 77
        follower.send_signal(signal.SIGTERM)
    journal.entries = []
    assert ctl('logs', 'foot-vm', '--json=short').stdout == ''


def test_no_line_reaches_the_terminal_as_it_was_written(ctl, journal):
    journal.entries = [entry('a\x1b[2J\x07\tb\x9b', Identifier='x\x1b]0;y'), entry('long', Cut=True)]
    result = ctl('logs', 'foot-vm')
    assert 'x?]0;y[77]: a?[2J?\tb??\n' in result.stdout
    assert result.stdout.endswith(': long...\n')


def test_colours(ctl, journal):
    journal.entries = [entry(f'p{n}', Priority=n) for n in (0, 3, 4, 5, 6, 7, 99)]
    main, side = pty.openpty()
    try:
        process = subprocess.Popen(ctl.command('logs', 'foot-vm', '--no-pager'), stdout=side, env=environment(),
                                   stdin=subprocess.DEVNULL)
        assert process.wait(WAIT) == 0
        shown = os.read(main, 65536).decode()
    finally:
        os.close(main)
        os.close(side)
    assert re.findall(r': (?:\x1b\[(\d+)m)?p\d+', shown) == ['31', '31', '33', '1', '', '90', '']


@pytest.mark.parametrize('code, message, status', [
    (grpc.StatusCode.NOT_FOUND, "Unit 'secret.service' is not exposed by this agent.", NO_SUCH_NAME),
    (grpc.StatusCode.UNAVAILABLE, "Agent 'givc-foot-vm.service' cannot be reached: no.", FAILED),
    (grpc.StatusCode.FAILED_PRECONDITION, 'This machine keeps no journal.', FAILED)])
def test_refusals(ctl, journal, code, message, status):
    journal.failure = (code, message)
    result = ctl('logs', 'foot-vm', 'secret')
    assert (result.returncode, result.stdout) == (status, '')
    assert result.stderr.startswith(f"Failed to read the journal of 'secret' in VM 'foot-vm': {message[:-1]} (")


def test_an_admin_before_ours(ctl):
    result = ctl('logs', 'foot-vm')
    assert result.returncode == FAILED
    assert "journal of VM 'foot-vm'" in result.stderr and '(Unimplemented)' in result.stderr
    assert 'Hint: The admin, or the agent that it asked, is older than this client or not' in result.stderr


@pytest.mark.parametrize('options, says', [
    (['-n', 'x'], '--lines=x'), (['-n', '-1'], '--lines=-1'), (['-n', '4294967296'], '--lines='),
    (['--since=whenever'], '--since=whenever is no time'), (['--since='], '--since= is no time')])
def test_options_are_refused(ctl, options, says):
    result = ctl('logs', 'foot-vm', *options)
    assert (result.returncode, result.stdout) == (USAGE, '')
    assert says in result.stderr


def test_options_of_others(ctl):
    assert ctl('list', '-f').returncode == USAGE
    assert ctl('show', 'x', '--since=now').returncode == USAGE
    assert ctl('logs').returncode == USAGE


def test_status_shows_the_last_lines(ctl, journal):
    journal.entries = [entry('one'), entry('two')]
    result = ctl('status', 'hold@0')
    assert (result.returncode, result.stderr) == (0, '')
    status, lines = result.stdout.split('\n\n')
    assert status.endswith('Active: active (running)')
    assert lines == 'Nov 22 10:25:00 app-vm foot[77]: one\nNov 22 10:25:00 app-vm foot[77]: two\n'
    request = asked(journal)
    assert (request.VmName, request.UnitName, request.Lines) == ('app-vm', 'hold@0.service', 10)


def test_status_without_lines(ctl, journal):
    assert '\n\n' not in ctl('status', 'hold@0').stdout
    journal.entries = [entry('one')]
    asked(journal)
    assert 'one' not in ctl('status', 'hold@0', '--lines=0').stdout
    assert 'one' not in ctl('status', 'hold@0', '--json=short').stdout
    assert journal.requests.empty()
    journal.failure = (grpc.StatusCode.FAILED_PRECONDITION, 'This machine\x1b keeps no journal.')
    result = ctl('status', 'hold@0', '-n3')
    assert result.returncode == 0 and result.stdout.endswith('Active: active (running)\n')
    assert result.stderr == 'The journal cannot be shown: This machine? keeps no journal.\n'
    assert asked(journal).Lines == 3
    journal.failure = (grpc.StatusCode.UNIMPLEMENTED, 'The agent is an older one.')
    assert ctl('status', 'hold@0').stderr == ''


def test_status_of_an_admin_before_ours(ctl):
    result = ctl('status', 'hold@0')
    assert (result.returncode, result.stderr) == (0, '')
    assert result.stdout.endswith('Active: active (running)\n')
