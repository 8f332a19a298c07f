/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: results, errors, races between the answer and JobRemoved, the bus lost and the caller gone in the middle. */
#include "unit/bus/fixture.h"

#include <signal.h>

#include "bus/bus-internal.h"

static void test_start_stop(void **state) {
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "a.service");

        assert_int_equal(call_run(f, op_start, "a.service"), 0);
        assert_string_equal(u->active_state, "active");
        assert_int_equal(call_run(f, op_restart, "a.service"), 0);
        assert_int_equal(u->n_starts, 2);
        assert_int_equal(call_run(f, op_stop, "a.service"), 0);
        assert_string_equal(u->active_state, "inactive");
        assert_int_equal(u->n_stops, 1);
}

static void test_waits_for_the_job(void **state) {
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "a.service");
        _cleanup_(call_done) Call c = CALL(f, op_start, "a.service");

        fake_systemd_set_jobs(f->fake, FAKE_JOBS_HELD);
        call_start(&c);
        TURN_UNTIL(f, u->job != 0);
        turn_until_quiet(f);
        assert_false(c.done);
        fake_systemd_send_foreign_jobs(f->fake, 100);
        turn_until_quiet(f);
        assert_false(c.done);
        fake_job_finish(f->fake, "a.service", "done");
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, 0);
}

static void test_results(void **state) {
        static const struct {
                const char *result, *text;
                int error;
        } rows[] = {
                { "done", NULL, 0 },
                { "failed", "failed (exit-code, status 7)", -EIO },
                { "timeout", "timed out", -ETIMEDOUT },
                { "dependency", "a unit that it depends on did not start", -EPIPE },
                { "canceled", "was canceled by another job", -EINTR },
                { "skipped", "does not apply", -EALREADY },
                { "invalid", "not loaded", -ENOEXEC },
                { "assert", "assertion", -EPROTO },
                { "unsupported", "not supported", -EOPNOTSUPP },
                { "collected", "unloaded", -EINTR },
                { "once", "only once", -EPERM },
                { "frozen", "is frozen", -EBUSY },
                { "concurrency", "too many units", -EBUSY },
                { "some-day", "not known", -EIO },
        };
        Fixture *f = *state;

        fake_systemd_add(f->fake, "a.service");
        fake_systemd_set_failure_status(f->fake, 7);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(call_done) Call c = CALL(f, op_start, "a.service");

                fake_systemd_set_job_result(f->fake, rows[i].result);
                call_start(&c);
                TURN_UNTIL(f, c.done);
                assert_int_equal(c.result, rows[i].error);
                assert_int_equal(c.error.name != NULL, rows[i].error != 0);
                if (rows[i].text) {
                        assert_non_null(strstr(c.error.message, "The start job of unit 'a.service' "));
                        assert_non_null(strstr(c.error.message, rows[i].text));
                }
        }
}

static void test_refusals(void **state) {
        Fixture *f = *state;
        _cleanup_(call_done) Call c = CALL(f, op_start, "masked.service");

        fake_systemd_add(f->fake, "masked.service");
        fake_unit_set_load_state(f->fake, "masked.service", "masked");
        fake_systemd_add(f->fake, "broken.service");
        fake_unit_set_load_state(f->fake, "broken.service", "error");
        fake_systemd_add(f->fake, "a.service");
        assert_int_equal(call_run(f, op_start, "nosuch.service"), -ENOENT);
        assert_int_equal(call_run(f, op_restart, "nosuch.service"), -ENOENT);
        assert_int_equal(call_run(f, op_stop, "a.service"), -ENOENT); /* not loaded */
        assert_int_equal(call_run(f, op_start, "broken.service"), -ENOEXEC);
        assert_int_equal(call_run(f, op_start, "not a name"), -EINVAL);
        assert_int_equal(call_run(f, op_start, ""), -EINVAL);
        fake_systemd_fail_next(f->fake, "StartUnit", "org.freedesktop.DBus.Error.AccessDenied", "No.");
        assert_int_equal(call_run(f, op_start, "a.service"), -EACCES);
        fake_systemd_fail_next(
                        f->fake, "StartUnit", "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", "No.");
        assert_int_equal(call_run(f, op_start, "a.service"), -EACCES);
        call_start(&c);
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, -ENOEXEC);
        assert_string_equal(c.error.name, "org.freedesktop.systemd1.UnitMasked");
        assert_string_equal(c.error.message, "Unit masked.service is masked.");
}

