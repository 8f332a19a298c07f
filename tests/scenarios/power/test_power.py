# SPDX-License-Identifier: Apache-2.0
"""The host's power: its agent asks its systemd, the caller is told how that went, and who watches sees what goes and
what comes back. The admin's machine is none of this host's VMs here, so that there is somebody to tell it."""

import json

import grpc
import pytest
from api import ADMIN
from changes import UNTIL, changed_unit, go_on
from givcfleet.paths import DEFAULT_TOPOLOGY
from lab import wait_until
from stream import Stream

pytestmark = pytest.mark.reference("2.7", "7.9")
UNIT = "microvm@app-vm.service"
HOSTED = ["net-vm", "app-vm"]
TOPOLOGY = json.loads(DEFAULT_TOPOLOGY.read_text(encoding="utf-8"))
TOPOLOGY["machines"]["ghaf-host"]["vms"] = HOSTED


def boot_id(lab, machine):
    """None while it is down."""
    done = lab.exec(machine, "cat", "/proc/sys/kernel/random/boot_id", check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def gone_from(stream, machines=("ghaf-host", *HOSTED)):
    """Takes events until all of these machines has been said not to run, some of it perhaps again by then."""
    left = {key for key, (state, _) in stream.model.items() if state == "Running" and key[0] in machines}
    while left:
        try:
            stream.take()
        except grpc.RpcError as error:
            raise AssertionError(f"still said to run: {left}") from error
        left = {key for key in left if stream.model.get(key, ("gone",))[0] == "Running"}


def is_whole_again(lab, before):
    lab.wait_until_registered(seconds=60)
    wait_until(lambda: {key: i["VmStatus"] for key, i in lab.list().items()} == before, 60, "everything is as it was")
    assert {lab.states()[m] for m in ("ghaf-host", *HOSTED)} == {"running"}


@pytest.fixture
def before(lab):
    return {key: i["VmStatus"] for key, i in lab.list().items()}


def test_poweroff(lab, before):
    with lab.channel("gui-vm") as channel:
        stream = Stream(lab, channel)
        lab.call(channel, f"{ADMIN}/Poweroff", timeout=30)
        wait_until(lambda: {lab.states()[m] for m in ("ghaf-host", *HOSTED)} == {"off"}, 60, "they are off")
        gone_from(stream)
        stream.catch_up()
        assert stream.model["gui-vm", "display.service"][0] == "Running", "others stay"
        with pytest.raises(grpc.RpcError) as refused:
            lab.call(channel, f"{ADMIN}/Poweroff")
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        stream.cancel()
    lab.fleet("boot", "ghaf-host")
    is_whole_again(lab, before)


def test_reboot(lab, before):
    boots = {m: boot_id(lab, m) for m in ("ghaf-host", *HOSTED)}
    with lab.channel("gui-vm") as channel:
        stream = Stream(lab, channel)
        lab.call(channel, f"{ADMIN}/Reboot", timeout=30)
        gone_from(stream, HOSTED)               # the host itself may be back before it was missed
        stream.cancel()
    for machine, old in boots.items():
        wait_until(lambda: boot_id(lab, machine) not in (None, old), 60, f"{machine} has booted again")
    is_whole_again(lab, before)


def test_the_client_does_not_wait_for_an_answer_from_the_dead(lab, before):
    old = boot_id(lab, "ghaf-host")
    done = lab.exec("gui-vm", "givcctl", "reboot", check=False)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: boot_id(lab, "ghaf-host") not in (None, old), 60, "the host has booted again")
    is_whole_again(lab, before)


@pytest.fixture
def sleeper(lab):
    """A container cannot sleep: its sleep is a file that is not there yet."""
    with changed_unit(lab, "ghaf-host", "systemd-suspend.service", f"ExecStart=\nExecStart={UNTIL}"):
        yield lab


def test_suspend_answers_after_resume(sleeper):
    lab = sleeper
    with lab.channel("gui-vm") as channel:
        suspend = lab.api.bind(channel, ADMIN, "Suspend").future(lab.api.message("admin.Empty")(), timeout=60)
        wait_until(lambda: lab.show("ghaf-host", "systemd-suspend.service", "ActiveState") == "activating")
        status = lab.call(channel, f"{ADMIN}/GetUnitStatus", VmName="ghaf-host", UnitName=UNIT)
        assert status.ActiveState == "active"
        lab.ctl("start", "vm", "app-vm")
        assert not suspend.done()
        go_on(lab, "ghaf-host")
        suspend.result()


def test_who_waits_for_resume_may_leave(sleeper):
    """The host sleeps all the same, and the next one is told about the same sleep or a new one."""
    lab = sleeper
    with lab.channel("gui-vm") as channel:
        suspend = lab.api.bind(channel, ADMIN, "Suspend").future(lab.api.message("admin.Empty")(), timeout=60)
        wait_until(lambda: lab.show("ghaf-host", "systemd-suspend.service", "ActiveState") == "activating")
        suspend.cancel()
        assert lab.call(channel, f"{ADMIN}/QueryList").List
        assert lab.show("ghaf-host", "systemd-suspend.service", "ActiveState") == "activating"
        go_on(lab, "ghaf-host")
        lab.call(channel, f"{ADMIN}/Suspend", timeout=60)


def test_a_sleep_that_fails_is_told(lab):
    with changed_unit(lab, "ghaf-host", "systemd-suspend.service", "ExecStart=\nExecStart=false"), \
            lab.channel("gui-vm") as channel, pytest.raises(grpc.RpcError) as failed:
        lab.call(channel, f"{ADMIN}/Suspend", timeout=60)
    assert failed.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "suspend.target" in failed.value.details()
    lab.exec("ghaf-host", "systemctl", "reset-failed", "systemd-suspend.service", check=False)


def test_who_could_be_woken_is_awake(lab):
    with lab.channel("gui-vm") as channel, pytest.raises(grpc.RpcError) as refused:
        lab.call(channel, f"{ADMIN}/Wakeup")
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
