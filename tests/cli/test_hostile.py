# SPDX-License-Identifier: Apache-2.0
"""A virtual machine that is hostile and has a certificate of its own, against givc-admin and the others that it
serves: what it registers, what its agent says and does not say, and how much of it there is."""

import collections
import contextlib
import threading
import time

import grpc
import test_admin
from admin import when_left
from conftest import BUILD, WAIT
from test_admin import Agent, agent, call, channel_of, query, refusal, start_app, unit, wait_until

import admin_pb2
import exec_pb2
import journal_pb2
import systemd_pb2

daemon, machines = test_admin.daemon, test_admin.machines  # fixtures

BAD_NAMES = ['x\033[2J@0.service', 'x\n<3>forged@0.service', 'x\u009b2J@0.service', 'x y@0.service', 'ü@0.service',
             'x@0.service\n', '%n@0.service', '@0.service', 'x' * 300 + '@0.service', '../x@0.service']


class Liar(Agent):
    """An agent that pushes whatever it is told to and answers starts as it likes."""

    def __init__(self, machines, name):
        self.events, self.more, self.closed = [], threading.Condition(), False
        super().__init__(machines, name)
        handlers = {'WatchUnits': grpc.unary_stream_rpc_method_handler(
            self.watch_units, systemd_pb2.WatchUnitsRequest.FromString,
            lambda m: m if isinstance(m, bytes) else m.SerializeToString())}
        self.server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler('systemd.UnitControlService', handlers)])
        self.answer = None
        self.streams = 0

    def tell(self, *events):
        with self.more:
            self.events += events
            self.more.notify_all()

    def watch_units(self, request, context):
        self.streams += 1
        when_left(context, self.close)
        yield systemd_pb2.UnitEvent(Initial=systemd_pb2.UnitSnapshot(Complete=True))
        n = 0
        while True:
            with self.more:
                self.more.wait_for(lambda: len(self.events) > n or self.closed)
                if self.closed:
                    return
                batch, n = self.events[n:], len(self.events)
            yield from batch

    def close(self):
        with self.more:
            self.closed = True
            self.more.notify_all()

    def start(self, request, context):
        if self.answer:
            return self.answer(request, context)
        return super().start(request, context)


@contextlib.contextmanager
def liar(machines, name='app-vm'):
    a = Liar(machines, name)
    try:
        yield a
    finally:
        a.close()
        a.server.stop(None).wait()


def added(*args, **more):
    return systemd_pb2.UnitEvent(Added=unit(*args, **more))


def test_bad_names_that_are_pushed(daemon, machines):
    """Nobody checks them but the admin, and others read them."""
    d = daemon(certificates=machines / 'admin-vm')
    with liar(machines) as a, channel_of(machines, 'app-vm', d.port) as channel:
        a.register(channel)
        a.tell(*[added(name) for name in BAD_NAMES], added('good@0.service'))
        wait_until(lambda: 'good@0.service' in query(channel), 'a good name')
        assert sorted(query(channel)) == ['givc-app-vm.service', 'good@0.service']
        for name in BAD_NAMES:
            assert refusal(a.register, channel, name, 13)[0] == grpc.StatusCode.INVALID_ARGUMENT, name
        assert sorted(query(channel)) == ['givc-app-vm.service', 'good@0.service']
    assert '\033' not in d.text() and '\u009b' not in d.text()


def test_bad_names_that_are_answered(daemon, machines):
    d = daemon(certificates=machines / 'admin-vm')
    with liar(machines) as a, channel_of(machines, 'app-vm', d.port) as channel:
        a.register(channel)
        for name in BAD_NAMES:
            a.answer = lambda request, context, name=name: systemd_pb2.UnitResponse(UnitStatus=unit(name))
            assert refusal(start_app, channel, 'x', 'app-vm')[0] == grpc.StatusCode.INTERNAL, name
        assert list(query(channel)) == ['givc-app-vm.service']


