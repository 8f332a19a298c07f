/* SPDX-License-Identifier: Apache-2.0 */
/* Transient services: what is sent, how it ends, and that the unit is let go in every case. */
#include "unit/bus/fixture.h"

#include "base/strv.h"
#include "bus/unit-run.h"

static int op_run(Call *c) {
        return unit_run_wait(c->bus, c->argument, &c->error);
}

static const char *const argv[] = { "/bin/app", "--title", "two words", "", NULL };
static const char *const environment[] = { "A=1", "B=x y", NULL };

static const UnitRun full = {
        .name = "app@0.service",
        .description = "An app",
        .argv = (char *const *) argv,
        .environment = (char *const *) environment,
        .working_directory = "/srv",
        .service_type = "simple",
        .slice = "apps.slice",
        .collect = true,
};
static const UnitRun walled = {
        .name = "app@2.service", .argv = (char *const *) argv, .runtime_max_usec = 7, .sandbox = true
};
static const UnitRun plain = { .name = "app@1.service", .argv = (char *const *) argv };

static int run(Fixture *f, const UnitRun *unit) {
        _cleanup_(call_done) Call c = CALL(f, op_run, unit->name);

        c.argument = unit;
        call_start(&c);
        TURN_UNTIL(f, c.done);
        turn_until_quiet(f); /* UnrefUnit is sent without waiting */
        return c.result;
}

static void assert_strv(char *const *l, const char *const *expected, size_t n) {
        assert_int_equal(strv_length(l), n);
        for (size_t i = 0; i < n; i++)
                assert_string_equal(l[i], expected[i]);
}

static void test_properties(void **state) {
        Fixture *f = *state;
        const FakeUnit *u;

        assert_int_equal(run(f, &full), 0);
        u = fake_systemd_find(f->fake, "app@0.service");
        assert_non_null(u);
        assert_string_equal(u->description, "An app");
        assert_string_equal(u->type, "simple");
        assert_string_equal(u->working_directory, "/srv");
        assert_string_equal(u->slice, "apps.slice");
        assert_true(u->collect);
        assert_strv(u->argv, argv, 4);
        assert_strv(u->environment, environment, 2);
        assert_string_equal(u->active_state, "active");
        assert_int_equal(u->n_references, 0);

        assert_int_equal(run(f, &plain), 0);
        u = fake_systemd_find(f->fake, "app@1.service");
        assert_non_null(u);
        assert_string_equal(u->description, "app@1.service");
        assert_string_equal(u->type, "exec");
        assert_null(u->working_directory);
        assert_null(u->slice);
        assert_null(u->environment);
        assert_false(u->collect);

        assert_int_equal(run(f, &plain), -EEXIST);
        fake_unit_exit(f->fake, "app@1.service", 0);
        assert_null(fake_systemd_find(f->fake, "app@1.service"));
        assert_int_equal(run(f, &plain), 0);
}

/* The reference that somebody else's start took is not ours to give back. */
static void test_sandbox(void **state) {
        Fixture *f = *state;
        const FakeUnit *u;

        assert_int_equal(run(f, &walled), 0);
        u = fake_systemd_find(f->fake, "app@2.service");
        assert_non_null(u);
        assert_int_equal(u->n_walls, 24);
        assert_int_equal(u->runtime_max_usec, 7);
        assert_int_equal(run(f, &plain), 0);
        u = fake_systemd_find(f->fake, "app@1.service");
        assert_int_equal(u->n_walls + u->runtime_max_usec, 0);
}

static void test_exists(void **state) {
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "app@0.service");

        u->n_references = 1;
        assert_int_equal(run(f, &full), -EEXIST);
        assert_int_equal(u->n_references, 1);
        assert_int_equal(fake_systemd_count_calls(f->fake, "UnrefUnit"), 0);
}

static void test_failures(void **state) {
        static const struct {
                const char *result, *text;
                int status, error;
        } rows[] = {
                { "failed", "cannot execute '/bin/app'", 203, -ENOENT },
                { "failed", "cannot become user '", 217, -ESRCH },
                { "failed", "cannot go to directory '", 200, -ENOTDIR },
                { "failed", "failed (exit-code, status 1)", 1, -EIO },
                { "timeout", "timed out", 0, -ETIMEDOUT },
                { "dependency", "depends on", 0, -EPIPE },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(call_done) Call c = CALL(f, op_run, full.name);

                c.argument = &full;
                fake_systemd_set_job_result(f->fake, rows[i].result);
                fake_systemd_set_failure_status(f->fake, rows[i].status);
                call_start(&c);
                TURN_UNTIL(f, c.done);
                assert_int_equal(c.result, rows[i].error);
                assert_non_null(strstr(c.error.message, rows[i].text));
                /* It collects itself as soon as it is let go, and could be run again. */
                TURN_UNTIL(f, !fake_systemd_find(f->fake, "app@0.service"));
        }
        /* One that does not collect itself stays for people to look at. */
        fake_systemd_set_job_result(f->fake, "failed");
        fake_systemd_set_failure_status(f->fake, 1);
        assert_int_equal(run(f, &plain), -EIO);
        assert_string_equal(fake_systemd_find(f->fake, "app@1.service")->active_state, "failed");
}

