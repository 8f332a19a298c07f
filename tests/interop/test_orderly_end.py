# SPDX-License-Identifier: Apache-2.0
"""Whoever ends a connection says so (TLS's close_notify): its peer can tell an end from a cable that was cut."""

import signal
import socket
import ssl

import outside

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


def connect(authority, port):
    context = ssl.create_default_context(cafile=authority.path("ca", ".crt"))
    context.load_cert_chain(authority.path("client.test", ".crt"), authority.path("client.test", ".key"))
    context.set_alpn_protocols(["h2"])
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    s = socket.create_connection(("127.0.0.1", port), timeout=15)
    return context.wrap_socket(s, server_hostname=outside.SERVER_NAME, suppress_ragged_eofs=False)


def test_server_that_stops(tmp_path):
    authority = outside.Authority(tmp_path).issue("client.test")
    port = outside.free_port()
    with outside.echo_server(authority, port) as server, connect(authority, port) as s:
        s.sendall(PREFACE)
        assert s.recv(65536)  # its settings: HTTP/2 is there
        server.popen.send_signal(signal.SIGTERM)
        while s.recv(65536):  # an end without close_notify raises SSLEOFError
            pass
