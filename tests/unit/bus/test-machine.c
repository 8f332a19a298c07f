/* SPDX-License-Identifier: Apache-2.0 */
/* Services beside the manager: what they are told, what they refuse, and that nobody waits for one that is silent. */
#include "unit/bus/fixture.h"

#include "bus/locale1.h"
#include "bus/manager-environment.h"
#include "bus/notifications.h"
#include "bus/timedate1.h"

static int op_locale(Call *c) {
        char *assignments[] = { (char *) c->name, (char *) "LC_TIME=C", NULL };

        return locale1_set_wait(c->bus, assignments, USEC_INFINITY, &c->error);
}

static int op_zone(Call *c) {
        usec_t soon = usec_add(time_now(CLOCK_MONOTONIC), 20 * USEC_PER_MSEC);

        return timedate1_set_zone_wait(c->bus, c->name, c->argument ? soon : USEC_INFINITY, &c->error);
}

static int op_environment(Call *c) {
        char *names[] = { (char *) "LANG", (char *) "LC_ALL", NULL }, *assignments[] = { (char *) c->name, NULL };

        return manager_environment_change_wait(c->bus, names, assignments, USEC_INFINITY, &c->error);
}

static int op_notify(Call *c) {
        const Notification n = { "event", "icon", c->name, "body", 2 };

        return notification_show_wait(c->bus, &n, USEC_INFINITY, &c->error);
}

static const struct {
        operation_t operation;
        const char *member;
} operations[] = {
        { op_locale, "SetLocale" },
        { op_zone, "SetTimezone" },
        { op_environment, "UnsetAndSetEnvironment" },
        { op_notify, "Notify" },
};

static void test_told(void **state) {
        Fixture *f = *state;
        const FakeMachine *m = fake_systemd_get_machine(f->fake);

        assert_int_equal(call_run(f, op_locale, "LANG=fi_FI.UTF-8"), 0);
        assert_string_equal(m->locale, "LANG=fi_FI.UTF-8 LC_TIME=C");
        assert_int_equal(call_run(f, op_zone, "Europe/Helsinki"), 0);
        assert_string_equal(m->timezone, "Europe/Helsinki");
        assert_int_equal(call_run(f, op_environment, "LANG=C"), 0);
        assert_string_equal(m->environment, "-LANG -LC_ALL LANG=C");
        assert_int_equal(call_run(f, op_notify, "title"), 0);
        assert_string_equal(m->notification, "event|icon|title|body|2");
}

static void test_refused(void **state) {
        static const struct {
                const char *error;
                int result;
        } refusals[] = {
                { "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", -EACCES },
                { "org.freedesktop.DBus.Error.InvalidArgs", -EINVAL },
                { "org.freedesktop.DBus.Error.ServiceUnknown", -ENOTCONN },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(operations); i++)
                for (size_t k = 0; k < ELEMENTSOF(refusals); k++) {
                        _cleanup_(call_done) Call c = CALL(f, operations[i].operation, "x");

                        fake_systemd_fail_next(f->fake, operations[i].member, refusals[k].error, "It is so.");
                        call_start(&c);
                        TURN_UNTIL(f, c.done);
                        assert_int_equal(c.result, refusals[k].result);
                        assert_string_equal(c.error.message, "It is so.");
                }
}

static void test_silent(void **state) {
        Fixture *f = *state;
        _cleanup_(call_done) Call c = CALL(f, op_zone, "UTC");

        c.argument = "soon";
        fake_systemd_hold(f->fake, "SetTimezone");
        call_start(&c);
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, -ETIMEDOUT);
        fake_systemd_release(f->fake);
}

static void test_left(void **state) {
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(operations); i++) {
                _cleanup_(call_done) Call c = CALL(f, operations[i].operation, "x");

                fake_systemd_hold(f->fake, operations[i].member);
                call_start(&c);
                TURN_UNTIL(f, fake_systemd_count_calls(f->fake, operations[i].member) > 0);
                fiber_cancel(c.fiber);
                TURN_UNTIL(f, c.done);
                assert_int_equal(c.result, -ECANCELED);
                fake_systemd_release(f->fake);
        }
}

static void test_without_a_bus(void **state) {
        Fixture *f = *state;

        fake_systemd_disconnect(f->fake);
        TURN_UNTIL(f, !bus_is_connected(f->bus));
        for (size_t i = 0; i < ELEMENTSOF(operations); i++)
                assert_int_equal(call_run(f, operations[i].operation, "x"), -ENOTCONN);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_told, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_told, fixture_setup_listening, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_refused, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_silent, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_left, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_without_a_bus, fixture_setup_listening, fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
