/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that somebody waits for: what they are given, how their end is told, and that none outlives its caller. */
#include "unit/bus/fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "base/strv.h"
#include "bus/unit-program.h"

static const char *const argv[] = { "/bin/cat", "-u", NULL };

typedef struct Work {
        UnitPrograms *programs;
        UnitProgram *program;
        UnitRun run;
        UnitResult result;
        pid_t pid;
        usec_t deadline;
} Work;

static int op_program(Call *c) {
        Work *w = (Work *) c->argument;

        return unit_program_start_wait(w->programs, &w->run, &w->program, &c->error);
}

static int op_end(Call *c) {
        Work *w = (Work *) c->argument;

        return unit_program_end_wait(w->program, w->deadline, &w->result);
}

static int op_kill(Call *c) {
        Work *w = (Work *) c->argument;

        return unit_program_kill_wait(w->program, SIGINT, &c->error);
}

static int op_pid(Call *c) {
        Work *w = (Work *) c->argument;

        return unit_program_pid_wait(w->program, &w->pid);
}

static int do_wait(Fixture *f, Work *w, int (*op)(Call *c)) {
        _cleanup_(call_done) Call c = CALL(f, op, "");

        c.argument = w;
        call_start(&c);
        TURN_UNTIL(f, c.done);
        return c.result;
}

static void work_init(Fixture *f, Work *w) {
        *w = (Work){ .run = { .argv = (char *const *) argv, .stop_usec = USEC_PER_SEC }, .deadline = USEC_INFINITY };
        assert_int_equal(unit_programs_new(f->bus, "givc-exec", &w->programs), 0);
}

static void work_done(Fixture *f, Work *w) {
        w->program = unit_program_free(w->program);
        turn_until_quiet(f);
        unit_programs_free(w->programs);
        unit_result_done(&w->result);
}

static FakeUnit *unit_of(Fixture *f, Work *w) {
        return fake_systemd_find(f->fake, unit_program_get_name(w->program));
}

static void test_start(void **state) {
        Fixture *f = *state;
        const FakeUnit *u;
        struct stat a, b;
        int pair[2];
        Work w;

        work_init(f, &w);
        assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
        w.run.stdio = (const int[]){ pair[0], pair[1], pair[1] };
        w.run.user = "ghaf";
        w.run.tasks_max = 7;
        w.run.memory_max = 1 << 20;
        w.run.binds_to = "givc-agent.service";
        assert_int_equal(do_wait(f, &w, op_program), 0);
        u = unit_of(f, &w);
        assert_non_null(u);
        assert_non_null(startswith(u->name, "givc-exec-"));
        assert_string_equal(u->user, "ghaf");
        assert_int_equal(strv_length(u->binds_to), 1);
        assert_string_equal(u->binds_to[0], "givc-agent.service");
        assert_int_equal(u->stop_usec, USEC_PER_SEC);
        assert_int_equal(u->tasks_max, 7);
        assert_int_equal(u->memory_max, 1 << 20);
        assert_true(u->collect);
        assert_int_equal(u->n_references, 1);
        assert_true(fstat(pair[1], &a) == 0 && fstat(u->stdio[2], &b) == 0 && a.st_ino == b.st_ino);
        assert_int_equal(do_wait(f, &w, op_pid), 0);
        assert_int_equal(w.pid, FAKE_PID);
        assert_int_equal(do_wait(f, &w, op_kill), 0);
        assert_int_equal(u->last_signal, SIGINT);
        (void) fd_close(pair[0]);
        (void) fd_close(pair[1]);
        work_done(f, &w);
}

/* It ends while somebody waits, and before. */
static void test_end(void **state) {
        Fixture *f = *state;
        Work w;

        for (int late = 0; late <= 1; late++) {
                _cleanup_(call_done) Call c = CALL(f, op_end, "");

                work_init(f, &w);
                c.argument = &w;
                assert_int_equal(do_wait(f, &w, op_program), 0);
                if (late)
                        fake_unit_exit(f->fake, unit_program_get_name(w.program), 3);
                call_start(&c);
                turn_until_quiet(f);
                if (!late) {
                        assert_false(c.done);
                        fake_unit_exit(f->fake, unit_program_get_name(w.program), 3);
                }
                TURN_UNTIL(f, c.done);
                assert_int_equal(c.result, 0);
                assert_int_equal(w.result.code, CLD_EXITED);
                assert_int_equal(w.result.status, 3);
                assert_int_equal(do_wait(f, &w, op_kill), -ESRCH);
                assert_int_equal(fake_systemd_count_calls(f->fake, "StopUnit"), 0);
                assert_non_null(unit_of(f, &w)); /* for as long as its result may be asked for */
                w.program = unit_program_free(w.program);
                TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "UnrefUnit") == (unsigned) late + 1);
                work_done(f, &w);
        }
}

