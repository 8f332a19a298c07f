/* SPDX-License-Identifier: Apache-2.0 */
/* Watching units: what is told, when, how often, and what it costs the manager. */
#include "unit/bus/fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "bus/unit-cgroup.h"

typedef struct Told {
        unsigned n, n_synced;
        char log[8192];         /* "name load/active/sub/freezer; " for each call */
        const char *wanted;     /* prefix; NULL: none */
        UnitWatch **free_watch; /* free it from within the hook */
        const char *add;        /* add this from within the hook */
        bool inside;            /* of a unit_watch_* call */
        UnitWatch *watch;
} Told;

static bool hook_wanted(const char *name, void *userdata) {
        const Told *t = userdata;

        return t->wanted && startswith(name, t->wanted);
}

static void hook_on_change(const UnitStatus *s, void *userdata) {
        Told *t = userdata;
        size_t n = strlen(t->log);

        if (n > sizeof(t->log) / 2)
                t->log[n = 0] = 0;
        assert_false(t->inside);
        t->n++;
        (void) snprintf(t->log + n, sizeof(t->log) - n, "%s %s/%s/%s/%s; ", s->name, s->load_state, s->active_state,
                        s->sub_state, s->freezer_state);
        if (t->free_watch)
                *t->free_watch = unit_watch_free(*t->free_watch);
        if (t->add) {
                assert_return_code(unit_watch_add(t->watch, t->add), 0);
                t->add = NULL;
        }
}

static void hook_on_synced(void *userdata) {
        Told *t = userdata;

        assert_false(t->inside);
        t->n_synced++;
        if (t->free_watch)
                *t->free_watch = unit_watch_free(*t->free_watch);
}

static const UnitWatchHooks hooks = { hook_wanted, hook_on_change, hook_on_synced };

static UnitWatch *watch_begin(Fixture *f, Told *t) {
        UnitWatch *w;

        t->inside = true;
        assert_return_code(unit_watch_new(f->bus, &hooks, t, &w), 0);
        t->inside = false;
        t->watch = w;
        return w;
}

static void watch_add(Told *t, const char *name) {
        t->inside = true;
        assert_return_code(unit_watch_add(t->watch, name), 0);
        t->inside = false;
}

/* What was told since the last time. */
static void assert_told(Told *t, const char *expected) {
        assert_string_equal(t->log, expected);
        t->log[0] = 0;
        t->n = 0;
}

static void assert_told_in_any_order(Told *t, const char *const *expected, size_t n) {
        size_t size = 0;

        for (size_t i = 0; i < n; i++) {
                if (!strstr(t->log, expected[i]))
                        fail_msg("'%s' is not in '%s'", expected[i], t->log);
                size += strlen(expected[i]);
        }
        assert_int_equal(strlen(t->log), size);
        t->log[0] = 0;
        t->n = 0;
}

static void test_snapshot(void **state) {
        static const char *const expected[] = {
                "app@0.service loaded/active/running/running; ",
                "app@1.service loaded/failed/failed/running; ",
                "stopped.service loaded/inactive/dead/running; ",
                "nosuch.service not-found/inactive/dead/running; ",
                "frozen.service loaded/active/running/frozen; ",
        };
        _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
        Told t = { .wanted = "app@" };
        Fixture *f = *state;
        unsigned n;

        fake_systemd_add(f->fake, "app@0.service");
        fake_systemd_add(f->fake, "app@1.service");
        fake_systemd_add(f->fake, "app@2.service"); /* stopped and not added */
        fake_systemd_add(f->fake, "other.service");
        fake_systemd_add(f->fake, "stopped.service");
        fake_systemd_add(f->fake, "frozen.service");
        fake_unit_set_state(f->fake, "app@0.service", "active", "running");
        fake_unit_set_state(f->fake, "other.service", "active", "running");
        fake_unit_set_state(f->fake, "frozen.service", "active", "running");
        fake_unit_set_freezer_state(f->fake, "frozen.service", "frozen");
        fake_unit_exit(f->fake, "app@1.service", 1);
        w = watch_begin(f, &t);
        watch_add(&t, "stopped.service");
        watch_add(&t, "nosuch.service");
        watch_add(&t, "frozen.service");
        watch_add(&t, "frozen.service");
        assert_null(unit_watch_get(w, "app@0.service"));
        TURN_UNTIL(f, t.n_synced == 1);
        assert_told_in_any_order(&t, expected, ELEMENTSOF(expected));
        assert_string_equal(unit_watch_get(w, "app@0.service")->active_state, "active");
        assert_string_equal(unit_watch_get(w, "stopped.service")->description, "stopped.service");
        assert_null(unit_watch_get(w, "other.service"));
        turn_until_quiet(f);
        n = fake_systemd_count_calls(f->fake, "");
        turn_until_quiet(f);
        assert_int_equal(t.n, 0);
        assert_int_equal(t.n_synced, 1);
        /* Our looking does not make us look again. */
        assert_int_equal(fake_systemd_count_calls(f->fake, ""), n);
        assert_int_equal(fake_systemd_count_calls(f->fake, "ListUnits"), 1);
        assert_int_equal(fake_systemd_count_calls(f->fake, "ListUnitsByNames"), 2);
        assert_int_equal(fake_systemd_count_calls(f->fake, "LoadUnit"), 0);
}

