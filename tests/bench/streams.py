# SPDX-License-Identifier: Apache-2.0
"""Runs in a machine: a command that gives and takes bytes, as one shell pipes them into it. Arguments: what to measure,
how much of it, and the command as a list in JSON; prints a number.

  trips N    microseconds of a round trip of 64 bytes through a command that says what it hears
  in N       MiB a second into a command that says how many bytes came
  out N      MiB a second of a command that says so many bytes
  hold N     so many of it at once, each of which has answered; prints one when they are there, until its input ends"""

import json
import subprocess
import sys
import time

MESSAGE = b"a" * 64
BLOCK = bytes(1 << 16)
MIB = 1 << 20


def spawn(command):
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)


def ask(process):
    process.stdin.write(MESSAGE)
    taken = 0
    while taken < len(MESSAGE):
        n = len(process.stdout.read(len(MESSAGE) - taken))
        if n == 0:
            sys.exit(f"{process.args} has ended with {process.wait()}")
        taken += n


def end(process):
    process.stdin.close()
    rest = process.stdout.read()
    if process.wait() != 0:
        sys.exit(f"{process.args} has ended with {process.returncode}")
    return rest


def trips(n, command):
    process = spawn(command)
    ask(process)
    begin = time.monotonic()
    for _ in range(n):
        ask(process)
    used = time.monotonic() - begin
    end(process)
    return used / n * 1e6


def into(n, command):
    process = spawn(command)
    begin = time.monotonic()
    for _ in range(n * MIB // len(BLOCK)):
        view = memoryview(BLOCK)
        while view:
            view = view[process.stdin.write(view):]
    taken = int(end(process))
    if taken != n * MIB:
        sys.exit(f"{process.args} has taken {taken} bytes")
    return n / (time.monotonic() - begin)


def out(n, command):
    process = spawn(command)
    process.stdin.close()
    taken, begin = 0, 0
    while data := process.stdout.read(4 * len(BLOCK)):
        begin = begin or time.monotonic()
        taken += len(data)
    used = time.monotonic() - begin
    if process.wait() != 0 or taken != n * MIB:
        sys.exit(f"{process.args} has said {taken} bytes and ended with {process.returncode}")
    return n / used


def hold(n, command):
    processes = [spawn(command) for _ in range(n)]
    for process in processes:
        ask(process)
    print(1, flush=True)
    sys.stdin.read()
    for process in processes:
        end(process)
    return 0


MEASURES = {"trips": trips, "in": into, "out": out, "hold": hold}
print(MEASURES[sys.argv[1]](int(sys.argv[2]), json.loads(sys.argv[3])))
