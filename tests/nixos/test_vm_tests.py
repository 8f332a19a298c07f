# SPDX-License-Identifier: Apache-2.0
"""The tests of nixos/tests, whose machines nobody has here: their scripts run with machines that only take down what
they are asked for, and all that the scripts name has to be on the node that they ask."""

import json
import os
import pathlib
import re
import shlex
import subprocess
from contextlib import nullcontext

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from test_nixos import BUILD, HERE, LIBRARY, ROOT, assert_agent_takes, evaluates, nix

TESTS = sorted(f.parent.name for f in (ROOT / 'nixos/tests').glob('*/default.nix'))
# What the driver of NixOS has, of what scripts use.
GLOBALS = ('start_all', 'subtest')
METHODS = ('fail', 'succeed', 'wait_for_file', 'wait_for_open_port', 'wait_for_unit', 'wait_until_fails',
           'wait_until_succeeds')
# What every NixOS has, of what scripts ask for.
COMMANDS = {'cat', 'dbus-send', 'echo', 'env', 'export', 'grep', 'pgrep', 'pkill', 'ssh', 'su', 'sudo', 'systemctl',
            'test', 'touch', 'wait'}
MORE_COMMANDS = {'givc-cli': 'givcctl', 'mako': 'makoctl', 'networkmanager': 'nmcli'}
UNITS = {'multi-user.target', 'poweroff.target', 'sleep.target', 'user@1000.service'}
PATHS = ('/dev/null', '/etc/passwd', '/etc/../bin/sh', '/proc/bus/input/devices', '/run/user/1000', '/sys/fs/cgroup',
         '/var/log/lastlog')
ABSOLUTE = r'(?:^|[:=])(/(?:dev|etc|proc|run|sys|tmp|var)/[\w./-]+)'
# Files that a script, or what it starts, makes on the way.
MADE = ('/tmp/kiosk-task-ran', '/tmp/testfile', '/tmp/unlisted-task-ran', '/tmp/vsock')

pytestmark = evaluates


class Answer(str):
    """Of a command that nobody runs: whatever the script hopes for."""

    def __contains__(self, _):
        return True

    def __eq__(self, _):
        return True

    __hash__ = str.__hash__

    def strip(self, *_):
        return self


class Machine:
    def __init__(self, name, node):
        self.name, self.node, self.asked = name, node, []

    def __getattr__(self, method):
        assert method in METHODS, f'{method} is no method of a machine'

        def ask(*words):
            self.asked.append((method, words))
            file = str(words[0]).removeprefix('cat /etc/')
            return self.node['etc'].get(file, Answer())
        return ask

    def shell(self):
        for method, words in self.asked:
            if not method.startswith('wait_for_'):
                yield from words

    def files(self):
        return [words[0] for method, words in self.asked if method == 'wait_for_file']

    def units(self):
        return [words for method, words in self.asked if method == 'wait_for_unit']


@pytest.fixture(scope='module', params=TESTS)
def made(request):
    return json.loads(nix('--eval', '--strict', '--json', '--arg', 'lib', str(pathlib.Path(LIBRARY).resolve()),
                          '--argstr', 'test', request.param, str(HERE / 'vm.nix')))


@pytest.fixture(scope='module')
def machines(made):
    machines = {name: Machine(name, node) for name, node in made['nodes'].items()}
    exec(compile(made['script'], 'testScript', 'exec'),  # pylint: disable=exec-used
         {'start_all': lambda: None, 'subtest': nullcontext, **machines})
    return machines


def configurations(made):
    return [json.loads(node['etc']['givc-agent/config.json']) for node in made['nodes'].values()
            if 'givc-agent/config.json' in node['etc']]


