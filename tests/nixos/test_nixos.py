# SPDX-License-Identifier: Apache-2.0
"""The NixOS modules: what they make of configurations, in their own shape and the first version's. Evaluation needs the
library of nixpkgs, whose directory NIXPKGS_LIB names; that the files are Nix is always looked at."""

import json
import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / os.environ.get('B', 'build')
MODULES = ('admin', 'appvm', 'dbusproxy', 'host', 'notifier', 'ota-update-server', 'sysvm', 'tls')
AGENTS = ('appvm', 'appvm-first', 'host', 'host-first', 'sysvm', 'sysvm-first', 'vsock')
LIBRARY = os.environ.get('NIXPKGS_LIB')

evaluates = pytest.mark.skipif(not LIBRARY, reason='NIXPKGS_LIB does not name the library of nixpkgs')


def nix(*words):
    done = subprocess.run(['nix-instantiate', *words], capture_output=True, text=True, timeout=120, check=False,
                          env=dict(os.environ, HOME='/nonexistent', NIX_STORE_DIR='/tmp/nix-none/store',
                                   NIX_STATE_DIR='/tmp/nix-none/state', NIX_REMOTE='dummy://'))
    assert done.returncode == 0, done.stderr
    return done.stdout


def listed(names):
    return '[' + ' '.join(f'"{name}"' for name in names) + ']'


def evaluate(settings, modules=MODULES, more=()):
    """What the modules make of settings, of packages some of which not every system has."""
    return json.loads(nix('--eval', '--strict', '--json', '--arg', 'lib', str(pathlib.Path(LIBRARY).resolve()), '--arg',
                          'modules', listed(modules), '--arg', 'more', listed(more), '--arg', 'settings', str(settings),
                          str(HERE / 'eval.nix')))


def with_settings(tmp_path, text):
    path = tmp_path / 'settings.nix'
    path.write_text(text)
    return path


@pytest.mark.parametrize('path', sorted([*(ROOT / 'nixos').rglob('*.nix'), *HERE.rglob('*.nix'), ROOT / 'flake.nix']),
                         ids=lambda p: str(p.relative_to(ROOT)))
def test_syntax(path):
    nix('--parse', str(path))


@evaluates
def test_nothing_is_made_while_nothing_is_enabled(tmp_path):
    made = evaluate(with_settings(tmp_path, '{ }'))
    assert made['etc'] == made['rules'] == made['programs'] == {}
    assert made['systemd'] == {'paths': {}, 'services': {}, 'sockets': {}, 'targets': {}, 'tmpfiles': {'rules': []},
                               'user': {'services': {}, 'sockets': {}}}
    assert made['failed'] == made['warnings'] == made['firewall'] == made['users'] == []


@evaluates
@pytest.mark.parametrize('module', MODULES)
def test_each_alone(tmp_path, module):
    assert evaluate(with_settings(tmp_path, '{ }'), [module])['failed'] == []


SOCKET = 'capabilities.socketProxy = { enable = true; sockets = [ { transport.name = "gui-vm"; } ]; };'


@evaluates
@pytest.mark.parametrize('module, settings', [
    ('admin', 'admin.enable = true;'),
    ('appvm', 'appvm = { enable = true; capabilities.services = [ "kiosk.service" ]; ' + SOCKET + ' };'),
    ('dbusproxy', 'dbusproxy = { enable = true; system = { enable = true; policy.see = [ "org.x" ]; }; };'),
    ('host', 'host.enable = true;'),
    ('notifier', 'sysvm.notifier.enable = true;'),
    ('sysvm', 'sysvm = { enable = true; notifier.enable = true; ' + SOCKET + ' };'),
    ('tls', 'tls = { enable = true; agents = [ { name = "net-vm"; } ]; };'),
])
def test_each_enabled_alone(tmp_path, module, settings):
    """A machine that imports nothing else; whose socket proxy has no filtered bus to lend then."""
    made = evaluate(with_settings(tmp_path, '{ givc = { ' + settings + ' }; }'), [module])
    assert made['failed'] == made['warnings'] == []
    if SOCKET in settings:
        config = json.loads(made['etc']['givc-agent/config.json'])
        assert config['capabilities']['socketProxy']['sockets'][0]['server'] is False


