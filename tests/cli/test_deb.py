# SPDX-License-Identifier: Apache-2.0
"""What `make deb` makes, as files; tests/scenarios/packages installs them."""

import hashlib
import os
import re
import subprocess

import pytest
from conftest import BUILD, ROOT, WAIT

PACKAGES = {'givc-admin', 'givc-agent', 'givcctl', 'libgivc0', 'libgivc-dev'}
SANITIZE = re.search(r'sanitize-([a-z-]+)$', str(BUILD))
MAKE = ('make', '-s', '-C', str(ROOT), f'SANITIZE={SANITIZE[1].replace("-", ",") if SANITIZE else ""}')


def run(*command, **options):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=20 * WAIT, check=False,
                          **options)


def build():
    done = run(*MAKE, 'deb')
    assert done.returncode == 0, done.stdout + done.stderr
    return {p.name.split('_')[0]: p for p in (ROOT / BUILD / 'deb').iterdir()}


def sums(packages):
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in packages.items()}


@pytest.fixture(scope='module')
def packages():
    return build()


def field(path, name):
    return run('dpkg-deb', '-f', path, name).stdout.strip()


def content(path):
    """(mode, owner, path) of everything in it."""
    lines = (line.split(maxsplit=5) for line in run('dpkg-deb', '-c', path).stdout.splitlines())
    return [(mode, owner, name.removeprefix('.').split(' -> ')[0]) for mode, owner, _, _, _, name in lines]


def test_these_and_nothing_else(packages):
    assert set(packages) == PACKAGES
    version = re.search(r'^VERSION +:= (\S+)', (ROOT / 'Makefile').read_text(), re.M)[1]
    for name, path in packages.items():
        assert (field(path, 'Package'), field(path, 'Version')) == (name, version)


def test_the_same_bytes_again(packages):
    before = sums(packages)
    assert sums(build()) == before


@pytest.mark.parametrize('package, needed', [
    ('givc-admin', {'libc6', 'libgnutls30', 'libsystemd0', 'libcurl3-gnutls', 'systemd', 'givcctl'}),
    ('givc-agent', {'libc6', 'libgnutls30', 'libsystemd0', 'libcurl3-gnutls', 'libevdev2', 'systemd'}),
    ('givcctl', {'libc6', 'libgnutls30', 'libsystemd0', 'libcurl3-gnutls', 'libsmartcols1'}),
    ('libgivc0', {'libc6', 'libgrpc29', 'libsystemd0', 'libprotobuf-c1'}),
    ('libgivc-dev', {'libgivc0', 'libsystemd-dev', 'libprotobuf-c-dev'})])
def test_they_say_what_they_need(packages, package, needed):
    assert needed <= set(re.findall(r'(?:^|, |\| )([a-z0-9.+-]+)', field(packages[package], 'Depends')))


@pytest.mark.parametrize('package', sorted(PACKAGES))
def test_only_root_may_change_what_is_in_them(packages, package):
    for mode, owner, name in content(packages[package]):
        assert owner == 'root/root', name
        kind = 'drwxr-xr-x' if name.endswith('/') else '-rwxr-xr-x' if name.startswith('/usr/bin/') else '-rw-r--r--'
        assert mode == kind or mode[0] == 'l', name


@pytest.mark.parametrize('package', sorted(PACKAGES))
def test_they_have_a_licence_and_no_configuration(packages, package, tmp_path):
    assert run('dpkg-deb', '-x', packages[package], tmp_path).returncode == 0
    said = (tmp_path / f'usr/share/doc/{package}/copyright').read_text()
    assert 'License: Apache-2.0' in said and '/usr/share/common-licenses/Apache-2.0' in said
    assert not (tmp_path / 'etc').exists() and not (tmp_path / 'var').exists()
    assert 'conffiles' not in run('dpkg-deb', '-I', packages[package]).stdout


def test_no_file_is_in_two(packages):
    files = [name for path in packages.values() for mode, _, name in content(path) if mode[0] != 'd']
    assert len(files) == len(set(files)) > 50


@pytest.mark.parametrize('name, said', [('usr/bin/givc-other', 'No package has these:\ntree/usr/bin/givc-other'),
                                        (None, 'givc-admin.install: there is no usr/bin/givc-admin')])
def test_what_is_left_or_missing_is_an_error(tmp_path, name, said):
    tree = tmp_path / 'tree'
    assert run(*MAKE, 'install', f'DESTDIR={tree}', 'LIBDIR=/usr/lib/triplet').returncode == 0
    if name:
        (tree / name).touch()
    else:
        (tree / 'usr/bin/givc-admin').unlink()
    done = run(ROOT / 'units/debian/build', tmp_path, '1', env=os.environ | {'LC_ALL': 'C'})
    assert done.returncode == 1 and said in done.stderr
