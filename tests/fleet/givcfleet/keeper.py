# SPDX-License-Identifier: Apache-2.0
"""The fleet's process in the computer's own namespaces: starts the supervisor in namespaces of its own, ends it when
its owner ends, and removes what the kernel does not remove by itself. It holds the lock as long as the fleet lives."""

import ctypes
import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys

from . import cgroup
from .paths import FLEET, LOCK, NAME, STATE

PR_SET_PDEATHSIG = 1
SCOPE = f"{NAME}.scope"


def die_with_parent(number=signal.SIGKILL):
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def lock(wait=False):
    """The open lock file, or None when a fleet lives."""
    while True:
        STATE.mkdir(mode=0o755, exist_ok=True)
        f = open(LOCK, "a+", encoding="ascii")
        try:
            fcntl.flock(f, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            f.close()
            return None
        try:
            if os.fstat(f.fileno()).st_ino == LOCK.stat().st_ino:
                return f
        except FileNotFoundError:
            pass                                # the last fleet removed it between our open and our lock
        f.close()


def remove_state():
    shutil.rmtree(STATE, ignore_errors=True)


def remove_stale():
    """Removes what a fleet left whose keeper was killed. The caller holds the lock; afterwards it is a new one."""
    if cgroup.IS_SYSTEMD:
        subprocess.run(["systemctl", "stop", SCOPE], stderr=subprocess.DEVNULL, check=False)
    else:
        cgroup.remove(cgroup.base())
    stale = [p for p in STATE.iterdir() if p != LOCK]
    for path in stale:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return bool(stale)


def start(topology, build, owner, lock_file, channel):
    """Starts the keeper detached from the caller; lock and channel go over to it."""
    command = [sys.executable, str(FLEET / "fleet"), "keep", "--topology", str(topology), "--build", str(build),
               "--lock", str(lock_file.fileno()), "--channel", str(channel.fileno())]
    if owner:
        command += ["--owner", str(owner)]
    if cgroup.IS_SYSTEMD:
        command = ["systemd-run", "--scope", "--quiet", "--collect", "-p", "Delegate=yes", f"--unit={SCOPE}", *command]
    with open(STATE / "supervisor.log", "ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                pass_fds=(lock_file.fileno(), channel.fileno()))


def supervise_command(arguments, group):
    return ["unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child=SIGKILL", "--mount-proc",
            sys.executable, str(FLEET / "fleet"), "supervise", "--topology", arguments.topology,
            "--build", arguments.build, "--group", group, "--channel", str(arguments.channel)]


def main(arguments):
    group = cgroup.base() + ("/fleet" if cgroup.IS_SYSTEMD else "")

    def set_up_child():
        die_with_parent()
        cgroup.enter(group)

    terminated, on_signal = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(on_signal)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    child = subprocess.Popen(supervise_command(arguments, group), pass_fds=(arguments.channel,),
                             preexec_fn=set_up_child)
    os.close(arguments.channel)
    ends = select.poll()
    ends.register(os.pidfd_open(child.pid), select.POLLIN)
    ends.register(terminated, select.POLLIN)
    if arguments.owner:
        try:
            ends.register(os.pidfd_open(arguments.owner), select.POLLIN)
        except ProcessLookupError:
            child.kill()
    ends.poll()
    child.kill()                                # and with it the supervisor, and with that everything in the fleet
    status = child.wait()
    cgroup.remove(group)
    remove_state()
    return status