FLAKE = """{ lib, flake, stubs, overlaid }:
  let
    library = import lib;
    inherit (import stubs { inherit library; more = [ ]; }) nixos pkgs;
    built = { outPath = "/ours"; agent.outPath = "/ours-agent"; cli.outPath = "/ours-cli"; };
    without = removeAttrs pkgs [ "givc-admin" "givc-agent" "givc-cli" ] // { callPackage = _: _: built; };
    self = (import flake).outputs { inherit self; nixpkgs.lib = library; };
    modules = library.attrValues self.nixosModules;
    made = library.evalModules {
      modules = modules ++ [ nixos { imports = modules; givc.admin.enable = true; givc.host.enable = true; } ];
      specialArgs.pkgs = if overlaid then pkgs else without;
    };
    start = name: made.config.systemd.services.${name}.serviceConfig.ExecStart;
  in
  {
    names = library.attrNames self.nixosModules;
    programs = map (name: library.head (library.splitString " " (start name))) [ "givc-admin" "givc-localhost" ];
  }"""


@evaluates
@pytest.mark.parametrize('overlaid, programs', [
    ('true', ['/nix/store/givc-admin/bin/givc-admin', '/nix/store/givc-agent/bin/givc-agent']),
    ('false', ['/ours/bin/givc-admin', '/ours-agent/bin/givc-agent']),
])
def test_modules_of_the_flake(overlaid, programs):
    """By the names that Ghaf imports them by, some twice; an overlay says which programs, and is not needed."""
    made = json.loads(nix('--eval', '--strict', '--json', '--arg', 'lib', str(pathlib.Path(LIBRARY).resolve()), '--arg',
                          'flake', str(ROOT / 'flake.nix'), '--arg', 'stubs', str(HERE / 'stubs.nix'), '--arg',
                          'overlaid', overlaid, '--expr', FLAKE))
    assert made['names'] == ['admin', 'appvm', 'dbus', 'host', 'ota-update-server', 'sysvm', 'tls']
    assert made['programs'] == programs


@evaluates
def test_every_option_is_described(tmp_path):
    """The page of options is made of what they say; who reads it learns what an option is, and of which type."""
    options = evaluate(with_settings(tmp_path, '{ }'))['options']
    assert len(options) > 200
    assert [o['name'] for o in options if not (o['description'] or '').endswith(('.', '.\n'))] == []
    assert [o['name'] for o in options if o['type'] in ('unspecified value', 'anything')] == []


@evaluates
@pytest.mark.parametrize('name', AGENTS)
def test_agent(tmp_path, name):
    """The configuration is as it was when somebody last read it, and the agent takes it."""
    made = evaluate(HERE / f'cases/{name}.nix')
    assert made['failed'] == []
    config = json.loads(made['etc']['givc-agent/config.json'])
    assert config == json.loads((HERE / f'golden/{name}.json').read_text())
    assert_agent_takes(config, made, tmp_path)


def assert_agent_takes(config, made, tmp_path):
    path = tmp_path / 'config.json'
    rules = config['accessControl']['rulesFile']
    path.write_text(json.dumps(config).replace(rules, str(tmp_path / 'rules.cedar')))
    (tmp_path / 'rules.cedar').write_text(made['rules'].get(rules.removeprefix('/etc/'), ''))
    done = subprocess.run([BUILD / 'givc-agent', '-config', path, '--check'], capture_output=True, text=True,
                          timeout=30, check=False)
    assert done.returncode == 0 and 'unknown key' not in done.stdout + done.stderr, done.stdout + done.stderr


@evaluates
@pytest.mark.parametrize('name', [n for n in AGENTS if n.endswith('-first')])
def test_first_version(name):
    """What was said in the first version's shape works, and each of it is said to have another name."""
    made = evaluate(HERE / f'cases/{name}.nix')
    kind = name.removesuffix('-first')
    told = sorted(w.split('`')[1].split("'")[0] for w in made['warnings'])
    said = (HERE / f'cases/{name}.nix').read_text()
    assert f'givc.{kind}.admin.addr' in told and f'givc.{kind}.admin.enable' in told and f'givc.{kind}.name' in told
    for option in ('services', 'wifiManager', 'hwidService', 'hwidIface', 'applications', 'tls'):
        assert (f'givc.{kind}.{option}' in told) == (f'{option} =' in said or f'{option}.' in said), option


