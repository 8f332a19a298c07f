# SPDX-License-Identifier: Apache-2.0
"""What the command line and the tests do to a running fleet: ask its supervisor, run commands in a machine."""

import ctypes
import json
import os
import pwd
import signal
import socket

from .keeper import die_with_parent
from .paths import CONTROL

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
ALL_NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET
KEPT_VARIABLES = ("TERM", "LANG", "LC_ALL", "NO_COLOR", "COLUMNS", "LINES")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class FleetError(Exception):
    """Something that the fleet refused or could not do; the text is for people."""


def ask(verb, machine=None, n_fds=0):
    """One request to the supervisor: its reply, and the descriptors that came with it when some are expected."""
    request = {"verb": verb} | ({"machine": machine} if machine else {})
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        try:
            s.connect(str(CONTROL))
        except OSError:
            raise FleetError("No fleet is up; `fleet up` boots one.") from None
        s.sendall(json.dumps(request).encode())
        data, fds, _, _ = socket.recv_fds(s, 1 << 20, n_fds)
        while chunk := s.recv(1 << 20):
            data += chunk
    if not data:
        raise FleetError("The fleet went down.") if verb != "down" else SystemExit(0)
    reply = json.loads(data)
    if "error" in reply:
        raise FleetError(reply["error"])
    return (reply, fds) if n_fds else reply


def set_namespaces(pidfd, flags):
    """Moves the calling thread (children only, for the pid namespace) into the machine's namespaces."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(pidfd, flags) < 0:
        raise OSError(ctypes.get_errno(), "setns")


def command_environment(user, more):
    environment = {k: os.environ[k] for k in KEPT_VARIABLES if k in os.environ}
    environment |= {"PATH": PATH, "HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name} | more
    if user.pw_uid != 0:
        runtime = f"/run/user/{user.pw_uid}"
        environment |= {"XDG_RUNTIME_DIR": runtime, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"}
    return environment


def become(name, variables):
    """In the machine: the user with groups, home and environment."""
    user = pwd.getpwnam(name)
    if user.pw_uid != 0:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    die_with_parent(signal.SIGTERM)             # changing the user has cleared it
    try:
        os.chdir(user.pw_dir)
    except OSError:
        os.chdir("/")
    return command_environment(user, variables)


def execute(machine, command, user="root"):
    """Runs command in the machine with our stdio; its exit status, 128+N for a signal, 127 when it cannot be run."""
    reply, (pidfd,) = ask("enter", machine, n_fds=1)
    set_namespaces(pidfd, ALL_NAMESPACES)
    os.close(pidfd)
    child = os.fork()
    if child == 0:
        try:
            environment = become(user, reply["environment"])
            os.execvpe(command[0], command, environment)
        except (OSError, KeyError) as e:
            os.write(2, f"fleet: {command[0]}: {e}\n".encode())
        os._exit(127)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, lambda n, _: n in (signal.SIGTERM, signal.SIGHUP) and os.kill(child, n))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status if status >= 0 else 128 - status