def words_of(text):
    """The words of each command in a line of shell, without what is redirected."""
    lexer = shlex.shlex(re.sub(r'\d?>&\d', '', text), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    commands, redirects = [[]], False
    for word in lexer:
        if redirects:
            redirects = False
        elif word in ('{', '}') or re.fullmatch('[;&|()]+', word):
            commands.append([])
        elif re.fullmatch('[<>&]+', word):
            redirects = True
        else:
            commands[-1].append(word)
    return [c for c in commands if c and not re.fullmatch(r'\w+=\S*', c[0])]


def commands_of(text):
    """Those that other commands start, too."""
    for words in words_of(text):
        yield words
        if words[0] == 'su':
            assert words[1:4] == ['-', 'ghaf', '-c']
            yield from commands_of(words[4])
        elif words[0] == 'sudo':
            yield from commands_of(shlex.join(words[3:]))
        elif words[0] == 'env':
            yield from commands_of(shlex.join(w for w in words[1:] if '=' not in w))
        elif words[0] == 'swaymsg' and words[-1].startswith('exec '):
            yield from commands_of(words[-1].removeprefix('exec '))


def asked(machines):
    return [(machine, words) for machine in machines.values() for text in machine.shell()
            for words in commands_of(text)]


def clients(machines):
    return [words for _, words in asked(machines) if words[0] in ('givc-cli', 'givcctl')]


def calls(machines):
    """(address, method, data) of grpcurl and of our own `call`."""
    for _, words in asked(machines):
        if words[0] == 'grpcurl':
            yield words[-2], words[-1], words[words.index('-d') + 1] if '-d' in words else '{}'
        elif 'call' in words:
            yield None, *words[words.index('call') + 1:]


def test_nodes(made, tmp_path):
    """They are configurations, and agents take theirs."""
    for node in made['nodes'].values():
        assert node['failed'] == node['warnings'] == []
        for config in configurations({'nodes': {'': node}}):
            assert_agent_takes(config, node, tmp_path)


def test_script(made, tmp_path):
    """As the driver of NixOS looks at it."""
    path = tmp_path / 'script.py'
    path.write_text(made['script'])
    done = subprocess.run(['pyflakes3', path], capture_output=True, text=True, check=False,
                          env={**os.environ, 'PYFLAKES_BUILTINS': ','.join((*GLOBALS, *made['nodes']))})
    assert done.stdout + done.stderr == ''


def test_each_node_is_asked_for_something(machines):
    assert [m.name for m in machines.values() if not m.asked] == []


def test_units(made, machines):
    applications = [f'{a["name"]}@' for config in configurations(made)
                    for a in config['capabilities'].get('applications') or []]
    everywhere = UNITS.union(*(node['system'] + node['session'] + node['brought'] for node in made['nodes'].values()))
    for machine in machines.values():
        node = machine.node
        for unit, *user in machine.units():
            assert unit in (node['session'] if user else node['system'] + node['brought'] + list(UNITS)), unit
            assert set(user) <= set(node['users'])
        for text in machine.shell():
            for unit in re.findall(r'[\w@.-]+\.(?:service|socket|target)\b', text):
                assert unit in everywhere or unit.startswith(tuple(applications)), unit


def test_commands(machines):
    for machine, words in asked(machines):
        there = COMMANDS | set(machine.node['commands']) | set(machine.node['brought'])
        there |= {more for package, more in MORE_COMMANDS.items() if package in there}
        assert words[0] in there, f'{machine.name} has no {words[0]}'
        assert words[0] not in ('su', 'sudo') or words[2] in ('ghaf', 'root', *machine.node['users']), words


def test_files(machines):
    """Those of the configuration, of what it starts, or of NixOS."""
    for machine in machines.values():
        node = machine.node
        has = json.dumps([node['etc'], node['started'], node['sockets'], node['variables']]).replace('%U', '1000')
        made = [rule.split()[1] for rule in node['tmpfiles'] if ' /etc/' in rule]
        named = [w for text in machine.shell() for words in commands_of(text) for w in words]
        for path in machine.files() + [p for w in named for p in re.findall(ABSOLUTE, w)]:
            known = path.removeprefix('/etc/') in node['files'] or path in has
            assert known or path.startswith((*PATHS, *MADE, *made)), f'{machine.name} has no {path}'


def test_clients(machines, tmp_path):
    """Each is a command line that the client takes, about machines and applications that there are."""
    seen = set()
    for words in clients(machines):
        line = tuple(w.replace('/etc/givc', str(tmp_path)) for w in words[1:])
        if line in seen or '--cacert' not in line:
            continue
        seen.add(line)
        done = subprocess.run([BUILD / 'givcctl', *line], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 1 and f'{tmp_path}/ca-cert.pem' in done.stderr, done.stderr
    assert seen or not clients(machines)


def test_calls(made, machines):
    """Of methods that there are, with fields that they have, to an address on which somebody listens."""
    pool = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet.FromString((BUILD / 'proto/descriptors.bin').read_bytes())
    for file in files.file:
        pool.Add(file)
    listening = {f'{n["network"]["agent"]["transport"]["addr"]}:9000' for n in configurations(made)}
    listening |= {f'{e["transport"]["addr"]}:{e["transport"]["port"]}' for n in configurations(made)
                  for e in (n['capabilities'].get('eventProxy') or {}).get('events') or []}
    listening |= {f'{n["network"]["admin"]["transport"]["addr"]}:9001' for n in configurations(made)}
    for address, method, data in calls(machines):
        service, name = method.split('/')
        kind = pool.FindServiceByName(service).FindMethodByName(name).input_type
        json_format.Parse(data, message_factory.MessageFactory(pool).GetPrototype(kind)())
        assert address is None or address in listening, address
