# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 as an attacker writes it: frames by hand over TLS with a valid client certificate. Nothing here obeys the
protocol unless it is told to."""

import select
import socket
import ssl
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
ACK = END_STREAM = 0x1
END_HEADERS, PADDED, PRIO = 0x4, 0x8, 0x20


def frame(kind, flags, stream, payload=b"", size=None):
    """size lies about the payload."""
    n = len(payload) if size is None else size
    return struct.pack(">IBBI", n, kind, flags, stream)[1:] + payload


def hpack_int(n, bits, first=0):
    limit = (1 << bits) - 1
    if n < limit:
        return bytes([first | n])
    out = bytearray([first | limit])
    n -= limit
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def header(name, value, indexed=False):
    """A literal: neither Huffman nor, unless asked, the dynamic table."""
    name, value = (x if isinstance(x, bytes) else x.encode() for x in (name, value))
    return (b"\x40" if indexed else b"\x00") + hpack_int(len(name), 7) + name + hpack_int(len(value), 7) + value


def request(path="/test.Echo/Unary", extra=b"", method="POST", scheme="https", te="trailers"):
    block = header(":method", method) + header(":scheme", scheme) + header(":path", path)
    block += header(":authority", "server.test") + header("content-type", "application/grpc")
    return block + header("te", te) + extra


def call(stream, path="/test.Echo/Unary", flags=END_HEADERS, extra=b""):
    return frame(HEADERS, flags, stream, request(path, extra))


def message(stream, payload=b"", end=True, compressed=0):
    body = struct.pack(">BI", compressed, len(payload)) + payload
    out = b""
    while len(body) > 16384:
        out += frame(DATA, 0, stream, body[:16384])
        body = body[16384:]
    return out + frame(DATA, END_STREAM if end else 0, stream, body)


def field(number, value):
    """A protobuf field: bytes or a varint."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(n):
    out = bytearray()
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def client_context(authority, name, alpn=("h2",)):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.load_verify_locations(authority.path("ca", ".crt"))
    if name:
        authority.issue(name)
        c.load_cert_chain(authority.path(name, ".crt"), authority.path(name, ".key"))
    if alpn:
        c.set_alpn_protocols(list(alpn))
    return c


class Peer:
    """A TLS connection that can be flooded and read from one thread. closed says that the server ended it."""

    def __init__(self, port, context, source="127.0.0.66", handshake=True):
        self.socket = socket.socket()
        self.socket.bind((source, 0))
        self.socket.settimeout(5)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="server.test")
        self.closed = False
        self.received = bytearray()
        self.n_received = 0
        self.keep = 1 << 20
        self.socket.setblocking(False)
        if handshake:
            self.handshake()

    def handshake(self, seconds=5):
        end = time.monotonic() + seconds
        while True:
            try:
                self.tls.do_handshake()
                self._flush(end)
                return
            except ssl.SSLWantReadError:
                self._flush(end)
                if not self._pump(end):
                    raise ConnectionError("closed in the handshake") from None

    def _pump(self, end):
        """Moves bytes from the socket to TLS; False when the server has closed."""
        if not select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
            raise TimeoutError("no answer")
        return self._receive()

    def _receive(self, size=65536):
        try:
            data = self.socket.recv(size)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return False
        self.incoming.write(data)
        return True

    def _read_plain(self):
        try:
            while data := self.tls.read(65536):
                self.n_received += len(data)
                if len(self.received) < self.keep:
                    self.received += data
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError:
            pass
        self.closed = True

    def _flush(self, end, reads=True):
        """Sends what TLS has written, reading what comes meanwhile."""
        while self.outgoing.pending and not self.closed:
            data = self.outgoing.read(262144)
            while data and not self.closed:
                left = max(0, end - time.monotonic())
                r, w, _ = select.select([self.socket] if reads else [], [self.socket], [], left)
                if r and self._receive() and self.tls.version():
                    self._read_plain()
                if w and not self.closed:
                    try:
                        data = data[self.socket.send(data) :]
                    except BlockingIOError:
                        pass
                    except OSError:
                        self.closed = True
                if not r and not w:
                    raise TimeoutError("the server does not read")

    def send(self, data, seconds=10, reads=True):
        if self.closed:
            return
        self.tls.write(data)
        self._flush(time.monotonic() + seconds, reads)

    def start(self, settings=b""):
        self.send(PREFACE + frame(SETTINGS, 0, 0, settings))
        return self

    def flood(self, chunks, seconds=20, reads=True):
        """Sends chunk after chunk until they end or the server ends the connection. Returns bytes sent."""
        end = time.monotonic() + seconds
        n, batch = 0, bytearray()
        for c in chunks:
            batch += c
            if len(batch) >= 32768:
                if self.closed or time.monotonic() > end:
                    return n
                self.send(bytes(batch), reads=reads)
                n += len(batch)
                batch.clear()
        self.send(bytes(batch), reads=reads)
        return n + len(batch)

    def wait(self, condition, seconds=5):
        """Reads until condition(self) holds: True; or the server closes, or time is over: False."""
        end = time.monotonic() + seconds
        while not condition(self):
            if self.closed:
                return condition(self)
            if not select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
                return False
            if self._receive():
                self._read_plain()
                self._flush(end)
        return True

    def take(self, size):
        """Reads what has come, up to so many bytes."""
        if self._receive(size):
            self._read_plain()

    def wait_closed(self, seconds=5):
        return self.wait(lambda p: p.closed, seconds)

    def frames(self):
        """Complete frames received so far: (type, flags, stream, payload)."""
        out, b = [], bytes(self.received)
        while len(b) >= 9:
            n = int.from_bytes(b[:3], "big")
            if len(b) < 9 + n:
                break
            out.append((b[3], b[4], int.from_bytes(b[5:9], "big") & 0x7FFFFFFF, b[9 : 9 + n]))
            b = b[9 + n :]
        return out

    def count(self, kind, flags=0):
        return sum(f[0] == kind and f[1] & flags == flags for f in self.frames())

    def reset(self):
        """Ends with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
