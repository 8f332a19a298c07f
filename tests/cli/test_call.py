# SPDX-License-Identifier: Apache-2.0
"""call and introspect: any method of the contract as JSON."""

import json
import pathlib
import re
import signal
import subprocess
from concurrent import futures

import admin_pb2
import admin_pb2_grpc
import exec_pb2
import exec_pb2_grpc
import grpc
import pytest
import reflection_pb2
import reflection_pb2_grpc
from admin import FLEET, Admin
from conftest import ROOT, WAIT, Client, environment

FAILED, USAGE, NO_SUCH_NAME, UNREACHABLE = 1, 2, 4, 6


class Exec(exec_pb2_grpc.ExecServicer):
    """Says back each line as it comes, and how many they were."""

    def RunCommand(self, request_iterator, context):
        n = 0
        for request in request_iterator:
            n += 1
            yield exec_pb2.CommandResponse(Stdout=exec_pb2.CommandIO(Payload=request.Stdin.Payload))
        yield exec_pb2.CommandResponse(Finished=exec_pb2.FinishedEvent(ReturnCode=n))


class Reflection(reflection_pb2_grpc.ServerReflectionServicer):
    def ServerReflectionInfo(self, request_iterator, context):
        for _ in request_iterator:
            response = reflection_pb2.ServerReflectionResponse()
            for name in ('admin.AdminService', 'other.Service\033[2J'):
                response.list_services_response.service.add(name=name)
            yield response


@pytest.fixture
def everything(tmp_path):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    admin = Admin()
    admin_pb2_grpc.add_AdminServiceServicer_to_server(admin, server)
    exec_pb2_grpc.add_ExecServicer_to_server(Exec(), server)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(Reflection(), server)
    server.add_insecure_port(f'unix:{tmp_path}/all.sock')
    server.start()
    ctl = Client(f'--admin=unix:{tmp_path}/all.sock')
    ctl.admin = admin
    yield ctl
    admin.leave()
    server.stop(0).wait()


def piped(ctl, *words, text):
    return subprocess.run(ctl.command(*words), env=environment(), input=text, capture_output=True, text=True,
                          timeout=WAIT, check=False)


@pytest.mark.parametrize('method', ['StartApplication', 'admin.AdminService/StartApplication',
                                    'admin.AdminService.StartApplication'])
def test_call(ctl, admin, method):
    result = ctl('call', method, '{"AppName": "hold", "VmName": "app-vm", "Args": ["a"]}')
    assert (result.returncode, result.stdout, result.stderr) == (0, '{"registryId":"hold@0.service"}\n', '')
    assert admin.requests.get(timeout=WAIT)[1] == admin_pb2.ApplicationRequest(AppName='hold', VmName='app-vm',
                                                                               Args=['a'])


def test_nothing_said_is_an_empty_request(ctl):
    assert len(json.loads(ctl('call', 'QueryList').stdout)['List']) == len(FLEET)
    assert ctl('call', 'QueryList', '--json=pretty').stdout.count('\n') > 20


def test_request_from_standard_input(ctl, tmp_path):
    text = '{"VmName": "app-vm",\n "UnitName": "hold@0.service"}\n'
    assert json.loads(piped(ctl, 'call', 'GetUnitStatus', '-', text=text).stdout)['ActiveState'] == 'active'
    (tmp_path / 'request').write_text(text)
    with open(tmp_path / 'request') as file:
        done = subprocess.run(ctl.command('call', 'GetUnitStatus', '-'), env=environment(), stdin=file,
                              capture_output=True, text=True, timeout=WAIT, check=False)
    assert json.loads(done.stdout)['ActiveState'] == 'active'


def test_server_stream(ctl, admin):
    call = ctl.spawn('call', 'Watch')
    assert list(json.loads(call.stdout.readline())) == ['Initial']
    admin.events.put(admin_pb2.WatchItem(Removed=FLEET[0]))
    assert json.loads(call.stdout.readline())['Removed']['Name'] == 'hold@0.service'
    admin.events.put(admin.END)
    assert call.communicate(timeout=WAIT) == ('', '')
    assert call.returncode == 0


def test_both_stream(everything):
    text = ''.join(json.dumps({'Stdin': {'Payload': p}}) for p in ('YQ==', 'Yg==', 'Yw=='))
    result = piped(everything, 'call', 'exec.Exec/RunCommand', '-', text=text)
    assert (result.returncode, result.stderr) == (0, '')
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {'Stdout': {'Payload': 'YQ=='}}, {'Stdout': {'Payload': 'Yg=='}}, {'Stdout': {'Payload': 'Yw=='}},
        {'Finished': {'ReturnCode': 3}}]
    assert json.loads(piped(everything, 'call', 'exec.Exec/RunCommand', '-', text='').stdout) == {
        'Finished': {'ReturnCode': 0}}


def test_more_than_a_window_each_way(everything):
    payload = 'QUFB' * 25000
    text = json.dumps({'Stdin': {'Payload': payload}}) * 40
    result = piped(everything, 'call', 'exec.Exec.RunCommand', '-', text=text)
    assert result.stdout.count(payload) == 40 and result.stdout.endswith('{"Finished":{"ReturnCode":40}}\n')


