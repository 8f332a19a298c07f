# SPDX-License-Identifier: Apache-2.0
"""Each check of the lint finds the fault that it is there for, in a small tree that is otherwise clean."""

import pathlib
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
HEADER = '/* SPDX-License-Identifier: Apache-2.0 */\n/* What it is for. */\n'
LINE = '        x++;\n'
PAGE = 'x(1)\n\n# NAME\n\nx - y\n\n# DESCRIPTION\n\nText.\n'
UNIT = '# SPDX-License-Identifier: Apache-2.0\n[Unit]\nDescription=x\n[Service]\nExecStart=/usr/bin/givc-x\n'
SAFE = '''CapabilityBoundingSet=
NoNewPrivileges=yes
PrivateDevices=yes
PrivateNetwork=yes
PrivateTmp=yes
PrivateUsers=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=strict
DynamicUser=yes
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
MemoryDenyWriteExecute=yes
LockPersonality=yes
'''
CLEAN = {
    'Makefile': '# SPDX-License-Identifier: Apache-2.0\nall:\n\ttrue\n',
    'README.md': 'src/ base/ libgivc/ tests/ lint/ man/ units/ ctl/ admin/ rpc/ bus/ agent/ services/\n',
    '.clang-format': (HERE.parents[1] / '.clang-format').read_text(),
    'src/libgivc/base/a.c': HEADER + '#include <string.h>\n',
    'man/x.1.scd': PAGE,
    'units/x.service': UNIT + SAFE,
    'tests/a.py': '# SPDX-License-Identifier: Apache-2.0\nprint(1)\n',
    'tests/a.sh': '#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\necho a\n',
}


@pytest.fixture
def tree(tmp_path):
    (tmp_path / 'tests/lint').mkdir(parents=True)
    shutil.copy(HERE / 'lint.py', tmp_path / 'tests/lint')
    subprocess.run(['git', 'init', '-q', tmp_path], check=True)
    for path, text in CLEAN.items():
        put(tmp_path, path, text)
    return tmp_path


def put(tree, path, text):
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(text)


def lint(tree, *checks):
    done = subprocess.run([tree / 'tests/lint/lint.py', *checks], capture_output=True, text=True, check=False)
    assert done.stderr == ''
    faults = done.stdout.splitlines()[:-1]
    assert done.returncode == bool(faults)
    return faults


def test_a_clean_tree(tree):
    assert lint(tree) == []


@pytest.mark.parametrize('check, path, text, says', [
    ('format', 'src/libgivc/base/b.c', HEADER + 'int  x;\n', '.clang-format'),
    ('walls', 'src/libgivc/bus/b.c', HEADER + '#include <grpc/grpc.h>\n', 'grpc/grpc.h'),
    ('walls', 'src/libgivc/base/b.c', HEADER + '#include "event/fiber.h"\n', 'event/fiber.h'),
    ('walls', 'src/libgivc/bus/b.c', HEADER + '#include "rpc/call.h"\n', 'rpc/call.h'),
    ('walls', 'src/libgivc/rpc/b.c', HEADER + '#include <gnutls/gnutls.h>\n', 'gnutls'),
    ('walls', 'src/agent/b.c', HEADER + '#include <systemd/sd-bus.h>\n', 'sd-bus.h'),
    ('walls', 'src/agent/b.c', HEADER + '#include "systemd.pb-c.h"\n', 'systemd.pb-c.h'),
    ('walls', 'src/admin/registry.c', HEADER + '#include "rpc/call.h"\n', 'rpc/call.h'),
    ('budgets', 'src/libgivc/base/b.c', HEADER + 'static int f(void) {\n' + LINE * 99 + '}\n', 'f() has 101'),
    ('budgets', 'src/libgivc/base/b.c', HEADER + 'int f(int a,\n                int b) {\n#if X\n' + LINE * 98 +
     '#endif\n}\n', 'f() has 103'),
    ('budgets', 'src/libgivc/base/b.c', HEADER + 'int f(void) {\n' + LINE * 25 + '}\n', 'the median'),
    ('budgets', 'src/libgivc/base/b.c', HEADER + '\n' * 699, '701 lines'),
    ('budgets', 'Makefile', '\n' * 251, '251 lines'),
    ('budgets', 'tests/b.py', 'def f():\n' + '    x()\n' * 100, 'f() has 101'),
    ('licence', 'src/libgivc/base/b.c', '/* What it is for. */\n', 'SPDX'),
    ('licence', 'tests/b.sh', '#!/bin/sh\necho a\n', 'SPDX'),
    ('text', 'tests/b.json', '{ }  \n', 'blanks'),
    ('text', 'tests/b.json', '{\t}\n', 'a tab'),
    ('text', 'Makefile', 'a:\n\tx\ty\n', 'a tab'),
    ('text', 'tests/b.json', '{}', 'without a newline'),
    ('text', 'tests/b.py', '# ' + 'ä' * 119 + '\n', '121 columns'),
    ('words', 'tests/b.py', '# in /ro' + 'ot/x\n', 'one machine'),
    ('words', 'tests/b.py', '# FIX' + 'ME: later\n', 'unfinished'),
    ('openings', 'src/libgivc/base/b.h', '/* SPDX-License-Identifier: Apache-2.0 */\n#pragma once\n', 'what it is for'),
    ('banners', 'src/libgivc/base/b.c', HEADER + '/* -- part -- */\n', 'a banner'),
    ('banners', 'tests/b.py', '# parts -----\n', 'a banner'),
    ('shell', 'tests/b.sh', '#!/bin/sh\necho $1\n', 'SC2086'),
    ('python', 'tests/b.py', 'import os\n', "'os' imported but unused"),
    ('python', 'tests/b.py', 'def f(:\n', 'invalid syntax'),
    ('man', 'man/b.1.scd', 'b(1)\n\n# NAME\n\nb - *c\n\n', 'Expected * before'),
    ('units', 'units/b.service', UNIT.replace('ExecStart', 'ExecStrat'), 'ExecStrat'),
    ('units', 'units/b.service', UNIT, 'exposure'),
    ('readme', 'src/newroom/b.c', HEADER, 'newroom/'),
])
def test_a_fault_is_found(tree, check, path, text, says):
    put(tree, path, text)
    faults = lint(tree, check)
    assert any(says in f and path.split('/')[0] in f or says in f and check == 'readme' for f in faults), faults


def test_what_may_be_included(tree):
    for path, header in (('src/libgivc/rpc/b.c', 'grpc/grpc.h'), ('src/libgivc/rpc/b.c', 'tls/session.h'),
                         ('src/agent/services/b.c', 'systemd.pb-c.h'), ('src/ctl/b.c', 'ctl/a.h'),
                         ('src/ctl/table.c', 'libsmartcols/libsmartcols.h'), ('src/admin/b.c', 'admin/registry.h')):
        put(tree, path, HEADER + f'#include <{header}>\n')
        assert lint(tree, 'walls') == []


def test_a_check_that_is_not_there(tree):
    done = subprocess.run([tree / 'tests/lint/lint.py', 'looks'], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and 'no check looks' in done.stderr
