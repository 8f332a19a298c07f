/* SPDX-License-Identifier: Apache-2.0 */
/* Listening at once, later, and never. */
#include <sys/stat.h>

#include "agent/listener.h"
#include "unit/agent/world.h"

typedef struct Place {
        sd_event *event;
        RpcQueue *queue;
        RpcServer *server;
        char directory[64], path[80];
        RpcAddress address;
        bool ended;
        int r;
} Place;

static void on_end(int r, void *userdata) {
        Place *p = userdata;

        p->ended = true;
        p->r = r;
}

static int try(Place *p, Listener **ret) {
        return listener_new(p->event, p->server, &p->address, 0600, on_end, p, ret);
}

static int setup(void **state) {
        Place *p = mem_new0(Place, 1);

        assert_non_null(p);
        assert_true(sd_event_default(&p->event) >= 0);
        assert_int_equal(rpc_queue_new(p->event, &p->queue), 0);
        assert_int_equal(rpc_server_new(p->queue, &p->server), 0);
        (void) snprintf(p->directory, sizeof(p->directory), "/tmp/test-listener-%i", (int) getpid());
        (void) snprintf(p->path, sizeof(p->path), "%s/agent.sock", p->directory);
        p->address = (RpcAddress){ .kind = RPC_ADDRESS_UNIX, .host = p->path };
        *state = p;
        return 0;
}

static int teardown(void **state) {
        Place *p = *state;

        rpc_server_free(p->server);
        rpc_queue_unref(p->queue);
        sd_event_unref(p->event);
        (void) unlink(p->path);
        (void) rmdir(p->directory);
        (void) unlink(p->directory);
        free(p);
        return 0;
}

static void turn_until_ended(Place *p) {
        const usec_t until = time_now(CLOCK_MONOTONIC) + WORLD_USEC;

        while (!p->ended) {
                assert_true(time_now(CLOCK_MONOTONIC) < until);
                assert_true(sd_event_run(p->event, 100 * USEC_PER_MSEC) >= 0);
        }
}

static void test_at_once(void **state) {
        _cleanup_(listener_freep) Listener *l = NULL;
        Place *p = *state;

        assert_int_equal(mkdir(p->directory, 0700), 0);
        assert_int_equal(try(p, &l), 0);
        assert_true(listener_is_listening(l));
        assert_false(p->ended);
        assert_int_equal(access(p->path, F_OK), 0);
        /* What is listened at stays. */
        l = listener_free(l);
        assert_int_equal(access(p->path, F_OK), 0);
}

static void test_later(void **state) {
        _cleanup_(listener_freep) Listener *l = NULL;
        _cleanup_free_ char *text = NULL, *expected = NULL;
        const usec_t begin = time_now(CLOCK_MONOTONIC);
        Place *p = *state;

        assert_int_equal(try(p, &l), 0);
        assert_false(listener_is_listening(l));
        text = listener_describe(l);
        expected = strf("cannot listen at unix:%s: No such file or directory; trying on", p->path);
        assert_string_equal(text, expected);
        /* Some tries go by, with growing distance. */
        while (time_now(CLOCK_MONOTONIC) < begin + 3 * LISTENER_BACKOFF_MIN_USEC) {
                assert_true(sd_event_run(p->event, 50 * USEC_PER_MSEC) >= 0);
                assert_false(p->ended);
        }
        assert_int_equal(mkdir(p->directory, 0700), 0);
        turn_until_ended(p);
        assert_int_equal(p->r, 0);
        assert_true(listener_is_listening(l));
        assert_int_equal(access(p->path, F_OK), 0);
}

static int make_file(const char *path) {
        FILE *f = fopen(path, "we");

        return f ? fclose(f) : -1;
}

static void test_never(void **state) {
        Listener *l = NULL;
        Place *p = *state;

        assert_int_equal(make_file(p->directory), 0);
        assert_int_equal(try(p, &l), -ENOTDIR);
        assert_null(l);
        assert_false(p->ended);
}

static void test_no_more(void **state) {
        _cleanup_(listener_freep) Listener *l = NULL;
        Place *p = *state;

        assert_int_equal(try(p, &l), 0);
        assert_int_equal(make_file(p->directory), 0);
        turn_until_ended(p);
        assert_int_equal(p->r, -ENOTDIR);
        assert_false(listener_is_listening(l));
}

static void test_given_up(void **state) {
        Listener *l = NULL;
        Place *p = *state;

        assert_int_equal(try(p, &l), 0);
        listener_free(l);
        assert_int_equal(mkdir(p->directory, 0700), 0);
        for (unsigned i = 0; i < 10; i++)
                assert_true(sd_event_run(p->event, LISTENER_BACKOFF_MIN_USEC / 5) >= 0);
        assert_false(p->ended);
        assert_int_not_equal(access(p->path, F_OK), 0);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_at_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_later, setup, teardown),
                cmocka_unit_test_setup_teardown(test_never, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_more, setup, teardown),
                cmocka_unit_test_setup_teardown(test_given_up, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