static void test_nothing_to_watch(void **state) {
        _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
        Told t = {};
        Fixture *f = *state;

        w = watch_begin(f, &t);
        TURN_UNTIL(f, t.n_synced == 1);
        assert_told(&t, "");
}

static void test_changes(void **state) {
        _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
        Told t = {};
        Fixture *f = *state;

        fake_systemd_add(f->fake, "a.service");
        w = watch_begin(f, &t);
        watch_add(&t, "a.service");
        TURN_UNTIL(f, t.n_synced == 1);
        assert_told(&t, "a.service loaded/inactive/dead/running; ");
        fake_unit_set_state(f->fake, "a.service", "activating", "start-pre");
        TURN_UNTIL(f, t.n == 1);
        assert_told(&t, "a.service loaded/activating/start-pre/running; ");
        fake_unit_set_state(f->fake, "a.service", "activating", "start");
        TURN_UNTIL(f, t.n == 1);
        assert_told(&t, "a.service loaded/activating/start/running; ");
        fake_unit_set_state(f->fake, "a.service", "active", "running");
        TURN_UNTIL(f, t.n == 1);
        assert_told(&t, "a.service loaded/active/running/running; ");
        /* Announced again, but nothing is different. */
        fake_unit_set_state(f->fake, "a.service", "active", "running");
        turn_until_quiet(f);
        assert_told(&t, "");
        fake_unit_exit(f->fake, "a.service", 0);
        turn_until_quiet(f);
        assert_told(&t, "a.service loaded/inactive/dead/running; ");
        assert_string_equal(unit_watch_get(w, "a.service")->active_state, "inactive");
        assert_int_equal(t.n_synced, 1);
}

static void test_coalesces(void **state) {
        _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
        Told t = {};
        Fixture *f = *state;
        usec_t begin;

        fake_systemd_add(f->fake, "a.service");
        fake_unit_set_state(f->fake, "a.service", "active", "running");
        w = watch_begin(f, &t);
        watch_add(&t, "a.service");
        TURN_UNTIL(f, t.n_synced == 1);
        t.n = 0;
        begin = time_now(CLOCK_MONOTONIC);
        for (unsigned i = 0; i < 1000; i++)
                fake_unit_set_state(f->fake, "a.service", i % 2 ? "deactivating" : "reloading", "flapping");
        fake_unit_set_state(f->fake, "a.service", "active", "exited");
        turn_until_quiet(f);
        /* At most one a millisecond, however many there were. */
        assert_in_range(t.n, 1, (time_now(CLOCK_MONOTONIC) - begin) / USEC_PER_MSEC);
        assert_non_null(endswith(t.log, "a.service loaded/active/exited/running; "));
}

