# SPDX-License-Identifier: Apache-2.0
"""What the client says and ends with when something fails: one sentence, a hint, an exit status for scripts."""

import signal

import pytest
from conftest import WAIT, Client

OK, FAILED, USAGE, NOT_RUNNING, NO_SUCH_NAME, NO_PERMISSION, UNREACHABLE, TIMEOUT = range(8)


@pytest.mark.parametrize('name, status, sentence', [
    ('missing', NO_SUCH_NAME,
     "Failed to start 'missing': Unit 'missing@0.service' not found in VM 'gui-vm' (NotFound)."),
    ('denied', NO_PERMISSION,
     "Failed to start 'denied': permission denied by admin access control policy (PermissionDenied)."),
    ('nobody', NO_PERMISSION, "Failed to start 'nobody': No certificate (Unauthenticated)."),
    ('twice', FAILED, "Failed to start 'twice': 'twice' is in VM 'a-vm' and in VM 'b-vm' (FailedPrecondition)."),
    ('gone', FAILED, "Failed to start 'gone': The agent of VM 'gone-vm' cannot be reached (Unavailable)."),
    ('late', TIMEOUT, "Failed to start 'late': VM 'late-vm' did not start within 60 s (DeadlineExceeded)."),
    ('new', FAILED, "Failed to start 'new': Method not found (Unimplemented)."),
    ('bug', FAILED, "Failed to start 'bug': internal error (Internal)."),
    ('old', FAILED, "Failed to start 'old': request contains invalid arguments (InvalidArgument)."),
    ('evil', FAILED, "Failed to start 'evil': clears?[2Jthe screen (Aborted)."),
    ('mute', FAILED, "Failed to start 'mute': no reason (Aborted)."),
    ('cut', FAILED, "Failed to start 'cut': whoever was asked does not answer any more (Unavailable)."),
])
def test_refusals(ctl, name, status, sentence):
    result = ctl('start', name)
    assert (result.returncode, result.stdout) == (status, '')
    assert result.stderr.splitlines()[0] == sentence


def test_refusals_of_other_verbs(ctl):
    for verb in ('stop', 'pause', 'resume'):
        result = ctl(verb, 'missing@0')
        assert result.returncode == NO_SUCH_NAME
        assert result.stderr.startswith(f"Failed to {verb} 'missing@0': Unit 'missing@0.service' not found")
        assert result.stderr.splitlines()[1] == "Hint: 'givcctl list' shows what there is."


@pytest.mark.parametrize('name, status, sentence', [
    ('unheard-of', NO_SUCH_NAME, "Failed to kill 'unheard-of': Nothing is registered by that name (NotFound)."),
    ('twin', FAILED, "Failed to kill 'twin': It is in VM 'net-vm' and in VM 'app-vm'; say which with --vm"),
])
def test_refusals_of_kill(ctl, name, status, sentence):
    result = ctl('kill', name)
    assert (result.returncode, result.stdout) == (status, '')
    assert result.stderr.startswith(sentence)


def test_refusal_of_the_admin_to_kill(ctl):
    result = ctl('kill', 'x', '--vm=denied')
    assert (result.returncode, result.stdout) == (NO_PERMISSION, '')
    assert result.stderr.startswith("Failed to kill 'x': permission denied by admin access control policy")


TAKEN_FOR_AN_APP = ("It was taken for an app; for others put 'service' or 'vm' before the name. "
                    "'givcctl list' shows what there is.")


@pytest.mark.parametrize('name, hint', [
    ('missing', TAKEN_FOR_AN_APP), ('app missing', "'givcctl list' shows what there is."),
    ('missing@0', "'givcctl list' shows what there is."),
    ('denied', 'The journal of givc-admin says who was refused and why.'),
    ('nobody', 'The journal of givc-admin says who was refused and why.'),
    ('gone', "The VM may be off, or cut off from the others: 'givcctl list' shows."),
    ('late', "It may still happen, 'givcctl list' shows. --timeout=SEC waits longer."),
    ('new', 'The admin, or the agent that it asked, is older than this client or not configured for it.'),
    ('bug', "The journals of givc-admin and of the VM's agent say more."), ('old', None), ('twice', None)])
def test_hints(ctl, name, hint):
    assert ctl('start', *name.split()).stderr.splitlines()[1:] == ([f'Hint: {hint}'] if hint else [])


def test_details(ctl):
    assert ctl('start', 'detailed').stderr.splitlines() == [
        "Failed to start 'detailed': No such application (NotFound).", 'Detail: manifest has: hold,',
        '        ?clearexit',
        f'Hint: {TAKEN_FOR_AN_APP}']


def test_failures_are_never_json(ctl):
    result = ctl('-j', 'start', 'missing')
    assert (result.returncode, result.stdout) == (NO_SUCH_NAME, '')
    assert result.stderr.startswith('Failed to start')


def test_timeout(ctl, admin):
    result = ctl('start', 'slow', '--timeout=1')
    assert result.returncode == TIMEOUT
    assert result.stderr.startswith("Failed to start 'slow': no answer in time (")
    assert '(DeadlineExceeded).\nHint: It may still happen' in result.stderr
    assert admin.cancelled.wait(WAIT)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupt(ctl, admin, number):
    start = ctl.spawn('start', 'slow')
    admin.requests.get(timeout=WAIT)
    start.send_signal(number)
    out, err = start.communicate(timeout=WAIT)
    assert (out, start.returncode) == ('', -number)
    assert err == "Interrupted. The admin was asked to start 'slow', which may go on; 'givcctl list' shows.\n"
    assert admin.cancelled.wait(WAIT)


