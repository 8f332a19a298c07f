# SPDX-License-Identifier: Apache-2.0
"""What an application VM's agent makes of the start of an application: its arguments, its environment, its end at once,
with what it said, and its hand-over to an instance that runs. And what MonitorUnit measures of a real unit."""

import json

import grpc
import pytest
from api import ADMIN, UNITS
from givcfleet.paths import DEFAULT_TOPOLOGY
from lab import wait_until

pytestmark = pytest.mark.reference("3.6", "R14")


def application(name, command, args=(), directories=()):
    return {"name": name, "command": command, "args": list(args), "directories": list(directories)}


TOPOLOGY = json.loads(DEFAULT_TOPOLOGY.read_text())
TOPOLOGY["machines"]["app-vm"]["applications"] += [
    application("broken", "/bin/sh -c 'echo looking for a display; echo cannot open display >&2; exit 3'"),
    application("absent", "/nonexistent/program"),
    application("early", "/bin/dash -c 'sleep infinity'"),
    application("late", "/bin/dash -c 'sleep 0.5; exit 5'"),
    # The first holds the lock and stays; whoever comes then has nothing to do.
    application("single", "/usr/bin/flock --nonblock --conflict-exit-code 0 /tmp/single.lock sleep infinity"),
    application("page", "/usr/bin/env sh -c 'sleep infinity' page", ["url", "flag", "file"], ["/etc"]),
]
URL = "https://example.com:8080/a_(b)?q=1&r=$x#frag"


def start(lab, name, *args, timeout=30):
    with lab.channel("ghaf-host") as channel:
        method = lab.api.bind(channel, ADMIN, "StartApplication")
        request = lab.api.message("admin.ApplicationRequest")(AppName=name, VmName="app-vm", Args=args)
        return method(request, timeout=timeout).registryId


def refusal(lab, name, *args):
    with pytest.raises(grpc.RpcError) as refused:
        start(lab, name, *args)
    return refused.value.code(), refused.value.details()


def failed_at_once(lab, act):
    """What act() returns when the application has failed while the agent looked, which on a slow machine it may not."""
    def done():
        wait_until(lambda: not any(n.startswith("broken@") for n in lab.names()))
        return act()
    return wait_until(done, what="a failure at once")


def start_broken(lab):
    try:
        start(lab, "broken")
    except grpc.RpcError as e:
        return e.code(), e.details()
    return None


def ctl_broken(lab):
    done = lab.ctl("start", "app", "broken", "--vm", "app-vm", check=False)
    return done if done.returncode != 0 else None


def stop(lab, name):
    lab.ctl("stop", name)
    wait_until(lambda: not any(n.startswith(f"{name}@") for n in lab.names()), what=f"{name} gone")


def test_a_failure_at_once_says_what_the_application_said(lab):
    code, text = failed_at_once(lab, lambda: start_broken(lab))
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    assert "broken@0.service" in text and "exit-code, status 3: cannot open display" in text
    done = failed_at_once(lab, lambda: ctl_broken(lab))
    assert done.returncode == 1
    assert "looking for a display\n" in done.stderr and "cannot open display" in done.stderr
    assert lab.show("app-vm", "broken@0.service", "LoadState") == "not-found", "its number is free again"
    assert "broken@0.service" not in lab.names()


def test_a_program_that_is_not_there(lab):
    code, text = refusal(lab, "absent")
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    assert "there is no program '/nonexistent/program'" in text


def test_a_hand_over_is_reported_as_the_instance_that_runs(lab):
    first = start(lab, "single")
    assert first == "single@0.service"
    cursor = lab.cursor("app-vm")
    assert start(lab, "single") == first
    assert start(lab, "single") == first
    assert {n for n in lab.names() if n.startswith("single@")} == {first}
    assert not [m for m in lab.messages("app-vm", "givc-app-vm.service", cursor) if int(m["PRIORITY"]) <= 4]
    stop(lab, "single")


def test_who_stays_is_an_instance_of_its_own(lab):
    first, second = start(lab, "hold"), start(lab, "hold")
    assert first != second and {first, second} <= lab.names()
    stop(lab, "hold")


def test_a_failure_is_one_also_where_another_instance_runs(lab):
    start(lab, "early")
    code, text = refusal(lab, "late")
    assert code == grpc.StatusCode.FAILED_PRECONDITION and "status 5" in text
    stop(lab, "early")


def test_arguments(lab):
    app = start(lab, "page", URL, "--new", "/etc/group", "element://room/x")
    command = lab.show("app-vm", app, "ExecStart")
    for arg in (URL, "--new", "/etc/group", "element://room/x"):
        assert arg in command
    for arg in ("http://a:b@example.com", "file:///etc/passwd", "http://x/;id", "http://x/${HOME}", "/etc/../tmp", "x"):
        code, text = refusal(lab, "page", arg)
        assert code == grpc.StatusCode.INVALID_ARGUMENT
        assert text == f"Argument '{arg}' is not one that application 'page' takes (url or flag or file)."
    code, _ = refusal(lab, "page", *["-x"] * 65)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    stop(lab, "page")


def test_the_environment_is_the_agents_but_for_what_is_about_its_unit(lab):
    app = start(lab, "hold")
    environment = lab.show("app-vm", app, "Environment").split()
    names = {word.split("=")[0] for word in environment}
    assert {"XDG_RUNTIME_DIR", "HOME"} <= names
    assert not names & {"INVOCATION_ID", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
                        "CREDENTIALS_DIRECTORY", "WATCHDOG_PID", "WATCHDOG_USEC", "JOURNAL_STREAM"}
    stop(lab, "hold")


@pytest.mark.parametrize("machine, unit", [("net-vm", "dhcp.service"), ("net-vm", "givc-net-vm.service"),
                                           ("app-vm", "givc-app-vm.service")])
def test_monitor(lab, machine, unit):
    accounted = "[not set]" not in (lab.show(machine, unit, "MemoryCurrent"), lab.show(machine, unit, "CPUUsageNSec"))
    with lab.channel("admin-vm", machine) as channel:
        method = lab.api.bind(channel, UNITS, "MonitorUnit")
        stream = method(lab.api.message("systemd.UnitResourceRequest")(UnitName=unit), timeout=30)
        if not accounted:    # the kernel that the fleet runs on gives it no memory controller
            with pytest.raises(grpc.RpcError) as refused:
                next(stream)
            assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
            assert refused.value.details() == (f"Cannot monitor '{unit}': the service manager does not account for its "
                                               "CPU time and memory.")
            return
        samples = [next(stream) for _ in range(3)]
        stream.cancel()
    used = int(lab.show(machine, unit, "MemoryCurrent"))
    total = int(lab.exec(machine, "sh", "-c", "grep MemTotal: /proc/meminfo").stdout.split()[1]) * 1024
    for sample in samples:
        assert 0 <= sample.cpu_usage < 100
        assert 0 < sample.memory_usage < 50
    assert samples[-1].memory_usage == pytest.approx(used / total * 100, rel=0.5)
