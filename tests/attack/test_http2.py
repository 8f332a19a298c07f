# SPDX-License-Identifier: Apache-2.0
"""Hostile HTTP/2 from a peer with a valid certificate: the ten attacks that libgrpc of 2022 does not survive, and the
protocol violations beside them. Each is over when the server has closed the connection, cheaply, and nobody else
noticed."""

import collections
import struct
import time
import zlib

import h2
import pytest
from h2 import frame

MEBI = 1 << 20


def odd(n):
    return range(1, 2 * n, 2)


# Floods: (name, function that yields chunks).


def hpack_flood():
    """CVE-2023-33953: one string of a gigabyte, announced in HEADERS, sent in CONTINUATIONs."""
    yield frame(h2.HEADERS, 0, 1, h2.request() + b"\x00\x01x" + h2.hpack_int(1 << 30, 7))
    for _ in range(2048):
        yield frame(h2.CONTINUATION, 0, 1, b"a" * 16384)


def varint_flood():
    """The same, with a length that never ends."""
    yield frame(h2.HEADERS, 0, 1, h2.request() + b"\x00\x7f")
    for _ in range(2048):
        yield frame(h2.CONTINUATION, 0, 1, b"\x80" * 16384)


def rapid_reset():
    for i in odd(100000):
        yield h2.call(i) + frame(h2.RST, 0, i, struct.pack(">I", 8))


def rapid_reset_with_body():
    for i in odd(100000):
        yield h2.call(i) + h2.message(i) + frame(h2.RST, 0, i, struct.pack(">I", 8))


def streams_without_ack():
    for i in odd(20000):
        yield h2.call(i)