def test_status_of_nothing(ctl):
    result = ctl('status', 'unheard-of')
    assert result.returncode == NO_SUCH_NAME
    assert result.stderr.startswith(
        "Failed to show the status of 'unheard-of': Nothing is registered by that name (NotFound).")
    result = ctl('status', 'app-vm', 'unheard-of')
    assert result.returncode == NO_SUCH_NAME
    assert "Unit 'unheard-of.service' is not exposed in VM 'app-vm' (NotFound)." in result.stderr


def test_status_of_a_name_that_is_twice(ctl):
    result = ctl('status', 'twin')
    assert result.returncode == FAILED
    assert "in VM 'net-vm' and in VM 'app-vm'; say which with --vm (FailedPrecondition)." in result.stderr


def test_watch_of_an_admin_that_stops(ctl, server):
    watch = ctl.spawn('watch', 'hold*')
    assert 'present' in watch.stdout.readline()
    server.admin.events.put(server.admin.END)
    _, err = watch.communicate(timeout=WAIT)
    assert watch.returncode == UNREACHABLE
    assert err == ('Failed to watch the registry: The admin ended the stream (Unavailable).\n'
                   "Hint: Is it restarting? 'systemctl status givc-admin' on its machine tells.\n")


@pytest.mark.parametrize('words, says', [
    (('lsit',), "Unknown verb 'lsit', did you mean 'list'?"),
    (('hibernate',), "Unknown verb 'hibernate'."),
    (('start',), "'start' needs more: start [KIND] NAME"),
    (('start', 'vm'), "'start vm' needs more: start vm NAME"), (('stop', 'service'), "'stop service' needs more"),
    (('pause', 'app'), "'pause app' needs more: pause app NAME"),
    (('start', 'foot', 'url'), "'url' is too much; what is for the application stands behind '--'."),
    (('start', 'app', 'foot', 'url'), "'url' is too much"),
    (('stop',), "'stop' needs more: stop [KIND] NAME"),
    (('stop', 'a', 'b'), "'a' is no kind that 'stop' knows: app, service, vm\n"),
    (('stop', 'app', 'b', 'c'), "'c' is too much: stop [KIND] NAME"),
    (('pause', 'vm', 'app-vm'), "'vm' is no kind that 'pause' knows: app\n"),
    (('start', 'vm', 'app-vm', '--', 'x'), "Arguments behind '--' are for applications only."),
    (('poweroff', 'app-vm'), "'app-vm' is too much: poweroff\n"),
    (('kill',), "'kill' needs more: kill NAME"),
    (('kill', 'a', '-s', 'NONE'), '--signal=NONE is no signal.'),
    (('kill', 'a', '-s', 'SIG'), '--signal=SIG is no signal.'),
    (('kill', 'a', '--signal=0'), '--signal=0 is no signal.'),
    (('kill', 'a', '--signal=65'), '--signal=65 is no signal.'),
    (('kill', 'a', '--kill-whom=me'), '--kill-whom=me is none of main, control and all.'),
    (('stop', 'a', '-s', 'KILL'), "--signal is not for 'stop';"),
    (('list', '--no-block'), "--no-block is not for 'list'; 'givcctl list -h' shows what is."),
    (('stop', 'foot', '--wait'), "--wait is not for 'stop';"),
    (('start', 'foot', '--wait', '--no-block'), '--wait and --no-block do not go together.'),
    (('list', '--watch'), "--watch is not for 'list';"),
    (('call', 'Reboot', '--no-block'), "--no-block is not for 'call';"),
    (('status', 'a', '--limit=1'), "--limit is not for 'status';"),
    (('list', '--vm=a'), "--vm is not for 'list';"),
    (('start', 'foot', '--wait=soon'), '--wait=soon is not a number of seconds'),
    (('stop', 'a', '--', 'b'), "'stop' takes no arguments behind '--'"),
    (('status',), "'status' needs more"),
    (('status', 'a', 'b', 'c'), "'c' is too much"),
    (('status', 'a', 'b', '--vm=c'), "The VM is 'a' or 'c', not both."),
    (('--colour', 'list'), "Unknown option '--colour'."),
    (('list', '--fulll=x'), "Unknown option '--fulll', did you mean '--full'?"),
    (('list', '-jX'), "Unknown option '-X'."), (('list', '--full=x'), "Option '--full' takes no value."),
    (('start', 'a', '--vm'), "Option '--vm' needs a value: VM."),
    (('kill', 'a', '-s'), "Option '-s' needs a value: SIGNAL."),
    (('--json=xml',), '--json=xml'),
    (('--timeout=never', 'list'), '--timeout=never'),
    (('--admin=nonsense', 'list'), "The admin's address is wrong: 'nonsense': expected HOST:PORT."),
    (('--admin=tcp:127.0.0.1:9001', 'list'), '--name'),
])
def test_usage(words, says):
    result = Client()(*words)
    assert (result.returncode, result.stdout) == (USAGE, '')
    assert says in result.stderr
    assert result.stderr.endswith("Hint: 'givcctl --help' shows verbs and options.\n")


def test_a_broken_pipe_is_a_failure(ctl):
    with open('/dev/full', 'w') as full:
        import subprocess
        from conftest import environment
        done = subprocess.run(ctl.command('list'), env=environment(), stdout=full, stderr=subprocess.PIPE, timeout=WAIT,
                              check=False)
    assert done.returncode == FAILED
