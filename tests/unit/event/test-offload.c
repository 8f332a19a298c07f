/* SPDX-License-Identifier: Apache-2.0 */
/* Work beside the loop: the loop turns meanwhile, hears of the end, and can leave before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "event/fiber.h"
#include "event/offload.h"

static sd_event *event;

typedef struct Work {
        int gate[2]; /* it goes on when something is written */
        bool returned, done;
        int result;
        Offload *offload;
} Work;

static int work_main(void *userdata) {
        Work *w = userdata;
        char c;

        w->result = read(w->gate[0], &c, 1) == 1 ? -42 : -1;
        w->returned = true;
        return w->result;
}

static void on_done(int result, void *userdata) {
        Work *w = userdata;

        assert_int_equal(result, -42);
        w->done = true;
        w->offload = offload_free(w->offload);
}

static void begin(Work *w) {
        *w = (Work){};
        assert_int_equal(pipe(w->gate), 0);
        assert_int_equal(offload_start(work_main, on_done, w, &w->offload), 0);
}

static void let_go(Work *w) {
        assert_int_equal(write(w->gate[1], "x", 1), 1);
}

static void end(Work *w) {
        (void) close(w->gate[0]);
        (void) close(w->gate[1]);
}

static void test_the_loop_turns(_unused_ void **state) {
        Work slow, quick;

        begin(&slow);
        begin(&quick);
        let_go(&quick);
        while (!quick.done)
                assert_true(sd_event_run(event, UINT64_MAX) >= 0);
        assert_false(slow.done);
        let_go(&slow);
        while (!slow.done)
                assert_true(sd_event_run(event, UINT64_MAX) >= 0);
        assert_null(slow.offload);
        end(&slow);
        end(&quick);
}

/* Nothing is touched behind the back of who leaves. */
static void test_freed_before(_unused_ void **state) {
        Work w;

        begin(&w);
        let_go(&w);
        offload_free(w.offload);
        assert_true(w.returned);
        assert_int_equal(sd_event_run(event, 0), 0);
        assert_false(w.done);
        assert_null(offload_free(NULL));
        end(&w);
}

static int setup(_unused_ void **state) {
        return sd_event_default(&event) < 0;
}

static int teardown(_unused_ void **state) {
        sd_event_unref(event);
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_loop_turns),
                cmocka_unit_test(test_freed_before),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
