# SPDX-License-Identifier: Apache-2.0
"""givcctl policy: what is found in rules, decisions and why, tests of rules. Nobody is asked for any of it."""

import json
import re
from pathlib import Path

import pytest
from conftest import ROOT, Client

HERE = Path(__file__).parent / 'policy'
RULES = str(HERE / 'rules.cedar')
DENIED = 5
START = ('--action=StartVM', '--resource=admin', '--context={"VmName": "foo-vm", "target": {"vm": "foo-vm"}}')


@pytest.fixture
def policy():
    client = Client('--admin=unix:/nowhere')  # nobody is there
    return lambda *words, **variables: client('policy', *words, **variables)


@pytest.fixture
def check(policy, tmp_path):
    """What is found in a text of rules: (severity, line, column, sentence) each."""
    def run(text):
        (tmp_path / 'x.cedar').write_text(text)
        done = policy('check', str(tmp_path / 'x.cedar'), '-j')
        found = json.loads(done.stdout)
        assert done.returncode == (1 if found else 0) and done.stderr == ''
        return [(f['severity'], f['place'].get('line'), f['place'].get('column'),
                 f['text'].splitlines()[0].split(': ', 2 if f['severity'] == 'warning' else 1)[-1]) for f in found]
    return run


def lines_fit(text):
    return max(map(len, text.splitlines())) <= 80


def test_rules_without_a_fault(check):
    """What the system before this one puts before all rules, what it generates, and what is like it."""
    assert check('permit (principal, action == Command::"ServerReflectionInfo", resource == Module::"grpc");') == []
    assert check('''permit (principal, action, resource) when {
        (principal == Source::"gui-vm" || principal == Source::"ids-vm") && resource == Module::"admin" &&
        (action == Command::"StartVM" || action == Command::"StartApplication") &&
        context has "VmName" && (context.VmName == "a" || context.VmName == "b") };''') == []
    assert check('permit (principal is Source, action, resource in Module::"systemd");') == []
    assert check('''forbid (principal, action == Command::"NotifyUser", resource == Module::"admin")
        unless { !(context has Notification.Urgency) || context.Notification.Urgency == "LOW" };''') == []
    assert check('''forbid (principal, action, resource)
        when { context.service == "AdminService" && context has target.vm && context.target.vm like "*-vm" }
        when { context has VmName } when { context.VmName == context.target.vm };''') == []
    assert check('''forbid (principal, action, resource)
        when { if context has VmName then context.VmName == "" else true };''') == []
    assert check('''permit (principal, action, resource)
        when { ip("10.0.0.1").isInRange(ip("10.0.0.0/8")) && decimal("1.0").lessThan(decimal("2.0")) }
        when { principal in [Source::"a", Source::"b"] && principal != resource }
        when { datetime("2024-01-01").offset(duration("1d")) < datetime("2025-01-01").toDate() }
        when { if context has VmName then (context has VmName) == true else -1 + 2 * 3 > 4 };''') == []
    assert check('') == []


def test_rules_of_the_page(check):
    """They say what the page says, and what it calls wrong is found to be."""
    page = (ROOT / 'man/givc.policy.5.scd').read_text()
    blocks = [b for b in re.findall(r'^```\n(.*?)^```', page, re.M | re.S) if re.match('//|permit|forbid', b)]
    assert len(blocks) >= 7
    found = check(''.join(blocks))
    wrong = next(n for n, line in enumerate(''.join(blocks).splitlines(), 1) if line.endswith('// wrong'))
    assert [(line, 'guard it' in sentence) for _, line, _, sentence in found] == [(wrong, True)]


def rule(condition, head='principal, action == Command::"StartVM", resource', effect='permit'):
    return f'{effect} ({head})\nwhen {{ {condition} }};'


