# SPDX-License-Identifier: Apache-2.0
"""PID 1 of the fleet's own namespaces: makes disks, network and certificates, boots and kills machines, answers the
command line and the host machine's microvm units. When it ends the kernel takes everything with it."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys

from . import layout, network
from .machine import OFF, RUNNING, Machine
from .paths import CERTIFICATES, CONSOLES, CONTROL, DISKS, HYPERVISOR, JOURNALS, NSPAWN, TREE

BOOT_SECONDS = 60


class Supervisor:
    def __init__(self, topology, group, build):
        self.topology = topology
        self.machines = {}
        for index, spec in enumerate(topology.machines.values()):
            leg = network.Leg(index, spec.address, DISKS)
            self.machines[spec.name] = Machine(spec, leg, group, build)
        self.build = build
        self.children = {}
        self.end = asyncio.Event()

    def prepare(self):
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        for directory in (DISKS, HYPERVISOR, CERTIFICATES, JOURNALS, CONSOLES, NSPAWN):
            directory.mkdir(parents=True, exist_ok=True)
        for directory in (DISKS, NSPAWN):
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "fleet", str(directory)], check=True)
        self.make_certificates()
        layer = DISKS / "layer"
        layer.mkdir()
        layout.write_common(layer, self.build)
        network.set_up_bridge()
        for machine in self.machines.values():
            machine.upper.mkdir(parents=True)
            layout.write_machine(machine.upper, self.topology, machine.spec)
            layout.install_certificates(machine.upper, CERTIFICATES / machine.spec.name)
            machine.mount(layer)
            machine.leg.set_up()

    def make_certificates(self):
        sys.path.insert(0, str(TREE / "tests"))
        from certs import make_certs
        make_certs(str(CERTIFICATES), {m.name: m.certificate for m in self.topology.machines.values()})

    def reap(self):
        """PID 1 inherits orphans too: whoever is not ours is just buried."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            status = os.waitstatus_to_exitcode(status)
            for machine in self.machines.values():
                if machine.process and machine.process.pid == pid:
                    machine.process.returncode = status
                    asyncio.ensure_future(machine.on_exit(status))
            if pid in self.children:
                self.children.pop(pid).set_result(status)

    async def run_in(self, machine, *command):
        """Runs a command in a machine; exit status and what it printed."""
        read, write = os.pipe()
        process = subprocess.Popen(["nsenter", "-t", str(machine.leader), "-a", *command], stdin=subprocess.DEVNULL,
                                   stdout=write, stderr=write)
        os.close(write)
        exited = self.children[process.pid] = asyncio.get_running_loop().create_future()
        reader = asyncio.StreamReader()
        pipe = os.fdopen(read, "rb")
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        output = await reader.read()
        process.returncode = await exited
        return process.returncode, output.decode(errors="replace").strip()

    def vm_is_hosted(self, name):
        host = self.topology.host
        return host is not None and name in [m.name for m in self.topology.vms()] and \
            self.machines[host.name].state == RUNNING

    async def boot(self, name):
        """A VM of a running host is started by the host's unit, so that the host knows that it runs."""
        machine = self.machines[name]
        if machine.state == OFF and self.vm_is_hosted(name):
            host = self.machines[self.topology.host.name]
            await self.run_in(host, "systemctl", "reset-failed", f"microvm@{name}.service")
            status, text = await self.run_in(host, "systemctl", "start", f"microvm@{name}.service")
            if status != 0:
                raise RuntimeError(text)
        else:
            await machine.boot()
            await self.wait_until_running(machine)

    async def wait_until_running(self, machine):
        try:
            if await asyncio.wait_for(machine.wait_for(RUNNING, OFF), BOOT_SECONDS) == OFF:
                raise RuntimeError(f"Machine '{machine.spec.name}' died while it booted, with status "
                                   f"{machine.exit_status}.\n{console_tail(machine)}")
        except asyncio.TimeoutError:
            _, jobs = await self.run_in(machine, "systemctl", "list-jobs", "--no-pager", "--no-legend")
            raise RuntimeError(f"Machine '{machine.spec.name}' did not boot within {BOOT_SECONDS} s; "
                               f"it waits for:\n{jobs}") from None

    async def kill(self, name):
        machine = self.machines[name]
        machine.kill()
        await machine.wait_for(OFF)

    async def boot_all(self, report):
        first = [m for m in self.machines.values() if m.spec.boot]
        for machine in first:
            await machine.boot()

        async def wait(machine):
            await self.wait_until_running(machine)
            _, failed = await self.run_in(machine, "systemctl", "--failed", "--plain", "--no-legend", "--no-pager")
            report({"event": "running", "machine": machine.describe(),
                    "failed": [line.split()[0] for line in failed.splitlines()]})
        await asyncio.gather(*(wait(m) for m in first))

    # The command line's socket: one JSON line in, one out, a machine's pidfd beside it for `enter`.

    async def answer(self, request):
        verb, name = request["verb"], request.get("machine")
        if name is not None and name not in self.machines:
            raise RuntimeError(f"There is no machine '{name}'; there are {', '.join(self.machines)}.")
        if verb == "status":
            return {"machines": [m.describe() for m in self.machines.values()]}
        if verb == "boot":
            await self.boot(name)
        elif verb == "kill":
            await self.kill(name)
        elif verb == "cut":
            self.machines[name].leg.cut()
        elif verb == "heal":
            self.machines[name].leg.heal()
        elif verb in ("freeze", "thaw"):
            self.machines[name].freeze(verb == "freeze")
        elif verb == "down":
            self.end.set()
        return {}

    def enter(self, name):
        machine = self.machines.get(name)
        if machine is None:
            raise RuntimeError(f"There is no machine '{name}'; there are {', '.join(self.machines)}.")
        if not machine.leader:
            raise RuntimeError(f"Machine '{name}' is off.")
        environment = layout.client_environment(self.topology, machine.spec)
        return {"environment": environment}, os.pidfd_open(machine.leader)

    async def serve_client(self, client):
        loop = asyncio.get_running_loop()
        fds = []
        try:
            request = json.loads(await loop.sock_recv(client, 65536))
            if request["verb"] == "enter":
                reply, fd = self.enter(request["machine"])
                fds.append(fd)
            else:
                reply = await self.answer(request)
        except (RuntimeError, ValueError, OSError, subprocess.CalledProcessError) as e:
            reply = {"error": str(e)}
        client.setblocking(True)
        try:
            socket.send_fds(client, [json.dumps(reply).encode()], fds)
        except OSError:
            pass                                # whoever asked has gone
        for fd in fds:
            os.close(fd)
        client.close()

    async def accept_clients(self, listener):
        while True:
            client, _ = await asyncio.get_running_loop().sock_accept(listener)
            asyncio.ensure_future(self.serve_client(client))

    # The host machine's socket: see tests/fleet/microvm.

    async def serve_host(self, reader, writer):
        try:
            verb, name = (await reader.readline()).decode().split()
            machine = self.machines.get(name)
            if machine is None or verb not in ("run", "stop"):
                writer.write(f"error There is no VM '{name}'.\n".encode())
            elif verb == "stop":
                await self.kill(name)
            else:
                await self.serve_vm(machine, writer)
            await writer.drain()
        except (ValueError, OSError):
            pass                                # the unit was killed
        finally:
            writer.close()

    async def serve_vm(self, machine, writer):
        await machine.boot()
        if await machine.wait_for(RUNNING, OFF) == RUNNING:
            writer.write(b"ready\n")
            await writer.drain()
            await machine.wait_for(OFF)
        writer.write(f"exited {machine.exit_status}\n".encode())

    async def serve(self):
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, self.reap)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.end.set)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        listener.bind(str(CONTROL))
        listener.listen(64)
        asyncio.ensure_future(self.accept_clients(listener))
        await asyncio.start_unix_server(self.serve_host, str(HYPERVISOR / "socket"))

    async def run(self, channel):
        """channel is the `fleet up` that waits: it gets an event a line, and when it goes before the fleet stands
        the fleet goes too."""
        await self.serve()
        reader, writer = await asyncio.open_connection(sock=channel)

        def report(event):
            writer.write(json.dumps(event).encode() + b"\n")

        up = asyncio.ensure_future(self.boot_all(report))
        gone = asyncio.ensure_future(reader.read())
        ended = asyncio.ensure_future(self.end.wait())
        await asyncio.wait((up, gone, ended), return_when=asyncio.FIRST_COMPLETED)
        if not up.done():
            return 1
        if up.exception():
            report({"event": "error", "text": str(up.exception())})
            await writer.drain()
            return 1
        report({"event": "up"})
        await writer.drain()
        writer.close()
        await ended
        return 0


def console_tail(machine):
    try:
        text = (CONSOLES / f"{machine.spec.name}.log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-20:])


def main(topology, group, build, channel):
    supervisor = Supervisor(topology, group, build)
    try:
        supervisor.prepare()
        return asyncio.run(supervisor.run(channel))
    except (OSError, RuntimeError, ImportError, subprocess.CalledProcessError) as e:
        try:
            channel.send(json.dumps({"event": "error", "text": str(e)}).encode() + b"\n")
        except OSError:
            pass
        raise
