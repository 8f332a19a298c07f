/* SPDX-License-Identifier: Apache-2.0 */
/* systemd.UnitControlService on units: each method's success, its refusals, and its caller leaving half-way. */
#include "agent/services/monitor-unit.h"
#include "unit/agent/calling.h"

#include <signal.h>

static int test_status(World *w) {
        static const char *const exposed[] = { "app.service", "poweroff.target", "foot@7.service" };
        static const char *const hidden[] = { "secret.service", "", "foot@x.service", "*", "app.servic" };

        for (size_t i = 0; i < ELEMENTSOF(exposed); i++) {
                REPLY;

                call(w, "GetUnitStatus", exposed[i], &reply);
                check_state(&reply, exposed[i], "inactive", "dead");
                check_streq(reply.message->unitstatus->freezerstate, "running");
                check_streq(reply.message->unitstatus->loadstate, i == 0 ? "loaded" : "not-found");
        }
        for (size_t i = 0; i < ELEMENTSOF(hidden); i++) {
                _cleanup_free_ char *text = strf("Unit '%s' is not exposed by this agent.", hidden[i]);
                REPLY;

                call(w, "GetUnitStatus", hidden[i], &reply);
                check_refused(&reply, RPC_NOT_FOUND, text);
        }
        {
                REPLY;

                call(w, "GetUnitStatus", "foot", &reply);
                check_refused(&reply, RPC_INVALID_ARGUMENT, "'foot' is not the name of a unit.");
        }
        {
                REPLY;

                /* Its own unit is called givc-agent.service. */
                call(w, "GetUnitStatus", OWN_NAME, &reply);
                check_state(&reply, OWN_NAME, "active", "running");
        }
        return 0;
}

static int test_start(World *w) {
        REPLY;

        call(w, "StartUnit", "app.service", &reply);
        check_state(&reply, "app.service", "active", "running");
        check(fake_systemd_find(w->fake, "app.service")->n_starts == 1);
        reply_done(&reply);
        /* A start of what runs is a restart. */
        call(w, "StartUnit", "app.service", &reply);
        check_state(&reply, "app.service", "active", "running");
        check(fake_systemd_count_calls(w->fake, "RestartUnit") == 2);
        check(fake_systemd_count_calls(w->fake, "StartUnit") == 0);
        return 0;
}

static int test_not_exposed(World *w) {
        static const char *const methods[] = { "StartUnit", "StopUnit", "KillUnit", "FreezeUnit", "UnfreezeUnit" };
        static const char *const calls[] = { "RestartUnit", "StopUnit", "KillUnit", "FreezeUnit", "ThawUnit" };

        for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
                REPLY;

                call(w, methods[i], "secret.service", &reply);
                check_refused(&reply, RPC_PERMISSION_DENIED, "Unit 'secret.service' is not exposed by this agent.");
                reply_done(&reply);
                call(w, methods[i], "foot", &reply);
                check_refused(&reply, RPC_INVALID_ARGUMENT, "'foot' is not the name of a unit.");
        }
        for (size_t i = 0; i < ELEMENTSOF(calls); i++)
                check(fake_systemd_count_calls(w->fake, calls[i]) == 0);
        return 0;
}

