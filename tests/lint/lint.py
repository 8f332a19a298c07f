#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The walls and budgets of the house, over every file that git knows or would take. `make lint` runs all checks,
`tests/lint/lint.py walls budgets` some. A check is a function that yields faults; a table at the bottom names them."""

import ast
import os
import py_compile
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLUMNS_MAX = 120
FUNCTION_MAX = 100
FUNCTION_MEDIAN_MAX = 25
FILE_MAX = 700
MAKEFILE_MAX = 250
EXPOSURE_MAX = 25  # tenths, systemd-analyze security

# A room may include its own headers and those of the rooms named here. Programs stand on everything.
LIBRARY = ('base', 'event', 'tls', 'proto', 'bus', 'http', 'policy', 'rpc')
USES = {
    'base': (),
    'event': ('base',),
    'tls': ('base', 'event'),
    'proto': ('base',),
    'bus': ('base', 'event'),
    'http': ('base', 'event'),
    'policy': ('base',),
    'rpc': ('base', 'event', 'policy', 'proto', 'tls'),
    'agent': LIBRARY,
    'admin': LIBRARY,
    'ctl': LIBRARY,
}
PROGRAMS = ('agent', 'admin', 'ctl')

# A foreign header, and who may include it: rooms, or files by a pattern of their path under src/.
FOREIGN = (
    (r'grpc/', ('rpc',)),
    (r'gnutls/', ('tls',)),
    (r'systemd/sd-bus\.h', ('bus',)),
    (r'bus/bus-(connection|internal)\.h', ('bus',)),
    (r'systemd/sd-(daemon|journal)\.h', ('event', r'agent/journal.*')),
    (r'systemd/sd-event\.h', ('event', 'tls', 'bus', 'http', 'rpc', *PROGRAMS)),
    (r'protobuf-c/', ('proto', 'rpc', *PROGRAMS)),
    (r'jansson\.h', ('proto', r'(agent|admin)/(config|fields).*')),
    (r'libsmartcols/', (r'ctl/table\..*',)),
    (r'curl/', ('http',)),
    (r'libevdev/', (r'agent/input-(source|sink)\..*',)),
    (r'uthash\.h', ('base',)),
    (r'(valgrind|sanitizer)/|ucontext\.h', (r'libgivc/event/fiber.*',)),
    (r'.*\.pb-c\.h', ('ctl', r'(agent|admin)/(services|calls)/.*', r'libgivc/rpc/(contract|health|reflection|status).*',
                      r'admin/store\..*', r'libgivc/proto/unit-message\..*')),
)
# Files that know less than their room does.
NARROW = ((r'admin/(registry|reservation).*', ('rpc', 'bus', 'tls')),)

C = ('.c', '.h', '.cc')


def run(*command, **options):
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          **options)


def tree():
    """Every file of the project that is text, as paths relative to its root."""
    names = run('git', 'ls-files', '-co', '--exclude-standard').stdout.splitlines()
    for name in sorted(set(names)):
        path = ROOT / name
        if path.is_file() and not path.is_symlink() and b'\0' not in path.read_bytes()[:1024]:
            yield Path(name)


FILES = list(tree())


def files(*suffixes, under=''):
    return [f for f in FILES if f.suffix in suffixes and str(f).startswith(under)]


def lines(path):
    return (ROOT / path).read_text(errors='replace').splitlines()


def interpreter(path):
    first = lines(path)[:1]
    return first[0] if first and first[0].startswith('#!') else ''


def python_files():
    return [f for f in FILES if f.suffix == '.py' or 'python' in interpreter(f)]


def room_of(path):
    parts = path.parts
    if parts[:2] == ('src', 'libgivc') and len(parts) > 3:
        return parts[2]
    return parts[1] if parts[0] == 'src' and len(parts) > 2 else None


def check_format():
    for f in files(*C):
        for line in run('clang-format', '--dry-run', str(f)).stdout.splitlines():
            if 'warning:' in line:
                yield f'{line.split(" warning:")[0]} not as .clang-format says'
                break


def may_include(path, header):
    room, inside = room_of(path), '/'.join(path.parts[1:])
    for pattern, allowed in FOREIGN:
        if re.match(pattern, header):
            return room in allowed or any(re.fullmatch(a, inside) for a in allowed if not a.isidentifier())
    other = header.split('/')[0]
    for pattern, forbidden in NARROW:
        if re.fullmatch(pattern, inside) and other in forbidden:
            return False
    return other not in USES or '/' not in header or other == room or other in USES.get(room, LIBRARY)


def check_walls():
    for f in files('.c', '.h', under='src/'):
        if f.parts[2] in ('givc', 'examples'):
            continue  # the library as others see it
        for n, line in enumerate(lines(f), 1):
            found = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            if found and not may_include(f, found[1]):
                yield f'{f}:{n}: <{found[1]}> is behind a wall for {room_of(f)}'


def c_functions(path):
    """Name, line and length of each function, by the form that clang-format gives them: braces of functions alone stand
    in the first column."""
    begin = None
    for n, line in enumerate(lines(path), 1):
        if re.match(r'[A-Za-z_]', line) and not re.match(r'\w+:$|(typedef|struct|enum|union|namespace)\b[^(]*$', line):
            begin = (n, line)
        elif line.startswith('}') and begin:
            if line == '}' and '(' in begin[1]:
                found = re.search(r'(\w+)\s*\(', begin[1])
                yield (found[1] if found else '?'), begin[0], n - begin[0] + 1
            begin = None


def python_functions(path):
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def check_budgets():
    for under in ('src/', 'tests/'):
        lengths = []
        for f in files(*C, under=under):
            for name, line, length in c_functions(f):
                lengths.append(length)
                if length > FUNCTION_MAX:
                    yield f'{f}:{line}: {name}() has {length} lines, {FUNCTION_MAX} are the limit'
        if lengths and statistics.median(lengths) > FUNCTION_MEDIAN_MAX:
            yield f'{under}: the median function has {statistics.median(lengths)} lines, limit {FUNCTION_MEDIAN_MAX}'
    for f in python_files():
        for name, line, length in python_functions(f):
            if length > FUNCTION_MAX:
                yield f'{f}:{line}: {name}() has {length} lines, {FUNCTION_MAX} are the limit'
    for f in set(files(*C, '.sh', '.mk', '.bats', '.nix') + python_files()):
        if len(lines(f)) > FILE_MAX:
            yield f'{f}:1: {len(lines(f))} lines, {FILE_MAX} are the limit'
    if len(lines('Makefile')) > MAKEFILE_MAX:
        yield f'Makefile:1: {len(lines("Makefile"))} lines, {MAKEFILE_MAX} are the limit'


def check_licence():
    sources = ('.py', '.sh', '.mk', '.awk', '.bats', '.proto', '.js', '.mjs', '.nix', '.map')
    units = ('.service', '.socket', '.target', '.slice', '.timer')
    for f in FILES:
        if f.suffix in C + sources + units or f.name == 'Makefile' or interpreter(f):
            head = lines(f)[1 if interpreter(f) else 0:][:1]
            if not head or 'SPDX-License-Identifier: Apache-2.0' not in head[0]:
                yield f'{f}:1: begins without SPDX-License-Identifier: Apache-2.0'


def check_text():
    """What an editor should have kept out. Seeds of the fuzzer are bytes, whatever they look like."""
    make = {f for f in FILES if f.name == 'Makefile' or f.suffix == '.mk'}
    wide = set(files(*C, '.sh', '.bats') + python_files())
    for f in FILES:
        if f.is_relative_to('tests/fuzz/corpus'):
            continue
        text = (ROOT / f).read_text(errors='replace')
        if text and not text.endswith('\n'):
            yield f'{f}: ends without a newline'
        for n, line in enumerate(text.splitlines(), 1):
            if line != line.rstrip():
                yield f'{f}:{n}: blanks at the end of the line'
            if '\t' in (line.lstrip('\t') if f in make else line) and f.suffix not in ('.patch', '.scd'):
                yield f'{f}:{n}: a tab'
            if f in wide and len(line) > COLUMNS_MAX:
                yield f'{f}:{n}: {len(line)} columns, {COLUMNS_MAX} are the limit'


def check_words():
    """Paths of one machine, and notes that something is not done."""
    machine = re.compile(r'(?<![\w.}/])/(?:work|root|home/[a-z]\w*)/[\w.]')
    unfinished = re.compile(r'\b(?:' + '|'.join(('TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK')) + r')\b')
    for f in FILES:
        if f.name in ('LICENSE', 'package-lock.json'):
            continue
        for n, line in enumerate(lines(f), 1):
            if machine.search(line):
                yield f'{f}:{n}: the path of one machine'
            if unfinished.search(line):
                yield f'{f}:{n}: a note of unfinished work; do it, or open an issue'


def check_openings():
    """A file says what it is for: a header at its top, a source at its top unless its header does."""
    for f in files('.c', '.h', '.cc'):
        says = re.match(r'/[*/] ', (lines(f)[1:2] or [''])[0])
        if not says and not (f.suffix != '.h' and (ROOT / f.with_suffix('.h')).exists()):
            yield f'{f}:2: does not say what it is for'


def check_banners():
    """A file that has parts with names is more than one file."""
    banner = re.compile(r'\s*(?:/\*|//|#)\s*[-=~]{2,}(?:\s|$)|\s*(?:/\*|//|#)[^\'"]*[-=~*]{5,}\s*(?:\*/)?$')
    for f in set(files(*C, '.sh', '.mk', '.awk', '.proto', '.js') + python_files() + files('', '.service', '.socket')):
        if f.name == 'LICENSE' or f.is_relative_to('tests/fuzz/corpus'):
            continue
        for n, line in enumerate(lines(f), 1):
            if banner.match(line):
                yield f'{f}:{n}: a banner'


def check_shell():
    for f in FILES:
        if f.suffix in ('.sh', '.bats') or re.match(r'#!.*\b(ba|da)?sh\b', interpreter(f)):
            for line in run('shellcheck', '-f', 'gcc', '-x', str(f)).stdout.splitlines():
                yield line


def check_python():
    sources = python_files()
    with tempfile.TemporaryDirectory() as d:
        for f in sources:
            try:
                py_compile.compile(str(ROOT / f), cfile=f'{d}/compiled', doraise=True)
            except py_compile.PyCompileError as e:
                yield f'{f}: {e.msg.strip()}'
    for line in run('/usr/bin/python3', '-m', 'pyflakes', *map(str, sources)).stdout.splitlines() if sources else ():
        yield line


def check_man():
    for f in files('.scd'):
        page = run('scdoc', input=(ROOT / f).read_text())
        if page.returncode != 0:
            yield f'{f}: {page.stdout.strip()}'
            continue
        for line in run('mandoc', '-T', 'lint', '-W', 'warning', input=page.stdout).stdout.splitlines():
            if 'skipping paragraph macro' not in line:  # scdoc writes more of them than it needs
                yield f'{f}: {line}'


def check_units():
    """Units with their programs replaced by one that is on every machine, since ours need not be installed here."""
    kinds = ('.service', '.socket', '.target', '.slice')
    units = [f for f in FILES if f.parts[0] == 'units' and f.suffix in kinds]
    with tempfile.TemporaryDirectory() as d:
        for f in units:
            text = (ROOT / f).read_text()
            text = re.sub(r'^(Exec\w+=[-@:+!]*)/usr/bin/givc\S*', r'\1/usr/bin/true', text, flags=re.M)
            place = Path(d, *f.parts[1:])  # user units may have the names of system units
            place.parent.mkdir(exist_ok=True)
            place.write_text(text)
        for f in units:
            place = Path(d, *f.parts[1:])
            unit = place.with_name(re.sub(r'@\.', '@x.', f.name))
            if unit != place:
                shutil.copy(place, unit)
            verify = run('systemd-analyze', 'verify', '--man=no', '--recursive-errors=no', str(unit))
            for line in verify.stdout.splitlines():
                yield f'{f}: {line.replace(d + "/", "")}'
            if f.suffix == '.service' and f.parts[1] != 'user':
                safe = run('systemd-analyze', 'security', '--offline=true', f'--threshold={EXPOSURE_MAX}', str(unit))
                if safe.returncode != 0:
                    yield f'{f}: {safe.stdout.strip().splitlines()[-1]}; {EXPOSURE_MAX / 10} is the limit'


def check_readme():
    """The tour in README.md names every room."""
    readme = ROOT / 'README.md'
    text = readme.read_text() if readme.exists() else ''
    rooms = {f.parts[0] for f in FILES if len(f.parts) > 1 and not f.parts[0].startswith('.')}
    rooms |= {f.parts[1] for f in FILES if f.parts[0] in ('src', 'tests') and len(f.parts) > 2}
    rooms |= {f.parts[2] for f in FILES if f.parts[:2] == ('src', 'libgivc') and len(f.parts) > 3}
    for room in sorted(rooms):
        if not re.search(rf'(?<![\w-]){re.escape(room)}/', text):
            yield f'README.md: the tour does not name {room}/'


CHECKS = {
    'format': (check_format, 'clang-format'),
    'walls': (check_walls, None),
    'budgets': (check_budgets, None),
    'licence': (check_licence, None),
    'text': (check_text, None),
    'words': (check_words, None),
    'openings': (check_openings, None),
    'banners': (check_banners, None),
    'shell': (check_shell, 'shellcheck'),
    'python': (check_python, None),
    'man': (check_man, 'scdoc'),
    'units': (check_units, 'systemd-analyze'),
    'readme': (check_readme, None),
}


def main():
    wanted = sys.argv[1:] or list(CHECKS)
    unknown = [w for w in wanted if w not in CHECKS]
    if unknown:
        sys.exit(f'lint: no check {", ".join(unknown)}; there are {", ".join(CHECKS)}')
    n_faults = 0
    for name in wanted:
        check, tool = CHECKS[name]
        if tool and not shutil.which(tool):
            faults = [f'{tool} is not installed; see make deps']
        else:
            faults = list(check())
        for fault in faults:
            print(f'{fault} [{name}]')
        n_faults += len(faults)
    print(f'lint: {len(wanted)} checks over {len(FILES)} files, {n_faults} faults')
    return 1 if n_faults else 0


if __name__ == '__main__':
    os.chdir(ROOT)
    sys.exit(main())
