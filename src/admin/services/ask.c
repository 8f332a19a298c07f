/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/services/ask.h"

#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"
#include "proto/unpack.h"

static int ask_error(const Agent *agent, int r, const char *what, RpcStatus *reterr) {
        _cleanup_free_ char *vm = NULL;

        if (reterr->code == RPC_UNKNOWN) {
                reterr->code = RPC_FAILED_PRECONDITION;
                return rpc_code_to_errno(reterr->code);
        }
        if (reterr->code != RPC_UNIMPLEMENTED)
                return r;
        vm = vm_from_agent(agent->name);
        rpc_status_done(reterr);
        return rpc_error(reterr, RPC_UNIMPLEMENTED, "The agent of VM '%s' does not %s.", strempty(vm), what);
}

int ask_wait(RpcCall *call, const Agent *agent, const ProtobufCServiceDescriptor *service, const char *method,
                const void *request, usec_t deadline, const char *what, RpcStatus *reterr) {
        const RpcCallOptions options = { .deadline = deadline };
        _cleanup_proto_ ProtobufCMessage *answer = NULL;
        int r;

        r = rpc_channel_call_wait(agent->channel, service, method, request, &options, &answer, reterr);
        return r < 0 ? ask_error(agent, r, what, reterr) : rpc_call_reply(call, answer);
}
