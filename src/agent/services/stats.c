/* SPDX-License-Identifier: Apache-2.0 */
/* stats.StatsService: how busy the machine is, and what it is. */
#include "agent/services/helper.h"
#include "agent/services/services.h"
#include "agent/sysinfo.h"
#include "base/log.h"
#include "base/str.h"
#include "stats.pb-c.h"

#define VERSION_PROGRAM "ghaf-version"
#define VERSION_UNKNOWN "Unknown"
#define VERSION_MAX     4096
#define VERSION_USEC    (5 * USEC_PER_SEC)

static void fill_processes(
                const StatsProcess *from, size_t n, Stats__ProcessStat *messages, Stats__ProcessStat **pointers) {
        for (size_t i = 0; i < n; i++) {
                stats__process_stat__init(&messages[i]);
                messages[i].name = (char *) from[i].process.name;
                messages[i].user = from[i].user;
                messages[i].sys = from[i].system;
                messages[i].ressetsize = from[i].process.resident;
                pointers[i] = &messages[i];
        }
}

static int reply_figures(RpcCall *call, const Figures *f) {
        Stats__ProcessStat rows[2][STATS_TOP], *pointers[2][STATS_TOP];
        Stats__ProcessStats process = STATS__PROCESS_STATS__INIT;
        Stats__StatsResponse response = STATS__STATS_RESPONSE__INIT;
        Stats__MemoryStats memory = STATS__MEMORY_STATS__INIT;
        Stats__LoadStats load = STATS__LOAD_STATS__INIT;

        memory.total = f->memory.total;
        memory.free = f->memory.free;
        memory.available = f->memory.available;
        memory.cached = f->memory.cached;
        load.load1min = f->load[0];
        load.load5min = f->load[1];
        load.load15min = f->load[2];
        fill_processes(f->by_cpu, f->n_by_cpu, rows[0], pointers[0]);
        fill_processes(f->by_memory, f->n_by_memory, rows[1], pointers[1]);
        process.n_cpuprocesses = f->n_by_cpu;
        process.cpuprocesses = pointers[0];
        process.n_memprocesses = f->n_by_memory;
        process.memprocesses = pointers[1];
        process.total = f->n_processes;
        process.running = f->n_running;
        process.usercycles = f->spent.user;
        process.syscycles = f->spent.system;
        process.totalcycles = f->spent.total;
        process.cpus = f->spent.n_cpus;
        response.memory = &memory;
        response.load = &load;
        response.process = &process;
        return rpc_call_reply(call, &response);
}

static int method_get_stats(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        Agent *agent = userdata;
        Figures figures;
        int r;

        r = stats_get_wait(agent_get_stats(agent), agent_get_root(agent), &figures);
        if (r == -ECANCELED || r == -ENOMEM)
                return r;
        if (r < 0)
                return rpc_error(reterr, RPC_UNAVAILABLE, "The figures of this machine cannot be read: %s.",
                                strerror(-r));
        return reply_figures(call, &figures);
}

/* An image that has no such program has no version. 0, or -ECANCELED, -ENOMEM. */
static int ask_version_wait(void *userdata, char **ret) {
        char *argv[] = { (char *) VERSION_PROGRAM, NULL };
        const Helper helper = { .argv = argv, .output_max = VERSION_MAX, .usec = VERSION_USEC };
        _cleanup_(unit_output_done) UnitOutput answer = {};
        _cleanup_(rpc_status_done) RpcStatus status = {};
        _cleanup_free_ char *text = NULL;
        Agent *agent = userdata;
        int r;

        r = helper_run_wait(agent, &helper, &answer, &status);
        if (r == -ECANCELED)
                return r;
        if (r < 0 && status.code != RPC_NOT_FOUND)
                log_warning("Cannot ask for the version: %s", strempty(status.message));
        text = r < 0 ? strdup("") : mem_dup(buffer_head(&answer.output), answer.output.size);
        if (!text)
                return -ENOMEM;
        str_trim_end(text);
        str_make_printable(text, '?');
        *ret = strdup(isempty(text) ? VERSION_UNKNOWN : text);
        return *ret ? 0 : -ENOMEM;
}

static int method_get_sysinfo(RpcCall *call, _unused_ const void *request, _unused_ RpcStatus *reterr, void *userdata) {
        Stats__SysinfoResponse response = STATS__SYSINFO_RESPONSE__INIT;
        _cleanup_free_ char *version = NULL;
        Agent *agent = userdata;
        int secure, encrypted, r;

        r = stats_get_version_wait(agent_get_stats(agent), ask_version_wait, agent, &version);
        if (r < 0)
                return r;
        secure = sysinfo_get_secure_boot(agent_get_root(agent));
        encrypted = sysinfo_get_disk_encrypted(agent_get_root(agent));
        response.ghafversion = version;
        if (secure >= 0) {
                response.has_secure_boot_case = STATS__SYSINFO_RESPONSE__HAS_SECURE_BOOT_SECURE_BOOT;
                response.secureboot = secure;
        }
        if (encrypted >= 0) {
                response.has_disk_encrypted_case = STATS__SYSINFO_RESPONSE__HAS_DISK_ENCRYPTED_DISK_ENCRYPTED;
                response.diskencrypted = encrypted;
        }
        return rpc_call_reply(call, &response);
}

static const RpcMethod methods[] = {
        { "GetStats", RPC_UNARY, method_get_stats },
        { "GetSysinfo", RPC_UNARY, method_get_sysinfo },
        {},
};

const RpcService stats_service = { &stats__stats_service__descriptor, methods };