@pytest.mark.parametrize('text, line, column, says', [
    ('permit (principal, action == Action::"StartVM", resource);', 1, 20, 'methods are Command::"..."'),
    ('permit (principal, action == Command::"StartVm", resource);', 1, 20, "there is no method 'StartVm'"),
    ('permit (principal, action, resource == Module::"admn");', 1, 28, "there is no module 'admn'"),
    ('permit (principal, action == Command::"StartVM", resource == Module::"systemd");', 1, 20,
     'the module has no such method'),
    ('permit (principal == User::"a", action, resource);', 1, 9, "there are no entities of type 'User'"),
    ('permit (principal is User, action, resource);', 1, 9, "there are no entities of type 'User'"),
    ('permit (principal == Module::"admin", action, resource);', 1, 9, 'the principal is never a Module'),
    ('permit (principal, action in [], resource);', 1, 20, 'an empty list'),
    ('permit (principal == ?principal, action, resource);', 1, 1, 'nobody links this template'),
    (rule('context.VnName == "x"'), 2, 8, "has 'VnName' in its context (it has VmName)"),
    (rule('context has VnName'), 2, 8, "has 'VnName' in its context"),
    (rule('context.target.name == "x"'), 2, 8, "has 'name' in its place (it has vm, unit, app)"),
    (rule('context.VmName == 3'), 2, 8, 'never equal: the one is a String, the other a Long'),
    (rule('3 == context.VmName'), 2, 8, 'never equal'),
    (rule('[3].contains(context.VmName)'), 2, 8, 'never equal'),
    (rule('context.VmName'), 2, 8, 'this is a String, where only a Bool can stand'),
    (rule('!context.VmName'), 2, 9, 'this is a String, where only a Bool can stand'),
    (rule('context.VmName < 3'), 2, 8, 'this is a String, where only a Long can stand'),
    (rule('context.VmName.contains("x")'), 2, 8, 'this is a String, where only a Set can stand'),
    (rule('context.Type like "*"', 'principal, action == Command::"RegisterService", resource'), 2, 8,
     'this is a Long, where only a String can stand'),
    (rule('context.Notification.Urgency == "HIGH"', 'principal, action == Command::"NotifyUser", resource'), 2, 8,
     "notify.UrgencyLevel has no value 'HIGH'"),
    (rule('context.service == "AdminServic"'), 2, 8, "there is no service 'AdminServic'"),
    (rule('context.service == "Exec"'), 2, 8, 'the rule never matches'),
    (rule('principal.name == "x"'), 2, 8, 'the principal has no attributes here'),
    (rule('principal.hasTag("x")'), 2, 8, 'nothing has tags here'),
    (rule('principal == Source::"a" && principal == Source::"b"'), 2, 36, 'the rule never matches'),
    (rule('principal == Source::"b"', 'principal == Source::"a", action, resource'), 2, 8, 'the rule never matches'),
    (rule('principal in []'), 2, 8, 'the rule never matches'),
    (rule('[].contains(action)'), 2, 8, 'the rule never matches'),
    (rule('false'), 2, 8, 'the rule never matches'),
    (rule('action == Command::"StopApplication"'), 2, 8, 'the rule never matches'),
    ('permit (principal, action == Command::"StartVm", resource);', 1, 20, "did you mean 'StartVM'?"),
    ('permit (principal, action, resource == Module::"Systemd");', 1, 28, "did you mean 'systemd'?"),
    ('permit (principal, action == Command::"Nowhere", resource);', 1, 20, "there is no method 'Nowhere'"),
    (rule('context.service == "Adminservice"'), 2, 8, "did you mean 'AdminService'?"),
    (rule('context.VMName == "x"', 'principal, action, resource'), 2, 8, "did you mean 'VmName'?"),
    (rule('context.targt.vm == "x"', 'principal, action, resource'), 2, 8, "did you mean 'target'?"),
    (rule('context.Notification.Urgancy == "LOW"', 'principal, action == Command::"NotifyUser", resource'), 2, 8,
     "did you mean 'Urgency'?"),
    (rule('principal == "gui-vm"'), 2, 8, 'never equal to a String: did you mean Source::"gui-vm"?'),
    (rule('"StartVM" == action'), 2, 8, 'did you mean Command::"StartVM"?'),
    (rule('["gui-vm"].contains(principal)'), 2, 8, 'did you mean Source::"gui-vm"?'),
    (rule('!context has VmName'), 2, 8, 'this negates what stands right behind it: did you mean !(...)?'),
    (rule('!context.VmName like "a*"'), 2, 8, 'did you mean !(...)?'),
    (rule('"a" in context.Args', 'principal, action == Command::"StartApplication", resource'), 2, 8,
     'did you mean [...].contains(...)?'),
    ('permit (principal == Source::"*-vm", action, resource);', 1, 9, "'*' is no wildcard"),
    (rule('principal == Source::"app*"'), 2, 21, "'*' is no wildcard"),
    ('permit (principal, action == Command::"Start*", resource);', 1, 20, "'*' is no wildcard"),
    (rule('context.VmName == principal'), 2, 8, 'never equal: the one is a String, the other an entity'),
    (rule('context == 3'), 2, 8, 'never equal: the one is a Record'),
    (rule('context.VmName in ["a", "b"]'), 2, 8, 'did you mean [...].contains(...)?'),
    (rule('principal in "a"'), 2, 21, 'this is a String, where only an entity can stand'),
    (rule('context is Source'), 2, 8, 'this is a Record, where only an entity can stand'),
    (rule('[1].containsAll(1)'), 2, 24, 'this is a Long, where only a Set can stand'),
    (rule('1 + "a" == 2'), 2, 12, 'this is a String, where only a Long can stand'),
    (rule('-"a" == 2'), 2, 9, 'this is a String, where only a Long can stand'),
    (rule('decimal("1.5") < decimal("2.5")'), 2, 8, 'lessThan'),
    (rule('ip("10.0.0.1", "10.0.0.0/8").isLoopback()'), 2, 8, 'ip takes 1 argument'),
    (rule('ip("10.0.0.1").isInRange()'), 2, 8, 'isInRange takes 1 argument'),
    (rule('ip("10.0.0.1").isInRange("10.0.0.0/8")'), 2, 33, 'this is a String, where only an ip can stand'),
    (rule('ip("10.0.0.256").isLoopback()'), 2, 8, 'this is no IP address'),
    (rule('context.VmName.isLoopback()'), 2, 8, 'this is a String, where only an ip can stand'),
    (rule('ip("10.0.0.1")'), 2, 8, 'this is an ip, where only a Bool can stand'),
    (rule('context.VmName == "x"', effect='forbid'), 2, 8, "is skipped where there is no 'VmName'; guard it: "
     'context has VmName && ...'),
    (rule('context.target.vm == "x"', effect='forbid'), 2, 8, 'guard it: context has target.vm && ...'),
    (rule('context.target has vm && context.target.vm == "x"', effect='forbid'), 2, 8,
     "no 'target'; guard it: context has target && ..."),
    (rule('context.VmName == "x" || context has VmName', effect='forbid'), 2, 8, 'guard it'),
    (rule('!(context has VmName) && context.VmName == "x"', effect='forbid'), 2, 33, 'guard it'),
])
def test_warnings(check, text, line, column, says):
    (severity, *place, sentence), = check(text)
    assert (severity, place) == ('warning', [line, column]) and says in sentence


