# SPDX-License-Identifier: Apache-2.0
"""Those who use the soak's fleet, each a thread with dice of its own: callers, watchers, people who vanish in the
middle of a call, and one who downloads slowly but steadily. What is wrong goes to a list of faults."""

import collections
import random
import socket
import ssl
import sys
import threading
import time
from pathlib import Path

import fleet
import grpc

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "attack"), str(fleet.BUILD / "tests/cli")]
import admin_pb2  # noqa: E402
import h2  # noqa: E402

LATE = 1.0
SERVICE = "/admin.AdminService/"
CODES = grpc.StatusCode
# What the weather may answer; anything else is a fault. INTERNAL and UNKNOWN never are weather.
WEATHER = {CODES.UNAVAILABLE, CODES.DEADLINE_EXCEEDED, CODES.FAILED_PRECONDITION, CODES.NOT_FOUND, CODES.ABORTED,
           CODES.CANCELLED, CODES.RESOURCE_EXHAUSTED}
VMS = ["net-vm", "gui-vm", "app-vm"]
QUERY = "QueryList"
DOWNLOADS = 90  # calls of one slow reader, on one connection
DOWNLOAD_SECONDS = 34  # longer than the relay waits for one who does not read at all
PAUSE = 0.1


class Faults(list):
    def add(self, text):
        if len(self) < 20:
            self.append(text)


