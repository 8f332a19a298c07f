/* SPDX-License-Identifier: Apache-2.0 */
/* hwid.HwidService: what tells a VM's hardware from others, as its agent says. */
#include "admin/services/admin-service.h"
#include "admin/services/ask.h"
#include "admin/services/services.h"
#include "base/mem.h"
#include "base/str.h"
#include "hwid.pb-c.h"

#define SERVICE (&hwid__hwid_service__descriptor)

static int method_get_hw_id(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Hwid__HwIdRequest *req = request;
        Hwid__HwIdRequest asked = HWID__HW_ID_REQUEST__INIT;
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        Admin *admin = userdata;
        int r;

        if (isempty(req->vmname))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "No VM is named whose hardware is meant.");
        r = agents_find_vm(&admin->agents, req->vmname, &agent, reterr);
        if (r < 0)
                return r;
        return ask_wait(call, agent, SERVICE, "GetHwId", &asked, call_get_deadline(call, CALL_USEC),
                        "identify its hardware", reterr);
}

static const RpcMethod methods[] = {
        { "GetHwId", RPC_UNARY, method_get_hw_id },
        {},
};

const RpcService hwid_service = { SERVICE, methods };
