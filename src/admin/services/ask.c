/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/services/ask.h"

#include "proto/unpack.h"

int ask_wait(RpcCall *call, const Agent *agent, const ProtobufCServiceDescriptor *service, const char *method,
                const void *request, usec_t deadline, const char *what, RpcStatus *reterr) {
        const RpcCallOptions options = { .deadline = deadline };
        _cleanup_proto_ ProtobufCMessage *answer = NULL;
        int r;

        r = rpc_channel_call_wait(agent->channel, service, method, request, &options, &answer, reterr);
        if (r >= 0)
                return rpc_call_reply(call, answer);
        if (reterr->code == RPC_UNKNOWN) {
                reterr->code = RPC_FAILED_PRECONDITION;
                r = rpc_code_to_errno(reterr->code);
        }
        return agent_explain(agent, service, what, r, reterr);
}
