/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong when others do what they like at the wrong moment: callbacks that let go of what is on the stack,
 * readers that stop, messages that are too many or too large. Peers here write frames by hand. */
#include "fixture.h"

#include "rpc/limits.h"

/* -- channels -- */

static int body_ready(void *userdata) {
        World *w = userdata;

        w->n_ended += rpc_channel_ready_wait(w->channel, time_now(CLOCK_MONOTONIC) + 300 * USEC_PER_MSEC) == -ETIMEDOUT;
        return 0;
}

/* Each waits again as soon as it was told. */
static void test_many_waiters(void **state) {
        World *w = *state;
        int fd;

        (void) rpc_server_free(w->server);
        w->server = NULL;
        fd = rpc_address_listen(&w->address, 0, (gid_t) -1);
        assert_true(fd >= 0);
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(fiber_start(NULL, body_ready, w), 0);
        assert_int_equal(rpc_channel_get_state(w->channel), RPC_CHANNEL_CONNECTING);
        (void) close(fd);
        world_until(w, rpc_channel_get_state(w->channel) == RPC_CHANNEL_FAILED);
        world_until(w, w->n_ended == 3);
}

static void on_state_drop(RpcChannel *c, RpcChannelState state, void *userdata) {
        World *w = userdata;

        if (state == RPC_CHANNEL_READY) {
                w->channel = NULL;
                (void) rpc_channel_unref(c);
        }
}

static void test_listener_drops_channel(void **state) {
        World *w = *state;

        rpc_channel_set_listener(w->channel, on_state_drop, w);
        rpc_channel_connect(w->channel);
        world_until(w, !w->channel);
        world_until(w, rpc_queue_count_lanes(w->queue) == 0);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                world_test(test_many_waiters),
                world_test(test_listener_drops_channel),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
