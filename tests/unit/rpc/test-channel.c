/* SPDX-License-Identifier: Apache-2.0 */
/* The channel's life and the server's: connecting, losing, coming back, draining, limits, health; nothing is left
 * behind. */
#include "fixture.h"

#include "rpc/limits.h"

static int call_hwid(RpcChannel *c, const RpcCallOptions *options, RpcStatus *status) {
        Hwid__HwIdRequest req = HWID__HW_ID_REQUEST__INIT;

        return rpc_channel_call_wait(c, &hwid__hwid_service__descriptor, "GetHwId", &req, options, NULL, status);
}

static char states[32];

static void on_state(_unused_ RpcChannel *c, RpcChannelState state, _unused_ void *userdata) {
        if (strlen(states) < sizeof(states) - 1)
                states[strlen(states)] = "IcRF"[state];
}

static void stop_server(World *w) {
        (void) rpc_server_free(w->server);
        w->server = NULL;
        (void) unlink(w->path);
}

static int body_call(void *userdata) {
        RpcCallOptions options = soon();
        World *w = userdata;

        w->last_result = call_hwid(w->channel, &options, NULL);
        return 0;
}

static void test_states(void **state) {
        World *w = *state;

        memset(states, 0, sizeof(states));
        rpc_channel_set_listener(w->channel, on_state, NULL);
        assert_int_equal(rpc_channel_get_state(w->channel), RPC_CHANNEL_IDLE);
        rpc_channel_connect(w->channel);
        world_until(w, rpc_channel_get_state(w->channel) == RPC_CHANNEL_READY);
        assert_string_equal(states, "cR");
        stop_server(w);
        world_until(w, rpc_channel_get_state(w->channel) == RPC_CHANNEL_FAILED);
        world_until(w, strstr(rpc_channel_get_error(w->channel), "No such file or directory"));
        world_start_server(w);
        world_until(w, rpc_channel_get_state(w->channel) == RPC_CHANNEL_READY);
        world_run(w, body_call);
        assert_int_equal(w->last_result, 0);
}

static int body_not_reachable(void *userdata) {
        RpcCallOptions options = soon(), patient = { .wait_for_ready = true };
        RpcStatus status = {};
        World *w = userdata;

        assert_int_equal(call_hwid(w->channel, &options, &status), -ENOTCONN);
        assert_int_equal(status.code, RPC_UNAVAILABLE);
        assert_non_null(strstr(status.message, "No such file or directory"));
        rpc_status_done(&status);

        patient.deadline = time_now(CLOCK_MONOTONIC) + 50 * USEC_PER_MSEC;
        assert_int_equal(call_hwid(w->channel, &patient, &status), -ETIMEDOUT);
        assert_int_equal(status.code, RPC_DEADLINE_EXCEEDED);
        rpc_status_done(&status);
        assert_int_equal(rpc_channel_ready_wait(w->channel, time_now(CLOCK_MONOTONIC) + USEC_PER_MSEC), -ETIMEDOUT);
        return 0;
}

static void test_not_reachable(void **state) {
        World *w = *state;

        stop_server(w);
        world_run(w, body_not_reachable);
}

/* A channel whose next try is an hour away, and the news that its peer is there. */
static void test_retry(void **state) {
        RpcChannelOptions options = { .backoff_min_usec = 3600 * USEC_PER_SEC,
                .backoff_max_usec = 3600 * USEC_PER_SEC };
        RpcServerStats stats;
        World *w = *state;
        RpcChannel *c;

        options.address = &w->address;
        assert_int_equal(rpc_channel_new(w->queue, &options, &c), 0);
        stop_server(w);
        rpc_channel_retry(c); /* of one that is idle it is the first try */
        assert_int_equal(rpc_channel_get_state(c), RPC_CHANNEL_FAILED);
        rpc_channel_connect(c);
        rpc_channel_retry(c); /* in vain, and again later */
        assert_int_equal(rpc_channel_get_state(c), RPC_CHANNEL_FAILED);
        world_start_server(w);
        for (unsigned i = 0; i < 3; i++)
                rpc_channel_retry(c); /* one that tries goes on */
        world_until(w, rpc_channel_get_state(c) == RPC_CHANNEL_READY);
        rpc_channel_retry(c);
        assert_int_equal(rpc_channel_get_state(c), RPC_CHANNEL_READY);
        rpc_server_get_stats(w->server, &stats);
        assert_int_equal(stats.n_connections, 1);
        (void) rpc_channel_unref(c);
}

static int body_patient(void *userdata) {
        RpcCallOptions options = soon();
        World *w = userdata;

        options.wait_for_ready = true;
        w->last_result = call_hwid(w->channel, &options, NULL);
        return 0;
}