@evaluates
def test_host_unit():
    made = evaluate(HERE / 'cases/host.nix')
    unit = made['systemd']['services']['givc-ghaf-host']
    service = unit['serviceConfig']
    assert service['ExecStart'] == '/nix/store/givc-agent/bin/givc-agent -config /etc/givc-agent/config.json -debug'
    assert (service['Type'], service['ProtectSystem'], service['WatchdogSec']) == ('notify', 'strict', '10')
    assert service['ReadWritePaths'] == ['/etc/policies', '/var/lib/proxy']
    assert unit['wantedBy'] == ['multi-user.target'] and 'givc-key-setup.service' in unit['after']
    assert unit['requires'] == ['givc-ghaf-host.socket']
    socket = made['systemd']['sockets']['givc-ghaf-host']['socketConfig']
    assert (socket['ListenStream'], socket['FreeBind']) == ('192.168.101.2:9000', True)
    assert made['firewall'] == [9000]
    assert made['systemd']['tmpfiles']['rules'] == ['d /etc/policies 0755 root root -'], 'who may write'


@evaluates
def test_system_vm_units():
    made = evaluate(HERE / 'cases/sysvm.nix')
    services = made['systemd']['services']
    unit = services['givc-net-vm']
    assert unit['after'] == ['givc-net-vm.socket', 'givc-setup.target']
    assert unit['partOf'] == unit['wantedBy'] == ['givc-setup.target']
    service = unit['serviceConfig']
    assert service['DeviceAllow'] == ['char-input r', '/dev/uinput rw'] and service['PrivateDevices'] == 'no'
    assert service['SupplementaryGroups'] == ['users', 'input']
    assert service['ReadWritePaths'] == ['/run/audio'] and service['Group'] == 'users'
    assert made['systemd']['targets']['givc-setup']['wantedBy'] == ['multi-user.target']
    assert made['etc']['modules-load.d/givc.conf'] == 'uinput\n'
    assert made['firewall'] == [9000, 9010, 9011, 9015]
    assert services['givc-user-key-setup']['serviceConfig']['Type'] == 'oneshot'
    proxy = services['givc-dbusproxy-system']
    assert proxy['serviceConfig']['ExecStart'] == (
        '/nix/store/xdg-dbus-proxy/bin/xdg-dbus-proxy unix:path=/run/dbus/system_bus_socket /run/net/dbus.sock '
        '--filter '
        '--talk=org.freedesktop.NetworkManager.* --talk=org.freedesktop.Avahi.* '
        '--call=org.freedesktop.UPower=org.freedesktop.UPower.EnumerateDevices')
    assert (proxy['serviceConfig']['User'], proxy['before']) == ('ghaf', ['givc-setup.target'])
    assert (proxy['serviceConfig']['Group'], proxy['serviceConfig']['UMask']) == ('users', '0007'), 'as the agent is'
    notifier = made['systemd']['user']
    assert notifier['sockets']['event-notifier']['socketConfig']['SocketMode'] == '0660'
    assert notifier['services']['event-notifier@']['serviceConfig']['StandardInput'] == 'socket'
    assert 'd /run/log/journal-notifier 0770 root users -' in made['systemd']['tmpfiles']['rules']


@evaluates
def test_session_units():
    made = evaluate(HERE / 'cases/appvm.nix')
    user = made['systemd']['user']
    unit = user['services']['givc-app-vm']
    assert unit['unitConfig']['ConditionUser'] == '1001' and unit['wantedBy'] == ['default.target']
    assert unit['after'] == ['givc-app-vm.socket', 'sockets.target']
    assert 'ProtectSystem' not in unit['serviceConfig'], 'which the manager of a user cannot do'
    assert user['sockets']['givc-app-vm']['unitConfig']['ConditionUser'] == '1001'
    assert 'givc-app-vm' not in made['systemd']['services']
    assert 'givc-user-key-setup' in made['systemd']['services']
    assert 'timedate1.set-timezone' in made['polkit']


@evaluates
def test_an_application_vm_of_proxies_alone(tmp_path):
    """Which has no list of applications; it may have certificates elsewhere, as it had to in the first version."""
    settings = with_settings(tmp_path, '''{ givc.appvm = { enable = true; tls.keyPath = "/k.pem";
      capabilities.eventProxy = { enable = true; events = [ { transport.port = "9015"; producer.enable = true; } ]; };
    }; }''')
    made = evaluate(settings)
    config = json.loads(made['etc']['givc-agent/config.json'])
    assert made['failed'] == []
    assert config['network']['tls']['keyPath'] == '/k.pem'
    assert config['network']['tls']['certPath'] == '/run/givc/cert.pem'
    assert_agent_takes(config, made, tmp_path)


TWO = '''{ givc = {
  host = { enable = true; accessControl.enable = true; network.agent.transport = { name = "ghaf-host"; }; };
  sysvm = { enable = true; notifier.enable = true; accessControl.enable = true;
            network.agent.transport = { name = "%s"; port = "%s"; };
            network.admin.transport.name = "admin-vm"; };
}; }'''