static void test_removed_before_answer(void **state) {
        Fixture *f = *state;

        fake_systemd_add(f->fake, "a.service");
        fake_systemd_set_jobs(f->fake, FAKE_JOBS_EARLY);
        assert_int_equal(call_run(f, op_start, "a.service"), 0);
        fake_systemd_set_job_result(f->fake, "failed");
        assert_int_equal(call_run(f, op_start, "a.service"), -EIO);
        fake_systemd_set_job_result(f->fake, "timeout");
        assert_int_equal(call_run(f, op_restart, "a.service"), -ETIMEDOUT);
}

/* So many foreign jobs end before the answer comes that ours may have been forgotten: the unit is looked at. */
static void test_removed_before_answer_in_a_storm(void **state) {
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "a.service");
        _cleanup_(call_done) Call c = CALL(f, op_start, "a.service"), d = CALL(f, op_start, "a.service");

        fake_systemd_hold(f->fake, "StartUnit");
        call_start(&c);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "StartUnit") == 1);
        fake_systemd_send_foreign_jobs(f->fake, 200);
        turn_until_quiet(f);
        fake_systemd_release(f->fake);
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, 0);

        fake_systemd_set_jobs(f->fake, FAKE_JOBS_HELD);
        fake_systemd_hold(f->fake, "StartUnit");
        call_start(&d);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "StartUnit") == 2);
        fake_systemd_send_foreign_jobs(f->fake, 200);
        turn_until_quiet(f);
        fake_systemd_release(f->fake);
        TURN_UNTIL(f, u->job != 0);
        turn_until_quiet(f);
        assert_false(d.done);
        fake_job_finish(f->fake, "a.service", "failed");
        TURN_UNTIL(f, d.done);
        assert_int_equal(d.result, -EIO);
}

/* JobRemoved has passed, and so many after it that it was forgotten. */
static void test_removed_long_before_answer(void **state) {
        Fixture *f = *state;

        fake_systemd_add(f->fake, "a.service");
        fake_systemd_set_jobs(f->fake, FAKE_JOBS_EARLY);
        for (unsigned n = BUS_JOBS_REMEMBERED - 2; n <= BUS_JOBS_REMEMBERED + 2; n++) {
                fake_systemd_set_foreign_jobs(f->fake, n);
                fake_systemd_set_job_result(f->fake, "done");
                assert_int_equal(call_run(f, op_restart, "a.service"), 0);
                fake_systemd_set_job_result(f->fake, "failed");
                assert_int_equal(call_run(f, op_restart, "a.service"), -EIO);
        }
}

static void test_replaced(void **state) {
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "a.service");
        _cleanup_(call_done) Call c = CALL(f, op_start, "a.service"), d = CALL(f, op_stop, "a.service");

        fake_systemd_set_jobs(f->fake, FAKE_JOBS_HELD);
        call_start(&c);
        TURN_UNTIL(f, u->job != 0);
        call_start(&d);
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, -EINTR);
        assert_false(d.done);
        fake_job_finish(f->fake, "a.service", "done");
        TURN_UNTIL(f, d.done);
        assert_int_equal(d.result, 0);
}

/* Two that want the same share systemd's job, and both are told. */
static void test_shared(void **state) {
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "a.service");
        _cleanup_(call_done) Call c = CALL(f, op_start, "a.service"), d = CALL(f, op_start, "a.service");

        fake_systemd_set_jobs(f->fake, FAKE_JOBS_HELD);
        call_start(&c);
        call_start(&d);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "StartUnit") == 2);
        turn_until_quiet(f);
        assert_int_not_equal(u->job, 0);
        fake_job_finish(f->fake, "a.service", "failed");
        TURN_UNTIL(f, c.done && d.done);
        assert_int_equal(c.result, -EIO);
        assert_int_equal(d.result, -EIO);
}

static void test_many_at_once(void **state) {
        Call calls[100];
        char names[ELEMENTSOF(calls)][32];
        Fixture *f = *state;

        fake_systemd_set_jobs(f->fake, FAKE_JOBS_HELD);
        for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
                (void) snprintf(names[i], sizeof(names[i]), "app@%zu.service", i);
                fake_systemd_add(f->fake, names[i]);
                calls[i] = (Call) CALL(f, op_start, names[i]);
                call_start(&calls[i]);
        }
        for (size_t i = ELEMENTSOF(calls); i-- > 0;) {
                TURN_UNTIL(f, fake_systemd_find(f->fake, names[i])->job != 0);
                fake_job_finish(f->fake, names[i], i % 2 ? "done" : "timeout");
        }
        for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
                TURN_UNTIL(f, calls[i].done);
                assert_int_equal(calls[i].result, i % 2 ? 0 : -ETIMEDOUT);
                call_done(&calls[i]);
        }
}

