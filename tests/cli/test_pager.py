# SPDX-License-Identifier: Apache-2.0
"""What is long goes through a pager on a terminal; and what happens when nobody wants the rest."""

import signal
import subprocess

import pytest
from admin import item
from conftest import WAIT, environment
from terminal import Terminal

MARK = {'GIVC_PAGER': 'sed s/^/paged:/', 'GIVC_PAGERSECURE': '0'}


def shown(command, status=0, **variables):
    terminal = Terminal(command, env=environment(**variables), streams=('stdout',))
    assert (terminal.finish(), terminal.err) == (status, '')
    return terminal.shown.replace('\r\n', '\n')


@pytest.mark.parametrize('words, status', [
    (('list',), 0), (('status', 'hold@0'), 0), (('status', 'dead', '--vm=app-vm'), 3), (('show', 'hold@0'), 0),
    (('introspect', 'admin.AdminService'), 0), (('-j', 'list'), 0), (('--help-all',), 0), (('-h',), 0),
    (('start', '-h'), 0)])
def test_paged(ctl, words, status):
    lines = shown(ctl.command(*words), status, **MARK).splitlines()
    assert lines and all(line.startswith('paged:') for line in lines)


@pytest.mark.parametrize('words', [('start', 'hold'), ('is-online', 'app-vm'), ('call', 'QueryList'),
                                   ('--completion=bash',), ('--version',), ('--no-pager', 'list')])
def test_not_paged(ctl, words):
    assert 'paged:' not in shown(ctl.command(*words), **MARK)


def test_it_looks_as_without(ctl):
    def look(**variables):
        return shown(ctl.command('list'), **variables)

    assert look(**MARK).replace('paged:', '') == look() and '\033[32mRunning' in look()


@pytest.mark.parametrize('variables, paged', [
    ({'PAGER': 'sed s/^/paged:/', 'GIVC_PAGER': None}, True), ({'PAGER': 'sed s/^/paged:/'}, False),
    ({'GIVC_PAGER': 'cat'}, False), (MARK | {'TERM': 'dumb'}, False), (MARK | {'SUDO_UID': '0'}, True)])
def test_which(ctl, variables, paged):
    env = environment(**({'GIVC_PAGERSECURE': '0'} | {k: v for k, v in variables.items() if v is not None}))
    if 'GIVC_PAGER' in variables and variables['GIVC_PAGER'] is None:
        del env['GIVC_PAGER']
    terminal = Terminal(ctl.command('list'), env=env, streams=('stdout',))
    assert terminal.finish() == 0
    assert terminal.shown.startswith('paged:') == paged


def test_not_in_a_pipe(ctl):
    assert 'paged:' not in ctl('list', **MARK).stdout


@pytest.fixture
def less(tmp_path):
    """A directory with a 'less' that shows what it is told."""
    program = tmp_path / 'less'
    program.write_text('#!/bin/sh\necho "$# LESS=$LESS LESSSECURE=$LESSSECURE $LESSCHARSET"\nexec /bin/cat\n')
    program.chmod(0o755)
    return str(tmp_path)


@pytest.mark.parametrize('variables, says', [
    ({'GIVC_PAGERSECURE': 'no'}, '0 LESS=FRSXMK LESSSECURE= utf-8\n'),
    ({'GIVC_PAGERSECURE': 'yes', 'LESS': '-X', 'LESSSECURE': ''}, '0 LESS=FRSXMK LESSSECURE=1 utf-8\n'),
    ({'SUDO_UID': '1000', 'PAGER': 'echo evil'}, '0 LESS=FRSXMK LESSSECURE=1 utf-8\n')])
def test_less(ctl, less, variables, says):
    env = environment(PATH=less, **variables)
    del env['GIVC_PAGER']
    terminal = Terminal(ctl.command('list'), env=env, streams=('stdout',))
    assert terminal.finish() == 0
    assert terminal.shown.replace('\r\n', '\n').startswith(says)


def test_no_less_is_no_fault(ctl, tmp_path):
    env = environment(PATH=str(tmp_path))
    del env['GIVC_PAGER']
    terminal = Terminal(ctl.command('list'), env=env, streams=('stdout',))
    assert terminal.finish() == 0
    assert terminal.shown.startswith('NAME ')


@pytest.fixture
def crowd(admin):
    """More entries than a pipe holds."""
    admin.fleet = [item(f'crowd-{i}@0.service', 'One of many', 'Running', 'AppVM', 'App', 'a-vm', 'a', 'a-vm', 1)
                   for i in range(5000)]


@pytest.mark.parametrize('words', [('list',), ('list', '--json=pretty')])
def test_a_pager_that_is_left_early(ctl, crowd, words):
    variables = {'GIVC_PAGER': 'head -n 1', 'GIVC_PAGERSECURE': '0'}
    assert shown(ctl.command(*words), **variables).count('\n') == 1


@pytest.mark.parametrize('words', [('list',), ('list', '--json=short'), ('watch',), ('call', 'QueryList')])
def test_a_pipe_that_nobody_reads(ctl, crowd, words):
    """As other programs do: no word, and the signal."""
    with subprocess.Popen(ctl.command(*words), env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b''
        assert process.wait(WAIT) == -signal.SIGPIPE


def test_failures_are_not_paged(ctl):
    for words in (('status', 'unheard-of'), ('introspect', 'unheard-of'), ('strat', '-h')):
        terminal = Terminal(ctl.command(*words), env=environment(**MARK), streams=('stdout',))
        assert terminal.finish() > 0
        assert terminal.err and not terminal.shown


@pytest.mark.parametrize('words', [('-h',), ('introspect', 'admin.AdminService'), ('list',)])
def test_a_pager_that_fails(ctl, words):
    """Also when it is gone before anything was written."""
    for pager in ('exit 7', 'exec 0<&-; exit 7'):
        assert shown(ctl.command(*words), GIVC_PAGER=pager, GIVC_PAGERSECURE='0') == ''
