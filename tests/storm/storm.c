/* SPDX-License-Identifier: Apache-2.0 */
/* Waves of connections that come, work and vanish while others work on. After each wave it prints a JSON line about
 * itself and waits for a line on standard input, so that whoever runs it can look at the server. It fails when a call
 * outlives its deadline by more than a second, and when a call that nothing disturbs fails. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/time.h"
#include "echo.pb-c.h"
#include "event/fiber.h"
#include "event/task.h"
#include "interop/self.h"
#include "proto/unpack.h"
#include "rpc/channel.h"
#include "storm/rude.h"

#define STEADY      16  /* connections that stay */
#define GUESTS      140 /* well-behaved ones of a wave */
#define RUDES       80
#define CONNECTING  10                  /* guests that connect at a time: below the server's limit for one source */
#define STEADY_USEC (5 * USEC_PER_MSEC) /* between the calls of one that stays: the waves need the processor too */
#define CALL_USEC   (5 * USEC_PER_SEC)
#define LATE_USEC   USEC_PER_SEC
#define SETTLE_USEC (10 * USEC_PER_SEC)

typedef struct Storm {
        sd_event *event;
        RpcQueue *queue;
        TlsCredentials *credentials;
        RpcAddress address;
        RudeOptions rude;
        unsigned n_waves;
        List calls; /* in progress, for the watch */
        bool stop;
        unsigned n_next; /* guest that connects next */
        RpcChannel *guests[GUESTS];
        unsigned n_fds; /* after the first wave */
        uint64_t n_calls, n_failed, n_late;
        int result;
} Storm;

/* A call that the watch looks after. */
typedef struct Watched {
        List list;
        usec_t deadline;
} Watched;

static Watched *watch_begin(Storm *s, Watched *w, usec_t timeout) {
        w->deadline = usec_add(time_now(CLOCK_MONOTONIC), timeout);
        list_append(&s->calls, &w->list);
        s->n_calls++;
        return w;
}

static void watch_end(Storm *s, Watched *w) {
        list_remove(&w->list);
        s->n_late += time_now(CLOCK_MONOTONIC) > w->deadline + LATE_USEC;
}

