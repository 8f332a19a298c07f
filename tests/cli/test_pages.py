# SPDX-License-Identifier: Apache-2.0
"""Help, manual page and tables say the same, and the help fits a screen."""

import re
import subprocess

import pytest
from conftest import BUILD, ROOT, WAIT, Client

PAGE = (ROOT / 'man/givcctl.1.scd').read_text()
HELP = Client()('--help-all').stdout
SCREEN = Client()('--help').stdout


def section(title):
    return re.search(rf'^# {title}\n(.*?)(?=^# |\Z)', PAGE, re.M | re.S)[1]


def test_verbs():
    rows = re.findall(r'^        \{ "([a-z-]+)", \d, \w+, (.*)', (ROOT / 'src/ctl/verbs.c').read_text(), re.M)
    verbs = [name for name, rest in rows if 'VERB_REFERENCE' not in rest]
    before = [name for name, rest in rows if 'VERB_REFERENCE' in rest]
    assert re.search(r'^As givc-cli has them: (.*)\.$', HELP, re.M)[1].split(', ') == before and len(before) >= 6
    assert set(before) <= set(re.findall(r'\*([a-z-]+)\*', section('GIVC-CLI')))
    shown = re.findall(r'^  ([a-z][a-z-]+) ', HELP, re.M)
    assert shown == verbs and len(verbs) >= 7
    assert list(dict.fromkeys(re.findall(r'^\*([a-z-]+)\*', section('VERBS'), re.M))) == verbs


def test_help_of_a_verb_reads_alone():
    """What shares a line with others on the first screen is explained in words of its own."""
    for name in re.findall(r'^  ([a-z][a-z-]+) ', HELP, re.M) + ['sysinfo', 'wakeup']:
        head, rest = Client()(name, '-h').stdout.split('\n\n', 1)
        assert not re.match(r'(\w+ )?(it|its|them)\b', head.partition(': ')[2]), head
        assert ': ' in head or not rest.startswith(('  --', "'givcctl")), name


def lines_fit(text):
    return max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize('page', sorted((ROOT / 'man').glob('*.scd')), ids=lambda page: page.stem)
def test_code_fits_a_terminal(page):
    """Text is filled to the terminal's width, code is not; man(1) and scdoc indent it by 11 columns."""
    blocks = re.findall(r'^\t*```\n(.*?)^\t*```', page.read_text(), re.M | re.S)
    assert [line for block in blocks for line in block.splitlines() if len(line) > 80 - 11] == []


def test_first_screen():
    """One screen of 24 lines, every verb on it, in the order of the table."""
    assert len(SCREEN.splitlines()) <= 24 and lines_fit(SCREEN)
    lines = re.findall(r'^(?:\w+ +| {8})([a-z].*?)  ', SCREEN.split('\n\n')[1] + '\n', re.M)
    named = re.findall(r'^  ([a-z][a-z-]+) ', HELP, re.M)
    shown = [verb for line in lines for verb in re.match(r'[a-z-]+(?:, [a-z-]+)*', line)[0].split(', ')]
    assert shown == named
    assert set(re.findall(r'--[a-z-]+', SCREEN)) < set(re.findall(r'--[a-z-]+', HELP))


def test_help_of_each_verb():
    for verb in re.findall(r'^  ([a-z][a-z-]+) ', HELP, re.M):
        done = Client()(verb, '-h')
        assert (done.returncode, done.stderr) == (0, '')
        assert done.stdout.startswith(f'givcctl {verb}') and lines_fit(done.stdout), verb
        assert len(done.stdout.splitlines()) <= 24
    assert '--wait[=SEC]' in Client()('start', 'foo', '--help').stdout
    assert '--wait' not in Client()('stop', '-h').stdout
    unknown = Client()('strat', '-h')
    assert (unknown.returncode, unknown.stdout) == (2, '') and "did you mean 'start'?" in unknown.stderr


def test_options():
    shown = set(re.findall(r'--[a-z-]+', HELP)) - {'--'}
    documented = set(re.findall(r'^\*(?:-\w\*, \*)?(--[a-z-]+)', section('OPTIONS'), re.M))
    assert documented == shown and len(shown) >= 17
    assert set(re.findall(r'^  (-\w)\b', HELP, re.M)) == set(re.findall(r'^\*(-\w)\*', section('OPTIONS'), re.M))


