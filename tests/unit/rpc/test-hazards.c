/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong when others do what they like at the wrong moment: callbacks that let go of what is on the stack,
 * readers that stop, messages that are too many or too large. Peers here write frames by hand. */
#include "fixture.h"

#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <valgrind/valgrind.h>

#include "base/log.h"
#include "rpc/limits.h"
#include "stats.pb-c.h"

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

static int body_drops(void *userdata) {
        _cleanup_(rpc_stream_freep) RpcStream *s = NULL;
        Socketproxy__StreamFrame frame = SOCKETPROXY__STREAM_FRAME__INIT;
        RpcCallOptions options = soon();

        frame.chunk = (ProtobufCBinaryData){ .data = (uint8_t *) "drops", .len = 5 };
        assert_int_equal(rpc_stream_open_wait(((World *) userdata)->channel, &socketproxy__socket_stream__descriptor,
                                         "TransferData", &options, &s, NULL),
                        0);
        assert_int_equal(rpc_stream_send_wait(s, &frame), 0);
        for (unsigned i = 0; i < N_DROPS; i++) {
                _cleanup_proto_ ProtobufCMessage *m = NULL;

                assert_int_equal(rpc_stream_receive_wait(s, &m, NULL), 1);
        }
        return 0;
}

/* Many small writes fill a socket with few bytes. */
static void test_drops(void **state) {
        world_run(*state, body_drops);
}

enum { DATA, HEADERS, RST = 3, SETTINGS, PING = 6, WINDOW = 8 };
enum { END_STREAM = 1, END_HEADERS = 4 };

static void raw_send(World *w, int fd, const void *data, size_t n) {
        const uint8_t *p = data;

        while (n > 0) {
                ssize_t k = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (k < 0)
                        assert_int_equal(errno, EAGAIN);
                else {
                        p += k;
                        n -= k;
                }
                assert_true(sd_event_run(w->event, 0) >= 0);
        }
}

static void raw_frame(World *w, int fd, uint8_t type, uint8_t flags, uint32_t stream, const void *data, uint32_t n) {
        const uint8_t header[9] = { n >> 16, n >> 8, n, type, flags, stream >> 24, stream >> 16, stream >> 8, stream };

        raw_send(w, fd, header, sizeof(header));
        raw_send(w, fd, data, n);
}

static size_t put_header(uint8_t *p, const char *name, const char *value) {
        size_t n = strlen(name), k = strlen(value);

        p[0] = 0; /* a literal that is not indexed, neither string longer than 126 */
        p[1] = n;
        memcpy(p + 2, name, n);
        p[2 + n] = k;
        memcpy(p + 3 + n, value, k);
        return 3 + n + k;
}

static void raw_call(World *w, int fd, uint32_t stream, const char *path) {
        uint8_t block[512];
        size_t n = 0;

        n += put_header(block + n, ":method", "POST");
        n += put_header(block + n, ":scheme", "http");
        n += put_header(block + n, ":path", path);
        n += put_header(block + n, ":authority", "localhost");
        n += put_header(block + n, "content-type", "application/grpc");
        n += put_header(block + n, "te", "trailers");
        raw_frame(w, fd, HEADERS, END_HEADERS, stream, block, n);
}

