# SPDX-License-Identifier: Apache-2.0
"""A command on a terminal: some of its streams are one, what is shown there can be waited for."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

WAIT = 30  # seconds that nothing should ever need


class Terminal:
    def __init__(self, command, env=None, streams=('stderr',), columns=80, lines=24):
        self.leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack('HHHH', lines, columns, 0, 0))
        others = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE}
        self.process = subprocess.Popen(command, env=env, start_new_session=True,
                                        **{k: follower if k in streams else v for k, v in others.items()})
        os.close(follower)
        self.shown = ''

    def until(self, pattern, seconds=WAIT):
        """Reads what is shown until it has that."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.shown):
            assert select.select([self.leader], [], [], max(end - time.monotonic(), 0))[0], self.shown
            self.shown += os.read(self.leader, 65536).decode()

    def type(self, keys):
        os.write(self.leader, keys.encode())

    def finish(self, seconds=WAIT):
        """Its exit status; then shown is all that the terminal got, out and err what went elsewhere."""
        try:
            while select.select([self.leader], [], [], seconds)[0] and (chunk := os.read(self.leader, 65536)):
                self.shown += chunk.decode()
        except OSError:
            pass  # how a terminal says that nobody writes any more
        out, err = self.process.communicate(timeout=seconds)
        os.close(self.leader)
        self.out, self.err = (out or b'').decode(), (err or b'').decode()
        return self.process.returncode