@evaluates
def test_two_agents_of_one_machine(tmp_path):
    """A host with a desktop of its own: each has units, a configuration and rules; others look for the host's."""
    made = evaluate(with_settings(tmp_path, TWO % ('ghaf-host-gui', '9002')))
    assert made['failed'] == made['warnings'] == []
    services, sockets = made['systemd']['services'], made['systemd']['sockets']
    for name, path, rules, port in (('ghaf-host', 'config', 'rules', '9000'),
                                    ('ghaf-host-gui', 'sysvm', 'sysvm', '9002')):
        config = json.loads(made['etc'][f'givc-agent/{path}.json'])
        assert config['identity']['name'] == name
        assert config['accessControl']['rulesFile'] == f'/etc/givc-agent-acl/{rules}.cedar'
        assert ('Source::"admin-vm"' in made['rules'][f'givc-agent-acl/{rules}.cedar']) == (path == 'sysvm')
        assert services[f'givc-{name}']['serviceConfig']['ExecStart'].endswith(f'-config /etc/givc-agent/{path}.json')
        assert sockets[f'givc-{name}']['socketConfig']['ListenStream'] == f'127.0.0.1:{port}'
        assert_agent_takes(config, made, tmp_path)
    assert [n for n, s in services.items() if 'BusName' in s['serviceConfig']] == ['givc-ghaf-host']
    assert sorted(made['firewall']) == [9000, 9002]


@evaluates
@pytest.mark.parametrize('name, port', [('ghaf-host', '9002'), ('ghaf-host-gui', '9000')])
def test_two_agents_that_are_in_each_others_way(tmp_path, name, port):
    failed = evaluate(with_settings(tmp_path, TWO % (name, port)))['failed']
    assert len(failed) == 2 and all('need different names and addresses' in f for f in failed)


def run_written(text, tmp_path, stubs, **more):
    """A program that a module has written, with others in the place of some that it calls."""
    for name, stub in stubs.items():
        (tmp_path / name).write_text(f'#!/bin/sh\n{stub}\n')
        (tmp_path / name).chmod(0o755)
    return subprocess.run(['bash', '-euo', 'pipefail', '-c', text], capture_output=True, text=True, timeout=60,
                          check=False, env={'PATH': f'{tmp_path}:/usr/bin:/bin'}, **more)


@evaluates
@pytest.mark.parametrize('event, shown', [
    ('', None),
    ('{}', ['--app-name=[unknown]', '--hint=byte:urgency:1', '--icon=dialog-warning', '--', 'System Event',
            '(no details provided)']),
    ('{"Title": "old"}{"Event": "e", "Title": "--t", "Urgency": 2, "Icon": "", "Message": "one\\ntwo"}',
     ['--app-name=e', '--hint=byte:urgency:2', '--icon=dialog-error', '--', '--t', 'one\ntwo']),
    ('{"Urgency": "9", "Icon": "i", "Message": "$(false)"}',
     ['--app-name=[unknown]', '--hint=byte:urgency:1', '--icon=i', '--', 'System Event', '$(false)']),
])
def test_notification(tmp_path, event, shown):
    made = evaluate(with_settings(tmp_path, '{ givc.sysvm.notifier.enable = true; }'), ['notifier'])
    text = made['systemd']['user']['services']['event-notifier@']['serviceConfig']['ExecStart'].split('\x1e')[1]
    sessions = f'echo \'[{{"uid": {os.getuid()}, "seat": "seat0"}}]\''
    said = tmp_path / 'said'
    stubs = {'loginctl': sessions, 'notify-send': f'printf "%s\\0" "$@" >{said}'}
    done = run_written(text, tmp_path, stubs, input=event)
    assert done.returncode == 0, done.stderr
    assert said.exists() == (shown is not None)
    assert shown is None or said.read_text().split('\0')[:-1] == ['--expire-time=10000', *shown]


