# SPDX-License-Identifier: Apache-2.0
"""The fleet tool itself (CONTRACT, "The fleet tool"): what the other scenarios stand on. It needs no daemon of ours."""

import signal
import subprocess

import pytest
from lab import TOOL, wait_until

TOPOLOGY = {"machines": {
    "ghaf-host": {"role": "host", "address": "192.168.101.2", "start": "none"},
    "net-vm": {"role": "sysvm", "address": "192.168.101.1", "start": "none"},
    "app-vm": {"role": "appvm", "address": "192.168.101.5", "start": "none"},
    "off-vm": {"role": "sysvm", "address": "192.168.101.6", "start": "none", "boot": False}}}

LISTEN = "import socket; s = socket.create_server(('192.168.101.1', 7)); print('up', flush=True); s.accept()"
CONNECT = "import socket; socket.create_connection(('192.168.101.1', 7), 0.3)"


@pytest.fixture
def lab(fleet):
    fleet.heal_everything()
    return fleet


def test_a_machine_is_a_systemd_machine(lab):
    assert lab.exec("net-vm", "ps", "-p", "1", "-o", "comm=").stdout.strip() == "systemd"
    assert lab.exec("net-vm", "systemctl", "is-system-running").stdout.strip() == "running"
    assert lab.exec("net-vm", "hostname").stdout.strip() == "net-vm"
    addresses = lab.exec("net-vm", "ip", "-o", "-4", "address").stdout.split()
    assert "192.168.101.1/24" in addresses


def test_exec_passes_stdin_output_and_status(lab):
    done = lab.exec("net-vm", "sh", "-c", "cat; echo no >&2; exit 7", check=False, stdin=None, input="yes")
    assert (done.stdout, done.stderr, done.returncode) == ("yes", "no\n", 7)
    assert lab.exec("net-vm", "sh", "-c", "kill -9 $$", check=False).returncode == 128 + signal.SIGKILL
    assert lab.exec("net-vm", "no-such-command", check=False).returncode == 127
    assert "There is no machine 'x'" in lab.exec("x", "true", check=False).stderr


def test_exec_in_a_user_session(lab):
    assert lab.session("id", "-un").stdout.strip() == "ghaf"
    assert lab.session("systemctl", "--user", "is-system-running").stdout.strip() == "running"
    assert lab.session("cat", "/run/givc/key.pem").stdout.startswith("-----BEGIN")


def test_killing_exec_ends_the_command(lab):
    run = subprocess.Popen([TOOL, "exec", "net-vm", "--", "sleep", "4321"])
    wait_until(lambda: lab.exec("net-vm", "pgrep", "-f", "sleep 4321", check=False).returncode == 0)
    run.kill()
    run.wait()
    wait_until(lambda: lab.exec("net-vm", "pgrep", "-f", "sleep 4321", check=False).returncode == 1)


def test_cut_and_heal(lab):
    with subprocess.Popen([TOOL, "exec", "net-vm", "--", "python3", "-c", LISTEN], stdout=subprocess.PIPE) as listener:
        assert listener.stdout.readline() == b"up\n"
        lab.fleet("cut", "net-vm")
        assert lab.exec("ghaf-host", "python3", "-c", CONNECT, check=False).returncode == 1
        lab.fleet("heal", "net-vm")
        wait_until(lambda: lab.exec("ghaf-host", "python3", "-c", CONNECT, check=False).returncode == 0)
        assert listener.wait() == 0


def test_the_host_starts_and_stops_vms(lab):
    assert lab.states()["off-vm"] == "off"
    lab.exec("ghaf-host", "systemctl", "start", "microvm@off-vm.service")
    assert lab.states()["off-vm"] == "running"
    assert lab.exec("off-vm", "systemctl", "is-system-running").stdout.strip() == "running"
    lab.exec("ghaf-host", "systemctl", "stop", "microvm@off-vm.service")
    assert lab.states()["off-vm"] == "off"
    assert lab.show("ghaf-host", "microvm@off-vm.service", "ActiveState") == "inactive"
    failed = lab.exec("ghaf-host", "systemctl", "start", "microvm@nobody.service", check=False)
    assert failed.returncode != 0


def test_a_vm_that_dies_or_powers_off_ends_its_unit(lab):
    unit = "microvm@net-vm.service"
    lab.fleet("kill", "net-vm")
    wait_until(lambda: lab.show("ghaf-host", unit, "ActiveState") == "failed")
    lab.fleet("boot", "net-vm")
    assert lab.show("ghaf-host", unit, "ActiveState") == "active"
    lab.exec("net-vm", "systemctl", "poweroff", "--no-block")
    wait_until(lambda: lab.show("ghaf-host", unit, "ActiveState") == "inactive")


def test_a_vm_that_reboots_keeps_its_unit(lab):
    unit = "microvm@net-vm.service"
    before = lab.show("ghaf-host", unit, "InvocationID")
    boot = lab.exec("net-vm", "cat", "/proc/sys/kernel/random/boot_id").stdout
    lab.exec("net-vm", "systemctl", "reboot", "--no-block")

    def again():
        done = lab.exec("net-vm", "cat", "/proc/sys/kernel/random/boot_id", check=False)
        return done.returncode == 0 and done.stdout != boot
    wait_until(again)
    wait_until(lambda: lab.states()["net-vm"] == "running")
    assert lab.show("ghaf-host", unit, "InvocationID") == before


def test_a_disk_outlives_a_boot_and_memory_does_not(lab):
    lab.exec("net-vm", "sh", "-c", "touch /etc/kept /run/lost")
    lab.fleet("kill", "net-vm")
    lab.fleet("boot", "net-vm")
    assert lab.exec("net-vm", "ls", "/etc/kept").returncode == 0
    assert lab.exec("net-vm", "ls", "/run/lost", check=False).returncode != 0


def test_nothing_stays_frozen_over_a_boot(lab):
    """A group that was frozen when the power went is not there any more for the next unit of its name."""
    def run(**options):
        lab.session("systemd-run", "--user", "--unit=still.service", "--property=Type=exec", "sleep", "infinity",
                    **options)
    run()
    lab.session("systemctl", "--user", "freeze", "still.service")
    lab.fleet("kill", "app-vm")
    wait_until(lambda: lab.states()["app-vm"] == "off")
    lab.fleet("boot", "app-vm")
    wait_until(lambda: lab.states()["app-vm"] == "running")
    run(timeout=20)
    lab.session("systemctl", "--user", "stop", "still.service")


def test_a_second_fleet_is_refused(lab):
    again = lab.fleet("up", check=False)
    assert again.returncode == 1 and "already" in again.stderr
