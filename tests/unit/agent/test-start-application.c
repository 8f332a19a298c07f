/* SPDX-License-Identifier: Apache-2.0 */
/* StartApplication: what is started and how, what is refused, applications that end at once or later, and a caller that
 * leaves half-way. */
#include "unit/agent/calling.h"

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

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_application),
                cmocka_unit_test(test_application_refused),
                cmocka_unit_test(test_application_fails),
                cmocka_unit_test(test_application_ends),
                cmocka_unit_test(test_application_reaped),
                cmocka_unit_test(test_application_leaving),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