static int on_watch(sd_event_source *source, uint64_t usec, void *userdata) {
        usec_t now = time_now(CLOCK_MONOTONIC);
        Storm *s = userdata;

        LIST_FOREACH(w, &s->calls, Watched, list)
                if (now > w->deadline + LATE_USEC) {
                        log_error("Stalled: a call is %llu ms past its deadline.",
                                        (unsigned long long) ((now - w->deadline) / USEC_PER_MSEC));
                        exit(EXIT_FAILURE);
                }

        (void) sd_event_source_set_time(source, usec + 100 * USEC_PER_MSEC);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void storm_fail(Storm *s, const char *what, const RpcStatus *status) {
        s->n_failed++;
        if (s->n_failed <= 5)
                log_error("%s failed: %s: %s", what, rpc_code_to_string(status->code), status->message ?: "");
}

/* A unary call that nothing should disturb. */
static int storm_call_wait(Storm *s, RpcChannel *c, unsigned delay_ms, size_t size) {
        Test__EchoRequest request = TEST__ECHO_REQUEST__INIT;
        _cleanup_proto_ Test__EchoReply *reply = NULL;
        static uint8_t payload[32768];
        RpcStatus status = {};
        RpcCallOptions options;
        Watched w;
        int r;

        request.delay_ms = delay_ms;
        request.payload = (ProtobufCBinaryData){ size, payload };
        options = (RpcCallOptions){ watch_begin(s, &w, CALL_USEC)->deadline, .wait_for_ready = true };
        r = rpc_channel_call_wait(c, &test__echo__descriptor, "Unary", &request, &options, &reply, &status);
        watch_end(s, &w);
        if (r < 0 && r != -ECANCELED)
                storm_fail(s, "A call", &status);
        if (r >= 0 && reply->payload.len != size)
                storm_fail(s, "An echo", &status);

        rpc_status_done(&status);
        return r;
}

static int stream_exchange_wait(RpcStream *stream, unsigned n, RpcStatus *reterr) {
        Test__EchoRequest request = TEST__ECHO_REQUEST__INIT;
        int r;

        for (unsigned i = 0; i < n; i++) {
                _cleanup_proto_ Test__EchoReply *reply = NULL;

                r = rpc_stream_send_wait(stream, &request);
                if (r < 0)
                        return r;
                r = rpc_stream_receive_wait(stream, &reply, reterr);
                if (r <= 0)
                        return r < 0 ? r : -EPIPE;
        }
        return 0;
}

/* Some messages back and forth, then the end: in order, or by leaving in the middle. */
static int storm_stream_wait(Storm *s, RpcChannel *c, unsigned n, bool leave) {
        _cleanup_(rpc_stream_freep) RpcStream *stream = NULL;
        Test__EchoReply *reply = NULL;
        RpcStatus status = {};
        RpcCallOptions options;
        Watched w;
        int r;

        options = (RpcCallOptions){ watch_begin(s, &w, CALL_USEC)->deadline, .wait_for_ready = true };
        r = rpc_stream_open_wait(c, &test__echo__descriptor, "Bidi", &options, &stream, &status);
        if (r >= 0)
                r = stream_exchange_wait(stream, n, &status);
        if (r >= 0 && !leave) {
                r = rpc_stream_close_send_wait(stream);
                if (r >= 0)
                        r = rpc_stream_receive_wait(stream, &reply, &status);
        }
        watch_end(s, &w);
        if (r < 0 && r != -ECANCELED)
                storm_fail(s, "A stream", &status);

        proto_free((ProtobufCMessage *) reply);
        rpc_status_done(&status);
        return r;
}

static int storm_channel_new(Storm *s, RpcChannel **ret) {
        return rpc_channel_new(s->queue,
                        &(RpcChannelOptions){
                                        .address = &s->address,
                                        .credentials = s->credentials,
                                        .server_name = s->rude.server_name,
                        },
                        ret);
}

/* Works from beginning to end, waves or not. */
static int steady_main(void *userdata) {
        _cleanup_(rpc_channel_unrefp) RpcChannel *c = NULL;
        Storm *s = userdata;
        int r;

        r = storm_channel_new(s, &c);
        if (r < 0)
                return r;
        for (unsigned i = 0; !s->stop; i++) {
                r = i % 4 == 3 ? storm_stream_wait(s, c, 5, i % 128 == 127)
                               : storm_call_wait(s, c, i % 10, i * 997 % 16384);
                if (r != -ECANCELED)
                        r = fiber_sleep_wait(STEADY_USEC);
                if (r == -ECANCELED)
                        return r;
        }
        return 0;
}

static int connect_main(void *userdata) {
        Storm *s = userdata;
        int r;

        while (s->n_next < GUESTS) {
                RpcChannel **c = s->guests + s->n_next++;

                r = storm_channel_new(s, c);
                if (r < 0)
                        return r;
                rpc_channel_connect(*c);
                r = rpc_channel_ready_wait(*c, time_now(CLOCK_MONOTONIC) + 2 * CALL_USEC);
                if (r < 0) {
                        log_error("A guest cannot connect: %s: %s", strerror(-r), rpc_channel_get_error(*c));
                        s->n_failed++;
                }
        }
        return 0;
}

typedef struct Guest {
        Storm *storm;
        unsigned i;
} Guest;

static int guest_main(void *userdata) {
        Guest *g = userdata;
        RpcChannel *c = g->storm->guests[g->i];

        (void) storm_call_wait(g->storm, c, 0, g->i * 331 % 32768);
        (void) storm_stream_wait(g->storm, c, 3, g->i % 10 == 0);
        (void) storm_call_wait(g->storm, c, 5, 10);
        return 0;
}

/* Calls that are in progress when their connection goes. */
static int leaver_main(void *userdata) {
        Guest *g = userdata;
        Test__EchoRequest request = TEST__ECHO_REQUEST__INIT;
        RpcStatus status = {};
        RpcCallOptions options;
        Watched w;
        int r;

        request.delay_ms = 60000;
        options = (RpcCallOptions){ watch_begin(g->storm, &w, CALL_USEC)->deadline };
        r = rpc_channel_call_wait(
                        g->storm->guests[g->i], &test__echo__descriptor, "Unary", &request, &options, NULL, &status);
        watch_end(g->storm, &w);
        /* It cannot have succeeded. */
        g->storm->n_failed += r >= 0;
        rpc_status_done(&status);
        return 0;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Promise *p = userdata;

        (void) fd;
        (void) revents;
        (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        promise_resolve(p, 0);
        return 0;
}

static int readable_wait(Storm *s, int fd) {
        sd_event_source *source = NULL;
        Promise p = {};
        int r;

        r = sd_event_add_io(s->event, &source, fd, EPOLLIN, on_readable, &p);
        if (r < 0)
                return r;
        r = promise_wait(&p);
        sd_event_source_disable_unref(source);
        return r;
}

static int group_run_wait(fiber_func_t func, void *first, size_t size, unsigned n) {
        _cleanup_(task_group_freep) TaskGroup *g = NULL;
        int r = 0;

        g = task_group_new();
        if (!g)
                return -ENOMEM;
        for (unsigned i = 0; r >= 0 && i < n; i++)
                r = task_group_start(g, func, (uint8_t *) first + i * size);
        return r < 0 ? r : task_group_wait(g);
}

/* All at once: guests in order, some with a call in progress, and the rude ones. */
static int wave_vanish(Storm *s, Guest *guests, Rude **rude) {
        _cleanup_(task_group_freep) TaskGroup *g = NULL;
        int r = 0;

        g = task_group_new();
        if (!g)
                return -ENOMEM;
        for (unsigned i = 0; r >= 0 && i < GUESTS; i += 7)
                r = task_group_start(g, leaver_main, guests + i);

        /* One turn of the loop, so that some of these calls are at the server and some are not. */
        if (r >= 0)
                r = fiber_sleep_wait(USEC_PER_MSEC);
        *rude = rude_free(*rude);
        for (unsigned i = 0; i < GUESTS; i++)
                s->guests[i] = rpc_channel_unref(s->guests[i]);

        return r < 0 ? r : task_group_wait(g);
}

static int wave_run(Storm *s) {
        _cleanup_(rude_freep) Rude *rude = NULL;
        Guest guests[GUESTS];
        int r;

        r = rude_new(&s->rude, RUDES, &rude);
        if (r < 0)
                return r;

        s->n_next = 0;
        for (unsigned i = 0; i < GUESTS; i++)
                guests[i] = (Guest){ s, i };
        r = group_run_wait(connect_main, s, 0, CONNECTING);
        if (r >= 0)
                r = group_run_wait(guest_main, guests, sizeof(Guest), GUESTS);
        if (r >= 0)
                r = readable_wait(s, rude_get_fd(rude));
        if (r < 0)
                return r;
        if (rude_count_failed(rude) > 0)
                log_error("%u rude peers got no answer.", rude_count_failed(rude));
        s->n_failed += rude_count_failed(rude);

        return wave_vanish(s, guests, &rude);
}

/* Until gRPC has given back the connections of the wave, and its threads have closed what was theirs. */
static void lanes_settle_wait(Storm *s, unsigned n) {
        usec_t end = time_now(CLOCK_MONOTONIC) + SETTLE_USEC;

        while ((rpc_queue_count_lanes(s->queue) > n || (s->n_fds > 0 && self_count_fds() > s->n_fds)) &&
                        time_now(CLOCK_MONOTONIC) < end)
                if (fiber_sleep_wait(10 * USEC_PER_MSEC) < 0)
                        return;
}

static int waves_main(void *userdata) {
        Storm *s = userdata;
        char line[16];
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < s->n_waves; i++) {
                usec_t begin = time_now(CLOCK_MONOTONIC);

                r = wave_run(s);
                lanes_settle_wait(s, STEADY);
                if (s->n_fds == 0)
                        s->n_fds = self_count_fds();
                printf("{\"wave\": %u, \"calls\": %llu, \"failed\": %llu, \"late\": %llu, \"lanes\": %u, \"fds\": %u, "
                       "\"rss_kb\": %llu, \"heap_kb\": %llu, \"ms\": %llu}\n",
                                i, (unsigned long long) s->n_calls, (unsigned long long) s->n_failed,
                                (unsigned long long) s->n_late, rpc_queue_count_lanes(s->queue), self_count_fds(),
                                (unsigned long long) self_rss_kb(), (unsigned long long) self_heap_kb(),
                                (unsigned long long) ((time_now(CLOCK_MONOTONIC) - begin) / USEC_PER_MSEC));
                if (r >= 0)
                        r = readable_wait(s, STDIN_FILENO);
                if (r >= 0 && read(STDIN_FILENO, line, sizeof(line)) <= 0)
                        r = -EPIPE;
        }

        s->stop = true;
        return r;
}

static int storm_main(void *userdata) {
        _cleanup_(task_group_freep) TaskGroup *g = NULL;
        Storm *s = userdata;
        int r = 0;

        g = task_group_new();
        if (!g)
                r = -ENOMEM;
        for (unsigned i = 0; r >= 0 && i < STEADY; i++)
                r = task_group_start(g, steady_main, s);
        if (r >= 0)
                r = task_group_start(g, waves_main, s);
        if (r >= 0)
                r = task_group_wait(g);

        lanes_settle_wait(s, 0);
        printf("{\"calls\": %llu, \"failed\": %llu, \"late\": %llu, \"lanes\": %u}\n", (unsigned long long) s->n_calls,
                        (unsigned long long) s->n_failed, (unsigned long long) s->n_late,
                        rpc_queue_count_lanes(s->queue));
        s->result = r < 0 || s->n_failed > 0 || s->n_late > 0 || rpc_queue_count_lanes(s->queue) > 0 ? -EIO : 0;
        return sd_event_exit(s->event, 0);
}

static int storm_new(Storm *s, char **argv) {
        char *error = NULL;
        TlsPaths paths;
        int r;

        s->rude = (RudeOptions){ strtoul(argv[1], NULL, 10), argv[2], argv[3], argv[4], argv[5] };
        s->n_waves = strtoul(argv[6], NULL, 10);
        s->address = (RpcAddress){ .kind = RPC_ADDRESS_TCP, .host = (char *) "127.0.0.1", .port = s->rude.port };
        list_init(&s->calls);

        r = sd_event_default(&s->event);
        if (r >= 0)
                r = sd_event_add_time_relative(s->event, NULL, CLOCK_MONOTONIC, 0, 1, on_watch, s);
        if (r >= 0)
                r = rpc_queue_new(s->event, &s->queue);
        if (r < 0)
                return r;

        paths = (TlsPaths){ s->rude.ca, s->rude.cert, s->rude.key };
        r = tls_credentials_new(&paths, &s->credentials, &error);
        if (r < 0)
                log_error("Cannot load the credentials: %s", error ?: strerror(-r));
        free(error);
        return r;
}

int main(int argc, char **argv) {
        Storm s = {};
        int r;

        if (argc != 7) {
                fprintf(stderr, "usage: storm PORT CA CERTIFICATE KEY SERVER-NAME WAVES\n");
                return 2;
        }

        setvbuf(stdout, NULL, _IOLBF, 0);
        signal(SIGPIPE, SIG_IGN);
        r = storm_new(&s, argv);
        if (r >= 0)
                r = fiber_start(NULL, storm_main, &s);
        if (r >= 0)
                r = sd_event_loop(s.event);

        tls_credentials_unref(s.credentials);
        rpc_queue_unref(s.queue);
        sd_event_unref(s.event);
        return r < 0 || s.result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
