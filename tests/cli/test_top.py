# SPDX-License-Identifier: Apache-2.0
"""top, hwid, and what givc-cli has of them: how it looks, VMs that do not answer, and how it ends."""

import json
import os
import pty
import signal
import subprocess
import time

import admin_pb2
import pytest
from admin import APP
from conftest import WAIT, environment
from stats_pb2 import LoadStats, MemoryStats, ProcessStat, ProcessStats, StatsResponse

CLEAR = '\x1b[H\x1b[J'
GIB = 1 << 30
BUSY = StatsResponse(
    Memory=MemoryStats(Total=8 * GIB, Free=1 * GIB, Available=6 * GIB, Cached=GIB),
    Load=LoadStats(Load1Min=1.5, Load5Min=0.1, Load15Min=0),
    Process=ProcessStats(CpuProcesses=[ProcessStat(Name='sh', User=30, Sys=12.25, ResSetSize=4096),
                                       ProcessStat(Name='x\x1b[2Jy', User=2)],
                         MemProcesses=[ProcessStat(Name='big', ResSetSize=GIB)],
                         Total=131, Running=2, UserCycles=300, SysCycles=130, TotalCycles=1000, Cpus=4))
IDLE = StatsResponse(Memory=MemoryStats(Total=512 << 20, Available=500 << 20), Load=LoadStats(),
                     Process=ProcessStats(TotalCycles=1000))
OK, FAILED, NO_SUCH_NAME = 0, 1, 4


@pytest.fixture
def busy(admin):
    admin.stats = {'ghaf-host': BUSY, 'app-vm': IDLE}
    return admin


def test_table(ctl, busy):
    result = ctl('top')
    assert (result.returncode, result.stderr) == (OK, '')
    assert [line.split() for line in result.stdout.splitlines()] == [
        ['VM', 'CPU', 'LOAD', 'MEMORY', 'PROCESSES', 'BUSIEST'],
        ['ghaf-host', '43%', '1.50', '2.0G/8.0G', '131', 'sh', '42%,', 'x?[2Jy', '2%'],
        ['app-vm', '0%', '0.00', '12M/512M']]


def test_who_does_not_answer_is_shown(ctl, busy):
    del busy.stats['app-vm']
    result = ctl('top', '--no-legend')
    assert result.returncode == OK
    assert [line.split(None, 1) for line in result.stdout.splitlines()][1] == ['app-vm',
                                                                             "(VM 'app-vm' cannot be reached)"]


def test_who_is_silent_delays_nobody_for_long(ctl, busy):
    agent = next(i for i in busy.fleet if i.Name == APP)
    busy.silent = {f'vm-{i}' for i in range(6)}
    for vm in busy.silent:
        entry = admin_pb2.QueryListItem()
        entry.CopyFrom(agent)
        entry.Name, entry.AgentName = f'givc-{vm}.service', f'givc-{vm}.service'
        entry.VmName = entry.Vm = vm
        busy.fleet.append(entry)
    begin = time.monotonic()
    result = ctl('top', '--timeout=2', '--no-legend', 'vm-*')
    assert time.monotonic() - begin < 11, 'they were asked one after the other'
    assert result.returncode == OK and len(result.stdout.splitlines()) == len(busy.silent)


def test_patterns(ctl, busy):
    assert [line.split()[0] for line in ctl('top', '--no-legend', 'app*').stdout.splitlines()] == ['app-vm']
    assert ctl('top', 'none').stdout == ''


def test_json(ctl, busy):
    del busy.stats['app-vm']
    host, app = json.loads(ctl('top', '-j').stdout)['VMs']
    assert host['VmName'] == 'ghaf-host' and host['Stats']['Process']['Cpus'] == 4
    assert app == {'VmName': 'app-vm', 'Error': "VM 'app-vm' cannot be reached"}


def test_failure(ctl, busy):
    busy.refused = {'QueryList'}
    result = ctl('top')
    assert result.returncode == 5 and result.stderr.startswith('Failed to see how busy the VMs are: ')


def test_it_goes_on_on_a_terminal(ctl, busy):
    master, slave = pty.openpty()
    with subprocess.Popen(ctl.command('top'), env=environment(), stdin=subprocess.DEVNULL, stdout=slave,
                          stderr=subprocess.PIPE) as top:
        os.close(slave)
        text = ''
        deadline = time.monotonic() + WAIT
        while text.count(CLEAR) < 2:
            assert time.monotonic() < deadline
            text += os.read(master, 4096).decode()
        top.send_signal(signal.SIGINT)
        assert (top.wait(WAIT), top.stderr.read()) == (OK, b'')
    os.close(master)


def test_rounds(ctl, busy):
    assert ctl('top', '--no-legend', '--limit=2', 'app-vm').stdout.count('app-vm') == 2


def test_get_stats(cli, busy):
    result = cli('get-stats', 'ghaf-host')
    assert (result.returncode, result.stderr) == (OK, '')
    assert result.stdout == (
        'StatsResponse { memory: Some(MemoryStats { total: 8589934592, free: 1073741824, available: 6442450944, '
        'cached: 1073741824 }), load: Some(LoadStats { load1_min: 1.5, load5_min: 0.1, load15_min: 0.0 }), '
        'process: Some(ProcessStats { cpu_processes: [ProcessStat { name: "sh", user: 30.0, sys: 12.25, '
        'res_set_size: 4096 }, ProcessStat { name: "x\\u{1b}[2Jy", user: 2.0, sys: 0.0, res_set_size: 0 }], '
        'mem_processes: [ProcessStat { name: "big", user: 0.0, sys: 0.0, res_set_size: 1073741824 }], total: 131, '
        'running: 2, user_cycles: 300, sys_cycles: 130, total_cycles: 1000 }) }\n')
    busy.stats['app-vm'] = StatsResponse()
    assert cli('get-stats', 'app-vm').stdout == 'StatsResponse { memory: None, load: None, process: None }\n'
    assert cli('get-stats', 'none').returncode == FAILED


def ask_key(cli, operation, payload):
    return subprocess.run(cli.command('ctap', operation), env=environment(), input=payload, capture_output=True,
                          timeout=WAIT, check=False)


def test_ctap(cli, busy):
    done = ask_key(cli, 'u2f.Register+app id', b'\xff\x00x')
    assert (done.returncode, done.stderr, done.stdout) == (OK, b'', b'\x00\xff\x00x')
    method, request = busy.requests.get(timeout=WAIT)
    assert (method, request.Req, list(request.Args)) == ('Ctap', 'u2f.Register', ['app id'])
    assert list(ask_key(cli, 'ctap.GetInfo', b'').stdout) == [0]
    busy.refused = {'Ctap'}
    assert ask_key(cli, 'ctap.GetInfo', b'').returncode == FAILED


def test_hwid(server, ctl):
    server.serve_hwid()
    assert ctl('hwid', 'net-vm').stdout == '00:11:22:33:44:55\n'
    assert json.loads(ctl('hwid', 'net-vm', '-j').stdout) == {'Identifier': '00:11:22:33:44:55'}
    result = ctl('hwid', 'none')
    assert (result.returncode, result.stdout) == (NO_SUCH_NAME, '')
    assert "identify the hardware of 'none': VM 'none' is not registered" in result.stderr


def test_hwid_at_an_admin_of_the_reference(ctl):
    result = ctl('hwid', 'net-vm')
    assert result.returncode == FAILED and 'older than this client' in result.stderr
