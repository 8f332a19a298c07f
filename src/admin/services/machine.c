/* SPDX-License-Identifier: Apache-2.0 */
/* What the machines are and how busy they are, as their agents say, and the security keys of one of them. */
#include "admin.pb-c.h"
#include "admin/forward.h"
#include "admin/services/admin-service.h"
#include "admin/services/ask.h"
#include "base/mem.h"

#define SERVICE    (&stats__stats_service__descriptor)
#define KEYS       (&ctap__ctap__descriptor)
#define TOUCH_USEC (90 * USEC_PER_SEC) /* that somebody touches a key; agents wait for a minute */

int method_get_stats(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Admin__StatsRequest *req = request;
        Stats__StatsRequest asked = STATS__STATS_REQUEST__INIT;
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        Admin *admin = userdata;
        int r;

        r = agents_find_vm(&admin->agents, req->vmname, &agent, reterr);
        if (r < 0)
                return r;
        return ask_wait(call, agent, SERVICE, "GetStats", &asked, call_get_deadline(call, CALL_USEC),
                        "measure anything", reterr);
}

int method_sysinfo(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        Stats__StatsRequest asked = STATS__STATS_REQUEST__INIT;
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        Admin *admin = userdata;
        int r;

        r = agents_find_host(&admin->agents, &agent, reterr);
        if (r < 0)
                return r;
        return ask_wait(call, agent, SERVICE, "GetSysinfo", &asked, call_get_deadline(call, CALL_USEC),
                        "say what it is", reterr);
}

int method_ctap(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        _cleanup_(forward_done) Forward forward = { .share = FORWARDS_KEYS_MAX };
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        Admin *admin = userdata;
        int r;

        r = agents_find_vm(&admin->agents, admin->gui_vm, &agent, reterr);
        if (r >= 0)
                r = forward_reserve(&forward, admin, call, agent, KEYS, reterr);
        if (r < 0)
                return r;
        return ask_wait(call, agent, KEYS, "Ctap", request, call_get_deadline(call, TOUCH_USEC), "lend security keys",
                        reterr);
}
