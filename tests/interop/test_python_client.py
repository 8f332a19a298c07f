# SPDX-License-Identifier: Apache-2.0
"""Python's grpcio, the reference client, against the runtime's server over mutual TLS."""

import concurrent.futures
import queue
import re
import socket
import threading
import time

import grpc
import outside
import pytest

pb, pb_grpc = outside.stubs()
import error_details_pb2  # noqa: E402
import health_pb2  # noqa: E402
import health_pb2_grpc  # noqa: E402
import reflection_pb2  # noqa: E402
import reflection_v1alpha_pb2  # noqa: E402
import status_pb2  # noqa: E402

MESSAGE_MAX = 4 * 1024 * 1024
LARGE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
Code = grpc.StatusCode


@pytest.fixture
def stub(channel):
    return pb_grpc.EchoStub(channel)


@pytest.fixture(scope="module")
def large(echo):
    with echo.channel(options=LARGE) as c:
        yield pb_grpc.EchoStub(c)


def fails(call, code):
    """The call ends with this status; returns the error."""
    with pytest.raises(grpc.RpcError) as e:
        result = call()
        if not isinstance(result, pb.EchoReply):
            list(result)
    assert e.value.code() == code, (e.value.code(), e.value.details())
    return e.value


def request_of_size(n):
    """A request whose serialized form has exactly n bytes."""
    payload = n
    while (m := pb.EchoRequest(payload=b"p" * payload)).ByteSize() > n:
        payload -= m.ByteSize() - n
    assert m.ByteSize() == n
    return m



def test_unary(stub):
    r = stub.Unary(pb.EchoRequest(text="grüß Gott, 世界 🌍", payload=bytes(range(256))), timeout=5)
    assert (r.text, r.payload) == ("grüß Gott, 世界 🌍", bytes(range(256)))


def test_unary_empty(stub):
    assert stub.Unary(pb.EchoRequest(), timeout=5) == pb.EchoReply()


def test_server_stream(stub):
    replies = list(stub.ServerStream(pb.EchoRequest(text="x", count=1000), timeout=10))
    assert [r.index for r in replies] == list(range(1000))


def test_server_stream_of_nothing(stub):
    assert list(stub.ServerStream(pb.EchoRequest(count=0), timeout=5)) == []


def test_client_stream(stub):
    r = stub.ClientStream((pb.EchoRequest(text=str(i), payload=b"x" * i) for i in range(500)), timeout=10)
    assert (r.index, r.size, r.text) == (500, sum(range(500)), "499")


def test_client_stream_of_nothing(stub):
    assert stub.ClientStream(iter(()), timeout=5) == pb.EchoReply()


def test_bidi_in_lockstep(stub):
    requests = queue.SimpleQueue()
    replies = stub.Bidi(iter(requests.get, None), timeout=10)
    for i in range(100):
        requests.put(pb.EchoRequest(text=str(i)))
        assert next(replies).text == str(i)
    requests.put(None)
    assert list(replies) == []


