/* SPDX-License-Identifier: Apache-2.0 */
/* hwid.HwidService: what tells this machine from others. */
#include "agent/hwid.h"

#include "agent/services/services.h"
#include "base/mem.h"
#include "base/str.h"
#include "hwid.pb-c.h"

static int hwid_error(RpcStatus *reterr, int r, const char *interface) {
        const char *name = isempty(interface) ? "wl* or en*" : interface;

        if (r == -ENODEV)
                return rpc_error(reterr, RPC_NOT_FOUND, "There is no network interface '%s'.", name);
        if (r == -ENETDOWN)
                return rpc_error(reterr, RPC_FAILED_PRECONDITION,
                                "Interface '%s' knows no address of its own, and its link does not run.", name);
        return rpc_error(reterr, RPC_FAILED_PRECONDITION, "Interface '%s' has no address that identifies it: %s.", name,
                        strerror(-r));
}

static int method_get_hw_id(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        Hwid__HwIdResponse response = HWID__HW_ID_RESPONSE__INIT;
        const Agent *agent = userdata;
        const char *interface = agent_get_config(agent)->hwid_interface;
        _cleanup_free_ char *identifier = NULL;
        int r;

        r = hwid_read(agent_get_root(agent), interface, hwid_get_link, &identifier);
        if (r < 0)
                return r == -ENOMEM ? r : hwid_error(reterr, r, interface);
        response.identifier = identifier;
        return rpc_call_reply(call, &response);
}

static const RpcMethod methods[] = {
        { "GetHwId", RPC_UNARY, method_get_hw_id },
        {},
};

const RpcService hwid_service = { &hwid__hwid_service__descriptor, methods };
