# SPDX-License-Identifier: Apache-2.0
"""A small admin service for tests of the client: a fixed fleet, with names as ours fills them in, failures by the name
that is asked for, a Watch whose events the test pushes. It is Python's grpcio, so that nothing of our own runtime
answers the client."""

import queue
import threading
import time
from concurrent import futures

import grpc

import admin_pb2
import admin_pb2_grpc
import ctap_pb2
import error_details_pb2
import hwid_pb2
import hwid_pb2_grpc
import journal_pb2_grpc
import notify_pb2
import stats_pb2
import status_pb2
import systemd_pb2


def item(name, description, state, vm_type, service_type, vm, agent, answers, hours):
    since = int((time.time() - (hours + 0.5) * 3600) * 1_000_000)
    return admin_pb2.QueryListItem(Name=name, Description=description, VmStatus=state, TrustLevel='Warning',
                                   VmType=vm_type, ServiceType=service_type, VmName=vm, AgentName=agent, Vm=answers,
                                   Since=since)


def as_before_us(entry):
    """What an admin of the reference says of it."""
    old = admin_pb2.QueryListItem()
    old.CopyFrom(entry)
    old.ClearField('Vm')
    old.ClearField('Since')
    return old


HOST, APP = 'givc-ghaf-host.service', 'givc-app-vm.service'
FLEET = [
    item('hold@0.service', 'Application service for hold', 'Running', 'AppVM', 'App', 'app-vm', APP, 'app-vm', 2),
    item('microvm@net-vm.service', "MicroVM 'net-vm'", 'PoweredOff', 'SysVM', 'VM', 'net-vm', 'microvm@net-vm.service',
         'ghaf-host', 72),
    item(APP, 'givc agent', 'Running', 'AppVM', 'Mgr', 'app-vm', APP, 'app-vm', 3),
    item(HOST, 'givc agent', 'Running', 'Host', 'Mgr', '', HOST, 'ghaf-host', 100),
    item('NetworkManager.service', 'Network Manager, with a description too long for a terminal of eighty columns',
         'Running', 'SysVM', 'Svc', '', 'NetworkManager.service', 'net-vm', 30),
    item('microvm@app-vm.service', "MicroVM 'app-vm'", 'Running', 'AppVM', 'VM', 'app-vm', 'microvm@app-vm.service',
         'ghaf-host', 3),
    item('twin.service', 'Twin', 'Running', 'SysVM', 'Svc', '', 'twin.service', 'net-vm', 3),
    item('twin.service', 'Twin', 'PoweredOff', 'AppVM', 'Svc', '', 'twin.service', 'app-vm', 4),
    item('evil.service', 'clears\033[2Jthe screen', 'Running', 'AppVM', 'Svc', '', 'evil.service', 'app-vm', 3),
]
UNITS = {
    ('app-vm', 'hold@0.service'): ('Application service for hold', 'loaded', 'active', 'running', 'running'),
    ('app-vm', 'paused.service'): ('Paused thing', 'loaded', 'active', 'running', 'frozen'),
    ('app-vm', 'dead.service'): ('Dead thing', 'loaded', 'inactive', 'dead', 'running'),
    ('app-vm', 'broken.service'): ('Broken thing', 'loaded', 'failed', 'failed', 'running'),
    ('app-vm', 'none.service'): ('none.service', 'not-found', 'inactive', 'dead', 'running'),
    ('ghaf-host', 'microvm@net-vm.service'): ("MicroVM 'net-vm'", 'loaded', 'inactive', 'dead', 'running'),
    ('app-vm', 'twin.service'): ('Twin', 'loaded', 'inactive', 'dead', 'running'),
    ('net-vm', 'twin.service'): ('Twin', 'loaded', 'active', 'running', 'running'),
    ('app-vm', APP): ('givc agent', 'loaded', 'active', 'running', 'running'),
}
FAILURES = {
    'missing': (grpc.StatusCode.NOT_FOUND, "Unit 'missing@0.service' not found in VM 'gui-vm'."),
    'denied': (grpc.StatusCode.PERMISSION_DENIED, 'permission denied by admin access control policy'),
    'nobody': (grpc.StatusCode.UNAUTHENTICATED, 'No certificate'),
    'twice': (grpc.StatusCode.FAILED_PRECONDITION, "'twice' is in VM 'a-vm' and in VM 'b-vm'"),
    'gone': (grpc.StatusCode.UNAVAILABLE, "The agent of VM 'gone-vm' cannot be reached"),
    'late': (grpc.StatusCode.DEADLINE_EXCEEDED, "VM 'late-vm' did not start within 60 s"),
    'new': (grpc.StatusCode.UNIMPLEMENTED, 'Method not found'),
    'bug': (grpc.StatusCode.INTERNAL, 'internal error'),
    'old': (grpc.StatusCode.INVALID_ARGUMENT, 'request contains invalid arguments'),
    'evil': (grpc.StatusCode.ABORTED, 'clears\033[2Jthe screen'),
    'cut': (grpc.StatusCode.UNAVAILABLE, 'keepalive watchdog timeout'),
    'mute': (grpc.StatusCode.ABORTED, ''),
}


