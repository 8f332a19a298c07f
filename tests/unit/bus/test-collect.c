/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of which all is wanted that they put out; the test plays the program. */
#include "unit/bus/fixture.h"

#include <fcntl.h>
#include <signal.h>

#include "base/fd.h"
#include "bus/unit-collect.h"

#define MUCH ((size_t) 300 * 1024) /* more than a pipe holds */

static const char *const argv[] = { "/bin/cat", NULL };

typedef struct Work {
        UnitPrograms *programs;
        UnitProgram *program;
        Stdio stdio;
        UnitCollect collect;
        UnitOutput output;
        FakeUnit *unit; /* the program */
} Work;

static int op_program(Call *c) {
        Work *w = (Work *) c->argument;
        const UnitRun run = { .argv = (char *const *) argv, .stdio = w->stdio.theirs };

        return unit_program_start_wait(w->programs, &run, &w->program, &c->error);
}

static int op_collect(Call *c) {
        Work *w = (Work *) c->argument;

        return unit_collect_wait(w->program, &w->stdio, &w->collect, &w->output);
}

static void work_init(Fixture *f, Work *w, bool input) {
        _cleanup_(call_done) Call c = CALL(f, op_program, "");

        *w = (Work){ .stdio = STDIO_NONE, .collect = { .output_max = MUCH, .deadline = USEC_INFINITY } };
        assert_int_equal(unit_programs_new(f->bus, "givc-exec", &w->programs), 0);
        assert_int_equal(stdio_new_pipes(input, &w->stdio), 0);
        c.argument = w;
        call_start(&c);
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, 0);
        stdio_release(&w->stdio);
        w->unit = fake_systemd_find(f->fake, unit_program_get_name(w->program));
        for (size_t i = 0; i < ELEMENTSOF(w->unit->stdio); i++)
                assert_int_equal(fd_prepare(w->unit->stdio[i]), 0);
}

static void work_done(Fixture *f, Work *w) {
        w->program = unit_program_free(w->program);
        turn_until_quiet(f);
        unit_programs_free(w->programs);
        stdio_done(&w->stdio);
        unit_output_done(&w->output);
}

/* Writes as a program does: all of it, as fast as it is read. */
static void put(Fixture *f, int fd, const char *text, size_t size) {
        while (size > 0) {
                ssize_t n = -1;

                TURN_UNTIL(f, (n = write(fd, text, size)) > 0);
                text += n;
                size -= (size_t) n;
        }
}

static void end(Fixture *f, Work *w, int status) {
        for (size_t i = 0; i < ELEMENTSOF(w->unit->stdio); i++)
                w->unit->stdio[i] = fd_close(w->unit->stdio[i]);
        fake_unit_exit(f->fake, w->unit->name, status);
}

/* What it complains about is read while it puts nothing out, however much that is. */
static void test_many_complaints(void **state) {
        _cleanup_free_ char *complaints = mem_new(char, MUCH);
        Fixture *f = *state;
        Work w;

        assert_non_null(complaints);
        memset(complaints, 'x', MUCH);
        for (int input = 0; input <= 1; input++) {
                _cleanup_(call_done) Call c = CALL(f, op_collect, "");

                work_init(f, &w, input);
                c.argument = &w;
                call_start(&c);
                put(f, w.unit->stdio[2], complaints, MUCH);
                put(f, w.unit->stdio[2], "\nat \x1b last\n \n", 13);
                put(f, w.unit->stdio[1], "answer", 6);
                end(f, &w, 3);
                TURN_UNTIL(f, c.done);
                assert_int_equal(c.result, 0);
                assert_int_equal(w.output.output.size, 6);
                assert_memory_equal(buffer_head(&w.output.output), "answer", 6);
                assert_string_equal(w.output.complaint, "at ? last");
                assert_int_equal(w.output.result.code, CLD_EXITED);
                assert_int_equal(w.output.result.status, 3);
                work_done(f, &w);
        }
}

/* One that reads nothing is no failure, and neither is one that has nothing to say. */
static void test_deaf(void **state) {
        _cleanup_free_ char *input = mem_new0(char, MUCH);
        Fixture *f = *state;
        _cleanup_(call_done) Call c = CALL(f, op_collect, "");
        Work w;

        work_init(f, &w, true);
        w.collect.input = input;
        w.collect.n_input = MUCH;
        c.argument = &w;
        call_start(&c);
        end(f, &w, 0);
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, 0);
        assert_int_equal(w.output.output.size, 0);
        assert_null(w.output.complaint);
        work_done(f, &w);
}

static void test_limits(void **state) {
        static const struct {
                size_t output_max;
                bool late;
                int result;
        } rows[] = {
                { 6, false, 0 },
                { 5, false, -EFBIG },
                { 6, true, -ETIMEDOUT },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(call_done) Call c = CALL(f, op_collect, "");
                Work w;

                work_init(f, &w, false);
                w.collect.output_max = rows[i].output_max;
                if (rows[i].late)
                        w.collect.deadline = time_now(CLOCK_MONOTONIC) + 20 * USEC_PER_MSEC;
                c.argument = &w;
                call_start(&c);
                put(f, w.unit->stdio[1], "answer", 6);
                if (!rows[i].late)
                        end(f, &w, 0);
                TURN_UNTIL(f, c.done);
                assert_int_equal(c.result, rows[i].result);
                assert_int_equal(w.output.output.size, rows[i].result < 0 ? 0 : 6);
                work_done(f, &w);
        }
}

static void test_leaving(void **state) {
        Fixture *f = *state;
        _cleanup_(call_done) Call c = CALL(f, op_collect, "");
        Work w;

        work_init(f, &w, true);
        c.argument = &w;
        call_start(&c);
        put(f, w.unit->stdio[1], "half an answ", 12);
        fiber_cancel(c.fiber);
        TURN_UNTIL(f, c.done);
        assert_int_equal(c.result, -ECANCELED);
        assert_int_equal(w.output.output.size, 0);
        work_done(f, &w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_many_complaints, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_deaf, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_limits, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_leaving, fixture_setup, fixture_teardown),
        };

        (void) signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