def test_options_of_the_program_before_this_one():
    hidden = re.findall(r'\{ "([a-z-]+)", 0, [^,]+, NULL, FIELD\(\w+\), 0, NULL, NULL \}',
                        (ROOT / 'src/ctl/options.c').read_text())
    assert len(hidden) == 8
    assert {f'--{name}' for name in hidden} <= set(re.findall(r'\*(--[a-z-]+)\*', section('GIVC-CLI')))


def test_variables():
    read = set(re.findall(r'"((?:GIVC|CACHIX)_[A-Z_]+)"', (ROOT / 'src/ctl/options.c').read_text()))
    read |= set(re.findall(r'getenv\("(\w+)"\)', ''.join(f.read_text() for f in (ROOT / 'src/ctl').glob('*.c'))))
    assert set(re.findall(r'\*([A-Z_]{4,})\*', section('ENVIRONMENT'))) == read


def test_exit_statuses():
    known = re.findall(r'^ +CTL_\w+ = (\d+),', (ROOT / 'src/ctl/ctl.h').read_text(), re.M)
    assert re.findall(r'^\*(\d+)\*', section('EXIT STATUS'), re.M) == known


@pytest.mark.parametrize('program', ['givc-admin', 'givc-agent'])
def test_options_of_the_daemons(program):
    done = subprocess.run([BUILD / program, '--help'], capture_output=True, text=True, timeout=WAIT, check=True)
    page = (ROOT / f'man/{program}.8.scd').read_text()
    options = re.search(r'^# OPTIONS\n(.*?)(?=^# )', page, re.M | re.S)[1]
    documented = set(re.findall(r'\*(--[a-z-]+)', ''.join(re.findall(r'^\*.*$', options, re.M))))
    assert documented | {'--version'} == set(re.findall(r'--[a-z-]+', done.stdout)) | {'--version'}
    assert '--version' in documented
    assert lines_fit(done.stdout)


def test_limits_of_the_admin():
    page = ' '.join((ROOT / 'man/givc-admin.8.scd').read_text().split())
    helped = subprocess.run([BUILD / 'givc-admin', '--help'], capture_output=True, text=True, timeout=WAIT,
                            check=True).stdout
    for header, name, words in (('src/admin/registry.h', 'REGISTRY_AGENTS_MAX', '{} agents'),
                                ('src/admin/registry.h', 'REGISTRY_ENTRIES_PER_AGENT_MAX', '{} entries of one agent'),
                                ('src/admin/watch.h', 'WATCHES_MAX', '{} watchers'),
                                ('src/admin/config-policies.h', 'CONFIG_POLICIES_MAX', '{} policies of 16 MiB'),
                                ('src/libgivc/rpc/limits.h', 'RPC_CALLS_PER_PEER_MAX', '{} calls in progress'),
                                ('src/libgivc/rpc/limits.h', 'RPC_CONNECTIONS_PER_PEER_MAX', '{} connections of one'),
                                ('src/libgivc/rpc/limits.h', 'RPC_CONNECTIONS_MAX', '{} connections in all')):
        value = re.search(rf'#define {name}\s+(\d+)', (ROOT / header).read_text())[1]
        assert words.format(value) in page, name
        assert words.format(value) in helped or header.startswith('src/libgivc'), name


def test_overview_names_what_is_ours_on_the_wire():
    page = ' '.join((ROOT / 'man/givc.7.scd').read_text().split())
    ours = re.findall(r'^  optional \w+ (\w+) = (1\d\d);', (ROOT / 'proto/admin.proto').read_text(), re.M)
    assert len(ours) >= 2
    for field, number in ours:
        assert f'QueryListItem.{field}* (field {number})' in page
    poll = re.search(r'#define MONITOR_POLL_USEC +\((\d+)', (ROOT / 'src/admin/monitor.h').read_text())[1]
    assert f'every {poll} seconds' in page and '*UnitControlService/WatchUnits*' in page