static void test_comes_and_goes(void **state) {
        _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
        Told t = { .wanted = "app@" };
        Fixture *f = *state;

        w = watch_begin(f, &t);
        TURN_UNTIL(f, t.n_synced == 1);
        for (unsigned i = 0; i < 3; i++) {
                fake_systemd_add(f->fake, "app@0.service")->transient = true;
                fake_unit_set_state(f->fake, "app@0.service", "active", "running");
                turn_until_quiet(f);
                assert_told(&t, "app@0.service loaded/active/running/running; ");
                assert_non_null(unit_watch_get(w, "app@0.service"));
                fake_unit_exit(f->fake, "app@0.service", 0);
                turn_until_quiet(f);
                assert_told(&t, "app@0.service not-found/inactive/dead/running; ");
                assert_null(unit_watch_get(w, "app@0.service"));
        }
        /* So short that there is nothing to tell. */
        fake_systemd_add(f->fake, "app@1.service")->transient = true;
        fake_unit_set_state(f->fake, "app@1.service", "active", "running");
        fake_unit_exit(f->fake, "app@1.service", 0);
        turn_until_quiet(f);
        assert_null(unit_watch_get(w, "app@1.service"));
        t.log[0] = 0;
        /* Failed units stay until somebody resets them. */
        fake_systemd_add(f->fake, "app@2.service")->transient = true;
        fake_unit_set_state(f->fake, "app@2.service", "active", "running");
        turn_until_quiet(f);
        t.log[0] = 0;
        fake_unit_exit(f->fake, "app@2.service", 9);
        turn_until_quiet(f);
        assert_told(&t, "app@2.service loaded/failed/failed/running; ");
        fake_unit_set_state(f->fake, "app@2.service", "inactive", "dead");
        turn_until_quiet(f);
        assert_told(&t, "app@2.service not-found/inactive/dead/running; ");
}

/* A stopped unit that is watched is looked at once, not for ever. */
static void test_stopped_unit_is_quiet(void **state) {
        _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
        Told t = {};
        Fixture *f = *state;
        unsigned n;

        fake_systemd_add(f->fake, "a.service");
        w = watch_begin(f, &t);
        watch_add(&t, "a.service");
        watch_add(&t, "t.service");
        TURN_UNTIL(f, t.n_synced == 1);
        t.log[0] = 0;
        for (unsigned i = 0; i < 5; i++) {
                assert_int_equal(call_run(f, op_status, "a.service"), 0);
                assert_int_equal(call_run(f, op_status, "t.service"), 0);
        }
        turn_until_quiet(f);
        assert_told(&t, "");
        assert_int_equal(fake_systemd_count_calls(f->fake, "ListUnitsByNames"), 2 + 10);
        assert_int_equal(fake_systemd_count_calls(f->fake, "ListUnitsByPatterns"), 0);

        /* Also when the manager takes its time to unload what was looked at, and we look in between. */
        fake_systemd_hold_collection(f->fake);
        assert_int_equal(call_run(f, op_status, "a.service"), 0);
        turn_until_quiet(f);
        assert_int_equal(fake_systemd_collect(f->fake), 1);
        turn_until_quiet(f);
        assert_int_equal(fake_systemd_collect(f->fake), 0);
        assert_int_equal(fake_systemd_count_calls(f->fake, "ListUnitsByNames"), 2 + 11);
        assert_told(&t, "");

        /* Added and transient: known again as not-found when it has gone. */
        fake_systemd_add(f->fake, "t.service")->transient = true;
        fake_unit_set_state(f->fake, "t.service", "active", "running");
        turn_until_quiet(f);
        assert_told(&t, "t.service loaded/active/running/running; ");
        n = fake_systemd_count_calls(f->fake, "ListUnitsByNames");
        fake_unit_exit(f->fake, "t.service", 0);
        turn_until_quiet(f);
        fake_systemd_collect(f->fake);
        turn_until_quiet(f);
        assert_told(&t, "t.service not-found/inactive/dead/running; ");
        assert_int_equal(fake_systemd_count_calls(f->fake, "ListUnitsByNames"), n + 1);
        assert_non_null(unit_watch_get(w, "t.service"));
}

static void test_freezer(void **state) {
        _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
        Told t = {};
        Fixture *f = *state;

        fake_systemd_add(f->fake, "a.service");
        fake_unit_set_state(f->fake, "a.service", "active", "running");
        w = watch_begin(f, &t);
        watch_add(&t, "a.service");
        TURN_UNTIL(f, t.n_synced == 1);
        t.log[0] = 0;
        assert_int_equal(call_run(f, op_freeze, "a.service"), 0);
        turn_until_quiet(f);
        assert_told(&t, "a.service loaded/active/running/frozen; ");
        assert_int_equal(call_run(f, op_freeze, "a.service"), -EALREADY);
        turn_until_quiet(f);
        assert_told(&t, "");
        assert_int_equal(call_run(f, op_thaw, "a.service"), 0);
        turn_until_quiet(f);
        assert_told(&t, "a.service loaded/active/running/running; ");
        /* A newer systemd announces it, so that others' freezing is seen too. */
        fake_systemd_announce_freezer(f->fake, true);
        fake_unit_set_freezer_state(f->fake, "a.service", "frozen");
        turn_until_quiet(f);
        assert_told(&t, "a.service loaded/active/running/frozen; ");
        fake_unit_exit(f->fake, "a.service", 1);
        turn_until_quiet(f);
        assert_told(&t, "a.service loaded/failed/failed/running; ");
}

