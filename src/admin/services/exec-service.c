/* SPDX-License-Identifier: Apache-2.0 */
/* exec.Exec: passes a command on to the agent of its VM, and its input and output both ways. */
#include "admin/forward.h"
#include "admin/services/services.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/message-id.h"
#include "base/names.h"
#include "base/str.h"
#include "exec.pb-c.h"

#define SERVICE (&exec__exec__descriptor)

/* Agents run commands for their admin, and many as root: he must not lend that to every VM that has a certificate. */
static int check_caller(RpcCall *call, const Admin *admin, RpcStatus *reterr) {
        const Identity *identity = rpc_call_get_identity(call);
        const RegistrationRules rules = admin_get_rules(admin);
        const char *principal = identity_get_principal(identity);
        int r;

        if (identity_get_kind(identity) != IDENTITY_CERTIFICATE || streq_ptr(principal, rules.own_name) ||
                        (rules.host && streq_ptr(principal, rules.host)))
                return 0;
        r = rpc_error(reterr, RPC_PERMISSION_DENIED,
                        "'%s' may not run commands: the host may, and who has the admin's certificate or its local "
                        "socket.",
                        strempty(principal));
        log_write(LOG_WARNING,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_ACCESS_DENIED }, { "GIVC_PEER", identity_get_key(identity) },
                                        { "GIVC_METHOD", rpc_call_get_path(call) }, { "GIVC_REASON", reterr->message }),
                        "Refused: %s", strempty(reterr->message));
        return r;
}

static int method_run_command(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        Exec__CommandRequest first = EXEC__COMMAND_REQUEST__INIT;
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        const Exec__CommandRequest *received;
        _cleanup_(forward_done) Forward forward = {};
        Exec__StartCommand start;
        Admin *admin = userdata;
        int r;

        r = check_caller(call, admin, reterr);
        if (r < 0)
                return r;
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
