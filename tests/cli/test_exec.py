# SPDX-License-Identifier: Apache-2.0
"""exec: a command elsewhere with our standard streams, by pipes and by a terminal, and what each side's end does."""

import contextlib
import os
import pty
import select
import signal
import struct
import subprocess
import fcntl
import termios
import threading
import time
from concurrent import futures

import exec_pb2
import exec_pb2_grpc
import grpc
import pytest
from admin import when_left
from conftest import WAIT, Client, environment

USAGE, OWN = 2, 255


class Exec(exec_pb2_grpc.ExecServicer):
    """Runs commands here, as an admin does that has passed them on: the streams are the contract's."""

    def __init__(self):
        self.starts, self.sizes, self.ended = [], [], threading.Event()

    def feed(self, requests, process):
        try:
            for request in requests:
                if request.HasField('Resize'):
                    self.sizes.append((request.Resize.Rows, request.Resize.Columns))
                else:
                    process.stdin.write(request.Stdin.Payload)
                    process.stdin.flush()
        except (grpc.RpcError, BrokenPipeError, ValueError):
            pass
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()

    def end(self, process):
        """The command with all that it started: what keeps its output open keeps the stream."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        self.ended.set()

    def RunCommand(self, request_iterator, context):
        start = next(request_iterator).Start
        self.starts.append(start)
        if start.Command == 'deny':
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "Command 'deny' is not one that this agent runs.")
        if start.Command == 'hang-up':
            return
        process = subprocess.Popen([start.Command, *start.Arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, start_new_session=True)
        when_left(context, lambda: self.end(process))
        yield exec_pb2.CommandResponse(Started=exec_pb2.StartedEvent(Pid=process.pid))
        threading.Thread(target=self.feed, args=(request_iterator, process), daemon=True).start()
        open_ = {process.stdout: 'Stdout', process.stderr: 'Stderr'}
        while open_:
            for stream in select.select(list(open_), [], [])[0]:
                data = stream.read1(65536)
                if data:
                    yield exec_pb2.CommandResponse(**{open_[stream]: exec_pb2.CommandIO(Payload=data)})
                else:
                    del open_[stream]
        status = process.wait()
        yield exec_pb2.CommandResponse(Finished=exec_pb2.FinishedEvent(
            ReturnCode=status if status >= 0 else 128 - status))


@pytest.fixture
def remote(tmp_path):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    service = Exec()
    exec_pb2_grpc.add_ExecServicer_to_server(service, server)
    server.add_insecure_port(f'unix:{tmp_path}/exec.sock')
    server.start()
    ctl = Client(f'--admin=unix:{tmp_path}/exec.sock')
    ctl.service = service
    yield ctl
    server.stop(0).wait()


def run(ctl, *words, data=b''):
    return subprocess.run(ctl.command(*words), env=environment(), input=data, capture_output=True, timeout=WAIT,
                          check=False)


def test_streams_and_status(remote):
    done = run(remote, 'exec', 'net-vm', '--', 'sh', '-c', 'cat; echo err >&2; exit 3', data=b'in\0put')
    assert (done.returncode, done.stdout, done.stderr) == (3, b'in\0put', b'err\n')
    start = remote.service.starts[0]
    assert (start.VmName, start.Command, list(start.Arguments)[:1]) == ('net-vm', 'sh', ['-c'])
    assert start.HasField('Stdin') and not start.HasField('Terminal') and not start.HasField('Role')


def test_much_each_way(remote):
    data = os.urandom(3 << 20)
    done = run(remote, 'exec', 'net-vm', '--', 'cat', data=data)
    assert (done.returncode, done.stdout == data, done.stderr) == (0, True, b'')


def test_ended_by_a_signal(remote):
    assert run(remote, 'exec', 'net-vm', '--', 'sh', '-c', 'kill -9 $$').returncode == 128 + 9


def test_user_and_directory(remote):
    assert run(remote, 'exec', '-u', 'ghaf', '--working-directory=/srv', 'net-vm', '--', 'true').returncode == 0
    assert (remote.service.starts[0].Role, remote.service.starts[0].WorkingDirectory) == ('ghaf', '/srv')


@pytest.mark.parametrize('words, says', [
    (('exec',), 'needs more'), (('exec', 'net-vm'), "needs a command behind '--'"),
    (('exec', 'net-vm', '--'), "needs a command behind '--'"), (('exec', 'net-vm', 'ls'), 'is too much'),
    (('exec', '-t', 'net-vm', '--', 'ls'), 'Standard input is no terminal'),
])
def test_usage(remote, words, says):
    done = run(remote, *words)
    assert done.returncode == USAGE and says in done.stderr.decode()
    assert remote.service.starts == []


def test_its_own_failures_are_255(remote, tmp_path):
    done = run(remote, 'exec', 'net-vm', '--', 'deny')
    assert done.returncode == OWN
    assert done.stderr.startswith(b"Failed to run 'deny' on 'net-vm': Command 'deny' is not one")
    done = run(remote, 'exec', 'net-vm', '--', 'hang-up')
    assert done.returncode == OWN and b'ended the stream before the command' in done.stderr
    done = run(Client(f'--admin=unix:{tmp_path}/none.sock'), 'exec', 'net-vm', '--', 'true')
    assert done.returncode == OWN and b'Failed to run' in done.stderr


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_ends_the_command(remote, number):
    ctl = subprocess.Popen(remote.command('exec', 'net-vm', '--', 'sh', '-c', 'echo up; exec sleep 1000'),
                           env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert ctl.stdout.readline() == b'up\n'
    ctl.send_signal(number)
    assert ctl.wait(WAIT) == -number
    assert remote.service.ended.wait(WAIT)
    ctl.communicate()


def test_nobody_reads_its_output(remote):
    ctl = subprocess.Popen(remote.command('exec', 'net-vm', '--', 'yes'), env=environment(), stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert ctl.stdout.read(4) == b'y\ny\n'
    ctl.stdout.close()
    assert (ctl.wait(WAIT), ctl.stderr.read()) == (-signal.SIGPIPE, b'')
    ctl.stderr.close()
    assert remote.service.ended.wait(WAIT)


class Keyboard:
    """givcctl on a terminal of ours."""

    def __init__(self, remote, *words):
        self.fd, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack('4H', 30, 90, 0, 0))
        self.before = termios.tcgetattr(inner)
        self.inner = inner
        self.process = subprocess.Popen(remote.command(*words), env=environment(), stdin=inner, stdout=inner,
                                        stderr=inner, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.text = b''

    def until(self, text):
        deadline = time.monotonic() + WAIT
        while text not in self.text:
            assert select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0], self.text
            self.text += os.read(self.fd, 4096)

    def close(self):
        status = self.process.wait(WAIT)
        assert termios.tcgetattr(self.inner) == self.before, 'the terminal is as it was'
        os.close(self.fd)
        os.close(self.inner)
        return status


def test_terminal(remote):
    keyboard = Keyboard(remote, 'exec', '-t', 'net-vm', '--', 'sh', '-c', 'echo ready; cat')
    keyboard.until(b'ready')
    terminal = remote.service.starts[0].Terminal
    assert (terminal.Rows, terminal.Columns, terminal.Type) == (30, 90, 'xterm')
    fcntl.ioctl(keyboard.inner, termios.TIOCSWINSZ, struct.pack('4H', 40, 100, 0, 0))
    deadline = time.monotonic() + WAIT
    while remote.service.sizes != [(40, 100)]:
        assert time.monotonic() < deadline, remote.service.sizes
        time.sleep(0.01)
    os.write(keyboard.fd, b'x\x03y')          # ^C is a key like any other
    keyboard.until(b'x\x03y')
    os.write(keyboard.fd, b'\x1d\x1d\x1d')
    assert keyboard.close() == OWN
    assert remote.service.ended.wait(WAIT)


def test_terminal_of_a_command_that_ends(remote):
    keyboard = Keyboard(remote, 'exec', '--tty', 'net-vm', '--', 'sh', '-c', 'exit 7')
    assert keyboard.close() == 7
