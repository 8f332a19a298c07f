# SPDX-License-Identifier: Apache-2.0
"""Who a caller is and what it calls are judged before a body is read; bodies, streams and handshakes have bounds for
each peer, and whoever reaches one is alone with it."""

import ssl

import grpc
import pytest
from api import ADMIN, connect_from
from attack.h2 import PREFACE, call, frame
from attack.h2 import SETTINGS as SETTINGS_FRAME
from givcfleet.paths import CERTIFICATES
from lab import wait_until

pytestmark = [pytest.mark.contract(18), pytest.mark.reference("R17", "R19")]
MIB = 1024 * 1024
STREAMS = 300                                   # more than a peer may have calls
HANDSHAKES = 600                                # more than there may be at once


def open_tls(lab, machine):
    """An HTTP/2 connection by hand from a machine, with its certificate."""
    admin = lab.topology.admin
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    directory = CERTIFICATES / machine
    context.load_verify_locations(directory / "ca-cert.pem")
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    context.set_alpn_protocols(["h2"])
    tls = context.wrap_socket(connect_from(machine, admin.address, admin.port), server_hostname=admin.name)
    tls.settimeout(15)
    tls.sendall(PREFACE + frame(SETTINGS_FRAME, 0, 0))
    return tls


def read_until(tls, word):
    data = b""
    while word not in data:
        piece = tls.recv(65536)
        assert piece, f"the connection ended, and {word!r} was not said"
        data += piece
    return data


def test_a_refusal_does_not_wait_for_the_body(lab):
    """Headers alone are answered: no byte of the message was sent, and no end of it."""
    with open_tls(lab, "bad-vm") as tls:
        tls.sendall(call(1, f"/{ADMIN}/RegisterService"))
        read_until(tls, b"192.168.101.30")
        tls.sendall(call(3, f"/{ADMIN}/NoSuchMethod"))
        read_until(tls, b"NoSuchMethod")


def test_a_body_has_a_bound(lab):
    with lab.channel("gui-vm") as channel:
        with pytest.raises(grpc.RpcError) as refused:
            lab.call(channel, f"{ADMIN}/StartApplication", AppName="x" * 4 * MIB, VmName="app-vm")
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert lab.call(channel, f"{ADMIN}/QueryList").List, "its connection stays"


def test_headers_have_a_bound(lab):
    with lab.channel("gui-vm") as channel:
        method = lab.api.bind(channel, ADMIN, "QueryList")
        with pytest.raises(grpc.RpcError) as refused:
            method(lab.api.message("admin.Empty")(), timeout=15, metadata=[("x-much", "x" * 40000)])
        assert refused.value.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)
    with lab.channel("gui-vm") as channel:
        assert lab.call(channel, f"{ADMIN}/QueryList").List


def test_a_peer_has_so_many_calls(lab):
    """Others are served while one has reached its bound, and it is served again when it has left some."""
    channels = [lab.channel("gui-vm") for _ in range(STREAMS // 60)]
    empty = lab.api.message("admin.Empty")()
    streams = [lab.api.bind(c, ADMIN, "Watch")(empty, timeout=60) for c in channels for _ in range(60)]
    codes = []
    for stream in streams:
        try:
            next(stream)
        except grpc.RpcError as e:
            codes.append(e.code())
    assert codes and set(codes) == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    with lab.channel("net-vm") as other:
        assert lab.call(other, f"{ADMIN}/QueryList").List
    for channel in channels:
        channel.close()

    def served():
        with lab.channel("gui-vm") as channel:
            try:
                return lab.call(channel, f"{ADMIN}/QueryList").List
            except grpc.RpcError:
                return None
    wait_until(served)


def test_who_only_connects_keeps_nobody_out(lab):
    sockets = [connect_from("bad-vm", lab.topology.admin.address, lab.topology.admin.port) for _ in range(HANDSHAKES)]
    with lab.channel("net-vm") as channel:
        assert lab.call(channel, f"{ADMIN}/QueryList").List
    lab.ctl("list")
    for s in sockets:
        s.close()
    assert {e["VmStatus"] for e in lab.list().values()} == {"Running"}
