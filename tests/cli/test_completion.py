# SPDX-License-Identifier: Apache-2.0
"""Completion scripts: all shells know all verbs and options, and offer names that the registry has."""

import re
import subprocess

import pytest
from admin import FLEET, item
from conftest import CTL, ROOT, WAIT, Client, environment

SHELLS = ('bash', 'zsh', 'fish')
VERBS = re.findall(r'^        \{ "([a-z-]+)", \d', (ROOT / 'src/ctl/verbs.c').read_text(), re.M)
HELP = Client()('--help-all').stdout
OPTIONS = set(re.findall(r'^  (?:-\w, )?--([a-z-]+)', HELP, re.M))


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param


def script(shell):
    done = Client()(f'--completion={shell}')
    assert (done.returncode, done.stderr) == (0, '')
    return done.stdout


def run(*command, **variables):
    return subprocess.run(command, env=environment(**variables), capture_output=True, text=True, timeout=WAIT,
                          check=False)


@pytest.fixture
def complete(server, tmp_path):
    """What a shell offers for a line whose last word is being completed."""
    (tmp_path / 'givcctl').symlink_to(CTL)
    path = f'{tmp_path}:/usr/bin:/bin'

    def bash(*words):
        line = ' '.join(f"'{w}'" for w in ('givcctl', *words))
        code = (f'source "$0"; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _givcctl; '
                'printf "%s\\n" "${COMPREPLY[@]}"')
        done = run('bash', '--norc', '-c', code, str(tmp_path / 'bash'), PATH=path, GIVC_ADMIN=server.address)
        assert (done.returncode, done.stderr) == (0, '')
        return done.stdout.split()

    def fish(*words):
        code = f'source {tmp_path}/fish; complete -C "givcctl {" ".join(words)}"'
        done = run('fish', '--no-config', '-c', code, PATH=path, GIVC_ADMIN=server.address, HOME=str(tmp_path))
        assert (done.returncode, done.stderr) == (0, '')
        return [line.split('\t')[0] for line in done.stdout.splitlines()]

    for name in SHELLS:
        (tmp_path / name).write_text(script(name))
    return {'bash': bash, 'fish': fish}


def test_scripts_are_of_their_language(shell, tmp_path):
    (tmp_path / 'script').write_text(script(shell))
    done = run(shell, '-n', str(tmp_path / 'script'), HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, '')


def test_all_verbs_and_options_are_there(shell):
    text = script(shell)
    words = {'bash': r'(?<![\w-])({})(?![\w-])', 'zsh': r"^ +'({}):", 'fish': r' -a ({}) -d '}[shell]
    for verb in VERBS:
        assert re.search(words.format(verb), text, re.M), verb
    dashes = {'bash': '--', 'zsh': '--', 'fish': '-l '}[shell]
    for option in OPTIONS:
        assert re.search(rf'{dashes}{option}(?![\w-])', text), option
    assert len(VERBS) > 15 and len(OPTIONS) > 20


@pytest.mark.parametrize('name', ['bash', 'fish'])
def test_what_is_offered(complete, name):
    offer = complete[name]
    assert set(offer('re')) >= {'resume', 'reboot'} and 'list' not in offer('re')
    assert set(offer('status', 'ho')) == {'hold@0.service'}
    assert 'net-vm' in offer('status', 'ne') and 'hold@0.service' not in offer('status', 'ne')
    assert set(offer('call', 'Que')) == {'QueryList'}
    assert '--no-block' in offer('start', '--no-')
    assert sorted(offer('update', '')) == ['cachix', 'list', 'query']
    assert sorted(offer('wifi', 'o')) == ['off', 'on']
    assert sorted(offer('policy', '')) == ['authorize', 'check', 'explain', 'test']
    assert {'/usr/bin/env'} <= set(offer('policy', 'check', '/usr/bin/en'))
    assert 'net-vm' in offer('start', '--vm', 'ne')


def test_bash_knows_where_it_is(complete):
    offer = complete['bash']
    assert offer('start', '--vm', '=', 'ne') == ['net-vm']
    assert offer('list', '--json', '=', '') == ['short', 'pretty', 'off']
    assert offer('kill', '-s', 'US') == offer('kill', '--signal', '=', 'US') == ['USR1', 'USR2']
    assert offer('kill', '--kill-whom', 'm') == ['main'] and offer('kill', 'ho') == ['hold@0.service']
    assert offer('start', 'foot', '--', 'ho') == []
    assert offer('--cert', '/usr/bin/en') and all(f.startswith('/usr/bin/en') for f in offer('--cert', '/usr/bin/en'))
    assert offer('poweroff', 'ho') == []


@pytest.mark.parametrize('name', ['bash', 'fish'])
def test_names_are_not_code(complete, admin, tmp_path, name):
    evil = f'x$(touch${{IFS}}{tmp_path}/pwned);`touch<{tmp_path}/pwned`.service'
    admin.fleet = [*FLEET, item(evil, 'evil', 'Running', 'AppVM', 'Svc', 'app-vm', 'x', 'app-vm', 1)]
    assert len(complete[name]('status', 'x')) == 1
    assert not (tmp_path / 'pwned').exists()


def test_without_an_admin_there_are_no_names(complete, server):
    server.stop()
    assert complete['bash']('status', 'ho') == []


def test_another_shell():
    done = Client()('--completion=tcsh')
    assert (done.returncode, done.stdout) == (2, '')
    assert '--completion=tcsh is none of bash, zsh and fish.' in done.stderr
