# SPDX-License-Identifier: Apache-2.0
"""Who is let in: certificates at the wrong address, none at all, of another CA, and peers that speak for others."""

import grpc
import pytest
from api import ADMIN, UNITS, connect_from
from lab import wait_until

from certs import make_certs
from givcfleet.paths import CERTIFICATES

pytestmark = [pytest.mark.contract(6, 16), pytest.mark.reference("2.3", "3.4", "7.2 tls-ip", "R11")]
LIST = f"{ADMIN}/QueryList"


def refused_with(lab, channel, method, **fields):
    with channel, pytest.raises(grpc.RpcError) as error:
        lab.call(channel, method, **fields)
    return error.value


def journal_says(lab, machine, unit, cursor, *words):
    def said():
        return [m for m in lab.messages(machine, unit, cursor) if all(w in m["MESSAGE"] for w in words)]
    return wait_until(said, what=f"journal of {machine} says {', '.join(words)}")[0]


def test_a_certificate_at_its_own_address_is_served(lab):
    for origin in ("gui-vm", "app-vm", "ghaf-host", "net-vm"):
        with lab.channel(origin) as channel:
            assert len(lab.call(channel, LIST).List) >= len(lab.expected_names())


def test_a_certificate_at_another_address_is_refused_by_the_admin(lab):
    cursor = lab.cursor("admin-vm")
    error = refused_with(lab, lab.channel("bad-vm"), LIST)
    assert error.code() == grpc.StatusCode.PERMISSION_DENIED
    assert "192.168.101.30" in error.details()
    line = journal_says(lab, "admin-vm", "givc-admin.service", cursor, "192.168.101.30")
    assert "bad-vm" in line["GIVC_PEER"] and "certificate" in line["MESSAGE"]
    assert line["GIVC_METHOD"].endswith(LIST)


def test_a_certificate_at_another_address_is_refused_by_an_agent(lab):
    cursor = lab.cursor("net-vm")
    error = refused_with(lab, lab.channel("bad-vm", "net-vm"), f"{UNITS}/GetUnitStatus", UnitName="poweroff.target")
    assert error.code() == grpc.StatusCode.PERMISSION_DENIED
    line = journal_says(lab, "net-vm", "givc-net-vm.service", cursor, "192.168.101.30")
    assert "bad-vm" in line["GIVC_PEER"]


@pytest.mark.parametrize("target, unit", [("admin-vm", "givc-admin.service"), ("net-vm", "givc-net-vm.service")])
def test_no_certificate_no_service(lab, target, unit):
    cursor = lab.cursor(target)
    error = refused_with(lab, lab.channel("gui-vm", target, identity=None), LIST)
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    line = journal_says(lab, target, unit, cursor, "Refused", "192.168.101.3")
    assert line["GIVC_REASON"]


def test_no_tls_no_service(lab):
    error = refused_with(lab, lab.plain_channel("gui-vm"), LIST)
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    with connect_from("gui-vm", "192.168.101.10", 9001) as s:
        s.sendall(b"GET / HTTP/1.1\r\n\r\n")
        s.settimeout(15)
        try:
            while s.recv(4096):
                pass
        except ConnectionResetError:
            pass


def test_another_ca_is_refused(lab, tmp_path):
    cursor = lab.cursor("admin-vm")
    make_certs(str(tmp_path), {"gui-vm": ["192.168.101.3"]})
    directory = tmp_path / "gui-vm"
    directory.joinpath("ca-cert.pem").write_bytes((CERTIFICATES / "gui-vm" / "ca-cert.pem").read_bytes())
    error = refused_with(lab, lab.channel("gui-vm", identity=str(directory)), LIST)
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    journal_says(lab, "admin-vm", "givc-admin.service", cursor, "Refused", "192.168.101.3")
