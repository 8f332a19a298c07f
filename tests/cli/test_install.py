# SPDX-License-Identifier: Apache-2.0
"""What `make install` leaves: all products where others look for them, and a library that one compiles against."""

import os
import re
import subprocess

import pytest
from conftest import BUILD, ROOT, WAIT

PREFIX = '/opt/givc'


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=10 * WAIT, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('root')
    sanitize = re.search(r'sanitize-([a-z-]+)$', str(BUILD))
    run('make', '-s', '-C', str(ROOT), 'install', f'DESTDIR={root}', f'PREFIX={PREFIX}',
        f'SANITIZE={sanitize[1].replace("-", ",") if sanitize else ""}')
    return root


@pytest.mark.parametrize('path', [
    'bin/givc-agent', 'bin/givc-admin', 'bin/givcctl', 'bin/givc-cli', 'lib/libgivc.so', 'lib/libgivc.so.0',
    'include/givc/givc.h', 'lib/pkgconfig/givc.pc', 'share/givc/proto/admin.proto', 'share/givc/examples/greeter.c',
    'share/man/man1/givcctl.1', 'share/man/man1/givc-cli.1',
    'share/man/man5/givc-agent.json.5', 'share/man/man7/givc.7',
    'share/man/man3/libgivc.3', 'share/man/man7/givc-api.7',
    'share/man/man8/givc-agent.8', 'share/man/man8/givc-admin.8', 'lib/systemd/system/givc-admin.service',
    'lib/systemd/user/givc-agent.socket', 'share/bash-completion/completions/givc-cli',
    'share/bash-completion/completions/givcctl', 'share/zsh/site-functions/_givcctl',
    'share/fish/vendor_completions.d/givcctl.fish',
    'lib/systemd/catalog/givc.catalog', 'share/dbus-1/system.d/givc-admin.conf',
    'share/dbus-1/system.d/givc-agent.conf', 'share/polkit-1/rules.d/givc-agent.rules',
    'share/givc/examples/units/50-unprivileged.conf', 'share/givc/examples/units/50-socket-proxy.conf',
    'share/givc/examples/units/50-events.conf', 'share/givc/examples/units/50-access-control.conf',
    'lib/sysusers.d/givc-admin.conf', 'lib/sysusers.d/givc-agent.conf',
    'lib/tmpfiles.d/givc-admin.conf', 'lib/tmpfiles.d/givc-agent.conf'])
def test_products_are_in_their_places(root, path):
    assert (root / f'{PREFIX}/{path}'.lstrip('/')).stat().st_size > 0


def test_every_proto_is_there_with_its_folder(root):
    installed = root / f'{PREFIX}/share/givc/proto'.lstrip('/')
    assert {p.relative_to(installed) for p in installed.rglob('*.proto')} == {
        p.relative_to(ROOT / 'proto') for p in (ROOT / 'proto').rglob('*.proto')}


def test_units_start_what_was_installed(root):
    units = [*root.rglob('*.service')]
    started = [m for u in units for m in re.findall(r'^ExecStart=(/\S+)', u.read_text(), re.M)]
    assert len(started) == len(units) >= 3
    assert all((root / path.lstrip('/')).exists() and path.startswith(PREFIX) for path in started)


def test_the_link_is_relative(root):
    assert os.readlink(root / f'{PREFIX}/bin/givc-cli'.lstrip('/')) == 'givcctl'
    assert run(str(root / f'{PREFIX}/bin/givc-cli'.lstrip('/')), '--version').startswith('givcctl ')


@pytest.mark.skipif('sanitize' in str(BUILD), reason='a sanitized library wants a sanitized program')
def test_a_module_of_ones_own_builds_against_it(root, tmp_path):
    """As README.md says."""
    env = os.environ | {'PKG_CONFIG_PATH': str(root / f'{PREFIX}/lib/pkgconfig'.lstrip('/'))}
    examples = root / f'{PREFIX}/share/givc/examples'.lstrip('/')
    flags = run('pkg-config', '--cflags', '--libs', 'givc', env=env).replace(PREFIX, f'{root}{PREFIX}').split()
    run('protoc-c', f'--proto_path={examples}', f'--c_out={tmp_path}', f'{examples}/greeter.proto')
    run('cc', '-Wall', '-Werror', '-o', 'greeter', str(examples / 'greeter.c'), 'greeter.pb-c.c', '-I.', *flags,
        cwd=tmp_path)
    needed = run('readelf', '-d', str(tmp_path / 'greeter'))
    assert 'libgivc.so.0' in needed and 'libgrpc' not in needed
