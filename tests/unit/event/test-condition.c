/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions: who is woken, by what, and what those who are woken may do to each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/mem.h"
#include "event/condition.h"
#include "event/turn.h"

static sd_event *event;

static int setup(_unused_ void **state) {
        return sd_event_default(&event) < 0;
}

static int teardown(_unused_ void **state) {
        sd_event_unref(event);
        return 0;
}

typedef struct Waiting {
        Condition *condition;
        Fiber *fiber;
        unsigned n_times; /* it waits so often */
        unsigned n_woken;
        int result;              /* of the last time */
        struct Waiting *cancels; /* when it is woken */
        bool frees;              /* the condition, when it is woken */
} Waiting;

static int waiting_run(void *userdata) {
        Waiting *w = userdata;

        while (w->n_woken < w->n_times) {
                w->result = condition_wait(w->condition);
                w->n_woken++;
                if (w->cancels)
                        fiber_cancel(w->cancels->fiber);
        }
        if (w->frees)
                free(w->condition);
        return 0;
}

static void begin(Waiting *w) {
        assert_int_equal(fiber_start(&w->fiber, waiting_run, w), 0);
}

static void test_all_are_woken(_unused_ void **state) {
        Condition c = {};
        Waiting w[3] = { { &c, .n_times = 1 }, { &c, .n_times = 1 }, { &c, .n_times = 1 } };

        assert_false(condition_is_awaited(&c));
        condition_broadcast(&c, 0);
        for (size_t i = 0; i < ELEMENTSOF(w); i++)
                begin(&w[i]);
        assert_true(condition_is_awaited(&c));
        condition_broadcast(&c, 7);
        for (size_t i = 0; i < ELEMENTSOF(w); i++) {
                assert_int_equal(w[i].n_woken, 1);
                assert_int_equal(w[i].result, 7);
                assert_null(w[i].fiber);
        }
        assert_false(condition_is_awaited(&c));
}

/* What happened before somebody waits is not for him, and who waits again waits for the next time. */
static void test_again(_unused_ void **state) {
        Condition c = {};
        Waiting w[2] = { { &c, .n_times = 3 }, { &c, .n_times = 1 } };

        begin(&w[0]);
        condition_broadcast(&c, 1);
        assert_int_equal(w[0].n_woken, 1);
        begin(&w[1]);
        assert_int_equal(w[1].n_woken, 0);
        condition_broadcast(&c, 2);
        assert_int_equal(w[0].n_woken, 2);
        assert_int_equal(w[1].result, 2);
        condition_broadcast(&c, 3);
        assert_int_equal(w[0].n_woken, 3);
        assert_int_equal(w[0].result, 3);
        assert_int_equal(w[1].n_woken, 1);
        assert_false(condition_is_awaited(&c));
}

/* The one after it, and the one before it, in the order of waiting: who is told already keeps what he was told. */
static void test_woken_cancels_others(_unused_ void **state) {
        Condition c = {};
        Waiting w[3] = { { &c, .n_times = 1 }, { &c, .n_times = 2 }, { &c, .n_times = 2 } };

        w[0].cancels = &w[1];
        w[2].cancels = &w[1];
        for (size_t i = 0; i < ELEMENTSOF(w); i++)
                begin(&w[i]);
        condition_broadcast(&c, 0);
        assert_int_equal(w[0].n_woken, 1);
        assert_int_equal(w[1].n_woken, 2);
        assert_int_equal(w[1].result, -ECANCELED);
        assert_null(w[1].fiber);
        assert_int_equal(w[2].n_woken, 1);
        assert_int_equal(w[2].result, 0);
        fiber_cancel(w[2].fiber);
        assert_int_equal(fiber_count(), 0);
        assert_false(condition_is_awaited(&c));
}

static void test_last_frees(_unused_ void **state) {
        Condition *c = mem_new0(Condition, 1);
        Waiting w[2] = { { c, .n_times = 1 }, { c, .n_times = 1, .frees = true } };

        begin(&w[0]);
        begin(&w[1]);
        condition_broadcast(c, 0);
        assert_int_equal(w[0].n_woken + w[1].n_woken, 2);
        assert_int_equal(fiber_count(), 0);
}

static int late_run(void *userdata) {
        Waiting *w = userdata;

        w->result = condition_wait_until(w->condition, usec_add(time_now(CLOCK_MONOTONIC), USEC_PER_MSEC));
        return 0;
}

static void test_too_late(_unused_ void **state) {
        Condition c = {};
        Waiting w = { &c };

        assert_int_equal(fiber_start(NULL, late_run, &w), 0);
        while (fiber_count() > 0)
                assert_true(sd_event_run(event, UINT64_MAX) >= 0);
        assert_int_equal(w.result, -ETIMEDOUT);
        assert_false(condition_is_awaited(&c));
        condition_broadcast(&c, 0);
}

static int broadcast_run(void *userdata) {
        Waiting *w = userdata;

        condition_broadcast(w->condition, 5);
        assert_int_equal(w->n_woken, 0); /* a fiber that wakes another goes on first */
        assert_false(condition_is_awaited(w->condition));
        fiber_cancel(w->fiber); /* too late: it was woken */
        return 0;
}

static void test_from_a_fiber(_unused_ void **state) {
        Condition c = {};
        Waiting w = { &c, .n_times = 1 };

        begin(&w);
        assert_int_equal(fiber_start(NULL, broadcast_run, &w), 0);
        assert_int_equal(w.n_woken, 1);
        assert_int_equal(w.result, 5);
        assert_int_equal(fiber_count(), 0);
}

typedef struct Taking {
        Turn *turn;
        Fiber *fiber;
        unsigned *n_at_once;
        unsigned n_times;
        int result;
} Taking;

static int taking_run(void *userdata) {
        Taking *t = userdata;

        for (unsigned i = 0; i < 3; i++) {
                t->result = turn_wait(t->turn);
                if (t->result < 0)
                        return 0;
                assert_int_equal(++*t->n_at_once, 1);
                (void) fiber_sleep_wait(USEC_PER_MSEC);
                --*t->n_at_once;
                t->n_times++;
                turn_end(t->turn);
        }
        return 0;
}

/* One at a time; who leaves while he waits does not take it with him. */
static void test_turns(_unused_ void **state) {
        Turn turn = {};
        unsigned n_at_once = 0;
        Taking t[] = { { &turn, .n_at_once = &n_at_once }, { &turn, .n_at_once = &n_at_once },
                { &turn, .n_at_once = &n_at_once }, { &turn, .n_at_once = &n_at_once } };

        for (size_t i = 0; i < ELEMENTSOF(t); i++)
                assert_int_equal(fiber_start(&t[i].fiber, taking_run, &t[i]), 0);
        fiber_cancel(t[1].fiber);
        while (fiber_count() > 0)
                assert_true(sd_event_run(event, UINT64_MAX) >= 0);
        for (size_t i = 0; i < ELEMENTSOF(t); i++) {
                assert_int_equal(t[i].result, i == 1 ? -ECANCELED : 0);
                assert_int_equal(t[i].n_times, i == 1 ? 0 : 3);
        }
        assert_false(turn.taken);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_are_woken),
                cmocka_unit_test(test_again),
                cmocka_unit_test(test_woken_cancels_others),
                cmocka_unit_test(test_last_frees),
                cmocka_unit_test(test_too_late),
                cmocka_unit_test(test_from_a_fiber),
                cmocka_unit_test(test_turns),
        };

        return cmocka_run_group_tests_name("event-condition", tests, setup, teardown);
}
