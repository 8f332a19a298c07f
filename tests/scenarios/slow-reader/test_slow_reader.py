# SPDX-License-Identifier: Apache-2.0
"""A watcher that does not read while thousands of changes happen: when it reads again, Initial and its events are what
the list is, states that are over were left out, and the admin has not kept them meanwhile."""

import pytest
from api import ADMIN
from lab import wait_until
from stream import Stream

pytestmark = [pytest.mark.contract(8), pytest.mark.reference("R5", "R7")]
CHANGES, APPS = 2000, 8
# Its window does not grow, so that what it has not taken is with the admin and not on the way.
SLOW = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 16384)]
MEMORY = 4096                                   # kB that the admin may grow by


def resident(lab):
    status = lab.exec("admin-vm", "cat", f"/proc/{lab.pid('admin-vm')}/status").stdout
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))


@pytest.fixture
def apps(lab):
    with lab.channel("ghaf-host") as channel:
        start = lab.api.bind(channel, ADMIN, "StartApplication")
        request = lab.api.message("admin.ApplicationRequest")(AppName="hold", VmName="app-vm")
        names = [f.result().registryId for f in [start.future(request, timeout=60) for _ in range(APPS)]]
    yield names
    lab.ctl("stop", "hold")
    wait_until(lambda: not set(names) & lab.names())


def churn(lab, channel, apps, n_changes):
    """Freezes and thaws them all, at once, until there were so many changes."""
    pause, resume = (lab.api.bind(channel, ADMIN, m) for m in ("PauseApplication", "ResumeApplication"))
    requests = [lab.api.message("admin.ApplicationRequest")(AppName=name, VmName="app-vm") for name in apps]
    for _ in range(n_changes // (2 * len(apps))):
        for method in (pause, resume):
            for future in [method.future(r, timeout=30) for r in requests]:
                future.result()


def test_it_has_the_latest_of_everything_and_no_gap(lab, apps):
    with lab.channel("gui-vm", options=SLOW) as slow_channel, lab.channel("net-vm") as fast_channel, \
            lab.channel("ghaf-host") as channel:
        slow = Stream(lab, slow_channel)
        churn(lab, channel, apps, 2 * APPS)
        before = resident(lab)
        churn(lab, channel, apps, CHANGES)
        assert resident(lab) - before < MEMORY, "what nobody takes is not kept"
        last = apps[0]
        lab.ctl("stop", last)
        fast = Stream(lab, fast_channel)
        slow.wait_for(last, kind="Removed")
        lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
        for stream in (slow, fast):
            stream.wait_for("dhcp.service", "PoweredOff")
            stream.catch_up()
        assert slow.n_events < CHANGES, "states that were over were left out"
        slow.cancel()
        fast.cancel()


def test_it_is_the_list_at_every_moment_for_who_reads(lab, apps):
    """Each event that comes after a change was answered leads to what the list is then."""
    with lab.channel("gui-vm") as channel, lab.channel("ghaf-host") as acting:
        stream = Stream(lab, channel)
        for word, state in (("Pause", "Paused"), ("Resume", "Running")) * 5:
            lab.call(acting, f"{ADMIN}/{word}Application", AppName=apps[0], VmName="app-vm")
            stream.wait_for(apps[0], state)
            assert stream.model == stream.list()
        stream.cancel()


def test_subscribers_that_come_amid_changes_miss_none(lab, apps):
    with lab.channel("gui-vm") as channel, lab.channel("ghaf-host") as acting:
        pause, resume = (lab.api.bind(acting, ADMIN, m) for m in ("PauseApplication", "ResumeApplication"))
        requests = [lab.api.message("admin.ApplicationRequest")(AppName=name, VmName="app-vm") for name in apps]
        streams = []
        for method in (pause, resume) * 5:
            futures = [method.future(r, timeout=30) for r in requests]
            streams += [Stream(lab, channel) for _ in range(3)]
            for future in futures:
                future.result()
        lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
        for stream in streams:
            stream.wait_for("dhcp.service", "PoweredOff")
            stream.catch_up()
            stream.cancel()


def test_a_watcher_that_stands_still_is_no_burden_to_others(lab, app):
    """givcctl watch in a machine, stopped by SIGSTOP, is a peer that keeps its connection and reads nothing."""
    with lab.watch() as stopped:
        watcher = lab.exec("ghaf-host", "pgrep", "-n", "-f", "givcctl watch").stdout.strip()
        lab.exec("ghaf-host", "kill", "-STOP", watcher)
        try:
            with lab.watch() as watch:
                for act, state in (("pause", "Paused"), ("resume", "Running")) * 10:
                    lab.ctl(act, app)
                    watch.wait_for(app, state)
        finally:
            lab.exec("ghaf-host", "kill", "-CONT", watcher)
        lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
        stopped.wait_for("dhcp.service", "PoweredOff")
        stopped.catch_up()