static void test_cancel(void **state) {
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "a.service");
        _cleanup_(call_done) Call c = CALL(f, op_start, "a.service"), d = CALL(f, op_stop, "a.service");

        /* While the call has no answer, */
        fake_systemd_hold(f->fake, "StartUnit");
        call_start(&c);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "StartUnit") == 1);
        fiber_cancel(c.fiber);
        assert_true(c.done);
        assert_int_equal(c.result, -ECANCELED);
        fake_systemd_release(f->fake);
        turn_until_quiet(f);
        assert_string_equal(u->active_state, "active");

        /* and while the job goes on. */
        fake_systemd_set_jobs(f->fake, FAKE_JOBS_HELD);
        call_start(&d);
        TURN_UNTIL(f, u->job != 0);
        turn_until_quiet(f);
        fiber_cancel(d.fiber);
        assert_true(d.done);
        assert_int_equal(d.result, -ECANCELED);
        fake_job_finish(f->fake, "a.service", "done");
        turn_until_quiet(f);
        assert_string_equal(u->active_state, "inactive");
}

/* A peer connection is not replaced: whoever waits is told. */
static void test_connection_ends(void **state) {
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "a.service");
        _cleanup_(call_done) Call c = CALL(f, op_start, "a.service"), d = CALL(f, op_start, "b.service");

        fake_systemd_add(f->fake, "b.service");
        fake_systemd_set_jobs(f->fake, FAKE_JOBS_HELD);
        call_start(&c);
        TURN_UNTIL(f, u->job != 0);
        turn_until_quiet(f);
        fake_systemd_hold(f->fake, "StartUnit");
        call_start(&d);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "StartUnit") == 2);
        fake_systemd_disconnect(f->fake);
        TURN_UNTIL(f, c.done && d.done);
        assert_int_equal(c.result, -ENOTCONN);
        assert_int_equal(d.result, -ENOTCONN);
        assert_int_equal(call_run(f, op_start, "a.service"), -ENOTCONN);
}

typedef enum Loss {
        LOSS_OF_CONNECTION,
        LOSS_OF_MANAGER,
} Loss;

static void lose(Fixture *f, Loss loss) {
        if (loss == LOSS_OF_CONNECTION)
                fake_systemd_disconnect(f->fake);
        else
                fake_systemd_leave(f->fake);
        TURN_UNTIL(f, !bus_is_connected(f->bus));
}

static void find_again(Fixture *f, Loss loss) {
        if (loss == LOSS_OF_MANAGER)
                fake_systemd_return(f->fake);
        TURN_UNTIL(f, bus_is_connected(f->bus));
}

/* The job goes on without us, and we find it again. */
static void test_lost_and_found(void **state) {
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "a.service");

        fake_systemd_set_jobs(f->fake, FAKE_JOBS_HELD);
        for (Loss loss = LOSS_OF_CONNECTION; loss <= LOSS_OF_MANAGER; loss++) {
                _cleanup_(call_done) Call c = CALL(f, op_restart, "a.service");

                call_start(&c);
                TURN_UNTIL(f, u->job != 0);
                turn_until_quiet(f);
                lose(f, loss);
                assert_false(c.done);
                find_again(f, loss);
                turn_until_quiet(f);
                assert_false(c.done);
                lose(f, loss);
                find_again(f, loss);
                turn_until_quiet(f);
                assert_false(c.done);
                fake_job_finish(f->fake, "a.service", "timeout");
                TURN_UNTIL(f, c.done);
                assert_int_equal(c.result, -ETIMEDOUT);
        }
}

/* The job ends while we are away: the unit's state is the judge. */
static void test_lost_and_ended(void **state) {
        static const struct {
                operation_t operation;
                const char *result;
                int error;
        } rows[] = {
                { op_start, "done", 0 },
                { op_stop, "done", 0 },
                { op_start, "failed", -EIO },
                { op_restart, "done", 0 },
                { op_restart, "failed", -EIO },
                { op_start, "timeout", 0 }, /* inactive, but begun since then: it may have been a oneshot */
                { op_start, "done", 0 },
                { op_stop, "timeout", -ECONNRESET },
        };
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "a.service");

        u->n_references = 1; /* stays loaded */
        fake_systemd_set_jobs(f->fake, FAKE_JOBS_HELD);
        for (Loss loss = LOSS_OF_CONNECTION; loss <= LOSS_OF_MANAGER; loss++)
                for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                        _cleanup_(call_done) Call c = CALL(f, rows[i].operation, "a.service");

                        call_start(&c);
                        TURN_UNTIL(f, u->job != 0);
                        turn_until_quiet(f);
                        lose(f, loss);
                        fake_job_finish(f->fake, "a.service", rows[i].result);
                        find_again(f, loss);
                        TURN_UNTIL(f, c.done);
                        assert_int_equal(c.result, rows[i].error);
                }
}

