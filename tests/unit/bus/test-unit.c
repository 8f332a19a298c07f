/* SPDX-License-Identifier: Apache-2.0 */
/* Names, states, and how one unit is asked for, frozen and thawed. */
#include "bus/unit-usage.h"
#include "unit/bus/fixture.h"

static void test_names(_unused_ void **state) {
        static const char *const valid[] = { "a.service", "-@-.service", "1@1.service", "valid@my-service.service",
                "a@b@c.service", "a.b.socket", "dev-disk-by\\x2dlabel-x.device", "x:y_z.mount", "-.slice",
                "a.automount", "a.path", "a.scope", "a.swap", "a.target", "a.timer", "foo@0.service" };
        static const char *const invalid[] = { "", ".", "a", ".service", "a.", "a.servic", "a.services", "a.Service",
                "@.service", "@1.service", "my-service@.service", "a b.service", "a/b.service", "a\n.service",
                "a*.service", "a?.service", "a[b].service", "\xc3\xa4.service", "a.service ", "a.snapshot",
                "a,b.service", "service" };
        char name[300];

        for (size_t i = 0; i < ELEMENTSOF(valid); i++)
                if (!unit_name_is_valid(valid[i]))
                        fail_msg("'%s' should be valid", valid[i]);
        for (size_t i = 0; i < ELEMENTSOF(invalid); i++)
                if (unit_name_is_valid(invalid[i]))
                        fail_msg("'%s' should be invalid", invalid[i]);
        assert_false(unit_name_is_valid(NULL));
        for (size_t size = UNIT_NAME_SIZE_MAX; size <= UNIT_NAME_SIZE_MAX + 1; size++) {
                memset(name, 'a', size);
                strcpy(name + size - strlen(".service"), ".service");
                assert_int_equal(strlen(name), size);
                assert_int_equal(unit_name_is_valid(name), size == UNIT_NAME_SIZE_MAX);
        }
}

static void assert_status(
                const UnitStatus *s, const char *load, const char *active, const char *sub, const char *freezer) {
        assert_string_equal(s->load_state, load);
        assert_string_equal(s->active_state, active);
        assert_string_equal(s->sub_state, sub);
        assert_string_equal(s->freezer_state, freezer);
}

static void status_run(Fixture *f, Call *c, const char *name) {
        *c = (Call) CALL(f, op_status, name);
        call_start(c);
        TURN_UNTIL(f, c->done);
        assert_return_code(c->result, -c->result);
}

static void test_status(void **state) {
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "a.service");
        Call c;

        fake_systemd_add_alias(f->fake, "b.service", "a.service");
        status_run(f, &c, "nosuch.service");
        assert_string_equal(c.status.name, "nosuch.service");
        assert_string_equal(c.status.path, "/org/freedesktop/systemd1/unit/nosuch_2eservice");
        assert_status(&c.status, "not-found", "inactive", "dead", "running");
        call_done(&c);
        status_run(f, &c, "a.service");
        assert_status(&c.status, "loaded", "inactive", "dead", "running");
        call_done(&c);
        assert_false(u->loaded);
        assert_int_equal(fake_systemd_count_calls(f->fake, "Get"), 0);
        assert_int_equal(call_run(f, op_start, "a.service"), 0);
        status_run(f, &c, "b.service");
        assert_string_equal(c.status.name, "a.service");
        assert_status(&c.status, "loaded", "active", "running", "running");
        call_done(&c);
        fake_unit_set_freezer_state(f->fake, "a.service", "frozen");
        status_run(f, &c, "a.service");
        assert_status(&c.status, "loaded", "active", "running", "frozen");
        call_done(&c);
        fake_systemd_have_freezer(f->fake, false);
        status_run(f, &c, "a.service");
        assert_status(&c.status, "loaded", "active", "running", "running");
        call_done(&c);
        assert_int_equal(fake_systemd_count_calls(f->fake, "LoadUnit"), 0);
}

