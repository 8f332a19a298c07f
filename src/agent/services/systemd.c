/* SPDX-License-Identifier: Apache-2.0 */
/* systemd.UnitControlService: the exposed units for the admin, see proto/systemd.proto. */
#include <signal.h>

#include "proto/unit-message.h"
#include "agent/services/monitor-unit.h"
#include "agent/services/services.h"
#include "agent/services/start-application.h"
#include "agent/services/unit-error.h"
#include "base/mem.h"
#include "base/str.h"
#include "bus/unit-job.h"

#define SNAPSHOT_PART 128 /* units of one message: stays far below the size of a message */

static int reply_status(RpcCall *call, const UnitStatus *status) {
        Systemd__UnitStatus message = unit_message_from_status(status);
        Systemd__UnitResponse reply = SYSTEMD__UNIT_RESPONSE__INIT;

        reply.unitstatus = &message;
        return rpc_call_reply(call, &reply);
}

static int reply_status_wait(RpcCall *call, Agent *agent, const char *name, RpcStatus *reterr) {
        _cleanup_(unit_status_done) UnitStatus status = {};
        int r;

        r = agent_manager_wait(agent);
        if (r >= 0)
                r = agent_unit_status_wait(agent, name, &status);
        if (r < 0)
                return unit_error(reterr, r, "read the state of", name, NULL);
        return reply_status(call, &status);
}

static int reply_gone(RpcCall *call, const char *name) {
        const UnitStatus status = unit_status_not_found(name);

        return reply_status(call, &status);
}

static int method_get_unit_status(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Systemd__UnitRequest *req = request;
        Agent *agent = userdata;
        int r;

        r = unit_check_exposed(agent, req->unitname, RPC_NOT_FOUND, reterr);
        if (r < 0)
                return r;
        return reply_status_wait(call, agent, req->unitname, reterr);
}

typedef int (*unit_func_t)(Bus *b, const char *name, const Systemd__UnitRequest *req, BusError *reterr);

static int restart_wait(Bus *b, const char *name, _unused_ const Systemd__UnitRequest *req, BusError *reterr) {
        return unit_job_wait(b, UNIT_JOB_RESTART, name, reterr);
}

/* One verb of the manager on one exposed unit. */
static int unit_do_wait(
                Agent *agent, const Systemd__UnitRequest *req, const char *verb, unit_func_t func, RpcStatus *reterr) {
        _cleanup_(bus_error_done) BusError error = {};
        const char *name = req->unitname;
        int r;

        r = unit_check_exposed(agent, name, RPC_PERMISSION_DENIED, reterr);
        if (r < 0)
                return r;
        r = agent_manager_wait(agent);
        if (r >= 0)
                r = func(agent_get_bus(agent), agent_real_name(agent, name), req, &error);
        /* systemd has unloaded what does not run: a unit that is configured has not vanished by that. */
        if (r == -ENOENT && func != restart_wait && exposure_is_configured(agent_get_exposure(agent), name))
                r = -EHOSTDOWN;
        return r < 0 ? unit_error(reterr, r, verb, name, &error) : 0;
}

static int stop_wait(Bus *b, const char *name, _unused_ const Systemd__UnitRequest *req, BusError *reterr) {
        return unit_job_wait(b, UNIT_JOB_STOP, name, reterr);
}

static int request_get_signal(const Systemd__UnitRequest *req) {
        return req->has_signal_case == SYSTEMD__UNIT_REQUEST__HAS_SIGNAL_SIGNAL ? req->signal : SIGKILL;
}

static const char *request_get_whom(const Systemd__UnitRequest *req) {
        return req->has_whom_case == SYSTEMD__UNIT_REQUEST__HAS_WHOM_WHOM && !isempty(req->whom) ? req->whom : "all";
}

static int kill_wait(Bus *b, const char *name, const Systemd__UnitRequest *req, BusError *reterr) {
        return unit_kill_wait(b, name, request_get_whom(req), request_get_signal(req), reterr);
}

static int freeze_wait(Bus *b, const char *name, _unused_ const Systemd__UnitRequest *req, BusError *reterr) {
        return unit_freeze_wait(b, name, reterr);
}

static int thaw_wait(Bus *b, const char *name, _unused_ const Systemd__UnitRequest *req, BusError *reterr) {
        return unit_thaw_wait(b, name, reterr);
}

static int method_start_unit(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Systemd__UnitRequest *req = request;
        int r;

        r = unit_do_wait(userdata, req, "start", restart_wait, reterr);
        return r < 0 ? r : reply_status_wait(call, userdata, req->unitname, reterr);
}

/* An application that does not end with success when it is told to end has still been stopped: it is not a failure that
 * anybody has to look at, and its instance is free again. */
static int method_stop_unit(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        _cleanup_(unit_status_done) UnitStatus status = {};
        _cleanup_(unit_result_done) UnitResult result = {};
        _cleanup_(agent_release) AgentHold hold = {};
        const Systemd__UnitRequest *req = request;
        Agent *agent = userdata;
        int r;

        agent_hold(agent, req->unitname, &hold);
        r = unit_do_wait(agent, req, "stop", stop_wait, reterr);
        if (r < 0)
                return r;
        r = agent_unit_status_wait(agent, req->unitname, &status);
        if (r == -ECANCELED)
                return r;
        if (r < 0)
                return reply_gone(call, req->unitname);
        if (!streq(status.active_state, "failed") || !exposure_is_application(agent_get_exposure(agent), req->unitname))
                return reply_status(call, &status);
        r = agent_conclude_wait(agent, req->unitname, &result);
        if (r == -ECANCELED)
                return r;
        return reply_gone(call, req->unitname);
}

