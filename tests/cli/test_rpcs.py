# SPDX-License-Identifier: Apache-2.0
"""Which tests each method of each service has: that it does what it is for, that it refuses, and that it is left in the
middle. Methods are taken from the descriptors of the services that the programs have, tests from where they are run: a
method or a test that is not there fails here."""

import os
import re
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

TREE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get('B', TREE / 'build'))

# Success, refusal, leaving: FILE:TEST, of tests/; "admin/control" is unit/admin/test-control.c.
LEFT_ADMIN, LEFT_AGENT, LEFT_RPC = 'admin/leaving:leaving', 'agent/leaving:leaving', 'rpc/leaving:leaving'
UNIMPLEMENTED = (None, 'admin/services:unimplemented', LEFT_ADMIN)
TESTS = {
    'admin.AdminService': {
        'RegisterService': ('admin/services:registering_again', 'admin/services:registration_words', LEFT_ADMIN),
        'StartApplication': ('admin/applications:life_of_an_application', 'admin/applications:start_refusals',
                             LEFT_ADMIN),
        'StartVM': ('admin/launcher:cold_start', 'admin/launcher:no_such_vm', LEFT_ADMIN),
        'StartService': ('admin/control:service', 'admin/control:service_refusals', LEFT_ADMIN),
        'StopService': ('admin/control:service', 'admin/control:service_refusals', LEFT_ADMIN),
        'PauseApplication': ('admin/applications:life_of_an_application', 'admin/applications:only_applications',
                             LEFT_ADMIN),
        'ResumeApplication': ('admin/applications:life_of_an_application', 'admin/applications:only_applications',
                              LEFT_ADMIN),
        'StopApplication': ('admin/applications:life_of_an_application', 'admin/applications:only_applications',
                            LEFT_ADMIN),
        'KillUnit': ('admin/control:kill', 'admin/control:kill_refusals', LEFT_ADMIN),
        'SetLocale': ('admin/settings:all_hear', 'admin/settings:invalid', LEFT_ADMIN),
        'SetTimezone': ('admin/settings:all_hear', 'admin/settings:invalid', LEFT_ADMIN),
        'Poweroff': ('admin/control:power', 'admin/control:power', LEFT_ADMIN),
        'Reboot': ('admin/control:power', 'admin/control:power', LEFT_ADMIN),
        'Suspend': ('admin/control:suspend_blocks', 'admin/control:power', LEFT_ADMIN),
        'Wakeup': UNIMPLEMENTED,
        'GetUnitStatus': ('admin/services:unit_status', 'admin/services:unit_status', LEFT_ADMIN),
        'GetStats': ('admin/machine:answers', 'admin/machine:refusals', LEFT_ADMIN),
        'QueryList': ('admin/services:vm_and_since',
                      'cli/test_admin.py:test_certificate_at_another_address', LEFT_ADMIN),
        'Watch': ('admin/services:watch', 'admin/services:watch_refused', LEFT_ADMIN),
        'ListGenerations': ('admin/generation:list', 'admin/generation:list_refusals', LEFT_ADMIN),
        'SetGeneration': ('admin/generation:update', 'admin/generation:update_refusals',
                          'admin/generation:update_left'),
        'Ctap': ('admin/machine:ctap', 'admin/machine:ctap', LEFT_ADMIN),
        'NotifyUser': ('admin/notify:notify', 'admin/notify:refusals', LEFT_ADMIN),
        'Sysinfo': ('admin/machine:answers', 'admin/machine:refusals', LEFT_ADMIN),
    },
    'systemd.UnitControlService': {
        'GetUnitStatus': ('agent/systemd:status', 'agent/systemd:status', LEFT_AGENT),
        'StartUnit': ('agent/systemd:start', 'agent/systemd:not_exposed', LEFT_AGENT),
        'StopUnit': ('agent/systemd:stop', 'agent/systemd:not_exposed', LEFT_AGENT),
        'KillUnit': ('agent/systemd:kill', 'agent/systemd:not_exposed', LEFT_AGENT),
        'FreezeUnit': ('agent/systemd:freeze', 'agent/systemd:not_exposed', LEFT_AGENT),
        'UnfreezeUnit': ('agent/systemd:freeze', 'agent/systemd:not_exposed', LEFT_AGENT),
        'MonitorUnit': ('agent/systemd:monitor', 'agent/systemd:monitor_errors', LEFT_AGENT),
        'StartApplication': ('agent/start-application:application', 'agent/start-application:application_refused',
                             LEFT_AGENT),
        'WatchUnits': ('agent/watch-units:watch',
                       'cli/test_agent.py:test_others_are_refused_before_they_are_read', LEFT_AGENT),
    },
    'stats.StatsService': {
        'GetStats': ('agent/stats:get_stats', 'agent/stats:unreadable', 'agent/stats:leaving'),
        'GetSysinfo': ('agent/stats:sysinfo', 'cli/test_agent.py:test_others_are_refused_before_they_are_read',
                       'agent/stats:leaving'),
    },
    'hwid.HwidService': {
        'GetHwId': ('scenarios/hwid/test_hwid.py:test_the_address_of_the_interface',
                    'agent/hwid:refusals', 'agent/hwid:leaving'),
    },
    'ctap.Ctap': {
        'Ctap': ('agent/ctap:answers', 'agent/ctap:refusals', 'agent/ctap:leaving'),
    },
    'journal.JournalService': {
        'ReadJournal': ('agent/read-journal:names', 'agent/read-journal:refusals', 'agent/read-journal:slow'),
    },
    'locale.LocaleClient': {
        'LocaleSet': ('agent/locale:set', 'agent/locale:refused', 'agent/locale:leaving'),
        'TimezoneSet': ('agent/locale:set', 'agent/locale:refused', 'agent/locale:leaving'),
    },
    'notify.UserNotificationService': {
        'NotifyUser': ('agent/notify:sockets', 'agent/notify:refused', 'agent/notify:leaving'),
    },
    'wifimanager.WifiService': {
        'ListNetwork': ('cli/test_wifi.py:test_list', 'cli/test_wifi.py:test_no_radio', 'admin/wifi:leaving'),
        'GetActiveConnection': ('cli/test_wifi.py:test_active_connection', 'cli/test_wifi.py:test_away',
                                'cli/test_wifi.py:test_leaving'),
        'ConnectNetwork': ('cli/test_wifi.py:test_connect', 'cli/test_wifi.py:test_connect_refusals',
                           'cli/test_wifi.py:test_leaving_while_it_connects'),
        'DisconnectNetwork': ('cli/test_wifi.py:test_disconnect', 'cli/test_wifi.py:test_disconnect',
                              'cli/test_wifi.py:test_leaving'),
        'TurnOn': ('cli/test_wifi.py:test_radio', 'admin/wifi:refusals', 'cli/test_wifi.py:test_leaving'),
        'TurnOff': ('cli/test_wifi.py:test_radio', 'admin/wifi:refusals', 'cli/test_wifi.py:test_leaving'),
    },
    'eventproxy.EventService': {
        'RegisterDevice': ('agent/event:hotplug', 'agent/event:refusals', 'agent/event:register_left'),
        'StreamEvents': ('agent/event:reference', 'agent/event:streams', 'agent/event:leaving'),
    },
    'policyadmin.PolicyAdmin': {
        'StreamPolicy': ('agent/policy-admin:stored', 'agent/policy-admin:refused', 'agent/policy-admin:leaving'),
    },
    'exec.Exec': {
        'RunCommand': ('agent/exec:output', 'agent/exec:refusals', 'agent/exec:leaving'),
    },
    'socketproxy.SocketStream': {
        'TransferData': ('agent/socket-proxy:both_ways', 'agent/socket-stream:refused',
                         'agent/socket-stream:leaving'),
    },
    'grpc.health.v1.Health': {
        'Check': ('rpc/channel:health', 'rpc/channel:health', LEFT_RPC),
        'Watch': ('rpc/channel:health_watch', 'rpc/channel:health_watch', LEFT_RPC),
    },
    'grpc.reflection.v1.ServerReflection': {
        'ServerReflectionInfo': ('interop/test_python_client.py:test_reflection_list',
                                 'interop/test_python_client.py:test_reflection_unknown', LEFT_RPC),
    },
    'grpc.reflection.v1alpha.ServerReflection': {
        'ServerReflectionInfo': ('interop/test_python_client.py:test_reflection_list',
                                 'interop/test_python_client.py:test_reflection_unknown', LEFT_RPC),
    },
}


