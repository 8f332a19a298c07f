# SPDX-License-Identifier: Apache-2.0
"""What a scenario changes in a machine, and takes back when it is over: lines in a unit, a start that waits until it is
told to go on, a daemon's environment."""

import contextlib

GO_ON = "/run/go-on"
LOOP = f"until [ -e {GO_ON} ]; do sleep 0.1; done"
UNTIL = f"sh -c \"{LOOP}\""


def directory_of(lab, machine, unit):
    where = "/etc/systemd/user" if lab.topology.machines[machine].has_session else "/run/systemd/system"
    return f"{where}/{unit}.d"


def change_unit(lab, machine, unit, lines):
    """Lines of [Service] that are added to a unit, until restore_unit()."""
    directory = directory_of(lab, machine, unit)
    lab.exec(machine, "sh", "-c", f"rm -f {GO_ON}; mkdir -p {directory} && cat > {directory}/test.conf",
             input=f"[Service]\n{lines}\n", stdin=None)
    lab.systemctl(machine, "daemon-reload")


def hold_on(lab, machine):
    lab.exec(machine, "rm", "-f", GO_ON)


def go_on(lab, machine):
    lab.exec(machine, "touch", GO_ON)


def restore_unit(lab, machine, unit):
    if lab.states()[machine] == "running":
        go_on(lab, machine)
        lab.exec(machine, "rm", "-rf", directory_of(lab, machine, unit))
        lab.systemctl(machine, "daemon-reload")


@contextlib.contextmanager
def changed_unit(lab, machine, unit, lines):
    change_unit(lab, machine, unit, lines)
    try:
        yield
    finally:
        restore_unit(lab, machine, unit)


@contextlib.contextmanager
def changed_daemon(lab, machine, lines):
    """Lines of [Service] for the machine's daemon, which is restarted for them and again without them."""
    unit = lab.daemon(machine)
    with changed_unit(lab, machine, unit, lines):
        lab.systemctl(machine, "restart", unit)
        yield
    lab.systemctl(machine, "restart", unit)
    lab.wait_until_registered()
