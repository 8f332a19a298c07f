/* SPDX-License-Identifier: Apache-2.0 */
/* Every method of systemd.UnitControlService, and callers that leave it: before they have named a unit, and while the
 * service manager works on it. What was begun goes on there and is seen by the next who asks. */
#include "agent/services/services.h"
#include "bus/bus-internal.h"
#include "unit/agent/calling.h"
#include "unit/leave.h"

#define APP      "app.service"
#define INSTANCE "foot@0.service"

static Systemd__UnitRequest app = SYSTEMD__UNIT_REQUEST__INIT;
static Systemd__AppUnitRequest instance = SYSTEMD__APP_UNIT_REQUEST__INIT;
static Systemd__UnitResourceRequest usage = SYSTEMD__UNIT_RESOURCE_REQUEST__INIT;
static Systemd__WatchUnitsRequest watch = SYSTEMD__WATCH_UNITS_REQUEST__INIT;

static FakeUnit *unit(World *w) {
        return fake_systemd_find(w->fake, APP);
}

static void settle_state(World *w, const char *active, const char *sub, const char *freezer) {
        REPLY;

        call(w, "GetUnitStatus", APP, &reply);
        check_state(&reply, APP, active, sub);
        check_streq(reply.message->unitstatus->freezerstate, freezer);
}

static void before_stopped(World *w) {
        fake_unit_set_state(w->fake, APP, "inactive", "dead");
}

static void before_running(World *w) {
        fake_unit_set_state(w->fake, APP, "active", "running");
        fake_unit_set_freezer_state(w->fake, APP, "running");
        unit(w)->last_signal = 0;
}

static void before_frozen(World *w) {
        before_running(w);
        fake_unit_set_freezer_state(w->fake, APP, "frozen");
}

/* The job is the service manager's: it goes on. */
static void after_start(World *w, bool was_asked) {
        check((unit(w)->job != 0) == was_asked);
        if (was_asked)
                fake_job_finish(w->fake, APP, "done");
        settle_state(w, was_asked ? "active" : "inactive", was_asked ? "running" : "dead", "running");
}

static void after_stop(World *w, bool was_asked) {
        check((unit(w)->job != 0) == was_asked);
        if (was_asked)
                fake_job_finish(w->fake, APP, "done");
        settle_state(w, was_asked ? "inactive" : "active", was_asked ? "dead" : "running", "running");
}

static void after_kill(World *w, bool was_asked) {
        check_becomes(unit(w)->last_signal == (was_asked ? SIGKILL : 0));
}

static void after_freeze(World *w, bool was_asked) {
        check_becomes(streq(unit(w)->freezer_state, was_asked ? "frozen" : "running"));
        settle_state(w, "active", "running", was_asked ? "frozen" : "running");
}

static void after_unfreeze(World *w, bool was_asked) {
        check_becomes(streq(unit(w)->freezer_state, was_asked ? "running" : "frozen"));
        settle_state(w, "active", "running", was_asked ? "running" : "frozen");
}

/* It starts, and is the agent's to clean up when it has ended. */
static void after_application(World *w, bool was_asked) {
        check(!fake_systemd_find(w->fake, INSTANCE) != was_asked);
        if (!was_asked)
                return;
        fake_job_finish(w->fake, INSTANCE, "done");
        check_becomes(feed_get(agent_get_feed(w->agent), INSTANCE));
        fake_unit_exit(w->fake, INSTANCE, 1);
        check_becomes(!fake_systemd_find(w->fake, INSTANCE));
        check_becomes(!feed_get(agent_get_feed(w->agent), INSTANCE));
}

static const struct {
        const char *method;
        void *request;
        const char *holds; /* the manager's method that waits; "job": it queues a job that does; NULL: a stream */
        void (*before)(World *w);
        void (*after)(World *w, bool was_asked);
} rows[] = {
        { "GetUnitStatus", &app, "ListUnitsByNames", before_running, NULL },
        { "StartUnit", &app, "job", before_stopped, after_start },
        { "StopUnit", &app, "job", before_running, after_stop },
        { "KillUnit", &app, "KillUnit", before_running, after_kill },
        { "FreezeUnit", &app, "FreezeUnit", before_running, after_freeze },
        { "UnfreezeUnit", &app, "ThawUnit", before_frozen, after_unfreeze },
        { "MonitorUnit", &usage, NULL, before_running, NULL },
        { "StartApplication", &instance, "job", before_running, after_application },
        { "WatchUnits", &watch, NULL, before_running, NULL },
};

static bool is_worked_on(World *w, const Leaver *l, const char *holds, unsigned n_before) {
        if (!holds)
                return leave_count(l).n_calls > l->before.n_calls;
        if (streq(holds, "job"))
                return !list_is_empty(&w->bus->jobs);
        return fake_systemd_count_calls(w->fake, holds) > n_before;
}

static void leave(World *w, Leaver *l, size_t i, Leave how, bool asks) {
        const char *holds = asks ? rows[i].holds : NULL;
        unsigned n_calls;

        rows[i].before(w);
        settle_state(w, unit(w)->active_state, unit(w)->sub_state, unit(w)->freezer_state);
        if (holds && streq(holds, "job"))
                fake_systemd_set_jobs(w->fake, FAKE_JOBS_HELD);
        else if (holds)
                fake_systemd_hold(w->fake, holds);
        n_calls = holds ? fake_systemd_count_calls(w->fake, holds) : 0;
        leave_begin(l, how, SERVICE, rows[i].method, asks ? rows[i].request : NULL);
        if (asks)
                leave_becomes(is_worked_on(w, l, holds, n_calls) || leave_is_late(l));
        leave_end(l);
        check(list_is_empty(&w->bus->jobs));
        if (holds && !streq(holds, "job"))
                fake_systemd_release(w->fake);
        fake_systemd_set_jobs(w->fake, FAKE_JOBS_AT_ONCE);
        if (rows[i].after)
                rows[i].after(w, asks);
        leave_settle(l, rows[i].method);
}

static int test_leaving(World *w) {
        Leaver l;

        app.unitname = usage.unitname = (char *) APP;
        instance.unitname = (char *) INSTANCE;
        before_running(w);
        unit(w)->inactive_exit = time_now(CLOCK_MONOTONIC) - USEC_PER_SEC;
        unit(w)->cpu_usage_nsec = unit(w)->memory_current = 1000;
        settle_state(w, "active", "running", "running");
        leave_init(&l, w->queue, w->server, SERVICE, "GetUnitStatus");
        check(SERVICE->n_methods == ELEMENTSOF(rows));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                check_streq(SERVICE->methods[i].name, rows[i].method);
                for (Leave how = 0; how < _LEAVE_MAX; how++) {
                        leave(w, &l, i, how, false);
                        leave(w, &l, i, how, true);
                }
        }
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                world_test(test_leaving),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
