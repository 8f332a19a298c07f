# SPDX-License-Identifier: Apache-2.0
"""The radio of one machine, from another one through the admin: dbusmock's NetworkManager on that machine's own system
bus."""

import json

import pytest
from lab import wait_until

NM, PATH, MOCK = "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager", "org.freedesktop.DBus.Mock"
WIRELESS = f"{NM}.Device.Wireless"
PSK = 0x100
PASSWORD = "open sesame, 42"
UNIT = (f"[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=dbus\nBusName={NM}\nExecStart=/usr/bin/python3 -m dbusmock "
        "--system --template networkmanager\n[Install]\nWantedBy=multi-user.target\n")
POLICY = ('<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"\n'
          '  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">\n'
          f'<busconfig><policy user="root"><allow own="{NM}"/></policy>'
          f'<policy context="default"><allow send_destination="{NM}"/></policy></busconfig>\n')
TOPOLOGY = {"machines": {
    "admin-vm": {"role": "admin", "address": "192.168.101.10"},
    "ghaf-host": {"role": "host", "address": "192.168.101.2"},
    "net-vm": {
        "role": "sysvm", "address": "192.168.101.1", "agent": {"capabilities": {"wifi": {"enable": True}}},
        "units": {"radio.service": UNIT}, "files": {"/etc/dbus-1/system.d/radio.conf": POLICY},
    },
    "gui-vm": {"role": "sysvm", "address": "192.168.101.3"},
}}

pytestmark = pytest.mark.reference("issue 4: wifi")


def ask(lab, path, interface, method, *words):
    done = lab.exec("net-vm", "busctl", "call", "--json=short", NM, path, interface, method, *map(str, words))
    return json.loads(done.stdout)["data"] if done.stdout.strip() else None


def get(lab, path, interface, name):
    done = lab.exec("net-vm", "busctl", "get-property", "--json=short", NM, path, interface, name)
    return json.loads(done.stdout)["data"]


def calls(lab, path, method):
    return [c[2] for c in ask(lab, path, MOCK, "GetCalls")[0] if c[1] == method]


def wifi(lab, *words, **options):
    return lab.exec("gui-vm", "givcctl", "wifi", *words, **options)


def networks(lab):
    listed = json.loads(wifi(lab, "list", "--json=short").stdout)
    return {n["SSID"]: (n["Security"], n["Signal"], n.get("Connection", False)) for n in listed.get("networks", [])}


def add_point(lab, device, name, strength, security):
    ask(lab, "/org/freedesktop", MOCK, "AddAccessPoint", "ssssuuuyu", device, name, name, "00:23:F8:7E:12:BB", 2, 2425,
        5400, strength, 0)
    ask(lab, f"{PATH}/AccessPoint/{name}", MOCK, "UpdateProperties", "sa{sv}", f"{NM}.AccessPoint", 2,
        "Flags", "u", int(security > 0), "RsnFlags", "u", security)


def use(lab, device, name):
    """The mock leaves that to its tests."""
    lab.exec("net-vm", "busctl", "set-property", NM, device, WIRELESS, "ActiveAccessPoint", "o",
             f"{PATH}/AccessPoint/{name}")


@pytest.fixture
def radio(lab):
    """A NetworkManager that was never asked for anything, with a device that sees two networks."""
    lab.exec("net-vm", "systemctl", "restart", "radio.service")
    wait_until(lambda: lab.exec("net-vm", "busctl", "call", NM, PATH, NM, "GetDevices", check=False).returncode == 0)
    device, = ask(lab, "/org/freedesktop", MOCK, "AddWiFiDevice", "ssi", "wlan", "wlan0", 30)
    ask(lab, device, MOCK, "AddProperty", "ssv", WIRELESS, "ActiveAccessPoint", "o", "/")
    ask(lab, device, MOCK, "AddMethod", "sssss", f"{NM}.Device", "Disconnect", "", "", "")
    add_point(lab, device, "home", 80, PSK)
    add_point(lab, device, "cafe", 40, 0)
    return device


def test_what_the_radio_sees(lab, radio):
    assert networks(lab) == {"home": ("WPA2", 80, False), "cafe": ("None", 40, False)}
    lines = wifi(lab, "list").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["home", "cafe"]
    assert wifi(lab, "status", check=False).returncode == 3
    use(lab, radio, "home")
    assert networks(lab)["home"] == ("WPA2", 80, True)
    assert "home" in wifi(lab, "status").stdout


def test_connect_and_disconnect(lab, radio):
    cursor = lab.cursor("net-vm")
    done = wifi(lab, "connect", "home", stdin=None, input=f"{PASSWORD}\n")
    assert "Connected to home successfully" in done.stdout + done.stderr
    (settings, device, point), = calls(lab, PATH, "AddAndActivateConnection")
    assert (device["data"], point["data"]) == (radio, f"{PATH}/AccessPoint/home")
    assert settings["data"]["802-11-wireless-security"]["psk"]["data"] == PASSWORD
    wifi(lab, "connect", "cafe")
    assert len(calls(lab, PATH, "AddAndActivateConnection")) == 2
    use(lab, radio, "cafe")
    wifi(lab, "disconnect")
    assert len(calls(lab, radio, "Disconnect")) == 1
    said = [m["MESSAGE"] for m in lab.messages("net-vm", "givc-net-vm.service", cursor)]
    assert not [line for line in said if PASSWORD in str(line)]


def test_on_and_off(lab, radio):
    wifi(lab, "off")
    assert get(lab, PATH, NM, "WirelessEnabled") is False
    wifi(lab, "on")
    assert get(lab, PATH, NM, "WirelessEnabled") is True


def test_what_cannot_be(lab, radio):
    done = wifi(lab, "connect", "nowhere", check=False)
    assert done.returncode == 4 and "No network 'nowhere' is seen" in done.stderr
    done = wifi(lab, "connect", "home", check=False)
    assert done.returncode != 0 and "password" in done.stderr
    done = wifi(lab, "list", "--vm=ghaf-host", check=False)
    assert done.returncode == 1 and "ghaf-host" in done.stderr
    lab.exec("net-vm", "systemctl", "stop", "radio.service")
    done = wifi(lab, "list", check=False)
    assert done.returncode == 1 and "NetworkManager" in done.stderr


def test_network_manager_goes_and_comes(lab, radio):
    """Nobody waits for ever for one that does not answer, and the agent needs no restart."""
    pid = lab.pid("net-vm")
    lab.exec("net-vm", "systemctl", "kill", "--signal=STOP", "radio.service")
    try:
        done = wifi(lab, "list", check=False)
        assert done.returncode == 7 and "NetworkManager has not done it in time" in done.stderr
    finally:
        lab.exec("net-vm", "systemctl", "kill", "--signal=CONT", "radio.service")
    wait_until(lambda: wifi(lab, "list", check=False).returncode == 0)
    assert lab.pid("net-vm") == pid
