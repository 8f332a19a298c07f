/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that hear no signal, joined and let go. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "event/thread.h"

static pthread_barrier_t read_mask;
static sigset_t mask;

static void *mask_main(void *userdata) {
        (void) pthread_sigmask(SIG_SETMASK, NULL, &mask);
        (void) pthread_barrier_wait(&read_mask);
        return userdata;
}

static void check_hears_nothing(pthread_t *ret) {
        sigset_t before, after;

        assert_int_equal(sigemptyset(&mask), 0);
        assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
        assert_int_equal(thread_start(mask_main, &mask, ret), 0);
        (void) pthread_barrier_wait(&read_mask);
        assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
        assert_true(sigismember(&mask, SIGTERM) && sigismember(&mask, SIGHUP) && sigismember(&mask, SIGCHLD));
        assert_false(sigismember(&before, SIGTERM) || sigismember(&after, SIGTERM));
}

static void test_joined(_unused_ void **state) {
        pthread_t thread;
        void *result;

        check_hears_nothing(&thread);
        assert_int_equal(pthread_join(thread, &result), 0);
        assert_ptr_equal(result, &mask);
}

static void test_let_go(_unused_ void **state) {
        check_hears_nothing(NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_joined),
                cmocka_unit_test(test_let_go),
        };
        int r;

        if (pthread_barrier_init(&read_mask, NULL, 2) != 0)
                return 1;
        r = cmocka_run_group_tests(tests, NULL, NULL);
        (void) pthread_barrier_destroy(&read_mask);
        return r;
}
