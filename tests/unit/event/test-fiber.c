/* SPDX-License-Identifier: Apache-2.0 */
/* Fibers, promises, groups, backoff: order, cancellation, lifetimes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/mem.h"
#include "event/backoff.h"
#include "event/fiber.h"
#include "event/task.h"

static sd_event *event;

static int setup(_unused_ void **state) {
        return sd_event_default(&event) < 0;
}

static int teardown(_unused_ void **state) {
        sd_event_unref(event);
        return 0;
}

/* Runs the loop until no fiber is left; the alarm of the test runner is the bound. */
static void run_all(void) {
        while (fiber_count() > 0)
                assert_true(sd_event_run(event, UINT64_MAX) >= 0);
}

typedef struct Waiting {
        Promise promise;
        int result;
        bool ended;
} Waiting;

static int wait_once(void *userdata) {
        Waiting *w = userdata;

        w->result = promise_wait(&w->promise);
        w->ended = true;
        return 0;
}

static void test_promise(_unused_ void **state) {
        Waiting w = {};
        Fiber *f = NULL;

        assert_null(fiber_current());
        assert_int_equal(fiber_start(&f, wait_once, &w), 0);
        assert_non_null(f);
        assert_false(w.ended);
        promise_resolve(&w.promise, 7);
        assert_true(w.ended);
        assert_int_equal(w.result, 7);
        assert_null(f);
        promise_resolve(&w.promise, 8);
        assert_int_equal(w.promise.result, 7); /* the first one counts */

        w.ended = false;
        assert_int_equal(fiber_start(&f, wait_once, &w), 0); /* resolved already: no wait */
        assert_true(w.ended);
        assert_null(f);
}

static void test_cancel(_unused_ void **state) {
        Waiting w = {};
        Fiber *f = NULL;

        assert_int_equal(fiber_start(&f, wait_once, &w), 0);
        assert_false(fiber_is_canceled(f));
        fiber_cancel(f);
        assert_true(w.ended);
        assert_int_equal(w.result, -ECANCELED);
        assert_null(f);
        fiber_cancel(f);                /* NULL */
        promise_resolve(&w.promise, 1); /* nobody waits: harmless */
}

static int wait_after_cancel(void *userdata) {
        int *results = userdata;
        Promise a = {}, b = { .done = true, .result = 5 }, c = {};

        results[0] = promise_wait(&a);
        results[1] = promise_wait(&b);
        results[2] = promise_wait_until(&c, time_now(CLOCK_MONOTONIC) + USEC_PER_SEC);
        results[3] = fiber_sleep_wait(USEC_PER_SEC);
        return 0;
}

static void test_no_wait_after_cancel(_unused_ void **state) {
        int results[4] = {};
        Fiber *f;

        assert_int_equal(fiber_start(&f, wait_after_cancel, results), 0);
        fiber_cancel(f);
        assert_null(f);
        assert_int_equal(results[0], -ECANCELED);
        assert_int_equal(results[1], 5); /* what has happened has happened */
        assert_int_equal(results[2], -ECANCELED);
        assert_int_equal(results[3], -ECANCELED);
}

static int cancel_self(void *userdata) {
        Waiting *w = userdata;

        fiber_cancel(fiber_current());
        w->result = promise_wait(&w->promise);
        w->ended = true;
        return 0;
}

static void test_cancel_self(_unused_ void **state) {
        Waiting w = {};

        assert_int_equal(fiber_start(NULL, cancel_self, &w), 0);
        assert_true(w.ended);
        assert_int_equal(w.result, -ECANCELED);
}

static int sleeper(void *userdata) {
        Promise never = {};
        int *result = userdata;

        *result = promise_wait_until(&never, time_now(CLOCK_MONOTONIC) + 2000);
        assert_int_equal(fiber_sleep_wait(1000), 0);
        assert_int_equal(promise_wait_until(&never, 0), -ETIMEDOUT); /* the past */
        return 0;
}

static void test_timeout(_unused_ void **state) {
        int result = 0;

        assert_int_equal(fiber_start(NULL, sleeper, &result), 0);
        run_all();
        assert_int_equal(result, -ETIMEDOUT);
}

static int uncancelable(void *userdata) {
        Waiting *w = userdata;

        w->result = promise_wait_uncanceled(&w->promise);
        w->ended = true;
        return 0;
}

static void test_uncanceled(_unused_ void **state) {
        Waiting w = {};
        Fiber *f;

        assert_int_equal(fiber_start(&f, uncancelable, &w), 0);
        fiber_cancel(f);
        assert_false(w.ended);
        promise_resolve(&w.promise, 3);
        assert_true(w.ended);
        assert_int_equal(w.result, 3);
}

static char order[32];

static void note(char c) {
        order[strlen(order)] = c;
}

static int inner(void *userdata) {
        note('i');
        (void) promise_wait(userdata);
        note('j');
        return 0;
}

static int outer(void *userdata) {
        note('o');
        assert_int_equal(fiber_start(NULL, inner, userdata), 0); /* a fiber that starts another goes on first */
        note('p');
        assert_int_equal(fiber_sleep_wait(1), 0);
        note('q');
        promise_resolve(userdata, 0); /* and so does one that wakes another */
        note('r');
        return 0;
}

