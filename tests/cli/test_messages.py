# SPDX-License-Identifier: Apache-2.0
"""MESSAGE_ID= in the code, in the catalog and in the pages: the same ones, and what the catalog quotes is logged."""

import re
import shutil
import subprocess

import pytest
from conftest import BUILD, ROOT, WAIT

SOURCES = {f: f.read_text() for f in sorted((ROOT / 'src').rglob('*.c'))}
IDS = dict(re.findall(r'^#define MESSAGE_(\w+) +"(\w+)"$', (ROOT / 'src/libgivc/base/message-id.h').read_text(), re.M))
CATALOG = (ROOT / 'units/givc.catalog').read_text()
ENTRIES = dict(re.findall(r'^-- (\w+)\n(.*?)(?=^-- |\Z)', CATALOG, re.M | re.S))
# Said by rooms that are part of both daemons.
LIBRARY = ('PEER_REFUSED', 'LIMIT_REACHED', 'ACCESS_DENIED', 'RULES_LOADED', 'RULES_REFUSED', 'RULE_FAILED',
           'RULE_DOUBTFUL')


def keys(text):
    return set(re.findall(r'\{ "([A-Z_]+)",', text))


def call_around(text, at):
    """The innermost call of a logging function that has the position among its arguments: its name and itself."""
    begin = [m for m in re.finditer(r'\b(\w*log\w*)\(', text[:at])][-1]
    depth = 0
    for end in range(begin.end() - 1, len(text)):
        depth += {'(': 1, ')': -1}.get(text[end], 0)
        if depth == 0:
            assert end > at, text[begin.start():at]
            return begin[1], text[begin.start():end]
    raise AssertionError(text[at:])


def uses(name):
    """What is logged beside each use of an id: by the call itself, and by the function that it is an argument of."""
    for path, text in SOURCES.items():
        for m in re.finditer(rf'\bMESSAGE_{name}\b', text):
            function, call = call_around(text, m.start())
            body = [re.search(rf'^[\w ]*\b{function}\([^;{{]*\{{\n(.*?)^\}}', t, re.M | re.S) for t in SOURCES.values()]
            body = [b[1] for b in body if b and 'LOG_FIELDS' in b[1]]
            assert 'LOG_FIELDS' in call or len(body) == 1, (path, call)
            yield path, keys(call) | (keys(body[0]) if body else set())


def test_ids_are_ids():
    assert len(IDS) >= 12 and len(set(IDS.values())) == len(IDS)
    assert all(re.fullmatch(r'[0-9a-f]{32}', i) for i in IDS.values())


def test_the_catalog_has_them_all_and_no_others():
    assert list(ENTRIES) == list(IDS.values())


@pytest.mark.parametrize('name', IDS)
def test_what_the_catalog_quotes_is_logged(name):
    entry = ENTRIES[IDS[name]]
    found = list(uses(name))
    assert found, 'nobody logs it'
    for path, fields in found:
        assert 'MESSAGE_ID' in fields, path
        assert set(re.findall(r'@([A-Z_]+)@', entry)) <= fields, path
    header, text = entry.split('\n\n', 1)
    page = re.fullmatch(r'Subject: .+\nDefined-By: givc\nDocumentation: man:(givc-admin|givc-agent)\(8\)', header)[1]
    assert re.search(rf'^{IDS[name]}$', (ROOT / f'man/{page}.8.scd').read_text(), re.M), page
    assert max(map(len, text.splitlines())) <= 76
    lines = [line for line in text.splitlines() if line]
    assert 2 <= len(lines) <= 6, 'more is for a page'
    assert re.search(r'Nothing has to be done\.|"[a-z]+ [^"]+"', text), 'what to do next'
    for words in re.findall(r'"givcctl ([a-z -]+)', text.replace('\n', ' ')):
        verb = words.split()[:2 if words.split()[0] in ('certs', 'policy') else 1]
        done = subprocess.run([BUILD / 'givcctl', *verb, '--help'], capture_output=True, text=True, timeout=WAIT,
                              check=False)
        assert done.returncode == 0 and verb[-1] in done.stdout, verb


@pytest.mark.parametrize('program', ['admin', 'agent'])
def test_pages_list_what_a_daemon_says(program):
    page = (ROOT / f'man/givc-{program}.8.scd').read_text()
    section = re.search(r'^# MESSAGES\n(.*?)(?=^# )', page, re.M | re.S)[1]
    said = {n for n in IDS if any(p.is_relative_to(ROOT / 'src' / program) for p, _ in uses(n))}
    assert set(re.findall(r'^(\w{32})$', section, re.M)) == {IDS[n] for n in said.union(LIBRARY)}


def test_the_journal_takes_the_catalog(tmp_path):
    for place in ('usr/lib/systemd/catalog', 'var/lib/systemd/catalog'):
        (tmp_path / place).mkdir(parents=True)
    shutil.copy(ROOT / 'units/givc.catalog', tmp_path / 'usr/lib/systemd/catalog')
    for words in (['--update-catalog'], ['--list-catalog']):
        done = subprocess.run(['journalctl', f'--root={tmp_path}', *words], capture_output=True, text=True,
                              timeout=WAIT, check=True)
        assert not done.stderr
    assert {line.split()[0] for line in done.stdout.splitlines()} == set(IDS.values())


@pytest.mark.parametrize('program', ['givc-admin', 'givc-agent'])
def test_messages_stay_text_without_the_journal(program):
    done = subprocess.run([BUILD / program, '--check', '--config=/nonexistent' if program == 'givc-agent' else '--crl'],
                          capture_output=True, text=True, timeout=WAIT, check=False, env={})
    assert done.returncode == 2 and f'{program}: ' in done.stderr and 'MESSAGE_ID' not in done.stderr
