/* SPDX-License-Identifier: Apache-2.0 */
/* NotifyUser: passed on to the VM that has the desktop. */
#include "admin.pb-c.h"
#include "admin/services/admin-service.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/unpack.h"

int method_notify_user(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const RpcCallOptions options = { .deadline = call_get_deadline(call, CALL_USEC) };
        const Admin__UserNotificationRequest *req = request;
        const Notify__UserNotification nothing = NOTIFY__USER_NOTIFICATION__INIT;
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        _cleanup_proto_ Notify__Status *reply = NULL;
        const Admin *admin = userdata;
        int r;

        r = agents_find_vm(&admin->agents, req->vmname, &agent, reterr);
        if (r < 0)
                return r;
        r = rpc_channel_call_wait(agent->channel, &notify__user_notification_service__descriptor, "NotifyUser",
                        req->notification ? req->notification : &nothing, &options, &reply, reterr);
        if (r < 0 && reterr->code == RPC_UNIMPLEMENTED) {
                rpc_status_done(reterr);
                return rpc_error(reterr, RPC_UNIMPLEMENTED, "The agent of VM '%s' does not show notifications.",
                                req->vmname);
        }
        return r < 0 ? r : rpc_call_reply(call, reply);
}