@evaluates
def test_factory_policies(tmp_path):
    """The admin's own user can change them later, and a run that was ended leaves nothing that looks like them."""
    store, source = tmp_path / 'store', tmp_path / 'source'
    settings = '{ givc.admin = { enable = true; policyAdmin = { enable = true; storePath = "%s"; factoryPolicies = {' \
               ' enable = true; rev = "abc"; }; }; }; }' % store
    service = evaluate(with_settings(tmp_path, settings))['systemd']['services']['givc-admin']['serviceConfig']
    sign, text, _ = service['ExecStartPre'].split('\x1e')
    assert sign.startswith('-/'), 'as the user of the service'
    text = text.replace('/nix/store/git-abc', str(source))
    (source / 'vm-policies/p').mkdir(parents=True)
    (source / 'vm-policies/p/file').write_text('1')
    (source / 'vm-policies/p/file').chmod(0o444)
    (source / 'vm-policies/p').chmod(0o555)
    store.mkdir()
    assert run_written(text, tmp_path, {'cp': 'exit 1'}).returncode != 0 and not (store / 'data').exists()
    (tmp_path / 'cp').unlink()
    assert run_written(text, tmp_path, {}).returncode == 0
    assert {p.name: p.stat().st_mode & 0o200 for p in (store / 'data').rglob('*')} == dict.fromkeys(
        ('vm-policies', 'p', 'file'), 0o200)
    (source / 'vm-policies/p').chmod(0o755)
    (source / 'vm-policies/other').mkdir()
    assert run_written(text, tmp_path, {}).returncode == 0
    assert not (store / 'data/vm-policies/other').exists(), 'what is there stays'


@evaluates
def test_rules():
    """Modules are called what they are called in the protocol; the admin may do all that the capabilities need."""
    rules = evaluate(HERE / 'cases/sysvm.nix')['rules']['givc-agent-acl/rules.cedar']
    first, own, admin, sockets = rules.split('permit ')[1:]
    assert 'Command::"ServerReflectionInfo"' in first and 'Module::"grpc"' in first
    assert 'Source::"admin-vm"' in admin
    for module in ('systemd', 'locale', 'stats', 'journal', 'notify', 'wifimanager', 'hwid', 'ctap'):
        assert f'Module::"{module}"' in admin, module
    assert 'Module::"exec"' not in admin and 'Module::"policyadmin"' not in admin
    assert 'Source::"gui-vm" || principal == Source::"audio-vm"' in sockets and 'Module::"socketproxy"' in sockets
    assert 'Source::"gui-vm"' in own and 'Module::"hwid"' in own
    rules = evaluate(HERE / 'cases/appvm.nix')['rules']['givc-agent-acl/rules.cedar']
    assert 'Module::"eventproxy"' in rules and 'Source::"net-vm"' in rules


ADMIN = '''{ givc.admin = {
  enable = true; name = "admin-vm"; debug = true; services = [ "microvm@net-vm.service" "microvm@gui-vm.service" ];
  addresses = [ { name = "admin-vm"; addr = "192.168.101.10"; port = "9001"; }
                { name = "admin-vm"; addr = "192.168.101.10"; port = "9001"; }
                { addr = "unix:///run/x.sock"; protocol = "unix"; }
                { addr = "any"; port = "9002"; protocol = "vsock"; } ];
  accessControl = { enable = true; onError = "deny"; extraRules = "forbid (principal, action, resource);";
    adminRules = [ { from = [ "gui-vm" ]; to = [ "app-vm" "web-vm" ]; permittedRequests = [ "StartApplication" ]; }
                   { from = [ "app-vm" ]; permittedRequests = [ "RegisterService" ]; }
                   { from = [ ]; permittedRequests = [ "Poweroff" ]; } ]; };
  policyAdmin = { enable = true; updater.perPolicy.enable = true;
    policies.proxy = { vms = [ "app-vm" ]; perPolicyUpdater.url = "https://example.com/p"; }; };
}; }'''


