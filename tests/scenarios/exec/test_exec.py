# SPDX-License-Identifier: Apache-2.0
"""Commands on the host from elsewhere: streams and status, what may be run, and that nothing of them is left."""

import base64
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pytest
from lab import SECONDS, TOOL, wait_until

pytestmark = pytest.mark.reference("issue 4: exec")

OWN_FAILURE = 255


def run(lab, *words, **options):
    return lab.ctl("exec", *words, check=False, **{"stdin": subprocess.DEVNULL, **options})


def commands(lab):
    """Units of commands that the host's manager has."""
    shown = lab.exec("ghaf-host", "systemctl", "list-units", "--all", "--plain", "--no-legend", "givc-exec-*").stdout
    return [line.split()[0] for line in shown.splitlines()]


def sleeps(lab, seconds):
    return lab.exec("ghaf-host", "pgrep", "-fx", f"sleep {seconds}", check=False).stdout.split()


def spawn(*words):
    return subprocess.Popen([TOOL, "ctl", "exec", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def test_streams_and_status(lab):
    done = run(lab, "ghaf-host", "--", "sh", "-c", "cat; echo err >&2; exit 3", stdin=None, input="text")
    assert (done.returncode, done.stdout, done.stderr) == (3, "text", "err\n")
    assert "load average" in run(lab, "ghaf-host", "--", "uptime").stdout
    assert run(lab, "ghaf-host", "--", "sh", "-c", "kill -TERM $$").returncode == 128 + signal.SIGTERM
    wait_until(lambda: commands(lab) == [])


def test_arguments_are_taken_literally(lab):
    words = ["$HOME", "${HOME}", "$$", "%n", "a b", ""]
    done = run(lab, "ghaf-host", "--", "sh", "-c", 'printf "%s\n" "$@"', "sh", *words)
    assert done.stdout.splitlines() == words


def test_much_each_way(lab):
    data = os.urandom(8 << 20)
    done = subprocess.run([TOOL, "ctl", "exec", "ghaf-host", "--", "cat"], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False)
    assert (done.returncode, done.stdout == data, done.stderr) == (0, True, b"")


def test_what_may_be_run(lab):
    done = run(lab, "ghaf-host", "--", "reboot")
    assert done.returncode == OWN_FAILURE and "Command 'reboot' is not one that this agent runs" in done.stderr
    done = run(lab, "ghaf-host", "--", "/bin/sh")
    assert done.returncode == OWN_FAILURE and "'/bin/sh'" in done.stderr
    done = run(lab, "net-vm", "--", "uptime")
    assert done.returncode == OWN_FAILURE and "VM 'net-vm' does not run commands" in done.stderr
    done = run(lab, "no-vm", "--", "uptime")
    assert done.returncode == OWN_FAILURE and "VM 'no-vm' is not registered" in done.stderr


def test_another_user_and_directory(lab):
    done = run(lab, "-u", "nobody", "--working-directory=/usr", "ghaf-host", "--", "sh", "-c", "id -un; pwd")
    assert done.stdout.split() == ["nobody", "/usr"]
    done = run(lab, "-u", "nemo", "ghaf-host", "--", "uptime")
    assert done.returncode == OWN_FAILURE and "Command 'uptime' cannot be run as user 'nemo'" in done.stderr
    done = run(lab, "--working-directory=/nowhere", "ghaf-host", "--", "uptime")
    assert done.returncode == OWN_FAILURE and "Command 'uptime' cannot be run in '/nowhere'" in done.stderr


def test_an_environment_that_nobody_else_reads(lab):
    start = {"Command": "sh", "Arguments": ["-c", "printf '%s' \"$SECRET\"; systemctl show givc-exec-*"],
             "EnvVars": {"SECRET": "se\"cr\\et $HOME\nline"}, "VmName": "ghaf-host"}
    done = lab.ctl("call", "exec.Exec/RunCommand", json.dumps({"Start": start}))
    output = b"".join(base64.b64decode(event["Stdout"]["Payload"])
                      for event in map(json.loads, done.stdout.splitlines()) if "Stdout" in event).decode()
    secret, shown = output[:len(start["EnvVars"]["SECRET"])], output[len(start["EnvVars"]["SECRET"]):]
    assert secret == start["EnvVars"]["SECRET"]
    assert "Description=Command sh" in shown and "cr" + "\\et" not in shown and "\nline" not in shown


def test_variables_that_would_choose_what_is_executed(lab):
    for name in ("LD_PRELOAD", "GIO_EXTRA_MODULES", "BASH_ENV"):
        start = {"Command": "sh", "Arguments": ["-c", "exit 1"], "EnvVars": {name: "/tmp/x"}, "VmName": "ghaf-host"}
        done = lab.ctl("call", "exec.Exec/RunCommand", json.dumps({"Start": start}), check=False)
        assert done.returncode != 0 and f"Variable '{name}' would choose" in done.stderr


def test_a_large_family_goes_with_its_caller(lab):
    """In sessions of their own, deaf to SIGTERM. There is a bound on how many they can be."""
    brood = "for i in $(seq 10); do (for j in $(seq 9); do setsid sleep 4709 & done; sleep 4709) & done"
    ctl = spawn("ghaf-host", "--", "sh", "-c", f"trap '' TERM; {brood}; systemctl show -P TasksMax 'givc-exec-*'; wait")
    assert ctl.stdout.readline() == b"512\n"
    wait_until(lambda: len(sleeps(lab, 4709)) == 100)
    ctl.terminate()
    wait_until(lambda: commands(lab) == [] and sleeps(lab, 4709) == [])
    ctl.communicate()


def test_the_caller_leaves(lab):
    ctl = spawn("ghaf-host", "--", "sh", "-c", "trap '' TERM; sleep 4711 & echo up; sleep 4711; wait")
    assert ctl.stdout.readline() == b"up\n"
    wait_until(lambda: len(sleeps(lab, 4711)) == 2)
    unit, = commands(lab)
    assert lab.exec("ghaf-host", "systemctl", "show", "-P", "Description", unit).stdout.strip() == "Command sh"
    ctl.terminate()
    wait_until(lambda: commands(lab) == [] and sleeps(lab, 4711) == [])
    ctl.communicate()


def test_the_agent_dies(lab):
    ctl = spawn("ghaf-host", "--", "sh", "-c", "echo up; exec sleep 4712")
    assert ctl.stdout.readline() == b"up\n"
    lab.exec("ghaf-host", "kill", "-9", str(lab.pid("ghaf-host")))
    assert ctl.wait(SECONDS) == OWN_FAILURE
    assert b"Failed to run 'sh' on 'ghaf-host'" in ctl.stderr.read()
    wait_until(lambda: commands(lab) == [] and sleeps(lab, 4712) == [])
    ctl.communicate()
    lab.wait_until_registered()


def test_the_admin_stops(lab):
    ctl = spawn("ghaf-host", "--", "sh", "-c", "echo up; exec sleep 4713")
    assert ctl.stdout.readline() == b"up\n"
    lab.systemctl("admin-vm", "restart", "givc-admin.service")
    assert ctl.wait(SECONDS) == OWN_FAILURE
    wait_until(lambda: commands(lab) == [] and sleeps(lab, 4713) == [])
    ctl.communicate()
    lab.wait_until_registered()


def test_a_terminal(lab):
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("4H", 31, 97, 0, 0))
    ctl = subprocess.Popen([TOOL, "ctl", "exec", "-t", "ghaf-host", "--", "sh", "-c",
                            "stty size; test -t 0 && ps -o tty= -p $$; read line; echo got $line; exit 4"],
                           stdin=inner, stdout=inner, stderr=inner, start_new_session=True,
                           preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    text, deadline = b"", time.monotonic() + SECONDS

    def until(wanted):
        nonlocal text
        while wanted not in text:
            assert select.select([outer], [], [], max(0, deadline - time.monotonic()))[0], text
            text += os.read(outer, 4096)

    until(b"31 97\r\n")
    until(b"pts/")
    os.write(outer, b"hello\r")
    until(b"got hello\r\n")
    assert ctl.wait(SECONDS) == 4
    os.close(outer)
    os.close(inner)
