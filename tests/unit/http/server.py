#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A web server with one path for each way to answer. Prints its port, and lives until standard input ends."""

import http.server
import os
import ssl
import subprocess
import sys
import tempfile
import threading

ETAG = '"one"'
DATE = 'Sun, 22 Nov 2026 10:00:00 GMT'
FOREVER = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, format, *args):
        pass

    def answer(self, code, body=b'', **headers):
        self.send_response_only(code)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path, _, word = self.path[1:].partition('/')
        try:
            getattr(self, f'get_{path}', self.get_other)(word)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def get_file(self, _):
        self.answer(200, b'text', ETag=ETAG, Last_Modified=DATE)

    def get_plain(self, _):
        self.answer(200, b'text')

    def get_tagged(self, _):
        same = self.headers['If-None-Match'] == ETAG
        self.answer(304 if same else 200, b'' if same else b'text', ETag=ETAG)

    def get_dated(self, _):
        same = self.headers['If-Modified-Since'] == DATE
        self.answer(304 if same else 200, b'' if same else b'text', Last_Modified=DATE)

    def get_unchanged(self, _):
        self.answer(304)

    def get_bytes(self, n):
        self.answer(200, b'x' * int(n))

    def get_code(self, code):
        self.answer(int(code), b'a page for people')

    def get_slow(self, _):
        FOREVER.wait()

    def get_drips(self, _):
        self.send_response_only(200)
        self.end_headers()
        while not FOREVER.wait(0.01):
            self.wfile.write(b'x')

    def get_endless(self, _):
        self.send_response_only(200)
        self.end_headers()
        while True:
            self.wfile.write(b'x' * 4096)

    def get_headers(self, _):
        self.send_response_only(200)
        self.flush_headers()
        while True:
            self.wfile.write(b'X-Header: ' + b'x' * 1000 + b'\r\n')

    def get_loop(self, _):
        self.answer(302, Location='/loop')

    def get_moved(self, to):
        self.answer(302, b'moved', Location=f'/{to}')

    def get_away(self, to):
        self.answer(302, Location=to.replace('PORT', str(self.server.server_port)))

    def get_cut(self, _):
        self.send_response_only(200)
        self.send_header('Content-Length', '100')
        self.end_headers()
        self.wfile.write(b'half')

    def get_garbage(self, _):
        self.wfile.write(bytes(range(256)) * 8)

    def get_nothing(self, _):
        pass

    def get_other(self, _):
        self.answer(404, b'no such page')


def serve(secure):
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.daemon_threads = True
    if secure:
        with tempfile.TemporaryDirectory() as d:
            subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                            '-subj', '/CN=127.0.0.1', '-keyout', f'{d}/key', '-out', f'{d}/cert'], check=True,
                           stderr=subprocess.DEVNULL)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f'{d}/cert', f'{d}/key')
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


# In one piece, also without a buffer: whoever starts it reads once.
print(f'{serve(False)} {serve(True)}\n', end='', flush=True)
sys.stdin.read()
os._exit(0)
