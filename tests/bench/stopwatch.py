# SPDX-License-Identifier: Apache-2.0
"""Runs in a machine, from standard input: how many milliseconds a command takes, each of so many times. A command that
is to undo it can follow, which is not counted. Arguments: how often, and the two commands as lists in JSON."""

import json
import subprocess
import sys
import time


def run(argv):
    begin = time.monotonic()
    null = subprocess.DEVNULL
    done = subprocess.run(argv, stdin=null, stdout=null, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"{argv}: {done.stderr.decode()}")
    return (time.monotonic() - begin) * 1e3


times = []
for _ in range(int(sys.argv[1])):
    times.append(run(json.loads(sys.argv[2])))
    if undo := json.loads(sys.argv[3]):
        run(undo)
print(json.dumps(times))