@evaluates
def test_admin(tmp_path):
    made = evaluate(with_settings(tmp_path, ADMIN))
    assert made['failed'] == made['warnings'] == []
    unit = made['systemd']['services']['givc-admin']
    service, variables = unit['serviceConfig'], unit['environment']
    assert service['ExecStart'] == '/nix/store/givc-admin/bin/givc-admin --listen sd-listen:*'
    assert (service['Type'], service['FileDescriptorStoreMax'], service['User']) == ('notify', '4', 'givc-admin')
    assert service['LoadCredential'][2] == 'key.pem:/etc/givc/key.pem'
    assert [variables[v] for v in ('NAME', 'TYPE', 'SUBTYPE', 'TLS')] == ['admin-vm', '4', '5', 'true']
    assert variables['SERVICES'] == 'microvm@net-vm.service microvm@gui-vm.service'
    assert (variables['ACCESS_CONTROL'], variables['GIVC_ON_RULE_ERROR']) == ('true', 'deny')
    assert variables['CEDAR_FILE'] == '/etc/givc-admin-acl/rules.cedar'
    assert json.loads(variables['POLICY_CONFIG']) == {
        'source': {'type': 'per-policy'}, 'policies': {'proxy': {'vms': ['app-vm'], 'perPolicyUpdater': {
            'url': 'https://example.com/p', 'poll_interval_secs': 30}}}}
    assert made['systemd']['sockets']['givc-admin']['socketConfig']['ListenStream'] == [
        '192.168.101.10:9001', '192.168.101.10:9001', '/run/x.sock', 'vsock::9002']
    local = made['systemd']['sockets']['givc-admin-local']['socketConfig']
    assert (local['ListenStream'], local['SocketGroup']) == ('/run/givc/admin.sock', 'givc')
    assert made['systemd']['paths']['givc-admin-certificates']['pathConfig']['PathChanged'][1] == '/etc/givc/cert.pem'
    assert made['firewall'] == [9001] and made['users'] == ['givc-admin']
    rules = made['rules']['givc-admin-acl/rules.cedar']
    assert rules.count('permit') == 3 and rules.endswith('forbid (principal, action, resource);')
    assert '(context has "VmName" && (context.VmName == "app-vm" || context.VmName == "web-vm"))' in rules
    assert 'Poweroff' not in rules


@evaluates
def test_admin_of_the_first_version(tmp_path):
    settings = '{ givc.admin = { enable = true; name = "a"; addr = "10.0.0.1"; port = "9001"; tls.enable = false; }; }'
    made = evaluate(with_settings(tmp_path, settings))
    assert made['systemd']['sockets']['givc-admin']['socketConfig']['ListenStream'] == ['10.0.0.1:9001']
    assert 'givc.admin.addresses' in made['warnings'][0] and made['firewall'] == [9001]
    assert 'CA_CERT' not in made['systemd']['services']['givc-admin']['environment']


@evaluates
@pytest.mark.parametrize('policy, owners', [('', ['givc-admin']),
                                            ('enable = true; storePath = "/etc/mine";', ['givc-admin', 'root'])])
def test_each_store_of_policies_is_its_users(tmp_path, policy, owners):
    """Also on a machine of admin and agent, for whom it is the same directory unless somebody says otherwise."""
    settings = '{ givc = { admin = { enable = true; policyAdmin.enable = true; }; sysvm = { enable = true; ' \
               'capabilities.policy = { %s }; }; }; }' % policy
    rules = [r.split() for r in evaluate(with_settings(tmp_path, settings))['systemd']['tmpfiles']['rules']]
    stores = [r for r in rules if r[0] == 'd' and r[1].startswith('/etc')]
    assert sorted(r[3] for r in stores) == owners and len({r[1] for r in stores}) == len(owners)
    assert [r[1:] for r in rules if r[0] == 'Z'] == [['/etc/policies', '-', 'givc-admin', 'givc-admin', '-']]


@evaluates
def test_a_store_of_policies_of_a_session(tmp_path):
    settings = '{ givc.appvm = { enable = true; uid = 1001; capabilities = { services = [ "x.service" ]; ' \
               'policy.enable = true; }; }; }'
    rules = evaluate(with_settings(tmp_path, settings))['systemd']['tmpfiles']['rules']
    assert rules == ['d /etc/policies 0755 1001 100 -']


@evaluates
def test_policy_sources(tmp_path):
    def config_of(policy_admin):
        settings = '{ givc.admin = { enable = true; policyAdmin = {' + policy_admin + '}; }; }'
        made = evaluate(with_settings(tmp_path, settings))
        return json.loads(made['systemd']['services']['givc-admin']['environment']['POLICY_CONFIG'])
    assert config_of('enable = true;') == config_of('updater.gitURL.enable = true;') == {}
    assert config_of('enable = true; updater.gitURL = { enable = true; url = "https://e/x.git"; };')['source'] == {
        'type': 'git-url', 'url': 'https://e/x.git', 'ref': 'master', 'poll_interval_secs': 30}
    assert config_of('enable = true; factoryPolicies = { enable = true; rev = "abc"; };')['source'] == {'type': 'none'}


@evaluates
@pytest.mark.parametrize('settings, more', [
    ('', "--cachix ''"),
    ('cachix = "cache.example.com"; allowedProfiles = [ "a" "b" ];',
     '--cachix cache.example.com --allowed-profiles a,b')])