def test_ways_that_multiply(check):
    """Each level doubles the ways that lead to what is in it; there are rules that are long, too."""
    nested = 'context has VmName'
    for _ in range(45):
        nested = f'(context has AppName || context has UnitName && {nested})'
    assert check(rule(nested, 'principal, action, resource')) == []
    long = ' || '.join(f'(context has VmName && context.VmName == "vm-{n}")' for n in range(5000))
    assert check(rule(long, effect='forbid')) == []


def test_an_error_is_told_with_its_place(policy, tmp_path):
    (tmp_path / 'x.cedar').write_text('permit (principal, action, resource);\npermit (principal action, resource);\n')
    done = policy('check', str(tmp_path / 'x.cedar'))
    assert (done.returncode, done.stderr) == (1, '')
    *head, line, caret = done.stdout.splitlines()
    assert head[0].startswith(f'{tmp_path}/x.cedar:2:19:') and 'warning' not in ' '.join(head)
    assert line == '  permit (principal action, resource);' and caret == ' ' * 20 + '^'


def test_all_files_are_checked(policy, tmp_path):
    (tmp_path / 'a').write_text('permit (principal, action, resource) when { false };')
    (tmp_path / 'b').write_text('permit (')
    done = policy('check', str(tmp_path / 'a'), str(tmp_path / 'b'), str(tmp_path / 'c'), RULES)
    places = re.findall(rf'^{tmp_path}/(.:\d+:\d+|c): (warning)?', done.stdout, re.M)
    assert places == [('a:1:45', 'warning'), ('b:1:9', ''), ('c', '')] and done.returncode == 1
    said = ' '.join(done.stdout.split())
    assert 'c: No such file or directory' in said and "no 'UnitName'; guard it" in said


def test_findings_fit_a_terminal(policy, tmp_path):
    condition = ' || '.join(f'context.VmName == "{n}" || context.NoSuchFieldAtAll{n} == 3' for n in range(9))
    (tmp_path / 'x').write_text(f'permit (principal, action == Command::"StartVM", resource) when {{ {condition} }};')
    done = policy('check', str(tmp_path / 'x'))
    assert done.stdout.count('warning:') == 9
    assert lines_fit('\n'.join(line.replace(str(tmp_path), '') for line in done.stdout.splitlines()))


