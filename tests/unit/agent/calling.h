/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of systemd.UnitControlService as the admin makes them, and what is checked of their replies. */
#pragma once

#include "unit/agent/world.h"

#define SERVICE  (&systemd__unit_control_service__descriptor)
#define OWN_NAME "givc-net-vm.service"

typedef struct Reply {
        int r;
        RpcStatus status;
        Systemd__UnitResponse *message;
} Reply;

static inline void reply_done(Reply *reply) {
        rpc_status_done(&reply->status);
        proto_free((ProtobufCMessage *) reply->message);
}

static inline RpcCallOptions within(usec_t usec) {
        return (RpcCallOptions){ .deadline = time_now(CLOCK_MONOTONIC) + usec, .wait_for_ready = true };
}

static inline void call_within(World *w, const char *method, const char *unit, usec_t usec, Reply *ret) {
        Systemd__UnitRequest request = SYSTEMD__UNIT_REQUEST__INIT;
        const RpcCallOptions options = within(usec);

        *ret = (Reply){};
        request.unitname = (char *) unit;
        ret->r = rpc_channel_call_wait(w->channel, SERVICE, method, &request, &options, &ret->message, &ret->status);
}

static inline void call(World *w, const char *method, const char *unit, Reply *ret) {
        call_within(w, method, unit, 10 * USEC_PER_SEC, ret);
}

static inline void start_application_within(
                World *w, const char *unit, char **args, size_t n, usec_t usec, Reply *ret) {
        Systemd__AppUnitRequest request = SYSTEMD__APP_UNIT_REQUEST__INIT;
        const RpcCallOptions options = within(usec);

        *ret = (Reply){};
        request.unitname = (char *) unit;
        request.args = args;
        request.n_args = n;
        ret->r = rpc_channel_call_wait(
                        w->channel, SERVICE, "StartApplication", &request, &options, &ret->message, &ret->status);
}

static inline void start_application(World *w, const char *unit, Reply *ret) {
        start_application_within(w, unit, NULL, 0, 10 * USEC_PER_SEC, ret);
}

#define REPLY _cleanup_(reply_done) Reply reply

static inline void check_refused(const Reply *reply, RpcCode code, const char *message) {
        check(reply->r < 0);
        check_streq(rpc_code_to_string(reply->status.code), rpc_code_to_string(code));
        if (message)
                check_streq(reply->status.message, message);
}

static inline void check_state(const Reply *reply, const char *name, const char *active_state, const char *sub_state) {
        if (reply->r < 0)
                check_streq(reply->status.message, "");
        check(reply->message && reply->message->unitstatus);
        check_streq(reply->message->unitstatus->name, name);
        check_streq(reply->message->unitstatus->activestate, active_state);
        check_streq(reply->message->unitstatus->substate, sub_state);
}

static inline unsigned count_handlers(World *w) {
        RpcServerStats stats;

        rpc_server_get_stats(w->server, &stats);
        return stats.n_calls;
}