static void test_refusals(void **state) {
        const UnitRun nothing = { .name = "a.service", .argv = (char *const[]){ NULL } };
        const UnitRun null = { .name = "a.service" };
        const UnitRun target = { .name = "a.target", .argv = (char *const *) argv };
        const UnitRun no_name = { .name = "a b.service", .argv = (char *const *) argv };
        Fixture *f = *state;

        assert_int_equal(run(f, &nothing), -EINVAL);
        assert_int_equal(run(f, &null), -EINVAL);
        assert_int_equal(run(f, &target), -EINVAL);
        assert_int_equal(run(f, &no_name), -EINVAL);
        fake_systemd_fail_next(f->fake, "StartTransientUnit", "org.freedesktop.DBus.Error.AccessDenied", "no");
        assert_int_equal(run(f, &full), -EACCES);
        assert_null(fake_systemd_find(f->fake, full.name));
        assert_int_equal(fake_systemd_count_calls(f->fake, "UnrefUnit"), 0);
}

static void test_cancel(void **state) {
        Fixture *f = *state;

        for (int answered = 0; answered <= 1; answered++) {
                _cleanup_(call_done) Call c = CALL(f, op_run, full.name);
                unsigned n = fake_systemd_count_calls(f->fake, "StartTransientUnit");

                c.argument = &full;
                fake_systemd_set_jobs(f->fake, answered ? FAKE_JOBS_HELD : FAKE_JOBS_AT_ONCE);
                if (!answered)
                        fake_systemd_hold(f->fake, "StartTransientUnit");
                call_start(&c);
                TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "StartTransientUnit") == n + 1);
                turn_until_quiet(f);
                fiber_cancel(c.fiber);
                assert_true(c.done);
                assert_int_equal(c.result, -ECANCELED);
                if (answered) {
                        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "UnrefUnit") == 2);
                        assert_int_equal(fake_systemd_find(f->fake, full.name)->n_references, 0);
                        fake_job_finish(f->fake, full.name, "failed");
                        assert_null(fake_systemd_find(f->fake, full.name));
                } else {
                        /* The real manager handles calls in order; ours was held back and has to let go by hand. */
                        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "UnrefUnit") == 1);
                        fake_systemd_release(f->fake);
                        fake_systemd_find(f->fake, full.name)->n_references = 0;
                        fake_unit_exit(f->fake, full.name, 0);
                }
        }
}

static void test_lost(void **state) {
        Fixture *f = *state;
        _cleanup_(call_done) Call c = CALL(f, op_run, full.name), d = CALL(f, op_run, plain.name);

        fake_systemd_set_jobs(f->fake, FAKE_JOBS_HELD);
        c.argument = &full;
        call_start(&c);
        TURN_UNTIL(f, fake_systemd_find(f->fake, full.name));
        turn_until_quiet(f);
        fake_systemd_leave(f->fake);
        TURN_UNTIL(f, !bus_is_connected(f->bus));
        fake_systemd_return(f->fake);
        turn_until_quiet(f);
        assert_false(c.done);
        fake_job_finish(f->fake, full.name, "done");
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, 0);

        /* Started and gone before we are back: nobody can say how it went. */
        d.argument = &plain;
        call_start(&d);
        TURN_UNTIL(f, fake_systemd_find(f->fake, plain.name));
        turn_until_quiet(f);
        fake_systemd_leave(f->fake);
        fake_systemd_find(f->fake, plain.name)->n_references = 0;
        fake_job_finish(f->fake, plain.name, "done");
        fake_unit_exit(f->fake, plain.name, 0);
        turn_until_quiet(f);
        fake_systemd_return(f->fake);
        TURN_UNTIL(f, d.done);
        assert_int_equal(d.result, -ECONNRESET);
        turn_until_quiet(f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_properties, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_sandbox, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_properties, fixture_setup_listening, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_exists, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_failures, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_refusals, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_cancel, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_lost, fixture_setup_listening, fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