/* With the largest windows that there are. */
static int raw_connect(World *w) {
        static const uint8_t settings[] = { 0, 4, 0x7f, 0xff, 0xff, 0xff }, window[] = { 0x7f, 0xff, 0, 0 };
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        (void) snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", w->path);
        assert_int_equal(connect(fd, (struct sockaddr *) &sa, sizeof(sa)), 0);
        raw_send(w, fd, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
        raw_frame(w, fd, SETTINGS, 0, 0, settings, sizeof(settings));
        raw_frame(w, fd, WINDOW, 0, 0, window, sizeof(window));
        return fd;
}

static bool hasty;

/* Instead of libsystemd's: a peer may be silent for a time that a test cannot wait for. */
int sd_event_add_time_relative(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t usec, uint64_t accuracy,
                sd_event_time_handler_t callback, void *userdata) {
        if (usec == RPC_STALL_USEC && hasty)
                usec = 300 * USEC_PER_MSEC;
        return sd_event_add_time(e, ret, clock, time_now(clock) + usec, accuracy, callback, userdata);
}

/* A call whose replies nobody reads has filled all buffers. */
static int raw_flood(World *w) {
        static const uint8_t flood[] = { 0, 0, 0, 0, 7, 10, 5, 'f', 'l', 'o', 'o', 'd' };
        unsigned sent, idle = 0;
        int fd;

        fd = raw_connect(w);
        raw_call(w, fd, 1, "/socketproxy.SocketStream/TransferData");
        raw_frame(w, fd, DATA, 0, 1, flood, sizeof(flood));
        world_until(w, w->n_sent > 0);
        do {
                sent = w->n_sent;
                assert_true(sd_event_run(w->event, USEC_PER_MSEC) >= 0);
                idle = w->n_sent == sent ? idle + 1 : 0;
        } while (idle < 20);
        return fd;
}

static void test_reader_stops(void **state) {
        World *w = *state;
        int fd;

        hasty = true;
        fd = raw_flood(w);
        assert_int_equal(w->n_ended, 0);
        world_until(w, w->n_ended == 1);
        world_until(w, rpc_queue_count_lanes(w->queue) == 0);
        hasty = false;
        (void) close(fd);
}

/* One that reads, if only a little at a time, is not one that has stopped: several times the patience passes. */
static void test_slow_reader_stays(void **state) {
        static uint8_t space[16 * 1024];
        World *w = *state;
        usec_t end;
        int fd;

        hasty = true;
        fd = raw_flood(w);
        end = time_now(CLOCK_MONOTONIC) + 1500 * USEC_PER_MSEC;
        while (time_now(CLOCK_MONOTONIC) < end) {
                assert_int_not_equal(recv(fd, space, sizeof(space), 0), 0);
                assert_true(sd_event_run(w->event, USEC_PER_MSEC) >= 0);
        }
        assert_int_equal(w->n_ended, 0);
        assert_int_equal(rpc_queue_count_lanes(w->queue), 1);
        hasty = false;
        (void) close(fd);
        world_until(w, w->n_ended == 1);
}

/* gRPC would end the connection, if it could write. */
static void test_end_behind_full_buffers(void **state) {
        World *w = *state;
        int fd;

        hasty = true;
        fd = raw_flood(w);
        raw_frame(w, fd, PING, 0, 0, "1234567", 7);
        world_until(w, rpc_queue_count_lanes(w->queue) == 0);
        hasty = false;
        assert_int_equal(w->n_ended, 1);
        (void) close(fd);
}

static void test_free_behind_full_buffers(void **state) {
        World *w = *state;
        int fd;

        fd = raw_flood(w);
        (void) rpc_server_free(w->server);
        w->server = NULL;
        assert_int_equal(w->n_ended, 1);
        (void) close(fd);
}

static void *read_all(void *userdata) {
        static uint8_t space[256 * 1024];
        int fd = *(int *) userdata;
        struct pollfd p = { .fd = fd, .events = POLLIN };

        while (poll(&p, 1, -1) > 0 && recv(fd, space, sizeof(space), 0) != 0)
                ;
        return NULL;
}

/* A reader that is as fast as we are gets its share of the loop and no more. */
static void test_greedy_reader(void **state) {
        static const uint8_t flood[] = { 0, 0, 0, 0, 7, 10, 5, 'f', 'l', 'o', 'o', 'd' };
        World *w = *state;
        unsigned most = 0;
        pthread_t thread;
        int fd;

        fd = raw_connect(w);
        assert_int_equal(pthread_create(&thread, NULL, read_all, &fd), 0);
        raw_call(w, fd, 1, "/socketproxy.SocketStream/TransferData");
        raw_frame(w, fd, DATA, 0, 1, flood, sizeof(flood));
        while (w->n_sent < 2000) { /* 64 MB */
                unsigned before = w->n_sent;

                assert_true(sd_event_run(w->event, USEC_PER_SEC) >= 0);
                most = MAX(most, w->n_sent - before);
        }
        assert_in_range(most, 1, 512);
        (void) shutdown(fd, SHUT_RDWR);
        (void) pthread_join(thread, NULL);
        (void) close(fd);
        world_until(w, w->n_ended == 1);
}

/* An upload that gRPC has to end, since a message of it is larger than what it takes. */
static void test_upload_too_large(void **state) {
        static const uint8_t good[] = { 0, 0, 0, 0, 0 }, large[] = { 0, 0x7f, 0xff, 0xff, 0xff };
        World *w = *state;
        int fd;

        fd = raw_connect(w);
        raw_call(w, fd, 1, "/eventproxy.EventService/StreamEvents");
        raw_frame(w, fd, DATA, 0, 1, good, sizeof(good));
        world_until(w, w->n_received == 1);
        raw_frame(w, fd, DATA, 0, 1, large, sizeof(large));
        world_until(w, w->n_ended == 1);
        assert_true(w->last_result < 0);
        (void) close(fd);
}

enum { MANY = 40 };

static void raw_many(World *w, int *fds) {
        w->until_gate = true;
        for (unsigned i = 0; i < MANY; i++) {
                fds[i] = raw_connect(w);
                raw_call(w, fds[i], 1, "/hwid.HwidService/GetHwId");
                raw_frame(w, fds[i], DATA, END_STREAM, 1, "\0\0\0\0\0", 5);
        }
        world_until(w, w->n_started == MANY);
}

static void on_drained(void *userdata) {
        *(bool *) userdata = true;
}

static void test_end_of_many(void **state) {
        World *w = *state;

        for (unsigned round = 0; round < 24; round++) {
                bool drained = false;
                int fds[MANY];

                w->n_started = 0;
                w->entered = w->gate = (Promise){};
                raw_many(w, fds);
                for (unsigned i = 0; i < MANY; i++)
                        (void) close(fds[i]);
                for (unsigned i = 0; i < round % 8 * 10; i++)
                        assert_true(sd_event_run(w->event, 0) >= 0);
                if (round % 3 == 1) {
                        rpc_server_drain(w->server, on_drained, &drained);
                        assert_false(drained);
                }
                if (round % 3 == 2)
                        world_until(w, rpc_queue_count_lanes(w->queue) == 0);
                (void) rpc_server_free(w->server);
                world_start_server(w);
        }
}

/* The end of one call ends another, of the connection that comes next in the server's list. */
static Promise held;

static int method_stats(_unused_ RpcCall *call, _unused_ const void *request, _unused_ RpcStatus *reterr, void *data) {
        World *w = data;

        w->n_started++;
        return promise_wait_uncanceled(&held);
}

static int method_sysinfo(
                _unused_ RpcCall *call, _unused_ const void *request, _unused_ RpcStatus *reterr, void *data) {
        Promise never = {};
        World *w = data;
        int r;

        w->n_started++;
        r = promise_wait(&never);
        promise_resolve(&held, r);
        return r;
}

static const RpcMethod stats_methods[] = {
        { "GetStats", RPC_UNARY, method_stats },
        { "GetSysinfo", RPC_UNARY, method_sysinfo },
        {},
};

static unsigned n_connections(World *w) {
        RpcServerStats stats;

        rpc_server_get_stats(w->server, &stats);
        return stats.n_connections;
}

static void end_next_to(World *w, bool drain) {
        static const RpcService stats = { &stats__stats_service__descriptor, stats_methods };
        bool drained = false;
        int a, b;

        held = (Promise){};
        w->n_started = 0;
        assert_int_equal(rpc_server_add_service(w->server, &stats, w), 0);
        a = raw_connect(w);
        raw_call(w, a, 1, "/stats.StatsService/GetSysinfo");
        raw_frame(w, a, DATA, END_STREAM, 1, "\0\0\0\0\0", 5);
        world_until(w, w->n_started == 1);
        b = raw_connect(w);
        raw_call(w, b, 1, "/stats.StatsService/GetStats");
        raw_frame(w, b, DATA, END_STREAM, 1, "\0\0\0\0\0", 5);
        world_until(w, w->n_started == 2);
        (void) close(b);
        world_until(w, rpc_queue_count_lanes(w->queue) == 2);
        for (unsigned i = 0; i < 50; i++)
                assert_true(sd_event_run(w->event, USEC_PER_MSEC) >= 0);
        assert_int_equal(n_connections(w), 2);
        if (drain) {
                rpc_server_drain(w->server, on_drained, &drained);
                world_until(w, drained);
        }
        (void) rpc_server_free(w->server);
        assert_true(held.done);
        (void) close(a);
        world_start_server(w);
}

static void test_free_next(void **state) {
        end_next_to(*state, false);
}

static void test_drain_next(void **state) {
        end_next_to(*state, true);
}

static void test_end_behind_last_bytes(void **state) {
        static const uint8_t ping[9 + 8] = { 0, 0, 8, PING };
        World *w = *state;
        int fd;

        fd = raw_connect(w);
        world_until(w, rpc_queue_count_lanes(w->queue) == 1);
        assert_int_equal(send(fd, ping, sizeof(ping), 0), sizeof(ping));
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        world_until(w, rpc_queue_count_lanes(w->queue) == 0);
        (void) close(fd);
}

static bool has_come(int fd, const void *wanted, size_t size) {
        static uint8_t space[4096];
        ssize_t n = recv(fd, space, sizeof(space), 0);

        return n > 0 && memmem(space, n, wanted, size);
}

static void test_more_than_one_read(void **state) {
        enum { UNKNOWN = 0x2f, SIZE = 100 * 1024 }; /* of frames that nobody knows, 1024 bytes each */
        static const uint8_t ping[9 + 8] = { 0, 0, 8, PING, 0, 0, 0, 0, 0, 't', 'h', 'e', ' ', 'l', 'a', 's', 't' };
        static uint8_t data[SIZE + sizeof(ping)];
        World *w = *state;
        int fd;

        for (size_t i = 0; i < SIZE; i += 1024)
                memcpy(data + i, (const uint8_t[]){ 0, 1015 >> 8, 1015 & 0xff, UNKNOWN }, 4);
        memcpy(data + SIZE, ping, sizeof(ping));
        fd = raw_connect(w);
        world_until(w, rpc_queue_count_lanes(w->queue) == 1);
        assert_int_equal(send(fd, data, sizeof(data), 0), sizeof(data));
        world_until(w, has_come(fd, ping + 9, 8));
        (void) close(fd);
}

/* A link that outlived its channel drops the last reference when its last call ends, within a visit. */
static void test_queue_goes_within(_unused_ void **state) {
        sd_event *e = NULL;
        RpcQueue *q;

        assert_true(sd_event_default(&e) >= 0);
        assert_int_equal(rpc_queue_new(e, &q), 0);
        rpc_queue_enter(q);
        rpc_queue_enter(q);
        (void) rpc_queue_unref(q);
        rpc_queue_leave(q);
        rpc_queue_leave(q);
        assert_true(sd_event_run(e, 0) >= 0);
        sd_event_unref(e);
}

static char *reason;

static void sink(_unused_ int level, const LogField *fields, _unused_ const char *text) {
        for (; fields && fields->key; fields++)
                if (streq(fields->key, "GIVC_REASON"))
                        assert_return_code(str_replace(&reason, fields->value), 0);
}

/* There is a descriptor for the connection, and none for gRPC's end of it. valgrind keeps the limit itself, with an
 * error of its own. */
static void test_no_descriptors_left(void **state) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        struct rlimit limit, tight;
        World *w = *state;
        int first, fd, next;

        first = raw_connect(w); /* from here on the loop has what it needs */
        world_until(w, rpc_queue_count_lanes(w->queue) == 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void) snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", w->path);
        assert_return_code(connect(fd, (struct sockaddr *) &sa, sizeof(sa)), errno);
        assert_return_code(getrlimit(RLIMIT_NOFILE, &limit), errno);
        next = dup(fd);
        (void) close(next);
        tight = (struct rlimit){ .rlim_cur = next + 1, .rlim_max = limit.rlim_max };
        log_set_sink(sink);
        assert_return_code(setrlimit(RLIMIT_NOFILE, &tight), errno);
        world_until(w, reason);
        assert_return_code(setrlimit(RLIMIT_NOFILE, &limit), errno);
        log_set_sink(NULL);
        assert_string_equal(reason, RUNNING_ON_VALGRIND ? "Bad file descriptor" : "Too many open files");
        (void) close(fd);
        (void) close(first);
        free(reason);
        reason = NULL;
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                world_test(test_many_waiters),
                world_test(test_listener_drops_channel),
                world_test(test_drops),
                world_test(test_reader_stops),
                world_test(test_slow_reader_stays),
                world_test(test_end_behind_full_buffers),
                world_test(test_free_behind_full_buffers),
                world_test(test_greedy_reader),
                world_test(test_upload_too_large),
                world_test(test_end_of_many),
                world_test(test_free_next),
                world_test(test_drain_next),
                world_test(test_end_behind_last_bytes),
                world_test(test_more_than_one_read),
                world_test(test_no_descriptors_left),
                cmocka_unit_test(test_queue_goes_within),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
