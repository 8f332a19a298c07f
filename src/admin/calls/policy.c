/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/calls/policy.h"

#include "base/mem.h"
#include "base/str.h"
#include "policyadmin.pb-c.h"
#include "proto/unpack.h"

#define CHUNK_SIZE ((size_t) 1024 * 1024) /* of a message, which has 4 MiB at most */

/* -EPIPE: the agent has ended the call, and says why when it is asked. */
static int send_wait(RpcStream *s, const char *name, const uint8_t *data, size_t size) {
        Policyadmin__StreamPolicyRequest request = POLICYADMIN__STREAM_POLICY_REQUEST__INIT;
        int r;

        request.policy_name = (char *) name;
        do {
                request.policy_chunk.data = (uint8_t *) data;
                request.policy_chunk.len = MIN(size, CHUNK_SIZE);
                r = rpc_stream_send_wait(s, &request);
                if (r < 0)
                        return r;
                data += request.policy_chunk.len;
                size -= request.policy_chunk.len;
                request.policy_name = (char *) "";
        } while (size > 0);
        return rpc_stream_close_send_wait(s);
}

static int receive_wait(RpcStream *s, RpcStatus *reterr) {
        _cleanup_proto_ Policyadmin__Status *reply = NULL;
        ProtobufCMessage *more = NULL;
        int r;

        r = rpc_stream_receive_wait(s, &reply, reterr);
        if (r <= 0)
                return r < 0 ? r : rpc_error(reterr, RPC_INTERNAL, "The agent has not answered.");
        if (!streq(reply->status, "Success"))
                return rpc_error(reterr, RPC_UNKNOWN, "The agent says '%s'.", reply->status);
        r = rpc_stream_receive_wait(s, &more, reterr);
        proto_free(more);
        return r < 0 ? r : 0;
}

int policy_call_wait(
                RpcChannel *c, const char *name, const void *data, size_t size, usec_t deadline, RpcStatus *reterr) {
        const RpcCallOptions options = { .deadline = deadline };
        _cleanup_(rpc_stream_freep) RpcStream *s = NULL;
        int r;

        r = rpc_stream_open_wait(c, &policyadmin__policy_admin__descriptor, "StreamPolicy", &options, &s, reterr);
        if (r < 0)
                return r;
        r = send_wait(s, name, data, size);
        return r < 0 && r != -EPIPE ? r : receive_wait(s, reterr);
}