static void test_deadline_and_cancel(void **state) {
        Fixture *f = *state;
        Work w;

        work_init(f, &w);
        assert_int_equal(do_wait(f, &w, op_program), 0);
        w.deadline = time_now(CLOCK_MONOTONIC) + 5 * USEC_PER_MSEC;
        assert_int_equal(do_wait(f, &w, op_end), -ETIMEDOUT);
        w.deadline = USEC_INFINITY;
        {
                _cleanup_(call_done) Call c = CALL(f, op_end, "");

                c.argument = &w;
                call_start(&c);
                turn_until_quiet(f);
                fiber_cancel(c.fiber);
                assert_int_equal(c.result, -ECANCELED);
        }
        work_done(f, &w);
}

/* Whoever leaves ends it. */
static void test_free_stops(void **state) {
        Fixture *f = *state;
        _cleanup_free_ char *name = NULL;
        Work w;

        work_init(f, &w);
        assert_int_equal(do_wait(f, &w, op_program), 0);
        name = strdup(unit_program_get_name(w.program));
        assert_non_null(name);
        w.program = unit_program_free(w.program);
        TURN_UNTIL(f, !fake_systemd_find(f->fake, name));
        assert_int_equal(fake_systemd_count_calls(f->fake, "StopUnit"), 1);
        work_done(f, &w);
}

/* Also when it leaves before the program has been executed. */
static void test_cancelled_start(void **state) {
        Fixture *f = *state;
        _cleanup_(call_done) Call c = CALL(f, op_program, "");
        Work w;

        work_init(f, &w);
        c.argument = &w;
        fake_systemd_set_jobs(f->fake, FAKE_JOBS_HELD);
        call_start(&c);
        turn_until_quiet(f);
        assert_false(c.done);
        fiber_cancel(c.fiber);
        assert_int_equal(c.result, -ECANCELED);
        assert_null(w.program);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "StopUnit") == 1);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "UnrefUnit") == 1);
        work_done(f, &w);
}

static void test_failed_start(void **state) {
        Fixture *f = *state;
        Work w;

        work_init(f, &w);
        fake_systemd_set_job_result(f->fake, "failed");
        fake_systemd_set_failure_status(f->fake, 203);
        assert_int_equal(do_wait(f, &w, op_program), -ENOENT);
        assert_null(w.program);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "UnrefUnit") == 1);
        work_done(f, &w);
}

/* Gone before the manager has seen that it was executed: that is no failure to start. */
static void test_short_life(void **state) {
        Fixture *f = *state;
        Work w;

        work_init(f, &w);
        fake_systemd_set_job_result(f->fake, "failed");
        fake_systemd_set_failure_status(f->fake, 3);
        assert_int_equal(do_wait(f, &w, op_program), 0);
        assert_int_equal(do_wait(f, &w, op_end), 0);
        assert_int_equal(w.result.code, CLD_EXITED);
        assert_int_equal(w.result.status, 3);
        work_done(f, &w);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "UnrefUnit") == 1);
}

/* The bus is lost and comes back: what still runs is held again, what has ended meanwhile is told to have. */
static void test_connection(void **state) {
        Fixture *f = *state;
        _cleanup_(call_done) Call c = CALL(f, op_end, "");
        Work w;

        work_init(f, &w);
        c.argument = &w;
        assert_int_equal(do_wait(f, &w, op_program), 0);
        call_start(&c);
        fake_systemd_leave(f->fake);
        turn_until_quiet(f);
        fake_systemd_return(f->fake);
        TURN_UNTIL(f, fake_systemd_count_calls(f->fake, "RefUnit") == 1);
        assert_false(c.done);
        fake_systemd_leave(f->fake);
        turn_until_quiet(f);
        unit_of(f, &w)->n_references = 0;
        fake_unit_exit(f->fake, unit_program_get_name(w.program), 0);
        fake_systemd_return(f->fake);
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, -ECONNRESET);
        work_done(f, &w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_start, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_end, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_deadline_and_cancel, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_free_stops, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_cancelled_start, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_failed_start, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_short_life, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_connection, fixture_setup_listening, fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
