/* SPDX-License-Identifier: Apache-2.0 */
/* systemd.UnitControlService, called as the admin calls it: each method's success, its refusals, and its caller leaving
 * half-way. */
#include "unit/agent/world.h"

#include <signal.h>

#define SERVICE  (&systemd__unit_control_service__descriptor)
#define OWN_NAME "givc-net-vm.service"

/* -- calling -- */

typedef struct Reply {
        int r;
        RpcStatus status;
        Systemd__UnitResponse *message;
} Reply;

static void reply_done(Reply *reply) {
        rpc_status_done(&reply->status);
        proto_free((ProtobufCMessage *) reply->message);
}

static RpcCallOptions within(usec_t usec) {
        return (RpcCallOptions){ .deadline = time_now(CLOCK_MONOTONIC) + usec, .wait_for_ready = true };
}

static void call_within(World *w, const char *method, const char *unit, usec_t usec, Reply *ret) {
        Systemd__UnitRequest request = SYSTEMD__UNIT_REQUEST__INIT;
        const RpcCallOptions options = within(usec);

        *ret = (Reply){};
        request.unitname = (char *) unit;
        ret->r = rpc_channel_call_wait(w->channel, SERVICE, method, &request, &options, &ret->message, &ret->status);
}

static void call(World *w, const char *method, const char *unit, Reply *ret) {
        call_within(w, method, unit, 10 * USEC_PER_SEC, ret);
}

static void start_application_within(World *w, const char *unit, char **args, size_t n, usec_t usec, Reply *ret) {
        Systemd__AppUnitRequest request = SYSTEMD__APP_UNIT_REQUEST__INIT;
        const RpcCallOptions options = within(usec);

        *ret = (Reply){};
        request.unitname = (char *) unit;
        request.args = args;
        request.n_args = n;
        ret->r = rpc_channel_call_wait(
                        w->channel, SERVICE, "StartApplication", &request, &options, &ret->message, &ret->status);
}

static void start_application(World *w, const char *unit, Reply *ret) {
        start_application_within(w, unit, NULL, 0, 10 * USEC_PER_SEC, ret);
}

#define REPLY _cleanup_(reply_done) Reply reply

static void check_refused(const Reply *reply, RpcCode code, const char *message) {
        check(reply->r < 0);
        check_streq(rpc_code_to_string(reply->status.code), rpc_code_to_string(code));
        if (message)
                check_streq(reply->status.message, message);
}

static void check_state(const Reply *reply, const char *name, const char *active_state, const char *sub_state) {
        if (reply->r < 0)
                check_streq(reply->status.message, "");
        check(reply->message && reply->message->unitstatus);
        check_streq(reply->message->unitstatus->name, name);
        check_streq(reply->message->unitstatus->activestate, active_state);
        check_streq(reply->message->unitstatus->substate, sub_state);
}

static unsigned count_handlers(World *w) {
        RpcServerStats stats;

        rpc_server_get_stats(w->server, &stats);
        return stats.n_calls;
}

/* -- tests -- */

