/* SPDX-License-Identifier: Apache-2.0 */
/* Watching units when things go wrong: lost connections, errors, forgeries, storms, limits, hooks that do anything. */
#include "unit/bus/watch-fixture.h"

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

int main(void) {
#define PEER(t)   cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
#define BROKER(t) cmocka_unit_test_setup_teardown(t, fixture_setup_listening, fixture_teardown)
        const struct CMUnitTest tests[] = {
                BROKER(test_reconnect),
                BROKER(test_lost_while_reading),
                PEER(test_read_errors),
                BROKER(test_spoofed_signal),
                PEER(test_storm_of_others),
                PEER(test_limits),
                PEER(test_hooks_may_do_anything),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
