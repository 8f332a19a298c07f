# SPDX-License-Identifier: Apache-2.0
"""Hostile peers below HTTP/2: connections that never become one, and TLS that is slow, cut, wrong or endless."""

import re
import select
import socket
import ssl
import struct
import subprocess
import time

import h2
import outside
import pytest

LIMITS = (outside.ROOT / "src/libgivc/rpc/limits.h").read_text()


def limit(name):
    return int(re.search(rf"#define {name}\s+\(?(\d+)", LIMITS).group(1))


HANDSHAKES_PER_SOURCE = limit("RPC_HANDSHAKES_PER_SOURCE_MAX")
HANDSHAKE_SECONDS = limit("RPC_HANDSHAKE_USEC")
PREFACE_SECONDS = limit("RPC_PREFACE_USEC")
CONNECT_SECONDS = 2 if outside.SANITIZED else 0.1
HANDSHAKE_KB = 40  # what an unfinished one may cost


def client_hello(arena):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = h2.client_context(arena.authority, None).wrap_bio(incoming, outgoing, server_hostname="server.test")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def tcp(arena, data=b"", source="127.0.0.66"):
    s = socket.socket()
    s.bind((source, 0))
    s.connect(("127.0.0.1", arena.port))
    s.sendall(data)
    return s


def is_closed(s, seconds=5):
    """Reads until the server closes; False when it does not."""
    s.settimeout(seconds)
    try:
        while s.recv(65536):
            pass
        return True
    except (ConnectionError, ssl.SSLError):
        return True
    except TimeoutError:
        return False


def connect_seconds(arena):
    """Of several, the one whom only the server could make wait."""
    seconds = []
    for _ in range(5):
        begin = time.monotonic()
        with arena.peer("newcomer.test", source="127.0.0.99") as p:
            p.start().send(h2.call(1) + h2.message(1, h2.field(1, b"x")))
            assert p.wait(lambda p: p.count(h2.HEADERS, h2.END_STREAM))
        seconds.append(time.monotonic() - begin)
    return min(seconds)


def wait_quiet(arena):
    return arena.server.wait_stats(lambda s: s["handshakes"] == 0 and s["connections"] <= 1)


