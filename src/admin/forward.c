/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/forward.h"

#include "base/mem.h"
#include "base/str.h"
#include "event/task.h"
#include "proto/unpack.h"

#define FORWARD_ENDED (-4096) /* a task's word for the agent's end with success, never returned to callers */

void forward_done(Forward *f) {
        list_remove(&f->forwards);
        rpc_stream_free(f->stream);
}

static const char *forward_get_peer(const Forward *f) {
        return identity_get_key(rpc_call_get_identity(f->call));
}

static int forward_count(const Forward *f, const Admin *admin, RpcStatus *reterr) {
        const unsigned share = f->share > 0 ? f->share : FORWARDS_PER_PEER_MAX;
        unsigned n = 0, n_here = 0;

        LIST_FOREACH(other, &admin->forwards, Forward, forwards)
                if (other->service == f->service && streq(forward_get_peer(other), forward_get_peer(f))) {
                        n++;
                        n_here += other->agent == f->agent;
                }
        if (n >= FORWARDS_PER_PEER_MAX)
                return rpc_error(reterr, RPC_RESOURCE_EXHAUSTED, "You have %u calls of '%s' already.", n,
                                f->service->name);
        if (n_here >= share)
                return rpc_error(reterr, RPC_RESOURCE_EXHAUSTED, "You have %u calls of '%s' at '%s' already.", n_here,
                                f->service->name, f->agent->name);
        return 0;
}

int forward_reserve(Forward *f, Admin *admin, RpcCall *call, const Agent *agent,
                const ProtobufCServiceDescriptor *service, RpcStatus *reterr) {
        int r;

        *f = (Forward){ .call = call, .agent = agent, .service = service, .share = f->share };
        r = forward_count(f, admin, reterr);
        if (r >= 0)
                list_append(&admin->forwards, &f->forwards);
        return r;
}

int forward_open_wait(Forward *f, Admin *admin, RpcCall *call, const Agent *agent,
                const ProtobufCServiceDescriptor *service, const char *method, const void *first, RpcStatus *reterr) {
        const RpcCallOptions options = { .deadline = rpc_call_get_deadline(call) };
        int r;

        r = forward_reserve(f, admin, call, agent, service, reterr);
        if (r < 0)
                return r;
        r = rpc_stream_open_wait(agent->channel, service, method, &options, &f->stream, reterr);
        if (r >= 0)
                r = rpc_stream_send_wait(f->stream, first);
        return r == -EPIPE ? 0 : r; /* receiving tells how it ended */
}

void forwards_stop(Admin *admin) {
        RpcQueue *queue = admin->agents.queue;

        rpc_queue_enter(queue); /* until it is left nobody is woken, who would leave the list */
        LIST_FOREACH(forward, &admin->forwards, Forward, forwards) {
                forward->stopped = true;
                if (forward->stream)
                        rpc_stream_cancel(forward->stream);
        }
        rpc_queue_leave(queue);
}

static int forward_check_size(const Forward *f, const ProtobufCMessage *message, RpcStatus *reterr) {
        const size_t size = protobuf_c_message_get_packed_size(message);

        if (size <= FORWARD_MESSAGE_MAX)
                return 0;
        return rpc_error(reterr, RPC_RESOURCE_EXHAUSTED,
                        "'%s' sent a message of %zu bytes, of which no more than %d are passed on.", f->agent->name,
                        size, FORWARD_MESSAGE_MAX);
}

/* One message at a time, so that a caller who does not read holds up his own agent's stream and nothing else. */
static int forward_down_wait(Forward *f, RpcStatus *reterr) {
        int r;

        do {
                _cleanup_proto_ ProtobufCMessage *message = NULL;

                r = f->stopped ? -ESHUTDOWN : rpc_stream_receive_wait(f->stream, &message, reterr);
                if (r <= 0)
                        return r;
                r = forward_check_size(f, message, reterr);
                if (r >= 0)
                        r = rpc_call_send_wait(f->call, message);
        } while (r >= 0);
        return r;
}

static int forward_error(const Forward *f, int r, const char *what, RpcStatus *reterr) {
        if (r >= 0 || !f->stopped)
                return agent_explain(f->agent, f->service, what, r, reterr);
        rpc_status_done(reterr);
        return rpc_error(reterr, RPC_UNAVAILABLE, "The admin is stopping.");
}

int forward_answers_wait(Forward *f, const char *what, RpcStatus *reterr) {
        int r = rpc_stream_close_send_wait(f->stream);

        if (r >= 0 || r == -EPIPE)
                r = forward_down_wait(f, reterr);
        return forward_error(f, r, what, reterr);
}

typedef struct Both {
        Forward *forward;
        RpcStatus *reterr;
} Both;

static int down_main(void *userdata) {
        Both *both = userdata;
        int r = forward_down_wait(both->forward, both->reterr);

        return r == 0 ? FORWARD_ENDED : r;
}

static int up_main(void *userdata) {
        const Both *both = userdata;
        Forward *f = both->forward;
        int r;

        do {
                const ProtobufCMessage *message;

                r = rpc_call_receive_wait(f->call, &message);
                if (r < 0)
                        return r;
                if (r == 0) {
                        r = rpc_stream_close_send_wait(f->stream);
                        break;
                }
                r = rpc_stream_send_wait(f->stream, message);
        } while (r >= 0);
        return r == -EPIPE ? 0 : r; /* the other way tells how it ended */
}

int forward_both_wait(Forward *f, const char *what, RpcStatus *reterr) {
        _cleanup_(task_group_freep) TaskGroup *group = task_group_new();
        Both both = { f, reterr };
        int r = group ? 0 : -ENOMEM;

        if (r >= 0)
                r = task_group_start(group, down_main, &both);
        if (r >= 0)
                r = task_group_start(group, up_main, &both);
        if (r >= 0)
                r = task_group_wait(group);
        return forward_error(f, r == FORWARD_ENDED ? 0 : r, what, reterr);
}
