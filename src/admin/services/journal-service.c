/* SPDX-License-Identifier: Apache-2.0 */
/* journal.JournalService: passes the journal of a VM on from its agent, no faster than the caller reads. */
#include "admin/services/services.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"
#include "journal.pb-c.h"
#include "proto/unpack.h"

#define SERVICE (&journal__journal_service__descriptor)

/* One that is read: an agent's stream for a caller. */
typedef struct Relay {
        List journals; /* the admin's */
        const Identity *peer;
        RpcStream *stream;
        bool stopped;
} Relay;

static void relay_done(Relay *relay) {
        list_remove(&relay->journals);
        rpc_stream_free(relay->stream);
}

static int relay_add(Admin *admin, RpcCall *call, Relay *relay, RpcStatus *reterr) {
        const char *peer;
        unsigned n = 0;

        relay->peer = rpc_call_get_identity(call);
        peer = identity_get_key(relay->peer);
        LIST_FOREACH(other, &admin->journals, Relay, journals)
                n += streq(identity_get_key(other->peer), peer);
        if (n >= JOURNALS_PER_PEER_MAX)
                return rpc_error(
                                reterr, RPC_RESOURCE_EXHAUSTED, "You read %d journals already.", JOURNALS_PER_PEER_MAX);
        list_append(&admin->journals, &relay->journals);
        return 0;
}

void journals_stop(Admin *admin) {
        RpcQueue *queue = admin->agents.queue;

        rpc_queue_enter(queue); /* until it is left nobody is woken, who would leave the list */
        LIST_FOREACH(relay, &admin->journals, Relay, journals) {
                relay->stopped = true;
                if (relay->stream)
                        rpc_stream_cancel(relay->stream);
        }
        rpc_queue_leave(queue);
}

/* What is asked for is what was found: the agent of that VM. */
static int relay_open_wait(Relay *relay, RpcCall *call, const Agent *agent, const Journal__JournalRequest *req,
                RpcStatus *reterr) {
        _cleanup_free_ char *vm = vm_from_agent(agent->name);
        Journal__JournalRequest request = *req;
        int r;

        if (!vm)
                return -ENOMEM;
        request.vmname = vm;
        r = rpc_stream_open_wait(agent->channel, SERVICE, "ReadJournal",
                        &(RpcCallOptions){ .deadline = rpc_call_get_deadline(call) }, &relay->stream, reterr);
        if (r >= 0)
                r = rpc_stream_send_wait(relay->stream, &request);
        if (r >= 0)
                r = rpc_stream_close_send_wait(relay->stream);
        return r == -EPIPE ? 0 : r; /* receiving tells how it ended */
}

/* One entry at a time, so that a caller who does not read holds up his own agent's stream and nothing else. */
static int relay_run_wait(Relay *relay, RpcCall *call, RpcStatus *reterr) {
        int r;

        do {
                _cleanup_proto_ Journal__JournalEntry *entry = NULL;

                r = relay->stopped ? -ESHUTDOWN : rpc_stream_receive_wait(relay->stream, &entry, reterr);
                if (r <= 0)
                        return r;
                r = rpc_call_send_wait(call, entry);
        } while (r >= 0);
        return r;
}

static int relay_error(const Relay *relay, const Agent *agent, int r, RpcStatus *reterr) {
        _cleanup_free_ char *vm = NULL;

        if (r < 0 && relay->stopped) {
                rpc_status_done(reterr);
                return rpc_error(reterr, RPC_UNAVAILABLE, "The admin is stopping.");
        }
        if (r >= 0 || reterr->code != RPC_UNIMPLEMENTED)
                return r;
        vm = vm_from_agent(agent->name);
        rpc_status_done(reterr);
        return rpc_error(reterr, RPC_UNIMPLEMENTED, "The agent of VM '%s' is an older one and does not read journals.",
                        strempty(vm));
}

static int method_read_journal(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Journal__JournalRequest *req = request;
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        _cleanup_(relay_done) Relay relay = {};
        Admin *admin = userdata;
        int r;

        if (isempty(req->vmname) && isempty(req->unitname))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "Neither a VM nor a unit is named.");
        r = agents_find_unit(&admin->agents, req->vmname, req->unitname, &agent, reterr);
        if (r >= 0)
                r = relay_add(admin, call, &relay, reterr);
        if (r < 0)
                return r;
        r = relay_open_wait(&relay, call, agent, req, reterr);
        if (r >= 0)
                r = relay_run_wait(&relay, call, reterr);
        return relay_error(&relay, agent, r, reterr);
}

static const RpcMethod methods[] = {
        { "ReadJournal", RPC_SERVER_STREAM, method_read_journal },
        {},
};

const RpcService journal_service = { &journal__journal_service__descriptor, methods };