def test_half_handshakes(arena):
    """500 of them from one address: it gets its share of unfinished handshakes, a newcomer does not wait."""
    hello = client_hello(arena)
    fds = wait_quiet(arena)["fds"]
    with arena.verdict(rss_kb=HANDSHAKES_PER_SOURCE * HANDSHAKE_KB):
        peers = [tcp(arena, hello[: len(hello) // 2]) for _ in range(500)]
        s = arena.server.wait_stats(lambda s: s["handshakes"] <= HANDSHAKES_PER_SOURCE)
        assert s["fds"] <= fds + HANDSHAKES_PER_SOURCE
        assert connect_seconds(arena) < CONNECT_SECONDS
        for p in peers:
            p.close()
        wait_quiet(arena)
    assert arena.server.wait_stats(lambda s: s["fds"] <= fds)


def test_half_handshakes_that_vanish(arena):
    hello = client_hello(arena)
    fds = wait_quiet(arena)["fds"]
    with arena.verdict(cpu=0.5):
        for i in range(500):
            s = tcp(arena, hello[: 1 + i % len(hello)])
            if i % 2:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        wait_quiet(arena)
        assert connect_seconds(arena) < CONNECT_SECONDS
    assert arena.server.wait_stats(lambda s: s["fds"] <= fds)


def test_slow_peers(arena):
    """Silent, a byte a second, TLS without a preface, half a preface: all are gone when their time is over."""
    hello = client_hello(arena)
    with arena.verdict():
        silent, dripping = tcp(arena), tcp(arena)
        no_preface, half_preface = arena.peer(), arena.peer()
        half_preface.send(h2.PREFACE[:10])
        begin, n, closed = time.monotonic(), 0, {}
        waiting = {silent: "silent", dripping: "dripping", no_preface.socket: "preface", half_preface.socket: "half"}
        while waiting and time.monotonic() < begin + HANDSHAKE_SECONDS + 3:
            if dripping in waiting and n < time.monotonic() - begin:
                dripping.send(hello[n : n + 1])
                n += 1
            for s in select.select(list(waiting), [], [], 0.2)[0]:
                try:
                    ended = not s.recv(65536)
                except OSError:
                    ended = True
                if ended:
                    closed[waiting.pop(s)] = time.monotonic() - begin
        assert not waiting, list(waiting.values())
        assert closed["preface"] < PREFACE_SECONDS + 1.5 and closed["half"] < PREFACE_SECONDS + 1.5, closed
        assert HANDSHAKE_SECONDS - 1 < closed["silent"] < HANDSHAKE_SECONDS + 1.5, closed
        assert HANDSHAKE_SECONDS - 1 < closed["dripping"] < HANDSHAKE_SECONDS + 1.5, closed
        wait_quiet(arena)


GARBAGE = {
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "plain HTTP/2": h2.PREFACE + h2.frame(h2.SETTINGS, 0, 0),
    "ssh": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "zeroes": b"\0" * 65536,
    "noise": bytes((i * 197 + 13) & 255 for i in range(65536)),
    "record of 64 KiB": b"\x16\x03\x01\xff\xff" + b"x" * 65535,
    "handshake of 16 MiB": b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + b"x" * 16380,
    "alert": b"\x15\x03\x01\x00\x02\x02\x28",
    "SSLv2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"x" * 37,
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_instead_of_tls(arena, name):
    with arena.verdict():
        s = tcp(arena, GARBAGE[name])
        assert is_closed(s, HANDSHAKE_SECONDS + 2)
        s.close()
        wait_quiet(arena)


def test_endless_handshake(arena):
    """Handshake messages in fragments that never make a whole one: bounded by size."""
    record = b"\x16\x03\x01\x40\x00"
    with arena.verdict():
        s = tcp(arena, record + b"\x01\xff\xff\xff" + b"\0" * 16380)
        s.settimeout(5)
        closed = False
        try:
            for _ in range(1024):
                s.sendall(record + b"\0" * 16384)
        except OSError:
            closed = True
        assert closed or is_closed(s)
        s.close()


def test_empty_records(arena):
    """Empty handshake records before the hello: refused or bounded, never a loop."""
    with arena.verdict():
        s = tcp(arena)
        s.settimeout(5)
        closed = False
        try:
            for _ in range(200):
                s.sendall(b"\x16\x03\x01\x00\x00" * 1000)
        except OSError:
            closed = True
        assert closed or is_closed(s, HANDSHAKE_SECONDS + 2)
        s.close()
        wait_quiet(arena)


def cipher_records(peer, plain):
    peer.tls.write(plain)
    return peer.outgoing.read()


@pytest.mark.parametrize("how", ["cut", "flipped", "repeated", "reset"])
def test_broken_records(arena, how):
    fds = wait_quiet(arena)["fds"]
    with arena.verdict():
        with arena.peer() as p:
            p.start()
            data = cipher_records(p, h2.call(1) + h2.message(1, h2.field(1, b"x")))
            p.socket.setblocking(True)
            if how == "cut":
                p.socket.sendall(data[: len(data) // 2])
                p.socket.shutdown(socket.SHUT_WR)
            elif how == "flipped":
                p.socket.sendall(data[:40] + bytes([data[40] ^ 1]) + data[41:])
            elif how == "repeated":
                p.socket.sendall(data + data)
            else:
                p.socket.sendall(data[: len(data) // 2])
                p.reset()
            if how != "reset":
                assert is_closed(p.socket)
        wait_quiet(arena)
    assert arena.server.wait_stats(lambda s: s["fds"] <= fds)


def test_close_without_notify(arena):
    """TCP's FIN without TLS's: the connection ends, its calls with it."""
    with arena.verdict():
        with arena.peer() as p:
            p.start().send(h2.call(1, "/test.Echo/Bidi"))
            arena.server.wait_stats(lambda s: s["calls"] >= 1)
            p.socket.shutdown(socket.SHUT_WR)
            assert p.wait_closed()
        s = wait_quiet(arena)
        assert s["calls"] <= 1


def s_client(arena, name, *args):
    a = arena.authority.issue(name)
    argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{arena.port}", "-CAfile", a.path("ca", ".crt"), "-quiet"]
    argv += ["-cert", a.path(name, ".crt"), "-key", a.path(name, ".key"), "-alpn", "h2", "-ign_eof", *args]
    argv = [x for x in argv if x not in ("-quiet", "-ign_eof")]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.parametrize("command", ["k", "K"], ids=["own", "both"])
def test_key_update_flood(arena, command):
    """s_client updates its key for each line, and says so: ours is asked to follow. It ends with the preface's time, or
    before."""
    with arena.verdict():
        p = s_client(arena, f"updates-{command}-{time.monotonic_ns()}.test".lower())
        try:
            for _ in range(5000):
                p.stdin.write(f"{command}\n".encode())
                p.stdin.flush()
                if not any(b"KEYUPDATE" in line for line in p.stdout):
                    break
        except BrokenPipeError:
            pass
        finally:
            try:
                p.communicate(timeout=PREFACE_SECONDS + 5)
            finally:
                p.kill()
        wait_quiet(arena)


REFUSED = {
    "no ALPN": dict(alpn=()),
    "ALPN http/1.1": dict(alpn=("http/1.1",)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_alpn(arena, name):
    with arena.verdict():
        try:
            with arena.peer(**REFUSED[name]) as p:
                p.start().send(h2.call(1) + h2.message(1))
                assert p.wait_closed()
                assert not p.frames()
        except (ConnectionError, ssl.SSLError):
            pass
        wait_quiet(arena)


@pytest.mark.parametrize("how", ["none", "TLS 1.2", "other CA", "expired"])
def test_certificate(arena, how, tmp_path):
    name = f"wrong{time.monotonic_ns()}.test"
    context = h2.client_context(arena.authority, None if how == "none" else name)
    if how == "TLS 1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if how == "other CA":
        other = outside.Authority(tmp_path).issue(name)
        context = h2.client_context(other, name)
        context.load_verify_locations(arena.authority.path("ca", ".crt"))
    if how == "expired":
        arena.authority.issue(name + "x", days=-0.01)
        context = h2.client_context(arena.authority, name + "x")
    with arena.verdict():
        refused = arena.server.stats()["refused"]
        with pytest.raises((ConnectionError, ssl.SSLError, AssertionError)):
            with h2.Peer(arena.port, context, source="127.0.0.66") as p:
                p.start().send(h2.call(1) + h2.message(1))
                p.wait_closed()
                assert p.frames()
        wait_quiet(arena)
        assert arena.server.stats()["refused"] == refused + 1