@pytest.mark.parametrize('principal, context, status, says', [
    ('gui-vm', '{"VmName": "foo-vm"}', 0, 'Allow by policy2 "gui starts"\n'),
    ('Source::"gui-vm"', '{"VmName": "foo-vm"}', 0, 'Allow by policy2 "gui starts"\n'),
    ('gui-vm', '{"VmName": "foo-vm", "target": {"vm": "net-vm"}}', DENIED, 'Deny by policy3 "not the network"\n'),
    ('gui-vm', '{}', DENIED, 'Deny: no permit holds\n'),
    ('User::"gui-vm"', '{"VmName": "foo-vm"}', DENIED, 'Deny: no permit holds\n')])
def test_authorize(policy, principal, context, status, says):
    done = policy('authorize', f'--policies={RULES}', f'--principal={principal}', *START[:2], f'--context={context}')
    assert (done.returncode, done.stdout, done.stderr) == (status, says, '')


def test_names_that_the_contract_lacks_are_told(policy):
    words = (f'--policies={RULES}', '--principal=gui-vm')
    for verb in ('authorize', 'explain'):
        done = policy(verb, *words, '--action=StartVm', '--resource=Admin')
        assert done.stdout.startswith('Deny') and done.stderr == (
            "warning: there is no method 'StartVm': did you mean 'StartVM'?\n"
            "warning: there is no module 'Admin': did you mean 'admin'?\n")
        assert policy(verb, *words, '--action=Action::"x"', '--resource=Photo::"y"').stderr == ''


def test_authorize_tells_faults(policy):
    words = ('authorize', f'--policies={RULES}', '--principal=ids-vm', '--action=StartUnit', '--resource=systemd')
    done = policy(*words)
    assert done.returncode == DENIED and lines_fit(done.stdout.replace(str(HERE), ''))
    assert 'policy4 "careless" fails and is skipped' in ' '.join(done.stdout.split())
    shown = json.loads(policy(*words, '--json=short').stdout)
    assert shown['decision'] == 'Deny' and shown['reasons'] == []
    assert [(f['policy'], f['id'], f['effect'], f['line']) for f in shown['faults']] == [
        ('policy4', 'careless', 'forbid', 22)]


def test_context_and_entities_of_files(policy, tmp_path):
    (tmp_path / 'context').write_text('{"VmName": "foo-vm"}')
    (tmp_path / 'rules').write_text('''permit (principal in Group::"user", action, resource)
        when { principal.trust > 2 && Group::"user".getTag("colour") == "red" && context.VmName == "foo-vm" };''')
    words = ('authorize', f'--policies={tmp_path}/rules', '--principal=gui-vm', *START[:2],
             f'--context={tmp_path}/context')
    assert policy(*words).returncode == DENIED
    assert policy(*words, f'--entities={HERE}/entities.json').stdout == 'Allow by policy0\n'


@pytest.mark.parametrize('change, says', [
    ({'policies': '/nowhere'}, '/nowhere: No such file'), ({'context': '{'}, '--context:1:2: '),
    ({'context': '{"a": 1.5}'}, '--context:1:7: a fraction'), ({'context': '/nowhere'}, '/nowhere: No such file'),
    ({'entities': '/nowhere'}, '/nowhere: No such file'), ({'entities': RULES}, 'rules.cedar:1:1: '),
    ({'principal': 'A B::"x"'}, ':1:3: '), ({'policies': str(HERE / 'fleet.json')}, 'fleet.json:1:1: ')])
def test_what_cannot_be_decided(policy, change, says):
    options = {'policies': RULES, 'principal': 'gui-vm', 'action': 'StartVM', 'resource': 'admin'} | change
    for verb in ('authorize', 'explain'):
        done = policy(verb, *(f'--{name}={value}' for name, value in options.items()))
        assert (done.returncode, done.stdout) == (1, '') and says in done.stderr