def when_left(context, function):
    """Calls it when the call has ended, also when that was before (gRPC's own then says no and does nothing)."""
    if not context.add_callback(function):
        function()


class Events:
    """A queue that each reader reads whole, from what nobody had read when it began: a client may watch twice."""

    def __init__(self):
        self.list, self.n_read, self.more = [], 0, threading.Condition()

    def put(self, event):
        with self.more:
            self.list.append(event)
            self.more.notify_all()

    def look(self):
        with self.more:
            self.more.notify_all()

    def read(self, wanted):
        """What comes, for as long as wanted() is true; look() asks that anew."""
        return self.read_from(self.n_read, wanted)

    def read_from(self, at, wanted):
        while True:
            with self.more:
                self.more.wait_for(lambda: len(self.list) > at or not wanted())
                if not wanted():
                    return
                event = self.list[at]
                at += 1
                self.n_read = max(self.n_read, at)
            yield event


class Admin(admin_pb2_grpc.AdminServiceServicer):
    END = object()

    def __init__(self):
        self.requests = queue.Queue()  # (method, request), as they come
        self.events = Events()         # what Watch sends next, to each of its readers
        self.cancelled = threading.Event()
        self.fleet = list(FLEET)
        self.units = dict(UNITS)
        self.sysinfo = stats_pb2.SysinfoResponse(GhafVersion='25.06', SecureBoot=True)
        self.stats = {}                # answers by VM
        self.silent = set()            # VMs that do not answer
        self.power_is_slow = False
        self.generations = []
        self.refused = set()           # methods that nobody may call

    def check(self, method, context):
        if method in self.refused:
            context.abort(*FAILURES['denied'])

    def note(self, method, request, context):
        self.requests.put((method, request))
        self.check(method, context)
        name = next((getattr(request, f) for f in ('AppName', 'ServiceName', 'VmName') if hasattr(request, f)), '')
        name = name.split('@')[0].removesuffix('.service')
        if name == 'slow':
            when_left(context, self.cancelled.set)
            self.cancelled.wait(30)
        if name == 'detailed':
            self.fail_in_detail(context)
        if name in FAILURES:
            context.abort(*FAILURES[name])

    @staticmethod
    def fail_in_detail(context):
        status = status_pb2.Status(code=5, message='No such application.')
        status.details.add().Pack(error_details_pb2.DebugInfo(detail='manifest has: hold,\n\x1bclearexit'))
        context.set_trailing_metadata((('grpc-status-details-bin', status.SerializeToString()),))
        context.abort(grpc.StatusCode.NOT_FOUND, status.message)

    def leave(self):
        self.cancelled.set()
        self.events.put(self.END)

    def watch_left(self):
        self.cancelled.set()
        self.events.look()

    def StartApplication(self, request, context):
        self.note('StartApplication', request, context)
        return admin_pb2.StartResponse(registryId=f'{request.AppName}@0.service')

    def StopApplication(self, request, context):
        self.note('StopApplication', request, context)
        return admin_pb2.ApplicationResponse(CmdStatus='Command successful.', AppStatus='Command successful.')

    def PauseApplication(self, request, context):
        self.note('PauseApplication', request, context)
        return admin_pb2.ApplicationResponse(CmdStatus='Command successful.', AppStatus='Command successful.')

    def ResumeApplication(self, request, context):
        self.note('ResumeApplication', request, context)
        return admin_pb2.ApplicationResponse(CmdStatus='Command successful.', AppStatus='Command successful.')

    def StartVM(self, request, context):
        self.note('StartVM', request, context)
        return admin_pb2.StartResponse(registryId=f'givc-{request.VmName}.service')

    def StartService(self, request, context):
        self.note('StartService', request, context)
        return admin_pb2.StartResponse(registryId=request.ServiceName)

    def StopService(self, request, context):
        self.note('StopService', request, context)
        return admin_pb2.ApplicationResponse(CmdStatus='Command successful.', AppStatus='Command successful.')

    def KillUnit(self, request, context):
        self.note('KillUnit', request, context)
        return systemd_pb2.UnitStatus(Name=request.UnitName, LoadState='loaded', ActiveState='active',
                                      SubState='running', FreezerState='running')

    def power(self, method, request, context):
        self.note(method, request, context)
        if self.power_is_slow:
            when_left(context, self.cancelled.set)
            self.cancelled.wait(30)
        return admin_pb2.Empty()

    def Poweroff(self, request, context):
        return self.power('Poweroff', request, context)

    def Reboot(self, request, context):
        return self.power('Reboot', request, context)

    def Suspend(self, request, context):
        return self.power('Suspend', request, context)

    def SetLocale(self, request, context):
        self.note('SetLocale', request, context)
        return admin_pb2.Empty()

    def SetTimezone(self, request, context):
        self.note('SetTimezone', request, context)
        return admin_pb2.Empty()

    def NotifyUser(self, request, context):
        self.note('NotifyUser', request, context)
        return notify_pb2.Status(Status='Notification sent')

    def Sysinfo(self, request, context):
        self.check('Sysinfo', context)
        return self.sysinfo

    def ListGenerations(self, request, context):
        self.note('ListGenerations', request, context)
        return admin_pb2.ListGenerationsResponse(List=self.generations)

    def SetGeneration(self, request, context):
        self.requests.put(('SetGeneration', request))
        self.check('SetGeneration', context)
        when_left(context, self.cancelled.set)
        yield admin_pb2.SetGenerationResponse(Output='fetching\n')
        if request.Cachix.Pin == 'slow':
            self.cancelled.wait(30)
        yield admin_pb2.SetGenerationResponse(Error='clears\033[2Jthe screen\n')
        yield admin_pb2.SetGenerationResponse(Output='done\n')
        yield admin_pb2.SetGenerationResponse(Finished=True)
        if request.Cachix.Pin == 'broken':
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "'ota-update' failed with 4.")

    def GetStats(self, request, context):
        self.requests.put(('GetStats', request))
        self.check('GetStats', context)
        if request.VmName in self.silent:
            when_left(context, self.cancelled.set)
            self.cancelled.wait(30)
        if request.VmName not in self.stats:
            context.abort(grpc.StatusCode.UNAVAILABLE, f"VM '{request.VmName}' cannot be reached")
        return self.stats[request.VmName]

    def Ctap(self, request, context):
        self.note('Ctap', request, context)
        return ctap_pb2.CtapResponse(Output=b'\x00' + request.Payload)

    def GetUnitStatus(self, request, context):
        self.requests.put(('GetUnitStatus', request))
        self.check('GetUnitStatus', context)
        unit = self.units.get((request.VmName, request.UnitName))
        if not unit:
            context.abort(grpc.StatusCode.NOT_FOUND,
                          f"Unit '{request.UnitName}' is not exposed in VM '{request.VmName}'")
        description, load, active, sub, freezer = unit
        return systemd_pb2.UnitStatus(Name=request.UnitName, Description=description, LoadState=load,
                                      ActiveState=active, SubState=sub, Path='/unit', FreezerState=freezer)

    def QueryList(self, request, context):
        self.requests.put(('QueryList', request))
        self.check('QueryList', context)
        return admin_pb2.QueryListResponse(List=self.fleet)

    def Watch(self, request, context):
        self.requests.put(('Watch', request))
        self.check('Watch', context)
        when_left(context, self.watch_left)
        news = self.events.read(context.is_active)
        yield admin_pb2.WatchItem(Initial=admin_pb2.QueryListResponse(List=self.fleet))
        for event in news:
            if event is self.END:
                return
            yield event