def test_bidi_half_close(stub):
    """The client says all it has to and closes its half; every answer still comes."""
    replies = stub.Bidi(iter([pb.EchoRequest(text=str(i), delay_ms=20, count=2) for i in range(10)]), timeout=10)
    assert [r.text for r in replies] == [str(i // 2) for i in range(20)]


def test_bidi_of_nothing(stub):
    assert list(stub.Bidi(iter(()), timeout=5)) == []



def test_largest_message(large):
    """The limit is that of the serialized message, which may have all of 4 MiB."""
    m = request_of_size(MESSAGE_MAX)
    assert large.Unary(m, timeout=10).payload == m.payload
    assert large.ClientStream(iter([m, m]), timeout=10).size == 2 * len(m.payload)


def test_message_one_byte_too_large(large):
    m = request_of_size(MESSAGE_MAX + 1)
    fails(lambda: large.Unary(m, timeout=10), Code.RESOURCE_EXHAUSTED)
    fails(lambda: large.ClientStream(iter([m]), timeout=10), Code.RESOURCE_EXHAUSTED)
    assert large.Unary(pb.EchoRequest(text="still there"), timeout=5).text == "still there"


def test_message_far_too_large(large):
    """Its size alone ends the connection: gRPC would keep all of it before it says no."""
    with pytest.raises(grpc.RpcError) as e:
        large.Unary(pb.EchoRequest(payload=b"x" * (64 << 20)), timeout=10)
    assert e.value.code() in (Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE), e.value
    assert large.Unary(pb.EchoRequest(text="again"), timeout=5, wait_for_ready=True).text == "again"


def test_reply_too_large(large):
    """A request that just fits, whose reply with its peer's name does not."""
    m = request_of_size(MESSAGE_MAX)
    m.payload = m.payload[:-2]
    m.about = True
    assert m.ByteSize() <= MESSAGE_MAX
    fails(lambda: large.Unary(m, timeout=10), Code.RESOURCE_EXHAUSTED)


def test_many_sizes(stub):
    for n in (0, 1, 100, 16383, 16384, 16385, 65535, 65536, 131071, 131073, 1 << 20):
        data = bytes(i * 31 & 255 for i in range(n)) if n < 100000 else b"\xa5" * n
        assert stub.Unary(pb.EchoRequest(payload=data), timeout=10).payload == data


def test_large_streams(large):
    n = sum(len(r.payload) for r in large.ServerStream(pb.EchoRequest(payload=b"x" * (1 << 20), count=100), timeout=30))
    assert n == 100 << 20
    r = large.ClientStream((pb.EchoRequest(payload=b"x" * (1 << 20)) for _ in range(100)), timeout=30)
    assert (r.index, r.size) == (100, 100 << 20)



@pytest.mark.parametrize("code", [c for c in Code if c is not Code.OK], ids=lambda c: c.name)
def test_every_status(stub, code):
    e = fails(lambda: stub.Unary(pb.EchoRequest(fail_code=code.value[0], fail_text="as asked"), timeout=5), code)
    assert e.details() == "as asked"


@pytest.mark.parametrize("text", ["schön 世界 🌍", "100% \"quoted\"\n\ttabbed", "%41 stays", ""], ids=range(4))
def test_status_text(stub, text):
    e = fails(lambda: stub.Unary(pb.EchoRequest(fail_code=5, fail_text=text), timeout=5), Code.NOT_FOUND)
    if text:
        assert e.details() == text


def test_long_status_text(stub):
    """Cut at a character, never in the middle of one, and to what fits into the trailers that a peer accepts."""
    header = (outside.ROOT / "src/libgivc/rpc/status.h").read_text()
    size = int(re.search(r"RPC_MESSAGE_SIZE_MAX (\d+)", header).group(1))
    e = fails(lambda: stub.Unary(pb.EchoRequest(fail_code=5, fail_text="世" * 5000), timeout=5), Code.NOT_FOUND)
    assert size - 6 < len(e.details().encode()) <= size
    assert set(e.details().rstrip("…")) == {"世"}


def test_status_after_replies(stub):
    replies = stub.ServerStream(pb.EchoRequest(count=3, fail_code=10, fail_text="enough"), timeout=5)
    assert [next(replies).index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(grpc.RpcError) as e:
        next(replies)
    assert (e.value.code(), e.value.details()) == (Code.ABORTED, "enough")


def test_status_before_half_close(stub):
    """The server ends the call while the client still sends."""
    stop = threading.Event()

    def requests():
        yield pb.EchoRequest(fail_code=9, fail_text="no more")
        stop.wait(10)

    e = fails(lambda: stub.ClientStream(requests(), timeout=8), Code.FAILED_PRECONDITION)
    stop.set()
    assert e.details() == "no more"


def details(e):
    trailers = dict(e.trailing_metadata())
    s = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    out = {}
    for a in s.details:
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.DebugInfo):
            if a.Is(kind.DESCRIPTOR):
                out[kind.DESCRIPTOR.name] = kind.FromString(a.value)
    return s, out


def test_error_details(stub):
    request = pb.EchoRequest(fail_code=5, fail_text="No unit 'x'.", fail_detail="Unit x.service not loaded.")
    s, d = details(fails(lambda: stub.Unary(request, timeout=5), Code.NOT_FOUND))
    assert (s.code, s.message) == (5, "No unit 'x'.")
    assert (d["ErrorInfo"].reason, d["ErrorInfo"].domain) == ("NOT_FOUND", "givc")
    assert d["DebugInfo"].detail == "Unit x.service not loaded."


def test_no_details_of_success(stub):
    _, call = stub.Unary.with_call(pb.EchoRequest(), timeout=5)
    assert call.code() == Code.OK
    assert "grpc-status-details-bin" not in dict(call.trailing_metadata())


@pytest.mark.parametrize("path", ["/test.Echo/Nothing", "/test.Nothing/Unary", "/Unary", "/a/b/c", "/test.Echo/", "/"])
def test_unknown_method(channel, path):
    assert fails_raw(channel, path, b"").code() == Code.UNIMPLEMENTED


def fails_raw(channel, path, data):
    with pytest.raises(grpc.RpcError) as e:
        channel.unary_unary(path)(data, timeout=5)
    return e.value


INVALID = {
    "UTF-8": b"\x0a\x03a\xffb",
    "overlong UTF-8": b"\x0a\x02\xc0\xaf",
    "surrogate": b"\x0a\x03\xed\xa0\x80",
    "NUL": b"\x0a\x03a\0b",
    "cut": b"\x0a\x7fabc",
    "wire type": b"\x0f",
    "field 0": b"\x00\x01",
    "varint": b"\x18" + b"\xff" * 11,
    "group": b"\x0b" * 100,
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_message(channel, name):
    e = fails_raw(channel, "/test.Echo/Unary", INVALID[name])
    assert e.code() == Code.INVALID_ARGUMENT, e.details()
    for path in ("/test.Echo/ClientStream", "/test.Echo/Bidi"):
        with pytest.raises(grpc.RpcError) as e:
            list(channel.stream_stream(path)(iter([b"", INVALID[name]]), timeout=5))
        assert e.value.code() == Code.INVALID_ARGUMENT



def quiet(echo, calls=0):
    return echo.server.wait_stats(lambda s: s["calls"] == calls and s["fibers"] == calls)


def test_deadline(echo, stub):
    begin = time.monotonic()
    fails(lambda: stub.Unary(pb.EchoRequest(delay_ms=30000), timeout=0.3), Code.DEADLINE_EXCEEDED)
    assert 0.25 < time.monotonic() - begin < 1.3
    quiet(echo)


def test_deadline_of_streams(echo, stub):
    fails(lambda: stub.ServerStream(pb.EchoRequest(count=1000, delay_ms=50), timeout=0.3), Code.DEADLINE_EXCEEDED)
    fails(lambda: stub.Bidi(iter([pb.EchoRequest(delay_ms=30000)]), timeout=0.3), Code.DEADLINE_EXCEEDED)
    quiet(echo)


def test_handler_knows_the_deadline(stub):
    # gRPC rounds a timeout up to three digits on the wire.
    assert 8000 < stub.Unary(pb.EchoRequest(about=True), timeout=10).remaining_ms <= 10100
    assert stub.Unary(pb.EchoRequest(about=True)).remaining_ms == 0


def test_cancel_unary(echo, stub):
    f = stub.Unary.future(pb.EchoRequest(delay_ms=30000))
    echo.server.wait_stats(lambda s: s["calls"] == 1)
    f.cancel()
    assert f.code() == Code.CANCELLED
    quiet(echo)


def test_cancel_server_stream(echo, stub):
    replies = stub.ServerStream(pb.EchoRequest(count=1 << 30, payload=b"x" * 1000))
    for _ in range(10):
        next(replies)
    replies.cancel()
    quiet(echo)


def test_cancel_bidi_that_waits_for_us(echo, stub):
    stop = threading.Event()

    def requests():
        yield pb.EchoRequest(text="one")
        stop.wait(10)

    replies = stub.Bidi(requests())
    assert next(replies).text == "one"
    replies.cancel()
    quiet(echo)
    stop.set()


def test_client_that_vanishes(echo):
    with echo.channel() as c:
        s = pb_grpc.EchoStub(c)
        futures = [s.Unary.future(pb.EchoRequest(delay_ms=30000)) for _ in range(20)]
        echo.server.wait_stats(lambda st: st["calls"] == 20)
    assert all(f.done() for f in futures)
    quiet(echo)


def test_slow_reader(echo, stub):
    """The producer stops when nobody reads, and goes on when somebody does."""
    replies = stub.ServerStream(pb.EchoRequest(count=2000, payload=b"x" * 16384), timeout=30)
    next(replies)
    while True:
        before = echo.server.cpu()
        time.sleep(0.3)
        if echo.server.cpu() - before < 0.02:
            break
    assert sum(1 for _ in replies) == 1999



def test_metadata(stub):
    value = stub.Unary(pb.EchoRequest(header="x-marker"), metadata=[("x-marker", "here"), ("y", "z")], timeout=5).header
    assert value == "here"
    assert stub.Unary(pb.EchoRequest(header="absent"), timeout=5).header == ""


def test_metadata_too_large(stub):
    m = [(f"x-{i}", "v" * 1000) for i in range(40)]
    with pytest.raises(grpc.RpcError) as e:
        stub.Unary(pb.EchoRequest(), metadata=m, timeout=5)
    assert e.value.code() in (Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE), e.value
    assert stub.Unary(pb.EchoRequest(text="again"), timeout=5, wait_for_ready=True).text == "again"


def test_identity(stub):
    r = stub.Unary(pb.EchoRequest(about=True), timeout=5)
    assert "client.test" in r.peer and "127.0.0.1" in r.peer
    assert r.path.lstrip("/") == "test.Echo/Unary"


def test_identities_of_two_connections(echo):
    with echo.channel("one.test") as one, echo.channel("two.test") as two:
        for _ in range(20):
            for c, name in ((one, "one.test"), (two, "two.test")):
                assert name in pb_grpc.EchoStub(c).Unary(pb.EchoRequest(about=True), timeout=5).peer


def test_unix_socket(echo):
    """Plain: the kernel says who is there."""
    with grpc.insecure_channel(f"unix:{echo.socket}") as c:
        r = pb_grpc.EchoStub(c).Unary(pb.EchoRequest(text="x", about=True), timeout=5)
        assert r.text == "x" and "uid" in r.peer



def is_refused(echo, channel):
    before = echo.server.stats()["refused"]
    with channel as c, pytest.raises(grpc.RpcError) as e:
        pb_grpc.EchoStub(c).Unary(pb.EchoRequest(), timeout=2)
    assert e.value.code() == Code.UNAVAILABLE, e.value
    assert echo.server.stats()["refused"] > before


def test_no_certificate(echo):
    is_refused(echo, echo.channel(None))


def test_certificate_of_another_ca(echo, tmp_path):
    other = outside.Authority(tmp_path).issue("client.test")
    files = [echo.authority.read("ca", ".crt"), other.read("client.test", ".key"), other.read("client.test", ".crt")]
    options = [("grpc.ssl_target_name_override", outside.SERVER_NAME)]
    is_refused(echo, grpc.secure_channel(f"127.0.0.1:{echo.port}", grpc.ssl_channel_credentials(*files), options))


def test_plain_client(echo):
    is_refused(echo, grpc.insecure_channel(f"127.0.0.1:{echo.port}"))



def test_concurrent_calls_on_one_connection(stub):
    futures = [stub.Unary.future(pb.EchoRequest(text=str(i), delay_ms=i % 50), timeout=20) for i in range(90)]
    assert [f.result().text for f in futures] == [str(i) for i in range(90)]


def test_more_calls_than_streams(stub):
    """What exceeds the announced number of streams waits in the client and then gets its turn."""
    futures = [stub.Unary.future(pb.EchoRequest(text=str(i), delay_ms=20), timeout=20) for i in range(250)]
    assert [f.result().text for f in futures] == [str(i) for i in range(250)]


def test_calls_per_peer(echo):
    """One peer has 256 calls in progress at most, whatever number of connections it makes."""
    channels = [echo.channel("greedy.test") for _ in range(4)]
    stubs = [pb_grpc.EchoStub(c) for c in channels]
    for s in stubs:
        s.Unary(pb.EchoRequest(), timeout=5)
    futures = [stubs[i % 4].Unary.future(pb.EchoRequest(delay_ms=1500), timeout=20) for i in range(360)]
    codes = [f.code() for f in futures]
    assert set(codes) == {Code.OK, Code.RESOURCE_EXHAUSTED}
    assert codes.count(Code.OK) == 256
    for c in channels:
        c.close()


def test_concurrent_connections(echo):
    def work(i):
        with echo.channel(f"client{i % 7}.test") as c:
            s = pb_grpc.EchoStub(c)
            for k in range(10):
                assert s.Unary(pb.EchoRequest(text=f"{i}.{k}"), timeout=10).text == f"{i}.{k}"
        return i

    for i in range(7):
        echo.authority.issue(f"client{i}.test")
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        assert list(pool.map(work, range(60))) == list(range(60))



def test_health(channel):
    s = health_pb2_grpc.HealthStub(channel)
    for name in ("", "test.Echo"):
        reply = s.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
        assert reply.status == health_pb2.HealthCheckResponse.SERVING
    fails(lambda: s.Check(health_pb2.HealthCheckRequest(service="nothing"), timeout=5), Code.NOT_FOUND)


def test_health_watch(echo, channel):
    s = health_pb2_grpc.HealthStub(channel)
    for name, status in (("test.Echo", "SERVING"), ("nothing", "SERVICE_UNKNOWN")):
        w = s.Watch(health_pb2.HealthCheckRequest(service=name))
        assert next(w).status == health_pb2.HealthCheckResponse.ServingStatus.Value(status)
        w.cancel()
    quiet(echo)


def reflect(channel, version, **request):
    module = {"v1": reflection_pb2, "v1alpha": reflection_v1alpha_pb2}[version]
    method = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        module.ServerReflectionRequest.SerializeToString,
        module.ServerReflectionResponse.FromString,
    )
    replies = list(method(iter([module.ServerReflectionRequest(**request)]), timeout=5))
    assert len(replies) == 1
    return replies[0]


VERSIONS = pytest.mark.parametrize("version", ["v1", "v1alpha"])


@VERSIONS
def test_reflection_list(channel, version):
    names = {s.name for s in reflect(channel, version, list_services="").list_services_response.service}
    assert {"test.Echo", "grpc.health.v1.Health"} <= names
    assert not any("admin" in n or "systemd" in n for n in names)


@VERSIONS
@pytest.mark.parametrize(
    "request_", [{"file_containing_symbol": s} for s in ("test.Echo", "test.Echo.Unary", "test.EchoRequest")]
    + [{"file_by_filename": "echo.proto"}], ids=lambda r: next(iter(r.values()))
)
def test_reflection_file(channel, version, request_):
    from google.protobuf import descriptor_pb2

    files = reflect(channel, version, **request_).file_descriptor_response.file_descriptor_proto
    names = [descriptor_pb2.FileDescriptorProto.FromString(f) for f in files]
    echo_file = next(f for f in names if f.name == "echo.proto")
    assert [m.name for m in echo_file.service[0].method] == ["Unary", "ServerStream", "ClientStream", "Bidi"]
    for m in echo_file.message_type:
        for f in m.field:
            f.ClearField("json_name")  # protoc adds it for a descriptor set
    assert echo_file == descriptor_pb2.FileDescriptorProto.FromString(pb.DESCRIPTOR.serialized_pb)


@VERSIONS
def test_reflection_unknown(channel, version):
    for request in ({"file_by_filename": "nothing.proto"}, {"file_containing_symbol": "no.Thing"}):
        assert reflect(channel, version, **request).error_response.error_code == Code.NOT_FOUND.value[0]



def test_drain(mode, tmp_path):
    """SIGTERM: new connections are refused, calls in progress finish, watchers are told, the process ends with 0."""
    from conftest import Echo

    e = Echo(tmp_path, mode)
    with e.channel() as c:
        s = pb_grpc.EchoStub(c)
        f = s.Unary.future(pb.EchoRequest(text="late", delay_ms=1000), timeout=10)
        stuck = s.Unary.future(pb.EchoRequest(delay_ms=60000), timeout=30)
        w = health_pb2_grpc.HealthStub(c).Watch(health_pb2.HealthCheckRequest(service="test.Echo"))
        assert next(w).status == health_pb2.HealthCheckResponse.SERVING
        e.server.wait_stats(lambda st: st["calls"] == 3)
        e.server.popen.terminate()
        assert next(w).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert f.result().text == "late"
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", e.port), 2).close()
        begin = time.monotonic()
        assert stuck.code() in (Code.CANCELLED, Code.UNAVAILABLE)
        assert time.monotonic() - begin < 6
    assert e.stop() == 0


def test_nothing_is_left(echo, channel):
    """After all of this: one connection, no call, no fiber."""
    pb_grpc.EchoStub(channel).Unary(pb.EchoRequest(), timeout=5)
    s = echo.server.wait_stats(lambda s: s["calls"] == 0 and s["connections"] <= 2)
    assert s["fibers"] == 0 and s["handshakes"] == 0 and s["lanes"] <= s["connections"] + 1, s