def test_explain(policy):
    done = policy('explain', f'--policies={RULES}', '--principal=gui-vm', *START)
    assert (done.returncode, done.stderr) == (0, '') and lines_fit(done.stdout.replace(str(HERE), ''))
    said = [' '.join(part.split()) for part in done.stdout.replace(f'{HERE}/', '').split('\n\n')]
    assert said[0] == 'Allow by policy2 "gui starts"'
    assert [part.split(': ', 1)[1].split(' ', 1)[0] for part in said[1:]] == [f'policy{n}' for n in range(5)]
    assert said[1].startswith('rules.cedar:3:20: policy0 "reflection" is for another action permit')
    assert said[2].startswith('rules.cedar:6:9: policy1 "admin does all" is for another principal permit')
    assert 'policy2 "gui starts" permits it' in said[3]
    assert said[4].startswith('rules.cedar:17:33: policy3 "not the network" does not hold, because of this when')
    assert 'policy4 "careless" is for another principal' in said[5]


def test_explain_json(policy):
    done = policy('explain', f'--policies={RULES}', '--principal=ids-vm', '--action=StartUnit', '--resource=systemd',
                  '-j')
    shown = json.loads(done.stdout)
    assert done.returncode == 0 and shown['decision'] == 'Deny'
    assert [p['outcome'] for p in shown['policies']] == ['action', 'principal', 'principal', 'action', 'fault']
    assert 'UnitName' in shown['policies'][4]['why'] and 'why' not in shown['policies'][0]


def test_test(policy):
    done = policy('test', f'--root={HERE.parent}', str(HERE / 'fleet.json'))
    assert (done.returncode, done.stdout, done.stderr) == (0, '4 passed, 0 failed\n', '')
    shown = json.loads(policy('test', f'--root={HERE.parent}', str(HERE / 'fleet.json'), '-j').stdout)
    assert shown == {'passed': 4, 'failed': 0, 'failures': []}


@pytest.fixture
def trial(policy, tmp_path):
    """What a test says of the requests of the fleet, one or the other changed."""
    def run(change, *words):
        whole = json.loads((HERE / 'fleet.json').read_text()) | {'policies': RULES,
                                                                 'entities': str(HERE / 'entities.json')}
        change(whole)
        (tmp_path / 't.json').write_text(json.dumps(whole))
        done = policy('test', *words, str(tmp_path / 't.json'))
        assert done.stderr == '' and done.returncode == (0 if done.stdout.endswith(' 0 failed\n') else 1)
        said, _, summary = done.stdout[:-1].rpartition('\n')
        return ' '.join(said.replace(f'{tmp_path}/', '').split()), summary
    return run


def test_what_is_not_as_expected(trial):
    assert trial(lambda t: t['requests'][0].update(decision='deny')) == (
        't.json: requests[0] (anybody looks): expected deny, got allow', '3 passed, 1 failed')
    assert trial(lambda t: t['requests'][1].update(reasons=['policy1', 'policy2'])) == (
        't.json: requests[1] (the GUI starts a VM): expected reasons policy1, policy2, got policy2',
        '3 passed, 1 failed')
    assert trial(lambda t: t['requests'][3].update(errors=[])) == (
        't.json: requests[3] (an evaluation fails): expected errors none, got policy4', '3 passed, 1 failed')
    assert trial(lambda t: t['requests'][1].update(reasons=[])) == (
        't.json: requests[1] (the GUI starts a VM): expected reasons none, got policy2', '3 passed, 1 failed')


@pytest.mark.parametrize('change, says, summary', [
    (lambda t: t.update(policies='nowhere'), 'nowhere: No such file', '0 passed, 4 failed'),
    (lambda t: t.update(entities='nowhere'), 'nowhere: No such file', '0 passed, 4 failed'),
    (lambda t: t.update(policies=1), 'expected "policies": "a path"', '0 passed, 4 failed'),
    (lambda t: t.pop('policies'), 'expected "policies": "a path"', '0 passed, 4 failed'),
    (lambda t: t.update(entities=RULES), 'this is no JSON', '0 passed, 4 failed'),
    (lambda t: t.pop('requests'), 'expected "requests"', '0 passed, 1 failed'),
    (lambda t: t['requests'][0].update(principal=None), 'expected an entity', '3 passed, 1 failed'),
    (lambda t: t['requests'][0].pop('action'), 'expected "action"', '3 passed, 1 failed'),
    (lambda t: t['requests'][0].update(context={'a': None}), 'null is no value', '3 passed, 1 failed'),
    (lambda t: t['requests'][0].update(context=3), 'expected a record', '3 passed, 1 failed'),
    (lambda t: t['requests'][0].update(decision=3), 'expected "decision"', '3 passed, 1 failed'),
    (lambda t: t['requests'][0].update(decision='perhaps'), 'expected "decision"', '3 passed, 1 failed'),
    (lambda t: t['requests'][0].update(reason=[3]), 'expected reasons ?, got policy0', '3 passed, 1 failed'),
    (lambda t: t.pop('entities'), '', '4 passed, 0 failed')])
