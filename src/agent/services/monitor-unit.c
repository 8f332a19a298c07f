/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/services/monitor-unit.h"

#include <unistd.h>

#include "agent/services/unit-error.h"
#include "base/mem.h"
#include "base/str.h"
#include "bus/unit-usage.h"
#include "systemd.pb-c.h"

usec_t monitor_unit_period_usec = 400 * USEC_PER_MSEC;

static Systemd__UnitResourceResponse sample(const UnitUsage *usage) {
        const usec_t now = time_now(CLOCK_MONOTONIC), age = now > usage->begin ? now - usage->begin : 1;
        const double total = (double) sysconf(_SC_PHYS_PAGES) * (double) sysconf(_SC_PAGESIZE);
        Systemd__UnitResourceResponse message = SYSTEMD__UNIT_RESOURCE_RESPONSE__INIT;

        message.cpu_usage = (double) usage->cpu_nsec / 1000 / (double) age * 100;
        message.memory_usage = (float) ((double) usage->memory / total * 100);
        return message;
}

/* Read together with its state, since what an ended unit has used is not what it uses. */
static int usage_wait(const Agent *agent, const char *name, UnitUsage *ret, RpcStatus *reterr) {
        _cleanup_(unit_status_done) UnitStatus status = {};
        int r;

        r = agent_unit_status_wait(agent, name, &status);
        if (r < 0)
                return unit_error(reterr, r, "monitor", name, NULL);
        if (!unit_status_is_active(&status))
                return unit_error(reterr, -EHOSTDOWN, "monitor", name, NULL);
        r = unit_usage_wait(agent_get_bus(agent), agent_real_name(agent, name), ret);
        if (r == -ENODATA)
                return rpc_error(reterr, RPC_FAILED_PRECONDITION,
                                "Cannot monitor '%s': the service manager does not account for its CPU time and "
                                "memory.",
                                name);
        return r < 0 ? unit_error(reterr, r, "monitor", name, NULL) : 0;
}

static int send_samples_wait(RpcCall *call, const Agent *agent, const char *name, FeedReader *feed, RpcStatus *reterr) {
        const usec_t begin = time_now(CLOCK_MONOTONIC);
        int r;

        for (unsigned i = 0; i < MONITOR_UNIT_SAMPLES; i++) {
                Systemd__UnitResourceResponse message;
                UnitUsage usage;

                r = feed_reader_sleep_wait(feed, begin + i * monitor_unit_period_usec);
                if (r < 0)
                        return r;
                r = usage_wait(agent, name, &usage, reterr);
                if (r < 0)
                        return r;
                message = sample(&usage);
                r = rpc_call_send_wait(call, &message);
                if (r < 0)
                        return r;
        }
        return 0;
}

int monitor_unit_wait(RpcCall *call, const Agent *agent, const char *name, RpcStatus *reterr) {
        _cleanup_(feed_reader_freep) FeedReader *feed = NULL;
        int r;

        r = feed_reader_new(agent_get_feed(agent), &feed); /* for its end: the agent stops then */
        if (r < 0)
                return r;
        r = send_samples_wait(call, agent, name, feed, reterr);
        return r == -ESHUTDOWN ? rpc_error(reterr, RPC_UNAVAILABLE, "The agent stops.") : r;
}
