# SPDX-License-Identifier: Apache-2.0
"""Help, manual page and tables say the same."""

import re

from conftest import ROOT, Client

PAGE = (ROOT / 'man/givcctl.1.scd').read_text()
HELP = Client()('--help').stdout


def section(title):
    return re.search(rf'^# {title}\n(.*?)(?=^# |\Z)', PAGE, re.M | re.S)[1]


def test_verbs():
    verbs = re.findall(r'^\t\{? ?"|^        \{ "(\w+)", \d', (ROOT / 'src/ctl/verbs.c').read_text(), re.M)
    shown = re.findall(r'^  ([a-z]+) ', HELP, re.M)
    assert shown == verbs and len(verbs) >= 7
    assert re.findall(r'^\*([a-z]+)\*', section('VERBS'), re.M) == verbs


def test_options():
    shown = set(re.findall(r'--[a-z-]+', HELP)) - {'--'}
    documented = set(re.findall(r'^\*(?:-\w\*, \*)?(--[a-z-]+)', section('OPTIONS'), re.M))
    assert documented == shown and len(shown) >= 17
    assert set(re.findall(r'^  (-\w)\b', HELP, re.M)) == set(re.findall(r'^\*(-\w)\*', section('OPTIONS'), re.M))


def test_variables():
    read = set(re.findall(r'"(GIVC_[A-Z_]+)"', (ROOT / 'src/ctl/options.c').read_text()))
    read |= set(re.findall(r'getenv\("(\w+)"\)', ''.join(f.read_text() for f in (ROOT / 'src/ctl').glob('*.c'))))
    assert set(re.findall(r'\*([A-Z_]{4,})\*', section('ENVIRONMENT'))) == read


def test_exit_statuses():
    known = re.findall(r'^ +CTL_\w+ = (\d+),', (ROOT / 'src/ctl/ctl.h').read_text(), re.M)
    assert re.findall(r'^\*(\d+)\*', section('EXIT STATUS'), re.M) == known