def test_refusals(ctl):
    result = ctl('call', 'StartApplication', '{"AppName": "missing"}')
    assert (result.returncode, result.stdout) == (NO_SUCH_NAME, '')
    assert result.stderr.startswith("Failed to call 'StartApplication': Unit 'missing@0.service' not found")
    assert ctl('call', 'exec.Exec/RunCommand').returncode == FAILED
    assert '(Unimplemented)' in ctl('call', 'exec.Exec/RunCommand').stderr


@pytest.mark.parametrize('words, says', [
    (('Nonsense',), "There is no method 'Nonsense'"), (('admin.AdminService/',), 'There is no method'),
    (('RunCommand',), 'There is no method'), (('exec.Exec',), 'There is no method'),
    (('QueryList', '{'), 'The request is no JSON: '), (('QueryList', '[]'), 'object'),
    (('QueryList', '{} {}'), "'QueryList' takes one request, not 2."), (('QueryList', ' '), 'not 0.'),
    (('StartVM', '{"Vm": "x"}'), 'Vm'), (('StartVM', '{"VmName": 1}'), 'VmName'),
    (('QueryList', '--no-block'), "--no-block is not for 'call'")])
def test_usage(ctl, words, says):
    result = ctl('call', *words)
    assert (result.returncode, result.stdout) == (USAGE, '')
    assert says in result.stderr


def blocks_interrupt(pid):
    status = pathlib.Path(f'/proc/{pid}/status').read_text()
    return int(re.search(r'^SigBlk:\s*(\w+)', status, re.M)[1], 16) & 1 << (signal.SIGINT - 1)


def test_interrupt_while_reading(ctl):
    with subprocess.Popen(ctl.command('call', 'QueryList', '-'), env=environment(), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as call:
        call.stdin.write('{')
        call.stdin.flush()
        while not blocks_interrupt(call.pid):
            pass  # until they are its loop's
        call.send_signal(signal.SIGINT)
        assert call.wait(WAIT) == -signal.SIGINT
        assert 'nothing was asked' in call.stderr.read()


def test_introspect_what_is_served(everything):
    shown = everything('introspect')
    assert (shown.returncode, shown.stderr) == (0, '')
    assert 'service admin.AdminService {\n' in shown.stdout
    assert '  rpc Watch(admin.Empty) returns (stream admin.WatchItem);\n' in shown.stdout
    assert "service other.Service?[2J { /* not in this client's contract */\n}\n" in shown.stdout


def test_introspect_says_what_streams(ctl):
    """Each method as in the .proto files, without any admin."""
    nowhere = Client('--admin=unix:/nowhere')
    n = 0
    for path in (ROOT / 'proto').glob('*.proto'):
        text = path.read_text()
        package = re.search(r'^package (.*);', text, re.M)[1]
        for service, body in re.findall(r'^service (\w+) \{(.*?)^\}', text, re.M | re.S):
            shown = nowhere('introspect', f'{package}.{service}').stdout
            rows = re.findall(r'rpc (\w+)\((stream )?[\w.]+\) returns \((stream )?[\w.]+\);', shown)
            assert rows == re.findall(r'^  rpc (\w+)\((stream )?[\w.]+\) returns \((stream )?[\w.]+\)', body, re.M)
            n += len(rows)
    assert n > 50


def test_introspect_methods_and_messages():
    nowhere = Client('--admin=unix:/nowhere')
    assert nowhere('introspect', 'StartApplication').stdout == """\
rpc StartApplication(admin.ApplicationRequest) returns (admin.StartResponse);
message admin.ApplicationRequest {
  string AppName = 1;
  optional string VmName = 2;
  repeated string Args = 3;
}
message admin.StartResponse {
  string registryId = 1;
}
"""
    assert nowhere('introspect', 'notify.UserNotification').stdout.endswith("""\
  notify.UrgencyLevel Urgency = 3;
  string Icon = 4;
  string Message = 5;
}
enum notify.UrgencyLevel {
  LOW = 0;
  NORMAL = 1;
  CRITICAL = 2;
}
""")
    assert '  /* one of */ admin.QueryListItem Added = 2;\n' in nowhere('introspect', 'admin.WatchItem').stdout
    result = nowhere('introspect', 'nonsense')
    assert (result.returncode, result.stdout) == (USAGE, '')
    assert nowhere('introspect').returncode == UNREACHABLE


def test_introspect_as_json(everything):
    def answer(*words):
        return json.loads(everything('introspect', '--json=short', *words).stdout)

    services = answer()['services']
    assert {'name': 'other.Service?[2J', 'known': False, 'methods': []} in services
    watch = {'name': 'Watch', 'request': 'admin.Empty', 'response': 'admin.WatchItem', 'client_streams': False,
             'server_streams': True}
    admin = next(s for s in services if s['name'] == 'admin.AdminService')
    assert admin['known'] and watch in admin['methods']
    assert answer('admin.AdminService') == {'services': [admin]}
    assert list(answer('Watch')) == ['methods', 'messages'] and answer('Watch')['methods'] == [watch]
    item = answer('admin.WatchItem')['messages'][0]
    assert item['name'] == 'admin.WatchItem'
    assert {'name': 'Added', 'number': 2, 'type': 'admin.QueryListItem', 'label': 'oneof'} in item['fields']
    assert answer('notify.UserNotification')['enums'] == [
        {'name': 'notify.UrgencyLevel', 'values': {'LOW': 0, 'NORMAL': 1, 'CRITICAL': 2}}]