def test_server_of_updates(tmp_path, settings, more):
    """Whose program is another's."""
    settings = '{ services.ota-update-server = { enable = true; publicKey = "k:v=="; %s }; }' % settings
    path = with_settings(tmp_path, settings)
    assert 'put its overlay before givc' in evaluate(path, ['ota-update-server'])['failed'][0]
    made = evaluate(path, ['ota-update-server'], more=['ota-update-server'])
    unit = made['systemd']['services']['ota-update-server']
    assert unit['serviceConfig']['ExecStart'] == (
        '/nix/store/ota-update-server/bin/ota-update-server serve --port 3000 --path '
        f"/nix/var/nix/profiles/per-user/updates --pub-key 'k:v==' {more}")
    assert unit['serviceConfig']['DynamicUser'] and unit['wantedBy'] == ['multi-user.target']
    assert made['packages'] == ['/nix/store/ota-update-server']


TLS = '''{ givc.tls = { enable = true; generatorHostName = "ghaf-host"; storagePath = "/storage";
  agents = [ { name = "ghaf-host"; addr = "192.168.101.2"; } { name = "net-vm"; addr = "192.168.101.1"; }
             { name = "net-vm"; addr = "fd00::1"; } { name = "vsock-vm"; addr = "4"; protocol = "vsock"; } ]; }; }'''


@evaluates
def test_certificates(tmp_path):
    made = evaluate(with_settings(tmp_path, TLS))
    unit = made['systemd']['services']['givc-key-setup']
    assert unit['unitConfig']['ConditionPathExists'] == '!/etc/givc/tls.lock'
    assert unit['after'] == ['givc-check-certs.service'] and unit['wantedBy'] == ['local-fs.target']
    assert unit['unitConfig']['RequiresMountsFor'] == ['/etc/givc', '/storage']
    script = made['programs']['givc-key-setup']
    set_up = [line.split()[1:] for line in script.splitlines() if line.startswith('set_up ')]
    assert set_up == [['ghaf-host', '192.168.101.2'], ['net-vm', '192.168.101.1', 'fd00::1'], ['vsock-vm']]
    for script in made['programs'].values():
        check = subprocess.run(['shellcheck', '--shell=bash', '-'], input='#!/bin/bash\nset -euo pipefail\n' + script,
                               capture_output=True, text=True, check=False)
        assert check.returncode == 0, check.stdout


@evaluates
def test_who_makes_certificates_has_one(tmp_path):
    made = evaluate(with_settings(tmp_path, '{ givc.tls = { enable = true; agents = [ { name = "net-vm"; } ]; }; }'))
    assert '\nset_up localhost\nset_up net-vm 127.0.0.1\n' in made['programs']['givc-key-setup']


AGENT = 'enable = true; network.admin.transport.name = "a"; network.agent.transport.name = "v";'
PROXY = '{ transport.port = "%s"; socket = "%s"; }'
FILTER = 'policy.talk = [ "org.x" ];'