/* A oneshot has been started although it is inactive; one that never began has not. */
static void test_lost_oneshot(void **state) {
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "once.service");

        assert_true(str_replace(&u->type, "oneshot") >= 0);
        fake_systemd_set_jobs(f->fake, FAKE_JOBS_HELD);
        for (int began = 0; began <= 1; began++) {
                _cleanup_(call_done) Call c = CALL(f, op_start, "once.service");

                call_start(&c);
                TURN_UNTIL(f, u->job != 0);
                turn_until_quiet(f);
                lose(f, LOSS_OF_MANAGER);
                fake_job_finish(f->fake, "once.service", "done");
                if (!began)
                        u->inactive_exit = 1;
                find_again(f, LOSS_OF_MANAGER);
                TURN_UNTIL(f, c.done);
                assert_int_equal(c.result, began ? 0 : -ECONNRESET);
        }
}

/* The answer is lost, so that we do not know which job is ours, nor whether there is one. */
static void test_answer_lost(void **state) {
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "a.service");

        for (Loss loss = LOSS_OF_CONNECTION; loss <= LOSS_OF_MANAGER; loss++) {
                _cleanup_(call_done) Call c = CALL(f, op_restart, "a.service"), d = CALL(f, op_restart, "a.service"),
                                          e = CALL(f, op_restart, "a.service");
                unsigned n = fake_systemd_count_calls(f->fake, "RestartUnit");

                /* Never arrived: the unit has no job and was not started since. */
                fake_systemd_hold(f->fake, "RestartUnit");
                call_start(&c);
                TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "RestartUnit") == n + 1);
                lose(f, loss);
                find_again(f, loss);
                TURN_UNTIL(f, c.done);
                assert_int_equal(c.result, -ECONNRESET);
                assert_string_equal(strempty(c.error.name), "org.freedesktop.DBus.Error.Disconnected");

                /* Arrived: the unit has a job, which ends later. */
                fake_systemd_hold(f->fake, "RestartUnit");
                call_start(&d);
                TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "RestartUnit") == n + 2);
                lose(f, loss);
                fake_unit_queue_job(f->fake, "a.service", "restart");
                find_again(f, loss);
                turn_until_quiet(f);
                assert_false(d.done);
                fake_job_finish(f->fake, "a.service", "done");
                TURN_UNTIL(f, d.done);
                assert_int_equal(d.result, 0);
                assert_string_equal(u->active_state, "active");

                /* It has a job, but that is another's, who wanted the contrary. */
                fake_systemd_hold(f->fake, "RestartUnit");
                call_start(&e);
                TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "RestartUnit") == n + 3);
                lose(f, loss);
                fake_unit_queue_job(f->fake, "a.service", "stop");
                find_again(f, loss);
                turn_until_quiet(f);
                assert_false(e.done);
                u->n_references = 1;
                fake_job_finish(f->fake, "a.service", "done");
                TURN_UNTIL(f, e.done);
                assert_int_equal(e.result, -ECONNRESET);
                u->n_references = 0;
        }
}

static void test_cancel_while_lost(void **state) {
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "a.service");
        _cleanup_(call_done) Call c = CALL(f, op_start, "a.service"), d = CALL(f, op_start, "a.service");

        fake_systemd_set_jobs(f->fake, FAKE_JOBS_HELD);
        call_start(&c);
        call_start(&d);
        TURN_UNTIL(f, u->job != 0);
        turn_until_quiet(f);
        lose(f, LOSS_OF_MANAGER);
        fiber_cancel(c.fiber);
        assert_true(c.done);
        assert_int_equal(c.result, -ECANCELED);

        /* And in the middle of looking for the job. */
        fake_systemd_hold(f->fake, "Get");
        fake_systemd_return(f->fake);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "Get") == 1);
        fiber_cancel(d.fiber);
        assert_true(d.done);
        assert_int_equal(d.result, -ECANCELED);
        fake_systemd_release(f->fake);
        fake_job_finish(f->fake, "a.service", "done");
        turn_until_quiet(f);
}

