/* SPDX-License-Identifier: Apache-2.0 */
/* journal.JournalService: passes the journal of a VM on from its agent. */
#include "admin/forward.h"
#include "admin/services/services.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"
#include "journal.pb-c.h"

#define SERVICE (&journal__journal_service__descriptor)

static int method_read_journal(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        Journal__JournalRequest req = *(const Journal__JournalRequest *) request;
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        _cleanup_(forward_done) Forward forward = { .share = FORWARDS_JOURNAL_MAX };
        _cleanup_free_ char *vm = NULL;
        Admin *admin = userdata;
        int r;

        if (isempty(req.vmname) && isempty(req.unitname))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "Neither a VM nor a unit is named.");
        r = agents_find_unit(&admin->agents, req.vmname, req.unitname, &agent, reterr);
        if (r < 0)
                return r;
        vm = vm_from_agent(agent->name);
        if (!vm)
                return -ENOMEM;
        req.vmname = vm; /* what is asked for is what was found */
        r = forward_open_wait(&forward, admin, call, agent, SERVICE, "ReadJournal", &req, reterr);
        return r < 0 ? r : forward_answers_wait(&forward, "read journals", reterr);
}

static const RpcMethod methods[] = {
        { "ReadJournal", RPC_SERVER_STREAM, method_read_journal },
        {},
};

const RpcService journal_service = { SERVICE, methods };
