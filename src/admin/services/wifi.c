/* SPDX-License-Identifier: Apache-2.0 */
/* wifimanager.WifiService: passes on to the VM that has the radio. */
#include "admin/forward.h"
#include "admin/services/admin-service.h"
#include "admin/services/ask.h"
#include "admin/services/services.h"
#include "base/mem.h"
#include "base/str.h"
#include "wifimanager.pb-c.h"

#define SERVICE    (&wifimanager__wifi_service__descriptor)
#define DEFAULT_VM "net-vm"
/* For callers that set no deadline: above what the agent itself waits for. */
#define CONNECT_USEC (100 * USEC_PER_SEC)

const char *wifi_get_vm(const char *vm) {
        return isempty(vm) ? DEFAULT_VM : vm;
}

/* A connection may take long, and the agent's connection to the admin carries so many calls, of all peers. */
static int pass_on_wait(
                RpcCall *call, Admin *admin, const char *vm, const void *request, usec_t usec, RpcStatus *reterr) {
        _cleanup_(forward_done) Forward forward = {};
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        int r;

        r = agents_find_vm(&admin->agents, wifi_get_vm(vm), &agent, reterr);
        if (r >= 0)
                r = forward_reserve(&forward, admin, call, agent, SERVICE, reterr);
        if (r < 0)
                return r;
        return ask_wait(call, agent, SERVICE, strchr(rpc_call_get_path(call), '/') + 1, request,
                        call_get_deadline(call, usec), "manage wireless networks", reterr);
}

static int method_list_network(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        Wifimanager__WifiNetworkRequest req = *(const Wifimanager__WifiNetworkRequest *) request;
        const char *vm = req.vmname;

        req.vmname = (char *) "";
        return pass_on_wait(call, userdata, vm, &req, CALL_USEC, reterr);
}

static int method_connect_network(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        Wifimanager__WifiConnectionRequest req = *(const Wifimanager__WifiConnectionRequest *) request;
        const char *vm = req.vmname;

        req.vmname = (char *) "";
        return pass_on_wait(call, userdata, vm, &req, CONNECT_USEC, reterr);
}

static int method_without_words(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Wifimanager__EmptyRequest *req = request;
        Wifimanager__EmptyRequest asked = WIFIMANAGER__EMPTY_REQUEST__INIT;

        return pass_on_wait(call, userdata, req->vmname, &asked, CALL_USEC, reterr);
}

static const RpcMethod methods[] = {
        { "ListNetwork", RPC_UNARY, method_list_network },
        { "GetActiveConnection", RPC_UNARY, method_without_words },
        { "ConnectNetwork", RPC_UNARY, method_connect_network },
        { "DisconnectNetwork", RPC_UNARY, method_without_words },
        { "TurnOn", RPC_UNARY, method_without_words },
        { "TurnOff", RPC_UNARY, method_without_words },
        {},
};

const RpcService wifi_service = { SERVICE, methods };