static int test_start_failures(World *w) {
        static const struct {
                const char *result;
                RpcCode code;
                const char *reason;
        } results[] = {
                { "failed", RPC_FAILED_PRECONDITION, "UNIT_FAILED" },
                { "timeout", RPC_DEADLINE_EXCEEDED, "JOB_TIMEOUT" },
                { "dependency", RPC_FAILED_PRECONDITION, "DEPENDENCY_FAILED" },
                { "skipped", RPC_FAILED_PRECONDITION, "ALREADY_SO" },
                { "canceled", RPC_ABORTED, "JOB_CANCELED" },
                { "invalid", RPC_FAILED_PRECONDITION, "UNIT_NOT_LOADED" },
        };
        static const struct {
                const char *error;
                RpcCode code;
        } errors[] = {
                { "org.freedesktop.systemd1.NoSuchUnit", RPC_NOT_FOUND },
                { "org.freedesktop.systemd1.UnitMasked", RPC_FAILED_PRECONDITION },
                { "org.freedesktop.systemd1.LoadFailed", RPC_FAILED_PRECONDITION },
                { "org.freedesktop.DBus.Error.AccessDenied", RPC_PERMISSION_DENIED },
                { "org.freedesktop.systemd1.ShuttingDown", RPC_UNAVAILABLE },
                { "org.freedesktop.DBus.Error.LimitsExceeded", RPC_RESOURCE_EXHAUSTED },
                { "org.freedesktop.systemd1.TransactionIsDestructive", RPC_FAILED_PRECONDITION },
        };

        for (size_t i = 0; i < ELEMENTSOF(results); i++) {
                REPLY;

                fake_systemd_set_job_result(w->fake, results[i].result);
                call(w, "StartUnit", "app.service", &reply);
                check_refused(&reply, results[i].code, NULL);
                check(strstr(reply.status.message, "app.service"));
                check_streq(reply.status.reason, results[i].reason);
        }
        {
                REPLY;

                fake_systemd_set_job_result(w->fake, "failed");
                fake_systemd_set_failure_status(w->fake, 7);
                call(w, "StartUnit", "app.service", &reply);
                check_refused(&reply, RPC_FAILED_PRECONDITION, NULL);
                check_streq(reply.status.message,
                                "The restart job of unit 'app.service' failed (exit-code, status 7).");
        }
        fake_systemd_set_job_result(w->fake, "done");
        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                REPLY;

                fake_systemd_fail_next(w->fake, "RestartUnit", errors[i].error, "as told");
                call(w, "StartUnit", "app.service", &reply);
                check_refused(&reply, errors[i].code, NULL);
                check(startswith(reply.status.message, "Cannot start 'app.service': "));
                check(strstr(reply.status.detail, "as told"));
        }
        return 0;
}

/* The caller's deadline passes while the job runs: the handler ends, the job goes on, other calls are not delayed. */
static int test_leaving(World *w) {
        static const char *const methods[] = { "StartUnit", "StopUnit" };

        for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
                REPLY;

                fake_systemd_set_jobs(w->fake, FAKE_JOBS_HELD);
                call_within(w, methods[i], "app.service", 100 * USEC_PER_MSEC, &reply);
                check_refused(&reply, RPC_DEADLINE_EXCEEDED, NULL);
                check_becomes(count_handlers(w) == 0);
                check(fake_systemd_find(w->fake, "app.service")->job != 0);
                reply_done(&reply);
                call(w, "GetUnitStatus", "app.service", &reply);
                check(reply.r == 0);
                fake_job_finish(w->fake, "app.service", "done");
                fake_systemd_set_jobs(w->fake, FAKE_JOBS_AT_ONCE);
        }
        return 0;
}

static int test_leaving_call(World *w) {
        static const struct {
                const char *method, *held;
        } calls[] = {
                { "GetUnitStatus", "ListUnitsByNames" },
                { "KillUnit", "KillUnit" },
                { "FreezeUnit", "FreezeUnit" },
                { "UnfreezeUnit", "ThawUnit" },
        };

        fake_unit_set_state(w->fake, "app.service", "active", "running");
        for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
                REPLY;

                if (streq(calls[i].method, "UnfreezeUnit"))
                        fake_unit_set_freezer_state(w->fake, "app.service", "frozen");
                fake_systemd_hold(w->fake, calls[i].held);
                call_within(w, calls[i].method, "app.service", 100 * USEC_PER_MSEC, &reply);
                check_refused(&reply, RPC_DEADLINE_EXCEEDED, NULL);
                check_becomes(count_handlers(w) == 0);
                fake_systemd_release(w->fake);
                reply_done(&reply);
                call(w, "GetUnitStatus", "app.service", &reply);
                check(reply.r == 0);
        }
        return 0;
}

static int test_stop(World *w) {
        REPLY;

        fake_unit_set_state(w->fake, "app.service", "active", "running");
        call(w, "StopUnit", "app.service", &reply);
        check_state(&reply, "app.service", "inactive", "dead");
        check(fake_systemd_find(w->fake, "app.service")->n_stops == 1);
        reply_done(&reply);

        /* An application's instance vanishes when it is stopped. */
        start_application(w, "foot@0.service", &reply);
        check_state(&reply, "foot@0.service", "active", "running");
        reply_done(&reply);
        call(w, "StopUnit", "foot@0.service", &reply);
        check_state(&reply, "foot@0.service", "inactive", "dead");
        check_streq(reply.message->unitstatus->loadstate, "not-found");
        check(!fake_systemd_find(w->fake, "foot@0.service"));
        reply_done(&reply);

        /* One that never was. */
        call(w, "StopUnit", "foot@9.service", &reply);
        check_refused(&reply, RPC_NOT_FOUND, NULL);
        reply_done(&reply);

        /* The state that cannot be read after the stop is masked. */
        fake_unit_set_state(w->fake, "app.service", "active", "running");
        fake_systemd_fail_next(w->fake, "ListUnitsByNames", "org.freedesktop.DBus.Error.Failed", "no");
        call(w, "StopUnit", "app.service", &reply);
        check_state(&reply, "app.service", "inactive", "dead");
        return 0;
}

