/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/relay.h"

#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"
#include "event/task.h"
#include "proto/unpack.h"

#define RELAY_ENDED (-4096) /* a task's word for the agent's end with success, never returned to callers */

void relay_done(Relay *r) {
        list_remove(&r->relays);
        rpc_stream_free(r->stream);
}

static const char *relay_get_peer(const Relay *r) {
        return identity_get_key(rpc_call_get_identity(r->call));
}

static int relay_count(const Relay *r, const Admin *admin, RpcStatus *reterr) {
        unsigned n = 0;

        LIST_FOREACH(other, &admin->relays, Relay, relays)
                n += other->service == r->service && streq(relay_get_peer(other), relay_get_peer(r));
        if (n < RELAYS_PER_PEER_MAX)
                return 0;
        return rpc_error(reterr, RPC_RESOURCE_EXHAUSTED, "You have %d streams of '%s' already.", RELAYS_PER_PEER_MAX,
                        r->service->name);
}

int relay_open_wait(Relay *r, Admin *admin, RpcCall *call, const Agent *agent,
                const ProtobufCServiceDescriptor *service, const char *method, const void *first, RpcStatus *reterr) {
        const RpcCallOptions options = { .deadline = rpc_call_get_deadline(call) };
        int k;

        *r = (Relay){ .call = call, .agent = agent, .service = service };
        k = relay_count(r, admin, reterr);
        if (k < 0)
                return k;
        list_append(&admin->relays, &r->relays);
        k = rpc_stream_open_wait(agent->channel, service, method, &options, &r->stream, reterr);
        if (k >= 0)
                k = rpc_stream_send_wait(r->stream, first);
        return k == -EPIPE ? 0 : k; /* receiving tells how it ended */
}

void relays_stop(Admin *admin) {
        RpcQueue *queue = admin->agents.queue;

        rpc_queue_enter(queue); /* until it is left nobody is woken, who would leave the list */
        LIST_FOREACH(relay, &admin->relays, Relay, relays) {
                relay->stopped = true;
                if (relay->stream)
                        rpc_stream_cancel(relay->stream);
        }
        rpc_queue_leave(queue);
}

/* One message at a time, so that a caller who does not read holds up his own agent's stream and nothing else. */
static int relay_down_wait(Relay *r, RpcStatus *reterr) {
        int k;

        do {
                _cleanup_proto_ ProtobufCMessage *message = NULL;

                k = r->stopped ? -ESHUTDOWN : rpc_stream_receive_wait(r->stream, &message, reterr);
                if (k <= 0)
                        return k;
                k = rpc_call_send_wait(r->call, message);
        } while (k >= 0);
        return k;
}

static int relay_error(const Relay *r, int k, const char *what, RpcStatus *reterr) {
        _cleanup_free_ char *vm = NULL;

        if (k < 0 && r->stopped) {
                rpc_status_done(reterr);
                return rpc_error(reterr, RPC_UNAVAILABLE, "The admin is stopping.");
        }
        if (k >= 0 || reterr->code != RPC_UNIMPLEMENTED)
                return k;
        vm = vm_from_agent(r->agent->name);
        rpc_status_done(reterr);
        return rpc_error(reterr, RPC_UNIMPLEMENTED, "The agent of VM '%s' does not %s.", strempty(vm), what);
}

int relay_answers_wait(Relay *r, const char *what, RpcStatus *reterr) {
        int k = rpc_stream_close_send_wait(r->stream);

        if (k >= 0 || k == -EPIPE)
                k = relay_down_wait(r, reterr);
        return relay_error(r, k, what, reterr);
}

typedef struct Both {
        Relay *relay;
        RpcStatus *reterr;
} Both;

static int down_main(void *userdata) {
        Both *both = userdata;
        int k = relay_down_wait(both->relay, both->reterr);

        return k == 0 ? RELAY_ENDED : k;
}

static int up_main(void *userdata) {
        const Both *both = userdata;
        Relay *r = both->relay;
        int k;

        do {
                const ProtobufCMessage *message;

                k = rpc_call_receive_wait(r->call, &message);
                if (k < 0)
                        return k;
                if (k == 0) {
                        k = rpc_stream_close_send_wait(r->stream);
                        break;
                }
                k = rpc_stream_send_wait(r->stream, message);
        } while (k >= 0);
        return k == -EPIPE ? 0 : k; /* the other way tells how it ended */
}

int relay_both_wait(Relay *r, const char *what, RpcStatus *reterr) {
        _cleanup_(task_group_freep) TaskGroup *group = task_group_new();
        Both both = { r, reterr };
        int k = group ? 0 : -ENOMEM;

        if (k >= 0)
                k = task_group_start(group, down_main, &both);
        if (k >= 0)
                k = task_group_start(group, up_main, &both);
        if (k >= 0)
                k = task_group_wait(group);
        return relay_error(r, k == RELAY_ENDED ? 0 : k, what, reterr);
}
