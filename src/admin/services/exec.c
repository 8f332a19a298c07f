/* SPDX-License-Identifier: Apache-2.0 */
/* exec.Exec: passes a command on to the agent of its VM, and its input and output both ways. */
#include "admin/forward.h"
#include "admin/services/services.h"
#include "base/mem.h"
#include "base/str.h"
#include "exec.pb-c.h"

#define SERVICE (&exec__exec__descriptor)

static int method_run_command(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        Exec__CommandRequest first = EXEC__COMMAND_REQUEST__INIT;
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        const Exec__CommandRequest *received;
        _cleanup_(forward_done) Forward forward = {};
        Exec__StartCommand start;
        Admin *admin = userdata;
        int r;

        r = rpc_call_receive_wait(call, &received);
        if (r < 0)
                return r;
        if (r == 0 || received->command_case != EXEC__COMMAND_REQUEST__COMMAND_START)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "The first message must say what to start.");
        start = *received->start;
        if (isempty(start.vmname))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "No VM is named that is to run '%s'.", start.command);
        r = agents_find_unit(&admin->agents, start.vmname, NULL, &agent, reterr);
        if (r < 0)
                return r;
        start.vmname = (char *) "";
        first.command_case = EXEC__COMMAND_REQUEST__COMMAND_START;
        first.start = &start;
        r = forward_open_wait(&forward, admin, call, agent, SERVICE, "RunCommand", &first, reterr);
        return r < 0 ? r : forward_both_wait(&forward, "run commands", reterr);
}

static const RpcMethod methods[] = {
        { "RunCommand", RPC_BIDI_STREAM, method_run_command },
        {},
};

const RpcService exec_service = { SERVICE, methods };