def test_control_characters_in_the_log(daemon, machines):
    """What a peer says is quoted in the log, and must not draw on the terminal of who reads it."""
    d = daemon(certificates=machines / 'admin-vm')
    with agent(machines, 'app-vm') as a, channel_of(machines, 'app-vm', d.port) as channel:
        a.register(channel)
        for parent in ('microvm@\033[2J\033]0;x\a.service', 'microvm@\u009b2J.service', 'microvm@a\r\nb\x7f.service'):
            code, details = refusal(a.register, channel, Parent=parent)
            assert code == grpc.StatusCode.PERMISSION_DENIED
        code, details = refusal(a.register, channel, Transport={'Name': 'gui\033[2Jvm'})
        assert code == grpc.StatusCode.PERMISSION_DENIED
    wait_until(lambda: d.text().count('may not register') >= 4, 'the log')
    assert all(c == '\n' or c.isprintable() for c in d.text()), d.text()


def test_types_that_are_others(daemon, machines):
    d = daemon(certificates=machines / 'admin-vm')
    with agent(machines, 'app-vm') as a, channel_of(machines, 'app-vm', d.port) as channel:
        a.register(channel)
        before = query(channel)
        for kind in range(16):
            name = 'microvm@app-vm.service' if kind in (3, 7, 11) else 'x.service'
            if kind in (9, 10, 13, 14):
                continue
            assert refusal(a.register, channel, name, kind)[0] in (
                grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT), kind
        assert query(channel) == before


def test_starts_that_are_never_answered(daemon, machines):
    """They are the hostile one's own, and nobody else has to wait or is out of room for them."""
    d = daemon(certificates=machines / 'admin-vm')
    hang = threading.Event()
    with liar(machines) as a, agent(machines, 'gui-vm') as good, channel_of(machines, 'app-vm', d.port) as channel, \
            channel_of(machines, 'gui-vm', d.port) as other:
        a.answer = lambda request, context: hang.wait(WAIT)
        a.register(channel)
        good.register(other)
        with contextlib.ExitStack() as stack:
            channels = [stack.enter_context(channel_of(machines, 'app-vm', d.port)) for _ in range(4)]
            invokes = [c.unary_unary('/admin.AdminService/StartApplication',
                                     admin_pb2.ApplicationRequest.SerializeToString, admin_pb2.StartResponse.FromString)
                       for c in channels]
            calls = [invokes[i % 4].future(admin_pb2.ApplicationRequest(AppName='x', VmName='app-vm'), timeout=10**6)
                     for i in range(280)]
            try:
                wait_until(lambda: any(c.done() for c in calls), 'a limit')
                codes = {c.code() for c in calls if c.done()}
                assert codes == {grpc.StatusCode.RESOURCE_EXHAUSTED}
                assert start_app(other, 'y', 'gui-vm') == 'y@0.service'
                assert not all(c.done() for c in calls), 'they were answered first'
            finally:
                for c in calls:
                    c.cancel()
                hang.set()
        a.answer = None
        assert start_app(other, 'x', 'app-vm') == 'x@0.service'


def test_application_that_comes_and_goes(daemon, machines):
    """As fast as it can. Nobody has to wait for it, not even when the service manager is busy and reads nothing."""
    d = daemon(certificates=machines / 'admin-vm')
    with liar(machines) as a, channel_of(machines, 'app-vm', d.port) as channel, \
            channel_of(machines, 'gui-vm', d.port) as other:
        a.register(channel)
        a.tell(*[added('x@0.service'), systemd_pb2.UnitEvent(Removed='x@0.service')] * 5000, added('last@0.service'))
        while 'last@0.service' not in query(other):
            begin = time.monotonic()
            query(other)
            assert time.monotonic() - begin < 5
    assert d.text().count('x@0.service') < 1000
    wait_until(lambda: 'Too many lines about' in d.text(), 'a complaint')


def test_agent_that_registers_elsewhere_during_a_start(daemon, machines):
    d = daemon(certificates=machines / 'admin-vm')
    hang = threading.Event()
    with liar(machines) as a, channel_of(machines, 'app-vm', d.port) as channel:
        asked = threading.Event()

        def answer(request, context):
            asked.set()
            hang.wait(WAIT)
            return systemd_pb2.UnitResponse(UnitStatus=unit(request.UnitName))
        a.answer = answer
        a.register(channel)
        invoke = channel.unary_unary('/admin.AdminService/StartApplication',
                                     admin_pb2.ApplicationRequest.SerializeToString, admin_pb2.StartResponse.FromString)
        start = invoke.future(admin_pb2.ApplicationRequest(AppName='x', VmName='app-vm'), timeout=WAIT)
        assert asked.wait(WAIT)
        with agent(machines, 'app-vm') as other:
            other.register(channel)
            hang.set()
            assert start.code() == grpc.StatusCode.UNAVAILABLE
            wait_until(lambda: 'x@0.service' not in query(channel), 'the old start being forgotten')
            assert start_app(channel, 'x', 'app-vm') == 'x@0.service'
            assert 'x@0.service' in other.units