/* A call in a fiber of its own, so that the world can change meanwhile. */
typedef struct Pending {
        World *world;
        const char *method, *unit;
        Reply reply;
        Fiber *fiber;
} Pending;

static int pending_main(void *userdata) {
        Pending *p = userdata;

        call(p->world, p->method, p->unit, &p->reply);
        return 0;
}

/* Told to end, the application ends with an error: it has been stopped all the same, and leaves no failed unit
 * behind. */
static int test_stop_failing(World *w) {
        Pending p = { .world = w, .method = "StopUnit", .unit = "foot@0.service" };

        fake_systemd_add(w->fake, "foot@0.service");
        fake_unit_set_state(w->fake, "foot@0.service", "active", "running");
        check_becomes(feed_get(agent_get_feed(w->agent), "foot@0.service"));
        fake_systemd_hold(w->fake, "ListUnitsByNames");
        check(fiber_start(&p.fiber, pending_main, &p) == 0);
        check_becomes(fake_systemd_find(w->fake, "foot@0.service")->n_stops == 1);
        fake_unit_exit(w->fake, "foot@0.service", 143);
        check_becomes(feed_get(agent_get_feed(w->agent), "foot@0.service") &&
                        streq(feed_get(agent_get_feed(w->agent), "foot@0.service")->active_state, "failed"));
        check(fake_systemd_count_calls(w->fake, "ResetFailedUnit") == 0);
        fake_systemd_release(w->fake);
        check_becomes(!p.fiber);
        check_state(&p.reply, "foot@0.service", "inactive", "dead");
        check(fake_systemd_count_calls(w->fake, "ResetFailedUnit") == 1);
        check_streq(fake_systemd_find(w->fake, "foot@0.service")->active_state, "inactive");
        reply_done(&p.reply);
        return 0;
}

static void do_kill(World *w, const char *unit, int number, const char *whom, Reply *ret) {
        Systemd__UnitRequest request = SYSTEMD__UNIT_REQUEST__INIT;
        const RpcCallOptions options = within(10 * USEC_PER_SEC);

        *ret = (Reply){};
        request.unitname = (char *) unit;
        request.has_signal_case = SYSTEMD__UNIT_REQUEST__HAS_SIGNAL_SIGNAL;
        request.signal = number;
        if (whom) {
                request.has_whom_case = SYSTEMD__UNIT_REQUEST__HAS_WHOM_WHOM;
                request.whom = (char *) whom;
        }
        ret->r = rpc_channel_call_wait(
                        w->channel, SERVICE, "KillUnit", &request, &options, &ret->message, &ret->status);
}

static int test_kill_as_told(World *w) {
        static const struct {
                const char *unit, *whom, *refusal;
                int number;
                RpcCode code;
        } refused[] = {
                { "app.service", NULL, "0 is no signal.", 0, RPC_INVALID_ARGUMENT },
                { "app.service", "all", "65 is no signal.", 65, RPC_INVALID_ARGUMENT },
                { "app.service", "me", "Whom 'me' is none of main, control and all.", SIGHUP, RPC_INVALID_ARGUMENT },
                { "app.service", "main", "Cannot kill 'app.service': that process of it does not run.", SIGHUP,
                                RPC_FAILED_PRECONDITION },
                { "secret.service", "all", "Unit 'secret.service' is not exposed by this agent.", SIGHUP,
                                RPC_PERMISSION_DENIED },
        };
        FakeUnit *u;
        REPLY;

        fake_unit_set_state(w->fake, "app.service", "active", "running");
        u = fake_systemd_find(w->fake, "app.service");
        do_kill(w, "app.service", SIGHUP, "main", &reply);
        check_state(&reply, "app.service", "active", "running");
        check(u->last_signal == SIGHUP);
        check_streq(u->last_whom, "main");
        reply_done(&reply);
        do_kill(w, "app.service", SIGTERM, NULL, &reply);
        check(reply.r == 0 && u->last_signal == SIGTERM);
        check_streq(u->last_whom, "all");
        u->has_no_main = true;
        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                reply_done(&reply);
                do_kill(w, refused[i].unit, refused[i].number, refused[i].whom, &reply);
                check_refused(&reply, refused[i].code, refused[i].refusal);
        }
        check(u->last_signal == SIGTERM);
        return 0;
}