static void write_events(const char *file, const char *text) {
        int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_return_code(fd, errno);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
}

/* Others freeze it, and only the kernel says so. The cgroup goes and comes with the unit. */
static void test_freezer_of_others(void **state) {
        char directory[] = "/tmp/givc-cgroup-XXXXXX";
        const char *root = unit_cgroup_root;
        _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
        _cleanup_free_ char *group = NULL, *file = NULL;
        Fixture *f = *state;
        Told t = {};
        FakeUnit *u;

        assert_non_null(mkdtemp(directory));
        group = strf("%s/a.service", directory);
        file = strf("%s/cgroup.events", group);
        assert_return_code(mkdir(group, 0700), errno);
        write_events(file, "populated 1\nfrozen 0\n");
        unit_cgroup_root = directory;
        u = fake_systemd_add(f->fake, "a.service");
        u->control_group = "/a.service";
        fake_unit_set_state(f->fake, "a.service", "active", "running");
        w = watch_begin(f, &t);
        watch_add(&t, "a.service");
        TURN_UNTIL(f, t.n_synced == 1);
        turn_until_quiet(f);
        assert_told(&t, "a.service loaded/active/running/running; ");
        for (unsigned i = 0; i < 3; i++) {
                fake_unit_set_freezer_state(f->fake, "a.service", "frozen");
                turn_until_quiet(f);
                assert_told(&t, "");
                write_events(file, "populated 1\nfrozen 1\n");
                turn_until_quiet(f);
                assert_told(&t, "a.service loaded/active/running/frozen; ");
                fake_unit_set_freezer_state(f->fake, "a.service", "running");
                write_events(file, "populated 1\nfrozen 0\n");
                turn_until_quiet(f);
                assert_told(&t, "a.service loaded/active/running/running; ");
                assert_return_code(unlink(file), errno);
                fake_unit_exit(f->fake, "a.service", 0);
                turn_until_quiet(f);
                write_events(file, "populated 1\nfrozen 0\n");
                if (i == 1)
                        fake_systemd_disconnect(f->fake);
                fake_unit_set_state(f->fake, "a.service", "active", "running");
                TURN_UNTIL(f, t.n_synced == (i < 1 ? 1 : 2));
                turn_until_quiet(f);
                assert_told(&t, "a.service loaded/inactive/dead/running; a.service loaded/active/running/running; ");
        }
        unit_cgroup_root = root;
        assert_return_code(unlink(file), errno);
        assert_return_code(rmdir(group), errno);
        assert_return_code(rmdir(directory), errno);
}

static void test_no_freezer(void **state) {
        _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
        Told t = {};
        Fixture *f = *state;

        fake_systemd_have_freezer(f->fake, false);
        fake_systemd_add(f->fake, "a.service");
        fake_unit_set_state(f->fake, "a.service", "active", "running");
        w = watch_begin(f, &t);
        watch_add(&t, "a.service");
        TURN_UNTIL(f, t.n_synced == 1);
        assert_told(&t, "a.service loaded/active/running/running; ");
}