def test_states_of_what_is_not_its_own(daemon, machines):
    """In any order, and with the words of a unit that has ended."""
    d = daemon(certificates=machines / 'admin-vm')
    with liar(machines) as a, agent(machines, 'gui-vm') as good, agent(machines, 'ghaf-host') as host, \
            channel_of(machines, 'app-vm', d.port) as channel, channel_of(machines, 'gui-vm', d.port) as other, \
            channel_of(machines, 'ghaf-host', d.port) as at_host:
        host.register(at_host, kind=0, Parent='')
        host.units['microvm@gui-vm.service'] = unit('microvm@gui-vm.service')
        host.register(at_host, 'microvm@gui-vm.service', 7)
        good.register(other, kind=8)
        good.units['x.service'] = unit('x.service')
        good.register(other, 'x.service', 9)
        before = query(other)
        a.register(channel)
        for name in before:
            a.tell(systemd_pb2.UnitEvent(Removed=name), added(name, 'inactive', 'dead'),
                   systemd_pb2.UnitEvent(Changed=unit(name, 'failed', 'failed')), systemd_pb2.UnitEvent(),
                   systemd_pb2.UnitEvent(Initial=systemd_pb2.UnitSnapshot(Units=[unit(name, 'failed')], Complete=True)))
        a.tell(systemd_pb2.UnitEvent(Removed=''), systemd_pb2.UnitEvent(Changed=systemd_pb2.UnitStatus()),
               added('last@0.service'))
        wait_until(lambda: 'last@0.service' in query(other), 'the last event')
        after = query(other)
        assert {name: after[name] for name in before} == before
        assert sorted(set(after) - set(before)) == ['givc-app-vm.service', 'last@0.service']


def test_applications_that_are_none(daemon, machines):
    """The calls about applications reach nothing else, whatever the name and the VM that is named."""
    d = daemon(certificates=machines / 'admin-vm')
    with agent(machines, 'gui-vm') as good, agent(machines, 'ghaf-host') as host, agent(machines, 'app-vm') as own, \
            channel_of(machines, 'app-vm', d.port) as channel, channel_of(machines, 'gui-vm', d.port) as other, \
            channel_of(machines, 'ghaf-host', d.port) as at_host:
        own.register(channel)
        host.register(at_host, kind=0, Parent='')
        host.units['microvm@gui-vm.service'] = unit('microvm@gui-vm.service')
        host.register(at_host, 'microvm@gui-vm.service', 7)
        good.register(other, kind=8)
        good.units['x.service'] = unit('x.service')
        good.register(other, 'x.service', 9)
        units = {a.vm: dict(a.units) for a in (good, host, own)}
        for name in ('givc-gui-vm.service', 'givc-ghaf-host.service', 'microvm@gui-vm.service', 'x.service', 'gui-vm'):
            for vm in ('', 'app-vm', 'gui-vm', 'ghaf-host', '../gui-vm', 'gui-vm.service'):
                for method in ('StopApplication', 'PauseApplication', 'ResumeApplication'):
                    code, _ = refusal(call, channel, method, admin_pb2.ApplicationRequest(AppName=name, VmName=vm),
                                      admin_pb2.ApplicationResponse)
                    assert code in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.NOT_FOUND,
                                    grpc.StatusCode.INVALID_ARGUMENT), (method, name, vm)
        assert units == {a.vm: a.units for a in (good, host, own)}


def command(channel, vm, name='sh'):
    """What of it comes back."""
    invoke = channel.stream_stream('/exec.Exec/RunCommand', exec_pb2.CommandRequest.SerializeToString,
                                   exec_pb2.CommandResponse.FromString)
    start = exec_pb2.CommandRequest(Start=exec_pb2.StartCommand(Command=name, VmName=vm))
    return list(invoke(iter([start]), timeout=WAIT))


