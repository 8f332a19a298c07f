# SPDX-License-Identifier: Apache-2.0
"""The sandbox of the units: how much is left open, and that the pages say what each of it is for."""

import json
import re
import subprocess

import pytest
from conftest import ROOT, WAIT

EXPOSURE_MAX = 25   # tenths, as systemd-analyze takes them
UNPRIVILEGED = ROOT / 'units/examples/50-unprivileged.conf'
SOCKET_PROXY = ROOT / 'units/examples/50-socket-proxy.conf'


def analyze(directory, unit, drop_in=None):
    """What systemd-analyze finds open in a unit, which starts a program that is on every machine."""
    text = (ROOT / f'units/{unit}.service').read_text()
    text = re.sub(r'^(Exec\w+=)/usr/bin/givc\S*', r'\1/usr/bin/true', text, flags=re.M)
    (directory / f'{unit}.service').write_text(text)
    if drop_in:
        (directory / f'{unit}.service.d').mkdir()
        (directory / f'{unit}.service.d' / drop_in.name).write_text(drop_in.read_text())
    done = subprocess.run(['systemd-analyze', 'security', '--offline=true', f'--threshold={EXPOSURE_MAX}',
                           '--json=short', str(directory / f'{unit}.service')], capture_output=True, text=True,
                          timeout=WAIT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {row['name'].split('=')[0] for row in json.loads(done.stdout) if not row['set'] and row.get('exposure')}


def explained(page):
    section = re.search(r'^# SANDBOX\n(.*?)(?=^# )', (ROOT / f'man/{page}.8.scd').read_text(), re.M | re.S)[1]
    return {name for line in re.findall(r'^_.*=_$', section, re.M) for name in re.findall(r'_(\w+)=_', line)}


def test_the_admin(tmp_path):
    assert explained('givc-admin') == analyze(tmp_path, 'givc-admin')


def test_the_agent_with_and_without_root(tmp_path):
    (tmp_path / 'root').mkdir()
    (tmp_path / 'user').mkdir()
    (tmp_path / 'proxy').mkdir()
    root = analyze(tmp_path / 'root', 'givc-agent')
    user = analyze(tmp_path / 'user', 'givc-agent', UNPRIVILEGED)
    proxy = analyze(tmp_path / 'proxy', 'givc-agent', SOCKET_PROXY)
    assert 'User' in root and not user & {'User', 'ProtectHome', 'PrivateTmp', 'RestrictSUIDSGID'}
    assert explained('givc-agent') == root | user and proxy == root


@pytest.mark.parametrize('verb', ['start', 'stop', 'restart', 'kill', 'freeze', 'thaw', 'reset-failed'])
def test_the_rule_permits_what_the_agent_asks_for(verb):
    method = {'reset-failed': 'ResetFailed'}.get(verb, verb.capitalize())
    sources = ' '.join(p.read_text() for p in (ROOT / 'src/libgivc/bus').glob('unit-*.c'))
    assert f'"{method}Unit"' in sources
    assert f'"{verb}"' in (ROOT / 'units/givc-agent.rules').read_text()