static void test_reload(void **state) {
        static const char *const expected[] = { "a.service masked/active/running/running; ",
                "b.service masked/inactive/dead/running; " };
        _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
        Told t = { .wanted = "app@" };
        Fixture *f = *state;

        fake_systemd_add(f->fake, "a.service");
        fake_systemd_add(f->fake, "b.service");
        fake_systemd_add(f->fake, "app@0.service")->transient = true;
        fake_unit_set_state(f->fake, "app@0.service", "active", "running");
        fake_unit_set_state(f->fake, "a.service", "active", "running");
        w = watch_begin(f, &t);
        watch_add(&t, "a.service");
        watch_add(&t, "b.service");
        TURN_UNTIL(f, t.n_synced == 1);
        t.log[0] = 0;
        fake_systemd_begin_reload(f->fake);
        turn_until_quiet(f);
        assert_told(&t, "");
        fake_systemd_end_reload(f->fake);
        turn_until_quiet(f);
        assert_told(&t, "");
        fake_unit_set_load_state(f->fake, "a.service", "masked");
        fake_unit_set_load_state(f->fake, "b.service", "masked");
        fake_systemd_reload(f->fake);
        turn_until_quiet(f);
        assert_told_in_any_order(&t, expected, ELEMENTSOF(expected));
        assert_int_equal(t.n_synced, 1);
}

static void test_refresh(void **state) {
        static const char *const expected[] = { "a@1.service loaded/active/running/running; ",
                "a@2.service loaded/active/running/running; " };
        _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
        Told t = { .wanted = "b@" };
        Fixture *f = *state;

        fake_systemd_add(f->fake, "a@1.service");
        fake_systemd_add(f->fake, "a@2.service");
        fake_systemd_add(f->fake, "b@1.service");
        fake_unit_set_state(f->fake, "a@1.service", "active", "running");
        fake_unit_set_state(f->fake, "a@2.service", "active", "running");
        fake_unit_set_state(f->fake, "b@1.service", "active", "running");
        w = watch_begin(f, &t);
        TURN_UNTIL(f, t.n_synced == 1);
        assert_told(&t, "b@1.service loaded/active/running/running; ");
        t.wanted = "a@";
        t.inside = true;
        unit_watch_refresh(w);
        t.inside = false;
        assert_null(unit_watch_get(w, "b@1.service"));
        turn_until_quiet(f);
        assert_told_in_any_order(&t, expected, ELEMENTSOF(expected));
        fake_unit_set_state(f->fake, "b@1.service", "failed", "failed");
        turn_until_quiet(f);
        assert_told(&t, "");
}

static void test_reconnect(void **state) {
        static const char *const expected[] = { "a.service loaded/failed/failed/running; ",
                "app@0.service not-found/inactive/dead/running; ", "app@1.service loaded/active/running/running; " };
        Fixture *f = *state;

        for (int manager = 0; manager <= 1; manager++) {
                _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
                Told t = { .wanted = "app@" };
                FakeUnit *a = fake_systemd_find(f->fake, "a.service");

                if (!a) {
                        fake_systemd_add(f->fake, "a.service");
                        fake_systemd_add(f->fake, "same.service");
                }
                fake_unit_set_state(f->fake, "a.service", "active", "running");
                fake_unit_set_state(f->fake, "same.service", "active", "running");
                fake_systemd_add(f->fake, "app@0.service")->transient = true;
                fake_unit_set_state(f->fake, "app@0.service", "active", "running");
                w = watch_begin(f, &t);
                watch_add(&t, "a.service");
                watch_add(&t, "same.service");
                TURN_UNTIL(f, t.n_synced == 1);
                t.log[0] = 0;
                if (manager)
                        fake_systemd_leave(f->fake);
                else
                        fake_systemd_disconnect(f->fake);
                TURN_UNTIL(f, !bus_is_connected(f->bus));
                assert_told(&t, "");
                fake_unit_exit(f->fake, "a.service", 1);
                fake_unit_exit(f->fake, "app@0.service", 0);
                fake_systemd_add(f->fake, "app@1.service")->transient = true;
                fake_unit_set_state(f->fake, "app@1.service", "active", "running");
                if (manager)
                        fake_systemd_return(f->fake);
                TURN_UNTIL(f, t.n_synced == 2);
                assert_told_in_any_order(&t, expected, ELEMENTSOF(expected));
                /* And signals come again. */
                fake_unit_exit(f->fake, "app@1.service", 0);
                turn_until_quiet(f);
                assert_told(&t, "app@1.service not-found/inactive/dead/running; ");
                assert_int_equal(t.n_synced, 2);
        }
}

