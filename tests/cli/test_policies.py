# SPDX-License-Identifier: Apache-2.0
"""What givc-admin does with policies by their URL: when it fetches, what it asks the server, what it hands to agents,
and what it says. Server and agents are Python's."""

import http.server
import json
import queue
import signal
import threading

import grpc
import policyadmin_pb2
import pytest
import test_admin
from conftest import WAIT
from test_admin import agent, run, wait_until

daemon = test_admin.daemon  # a fixture
ETAG = '"one"'


class Web(http.server.ThreadingHTTPServer):
    """Answers each path with what answers says: a status, a body and headers; None: not at all, until it is closed."""

    daemon_threads = True

    def __init__(self):
        self.answers, self.requests, self.closing = {}, queue.Queue(), threading.Event()
        super().__init__(('127.0.0.1', 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path):
        return f'http://127.0.0.1:{self.server_port}{path}'

    def close(self):
        self.closing.set()
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, format, *args):
        pass

    def do_GET(self):
        answer = self.server.answers.get(self.path, (404, b'no such page', {}))
        self.server.requests.put((self.path, self.headers['If-None-Match'], self.headers['If-Modified-Since']))
        if answer is None:
            self.server.closing.wait()
            return
        status, body, headers = answer
        self.send_response_only(status)
        for name, value in ({'Content-Length': str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def web():
    server = Web()
    yield server
    server.close()


def serve_policies(subscriber):
    """The agent takes policies, as those before ours do, into a queue of (name, content)."""
    got = queue.Queue()

    def stream_policy(requests, context):
        chunks = list(requests)
        assert not any(c.policy_name for c in chunks[1:])
        got.put((chunks[0].policy_name, b''.join(c.policy_chunk for c in chunks)))
        return policyadmin_pb2.Status(Status='Success')

    handler = grpc.stream_unary_rpc_method_handler(stream_policy, policyadmin_pb2.StreamPolicyRequest.FromString,
                                                   policyadmin_pb2.Status.SerializeToString)
    subscriber.server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler('policyadmin.PolicyAdmin', {'StreamPolicy': handler})])
    return got


def words(tmp_path, config):
    return ('--policy-admin', f'--policy-config={json.dumps(config)}', f'--policy-store={tmp_path}/store')


def per_policy(**urls):
    return {'source': {'type': 'per-policy'},
            'policies': {name: {'vms': ['app-vm'], 'perPolicyUpdater': {'url': url}} for name, url in urls.items()}}


def kept(tmp_path, policy):
    return {f.name: f.read_bytes() for f in (tmp_path / 'store/data/vm-policies' / policy).glob('*')}


def poll(d):
    d.process.send_signal(signal.SIGHUP)


def test_fetched_kept_and_handed_out(daemon, web, tmp_path):
    """And asked for by ETag or by date from then on; where a server says neither, what is the same changes nothing."""
    date = 'Sun, 22 Nov 2026 10:00:00 GMT'
    web.answers = {'/a/tagged.conf?x=/y': (200, b'one', {'ETag': ETAG}),
                   '/dated': (200, b'two', {'Last-Modified': date}), '/': (200, b'three', {})}
    d = daemon(*words(tmp_path, per_policy(tagged=web.url('/a/tagged.conf?x=/y'), dated=web.url('/dated'),
                                           plain=web.url('/'))))
    with agent(None, 'app-vm') as a, grpc.insecure_channel(f'127.0.0.1:{d.port}') as channel:
        got = serve_policies(a)
        wait_until(lambda: d.text().count(' is new: ') == 3)
        a.register(channel)
        assert {got.get(timeout=WAIT) for _ in range(3)} == {('tagged', b'one'), ('dated', b'two'), ('plain', b'three')}
        assert kept(tmp_path, 'tagged') == {'tagged.conf': b'one'}
        assert kept(tmp_path, 'dated') == {'dated': b'two'} and kept(tmp_path, 'plain') == {'policy.bin': b'three'}
        assert {web.requests.get(timeout=WAIT)[1:] for _ in range(3)} == {(None, None)}
        web.answers |= {'/a/tagged.conf?x=/y': (304, b'', {}), '/dated': (304, b'', {})}
        poll(d)
        assert {web.requests.get(timeout=WAIT) for _ in range(3)} == {
            ('/a/tagged.conf?x=/y', ETAG, None), ('/dated', None, date), ('/', None, None)}
        web.answers['/dated'] = (200, b'new', {})
        poll(d)
        assert got.get(timeout=WAIT) == ('dated', b'new')
        assert got.empty() and d.text().count(' is new: ') == 4
        assert kept(tmp_path, 'dated') == {'dated': b'new'}
        a.register(channel)
        assert {got.get(timeout=WAIT)[0] for _ in range(3)} == {'tagged', 'dated', 'plain'}


def test_an_agent_that_registers_without_end(daemon, web, tmp_path):
    """It is told again each time, since it may be a new one. The journal is not."""
    web.answers['/p'] = (200, b'x', {})
    d = daemon(*words(tmp_path, per_policy(proxy=web.url('/p'))))
    with agent(None, 'app-vm') as a, grpc.insecure_channel(f'127.0.0.1:{d.port}') as channel:
        got = serve_policies(a)
        wait_until(lambda: ' is new: ' in d.text())
        for _ in range(620):
            a.register(channel)
            got.get(timeout=WAIT)
        wait_until(lambda: "Too many lines about 'app-vm'" in d.text(), 'a complaint')
    assert d.text().count(' has policy ') < 600