static void test_wait_for_ready(void **state) {
        World *w = *state;
        Fiber *f;

        stop_server(w);
        w->last_result = 1;
        assert_int_equal(fiber_start(&f, body_patient, w), 0);
        world_until(w, rpc_channel_get_state(w->channel) == RPC_CHANNEL_FAILED);
        assert_non_null(f);
        world_start_server(w);
        world_until(w, f == NULL);
        assert_int_equal(w->last_result, 0);
}

/* Half of a connection, bytes that are no HTTP/2, silence: none of it becomes a channel, and the error says so. */
static void test_not_grpc(void **state) {
        World *w = *state;
        int fd, peer;

        stop_server(w);
        fd = rpc_address_listen(&w->address, 0, (gid_t) -1);
        assert_true(fd >= 0);
        rpc_channel_connect(w->channel);
        do
                assert_true(sd_event_run(w->event, 10 * USEC_PER_MSEC) >= 0);
        while ((peer = accept(fd, NULL, NULL)) < 0);
        assert_int_equal(write(peer, "HTTP/1.1 400 Bad Request\r\n\r\n", 28), 28);
        world_until(w, rpc_channel_get_state(w->channel) == RPC_CHANNEL_FAILED);
        assert_non_null(strstr(rpc_channel_get_error(w->channel), "guard"));
        (void) close(peer);
        (void) close(fd);
        (void) unlink(w->path);
}

static int body_gate(void *userdata) {
        RpcCallOptions options = soon();
        World *w = userdata;

        w->until_gate = true;
        w->deadline = call_hwid(w->channel, &options, NULL) < 0; /* where the client left its result */
        return 0;
}

static void on_drained(void *userdata) {
        *(bool *) userdata = true;
}

static void test_drain(void **state) {
        World *w = *state;
        bool drained = false;
        Fiber *f;

        assert_int_equal(fiber_start(&f, body_gate, w), 0);
        world_until(w, w->entered.done);
        rpc_server_drain(w->server, on_drained, &drained);
        assert_false(drained);
        for (unsigned i = 0; i < 20; i++)
                assert_true(sd_event_run(w->event, USEC_PER_MSEC) >= 0);
        assert_false(drained); /* it waits for the call */
        promise_resolve(&w->gate, 0);
        world_until(w, f == NULL);
        assert_int_equal(w->deadline, 0); /* which ended well */
        world_until(w, drained);
}

static void test_drain_idle(void **state) {
        World *w = *state;
        bool drained = false;

        rpc_server_drain(w->server, on_drained, &drained);
        assert_false(drained); /* never from within */
        world_until(w, drained);
}

static void test_drain_timeout(void **state) {
        World *w = *state;
        bool drained = false;
        Fiber *f;

        assert_int_equal(fiber_start(&f, body_gate, w), 0);
        world_until(w, w->entered.done);
        rpc_server_drain(w->server, on_drained, &drained);
        world_until(w, drained);
        assert_int_equal(w->last_result, -ECANCELED);
        world_until(w, f == NULL);
        assert_int_equal(w->deadline, 1);
}

static void test_free_with_calls(void **state) {
        World *w = *state;
        Fiber *f;

        assert_int_equal(fiber_start(&f, body_gate, w), 0);
        world_until(w, w->entered.done);
        stop_server(w);
        assert_int_equal(w->n_ended, 1); /* handlers return before the server is gone */
        assert_int_equal(w->last_result, -ECANCELED);
        world_until(w, f == NULL);
        assert_int_equal(w->deadline, 1);
}

typedef struct Many {
        World *world;
        RpcChannel *channels[4];
        unsigned n_refused, n_other, n_running;
} Many;

typedef struct One {
        Many *many;
        unsigned i;
} One;

static int body_one(void *userdata) {
        One *o = userdata;
        RpcCallOptions options = soon();
        RpcStatus status = {};
        int r;

        r = call_hwid(o->many->channels[o->i % 4], &options, &status);
        if (r == -ENOBUFS && status.code == RPC_RESOURCE_EXHAUSTED)
                o->many->n_refused++;
        else if (r < 0)
                o->many->n_other++;
        o->many->n_running--;
        rpc_status_done(&status);
        free(o);
        return 0;
}

