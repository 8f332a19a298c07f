/* SPDX-License-Identifier: Apache-2.0 */
/* StartApplication: what is started and how, what is refused, applications that end at once or later, and a caller that
 * leaves half-way. */
#include "agent/services/start-application.h"
#include "base/strv.h"
#include "unit/agent/calling.h"
#include "unit/agent/written.h"

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
        check(strv_contains(unit->environment, "XDG_TEST=passed on"));
        check(!strv_contains(unit->environment, "INVOCATION_ID=the agent's"));
        reply_done(&reply);

        start_application(w, "foot@0.service", &reply);
        check_refused(&reply, RPC_ALREADY_EXISTS, "Cannot start 'foot@0.service': it exists already.");
        return 0;
}

static void test_application(_unused_ void **state) {
        assert_int_equal(setenv("XDG_TEST", "passed on", true), 0);
        assert_int_equal(setenv("INVOCATION_ID", "the agent's", true), 0);
        world_run(application_body);
}

static int test_application_refused(World *w) {
        static const struct {
                const char *unit;
                const char *arg;
                RpcCode code;
                const char *message;
        } refusals[] = {
                { "baz@0.service", NULL, RPC_NOT_FOUND, "Application 'baz' is not in the manifest of this agent." },
                { "baz", NULL, RPC_NOT_FOUND, "Application 'baz' is not in the manifest of this agent." },
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

static int test_application_fails(World *w) {
        REPLY;

        fake_systemd_set_job_result(w->fake, "failed");
        fake_systemd_set_failure_status(w->fake, 3);
        start_application(w, "foot@0.service", &reply);
        check_refused(&reply, RPC_FAILED_PRECONDITION,
                        "Application 'foot@0.service' failed at once: exit-code, status 3.");
        check_streq(reply.status.reason, "APPLICATION_FAILED");
        check_becomes(!fake_systemd_find(w->fake, "foot@0.service"));
        reply_done(&reply);

        /* What keeps a command from its directory or user is no less a failure of an application. */
        fake_systemd_set_failure_status(w->fake, 200);
        start_application(w, "foot@0.service", &reply);
        check_refused(&reply, RPC_FAILED_PRECONDITION,
                        "Application 'foot@0.service' failed at once: exit-code, status 200.");
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

/* Its last words go with the error; those of others, and of earlier, do not. */
static int application_says_body(World *w) {
        const usec_t later = time_now(CLOCK_REALTIME) + 60 * USEC_PER_SEC;
        REPLY;

        written_add_at("_SYSTEMD_UNIT=foot@0.service", "earlier", 1);
        written_add_at("_SYSTEMD_UNIT=foot@0.service", "warning: no font", later);
        written_add_at("_SYSTEMD_UNIT=foot@1.service", "not me", later);
        written_add_at("_SYSTEMD_UNIT=foot@0.service", "cannot open display", later);
        fake_systemd_set_job_result(w->fake, "failed");
        fake_systemd_set_failure_status(w->fake, 3);
        start_application(w, "foot@0.service", &reply);
        check_refused(&reply, RPC_FAILED_PRECONDITION,
                        "Application 'foot@0.service' failed at once: exit-code, status 3: cannot open display");
        check_streq(reply.status.reason, "APPLICATION_FAILED");
        check_streq(reply.status.detail, "warning: no font\ncannot open display");
        check_becomes(!fake_systemd_find(w->fake, "foot@0.service"));
        return 0;
}

static void test_application_says(_unused_ void **state) {
        world_run(application_says_body);
}

/* The caller leaves while the journal is read: the failed instance is forgotten all the same. */
static int application_unheard_body(World *w) {
        REPLY;

        written_add("_SYSTEMD_UNIT=foot@1.service", "not me");
        fake_systemd_set_job_result(w->fake, "failed");
        start_application_within(w, "foot@0.service", NULL, 0, 200 * USEC_PER_MSEC, &reply);
        check_refused(&reply, RPC_DEADLINE_EXCEEDED, NULL);
        check_becomes(!fake_systemd_find(w->fake, "foot@0.service"));
        check_becomes(written_nobody_reads());
        return 0;
}

static void test_application_unheard(_unused_ void **state) {
        world_run(application_unheard_body);
}

/* Ends as soon as it runs, while the agent still looks at it. */
typedef struct Ending {
        World *world;
        const char *unit;
        int status;
        bool shown; /* not before the agent has seen it */
        Fiber *fiber;
} Ending;

static int ending_main(void *userdata) {
        Ending *e = userdata;
        World *w = e->world;

        check_becomes(fake_systemd_find(w->fake, e->unit) &&
                        streq(fake_systemd_find(w->fake, e->unit)->active_state, "active"));
        if (e->shown)
                check_becomes(feed_get(agent_get_feed(w->agent), e->unit));
        fake_unit_exit(w->fake, e->unit, e->status);
        return 0;
}

static int test_application_ends(World *w) {
        Ending ending = { w, "foot@0.service", 5, false, NULL };
        REPLY;

        check(fiber_start(&ending.fiber, ending_main, &ending) == 0);
        start_application(w, "foot@0.service", &reply);
        check_refused(&reply, RPC_FAILED_PRECONDITION,
                        "Application 'foot@0.service' failed at once: exit-code, status 5.");
        check_becomes(!fake_systemd_find(w->fake, "foot@0.service"));
        reply_done(&reply);

        ending = (Ending){ w, "foot@0.service", 0, false, NULL };
        check(fiber_start(&ending.fiber, ending_main, &ending) == 0);
        start_application(w, "foot@0.service", &reply);
        check_state(&reply, "foot@0.service", "inactive", "dead");
        check_streq(reply.message->unitstatus->description, "Exited application: foot@0.service");
        return 0;
}

/* Starts unit, which ends with that status, and says how long that took. */
static usec_t start_and_end(World *w, const char *unit, int status, bool shown, Reply *ret) {
        Ending ending = { w, unit, status, shown, NULL };
        const usec_t begin = time_now(CLOCK_MONOTONIC);

        check(fiber_start(&ending.fiber, ending_main, &ending) == 0);
        start_application(w, unit, ret);
        check(!ending.fiber);
        return time_now(CLOCK_MONOTONIC) - begin;
}

/* It hands itself over to what runs already: that is what the caller hears of, without waiting longer than for its
 * end. */
static int test_application_merges(World *w) {
        usec_t least[2] = { USEC_INFINITY, USEC_INFINITY };
        unsigned n_calls;

        for (int round = 0; round < 6; round++) {
                const bool shown = round % 2;
                usec_t took;
                REPLY;

                fake_unit_set_state(w->fake, "app.service", "active", "running");
                start_application(w, "foot@0.service", &reply);
                check_state(&reply, "foot@0.service", "active", "running");
                check_becomes(feed_get(agent_get_feed(w->agent), "foot@0.service"));
                reply_done(&reply);

                n_calls = fake_systemd_count_calls(w->fake, "");
                took = start_and_end(w, "foot@1.service", 0, shown, &reply);
                least[shown] = MIN(least[shown], took);
                check_state(&reply, "foot@0.service", "active", "running");
                check(fake_systemd_count_calls(w->fake, "") - n_calls < 30);
                reply_done(&reply);

                /* Another application of the same program, behind its proxy. */
                start_and_end(w, "foot-page@7.service", 0, shown, &reply);
                check_state(&reply, "foot@0.service", "active", "running");
                reply_done(&reply);

                /* Another program has nothing to do with it. */
                start_and_end(w, "bar@0.service", 0, shown, &reply);
                check_state(&reply, "bar@0.service", "inactive", "dead");
                check_streq(reply.message->unitstatus->description, "Exited application: bar@0.service");
                reply_done(&reply);

                /* A failure is one. */
                start_and_end(w, "foot@2.service", 4, shown, &reply);
                check_refused(&reply, RPC_FAILED_PRECONDITION,
                                "Application 'foot@2.service' failed at once: exit-code, status 4.");
                fake_unit_exit(w->fake, "foot@0.service", 0);
                check_becomes(!feed_get(agent_get_feed(w->agent), "foot@0.service"));
        }
        check(MAX(least[0], least[1]) < HANDOVER_USEC);
        return 0;
}

/* Who stays is an instance of its own, also when it might have handed itself over. */
static int test_application_stays(World *w) {
        usec_t begin;
        REPLY;

        start_application(w, "foot@0.service", &reply);
        check_becomes(feed_get(agent_get_feed(w->agent), "foot@0.service"));
        reply_done(&reply);
        begin = time_now(CLOCK_MONOTONIC);
        start_application(w, "foot@1.service", &reply);
        check_state(&reply, "foot@1.service", "active", "running");
        check(time_now(CLOCK_MONOTONIC) - begin >= 2 * USEC_PER_SEC);
        return 0;
}

/* The caller leaves while it is not yet clear whether the application stays. */
static int test_application_left(World *w) {
        REPLY;

        start_application(w, "foot@0.service", &reply);
        check_becomes(feed_get(agent_get_feed(w->agent), "foot@0.service"));
        reply_done(&reply);
        start_application_within(w, "foot@1.service", NULL, 0, 200 * USEC_PER_MSEC, &reply);
        check_refused(&reply, RPC_DEADLINE_EXCEEDED, NULL);
        check_becomes(count_handlers(w) == 0);
        fake_unit_exit(w->fake, "foot@1.service", 1);
        check_becomes(!fake_systemd_find(w->fake, "foot@1.service"));
        return 0;
}

/* Later failures are nobody's reply: the agent looks after them itself. */
static int test_application_reaped(World *w) {
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

/* The service manager goes away while the agent cleans up. */
static int test_application_reaped_later(World *w) {
        REPLY;

        start_application(w, "foot@0.service", &reply);
        check(reply.r == 0);
        check_becomes(feed_get(agent_get_feed(w->agent), "foot@0.service"));
        fake_systemd_fail_next(w->fake, "ResetFailedUnit", "org.freedesktop.DBus.Error.NoReply", "it has gone");
        fake_unit_exit(w->fake, "foot@0.service", 1);
        check_becomes(!fake_systemd_find(w->fake, "foot@0.service"));
        check_becomes(!feed_get(agent_get_feed(w->agent), "foot@0.service"));
        check(fake_systemd_count_calls(w->fake, "ResetFailedUnit") == 2);
        return 0;
}

static int test_application_leaving(World *w) {
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

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_application),
                world_test(test_application_refused),
                world_test(test_application_fails),
                cmocka_unit_test_setup_teardown(test_application_says, written_setup, written_teardown),
                cmocka_unit_test_setup_teardown(test_application_unheard, written_setup, written_teardown),
                world_test(test_application_ends),
                world_test(test_application_merges),
                world_test(test_application_stays),
                world_test(test_application_left),
                world_test(test_application_reaped),
                world_test(test_application_reaped_later),
                world_test(test_application_leaving),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
