# SPDX-License-Identifier: Apache-2.0
"""The client on a terminal: colours, width, JSON for people; and that logs stay out of the way."""

import json

from admin import item
from conftest import environment
from terminal import Terminal


def on_terminal(command, columns=80, **variables):
    """What the command writes to a terminal of that width."""
    terminal = Terminal(command, env=environment(**variables), streams=('stdout',), columns=columns)
    assert terminal.finish() == 0
    assert terminal.err == ''
    return terminal.shown.replace('\r\n', '\n')


def plain(text):
    for colour in ('\033[32m', '\033[33m', '\033[90m', '\033[0m'):
        text = text.replace(colour, '')
    return text


def test_table_is_coloured_and_fits(ctl):
    for columns in (60, 80, 132):
        shown = on_terminal(ctl.command('list'), columns)
        assert '\033[32mRunning' in shown and '\033[90mPoweredOff' in shown
        assert max(len(line) for line in plain(shown).splitlines()) <= columns


def test_full_does_not_shorten(ctl):
    assert 'terminal of eighty columns' in plain(on_terminal(ctl.command('list', '-l'), 60))


def test_no_colour_where_none_is_wanted(ctl):
    assert '\033' not in on_terminal(ctl.command('list'), NO_COLOR='1')
    assert '\033' not in on_terminal(ctl.command('list'), TERM='dumb')
    assert '\033' not in ctl('list').stdout
    assert '\033[32m' in on_terminal(ctl.command('list'), NO_COLOR='')


def test_status_and_watch_are_coloured(ctl):
    assert '\033[32m●' in on_terminal(ctl.command('status', 'hold@0'))


def test_json_is_for_people_on_a_terminal(ctl):
    shown = on_terminal(ctl.command('-j', 'status', 'hold@0'))
    assert shown.count('\n') > 5
    assert json.loads(shown)['Name'] == 'hold@0.service'


def test_logs_are_on_standard_error(ctl):
    result = ctl('start', 'hold', GIVC_LOG='debug')
    assert (result.returncode, result.stdout) == (0, 'hold@0.service\n')


def test_json_on_a_terminal(ctl, admin):
    """What terminals obey is escaped in JSON, too; programs read UTF-8."""
    admin.fleet[0].Description = text = 'clears\u009b2J\033[2J the scréen'
    try:
        shown = on_terminal(ctl.command('list', '--json=short'))
        assert shown.isascii() and '\033' not in shown
        assert json.loads(shown)['List'][0]['Description'] == text
        assert 'scréen' in ctl('list', '--json=short').stdout
    finally:
        admin.fleet[0].Description = 'Application service for hold'


def test_names_that_terminals_obey(ctl, admin):
    """The admin of the system before this one lets anybody register anything."""
    vm = 'e\033]0;x\a-vm'
    admin.fleet.append(item('trick.service', 'x', 'Running', 'AppVM', 'Svc', '', f'givc-{vm}.service', vm, 3))
    admin.units[vm, 'trick.service'] = ('Odd', 'loaded', 'active', 'running', 'running')
    try:
        for words in (('status', 'trick'), ('list',), ('show', 'trick'), ('stop', 'trick')):
            done = ctl(*words)
            assert '\033' not in done.stdout + done.stderr and '\a' not in done.stdout + done.stderr, words
        assert ctl('status', 'trick').returncode == 1
    finally:
        del admin.fleet[-1], admin.units[vm, 'trick.service']