static void test_calls_per_peer(void **state) {
        enum { N = RPC_CALLS_PER_PEER_MAX + 40 };
        World *w = *state;
        Many m = { .world = w };

        w->until_gate = true;
        for (unsigned i = 0; i < 4; i++)
                assert_int_equal(rpc_channel_new(w->queue, &(RpcChannelOptions){ .address = &w->address },
                                                 &m.channels[i]),
                                0);
        for (unsigned i = 0; i < N; i++) {
                One *o = mem_new0(One, 1);

                *o = (One){ &m, i };
                m.n_running++;
                assert_int_equal(fiber_start(NULL, body_one, o), 0);
        }
        world_until(w, m.n_refused == N - RPC_CALLS_PER_PEER_MAX);
        assert_int_equal(m.n_running, RPC_CALLS_PER_PEER_MAX);
        stop_server(w); /* ends the others */
        world_until(w, m.n_running == 0);
        assert_int_equal(m.n_other, RPC_CALLS_PER_PEER_MAX);
        for (unsigned i = 0; i < 4; i++)
                (void) rpc_channel_unref(m.channels[i]);
}

static int body_health(void *userdata) {
        Grpc__Health__V1__HealthCheckRequest req = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
        static const char *const names[] = { "", "hwid.HwidService", "grpc.health.v1.Health", "no.such.Service" };
        RpcCallOptions options = soon();
        World *w = userdata;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_proto_ Grpc__Health__V1__HealthCheckResponse *reply = NULL;
                int r;

                req.service = (char *) names[i];
                r = rpc_channel_call_wait(w->channel, &grpc__health__v1__health__descriptor, "Check", &req, &options,
                                &reply, NULL);
                assert_int_equal(r, i < 3 ? 0 : -ENOENT);
                if (i < 3)
                        assert_int_equal(reply->status, 1);
        }
        return 0;
}

static void test_health(void **state) {
        world_run(*state, body_health);
}

static int watch_next(RpcStream *s) {
        _cleanup_proto_ Grpc__Health__V1__HealthCheckResponse *reply = NULL;
        int r;

        r = rpc_stream_receive_wait(s, &reply, NULL);
        return r == 1 ? (int) reply->status : -1;
}

static int body_health_watch(void *userdata) {
        Grpc__Health__V1__HealthCheckRequest req = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
        _cleanup_(rpc_stream_freep) RpcStream *known = NULL, *unknown = NULL;
        static bool drained;
        RpcCallOptions options = soon();
        World *w = userdata;

        req.service = (char *) "hwid.HwidService";
        assert_int_equal(rpc_stream_open_wait(w->channel, &grpc__health__v1__health__descriptor, "Watch", &options,
                                         &known, NULL),
                        0);
        assert_int_equal(rpc_stream_send_wait(known, &req), 0);
        assert_int_equal(rpc_stream_close_send_wait(known), 0);
        assert_int_equal(watch_next(known), 1);
        req.service = (char *) "nobody";
        assert_int_equal(rpc_stream_open_wait(w->channel, &grpc__health__v1__health__descriptor, "Watch", &options,
                                         &unknown, NULL),
                        0);
        assert_int_equal(rpc_stream_send_wait(unknown, &req), 0);
        assert_int_equal(rpc_stream_close_send_wait(unknown), 0);
        assert_int_equal(watch_next(unknown), 3);
        rpc_server_drain(w->server, on_drained, &drained);
        assert_int_equal(watch_next(known), 2);
        assert_int_equal(watch_next(unknown), 3);
        return 0;
}

static void test_health_watch(void **state) {
        world_run(*state, body_health_watch);
}

static void test_nothing_left(void **state) {
        World *w = *state;
        unsigned fds = 0;

        for (unsigned round = 0; round < 6; round++) {
                RpcChannel *channels[30];

                for (size_t i = 0; i < ELEMENTSOF(channels); i++) {
                        assert_int_equal(rpc_channel_new(w->queue, &(RpcChannelOptions){ .address = &w->address },
                                                         &channels[i]),
                                        0);
                        rpc_channel_connect(channels[i]);
                        if (i % 3 == 0) /* some never get as far */
                                (void) rpc_channel_unref(TAKE_PTR(channels[i]));
                }
                for (size_t i = 0; i < ELEMENTSOF(channels); i++)
                        world_until(w, !channels[i] || rpc_channel_get_state(channels[i]) == RPC_CHANNEL_READY);
                for (size_t i = 0; i < ELEMENTSOF(channels); i++)
                        (void) rpc_channel_unref(channels[i]);
                world_until(w, rpc_queue_count_lanes(w->queue) == 0);
                if (round == 0)
                        fds = count_fds();
                world_until(w, count_fds() <= fds);
        }
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                world_test(test_states),
                world_test(test_not_reachable),
                world_test(test_retry),
                world_test(test_wait_for_ready),
                world_test(test_not_grpc),
                world_test(test_drain),
                world_test(test_drain_idle),
                world_test(test_drain_timeout),
                world_test(test_free_with_calls),
                world_test(test_calls_per_peer),
                world_test(test_health),
                world_test(test_health_watch),
                world_test(test_nothing_left),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