/* Lost while it reads: it reads again with the next connection. */
static void test_lost_while_reading(void **state) {
        static const char *const members[] = { "ListUnits", "ListUnitsByNames", "Get" };
        Fixture *f = *state;

        fake_systemd_add(f->fake, "a.service");
        fake_systemd_add(f->fake, "b.service");
        fake_unit_set_state(f->fake, "a.service", "active", "running");
        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                static const char *const expected[] = { "a.service loaded/active/running/running; ",
                        "b.service loaded/inactive/dead/running; " };
                _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
                unsigned n = fake_systemd_count_calls(f->fake, members[i]);
                Told t = {};

                fake_systemd_hold(f->fake, members[i]);
                w = watch_begin(f, &t);
                watch_add(&t, "a.service");
                watch_add(&t, "b.service");
                TURN_UNTIL(f, fake_systemd_count_calls(f->fake, members[i]) == n + 1);
                assert_int_equal(t.n_synced, 0);
                fake_systemd_disconnect(f->fake);
                fake_systemd_release(f->fake);
                TURN_UNTIL(f, t.n_synced == 1);
                assert_told_in_any_order(&t, expected, ELEMENTSOF(expected));
        }
}

static void test_read_errors(void **state) {
        static const char *const members[] = { "ListUnits", "ListUnitsByNames", "Get" };
        Fixture *f = *state;

        fake_systemd_add(f->fake, "a.service");
        fake_systemd_add(f->fake, "b.service");
        fake_unit_set_state(f->fake, "a.service", "active", "running");
        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                static const char *const expected[] = { "a.service loaded/active/running/running; ",
                        "b.service loaded/inactive/dead/running; " };
                _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
                Told t = {};

                fake_systemd_fail_next(f->fake, members[i], "org.freedesktop.DBus.Error.LimitsExceeded", "no");
                w = watch_begin(f, &t);
                watch_add(&t, "a.service");
                watch_add(&t, "b.service");
                TURN_UNTIL(f, t.n_synced == 1);
                assert_told_in_any_order(&t, expected, ELEMENTSOF(expected));
        }
}

static void test_spoofed_signal(void **state) {
        _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
        Told t = {};
        Fixture *f = *state;

        fake_systemd_add(f->fake, "a.service");
        fake_unit_set_state(f->fake, "a.service", "active", "running");
        w = watch_begin(f, &t);
        watch_add(&t, "a.service");
        TURN_UNTIL(f, t.n_synced == 1);
        t.log[0] = 0;
        fake_systemd_spoof_state(f->fake, "a.service", "failed");
        turn_until_quiet(f);
        assert_told(&t, "");
}

/* Thousands of signals of units that nobody wants make no call and no entry. */
static void test_storm_of_others(void **state) {
        _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
        Told t = { .wanted = "app@" };
        Fixture *f = *state;
        unsigned n;

        fake_systemd_add(f->fake, "other.service");
        w = watch_begin(f, &t);
        TURN_UNTIL(f, t.n_synced == 1);
        turn_until_quiet(f);
        n = fake_systemd_count_calls(f->fake, "");
        for (unsigned i = 0; i < 3000; i++)
                fake_unit_set_state(f->fake, "other.service", i % 2 ? "active" : "inactive", "x");
        turn_until_quiet(f);
        assert_told(&t, "");
        assert_int_equal(fake_systemd_count_calls(f->fake, ""), n);
}

static void test_alias(void **state) {
        static const char *const first[] = { "a.service loaded/inactive/dead/running; ",
                "alias.service loaded/inactive/dead/running; " };
        static const char *const second[] = { "a.service loaded/active/running/running; ",
                "alias.service loaded/active/running/running; " };
        static const char *const third[] = { "a.service loaded/active/running/frozen; ",
                "alias.service loaded/active/running/frozen; " };
        _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
        Told t = {};
        Fixture *f = *state;

        fake_systemd_add(f->fake, "a.service");
        fake_systemd_add_alias(f->fake, "alias.service", "a.service");
        w = watch_begin(f, &t);
        watch_add(&t, "a.service");
        watch_add(&t, "alias.service");
        TURN_UNTIL(f, t.n_synced == 1);
        assert_told_in_any_order(&t, first, ELEMENTSOF(first));
        fake_unit_set_state(f->fake, "a.service", "active", "running");
        turn_until_quiet(f);
        assert_told_in_any_order(&t, second, ELEMENTSOF(second));
        assert_int_equal(call_run(f, op_freeze, "alias.service"), 0);
        turn_until_quiet(f);
        assert_told_in_any_order(&t, third, ELEMENTSOF(third));
        fake_unit_exit(f->fake, "a.service", 0);
        turn_until_quiet(f);
        assert_told_in_any_order(&t, first, ELEMENTSOF(first));
}