static void test_status_errors(void **state) {
        static const struct {
                const char *member, *error;
                int result;
        } rows[] = {
                { "ListUnitsByNames", "org.freedesktop.DBus.Error.AccessDenied", -EACCES },
                { "ListUnitsByNames", "org.freedesktop.systemd1.ShuttingDown", -ESHUTDOWN },
                { "Get", "org.freedesktop.DBus.Error.AccessDenied", -EACCES },
        };
        Fixture *f = *state;

        fake_systemd_add(f->fake, "a.service");
        assert_int_equal(call_run(f, op_start, "a.service"), 0);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                fake_systemd_fail_next(f->fake, rows[i].member, rows[i].error, "no");
                assert_int_equal(call_run(f, op_status, "a.service"), rows[i].result);
        }
        assert_int_equal(call_run(f, op_status, "a"), -EINVAL);
        assert_int_equal(call_run(f, op_status, "a@.service"), -EINVAL);
}

/* Lost or cancelled in each of the waits of these calls. */
static const struct {
        operation_t operation;
        const char *member;
} waits[] = {
        { op_status, "ListUnitsByNames" },
        { op_status, "Get" },
        { op_freeze, "Get" },
        { op_freeze, "FreezeUnit" },
        { op_thaw, "ThawUnit" },
};

static void test_cancel(void **state) {
        Fixture *f = *state;

        fake_systemd_add(f->fake, "a.service");
        assert_int_equal(call_run(f, op_start, "a.service"), 0);
        for (size_t i = 0; i < ELEMENTSOF(waits); i++) {
                _cleanup_(call_done) Call c = CALL(f, waits[i].operation, "a.service");
                unsigned n = fake_systemd_count_calls(f->fake, waits[i].member);

                fake_systemd_hold(f->fake, waits[i].member);
                call_start(&c);
                TURN_UNTIL(f, fake_systemd_count_calls(f->fake, waits[i].member) == n + 1);
                fiber_cancel(c.fiber);
                assert_true(c.done);
                assert_int_equal(c.result, -ECANCELED);
                fake_systemd_release(f->fake);
                turn_until_quiet(f);
        }
}

static void test_lost(void **state) {
        Fixture *f = *state;

        fake_systemd_add(f->fake, "a.service");
        assert_int_equal(call_run(f, op_start, "a.service"), 0);
        for (size_t i = 0; i < ELEMENTSOF(waits); i++)
                for (int manager = 0; manager <= 1; manager++) {
                        _cleanup_(call_done) Call c = CALL(f, waits[i].operation, "a.service");
                        unsigned n = fake_systemd_count_calls(f->fake, waits[i].member);

                        fake_unit_set_freezer_state(
                                        f->fake, "a.service", waits[i].operation == op_thaw ? "frozen" : "running");
                        fake_systemd_hold(f->fake, waits[i].member);
                        call_start(&c);
                        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, waits[i].member) == n + 1);
                        if (manager) {
                                fake_systemd_leave(f->fake);
                                TURN_UNTIL(f, !bus_is_connected(f->bus));
                                fake_systemd_return(f->fake);
                        } else {
                                fake_systemd_disconnect(f->fake);
                                fake_systemd_release(f->fake);
                        }
                        TURN_UNTIL(f, c.done);
                        assert_int_equal(c.result, -ECONNRESET);
                        TURN_UNTIL(f, bus_is_connected(f->bus));
                }
}

/* The manager has done it, or is about to, but its answer is lost. */
static void test_freeze_answer_lost(void **state) {
        Fixture *f = *state;
        _cleanup_(call_done) Call c = CALL(f, op_freeze, "a.service");

        fake_systemd_add(f->fake, "a.service");
        assert_int_equal(call_run(f, op_start, "a.service"), 0);
        fake_systemd_hold(f->fake, "FreezeUnit");
        call_start(&c);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "FreezeUnit") == 1);
        fake_unit_set_freezer_state(f->fake, "a.service", "freezing");
        fake_systemd_leave(f->fake);
        turn_until_quiet(f);
        fake_systemd_return(f->fake);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "Get") >= 3);
        assert_false(c.done);
        fake_unit_set_freezer_state(f->fake, "a.service", "frozen");
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, 0);
}