@pytest.mark.parametrize('answer, reason', [
    ((404, b'', {}), 'the server answers 404'), ((500, b'', {}), 'the server answers 500'),
    ((200, b'x', {'Content-Length': '100'}), ''), ((200, b'', {'Content-Length': str(17 << 20)}), ''),
    ((200, b'x' * ((16 << 20) + 1), {}), 'larger than it may be'),
    ((302, b'', {'Location': 'file:///etc/passwd'}), ''), ((302, b'', {'Location': '/p'}), ''),
], ids=['missing', 'broken', 'cut', 'no body', 'too big', 'elsewhere', 'loop'])
def test_a_bad_answer_changes_nothing(daemon, web, tmp_path, answer, reason):
    """It is said once, and so is that it works again."""
    web.answers['/p'] = (200, b'good', {})
    d = daemon(*words(tmp_path, per_policy(proxy=web.url('/p'))))
    wait_until(lambda: ' is new: ' in d.text())
    d.wait_until_said('0 watchers, 1 policy')
    web.answers['/p'] = answer
    poll(d)
    d.wait_until_said('0 watchers, 1 policy (1 not fetched)')
    wait_until(lambda: "Policy 'proxy' stays as it is and is tried again: '" in d.text() and reason in d.text())
    assert kept(tmp_path, 'proxy') == {'p': b'good'}
    n = web.requests.qsize()
    poll(d)
    wait_until(lambda: web.requests.qsize() > n)
    web.answers['/p'] = (200, b'better', {})
    poll(d)
    wait_until(lambda: 'can be fetched again' in d.text())
    assert kept(tmp_path, 'proxy') == {'p': b'better'} and d.text().count('stays as it is') == 1


def test_a_server_that_is_away(daemon, web, tmp_path):
    """The admin starts, hands out what it has kept, and tries again by itself."""
    options = words(tmp_path, per_policy(proxy=web.url('/p')))
    web.answers['/p'] = (200, b'kept', {})
    d = daemon(*options)
    wait_until(lambda: ' is new: ' in d.text())
    d.stop()
    web.answers['/p'] = (503, b'', {})
    d = daemon(*options)
    with agent(None, 'app-vm') as a, grpc.insecure_channel(f'127.0.0.1:{d.port}') as channel:
        got = serve_policies(a)
        a.register(channel)
        assert got.get(timeout=WAIT) == ('proxy', b'kept')
        wait_until(lambda: 'is tried again: ' in d.text())
        web.answers['/p'] = (200, b'fresh', {})
        assert got.get(timeout=WAIT) == ('proxy', b'fresh')


def test_stop_while_a_server_says_nothing(daemon, web, tmp_path):
    web.answers['/p'] = None
    d = daemon(*words(tmp_path, per_policy(proxy=web.url('/p'))))
    web.requests.get(timeout=WAIT)
    code, seconds = d.stop()
    assert code == 0 and seconds < 1 and kept(tmp_path, 'proxy') == {}


def test_a_store_that_cannot_be_written(daemon, web, tmp_path):
    (tmp_path / 'store').write_text('a file')
    web.answers['/p'] = (200, b'x', {'ETag': ETAG})
    d = daemon(*words(tmp_path, per_policy(proxy=web.url('/p'))))
    wait_until(lambda: f"it cannot be kept in '{tmp_path}/store': Not a directory." in d.text())
    (tmp_path / 'store').unlink()
    poll(d)
    wait_until(lambda: kept(tmp_path, 'proxy') == {'p': b'x'})


def test_git_without_a_manager(daemon, tmp_path):
    config = {'source': {'type': 'git-url', 'url': 'git://127.0.0.1/p'}, 'policies': {'proxy': {'vms': ['app-vm']}}}
    d = daemon(*words(tmp_path, config))
    wait_until(lambda: "Policy '*' stays as it is and is tried again: git cannot be run: the service manager cannot "
               in d.text())
    assert d.stop()[0] == 0


@pytest.mark.parametrize('config, sentence', [
    ('{"policies": {"a": {"vms": [1]}}}', 'policies.a.vms[0]: expected a string, got a number.'),
    ('{"source": {"type": "per-policy"}, "policies": {"a": {"url": "file:///x"}}}', "policies.a.url: 'file:///x' is"),
    ('nonsense', 'line 1, column 8: '),
])
def test_bad_configuration(config, sentence):
    for more in ((), ('--check',)):
        r = run(*more, POLICY_ADMIN='true', POLICY_CONFIG=config)
        assert r.returncode == 2 and f'givc-admin: --policy-config ($POLICY_CONFIG): {sentence}' in r.stderr
    assert run('--check', POLICY_ADMIN='false', POLICY_CONFIG=config).returncode == 0
    done = run('--check', POLICY_ADMIN='true', POLICY_CONFIG='{"else": 1}')
    assert done.returncode == 0 and '--policy-config ($POLICY_CONFIG): else: unknown key, ignored' in done.stderr
