# SPDX-License-Identifier: Apache-2.0
"""givcctl set-locale, set-timezone and notify, and what givc-cli has for them."""

import socket

import admin_pb2
import locale_pb2
import notify_pb2
import pytest
from conftest import WAIT
from test_reference import Cli

OK, FAILED, USAGE, NO_SUCH_NAME, NO_PERMISSION = 0, 1, 2, 4, 5
KEY = locale_pb2.LocaleMacroKey.Value


@pytest.fixture
def cli(server, tmp_path):
    path = server.address.removeprefix('unix:')
    return Cli(tmp_path, '--addr', path, '--port', '9001', '--name', 'admin-vm', '--notls')


def asked(admin, method):
    name, request = admin.requests.get(timeout=WAIT)
    assert name == method
    return request


@pytest.mark.parametrize('words, sent', [
    (['fi_FI.UTF-8'], {'LANG': 'fi_FI.UTF-8'}),
    (['LANG=en_US.UTF-8', 'LC_TIME=fi_FI.UTF-8'], {'LANG': 'en_US.UTF-8', 'LC_TIME': 'fi_FI.UTF-8'}),
    (['LC_TIME=C', 'LC_ALL=POSIX', 'LANG=C'], {'LC_ALL': 'POSIX'}),
    (['LANG=$(reboot)'], {'LANG': '$(reboot)'}),  # is the admin's to refuse
])
def test_set_locale(ctl, cli, admin, words, sent):
    for client in (ctl, cli):
        done = client('set-locale', *words)
        assert (done.returncode, done.stdout, done.stderr) == (OK, '', '')
        assert {a.key: a.value for a in asked(admin, 'SetLocale').assignments} == {
            KEY(name): value for name, value in sent.items()}


@pytest.mark.parametrize('words, sentence', [
    (['iwaenfli'], "'iwaenfli' is neither a locale nor"), (['LANGUAGE=fi'], "'LANGUAGE=fi' is neither"),
    (['LC_TIME=C'], 'LANG= is missing'), (['C', 'LC_TIME=C'], "'LC_TIME=C' is too much behind a locale"),
    (['LANG=C'] * 15, 'each variable can be set once'), ([], 'needs more')])
def test_set_locale_wrongly(ctl, admin, words, sentence):
    done = ctl('set-locale', *words)
    assert (done.returncode, done.stdout) == (USAGE, '') and sentence in done.stderr
    assert admin.requests.empty()


def test_the_first_locale_counts_for_the_program_before_this_one(cli, admin):
    assert cli('set-locale', 'C.UTF-8', 'LC_TIME=C').returncode == OK
    assert [a.value for a in asked(admin, 'SetLocale').assignments] == ['C.UTF-8']


def test_set_timezone(ctl, cli, admin):
    for client in (ctl, cli):
        done = client('set-timezone', 'Europe/Helsinki')
        assert (done.returncode, done.stdout, done.stderr) == (OK, '', '')
        assert asked(admin, 'SetTimezone') == admin_pb2.TimezoneRequest(Timezone='Europe/Helsinki')


@pytest.mark.parametrize('words, method', [(['set-locale', 'C'], 'SetLocale'), (['set-timezone', 'UTC'], 'SetTimezone'),
                                           (['notify', 'gui-vm'], 'NotifyUser')])
def test_refused(ctl, admin, words, method):
    admin.refused = {method}
    done = ctl(*words)
    assert (done.returncode, done.stdout) == (NO_PERMISSION, '') and 'Failed to ' in done.stderr


def notification(event, title, urgency, icon, message):
    return notify_pb2.UserNotification(Event=f'[{socket.gethostname()}] {event}', Title=title, Urgency=urgency,
                                       Icon=icon, Message=message)


@pytest.mark.parametrize('words, sent', [
    ([], ('givcctl', 'Notification', 'NORMAL', 'dialog-information', '')),
    (['Title'], ('givcctl', 'Title', 'NORMAL', 'dialog-information', '')),
    (['Title', 'Text', '--urgency=critical', '--icon=a', '--event=b'], ('b', 'Title', 'CRITICAL', 'a', 'Text')),
    (['Title', '', '--urgency=Low'], ('givcctl', 'Title', 'LOW', 'dialog-information', '')),
])
def test_notify(ctl, admin, words, sent):
    done = ctl('notify', 'gui-vm', *words)
    assert (done.returncode, done.stdout, done.stderr) == (OK, '', '')
    assert asked(admin, 'NotifyUser') == admin_pb2.UserNotificationRequest(
        VmName='gui-vm', Notification=notification(*sent))


def test_notify_wrongly(ctl, admin):
    done = ctl('notify', 'gui-vm', 'Title', '--urgency=loud')
    assert (done.returncode, done.stdout) == (USAGE, '') and 'none of low, normal and critical' in done.stderr
    assert ctl('notify').returncode == USAGE
    assert ctl('list', '--urgency=low').returncode == USAGE
    assert admin.requests.empty()
    assert ctl('notify', 'missing').returncode == NO_SUCH_NAME
    assert ctl('notify', 'gui-vm', '--json=short').stdout == '{"Status":"Notification sent"}\n'


@pytest.mark.parametrize('words, sent', [
    ([], ('Default Event', 'Default Title', 'NORMAL', 'dialog-information', '(no message)')),
    (['--event', 'e', '--title', 't', '--urgency', 'critical', '--icon', 'i', '--message', 'm'],
     ('e', 't', 'CRITICAL', 'i', 'm')),
    (['--urgency', 'low'], ('Default Event', 'Default Title', 'LOW', 'dialog-information', '(no message)')),
    (['--urgency', 'loud'], ('Default Event', 'Default Title', 'NORMAL', 'dialog-information', '(no message)')),
])
def test_notify_user(cli, admin, words, sent):
    done = cli('notify-user', 'gui-vm', *words)
    assert (done.returncode, done.stderr) == (OK, '')
    assert done.stdout == 'Status { status: "Notification sent" }'  # and no line's end
    assert asked(admin, 'NotifyUser').Notification == notification(*sent)