@evaluates
@pytest.mark.parametrize('settings, message', [
    ('host = { ' + AGENT + ' accessControl.enable = true; network.tls.enable = false; };', 'only available with TLS'),
    ('host = { ' + AGENT + ' capabilities.services = [ ]; };', 'A list of services (or targets)'),
    ('host = { ' + AGENT + ' network.tls.keyPath = ""; };', 'The TLS configuration requires'),
    ('host = { ' + AGENT + ' }; dbusproxy.enable = true;', 'at least one of the system or session bus'),
    ('sysvm = { ' + AGENT + ' accessControl.enable = true; network.tls.enable = false; };', 'only available with TLS'),
    ('sysvm = { ' + AGENT + ' capabilities.services = [ ]; };', 'A list of services (or targets)'),
    ('sysvm = { ' + AGENT + ' network.tls.caCertPath = ""; };', 'The TLS configuration requires'),
    ('sysvm = { ' + AGENT + ' capabilities.socketProxy = { enable = true; sockets = [ ' + PROXY % ('1', '/a') +
     PROXY % ('1', '/b') + ' ]; }; };', 'each socket proxy instance requires a unique port'),
    ('sysvm = { ' + AGENT + ' capabilities.socketProxy = { enable = true; sockets = [ ' + PROXY % ('1', '/a') +
     PROXY % ('2', '/a') + ' ]; }; };', 'each socket proxy instance requires a unique socket'),
    ('sysvm = { ' + AGENT + ' capabilities.eventProxy = { enable = true; events = [ { } { } ]; }; };',
     'each event proxy instance requires a unique port'),
    ('appvm = { ' + AGENT + ' };', 'A list of applications, or services'),
    ('appvm = { ' + AGENT + ' capabilities.applications = [ ]; };', 'A list of applications, or services'),
    ('appvm = { ' + AGENT + ' capabilities.applications = [ ]; ' + SOCKET + ' };',
     'A list of applications, or services'),
    ('sysvm = { ' + AGENT + ' capabilities.socketProxy.enable = true; };', "its `sockets' are not set"),
    ('appvm = { ' + AGENT + ' capabilities.eventProxy.enable = true; };', "its `events' are not set"),
    ('appvm = { ' + AGENT + ' capabilities.services = [ "x" ]; accessControl.enable = true; '
     'network.tls.enable = false; };', 'only available with TLS'),
    ('admin = { enable = true; accessControl.enable = true; tls.enable = false; };', 'only available with TLS'),
    ('admin = { enable = true; tls.certPath = ""; };', 'The TLS option requires'),
    ('host = { ' + AGENT + ' capabilities.policy.enable = true; }; '
     'admin = { enable = true; policyAdmin.enable = true; };', "need a `storePath' each"),
    ('admin = { enable = true; policyAdmin = { enable = true; updater.gitURL.enable = true; '
     'updater.perPolicy.enable = true; }; };', 'Two policy updaters'),
    ('dbusproxy = { enable = true; system.enable = true; };', 'for the system bus must be set'),
    ('dbusproxy = { enable = true; session.enable = true; };', 'for the session bus must be set'),
    ('dbusproxy = { enable = true; session = { enable = true; ' + FILTER + ' }; };', 'a non-system user with UID'),
    ('tls.enable = true;', 'requires a list of agents'),
    ('tls = { enable = true; agents = [ { } ]; generatorHostName = ""; };', 'requires a host name'),
    ('tls = { enable = true; agents = [ { } ]; storagePath = ""; };', 'requires a storage path'),
    ('tls = { enable = true; agents = [ { name = "google-chrome-vm"; } { name = "google-chromium-vm"; } ]; };',
     'google-chrome-vm google-chromium-vm'),
])
def test_assertions(tmp_path, settings, message):
    failed = evaluate(with_settings(tmp_path, '{ givc = { ' + settings + ' }; }'))['failed']
    assert any(message.lower() in f.lower() for f in failed), failed


@evaluates
def test_pages(tmp_path):
    """A page a module, of the options that it has itself, and one of the protocol, with heads as sites want them."""
    stub = """{ lib, docs, pages }:
      let
        library = import lib;
        listed = options: library.filter (o: o.visible) (library.optionAttrSetToDocList options);
        page = options: "<(echo ${library.escapeShellArg (builtins.toJSON (map (o: o.name) (listed options)))})";
      in
      import docs {
        lib = library;
        pkgs = { };
        mandoc = "mandoc";
        givc-admin = pages;
        nixosOptionsDoc = { options }: { optionsCommonMark = page options; };
        runCommand = _: _: command: command;
      }"""
    pages, out = tmp_path / 'share/man/man7', tmp_path / 'out'
    pages.mkdir(parents=True)
    (pages / 'givc-api.7').symlink_to((BUILD / 'man/givc-api.7').resolve())
    command = json.loads(nix('--eval', '--strict', '--json', '--arg', 'lib', str(pathlib.Path(LIBRARY).resolve()),
                             '--arg', 'docs', str(ROOT / 'nixos/docs.nix'), '--argstr', 'pages', str(tmp_path),
                             '--expr', stub))
    done = subprocess.run(['bash', '-euo', 'pipefail', '-c', command], capture_output=True, text=True, timeout=60,
                          check=False, env={'PATH': os.environ['PATH'], 'out': str(out)})
    assert done.returncode == 0, done.stderr
    made = {str(f.relative_to(out / 'api')): f.read_text().split('\n', 3) for f in (out / 'api').rglob('*.md')}
    assert all(head[0] == head[2] == '---' and head[1].startswith('title: ') for head in made.values())
    roots = dict.fromkeys(('admin', 'appvm', 'host', 'sysvm', 'tls')) | {
        'dbus': 'givc.dbusproxy.', 'update-server': 'services.ota-update-server.'}
    assert set(made) == {f'nixos/{name}.md' for name in roots} | {'grpc/givc.md'}
    for name, root in roots.items():
        options = json.loads(made[f'nixos/{name}.md'][3])
        root = root or f'givc.{name}.'
        assert f'{root}enable' in options and all(o.startswith(root) for o in options), options
    assert 'givc.sysvm.notifier.timeout' in json.loads(made['nixos/sysvm.md'][3])
    assert 'RegisterService' in made['grpc/givc.md'][3] and '\n\n' not in made['grpc/givc.md'][3]
