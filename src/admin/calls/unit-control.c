/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/calls/unit-control.h"

#include "proto/unit-message.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/unpack.h"
#include "systemd.pb-c.h"

/* Agents of the system that this one replaces say UNKNOWN to everything that they could not do, with a good text. */
static int agent_error(RpcStatus *reterr, int r) {
        static const struct {
                const char *text;
                RpcCode code;
        } texts[] = {
                { "application not found in manifest", RPC_NOT_FOUND },
                { "invalid application argument", RPC_INVALID_ARGUMENT },
                { "unit is not whitelisted", RPC_PERMISSION_DENIED },
                { "was already loaded or has a fragment file", RPC_ALREADY_EXISTS },
                { "", RPC_FAILED_PRECONDITION },
        };
        size_t i = 0;

        if (!reterr || reterr->code != RPC_UNKNOWN)
                return r;
        while (!strstr(strempty(reterr->message), texts[i].text))
                i++;
        reterr->code = texts[i].code;
        return rpc_code_to_errno(reterr->code);
}

static int call_wait(RpcChannel *c, const char *method, const void *request, usec_t deadline, UnitStatus *ret,
                RpcStatus *reterr) {
        _cleanup_proto_ Systemd__UnitResponse *response = NULL;
        RpcCallOptions options = { .deadline = deadline };
        UnitStatus view;
        int r;

        r = rpc_channel_call_wait(
                        c, &systemd__unit_control_service__descriptor, method, request, &options, &response, reterr);
        if (r < 0)
                return agent_error(reterr, r);
        if (!response->unitstatus)
                return rpc_error(reterr, RPC_INTERNAL, "The agent answered %s without a state.", method);
        view = unit_message_to_status(response->unitstatus);
        return unit_status_copy(&view, ret);
}

int unit_control_wait(RpcChannel *c, UnitAction action, const char *unit, usec_t deadline, UnitStatus *ret,
                RpcStatus *reterr) {
        static const char *const methods[] = {
                [UNIT_STATUS] = "GetUnitStatus",
                [UNIT_START] = "StartUnit",
                [UNIT_STOP] = "StopUnit",
                [UNIT_FREEZE] = "FreezeUnit",
                [UNIT_UNFREEZE] = "UnfreezeUnit",
        };
        Systemd__UnitRequest request = SYSTEMD__UNIT_REQUEST__INIT;
        _cleanup_(unit_status_done) UnitStatus status = {};
        int r;

        request.unitname = (char *) unit;
        r = call_wait(c, methods[action], &request, deadline, &status, reterr);
        if (r >= 0)
                r = str_replace(&status.name, unit);
        if (r < 0)
                return r;
        *ret = status;
        status = (UnitStatus){};
        return 0;
}

int unit_control_kill_wait(RpcChannel *c, const char *unit, const UnitSignal *signal, usec_t deadline, UnitStatus *ret,
                RpcStatus *reterr) {
        Systemd__UnitRequest request = SYSTEMD__UNIT_REQUEST__INIT;

        request.unitname = (char *) unit;
        request.has_signal_case = SYSTEMD__UNIT_REQUEST__HAS_SIGNAL_SIGNAL;
        request.signal = signal->number;
        request.has_whom_case = SYSTEMD__UNIT_REQUEST__HAS_WHOM_WHOM;
        request.whom = (char *) signal->whom;
        return call_wait(c, "KillUnit", &request, deadline, ret, reterr);
}

int unit_control_start_application_wait(RpcChannel *c, const char *unit, char *const *args, size_t n_args,
                usec_t deadline, UnitStatus *ret, RpcStatus *reterr) {
        Systemd__AppUnitRequest request = SYSTEMD__APP_UNIT_REQUEST__INIT;

        request.unitname = (char *) unit;
        request.args = (char **) args;
        request.n_args = n_args;
        return call_wait(c, "StartApplication", &request, deadline, ret, reterr);
}

static void tell_unit(const Systemd__UnitStatus *s, const UnitEvents *events, void *userdata) {
        UnitStatus view;

        if (!s)
                return;
        view = unit_message_to_status(s);
        events->on_unit(&view, userdata);
}

static void tell_event(const Systemd__UnitEvent *event, const UnitEvents *events, void *userdata) {
        switch (event->event_case) {
        case SYSTEMD__UNIT_EVENT__EVENT_INITIAL:
                for (size_t i = 0; i < event->initial->n_units; i++)
                        tell_unit(event->initial->units[i], events, userdata);
                if (event->initial->complete)
                        events->on_synced(userdata);
                break;
        case SYSTEMD__UNIT_EVENT__EVENT_ADDED:
                tell_unit(event->added, events, userdata);
                break;
        case SYSTEMD__UNIT_EVENT__EVENT_CHANGED:
                tell_unit(event->changed, events, userdata);
                break;
        case SYSTEMD__UNIT_EVENT__EVENT_REMOVED:
                events->on_gone(event->removed, userdata);
                break;
        default:
                break; /* a kind that a later agent knows */
        }
}

int unit_control_watch_wait(RpcChannel *c, const UnitEvents *events, void *userdata, RpcStatus *reterr) {
        Systemd__WatchUnitsRequest request = SYSTEMD__WATCH_UNITS_REQUEST__INIT;
        _cleanup_(rpc_stream_freep) RpcStream *stream = NULL;
        int r;

        /* No deadline: it lasts as long as the connection, and keepalive ends that. */
        r = rpc_stream_open_wait(c, &systemd__unit_control_service__descriptor, "WatchUnits", &(RpcCallOptions){},
                        &stream, reterr);
        if (r < 0)
                return r;
        r = rpc_stream_send_wait(stream, &request);
        if (r >= 0)
                r = rpc_stream_close_send_wait(stream);
        if (r < 0 && r != -EPIPE)
                return r;
        for (;;) {
                _cleanup_proto_ Systemd__UnitEvent *event = NULL;

                r = rpc_stream_receive_wait(stream, &event, reterr);
                if (r <= 0)
                        return r;
                tell_event(event, events, userdata);
        }
}