def tiny_headers():
    yield frame(h2.HEADERS, 0, 1, h2.request())
    block = b"".join(h2.header(f"x{i}", "y") for i in range(2000))
    for i in range(0, 16 * MEBI // len(block)):
        yield frame(h2.CONTINUATION, 0, 1, block[:16384])


def empty_continuations():
    yield frame(h2.HEADERS, 0, 1, h2.request())
    for _ in range(100000):
        yield frame(h2.CONTINUATION, 0, 1)


def ping_flood():
    for i in range(100000):
        yield frame(h2.PING, 0, 0, struct.pack(">Q", i))


def ping_ack_flood():
    for i in range(100000):
        yield frame(h2.PING, h2.ACK, 0, struct.pack(">Q", i))


def settings_flood():
    for i in range(100000):
        yield frame(h2.SETTINGS, 0, 0, struct.pack(">HI", 3, i))


def empty_settings_flood():
    for _ in range(100000):
        yield frame(h2.SETTINGS, 0, 0)


def settings_ack_flood():
    for _ in range(100000):
        yield frame(h2.SETTINGS, h2.ACK, 0)


def priority_flood():
    for i in odd(100000):
        yield frame(h2.PRIORITY, 0, i, struct.pack(">IB", 0, 16))


def window_update_flood():
    for _ in range(100000):
        yield frame(h2.WINDOW, 0, 0, struct.pack(">I", 1))


def unknown_flood():
    for i in range(100000):
        yield frame(0x20 + i % 100, 0, 0, b"x" * 8)


def empty_data_flood():
    yield h2.call(1, "/test.Echo/ClientStream")
    for _ in range(100000):
        yield frame(h2.DATA, 0, 1)


def goaway_flood():
    for _ in range(100000):
        yield frame(h2.GOAWAY, 0, 0, struct.pack(">II", 0, 0))


def reset_by_window_zero():
    """MadeYouReset: what the peer sends makes the server reset each stream."""
    for i in odd(20000):
        yield h2.call(i) + frame(h2.WINDOW, 0, i, struct.pack(">I", 0))


def reset_by_window_overflow():
    for i in odd(20000):
        yield h2.call(i) + frame(h2.WINDOW, 0, i, struct.pack(">I", 0x7FFFFFFF)) * 2


def reset_by_data_after_end():
    for i in odd(20000):
        yield h2.call(i) + h2.message(i) + h2.message(i)


def reset_by_message_size():
    for i in odd(20000):
        yield h2.call(i) + frame(h2.DATA, 0, i, b"\x00\x7f\xff\xff\xff")


def reset_by_unknown_method():
    for i in odd(20000):
        yield h2.call(i, "/test.Echo/Nothing")


def reset_by_malformed_request():
    for i in odd(20000):
        yield frame(h2.HEADERS, h2.END_HEADERS, i, h2.header("x", "y"))


def hpack_bomb():
    """A 3 KiB header in the dynamic table, and references of a byte each to it: 48 MiB a block."""
    big = h2.header("x", "y" * 3000, indexed=True)
    yield frame(h2.HEADERS, h2.END_HEADERS, 1, h2.request(extra=big))
    for i in odd(2000)[1:]:
        yield frame(h2.HEADERS, h2.END_HEADERS, i, h2.request(extra=b"\xbe" * 15000))


FLOODS = [
    hpack_flood,
    varint_flood,
    rapid_reset,
    rapid_reset_with_body,
    streams_without_ack,
    tiny_headers,
    empty_continuations,
    ping_flood,
    ping_ack_flood,
    settings_flood,
    empty_settings_flood,
    settings_ack_flood,
    priority_flood,
    window_update_flood,
    unknown_flood,
    empty_data_flood,
    goaway_flood,
    reset_by_window_zero,
    reset_by_window_overflow,
    reset_by_data_after_end,
    reset_by_message_size,
    reset_by_unknown_method,
    reset_by_malformed_request,
    hpack_bomb,
]


@pytest.mark.parametrize("attack", FLOODS, ids=lambda f: f.__name__)
def test_flood(arena, attack):
    with arena.verdict():
        with arena.peer() as p:
            n = p.start().flood(attack())
            assert p.wait_closed(), f"still open after {n} bytes, {p.n_received} received"
        arena.server.wait_stats(lambda s: s["connections"] <= 1)


@pytest.mark.parametrize("attack", [ping_flood, empty_settings_flood, rapid_reset], ids=lambda f: f.__name__)
def test_flood_unread(arena, attack):
    """The attacker does not read what it makes the server say."""
    with arena.verdict():
        with arena.peer() as p:
            p.start().flood(attack(), reads=False)
            assert p.wait_closed()


@pytest.mark.parametrize("attack", [rapid_reset, ping_flood, settings_flood], ids=lambda f: f.__name__)
def test_budget_survives_reconnect(arena, attack):
    """The budget belongs to the identity: the second connection of an attacker gets what the first one left over."""
    name = f"again-{attack.__name__}-{time.monotonic_ns()}.test".replace("_", "-")

    def connection():
        with arena.peer(name) as p:
            p.start()
            n = p.flood(attack())
            assert p.wait_closed()
            return n, p.n_received

    with arena.verdict(cpu=0.3):
        guarded = arena.server.stats()["guarded"]
        connection()
        answers = [connection()[1] for _ in range(20)]
        arena.server.wait_stats(lambda s: s["guarded"] - guarded == 21)
        # A refilled budget would let a hundred pings or settings be answered on each connection.
        assert all(n < 9 * 70 for n in answers), answers



def window(n, stream=0):
    return frame(h2.WINDOW, 0, stream, struct.pack(">I", n))


OPEN = h2.call(1, "/test.Echo/Bidi")
ZEROES = b"\0" * 8
VIOLATIONS = {
    "oversized frame": frame(h2.DATA, 0, 1, b"x" * 1000, size=0xFFFFFF),
    "oversized headers": frame(h2.HEADERS, h2.END_HEADERS, 1, b"x" * 1000, size=0xFFFFFF),
    "oversized unknown frame": frame(0x77, 0, 0, b"x" * 1000, size=0xFFFFFF),
    "data on an idle stream": frame(h2.DATA, 0, 7, b"x"),
    "data on stream 0": frame(h2.DATA, 0, 0, b"x"),
    "headers on stream 0": frame(h2.HEADERS, h2.END_HEADERS, 0, h2.request()),
    "even stream": frame(h2.HEADERS, h2.END_HEADERS, 2, h2.request()),
    "window overflow": window(0x7FFFFFFF) * 2,
    "window increment of zero": window(0),
    "padding longer than data": OPEN + frame(h2.DATA, h2.PADDED, 1, b"\xff123"),
    "padding longer than headers": frame(h2.HEADERS, h2.END_HEADERS | h2.PADDED, 1, b"\xff123"),
    "push promise": OPEN + frame(h2.PUSH, h2.END_HEADERS, 1, struct.pack(">I", 2) + h2.request()),
    "continuation of nothing": frame(h2.CONTINUATION, h2.END_HEADERS, 1, h2.request()),
    "interrupted header block": frame(h2.HEADERS, 0, 1, h2.request()) + frame(h2.PING, 0, 0, ZEROES),
    "continuation of another stream": frame(h2.HEADERS, 0, 1, h2.request()) + frame(h2.CONTINUATION, 4, 3),
    "settings on a stream": frame(h2.SETTINGS, 0, 1),
    "settings of five bytes": frame(h2.SETTINGS, 0, 0, b"12345"),
    "settings ack with a payload": frame(h2.SETTINGS, h2.ACK, 0, struct.pack(">HI", 3, 1)),
    "initial window too large": frame(h2.SETTINGS, 0, 0, struct.pack(">HI", 4, 0x80000000)),
    "ping of seven bytes": frame(h2.PING, 0, 0, b"1234567"),
    "ping on a stream": frame(h2.PING, 0, 1, ZEROES),
    "reset on stream 0": frame(h2.RST, 0, 0, struct.pack(">I", 8)),
    "reset of three bytes": OPEN + frame(h2.RST, 0, 1, b"123"),
    "window update of three bytes": frame(h2.WINDOW, 0, 0, b"123"),
    "goaway of three bytes": frame(h2.GOAWAY, 0, 0, b"123"),
    "invalid index": frame(h2.HEADERS, h2.END_HEADERS, 1, h2.request(extra=b"\xff\xff\xff\x7f")),
    "index zero": frame(h2.HEADERS, h2.END_HEADERS, 1, h2.request(extra=b"\x80")),
    "table size too large": frame(h2.HEADERS, h2.END_HEADERS, 1, b"\x3f\xff\xff\xff\x07" + h2.request()),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_violation(arena, name):
    with arena.verdict():
        with arena.peer() as p:
            p.start().send(VIOLATIONS[name])
            assert p.wait_closed(), f"still open; received {p.frames()}"


BEGINNINGS = {
    "http/1 request": b"GET / HTTP/1.1\r\nHost: server.test\r\n\r\n",
    "h2c upgrade": b"GET / HTTP/1.1\r\nHost: server.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" + h2.PREFACE + frame(h2.SETTINGS, 0, 0),
    "garbage": bytes((i * 197 + 13) & 255 for i in range(100000)),
    "zeroes": b"\0" * 100000,
    "preface of HTTP/3": h2.PREFACE.replace(b"2.0", b"3.0"),
    "no settings": h2.PREFACE + h2.call(1) + h2.message(1),
    "garbage after the preface": h2.PREFACE + bytes((i * 91 + 5) & 255 for i in range(100000)),
}


@pytest.mark.parametrize("name", BEGINNINGS)
def test_beginning(arena, name):
    with arena.verdict():
        with arena.peer() as p:
            p.send(BEGINNINGS[name])
            assert p.wait_closed(), f"still open; received {p.frames()}"


# What must not kill the server; whether it closes is its business.

SURVIVED = {
    "te over 8 KiB": frame(h2.HEADERS, h2.END_HEADERS, 1, h2.request(te="x" * 9000)),
    "scheme over 8 KiB": frame(h2.HEADERS, h2.END_HEADERS, 1, h2.request(scheme="x" * 9000)),
    "te, then 8 KiB": frame(h2.HEADERS, h2.END_HEADERS, 1, h2.request(te="x", extra=h2.header("y", "z" * 9000))),
    "scheme, then 8 KiB": frame(h2.HEADERS, 4, 1, h2.request(scheme="x", extra=h2.header("y", "z" * 9000))),
    "15 KiB of metadata": frame(h2.HEADERS, h2.END_HEADERS, 1, h2.request(extra=h2.header("y", "z" * 15000))),
    "bad base64": h2.call(1, extra=h2.header("x-bin", "!!!!")) + h2.message(1),
    "upper case header": h2.call(1, extra=h2.header("X-Y", "z")) + h2.message(1),
    "connection header": h2.call(1, extra=h2.header("connection", "close")) + h2.message(1),
    "NUL in a header": h2.call(1, extra=h2.header("x", b"a\0b\r\nc: d")) + h2.message(1),
    "bad timeout": h2.call(1, extra=h2.header("grpc-timeout", "-5x")) + h2.message(1),
    "longest timeout": h2.call(1, extra=h2.header("grpc-timeout", "99999999H")) + h2.message(1),
    "no path": frame(h2.HEADERS, h2.END_HEADERS, 1, h2.header(":method", "POST")),
    "GET": frame(h2.HEADERS, h2.END_HEADERS, 1, h2.request(method="GET")) + h2.message(1),
    "two messages in a unary call": h2.call(1) + h2.message(1, end=False) + h2.message(1),
    "no message in a unary call": h2.call(1, flags=h2.END_HEADERS | h2.END_STREAM),
    "half a message": h2.call(1) + frame(h2.DATA, h2.END_STREAM, 1, b"\0\0\0\1\0half"),
    "unknown compression": h2.call(1, extra=h2.header("grpc-encoding", "lzma")) + h2.message(1, b"x", compressed=1),
    "path without a slash": h2.call(1, "test") + h2.message(1),
    "path of 8 KiB": h2.call(1, "/" + "x" * 8192) + h2.message(1),
    "self-dependent priority": OPEN + frame(h2.PRIORITY, 0, 1, struct.pack(">IB", 1, 16)),
    "unknown settings": frame(h2.SETTINGS, 0, 0, struct.pack(">HI", 0x9999, 7)),
    "frame size 16 MiB announced": frame(h2.SETTINGS, 0, 0, struct.pack(">HI", 5, 0xFFFFFF))
    + h2.call(1)
    + h2.message(1),
    "goaway": frame(h2.GOAWAY, 0, 0, struct.pack(">II", 0, 2) + b"bye"),
}


@pytest.mark.parametrize("name", SURVIVED)
def test_survived(arena, name):
    with arena.verdict():
        with arena.peer() as p:
            p.start().send(SURVIVED[name])
            p.send(frame(h2.PING, 0, 0, b"12345678"))
            p.wait(lambda p: p.count(h2.PING, h2.ACK))


def test_compressed_bomb(arena):
    """64 MiB of zeroes in 64 KiB: nothing is decompressed, the call is refused."""
    body = zlib.compress(h2.field(2, b"\0" * (64 * MEBI)), 9)
    with arena.verdict():
        with arena.peer() as p:
            p.start().send(h2.call(1, extra=h2.header("grpc-encoding", "deflate")) + h2.message(1, body, compressed=1))
            p.wait(lambda p: p.count(h2.HEADERS, h2.END_STREAM) or p.count(h2.RST))
            assert sum(len(f[3]) for f in p.frames() if f[0] == h2.DATA) == 0
        arena.server.wait_stats(lambda s: s["connections"] <= 1)


def test_slow_reader(arena):
    """Ninety streams of replies without end that nobody reads: back-pressure stops their producers."""
    with arena.verdict():
        with arena.peer() as p:
            p.start(struct.pack(">HI", 4, 0x7FFFFFFF)).send(window(0x7FFF0000 - 65535), reads=False)
            # Small enough for the window that the server granted before it could not speak any more.
            ask = h2.field(2, b"x" * 600) + h2.field(4, 1 << 31)
            for i in odd(90):
                p.send(h2.call(i, "/test.Echo/ServerStream") + h2.message(i, ask), reads=False)
            s = arena.server.wait_stats(lambda s: s["calls"] >= 90)
            assert s["lanes"] <= 3
            sent = collections.deque(maxlen=10)

            def stands_still(s):
                sent.append(s["sent"])
                return len(sent) == sent.maxlen and sent[0] == sent[-1]

            arena.server.wait_stats(stands_still)
        arena.server.wait_stats(lambda s: s["calls"] <= 1)


def test_bdp_pings_are_honest(arena):
    """grpc-go pings after each piece of data that it receives, to measure the path: no client is punished for that."""
    with arena.peer() as p:
        p.start()
        for i in odd(1500):
            p.send(h2.call(i) + h2.message(i, h2.field(1, b"x")) + frame(h2.PING, 0, 0, struct.pack(">Q", i)))
            assert p.wait(lambda p: p.count(h2.HEADERS, h2.END_STREAM) and p.count(h2.PING, h2.ACK)), (i, p.closed)
            p.received.clear()


def test_many_honest_connections(arena):
    """A client that makes a connection for each call, as upstream's does, is not an attacker either."""
    with arena.verdict(cpu=5, rss_kb=16 * 1024):
        context = h2.client_context(arena.authority, "busy.test")
        for _ in range(400):
            with h2.Peer(arena.port, context, source="127.0.0.77") as p:
                p.start().send(h2.call(1) + h2.message(1, h2.field(1, b"x")) + frame(h2.SETTINGS, h2.ACK, 0))
                assert p.wait(lambda p: p.count(h2.HEADERS, h2.END_STREAM))
    arena.server.wait_stats(lambda s: s["connections"] <= 1)


def test_cancelled_calls_are_honest(arena):
    """Eighty cancelled calls at once are nothing special, even if the server resets each of them too."""
    with arena.peer() as p:
        p.start()
        for i in odd(80):
            p.send(h2.call(i, "/test.Echo/Bidi") + frame(h2.RST, 0, i, struct.pack(">I", 8)))
        p.send(frame(h2.PING, 0, 0, ZEROES))
        assert p.wait(lambda p: p.count(h2.PING, h2.ACK))
    arena.server.wait_stats(lambda s: s["calls"] <= 1)