static void test_alias_of_running(void **state) {
        _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
        Told t = {};
        Fixture *f = *state;

        fake_systemd_add(f->fake, "a.service");
        fake_systemd_add_alias(f->fake, "alias.service", "a.service");
        fake_unit_set_state(f->fake, "a.service", "active", "running");
        w = watch_begin(f, &t);
        watch_add(&t, "alias.service");
        TURN_UNTIL(f, t.n_synced == 1);
        assert_told(&t, "alias.service loaded/active/running/running; ");
        assert_string_equal(unit_watch_get(w, "alias.service")->path, "/org/freedesktop/systemd1/unit/a_2eservice");
        fake_systemd_reload(f->fake);
        turn_until_quiet(f);
        assert_told(&t, "");
        fake_unit_exit(f->fake, "a.service", 3);
        turn_until_quiet(f);
        assert_told(&t, "alias.service loaded/failed/failed/running; ");
}

static void test_hooks_may_do_anything(void **state) {
        Fixture *f = *state;
        Told t = {}, u = {}, v = {};
        UnitWatch *w;

        fake_systemd_add(f->fake, "a.service");
        fake_systemd_add(f->fake, "b.service");
        w = watch_begin(f, &t);
        t.free_watch = &w;
        watch_add(&t, "a.service");
        watch_add(&t, "b.service");
        TURN_UNTIL(f, !w);
        turn_until_quiet(f);
        assert_int_equal(t.n, 1);
        assert_int_equal(t.n_synced, 0);

        w = watch_begin(f, &u);
        u.free_watch = &w;
        TURN_UNTIL(f, !w);
        turn_until_quiet(f);
        assert_int_equal(u.n_synced, 1);

        w = watch_begin(f, &v);
        v.add = "b.service";
        watch_add(&v, "a.service");
        TURN_UNTIL(f, v.n_synced == 1);
        assert_told(&v, "a.service loaded/inactive/dead/running; b.service loaded/inactive/dead/running; ");
        unit_watch_free(w);
}

static void test_limits(void **state) {
        _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
        Told t = { .wanted = "app@" };
        Fixture *f = *state;
        char name[64];

        w = watch_begin(f, &t);
        assert_int_equal(unit_watch_add(w, "no name"), -EINVAL);
        assert_int_equal(unit_watch_add(w, ""), -EINVAL);
        assert_null(unit_watch_get(w, "a.service"));
        for (unsigned i = 0; i < UNIT_WATCH_MAX; i++) {
                (void) snprintf(name, sizeof(name), "u%u.service", i);
                assert_return_code(unit_watch_add(w, name), 0);
        }
        assert_int_equal(unit_watch_add(w, "one-more.service"), -E2BIG);
        fake_systemd_add(f->fake, "app@0.service");
        fake_unit_set_state(f->fake, "app@0.service", "active", "running");
        TURN_UNTIL(f, t.n_synced == 1);
        assert_int_equal(t.n, UNIT_WATCH_MAX);
        assert_null(unit_watch_get(w, "app@0.service"));
}

int main(void) {
#define PEER(t)   cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
#define BROKER(t) cmocka_unit_test_setup_teardown(t, fixture_setup_listening, fixture_teardown)
        const struct CMUnitTest tests[] = {
                PEER(test_snapshot),
                BROKER(test_snapshot),
                PEER(test_nothing_to_watch),
                PEER(test_changes),
                BROKER(test_changes),
                PEER(test_coalesces),
                PEER(test_comes_and_goes),
                PEER(test_stopped_unit_is_quiet),
                PEER(test_freezer),
                BROKER(test_freezer_of_others),
                PEER(test_no_freezer),
                PEER(test_reload),
                PEER(test_refresh),
                BROKER(test_reconnect),
                BROKER(test_lost_while_reading),
                PEER(test_read_errors),
                BROKER(test_spoofed_signal),
                PEER(test_storm_of_others),
                PEER(test_alias),
                PEER(test_alias_of_running),
                PEER(test_hooks_may_do_anything),
                PEER(test_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
