/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/calls/admin.h"

#include "admin.pb-c.h"
#include "proto/unit-message.h"
#include "base/str.h"
#include "proto/unpack.h"

static Admin__TransportConfig transport_message(const ConfigTransport *t) {
        Admin__TransportConfig message = ADMIN__TRANSPORT_CONFIG__INIT;

        message.protocol = (char *) strempty(t->protocol);
        message.address = (char *) strempty(t->addr);
        message.port = (char *) strempty(t->port);
        message.name = (char *) strempty(t->name);
        return message;
}

int admin_register_wait(RpcChannel *channel, const ConfigTransport *transport, const AdminRegistration *registration,
                RpcStatus *reterr) {
        const RpcCallOptions options = { .deadline = usec_add(time_now(CLOCK_MONOTONIC), ADMIN_REGISTER_USEC) };
        _cleanup_proto_ Admin__RegistryResponse *reply = NULL;
        Admin__TransportConfig where = transport_message(transport);
        Systemd__UnitStatus state = unit_message_from_status(registration->status);
        Admin__RegistryRequest request = ADMIN__REGISTRY_REQUEST__INIT;
        int r;

        request.name = (char *) registration->name;
        request.parent = (char *) registration->parent;
        request.type = registration->type;
        request.transport = &where;
        request.state = &state;
        r = rpc_channel_call_wait(channel, &admin__admin_service__descriptor, "RegisterService", &request, &options,
                        &reply, reterr);
        if (r < 0)
                return r;
        if (reply->has_error_case == ADMIN__REGISTRY_RESPONSE__HAS_ERROR_ERROR && !isempty(reply->error))
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "%s", reply->error);
        return 0;
}
