# SPDX-License-Identifier: Apache-2.0
"""An agent as the reference has it, in place of ours in a machine: it registers once, answers GetUnitStatus, and knows
nothing of WatchUnits. Its program runs in the machine and is told the states of its units on its standard input."""

import subprocess
import sys

from lab import TOOL, wait_until

PROGRAM = r'''
import sys
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

name, address, admin, parent, *units = sys.argv[1:]
files = descriptor_pb2.FileDescriptorSet.FromString(open("/opt/givc/build/proto/descriptors.bin", "rb").read())
pool = descriptor_pool.DescriptorPool()
for f in files.file:
    pool.Add(f)
factory = message_factory.MessageFactory(pool)
message = lambda n: factory.GetPrototype(pool.FindMessageTypeByName(n))
ca, cert, key = (open(f"/etc/givc/{f}.pem", "rb").read() for f in ("ca-cert", "cert", "key"))
agent = f"givc-{name}.service"
states = {unit: ("active", "running") for unit in [agent, *units]}


def status_of(unit):
    active, sub = states[unit]
    return message("systemd.UnitStatus")(Name=unit, Description="old", LoadState="loaded", ActiveState=active,
                                         SubState=sub, Path="/", FreezerState="running")


def get_unit_status(request, context):
    if request.UnitName not in states:
        context.abort(grpc.StatusCode.NOT_FOUND, "no such unit")
    return message("systemd.UnitResponse")(UnitStatus=status_of(request.UnitName))


server = grpc.server(futures.ThreadPoolExecutor(8))
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("systemd.UnitControlService", {
    "GetUnitStatus": grpc.unary_unary_rpc_method_handler(
        get_unit_status, message("systemd.UnitRequest").FromString,
        message("systemd.UnitResponse").SerializeToString)})])
server.add_secure_port(f"{address}:9000", grpc.ssl_server_credentials([(key, cert)], ca, True))
server.start()
with grpc.secure_channel(admin, grpc.ssl_channel_credentials(ca, key, cert),
                         [("grpc.ssl_target_name_override", "admin-vm")]) as channel:
    register = channel.unary_unary("/admin.AdminService/RegisterService",
                                   message("admin.RegistryRequest").SerializeToString,
                                   message("admin.RegistryResponse").FromString)
    transport = message("admin.TransportConfig")(Protocol="tcp", Address=address, Port="9000", Name=name)
    for unit in states:
        register(message("admin.RegistryRequest")(Name=unit, Parent=parent if unit == agent else agent,
                                                  Type=8 if unit == agent else 9, Transport=transport,
                                                  State=status_of(unit)), timeout=10)
print("registered", flush=True)
for line in sys.stdin:
    unit, active, sub = line.split()
    states[unit] = (active, sub)
'''


class OldAgent:
    """Ours is stopped meanwhile, and comes back afterwards; the machine boots again, so that what the old one has
    registered leaves."""

    def __init__(self, lab, machine, units):
        self.lab, self.machine, self.units = lab, machine, units
        self.unit = f"givc-{machine}"

    def __enter__(self):
        spec, admin = self.lab.topology.machines[self.machine], self.lab.topology.admin
        self.lab.exec(self.machine, "systemctl", "stop", f"{self.unit}.socket", f"{self.unit}.service")
        self.process = subprocess.Popen([TOOL, "exec", self.machine, "--", "python3", "-c", PROGRAM, self.machine,
                                         spec.address, f"{admin.address}:{admin.port}",
                                         f"microvm@{self.machine}.service", *self.units],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr, text=True)
        assert self.process.stdout.readline() == "registered\n"
        wait_until(lambda: (self.lab.entry(f"{self.unit}.service") or {}).get("VmStatus") == "Running")
        return self

    def set(self, unit, active, sub):
        self.process.stdin.write(f"{unit} {active} {sub}\n")
        self.process.stdin.flush()

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait()
        self.lab.exec("ghaf-host", "systemctl", "restart", f"microvm@{self.machine}.service")
        self.lab.wait_until_registered()
        wait_until(lambda: not set(self.units) & self.lab.names())
