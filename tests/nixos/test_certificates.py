# SPDX-License-Identifier: Apache-2.0
"""What givc-check-certs and givc-key-setup do on a host that boots, as root, with an /etc of its own."""

import itertools
import os
import pathlib
import shutil
import signal
import stat
import subprocess

import pytest
from test_nixos import BUILD, evaluate, evaluates, with_settings

pytestmark = evaluates

AS_ROOT = ('unshare', '--user', '--map-root-user', '--mount', 'sh', '-ec',
           'mount --bind "$1" /etc; shift; exec "$@"', 'sh')
PATH = f'{BUILD}:/usr/sbin:/usr/bin:/sbin:/bin'
FILES = ('ca-cert.pem', 'cert.pem', 'crl.pem', 'key.pem')
HOST = '{ name = "ghaf-host"; addr = "192.168.101.2"; }'
NET = '{ name = "net-vm"; addr = "192.168.101.1"; }'
GUI = '{ name = "gui-vm"; addr = "192.168.101.3"; }'


class Host:
    def __init__(self, path):
        self.path, self.etc, self.storage, self.stubs = path, path / 'etc', path / 'storage', path / 'stubs'
        self.scratch = path / 'scratch'
        for folder in (self.etc, self.stubs, self.scratch):
            folder.mkdir()
        (self.etc / 'passwd').write_text('root:x:0:0::/root:/bin/sh\n')
        (self.etc / 'group').write_text('root:x:0:\nkvm:x:0:\n')
        shutil.copy('/etc/mke2fs.conf', self.etc)
        self.lock, self.authority = self.etc / 'givc/tls.lock', self.etc / 'givc/authority'

    def root(self, *words):
        return subprocess.run([*AS_ROOT, self.etc, *words], capture_output=True, text=True, timeout=60, check=False,
                              env={'PATH': f'{self.stubs}:{PATH}', 'RUNTIME_DIRECTORY': str(self.scratch)})

    def script(self, name, before=''):
        done = self.root('bash', '-euo', 'pipefail', '-c', f'umask 022; {before}{self.programs[name]}')
        assert before or not list(self.scratch.iterdir()), 'keys are left behind'
        return done

    def configure(self, *agents):
        settings = with_settings(self.path, '''{ givc.tls = { enable = true; generatorHostName = "ghaf-host";
          storagePath = "%s"; agents = [ %s ]; }; }''' % (self.storage, ' '.join(agents)))
        made = evaluate(settings, ['tls'])
        self.programs, self.warnings = made['programs'], made['warnings']

    def boot(self):
        check = self.script('givc-check-certs')
        assert check.returncode == 0, check.stderr
        return None if self.lock.exists() else self.script('givc-key-setup')

    def works(self):
        done = self.boot()
        assert done and done.returncode == 0, done and done.stderr
        assert stat.S_IMODE(self.lock.stat().st_mode) == 0

    def certs(self, *words):
        done = self.root('givcctl', 'certs', *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def image(self, name):
        return self.storage / f'{name}.img'

    def content(self, name):
        folder = self.path / 'content' / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file in FILES:
            self.debugfs(name, f'dump /{file} {folder / file}')
            (folder / file).chmod(0o600)
        return {file: (folder / file).read_text() for file in FILES}

    def debugfs(self, name, command):
        return subprocess.run(['debugfs', '-R', command, self.image(name)], capture_output=True, text=True, timeout=60,
                              check=True).stdout

    def files(self):
        return {str(f): oct(f.stat().st_mode) for root in (self.etc / 'givc', self.storage) for f in root.rglob('*')}

    def state(self):
        """What is the same as long as nobody has replaced it."""
        return {i.name: i.stat().st_ino for i in self.storage.iterdir()}


@pytest.fixture
def host(tmp_path):
    made = Host(tmp_path)
    made.configure(HOST, NET)
    return made


def test_a_host_that_boots_for_the_first_time(host):
    host.works()
    own = host.etc / 'givc'
    assert {f.name: oct(f.stat().st_mode)[-3:] for f in own.iterdir()} == {
        **dict.fromkeys(FILES, '400'), 'givc.certs': '644', 'tls.lock': '000', 'authority': '700'}
    assert (own / 'givc.certs').read_text() == 'ghaf-host net-vm\n'
    assert oct(own.stat().st_mode)[-3:] == oct(host.storage.stat().st_mode)[-3:] == '755'
    assert 'Nothing is wrong' in host.certs('check', '/etc/givc')
    assert '192.168.101.2 ' in host.certs('show', 'ghaf-host')
    assert list(host.state()) == ['net-vm.img']
    label = subprocess.run(['e2label', host.image('net-vm')], capture_output=True, text=True, check=True).stdout
    assert label == 'givc-net-vm\n'


def test_a_name_that_is_longer_than_a_label(host):
    host.configure(HOST, NET.replace('net-vm', 'google-chrome-vm'), GUI)
    assert "`givc-google-chro' (google-chrome-vm)" in host.warnings[0].replace('\n', ' ')
    host.works()
    label = subprocess.run(['e2label', host.image('google-chrome-vm')], capture_output=True, text=True, check=True)
    assert label.stdout == 'givc-google-chro\n'


def test_an_image(host):
    """It is for who runs the VM, and what is in it for root there."""
    host.works()
    image = host.image('net-vm').stat()
    assert (image.st_size, stat.S_IMODE(image.st_mode)) == (2 << 20, 0o640)
    listed = [line.split() for line in host.debugfs('net-vm', 'ls -l /').splitlines() if line.strip()]
    assert {(line[-1], line[1], *line[3:5]) for line in listed if line[-1] not in ('..', 'lost+found')} == {
        ('.', '40755', '0', '0'), *((file, '100400', '0', '0') for file in FILES)}
    assert host.content('net-vm')['cert.pem'] == (host.authority / 'net-vm/cert.pem').read_text()
    assert 'Nothing is wrong' in host.certs('check', str(host.path / 'content/net-vm'))


def test_a_host_that_boots_again_changes_nothing(host):
    host.works()
    before = host.state()
    assert host.boot() is None, 'which the lock prevents'
    host.lock.unlink()
    host.works()
    assert host.state() == before


def test_a_new_vm_leaves_the_others_alone(host):
    host.works()
    before = host.state()
    host.configure(HOST, NET, GUI)
    host.works()
    assert before == {k: v for k, v in host.state().items() if k != 'gui-vm.img'}
    assert host.content('gui-vm')['ca-cert.pem'] == host.content('net-vm')['ca-cert.pem']
    assert host.boot() is None


def test_what_was_renewed_goes_into_the_image(host):
    host.configure(HOST, NET, GUI)
    host.works()
    before, old = host.state(), host.image('net-vm').read_bytes()
    with host.image('net-vm').open('rb') as running:
        host.certs('renew', 'net-vm', '--new-key')
        host.works()
        assert running.read() == old, 'a VM that runs'
    assert host.content('net-vm')['cert.pem'] == (host.authority / 'net-vm/cert.pem').read_text()
    assert host.state()['gui-vm.img'] == before['gui-vm.img'] and host.state()['net-vm.img'] != before['net-vm.img']


def test_what_was_revoked_is_known_to_all(host):
    host.configure(HOST, NET, GUI)
    host.works()
    before = host.content('net-vm')
    host.certs('revoke', 'net-vm')
    host.works()
    revoked = (host.authority / 'crl.pem').read_text()
    assert revoked != before['crl.pem'] and revoked == (host.etc / 'givc/crl.pem').read_text()
    assert {host.content(name)['crl.pem'] for name in ('net-vm', 'gui-vm')} == {revoked}
    assert host.content('net-vm')['key.pem'] != before['key.pem'], 'it is in the list'
    assert 'Nothing is wrong' in host.certs('check')
    assert host.boot() is None


def test_another_address_is_another_certificate(host):
    host.works()
    before = host.content('net-vm')
    host.configure(HOST, NET.replace('101.1"', '101.77"'))
    host.works()
    assert '192.168.101.77' in host.certs('show', 'net-vm') and host.content('net-vm')['cert.pem'] != before['cert.pem']
    host.content('net-vm')
    assert 'Nothing is wrong' in host.certs('check', str(host.path / 'content/net-vm'))
    assert host.boot() is None


@pytest.mark.parametrize('program', ['mkfs.ext4', 'chgrp'])
def test_a_run_that_is_ended(host, program):
    """At each call of a program: what there is then is whole, and the next boot makes the rest."""
    real = shutil.which(program, path=PATH)
    for at in range(1, 20):
        shutil.rmtree(host.etc / 'givc', ignore_errors=True)
        shutil.rmtree(host.storage, ignore_errors=True)
        (host.stubs / program).write_text(f'#!/bin/sh\necho >>{host.path}/calls\n'
                                          f'[ $(wc -l <{host.path}/calls) -ne {at} ] || exit 1\nexec {real} "$@"\n')
        (host.stubs / program).chmod(0o755)
        (host.path / 'calls').write_text('')
        ended = host.boot()
        (host.stubs / program).unlink()
        if ended.returncode == 0:
            break
        assert not host.lock.exists()
        host.works()
        assert 'Nothing is wrong' in host.certs('check') and 'Nothing is wrong' in host.certs('check', '/etc/givc')
        host.content('net-vm')
        assert 'Nothing is wrong' in host.certs('check', str(host.path / 'content/net-vm'))
    assert 1 < at < 19


def test_a_run_that_is_killed(host):
    """Before each of its commands: the next boot makes of it what one that nobody disturbs makes."""
    host.works()
    wanted = host.files()
    for at in itertools.count(1):
        shutil.rmtree(host.etc / 'givc')
        shutil.rmtree(host.storage)
        killed = host.script('givc-key-setup', f'set -T; n=0; trap \'[ $((++n)) -ne {at} ] || kill -KILL $$\' DEBUG; ')
        shutil.rmtree(host.scratch)                             # which the unit has for itself
        host.scratch.mkdir()
        if killed.returncode == 0:
            break
        assert killed.returncode == -signal.SIGKILL
        done = host.boot()
        assert done is None or done.returncode == 0, done.stderr
        assert host.files() == wanted
        assert host.content('net-vm')['crl.pem'] == (host.etc / 'givc/crl.pem').read_text()
        assert 'Nothing is wrong' in host.certs('check', '/etc/givc', str(host.path / 'content/net-vm'))
    assert at > 40, at


def test_an_authority_that_was_ended_half_way(host):
    host.authority.mkdir(parents=True)
    (host.authority / 'ca-key.pem').write_text('')
    host.works()
    assert 'Nothing is wrong' in host.certs('check')


def test_links_among_the_images(host):
    """The directory may be the user's who runs the VMs; root follows nothing there."""
    victim = host.path / 'victim'
    victim.write_text('mine')
    host.storage.mkdir()
    for name in ('net-vm.img', 'net-vm.img.new'):
        (host.storage / name).symlink_to(victim)
    host.works()
    assert victim.read_text() == 'mine' and not host.image('net-vm').is_symlink()
    assert host.content('net-vm')['cert.pem']


def test_certificates_of_another_making_stay(host):
    """Those that the system before this one made, whose authority is no more."""
    (host.etc / 'givc').mkdir()
    (host.etc / 'givc/givc.certs').write_text('ghaf-host net-vm ')
    host.lock.touch()
    assert host.boot() is None
    host.storage.mkdir()
    host.image('net-vm').write_text('of another authority')
    host.configure(HOST, NET, GUI)
    host.works()
    assert host.content('net-vm')['ca-cert.pem'] == host.content('gui-vm')['ca-cert.pem'], 'they know each other'


def test_users_get_the_certificates_of_their_machine_and_nothing_else(host, tmp_path):
    host.works()
    settings = with_settings(tmp_path, '{ givc.sysvm = { enable = true; enableUserTlsAccess = true; }; }')
    unit = evaluate(settings, ['sysvm'])['systemd']['services']['givc-user-key-setup']
    assert 'givc-key-setup.service' in unit['after'], 'where one machine has both'
    (host.etc / 'group').write_text('root:x:0:\nusers:x:0:\n')
    words = [w.replace('/nix/store/rsync/bin/', '') for w in unit['serviceConfig']['ExecStart'].split()]
    assert words[-1] == '/run'
    run = tmp_path / 'run'
    run.mkdir()
    done = host.root('sh', '-c', 'umask 022; exec "$@"', 'sh', *words[:-1], str(run))
    assert done.returncode == 0, done.stderr
    assert {str(f.relative_to(run)): oct(f.stat().st_mode)[-3:] for f in run.rglob('*') if f.is_file()} == {
        f'givc/{file}': '450' for file in FILES}
    assert [f for f in run.rglob('*') if f.is_dir()] == [run / 'givc']
    assert os.access(run / 'givc', os.X_OK) and pathlib.Path(run / 'givc/key.pem').read_text()
