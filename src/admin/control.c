/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/control.h"

#include <signal.h>

#include "admin/monitor.h"
#include "base/mem.h"
#include "base/str.h"
#include "bus/unit-job.h"

int control_start_wait(Agent *a, const char *unit, usec_t deadline, RpcStatus *reterr) {
        _cleanup_(unit_status_done) UnitStatus before = {}, after = {};
        int r;

        r = unit_control_wait(a->channel, UNIT_STATUS, unit, deadline, &before, reterr);
        if (r < 0)
                return r;
        if (!streq(strempty(before.load_state), "loaded"))
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "'%s' cannot be started: it is %s.", unit,
                                strempty(before.load_state));
        if (unit_status_is_running(&before))
                return 0;
        r = unit_control_wait(a->channel, UNIT_START, unit, deadline, &after, reterr);
        if (r < 0)
                return r;
        /* What has done its work by now is not active, and was started nevertheless. */
        if (unit_status_is_active(&after)) {
                r = monitor_reflect_wait(a, &after, unit_status_is_active);
                if (r < 0)
                        return r;
        }
        return 1;
}

int control_stop_wait(Agent *a, const char *unit, usec_t deadline, RpcStatus *reterr) {
        _cleanup_(unit_status_done) UnitStatus status = {};
        int r;

        r = unit_control_wait(a->channel, UNIT_STOP, unit, deadline, &status, reterr);
        if (r < 0)
                return r;
        /* What has failed while it was stopped has not stopped well, unless nobody could start it again anyway. */
        if (!streq(status.active_state, "inactive") && !streq(status.load_state, "not-found"))
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "Failed to stop '%s': it is %s (%s).", unit,
                                strempty(status.active_state), strempty(status.sub_state));
        return monitor_reflect_wait(a, &status, unit_status_is_inactive_or_failed);
}

int control_kill_wait(Agent *a, const char *unit, const UnitSignal *signal, usec_t deadline, UnitStatus *ret,
                RpcStatus *reterr) {
        if (!unit_kill_signal_is_valid(signal->number))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "%d is no signal.", signal->number);
        if (!unit_kill_whom_is_valid(signal->whom))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "Whom '%s' is none of main, control and all.",
                                signal->whom);
        /* Who cannot push is of the system before this one, and would kill what was only to be told something. */
        if (a->polled && (signal->number != SIGKILL || !streq(signal->whom, "all")))
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "Agent '%s' can only send SIGKILL to all processes.",
                                a->name);
        return unit_control_kill_wait(a->channel, unit, signal, deadline, ret, reterr);
}
