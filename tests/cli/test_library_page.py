# SPDX-License-Identifier: Apache-2.0
"""libgivc(3), the public header and what the library exports: the same symbols with the same prototypes."""

import re
import subprocess

from conftest import BUILD, ROOT, WAIT

HEADER = '\n'.join(p.read_text() for p in sorted((ROOT / 'src/libgivc/givc').glob('*.h')))
CODE = re.sub(r'/\*.*?\*/', '', HEADER, flags=re.S)
PAGE = (ROOT / 'man/libgivc.3.scd').read_text()
BLOCKS = re.findall(r'^```\n(.*?)^```', PAGE, re.M | re.S)
TEXT = re.sub(r'^```\n.*?^```', '', PAGE, flags=re.M | re.S)
PROTOTYPE = re.compile(r'^[A-Za-z]\w*[ \w]* \**(givc_\w+)\([^{;]*;', re.M)


def plain(text):
    return ' '.join(text.split())


def test_prototypes():
    declared = {m[1]: plain(m[0]) for m in PROTOTYPE.finditer(CODE)}
    shown = {m[1]: plain(m[0]) for block in BLOCKS[:-1] for m in PROTOTYPE.finditer(block)}
    assert shown == declared and len(declared) >= 30


def test_what_is_exported():
    symbols = subprocess.run(['nm', '-D', '--defined-only', str(BUILD / 'libgivc.so')], capture_output=True, text=True,
                             timeout=WAIT, check=True).stdout
    exported = set(re.findall(r' [A-Z] (\w+)@@LIBGIVC_0$', symbols, re.M))
    assert exported == set(re.findall(r'\b(givc_\w+)\(', CODE))
    assert set(re.findall(r'\*(givc_\w+)\*\(\)', TEXT)) == exported


def test_types():
    for kind in re.findall(r'^typedef (?:struct|enum) \w+ \{.*?^\} \w+;', HEADER, re.M | re.S):
        assert plain(kind) in plain(PAGE)


def test_codes_and_their_errnos():
    table = (ROOT / 'src/libgivc/rpc/status.c').read_text()
    rows = re.findall(r'^        \[RPC_(\w+)\] = \{ "\1", "\w+", (0|-E\w+) \}', table, re.M)
    numbers = re.findall(r'^        GIVC_(\w+) = \d+,', HEADER, re.M)
    assert [code for code, _ in rows] == numbers and len(rows) == 17
    section = plain(re.search(r'^The codes are those of gRPC(.*?)^# ', PAGE, re.M | re.S)[1])
    for code, error in rows[1:]:
        assert f'GIVC_{code} (\\{error})' in section
    assert len(re.findall(r'GIVC_\w+', section)) == 17


def test_limits():
    for header, name, words in (('rpc/limits.h', 'RPC_CALLS_PER_PEER_MAX', '{} calls in progress'),
                                ('rpc/limits.h', 'RPC_CONNECTIONS_PER_PEER_MAX', '{} connections of one peer'),
                                ('rpc/limits.h', 'RPC_CONNECTIONS_MAX', '{} connections in all'),
                                ('event/fiber.h', 'FIBER_STACK_SIZE', '{} KiB of stack')):
        value = re.search(rf'#define {name} +\(?(\d+)', (ROOT / 'src/libgivc' / header).read_text())[1]
        assert words.format(value) in plain(TEXT), name


def test_the_example_compiles(tmp_path):
    (tmp_path / 'greeter.c').write_text(BLOCKS[-1])
    done = subprocess.run(['gcc', '-std=c11', '-Wall', '-Wextra', '-Werror', '-c', '-o', str(tmp_path / 'greeter.o'),
                           f'-I{ROOT}/src/libgivc', f'-I{BUILD}/examples', str(tmp_path / 'greeter.c')],
                          capture_output=True, text=True, timeout=WAIT, check=False)
    assert (done.returncode, done.stderr) == (0, '')
