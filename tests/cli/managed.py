# SPDX-License-Identifier: Apache-2.0
"""A program as the service manager starts it: with sockets that are passed, one to say that it is ready, and a store of
descriptors."""

import array
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from conftest import WAIT, environment

# The process has to know its own number, and the sockets have to be 3 and on.
ACTIVATE = """import os, sys
fds = [os.dup(int(n)) for n in sys.argv[1].split(',')]
for i, fd in enumerate(fds):
    os.dup2(fd, 100 + i)
for i in range(len(fds)):
    os.dup2(100 + i, 3 + i)
os.environ['LISTEN_PID'] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])"""


class Managed:
    def __init__(self, tmp_path):
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify_path = tmp_path / f'notify-{time.monotonic_ns()}'
        self.notify.bind(str(self.notify_path))
        self.notify.settimeout(WAIT)
        self.said, self.stored = [], {}
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.log = (tmp_path / 'log').open('a+')

    def start(self, command, fds, prefix=(), **variables):
        """fds: what is passed, by name."""
        variables = {'NOTIFY_SOCKET': str(self.notify_path)} | variables
        if fds:
            variables |= {'LISTEN_FDS': str(len(fds)), 'LISTEN_FDNAMES': ':'.join(fds)}
            command = [sys.executable, '-c', ACTIVATE, ','.join(str(fd) for fd in fds.values()), *command]
        self.process = subprocess.Popen([*prefix, *command], env=environment(**variables), stdin=subprocess.DEVNULL,
                                        stderr=self.log, pass_fds=list(fds.values()))

    def hear(self):
        text, ancillary, _, _ = self.notify.recvmsg(65536, socket.CMSG_SPACE(16))
        lines = text.decode().split('\n')
        for level, kind, data in ancillary:
            assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
            name = next(line.split('=')[1] for line in lines if line.startswith('FDNAME='))
            self.stored[name] = array.array('i', data)[0]
        self.said += lines

    def wait_until_said(self, what):
        end = time.monotonic() + WAIT
        while not any(what in line for line in self.said):
            assert time.monotonic() < end, f'{what} was not said, but {self.said}'
            self.hear()

    def text(self):
        """By an open file of our own: the daemon's writing moves the one that it shares with us."""
        return Path(self.log.name).read_text()

    def stop(self):
        begin = time.monotonic()
        self.process.terminate()
        return self.process.wait(WAIT), time.monotonic() - begin

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for fd in self.stored.values():
            os.close(fd)
        self.log.close()
        self.listener.close()
        self.notify.close()