static int test_kill(World *w) {
        REPLY;

        fake_unit_set_state(w->fake, "app.service", "active", "running");
        call(w, "KillUnit", "app.service", &reply);
        check(reply.r == 0);
        check(fake_systemd_find(w->fake, "app.service")->last_signal == SIGKILL);
        check_streq(fake_systemd_find(w->fake, "app.service")->last_whom, "all");
        reply_done(&reply);
        fake_systemd_fail_next(w->fake, "KillUnit", "org.freedesktop.systemd1.NoSuchUnit", "gone");
        call(w, "KillUnit", "foot@3.service", &reply);
        check_refused(&reply, RPC_NOT_FOUND, "Cannot kill 'foot@3.service': systemd has no such unit.");
        return 0;
}

static int test_freeze(World *w) {
        REPLY;

        fake_unit_set_state(w->fake, "app.service", "active", "running");
        call(w, "FreezeUnit", "app.service", &reply);
        check_state(&reply, "app.service", "active", "running");
        check_streq(reply.message->unitstatus->freezerstate, "frozen");
        reply_done(&reply);
        call(w, "FreezeUnit", "app.service", &reply);
        check_refused(&reply, RPC_FAILED_PRECONDITION, "Cannot freeze 'app.service': there is nothing to change.");
        reply_done(&reply);
        call(w, "UnfreezeUnit", "app.service", &reply);
        check_state(&reply, "app.service", "active", "running");
        check_streq(reply.message->unitstatus->freezerstate, "running");
        reply_done(&reply);
        call(w, "UnfreezeUnit", "app.service", &reply);
        check_refused(&reply, RPC_FAILED_PRECONDITION, NULL);
        reply_done(&reply);
        fake_unit_set_state(w->fake, "app.service", "inactive", "dead");
        call(w, "FreezeUnit", "app.service", &reply);
        check_refused(&reply, RPC_FAILED_PRECONDITION, "Cannot freeze 'app.service': it is not active.");
        reply_done(&reply);
        call(w, "FreezeUnit", "foot@5.service", &reply);
        check_refused(&reply, RPC_NOT_FOUND, "Cannot freeze 'foot@5.service': systemd has no such unit.");
        return 0;
}

typedef struct Monitor {
        RpcCallOptions options;
        RpcStream *stream;
        RpcStatus status;
        Systemd__UnitResourceResponse *sample;
} Monitor;

static void monitor_open(World *w, const char *unit, Monitor *ret) {
        Systemd__UnitResourceRequest request = SYSTEMD__UNIT_RESOURCE_REQUEST__INIT;

        *ret = (Monitor){ .options = within(10 * USEC_PER_SEC) };
        request.unitname = (char *) unit;
        check(rpc_stream_open_wait(w->channel, SERVICE, "MonitorUnit", &ret->options, &ret->stream, &ret->status) == 0);
        check(rpc_stream_send_wait(ret->stream, &request) == 0);
        check(rpc_stream_close_send_wait(ret->stream) == 0);
}

static int monitor_next(Monitor *m) {
        proto_free((ProtobufCMessage *) m->sample);
        m->sample = NULL;
        return rpc_stream_receive_wait(m->stream, &m->sample, &m->status);
}

static void monitor_done(Monitor *m) {
        proto_free((ProtobufCMessage *) m->sample);
        rpc_stream_free(m->stream);
        rpc_status_done(&m->status);
}
#define MONITOR _cleanup_(monitor_done) Monitor