def test_commands_of_others(daemon, machines):
    """Agents answer their admin, who must not run commands on the host, or on any VM, for whoever asks him."""
    d = daemon(certificates=machines / 'admin-vm')
    asked = []

    def run_command(requests, context):
        asked.append(next(requests))
        yield exec_pb2.CommandResponse(Finished=exec_pb2.FinishedEvent(ReturnCode=3))
    handler = grpc.stream_stream_rpc_method_handler(run_command, exec_pb2.CommandRequest.FromString,
                                                    exec_pb2.CommandResponse.SerializeToString)
    with agent(machines, 'app-vm') as own, agent(machines, 'ghaf-host') as host, \
            channel_of(machines, 'app-vm', d.port) as channel, channel_of(machines, 'ghaf-host', d.port) as at_host, \
            channel_of(machines, 'admin-vm', d.port) as at_admin, grpc.insecure_channel(f'unix:{d.local}') as local:
        host.server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler('exec.Exec', {'RunCommand': handler})])
        own.register(channel)
        for _ in range(2):  # the host is unknown, and then it is known
            for vm in ('ghaf-host', 'app-vm', 'gui-vm', ''):
                code, details = refusal(command, channel, vm)
                assert code == grpc.StatusCode.PERMISSION_DENIED
                assert details == ("'app-vm' may not run commands: the host may, and who has the admin's certificate "
                                   "or its local socket.")
            host.register(at_host, kind=0, Parent='')
        assert not asked
        for allowed in (at_host, at_admin, local):
            assert command(allowed, 'ghaf-host')[-1].Finished.ReturnCode == 3
        assert len(asked) == 3


def test_rules_that_lack_a_module(daemon, machines):
    """Of an agent, which refuses its admin. Other refusals are passed on as they are."""
    d = daemon(certificates=machines / 'admin-vm')
    why = ['permission denied by access control policy']

    def read_journal(request, context):
        context.abort(grpc.StatusCode.PERMISSION_DENIED, why[0])
    handler = grpc.unary_stream_rpc_method_handler(read_journal, journal_pb2.JournalRequest.FromString, lambda m: m)
    with liar(machines) as a, channel_of(machines, 'app-vm', d.port) as channel:
        a.server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler('journal.JournalService', {'ReadJournal': handler})])
        a.register(channel)
        invoke = channel.unary_stream('/journal.JournalService/ReadJournal',
                                      journal_pb2.JournalRequest.SerializeToString, lambda m: m)
        for told in ("The access rules of the agent of VM 'app-vm' do not let its admin read journals; they have to "
                     f"permit him module 'journal' ({why[0]}).", 'because of the weather'):
            asked = invoke(journal_pb2.JournalRequest(VmName='app-vm'), timeout=WAIT)
            assert (asked.code(), asked.details()) == (grpc.StatusCode.PERMISSION_DENIED, told)
            why[0] = 'because of the weather'
    assert 'There are no access rules: each machine whose certificate is accepted may ask for all' in d.text()


def rss(d):
    """MiB of the process."""
    with open(f'/proc/{d.process.pid}/status', encoding='ascii') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('VmRSS:')) / 1024


def test_streams_of_big_messages(daemon, machines):
    """What the hostile one's agent answers to his own calls waits in the admin for him to read it."""
    d = daemon(certificates=machines / 'admin-vm')
    big = journal_pb2.JournalEntry(Message='x' * (4 * 1024 * 1024 - 64)).SerializeToString()

    def read_journal(request, context):
        while context.is_active():
            yield big
    handler = grpc.unary_stream_rpc_method_handler(read_journal, journal_pb2.JournalRequest.FromString, lambda m: m)
    with liar(machines) as a, channel_of(machines, 'app-vm', d.port) as channel:
        a.server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler('journal.JournalService', {'ReadJournal': handler})])
        a.register(channel)
        query(channel)
        before = rss(d)
        invoke = channel.unary_stream('/journal.JournalService/ReadJournal',
                                      journal_pb2.JournalRequest.SerializeToString, lambda m: m)
        calls = [invoke(journal_pb2.JournalRequest(VmName='app-vm'), timeout=WAIT) for _ in range(16)]
        assert {c.code() for c in calls} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert 'of which no more than 262144 are passed on' in calls[0].details()
        if 'sanitize' not in str(BUILD):  # which keeps what was freed
            assert rss(d) - before < 48