static int method_kill_unit(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Systemd__UnitRequest *req = request;
        int r;

        if (!unit_kill_signal_is_valid(request_get_signal(req)))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "%d is no signal.", request_get_signal(req));
        if (!unit_kill_whom_is_valid(request_get_whom(req)))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "Whom '%s' is none of main, control and all.",
                                request_get_whom(req));
        r = unit_do_wait(userdata, req, "kill", kill_wait, reterr);
        if (r < 0)
                return r;
        r = reply_status_wait(call, userdata, req->unitname, NULL);
        return r < 0 && r != -ECANCELED ? reply_gone(call, req->unitname) : r;
}

static int method_freeze_unit(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Systemd__UnitRequest *req = request;
        int r;

        r = unit_do_wait(userdata, req, "freeze", freeze_wait, reterr);
        return r < 0 ? r : reply_status_wait(call, userdata, req->unitname, reterr);
}

static int method_unfreeze_unit(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Systemd__UnitRequest *req = request;
        int r;

        r = unit_do_wait(userdata, req, "unfreeze", thaw_wait, reterr);
        return r < 0 ? r : reply_status_wait(call, userdata, req->unitname, reterr);
}

static int method_monitor_unit(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Systemd__UnitResourceRequest *req = request;
        Agent *agent = userdata;
        int r;

        r = unit_check_exposed(agent, req->unitname, RPC_NOT_FOUND, reterr);
        if (r < 0)
                return r;
        r = agent_manager_wait(agent);
        if (r < 0)
                return unit_error(reterr, r, "monitor", req->unitname, NULL);
        return monitor_unit_wait(call, agent, req->unitname, reterr);
}

static int method_start_application(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        _cleanup_(unit_status_done) UnitStatus status = {};
        int r;

        r = start_application_wait(userdata, request, &status, reterr);
        return r < 0 ? r : reply_status(call, &status);
}

static int send_snapshot_part_wait(RpcCall *call, UnitStatus *statuses, size_t n, bool complete) {
        Systemd__UnitStatus messages[SNAPSHOT_PART], *units[SNAPSHOT_PART];
        Systemd__UnitSnapshot snapshot = SYSTEMD__UNIT_SNAPSHOT__INIT;
        Systemd__UnitEvent event = SYSTEMD__UNIT_EVENT__INIT;

        for (size_t i = 0; i < n; i++) {
                messages[i] = unit_message_from_status(&statuses[i]);
                units[i] = &messages[i];
        }
        snapshot.n_units = n;
        snapshot.units = units;
        snapshot.complete = complete;
        event.event_case = SYSTEMD__UNIT_EVENT__EVENT_INITIAL;
        event.initial = &snapshot;
        return rpc_call_send_wait(call, &event);
}

static int send_snapshot_wait(RpcCall *call, FeedReader *reader) {
        UnitStatus statuses[SNAPSHOT_PART];
        bool complete = false;
        int n, r = 0;

        while (r >= 0 && !complete) {
                n = feed_reader_take(reader, statuses, SNAPSHOT_PART, &complete);
                if (n < 0)
                        return n;
                r = send_snapshot_part_wait(call, statuses, n, complete);
                while (n > 0)
                        unit_status_done(&statuses[--n]);
        }
        return r;
}

static int send_change_wait(RpcCall *call, const FeedChange *change) {
        Systemd__UnitStatus message = unit_message_from_status(&change->status);
        Systemd__UnitEvent event = SYSTEMD__UNIT_EVENT__INIT;

        switch (change->kind) {
        case FEED_ADDED:
                event.event_case = SYSTEMD__UNIT_EVENT__EVENT_ADDED;
                event.added = &message;
                break;
        case FEED_CHANGED:
                event.event_case = SYSTEMD__UNIT_EVENT__EVENT_CHANGED;
                event.changed = &message;
                break;
        case FEED_REMOVED:
                event.event_case = SYSTEMD__UNIT_EVENT__EVENT_REMOVED;
                event.removed = change->status.name;
                break;
        }
        return rpc_call_send_wait(call, &event);
}

static int follow_wait(RpcCall *call, FeedReader *reader) {
        int r;

        r = feed_reader_ready_wait(reader);
        if (r < 0)
                return r;
        r = send_snapshot_wait(call, reader);
        while (r >= 0) {
                FeedChange change;

                r = feed_reader_next_wait(reader, &change);
                if (r < 0)
                        return r;
                r = send_change_wait(call, &change);
                unit_status_done(&change.status);
        }
        return r;
}

static int method_watch_units(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        _cleanup_(feed_reader_freep) FeedReader *reader = NULL;
        int r;

        r = feed_reader_new(agent_get_feed(userdata), &reader);
        if (r < 0)
                return r;
        r = follow_wait(call, reader);
        return r == -ESHUTDOWN ? rpc_error(reterr, RPC_UNAVAILABLE, "The agent stops.") : r;
}

static const RpcMethod methods[] = {
        { "GetUnitStatus", RPC_UNARY, method_get_unit_status },
        { "StartUnit", RPC_UNARY, method_start_unit },
        { "StopUnit", RPC_UNARY, method_stop_unit },
        { "KillUnit", RPC_UNARY, method_kill_unit },
        { "FreezeUnit", RPC_UNARY, method_freeze_unit },
        { "UnfreezeUnit", RPC_UNARY, method_unfreeze_unit },
        { "MonitorUnit", RPC_SERVER_STREAM, method_monitor_unit },
        { "StartApplication", RPC_UNARY, method_start_application },
        { "WatchUnits", RPC_SERVER_STREAM, method_watch_units },
        {},
};

const RpcService systemd_service = { &systemd__unit_control_service__descriptor, methods };