static int test_monitor(World *w) {
        const double total = (double) sysconf(_SC_PHYS_PAGES) * (double) sysconf(_SC_PAGESIZE);
        MONITOR m = {}, leaving = {};
        FakeUnit *unit;
        int r, n;

        fake_unit_set_state(w->fake, "app.service", "active", "running");
        unit = fake_systemd_find(w->fake, "app.service");
        /* Ten seconds old, of which it has used five. */
        unit->inactive_exit = time_now(CLOCK_MONOTONIC) - 10 * USEC_PER_SEC;
        unit->cpu_usage_nsec = 5 * USEC_PER_SEC * 1000;
        unit->memory_current = (uint64_t) (total / 4);
        monitor_unit_period_usec = 10 * USEC_PER_MSEC;
        monitor_open(w, "app.service", &m);
        for (n = 0; (r = monitor_next(&m)) > 0; n++) {
                check(m.sample->cpu_usage > 35 && m.sample->cpu_usage <= 50);
                check(m.sample->memory_usage > 24.9 && m.sample->memory_usage < 25.1);
        }
        check(r == 0);
        check(n == MONITOR_UNIT_SAMPLES);
        check(time_now(CLOCK_MONOTONIC) >= (MONITOR_UNIT_SAMPLES - 1) * monitor_unit_period_usec);

        /* The agent's own unit has another name there. */
        fake_systemd_find(w->fake, "givc-agent.service")->inactive_exit = time_now(CLOCK_MONOTONIC) - USEC_PER_SEC;
        monitor_unit_period_usec = 5 * USEC_PER_SEC;
        monitor_open(w, OWN_NAME, &leaving);
        check(monitor_next(&leaving) > 0);
        check(leaving.sample->cpu_usage == 0);
        monitor_done(&leaving);
        leaving = (Monitor){};
        check_becomes(count_handlers(w) == 0);
        return 0;
}

static void check_monitor_refused(World *w, const char *unit, RpcCode code, const char *message) {
        MONITOR m = {};

        monitor_open(w, unit, &m);
        check(monitor_next(&m) < 0);
        check_streq(rpc_code_to_string(m.status.code), rpc_code_to_string(code));
        check_streq(m.status.message, message);
}

static int test_monitor_errors(World *w) {
        MONITOR m = {};

        check_monitor_refused(
                        w, "secret.service", RPC_NOT_FOUND, "Unit 'secret.service' is not exposed by this agent.");
        check_monitor_refused(
                        w, "app.service", RPC_FAILED_PRECONDITION, "Cannot monitor 'app.service': it is not active.");
        fake_systemd_add(w->fake, "poweroff.target");
        fake_unit_set_state(w->fake, "poweroff.target", "active", "active");
        check_monitor_refused(w, "poweroff.target", RPC_FAILED_PRECONDITION,
                        "Cannot monitor 'poweroff.target': units of its kind cannot do that.");
        fake_unit_set_state(w->fake, "app.service", "active", "running");
        fake_systemd_find(w->fake, "app.service")->memory_current = UINT64_MAX;
        check_monitor_refused(w, "app.service", RPC_FAILED_PRECONDITION,
                        "Cannot monitor 'app.service': the service manager does not account for its CPU time and "
                        "memory.");
        fake_systemd_find(w->fake, "app.service")->memory_current = 1;
        /* It ends while it is looked at. */
        monitor_unit_period_usec = 10 * USEC_PER_MSEC;
        monitor_open(w, "app.service", &m);
        check(monitor_next(&m) > 0);
        fake_unit_exit(w->fake, "app.service", 0);
        while (monitor_next(&m) > 0)
                continue;
        check_streq(m.status.message, "Cannot monitor 'app.service': it is not active.");
        check_streq(m.status.reason, "UNIT_NOT_ACTIVE");
        monitor_done(&m);

        /* The agent stops while it waits for the next sample. */
        monitor_unit_period_usec = 10 * USEC_PER_SEC;
        fake_unit_set_state(w->fake, "app.service", "active", "running");
        monitor_open(w, "app.service", &m);
        check(monitor_next(&m) > 0);
        feed_close(agent_get_feed(w->agent));
        check(monitor_next(&m) < 0);
        check(m.status.code == RPC_UNAVAILABLE);
        check_streq(m.status.message, "The agent stops.");
        return 0;
}

static int test_no_bus(World *w) {
        static const char *const methods[] = { "GetUnitStatus", "StartUnit", "StopUnit", "KillUnit", "FreezeUnit" };

        fake_systemd_disconnect(w->fake);
        check_becomes(!bus_is_connected(w->bus));
        for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
                REPLY;

                call(w, methods[i], "app.service", &reply);
                check_refused(&reply, RPC_UNAVAILABLE, NULL);
                check(strstr(reply.status.message, "'app.service': the service manager cannot be reached."));
        }
        {
                REPLY;

                start_application(w, "foot@0.service", &reply);
                check_refused(&reply, RPC_UNAVAILABLE, NULL);
        }
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                world_test(test_status),
                world_test(test_start),
                world_test(test_not_exposed),
                world_test(test_start_failures),
                world_test(test_leaving),
                world_test(test_leaving_call),
                world_test(test_stop),
                world_test(test_stop_failing),
                world_test(test_kill),
                world_test(test_kill_as_told),
                world_test(test_freeze),
                world_test(test_monitor),
                world_test(test_monitor_errors),
                world_test(test_no_bus),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