def test_files_that_are_wrong(trial, change, says, summary):
    said, got = trial(change)
    assert says in said and got == summary


def test_where_files_are(policy, tmp_path):
    """Below the root, or otherwise where one is, or where the file is."""
    (tmp_path / 'policy').mkdir()
    for name in ('rules.cedar', 'entities.json'):
        (tmp_path / 'policy' / name).write_text((HERE / name).read_text())
    (tmp_path / 't.json').write_text((HERE / 'fleet.json').read_text())
    assert policy('test', str(tmp_path / 't.json')).stdout == '4 passed, 0 failed\n'
    (tmp_path / 'policy/t.json').write_text((HERE / 'fleet.json').read_text())
    assert policy('test', str(tmp_path / 'policy/t.json')).stdout.endswith('0 passed, 4 failed\n')
    assert policy('test', f'--root={tmp_path}', str(tmp_path / 'policy/t.json')).stdout == '4 passed, 0 failed\n'


def test_many_files(policy, tmp_path):
    for n in range(500):
        (tmp_path / f'{n}.json').write_text((HERE / 'fleet.json').read_text())
    done = policy('test', f'--root={HERE.parent}', *map(str, sorted(tmp_path.glob('*.json'))), str(tmp_path / 'none'))
    assert done.stdout.splitlines()[1:] == ['2000 passed, 1 failed']


def printable(text):
    return all(c == '\n' or c.isprintable() for c in text)


def test_hostile_names_and_texts(policy, tmp_path):
    evil = tmp_path / 'a\x1b[2Jb\nc'
    for text in (b'permit (\x1b[2J', b'permit (principal, action, resource) when { "\x1b[2J\xc2\x9b" };', b'\xff\xfe',
                 b'@id("\\u{1b}[2J\\u{9b}\\n") permit (principal, action, resource) when { context.x == 1 };',
                 b'permit (principal, action == Command::"\\u{1b}[2J", resource);', b'permit\0(', b'"' * 9999):
        evil.write_bytes(text)
        for words in (('check', evil), ('test', evil), ('explain', f'--policies={evil}', '--principal=a', *START),
                      ('authorize', f'--policies={evil}', '--principal=a', *START),
                      ('authorize', f'--policies={RULES}', f'--entities={evil}', '--principal=a', *START)):
            done = policy(*map(str, words))
            assert done.returncode in (0, 1, DENIED)
            assert printable(done.stdout) and printable(done.stderr) and done.stdout + done.stderr, (text, words)
            again = policy(*map(str, words), '-j')
            assert again.returncode == done.returncode and bool(again.stdout) == bool(done.stdout)
            assert not again.stdout or json.loads(again.stdout)
    trial = json.loads((HERE / 'fleet.json').read_text())
    trial['requests'][0].update(description='\x1b[2J\x9b\x00', reason=['\x1b[2J'])
    (tmp_path / 't').write_text(json.dumps(trial))
    done = policy('test', f'--root={HERE.parent}', str(tmp_path / 't'))
    assert printable(done.stdout) and done.stdout.endswith('\n3 passed, 1 failed\n')


@pytest.mark.parametrize('words, says', [
    ((), "'policy' needs more: policy check|authorize|explain|test"),
    (('check',), "'policy check' needs more: policy check FILE"),
    (('lint', 'x'), "'lint' is none of check, authorize, explain and test."), (('test',), 'needs more'),
    (('authorize',), 'needs --policies, --principal, --action and --resource'),
    (('explain', '--policies=x', '--principal=x', '--action=x'), 'needs --policies'),
    (('authorize', 'x'), "'x' is too much"), (('check', 'x', '--root=y'), '--root is not for'),
    (('test', 'x', '--principal=y'), '--principal is not for')])
def test_usage(policy, words, says):
    done = policy(*words)
    assert (done.returncode, done.stdout) == (2, '') and says in done.stderr


@pytest.mark.parametrize('word', ['check', 'authorize', 'explain', 'test'])
def test_help(policy, word):
    done = policy(word, '-h')
    assert (done.returncode, done.stderr) == (0, '') and lines_fit(done.stdout)
    assert done.stdout.startswith(f'givcctl policy {word}') and len(done.stdout.splitlines()) <= 24
    assert f'policy {word}' in policy('-h').stdout
