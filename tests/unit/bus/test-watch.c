/* SPDX-License-Identifier: Apache-2.0 */
/* Watching units: what is told, when, how often, and what it costs the manager. */
#include "unit/bus/watch-fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "bus/unit-cgroup.h"

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
        /* None, unless the loop is so slow that UnitNew and UnitRemoved come apart. */
        assert_in_range(fake_systemd_count_calls(f->fake, "ListUnitsByPatterns"), 0, 10);

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
                TURN_UNTIL(f, t.n == 1);
                turn_until_quiet(f);
                assert_told(&t, "a.service loaded/active/running/frozen; ");
                fake_unit_set_freezer_state(f->fake, "a.service", "running");
                write_events(file, "populated 1\nfrozen 0\n");
                TURN_UNTIL(f, t.n == 1);
                turn_until_quiet(f);
                assert_told(&t, "a.service loaded/active/running/running; ");
                assert_return_code(unlink(file), errno);
                fake_unit_exit(f->fake, "a.service", 0);
                TURN_UNTIL(f, t.n == 1);
                turn_until_quiet(f);
                write_events(file, "populated 1\nfrozen 0\n");
                if (i == 1)
                        fake_systemd_disconnect(f->fake);
                fake_unit_set_state(f->fake, "a.service", "active", "running");
                TURN_UNTIL(f, t.n_synced == (i < 1 ? 1 : 2) && t.n == 2);
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
                PEER(test_alias),
                PEER(test_alias_of_running),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