class Client:
    def __init__(self, port, credentials):
        self.channel = grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(*credentials), [
            ("grpc.ssl_target_name_override", "admin-vm"), ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_reconnect_backoff_ms", 1000)])

    def start(self, method, request, response, timeout):
        invoke = self.channel.unary_unary(SERVICE + method, type(request).SerializeToString, response.FromString)
        return invoke.future(request, timeout=timeout, wait_for_ready=True)

    def query(self, timeout=10):
        """(VM, unit): VmStatus."""
        answer = self.start(QUERY, admin_pb2.Empty(), admin_pb2.QueryListResponse, timeout).result()
        return {(i.Vm, i.Name): i.VmStatus for i in answer.List}

    def watch(self):
        invoke = self.channel.unary_stream(SERVICE + "Watch", admin_pb2.Empty.SerializeToString,
                                           admin_pb2.WatchItem.FromString)
        return invoke(admin_pb2.Empty(), wait_for_ready=True)

    def close(self):
        self.channel.close()


def dice_request(dice):
    """A method, its request and the type of its answer."""
    kind = dice.randrange(9)
    vm, unit = dice.choice(VMS), dice.choice(fleet.SERVICES)
    if kind == 0:
        return QUERY, admin_pb2.Empty(), admin_pb2.QueryListResponse
    if kind == 1:
        return "GetUnitStatus", admin_pb2.UnitStatusRequest(VmName=vm, UnitName=unit), admin_pb2.Empty
    if kind in (2, 3):
        request = admin_pb2.ServiceRequest(ServiceName=unit, VmName=vm)
        return ("StartService", "StopService")[kind - 2], request, admin_pb2.Empty
    if kind == 4:
        return "StartVM", admin_pb2.StartVMRequest(VmName=vm), admin_pb2.StartResponse
    if kind in (5, 6):
        request = admin_pb2.ApplicationRequest(AppName="app", VmName="app-vm", Args=["--flag"][: dice.randrange(2)])
        return "StartApplication", request, admin_pb2.StartResponse
    method = dice.choice(["PauseApplication", "ResumeApplication", "StopApplication"])
    return method, admin_pb2.ApplicationRequest(AppName=f"app@{dice.randrange(12)}.service",
                                                VmName="app-vm"), admin_pb2.ApplicationResponse


class Crowd:
    """All of them, until end()."""

    def __init__(self, the_fleet, seed, n_callers, n_watchers):
        self.fleet, self.seed = the_fleet, seed
        self.faults, self.codes = Faults(), collections.Counter()
        self.ending = threading.Event()
        self.n_calls = self.n_downloads = 0
        self.worst = 0.0
        self.clients = [Client(the_fleet.port, the_fleet.credentials(vm)) for vm in ("gui-vm", "app-vm")]
        work = [self.call] * n_callers + [self.watch] * n_watchers + [self.vanish] * 2
        self.threads = [threading.Thread(target=self.run, args=(f, i)) for i, f in enumerate(work)]
        for t in self.threads:
            t.start()

    def run(self, work, i):
        dice = random.Random(f"{self.seed} {i}")
        try:
            while not self.ending.is_set():
                work(dice)
        except Exception as e:  # a thread that dies says why
            self.faults.add(f"{work.__name__}: {type(e).__name__}: {e}")

    def end(self):
        self.ending.set()
        for t in self.threads:
            t.join()
        for c in self.clients:
            c.close()

    def call(self, dice):
        method, request, response = dice_request(dice)
        timeout = dice.choice([0.05, 0.3, 2, 5])
        begin = time.monotonic()
        future = dice.choice(self.clients).start(method, request, response, timeout)
        if dice.randrange(6) == 0:
            time.sleep(dice.random() * min(timeout, 0.1))
            future.cancel()
        try:
            code = future.code()
        except grpc.FutureCancelledError:
            code = CODES.CANCELLED
        late = time.monotonic() - begin - timeout
        self.worst = max(self.worst, late)
        self.n_calls += 1
        self.codes[method, code.name] += 1
        if late > LATE:
            self.faults.add(f"{method} took {late:.2f} s longer than its {timeout} s")
        if code not in WEATHER | {CODES.OK}:
            self.faults.add(f"{method}: {code.name}: {future.details()}")
        time.sleep(dice.random() * 0.05)

    def watch(self, dice):
        """Reads for a while, at times slowly, and leaves."""
        stream = dice.choice(self.clients).watch()
        timer = threading.Timer(dice.random() * 8, stream.cancel)
        timer.start()
        try:
            for n, item in enumerate(stream):
                if (n == 0) != (item.WhichOneof("Status") == "Initial"):
                    self.faults.add(f"Watch sent {item.WhichOneof('Status')} as number {n}")
                if dice.randrange(10) == 0:
                    time.sleep(dice.random() * 0.3)
                if self.ending.is_set():
                    stream.cancel()
        except grpc.RpcError as e:
            if e.code() not in (CODES.CANCELLED, CODES.UNAVAILABLE):
                self.faults.add(f"Watch: {e.code().name}: {e.details()}")
        finally:
            timer.cancel()

    def context(self, vm):
        own = self.fleet.directory / "certs" / vm
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(own / "ca-cert.pem")
        context.load_cert_chain(own / "cert.pem", own / "key.pem")
        context.set_alpn_protocols(["h2"])
        context.check_hostname = False
        return context

    def peer(self, vm, **options):
        return h2.Peer(self.fleet.port, self.context(vm), source="127.0.0.1", **options)

    def vanish(self, dice):
        """Connects, asks or does not, and is gone without a word."""
        method, request, _ = dice_request(dice)
        try:
            peer = self.peer("net-vm", handshake=dice.randrange(5) > 0)
        except (ConnectionError, TimeoutError, ssl.SSLError):
            time.sleep(0.1)
            return
        try:
            if peer.tls.version():
                peer.start()
                whole = h2.message(1, request.SerializeToString())
                peer.send(h2.call(1, SERVICE + method) + whole[: dice.randrange(len(whole) + 1)])
            time.sleep(dice.random() * 0.2)
        except (ConnectionError, TimeoutError, ssl.SSLError, OSError):
            pass
        (peer.reset if dice.randrange(2) else peer.close)()
        time.sleep(dice.random() * 0.2)


class Download:
    """One who asks for a lot on one connection and reads it slowly, a little all the time. He has to get all of it."""

    def __init__(self, crowd, size):
        self.piece = max(512, int(DOWNLOADS * size * PAUSE / DOWNLOAD_SECONDS))
        self.enough = DOWNLOADS * size * 9 // 10
        self.crowd, self.fault, self.seconds = crowd, None, 0.0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            with self.crowd.peer("gui-vm") as peer:
                begin = time.monotonic()
                self.ask(peer)
                self.fault = self.read(peer, begin + 3 * DOWNLOAD_SECONDS)
                self.seconds = time.monotonic() - begin
        except Exception as e:  # as in Crowd.run()
            self.fault = f"{type(e).__name__}: {e}"

    def ask(self, peer):
        """With little on its way at a time, so that the admin has the rest of it."""
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        peer.keep = 1 << 30
        peer.start(b"\x00\x04\x7f\xff\xff\xff")
        peer.send(h2.frame(h2.SETTINGS, h2.ACK, 0) + h2.frame(h2.WINDOW, 0, 0, (1 << 30).to_bytes(4, "big")))
        for i in range(DOWNLOADS):
            peer.send(h2.call(2 * i + 1, SERVICE + QUERY) + h2.message(2 * i + 1), reads=False)

    def read(self, peer, end):
        while not peer.closed and time.monotonic() < end:
            peer.take(self.piece)
            if peer.n_received > self.enough and peer.count(h2.HEADERS, h2.END_STREAM) == DOWNLOADS:
                return self.find_fault(peer)
            time.sleep(PAUSE)
        return f"ended after {peer.n_received} bytes, closed: {peer.closed}"

    @staticmethod
    def find_fault(peer):
        bodies = collections.defaultdict(bytes)
        for kind, _, stream, payload in peer.frames():
            if kind == h2.DATA:
                bodies[stream] += payload
        whole = sum(int.from_bytes(b[1:5], "big") == len(b) - 5 for b in bodies.values())
        return None if whole == DOWNLOADS else f"{whole} of {DOWNLOADS} answers are whole"