def test_host_that_is_not(daemon, machines):
    """Who was the host by being the first is it no more once the administrator has said who it is, and restarted."""
    d = daemon(certificates=machines / 'admin-vm')
    with agent(machines, 'app-vm') as a, agent(machines, 'ghaf-host') as host, \
            channel_of(machines, 'app-vm', d.port) as channel, channel_of(machines, 'ghaf-host', d.port) as at_host:
        a.register(channel, kind=0, Parent='')
        a.units['microvm@gui-vm.service'] = unit('microvm@gui-vm.service')
        a.register(channel, 'microvm@gui-vm.service', 7)
        assert refusal(host.register, at_host, kind=0, Parent='')[0] == grpc.StatusCode.PERMISSION_DENIED
        d.process.kill()
        d.process.wait()
        d.wait_until_said('FDSTORE=1')
        after = daemon('--host=ghaf-host', certificates=machines / 'admin-vm',
                       stored={'registry': d.stored['registry']})
        with channel_of(machines, 'app-vm', after.port) as channel, \
                channel_of(machines, 'ghaf-host', after.port) as at_host:
            code, _ = refusal(a.register, channel, kind=0, Parent='')
            assert code == grpc.StatusCode.PERMISSION_DENIED
            code, _ = refusal(a.register, channel, 'microvm@gui-vm.service', 7)
            assert code in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.FAILED_PRECONDITION)
            host.register(at_host, kind=0, Parent='')
            assert list(query(at_host)) == ['givc-ghaf-host.service']


def test_commands_that_take_long(daemon, machines):
    """The admin has so many streams to the host: one peer must not take them all."""
    d = daemon(certificates=machines / 'admin-vm')
    end = threading.Event()

    def run_command(requests, context):
        end.wait(WAIT)
        yield exec_pb2.CommandResponse(Stdout=exec_pb2.CommandIO(Payload=b'[]'))
        yield exec_pb2.CommandResponse(Finished=exec_pb2.FinishedEvent())
    handler = grpc.stream_stream_rpc_method_handler(run_command, exec_pb2.CommandRequest.FromString,
                                                    exec_pb2.CommandResponse.SerializeToString)
    with agent(machines, 'ghaf-host') as host, channel_of(machines, 'app-vm', d.port) as channel, \
            channel_of(machines, 'ghaf-host', d.port) as at_host:
        host.server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler('exec.Exec', {'RunCommand': handler})])
        host.register(at_host, kind=0, Parent='')
        invoke = channel.unary_unary('/admin.AdminService/ListGenerations', admin_pb2.Empty.SerializeToString,
                                     admin_pb2.ListGenerationsResponse.FromString)
        calls = [invoke.future(admin_pb2.Empty(), timeout=WAIT) for _ in range(99)]
        try:
            wait_until(lambda: sum(c.done() for c in calls) == 99 - 16, 'the refusal of too many')
            assert {c.code() for c in calls if c.done()} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        finally:
            end.set()
        assert sorted({c.code() for c in calls}, key=str) == [grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED]


def test_answers_that_are_none(daemon, machines):
    """Its own agent makes any call of the hostile one fail: that is told in the log, but not for ever."""
    d = daemon(certificates=machines / 'admin-vm')
    answers = [b'\x0a\xff', b'\x32\xff\xff\xff\xff\x0f', b'\x32\x02\x00a', b'\xff' * 1000]

    def read_journal(request, context):
        yield answers[request.Lines % len(answers)]
    handler = grpc.unary_stream_rpc_method_handler(read_journal, journal_pb2.JournalRequest.FromString, lambda m: m)
    with liar(machines) as a, channel_of(machines, 'app-vm', d.port) as channel:
        a.server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler('journal.JournalService', {'ReadJournal': handler})])
        a.register(channel)
        invoke = channel.unary_stream('/journal.JournalService/ReadJournal',
                                      journal_pb2.JournalRequest.SerializeToString, lambda m: m)
        told = collections.Counter()

        def answered():
            calls = [invoke(journal_pb2.JournalRequest(VmName='app-vm', Lines=n), timeout=WAIT) for n in range(8)]
            told.update(c.code() for c in calls)
            return told[grpc.StatusCode.INTERNAL] >= 704
        wait_until(answered, 'so many failures')
        # When it resets more streams than it may, its connection is closed, and made anew.
        assert set(told) <= {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE}
        assert "Too many lines about 'app-vm'" in d.text()
        assert d.text().count('failed') <= 600
        assert 'givc-app-vm.service' in query(channel)