def c_name(name):
    """protobuf-c's prefix for it: "grpc.health.v1.Health" is grpc__health__v1__health."""
    return '__'.join(re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', part).lower() for part in name.split('.'))


def described():
    """Every service of the contract and its methods."""
    files = descriptor_pb2.FileDescriptorSet.FromString((BUILD / 'proto/descriptors.bin').read_bytes())
    return {f'{f.package}.{s.name}': [m.name for m in s.method] for f in files.file for s in f.service}


def served():
    """The services that a program of ours has a table for."""
    text = ''.join(path.read_text(encoding='utf-8') for path in (TREE / 'src').rglob('*.c'))
    have = set(re.findall(r'\bRpcService\b[^;]*?\{\s*&(\w+)__descriptor\b', text))
    assert have
    return {name: methods for name, methods in described().items() if c_name(name) in have}


def unimplemented():
    """Methods whose row in a table says so."""
    text = ''.join(path.read_text(encoding='utf-8') for path in (TREE / 'src').rglob('*.c'))
    return set(re.findall(r'\{ "(\w+)", RPC_\w+, method_unimplemented \}', text))


def is_there(test):
    where, name = test.split(':')
    if where.endswith('.py'):
        return re.search(rf'^def {name}\(', (TREE / 'tests' / where).read_text(encoding='utf-8'), re.M)
    room, what = where.split('/')
    return re.search(rf'[( ]test_{name}\b', (TREE / f'tests/unit/{room}/test-{what}.c').read_text(encoding='utf-8')
                     .partition('struct CMUnitTest')[2])


def test_every_service_and_method_has_its_row():
    assert {name: set(methods) for name, methods in served().items()} == {
        name: set(rows) for name, rows in TESTS.items()}


@pytest.mark.parametrize('service, method', [(service, method) for service, rows in TESTS.items() for method in rows])
def test_tests_of(service, method):
    success, refusal, leaving = TESTS[service][method]
    assert (success is None) == (service == 'admin.AdminService' and method in unimplemented())
    for test in (success, refusal, leaving):
        assert test is None or is_there(test), f'{test} is not there or is not run'