static void test_freeze(void **state) {
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "a.service");
        _cleanup_(call_done) Call c = CALL(f, op_freeze, "a.service");

        assert_int_equal(call_run(f, op_freeze, "a.service"), -ENOENT);
        assert_int_equal(call_run(f, op_thaw, "nosuch.service"), -ENOENT);
        assert_int_equal(call_run(f, op_freeze, "a"), -EINVAL);
        assert_int_equal(call_run(f, op_start, "a.service"), 0);
        assert_int_equal(call_run(f, op_thaw, "a.service"), -EALREADY);
        assert_int_equal(call_run(f, op_freeze, "a.service"), 0);
        assert_string_equal(u->freezer_state, "frozen");
        assert_int_equal(call_run(f, op_freeze, "a.service"), -EALREADY);
        assert_int_equal(call_run(f, op_thaw, "a.service"), 0);
        assert_string_equal(u->freezer_state, "running");
        fake_unit_queue_job(f->fake, "a.service", "stop");
        assert_int_equal(call_run(f, op_freeze, "a.service"), -EHOSTDOWN);
        fake_job_finish(f->fake, "a.service", "done");
        fake_systemd_add(f->fake, "a.target");
        fake_unit_set_state(f->fake, "a.target", "active", "active");
        call_start(&c);
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, -ENOENT);
        assert_string_equal(strempty(c.error.name), "org.freedesktop.systemd1.NoSuchUnit");
        assert_int_equal(call_run(f, op_freeze, "a.target"), -EOPNOTSUPP);
        /* An old manager. */
        fake_systemd_have_freezer(f->fake, false);
        fake_systemd_fail_next(f->fake, "FreezeUnit", "org.freedesktop.DBus.Error.UnknownMethod", "no");
        assert_int_equal(call_run(f, op_freeze, "a.target"), -EOPNOTSUPP);
}

static UnitUsage usage;

static int op_usage(Call *c) {
        return unit_usage_wait(c->bus, c->name, &usage);
}

static void test_usage(void **state) {
        Fixture *f = *state;
        FakeUnit *u;

        fake_systemd_add(f->fake, "a.service");
        fake_unit_set_state(f->fake, "a.service", "active", "running");
        u = fake_systemd_find(f->fake, "a.service");
        u->cpu_usage_nsec = 7;
        u->memory_current = 4096;
        u->inactive_exit = 12;
        assert_int_equal(call_run(f, op_usage, "a.service"), 0);
        assert_int_equal(usage.cpu_nsec, 7);
        assert_int_equal(usage.memory, 4096);
        assert_int_equal(usage.begin, 12);
        u->cpu_usage_nsec = UINT64_MAX;
        assert_int_equal(call_run(f, op_usage, "a.service"), -ENODATA);
        u->cpu_usage_nsec = 7;
        u->memory_current = UINT64_MAX;
        assert_int_equal(call_run(f, op_usage, "a.service"), -ENODATA);
        assert_int_equal(call_run(f, op_usage, "a.target"), -EOPNOTSUPP);
        assert_int_equal(call_run(f, op_usage, "b.scope"), -ENODATA);
        fake_systemd_fail_next(f->fake, "Get", "org.freedesktop.DBus.Error.UnknownObject", "no");
        assert_int_equal(call_run(f, op_usage, "a.service"),
                        bus_error_to_errno("org.freedesktop.DBus.Error.UnknownObject"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test_setup_teardown(test_status, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_status, fixture_setup_listening, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_status_errors, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_cancel, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_lost, fixture_setup_listening, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_freeze_answer_lost, fixture_setup_listening, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_freeze, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_usage, fixture_setup, fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
