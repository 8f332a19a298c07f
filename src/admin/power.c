/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/power.h"

#include "admin/calls/unit-control.h"

static const struct {
        const char *target;
        bool ends_host;
} actions[] = {
        [POWER_OFF] = { "poweroff.target", true },
        [POWER_REBOOT] = { "reboot.target", true },
        [POWER_SUSPEND] = { "suspend.target", false },
};

int power_wait(const Agents *agents, PowerAction action, usec_t deadline, RpcStatus *reterr) {
        _cleanup_(unit_status_done) UnitStatus status = {};
        _cleanup_(agent_unrefp) Agent *host = NULL;
        bool was_up;
        int r;

        r = agents_find_host(agents, &host, reterr);
        if (r < 0)
                return r;
        was_up = agent_is_up(host);
        r = unit_control_wait(host->channel, UNIT_START, actions[action].target, deadline, &status, reterr);
        if (r >= 0 || !was_up || !actions[action].ends_host || reterr->code != RPC_UNAVAILABLE)
                return r;
        /* Its agent is among the first that have to go. */
        rpc_status_done(reterr);
        return 0;
}