/* The job ends, and the connection is lost, while it is being looked for. */
static void test_events_during_recovery(void **state) {
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "a.service");
        _cleanup_(call_done) Call c = CALL(f, op_start, "a.service");

        fake_systemd_set_jobs(f->fake, FAKE_JOBS_HELD);
        call_start(&c);
        TURN_UNTIL(f, u->job != 0);
        turn_until_quiet(f);
        lose(f, LOSS_OF_MANAGER);
        fake_systemd_hold(f->fake, "Get");
        fake_systemd_return(f->fake);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "Get") == 1);
        lose(f, LOSS_OF_MANAGER);
        fake_systemd_hold(f->fake, "Get");
        fake_systemd_return(f->fake);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "Get") == 2);
        fake_job_finish(f->fake, "a.service", "dependency");
        turn_until_quiet(f);
        assert_false(c.done);
        fake_systemd_release(f->fake);
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, -EPIPE);
}

static void test_spoofed_signal(void **state) {
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "a.service");
        _cleanup_(call_done) Call c = CALL(f, op_start, "a.service");

        fake_systemd_set_jobs(f->fake, FAKE_JOBS_HELD);
        call_start(&c);
        TURN_UNTIL(f, u->job != 0);
        turn_until_quiet(f);
        fake_systemd_spoof_job_removed(f->fake, u->job, "a.service", "done");
        turn_until_quiet(f);
        assert_false(c.done);
        fake_job_finish(f->fake, "a.service", "failed");
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, -EIO);
}

typedef struct Kill {
        const char *whom;
        int number;
} Kill;

static int op_kill(Call *c) {
        const Kill *k = c->argument;

        return unit_kill_wait(c->bus, c->name, k->whom, k->number, &c->error);
}

static int op_reset_failed(Call *c) {
        return unit_reset_failed_wait(c->bus, c->name, &c->error);
}

static int run_kill(Fixture *f, const char *name, const char *whom, int number) {
        _cleanup_(call_done) Call c = CALL(f, op_kill, name);
        Kill k = { whom, number };

        c.argument = &k;
        call_start(&c);
        TURN_UNTIL(f, c.done);
        return c.result;
}

static void test_kill_and_reset(void **state) {
        Fixture *f = *state;
        FakeUnit *u = fake_systemd_add(f->fake, "a.service");

        assert_int_equal(run_kill(f, "a.service", "all", SIGKILL), -ENOENT);
        assert_int_equal(call_run(f, op_start, "a.service"), 0);
        assert_int_equal(run_kill(f, "a.service", "all", SIGUSR1), 0);
        assert_int_equal(u->last_signal, SIGUSR1);
        assert_string_equal(u->last_whom, "all");
        assert_int_equal(run_kill(f, "a.service", "control", SIGRTMAX), 0);
        assert_int_equal(u->last_signal, SIGRTMAX);
        assert_string_equal(u->last_whom, "control");
        u->has_no_main = true;
        assert_int_equal(run_kill(f, "a.service", "main", SIGHUP), -ESRCH);
        assert_int_equal(run_kill(f, "a.service", "all", 4711), -EINVAL);
        assert_int_equal(run_kill(f, "a.service", "all", 0), -EINVAL);
        assert_int_equal(run_kill(f, "a.service", "all", -1), -EINVAL);
        assert_int_equal(run_kill(f, "a.service", "me", SIGHUP), -EINVAL);
        assert_int_equal(run_kill(f, "a", "all", SIGUSR1), -EINVAL);
        fake_unit_exit(f->fake, "a.service", 3);
        assert_string_equal(u->active_state, "failed");
        assert_int_equal(call_run(f, op_reset_failed, "a.service"), 0);
        assert_string_equal(u->active_state, "inactive");
        assert_int_equal(call_run(f, op_reset_failed, "a.service"), -ENOENT);
        assert_int_equal(call_run(f, op_reset_failed, "a"), -EINVAL);
}

int main(void) {
#define PEER(t)   cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
#define BROKER(t) cmocka_unit_test_setup_teardown(t, fixture_setup_listening, fixture_teardown)
        const struct CMUnitTest tests[] = {
                PEER(test_start_stop),
                BROKER(test_start_stop),
                PEER(test_waits_for_the_job),
                PEER(test_results),
                PEER(test_refusals),
                PEER(test_removed_before_answer),
                PEER(test_removed_before_answer_in_a_storm),
                PEER(test_removed_long_before_answer),
                PEER(test_replaced),
                PEER(test_shared),
                PEER(test_many_at_once),
                PEER(test_cancel),
                PEER(test_connection_ends),
                BROKER(test_lost_and_found),
                BROKER(test_lost_and_ended),
                BROKER(test_lost_oneshot),
                BROKER(test_answer_lost),
                BROKER(test_cancel_while_lost),
                BROKER(test_events_during_recovery),
                BROKER(test_spoofed_signal),
                PEER(test_kill_and_reset),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