static int status_body(World *w) {
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

static void test_status(_unused_ void **state) {
        world_run(status_body);
}

static int start_body(World *w) {
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

static void test_start(_unused_ void **state) {
        world_run(start_body);
}

static int not_exposed_body(World *w) {
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

static void test_not_exposed(_unused_ void **state) {
        world_run(not_exposed_body);
}

static int start_failures_body(World *w) {
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

static void test_start_failures(_unused_ void **state) {
        world_run(start_failures_body);
}

/* The caller's deadline passes while the job runs: the handler ends, the job goes on, other calls are not delayed. */
static int leaving_body(World *w) {
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

static void test_leaving(_unused_ void **state) {
        world_run(leaving_body);
}

static int leaving_call_body(World *w) {
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

static void test_leaving_call(_unused_ void **state) {
        world_run(leaving_call_body);
}

static int stop_body(World *w) {
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

static void test_stop(_unused_ void **state) {
        world_run(stop_body);
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

/* Told to end, the application ends with an error: it has been stopped all the same, and leaves no failed unit behind. */
static int stop_failing_body(World *w) {
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

static void test_stop_failing(_unused_ void **state) {
        world_run(stop_failing_body);
}

static int kill_body(World *w) {
        REPLY;

        fake_unit_set_state(w->fake, "app.service", "active", "running");
        call(w, "KillUnit", "app.service", &reply);
        check(reply.r == 0);
        check(fake_systemd_find(w->fake, "app.service")->last_signal == SIGKILL);
        reply_done(&reply);
        fake_systemd_fail_next(w->fake, "KillUnit", "org.freedesktop.systemd1.NoSuchUnit", "gone");
        call(w, "KillUnit", "foot@3.service", &reply);
        check_refused(&reply, RPC_NOT_FOUND, "Cannot kill 'foot@3.service': systemd has no such unit.");
        return 0;
}

static void test_kill(_unused_ void **state) {
        world_run(kill_body);
}

static int freeze_body(World *w) {
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

static void test_freeze(_unused_ void **state) {
        world_run(freeze_body);
}

static int monitor_body(World *w) {
        _cleanup_(rpc_stream_freep) RpcStream *stream = NULL;
        _cleanup_(rpc_status_done) RpcStatus status = {};
        Systemd__UnitResourceRequest request = SYSTEMD__UNIT_RESOURCE_REQUEST__INIT;
        const RpcCallOptions options = within(5 * USEC_PER_SEC);
        Systemd__UnitResourceResponse *message = NULL;

        request.unitname = (char *) "app.service";
        check(rpc_stream_open_wait(w->channel, SERVICE, "MonitorUnit", &options, &stream, &status) == 0);
        check(rpc_stream_send_wait(stream, &request) == 0);
        check(rpc_stream_receive_wait(stream, &message, &status) < 0);
        check(status.code == RPC_UNIMPLEMENTED);
        return 0;
}

static void test_monitor(_unused_ void **state) {
        world_run(monitor_body);
}

static int application_body(World *w) {
        char *args[] = { (char *) "--new", (char *) "-x" };
        FakeUnit *unit;
        REPLY;

        start_application_within(w, "foot@0.service", args, 2, 10 * USEC_PER_SEC, &reply);
        check_state(&reply, "foot@0.service", "active", "running");
        check_streq(reply.message->unitstatus->description, "Application service for foot");
        unit = fake_systemd_find(w->fake, "foot@0.service");
        check(unit && unit->transient);
        check_streq(unit->argv[0], "/usr/bin/foot");
        check_streq(unit->argv[1], "--title");
        check_streq(unit->argv[2], "a b");
        check_streq(unit->argv[3], "--new");
        check_streq(unit->argv[4], "-x");
        check(!unit->argv[5]);
        check_streq(unit->type, "exec");
        /* Nothing of the agent's own environment. */
        check(!unit->environment || !unit->environment[0]);
        reply_done(&reply);

        start_application(w, "foot@0.service", &reply);
        check_refused(&reply, RPC_ALREADY_EXISTS, "Cannot start 'foot@0.service': it exists already.");
        return 0;
}

static void test_application(_unused_ void **state) {
        world_run(application_body);
}

static int application_refused_body(World *w) {
        static const struct {
                const char *unit;
                const char *arg;
                RpcCode code;
                const char *message;
        } refusals[] = {
                { "bar@0.service", NULL, RPC_NOT_FOUND, "Application 'bar' is not in the manifest of this agent." },
                { "bar", NULL, RPC_NOT_FOUND, "Application 'bar' is not in the manifest of this agent." },
                { "", NULL, RPC_NOT_FOUND, "Application '' is not in the manifest of this agent." },
                { "@0.service", NULL, RPC_NOT_FOUND, "Application '' is not in the manifest of this agent." },
                { "foot", NULL, RPC_INVALID_ARGUMENT, "'foot' is not an instance: foot@NUMBER.service is." },
                { "foot@.service", NULL, RPC_INVALID_ARGUMENT,
                                "'foot@.service' is not an instance: foot@NUMBER.service is." },
                { "foot@1@2.service", NULL, RPC_INVALID_ARGUMENT,
                                "'foot@1@2.service' is not an instance: foot@NUMBER.service is." },
                { "foot@1.target", NULL, RPC_INVALID_ARGUMENT,
                                "'foot@1.target' is not an instance: foot@NUMBER.service is." },
                { "foot@0.service", "$(id)", RPC_INVALID_ARGUMENT,
                                "Argument '$(id)' is not one that application 'foot' takes (flag)." },
                { "foot@0.service", "/etc/passwd", RPC_INVALID_ARGUMENT,
                                "Argument '/etc/passwd' is not one that application 'foot' takes (flag)." },
                { "void@0.service", NULL, RPC_FAILED_PRECONDITION, "Application 'void' has no command." },
        };

        for (size_t i = 0; i < ELEMENTSOF(refusals); i++) {
                char *arg = (char *) refusals[i].arg;
                REPLY;

                start_application_within(w, refusals[i].unit, &arg, arg ? 1 : 0, 5 * USEC_PER_SEC, &reply);
                check_refused(&reply, refusals[i].code, refusals[i].message);
        }
        check(fake_systemd_count_calls(w->fake, "StartTransientUnit") == 0);
        return 0;
}

static void test_application_refused(_unused_ void **state) {
        world_run(application_refused_body);
}

static int application_fails_body(World *w) {
        REPLY;

        fake_systemd_set_job_result(w->fake, "failed");
        fake_systemd_set_failure_status(w->fake, 3);
        start_application(w, "foot@0.service", &reply);
        check_refused(&reply, RPC_FAILED_PRECONDITION,
                        "Application 'foot@0.service' failed at once: exit-code, status 3.");
        check_streq(reply.status.reason, "APPLICATION_FAILED");
        check_becomes(!fake_systemd_find(w->fake, "foot@0.service"));
        reply_done(&reply);

        fake_systemd_set_failure_status(w->fake, 203);
        start_application(w, "foot@0.service", &reply);
        check_refused(&reply, RPC_FAILED_PRECONDITION,
                        "Cannot start 'foot@0.service': there is no program '/usr/bin/foot'.");
        check_becomes(!fake_systemd_find(w->fake, "foot@0.service"));
        reply_done(&reply);

        /* The number is free again. */
        fake_systemd_set_job_result(w->fake, "done");
        start_application(w, "foot@0.service", &reply);
        check_state(&reply, "foot@0.service", "active", "running");
        return 0;
}

static void test_application_fails(_unused_ void **state) {
        world_run(application_fails_body);
}

/* Ends as soon as it runs, while the agent still looks at it. */
typedef struct Ending {
        World *world;
        int status;
        Fiber *fiber;
} Ending;

static int ending_main(void *userdata) {
        Ending *e = userdata;

        check_becomes(fake_systemd_find(e->world->fake, "foot@0.service") &&
                        streq(fake_systemd_find(e->world->fake, "foot@0.service")->active_state, "active"));
        fake_unit_exit(e->world->fake, "foot@0.service", e->status);
        return 0;
}

static int application_ends_body(World *w) {
        Ending ending = { w, 5, NULL };
        REPLY;

        check(fiber_start(&ending.fiber, ending_main, &ending) == 0);
        start_application(w, "foot@0.service", &reply);
        check_refused(&reply, RPC_FAILED_PRECONDITION,
                        "Application 'foot@0.service' failed at once: exit-code, status 5.");
        check_becomes(!fake_systemd_find(w->fake, "foot@0.service"));
        reply_done(&reply);

        ending = (Ending){ w, 0, NULL };
        check(fiber_start(&ending.fiber, ending_main, &ending) == 0);
        start_application(w, "foot@0.service", &reply);
        check_state(&reply, "foot@0.service", "inactive", "dead");
        check_streq(reply.message->unitstatus->description, "Exited application: foot@0.service");
        return 0;
}

static void test_application_ends(_unused_ void **state) {
        world_run(application_ends_body);
}

/* Later failures are nobody's reply: the agent looks after them itself. */
static int application_reaped_body(World *w) {
        REPLY;

        start_application(w, "foot@0.service", &reply);
        check(reply.r == 0);
        check_becomes(feed_get(agent_get_feed(w->agent), "foot@0.service"));
        fake_unit_exit(w->fake, "foot@0.service", 1);
        check_becomes(!fake_systemd_find(w->fake, "foot@0.service"));
        check_becomes(!feed_get(agent_get_feed(w->agent), "foot@0.service"));
        /* Units of the configuration are the administrator's. */
        fake_unit_set_state(w->fake, "app.service", "active", "running");
        fake_unit_exit(w->fake, "app.service", 1);
        check_becomes(feed_get(agent_get_feed(w->agent), "app.service") &&
                        streq(feed_get(agent_get_feed(w->agent), "app.service")->active_state, "failed"));
        check_streq(fake_systemd_find(w->fake, "app.service")->active_state, "failed");
        return 0;
}

static void test_application_reaped(_unused_ void **state) {
        world_run(application_reaped_body);
}

static int application_leaving_body(World *w) {
        REPLY;

        fake_systemd_set_jobs(w->fake, FAKE_JOBS_HELD);
        start_application_within(w, "foot@0.service", NULL, 0, 100 * USEC_PER_MSEC, &reply);
        check_refused(&reply, RPC_DEADLINE_EXCEEDED, NULL);
        check_becomes(count_handlers(w) == 0);
        /* The job goes on; that it fails is then for the agent to look after. */
        check(fake_systemd_find(w->fake, "foot@0.service")->job != 0);
        fake_job_finish(w->fake, "foot@0.service", "failed");
        check_becomes(!fake_systemd_find(w->fake, "foot@0.service"));
        return 0;
}

static void test_application_leaving(_unused_ void **state) {
        world_run(application_leaving_body);
}

/* -- WatchUnits -- */

typedef struct Watch {
        RpcStream *stream;
        RpcStatus status;
        Systemd__UnitEvent *event;
        int r;
} Watch;

static void watch_done(Watch *watch) {
        proto_free((ProtobufCMessage *) watch->event);
        rpc_status_done(&watch->status);
        rpc_stream_free(watch->stream);
}

static void watch_open(World *w, Watch *ret) {
        Systemd__WatchUnitsRequest request = SYSTEMD__WATCH_UNITS_REQUEST__INIT;
        const RpcCallOptions options = { .deadline = USEC_INFINITY, .wait_for_ready = true };

        *ret = (Watch){};
        check(rpc_stream_open_wait(w->channel, SERVICE, "WatchUnits", &options, &ret->stream, &ret->status) == 0);
        check(rpc_stream_send_wait(ret->stream, &request) == 0);
        check(rpc_stream_close_send_wait(ret->stream) == 0);
}

static const Systemd__UnitEvent *watch_next(Watch *watch) {
        proto_free((ProtobufCMessage *) watch->event);
        watch->event = NULL;
        watch->r = rpc_stream_receive_wait(watch->stream, &watch->event, &watch->status);
        return watch->r > 0 ? watch->event : NULL;
}

static void check_change(Watch *watch, Systemd__UnitEvent__EventCase kind, const char *name, const char *active_state) {
        const Systemd__UnitEvent *event = watch_next(watch);
        const Systemd__UnitStatus *unit;

        check(event);
        check(event->event_case == kind);
        unit = kind == SYSTEMD__UNIT_EVENT__EVENT_ADDED ? event->added : event->changed;
        check_streq(unit->name, name);
        check_streq(unit->activestate, active_state);
}

static void check_removed(Watch *watch, const char *name) {
        const Systemd__UnitEvent *event = watch_next(watch);

        check(event);
        check(event->event_case == SYSTEMD__UNIT_EVENT__EVENT_REMOVED);
        check_streq(event->removed, name);
}

static const Systemd__UnitStatus *snapshot_find(const Systemd__UnitSnapshot *snapshot, const char *name) {
        for (size_t i = 0; i < snapshot->n_units; i++)
                if (streq(snapshot->units[i]->name, name))
                        return snapshot->units[i];
        return NULL;
}

static void check_snapshot(Watch *watch, size_t n_units) {
        const Systemd__UnitEvent *event = watch_next(watch);

        check(event);
        check(event->event_case == SYSTEMD__UNIT_EVENT__EVENT_INITIAL);
        check(event->initial->complete);
        check(event->initial->n_units == n_units);
}

/* Several steps of a unit may be told as one. */
static void check_reaches(Watch *watch, const char *name, const char *active_state) {
        do {
                check(watch_next(watch));
                check(watch->event->event_case == SYSTEMD__UNIT_EVENT__EVENT_CHANGED);
                check_streq(watch->event->changed->name, name);
        } while (!streq(watch->event->changed->activestate, active_state));
}

static int watch_body(World *w) {
        _cleanup_(watch_done) Watch watch;
        const Systemd__UnitSnapshot *snapshot;
        REPLY;

        watch_open(w, &watch);
        check_snapshot(&watch, 3);
        snapshot = watch.event->initial;
        check_streq(snapshot_find(snapshot, OWN_NAME)->activestate, "active");
        check_streq(snapshot_find(snapshot, "app.service")->activestate, "inactive");
        check_streq(snapshot_find(snapshot, "poweroff.target")->loadstate, "not-found");

        fake_unit_set_state(w->fake, "app.service", "active", "running");
        check_reaches(&watch, "app.service", "active");
        fake_unit_set_state(w->fake, "secret.service", "active", "running"); /* not exposed: not told */
        start_application(w, "foot@0.service", &reply);
        check(reply.r == 0);
        check(watch_next(&watch));
        check(watch.event->event_case == SYSTEMD__UNIT_EVENT__EVENT_ADDED);
        check_streq(watch.event->added->name, "foot@0.service");
        if (!streq(watch.event->added->activestate, "active"))
                check_reaches(&watch, "foot@0.service", "active");
        reply_done(&reply);
        call(w, "FreezeUnit", "foot@0.service", &reply);
        check(reply.r == 0);
        check_change(&watch, SYSTEMD__UNIT_EVENT__EVENT_CHANGED, "foot@0.service", "active");
        check_streq(watch.event->changed->freezerstate, "frozen");
        reply_done(&reply);
        call(w, "UnfreezeUnit", "foot@0.service", &reply);
        check(reply.r == 0);
        check_change(&watch, SYSTEMD__UNIT_EVENT__EVENT_CHANGED, "foot@0.service", "active");
        check_streq(watch.event->changed->freezerstate, "running");
        fake_unit_exit(w->fake, "foot@0.service", 0);
        check_removed(&watch, "foot@0.service");
        return 0;
}

static void test_watch(_unused_ void **state) {
        world_run(watch_body);
}

/* Two follow; one leaves, the other is told on; then the agent stops. */
static int watch_leaving_body(World *w) {
        _cleanup_(watch_done) Watch one, two;

        watch_open(w, &one);
        watch_open(w, &two);
        check_snapshot(&one, 3);
        check_snapshot(&two, 3);
        check(count_handlers(w) == 2);
        rpc_stream_cancel(one.stream);
        check_becomes(count_handlers(w) == 1);
        fake_unit_set_state(w->fake, "app.service", "active", "running");
        check_reaches(&two, "app.service", "active");
        feed_close(agent_get_feed(w->agent));
        check(!watch_next(&two));
        check(two.status.code == RPC_UNAVAILABLE);
        check_streq(two.status.message, "The agent stops.");
        check_becomes(count_handlers(w) == 0);
        return 0;
}

static void test_watch_leaving(_unused_ void **state) {
        world_run(watch_leaving_body);
}

/* More units than one message takes. */
static int watch_many_body(World *w) {
        _cleanup_(watch_done) Watch watch;
        size_t n = 0;
        unsigned n_parts = 0;

        for (unsigned i = 0; i < 300; i++) {
                _cleanup_free_ char *name = strf("foot@%u.service", i);

                fake_systemd_add(w->fake, name);
                fake_unit_set_state(w->fake, name, "active", "running");
        }
        check_becomes(feed_count(agent_get_feed(w->agent)) == 303);
        watch_open(w, &watch);
        do {
                check(watch_next(&watch));
                check(watch.event->event_case == SYSTEMD__UNIT_EVENT__EVENT_INITIAL);
                n += watch.event->initial->n_units;
                n_parts++;
        } while (!watch.event->initial->complete);
        check(n == 303);
        check(n_parts == 3);
        return 0;
}

static void test_watch_many(_unused_ void **state) {
        world_run(watch_many_body);
}

/* -- the bus goes -- */

static int no_bus_body(World *w) {
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

static void test_no_bus(_unused_ void **state) {
        world_run(no_bus_body);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_status),
                cmocka_unit_test(test_start),
                cmocka_unit_test(test_not_exposed),
                cmocka_unit_test(test_start_failures),
                cmocka_unit_test(test_leaving),
                cmocka_unit_test(test_leaving_call),
                cmocka_unit_test(test_stop),
                cmocka_unit_test(test_stop_failing),
                cmocka_unit_test(test_kill),
                cmocka_unit_test(test_freeze),
                cmocka_unit_test(test_monitor),
                cmocka_unit_test(test_application),
                cmocka_unit_test(test_application_refused),
                cmocka_unit_test(test_application_fails),
                cmocka_unit_test(test_application_ends),
                cmocka_unit_test(test_application_reaped),
                cmocka_unit_test(test_application_leaving),
                cmocka_unit_test(test_watch),
                cmocka_unit_test(test_watch_leaving),
                cmocka_unit_test(test_watch_many),
                cmocka_unit_test(test_no_bus),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
