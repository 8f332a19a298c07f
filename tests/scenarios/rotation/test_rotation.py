# SPDX-License-Identifier: Apache-2.0
"""Certificates change under daemons that run, with streams open and calls in flight: nobody notices but who connects
anew. A pair that cannot be used changes nothing, and a revocation list ends the connections of those on it."""

import ssl
import threading

import grpc
import pytest
from api import ADMIN, connect_from
from certs import Authority
from changes import UNTIL, changed_daemon, changed_unit, go_on
from cryptography import x509
from givcfleet.paths import CERTIFICATES, TREE
from lab import wait_until
from stream import Stream

pytestmark = [pytest.mark.contract(11), pytest.mark.reference("R10", "R11")]
EXAMPLE = (TREE / "units/examples/50-certificates.conf").read_text(encoding="utf-8").partition("[Service]\n")[2]
STREAMS = 50


@pytest.mark.parametrize("machine", ["admin-vm", "ghaf-host", "net-vm", "app-vm"])
def test_reload_keeps_the_process_and_the_service(lab, machine):
    unit = lab.daemon(machine)
    old = lab.pid(machine)
    lab.systemctl(machine, "reload", unit)
    wait_until(lambda: lab.show(machine, unit, "ActiveState") == "active")
    assert lab.pid(machine) == old
    lab.ctl("list")


@pytest.fixture
def live(lab):
    """An admin that reads files, and not the copies that its credentials are, as the example in units/ has it."""
    lab.exec("admin-vm", "sh", "-c", "chgrp givc-admin /etc/givc/key.pem; chmod 0640 /etc/givc/key.pem")
    put(lab, "admin-vm", "crl.pem", Authority.load(CERTIFICATES).crl([]))
    with changed_daemon(lab, "admin-vm", EXAMPLE + "Environment=CRL=/etc/givc/crl.pem"):
        lab.wait_until_registered()
        yield lab


def put(lab, machine, name, data):
    """As who rotates has to do it: a file that is whole takes the place of the old one, and its rights."""
    path = f"/etc/givc/{name}"
    lab.exec(machine, "sh", "-c", f"cat > {path}.new; [ ! -e {path} ] || {{ chown --reference={path} {path}.new; "
             f"chmod --reference={path} {path}.new; }}; mv {path}.new {path}", stdin=None, input=data.decode())


def rotate(lab, machine):
    """A new key and certificate of the same name. Its serial number."""
    spec = lab.topology.machines[machine]
    issued = Authority.load(CERTIFICATES).issue(machine, addresses=spec.certificate).write(CERTIFICATES / machine)
    for name in ("key", "cert"):
        put(lab, machine, f"{name}.pem", (CERTIFICATES / machine / f"{name}.pem").read_bytes())
    return issued.serial


def serial_of(lab, machine):
    """Of the certificate that a machine's daemon shows to who connects now, from the admin's machine."""
    spec = lab.topology.machines[machine]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(CERTIFICATES / "admin-vm" / "ca-cert.pem")
    context.load_cert_chain(CERTIFICATES / "admin-vm" / "cert.pem", CERTIFICATES / "admin-vm" / "key.pem")
    context.set_alpn_protocols(["h2"])
    with context.wrap_socket(connect_from("admin-vm", spec.address, spec.port), server_hostname=machine) as tls:
        return x509.load_der_x509_certificate(tls.getpeercert(True)).serial_number


class Caller(threading.Thread):
    """Calls without a pause until it is told to stop; what failed."""

    def __init__(self, lab, channel):
        super().__init__()
        self.method = lab.api.bind(channel, ADMIN, "GetUnitStatus")
        self.request = lab.api.message("admin.UnitStatusRequest")(VmName="net-vm", UnitName="dhcp.service")
        self.n_calls, self.failed, self.ends = 0, [], False
        self.start()

    def run(self):
        while not self.ends:
            try:
                self.method(self.request, timeout=30)
            except grpc.RpcError as e:
                self.failed.append(e)
            self.n_calls += 1

    def stop(self):
        self.ends = True
        self.join()
        return self.failed


def test_nobody_notices(live):
    lab = live
    pids = lab.pid("admin-vm"), lab.pid("net-vm")
    channels = [lab.channel(m) for m in ("ghaf-host", "gui-vm")]
    streams = [Stream(lab, channels[i % 2]) for i in range(STREAMS)]
    callers = [Caller(lab, channel) for channel in channels]
    slow = lab.api.message("admin.ServiceRequest")(ServiceName="display.service", VmName="gui-vm")
    lab.exec("gui-vm", "systemctl", "stop", "display.service")
    with changed_unit(lab, "gui-vm", "display.service", f"ExecStartPre={UNTIL}\nTimeoutStartSec=infinity"):
        in_flight = lab.api.bind(channels[0], ADMIN, "StartService").future(slow, timeout=120)
        serials = {machine: rotate(lab, machine) for machine in ("net-vm", "admin-vm")}
        wait_until(lambda: {m: serial_of(lab, m) for m in serials} == serials, what="the new ones are shown")
        lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
        for stream in streams:
            stream.wait_for("dhcp.service", "PoweredOff")
            stream.cancel()
        go_on(lab, "gui-vm")
        assert in_flight.result().registryId == "givc-gui-vm.service"
    before = [c.n_calls for c in callers]
    wait_until(lambda: all(c.n_calls > n for c, n in zip(callers, before)), what="calls go on")
    assert [c.stop() for c in callers] == [[], []]
    assert (lab.pid("admin-vm"), lab.pid("net-vm")) == pids
    for channel in channels:
        channel.close()


def test_a_pair_that_does_not_fit_changes_nothing(lab):
    serial, cursor = serial_of(lab, "net-vm"), lab.cursor("net-vm")
    put(lab, "net-vm", "cert.pem", (CERTIFICATES / "gui-vm" / "cert.pem").read_bytes())
    wait_until(lambda: [m for m in lab.messages("net-vm", "givc-net-vm.service", cursor)
                        if "cannot be used" in m["MESSAGE"] and m["PRIORITY"] == "3"])
    assert serial_of(lab, "net-vm") == serial
    assert lab.entry("dhcp.service")["VmStatus"] == "Running"
    put(lab, "net-vm", "cert.pem", (CERTIFICATES / "net-vm" / "cert.pem").read_bytes())
    serial = rotate(lab, "net-vm")
    wait_until(lambda: serial_of(lab, "net-vm") == serial)


def test_a_revocation_list_ends_the_connections_of_those_on_it(live, tmp_path):
    """A second certificate of gui-vm is revoked: its agent has the first one, and stays."""
    lab, authority = live, Authority.load(CERTIFICATES)
    revoked = authority.issue("gui-vm", addresses=["192.168.101.3"]).write(tmp_path)
    with lab.channel("gui-vm", identity=str(tmp_path)) as channel, lab.channel("gui-vm") as good:
        stream, other = Stream(lab, channel), Stream(lab, good)
        put(lab, "admin-vm", "crl.pem", authority.crl([revoked]))
        with pytest.raises(grpc.RpcError) as ended:
            stream.wait_for("nothing")
        assert ended.value.code() == grpc.StatusCode.UNAVAILABLE
        with pytest.raises(grpc.RpcError) as refused:
            lab.call(channel, f"{ADMIN}/QueryList")
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        lab.exec("net-vm", "systemctl", "stop", "dhcp.service")
        other.wait_for("dhcp.service", "PoweredOff")
        other.cancel()
    assert lab.entry("givc-gui-vm.service")["VmStatus"] == "Running"