static void test_order(_unused_ void **state) {
        Promise p = {};

        assert_int_equal(fiber_start(NULL, outer, &p), 0);
        run_all();
        assert_string_equal(order, "opiqrj");
}

typedef struct Owned {
        Fiber *fiber;
} Owned;

static int free_owner(void *userdata) {
        Owned *o = userdata;

        assert_ptr_equal(o->fiber, fiber_current());
        fiber_release_slot();
        assert_null(o->fiber);
        free(o);
        return 0;
}

static void test_release_slot(_unused_ void **state) {
        Owned *o = mem_new0(Owned, 1);

        assert_int_equal(fiber_start(&o->fiber, free_owner, o), 0);
        assert_int_equal(fiber_count(), 0);
}

static int recurse(unsigned depth) {
        volatile char space[1024];

        space[0] = (char) depth;
        return depth == 0 ? space[0] : recurse(depth - 1) + space[0] - (char) depth;
}

static int deep(void *userdata) {
        *(int *) userdata = recurse(150); /* what gRPC needs, and more */
        return 0;
}

static void test_many_and_deep(_unused_ void **state) {
        Waiting w[FIBER_POOL_MAX * 3] = {};
        int result = 1;

        for (unsigned round = 0; round < 3; round++) {
                for (size_t i = 0; i < ELEMENTSOF(w); i++) {
                        w[i] = (Waiting){};
                        assert_int_equal(fiber_start(NULL, wait_once, &w[i]), 0);
                }
                assert_int_equal(fiber_count(), ELEMENTSOF(w));
                for (size_t i = 0; i < ELEMENTSOF(w); i++)
                        promise_resolve(&w[i].promise, (int) i);
                for (size_t i = 0; i < ELEMENTSOF(w); i++)
                        assert_int_equal(w[i].result, i);
                assert_int_equal(fiber_count(), 0);
        }
        assert_int_equal(fiber_start(NULL, deep, &result), 0);
        assert_int_equal(result, 0);
}

typedef struct Grouped {
        Promise promise;
        int returns;
        bool ended;
} Grouped;

static int grouped(void *userdata) {
        Grouped *g = userdata;
        int r;

        r = promise_wait(&g->promise);
        g->ended = true;
        return r < 0 ? r : g->returns;
}

typedef struct GroupCase {
        Grouped a, b;
        int result;
        bool ended, leave_early;
} GroupCase;

static int group_main(void *userdata) {
        _cleanup_(task_group_freep) TaskGroup *g = task_group_new();
        GroupCase *t = userdata;

        assert_int_equal(task_group_start(g, grouped, &t->a), 0);
        assert_int_equal(task_group_start(g, grouped, &t->b), 0);
        t->result = t->leave_early ? 1 : task_group_wait(g);
        t->ended = true;
        return 0;
}

static void test_group_success(_unused_ void **state) {
        GroupCase t = {};

        assert_int_equal(fiber_start(NULL, group_main, &t), 0);
        promise_resolve(&t.a.promise, 0);
        assert_false(t.ended);
        promise_resolve(&t.b.promise, 0);
        assert_true(t.ended);
        assert_int_equal(t.result, 0);
}

static void test_group_failure(_unused_ void **state) {
        GroupCase t = { .a.returns = -EIO };

        assert_int_equal(fiber_start(NULL, group_main, &t), 0);
        promise_resolve(&t.a.promise, 0);
        assert_true(t.b.ended); /* cancelled */
        assert_true(t.ended);
        assert_int_equal(t.result, -EIO);
}

static void test_group_waiter_canceled(_unused_ void **state) {
        GroupCase t = {};
        Fiber *f;

        assert_int_equal(fiber_start(&f, group_main, &t), 0);
        fiber_cancel(f);
        assert_true(t.a.ended && t.b.ended && t.ended);
        assert_int_equal(t.result, -ECANCELED);
}

static void test_group_left(_unused_ void **state) {
        GroupCase t = { .leave_early = true };

        assert_int_equal(fiber_start(NULL, group_main, &t), 0);
        assert_int_equal(fiber_count(), 0);
        assert_true(t.a.ended && t.b.ended && t.ended);
}

static void test_backoff(_unused_ void **state) {
        Backoff b = { .min_usec = 100, .max_usec = 1000 };

        for (unsigned round = 0; round < 50; round++) {
                usec_t full = 100;

                for (unsigned i = 0; i < 100; i++, full = MIN(full * 2, (usec_t) 1000)) {
                        usec_t usec = backoff_next_usec(&b);

                        assert_in_range(usec, full / 2, full);
                }
                backoff_reset(&b);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_promise),
                cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_no_wait_after_cancel),
                cmocka_unit_test(test_cancel_self),
                cmocka_unit_test(test_timeout),
                cmocka_unit_test(test_uncanceled),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_release_slot),
                cmocka_unit_test(test_many_and_deep),
                cmocka_unit_test(test_group_success),
                cmocka_unit_test(test_group_failure),
                cmocka_unit_test(test_group_waiter_canceled),
                cmocka_unit_test(test_group_left),
                cmocka_unit_test(test_backoff),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