class Journal(journal_pb2_grpc.JournalServiceServicer):
    """Answers with the entries of the test, or fails with a code and a sentence; follows until its caller leaves."""

    def __init__(self):
        self.requests = queue.Queue()
        self.entries = []
        self.failure = None
        self.left = threading.Event()

    def ReadJournal(self, request, context):
        self.requests.put(request)
        when_left(context, self.left.set)
        if self.failure:
            context.abort(*self.failure)
        yield from self.entries
        if request.Follow:
            self.left.wait(30)


class Hwid(hwid_pb2_grpc.HwidServiceServicer):
    def GetHwId(self, request, context):
        if request.VmName != 'net-vm':
            context.abort(grpc.StatusCode.NOT_FOUND, f"VM '{request.VmName}' is not registered.")
        return hwid_pb2.HwIdResponse(Identifier='00:11:22:33:44:55')


class Server:
    """Serves an Admin at addresses of grpcio's spelling; credentials make them TLS with client certificates."""

    def __init__(self, address, credentials=None):
        self.admin = Admin()
        self.server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
        admin_pb2_grpc.add_AdminServiceServicer_to_server(self.admin, self.server)
        if credentials:
            self.port = self.server.add_secure_port(address, credentials)
        else:
            self.port = self.server.add_insecure_port(address)
        self.journal = None
        self.server.start()

    def serve_hwid(self):
        hwid_pb2_grpc.add_HwidServiceServicer_to_server(Hwid(), self.server)

    def serve_journal(self):
        """Before the first call. As an admin of ours, which those before it are not."""
        self.journal = Journal()
        journal_pb2_grpc.add_JournalServiceServicer_to_server(self.journal, self.server)
        return self.journal

    def stop(self):
        self.admin.leave()
        if self.journal:
            self.journal.left.set()
        self.server.stop(0).wait()
