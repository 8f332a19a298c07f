/* SPDX-License-Identifier: Apache-2.0 */
/* Callers that leave half-way, in each way there is, and what may be left of them: no call, fiber, connection or
 * descriptor. They come over TCP, where a caller can vanish. In fibers only, where assertions must not jump. */
#pragma once

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "event/fiber.h"
#include "proto/unpack.h"
#include "rpc/channel.h"
#include "rpc/server.h"

typedef enum Leave {
        LEAVE_CANCEL, /* RST_STREAM; the connection stays for others */
        LEAVE_VANISH, /* the connection is reset */
        LEAVE_LATE,   /* the caller's deadline passes */
        _LEAVE_MAX,
} Leave;

#define LEAVE_LATE_USEC    (120 * USEC_PER_MSEC)
#define LEAVE_PATIENCE     (10 * USEC_PER_SEC)
#define LEAVE_COUNTS_TEXT  "%u calls, %u connections, %u fibers, %u lanes, %u descriptors"
#define LEAVE_COUNTS_OF(c) (c).n_calls, (c).n_connections, (c).n_fibers, (c).n_lanes, (c).n_fds

#define leave_check(expression)                                                                                        \
        do {                                                                                                           \
                if (!(expression)) {                                                                                   \
                        fprintf(stderr, "%s:%i: %s\n", __FILE__, __LINE__, #expression);                               \
                        abort();                                                                                       \
                }                                                                                                      \
        } while (false)
#define leave_becomes(expression)                                                                                      \
        do {                                                                                                           \
                usec_t _until = time_now(CLOCK_MONOTONIC) + LEAVE_PATIENCE;                                            \
                while (!(expression)) {                                                                                \
                        leave_check(time_now(CLOCK_MONOTONIC) < _until && #expression);                                \
                        leave_check(fiber_sleep_wait(USEC_PER_MSEC) == 0);                                             \
                }                                                                                                      \
        } while (false)

typedef struct LeaveCounts {
        unsigned n_calls, n_connections, n_fibers, n_lanes, n_fds;
} LeaveCounts;

typedef struct Leaver {
        RpcQueue *queue;
        RpcServer *server;
        RpcAddress address;
        LeaveCounts before;
        RpcChannel *channel;
        RpcStream *stream;
        Leave how;
        usec_t deadline;
} Leaver;

static inline LeaveCounts leave_count(const Leaver *l) {
        DIR *d = opendir("/proc/self/fd");
        RpcServerStats stats;
        LeaveCounts c = {};

        leave_check(d);
        while (readdir(d))
                c.n_fds++;
        (void) closedir(d);
        rpc_server_get_stats(l->server, &stats);
        c.n_calls = stats.n_calls;
        c.n_connections = stats.n_connections;
        c.n_fibers = fiber_count();
        c.n_lanes = rpc_queue_count_lanes(l->queue);
        return c;
}

/* Until all is as it was before the caller came. */
static inline void leave_settle(const Leaver *l, const char *what) {
        usec_t until = time_now(CLOCK_MONOTONIC) + LEAVE_PATIENCE;

        for (;;) {
                const LeaveCounts *b = &l->before, c = leave_count(l);

                if (c.n_calls == b->n_calls && c.n_connections == b->n_connections && c.n_fibers == b->n_fibers &&
                                c.n_lanes == b->n_lanes && c.n_fds <= b->n_fds)
                        return;
                if (time_now(CLOCK_MONOTONIC) > until) {
                        fprintf(stderr, "%s: " LEAVE_COUNTS_TEXT " became " LEAVE_COUNTS_TEXT "\n", what,
                                        LEAVE_COUNTS_OF(*b), LEAVE_COUNTS_OF(c));
                        abort();
                }
                leave_check(fiber_sleep_wait(USEC_PER_MSEC) == 0);
        }
}

/* The caller: its own connection, a call, and its request unless that is NULL. */
static inline void leave_begin(Leaver *l, Leave how, const ProtobufCServiceDescriptor *service, const char *method,
                const void *request) {
        RpcCallOptions options = { .wait_for_ready = true };

        l->how = how;
        leave_check(rpc_channel_new(l->queue, &(RpcChannelOptions){ .address = &l->address }, &l->channel) == 0);
        rpc_channel_connect(l->channel);
        leave_check(rpc_channel_ready_wait(l->channel, time_now(CLOCK_MONOTONIC) + LEAVE_PATIENCE) == 0);
        l->deadline = time_now(CLOCK_MONOTONIC) + (how == LEAVE_LATE ? LEAVE_LATE_USEC : LEAVE_PATIENCE);
        options.deadline = l->deadline;
        leave_check(rpc_stream_open_wait(l->channel, service, method, &options, &l->stream, NULL) == 0);
        if (request)
                leave_check(rpc_stream_send_wait(l->stream, request) == 0);
}

static inline bool leave_is_late(const Leaver *l) {
        return time_now(CLOCK_MONOTONIC) >= l->deadline;
}

/* Disconnecting a TCP socket resets its connection at once. */
static inline void leave_reset(const Leaver *l) {
        const struct sockaddr none = { .sa_family = AF_UNSPEC };
        unsigned n = 0;

        for (int fd = 0; fd < 1024; fd++) {
                struct sockaddr_in peer = {};
                socklen_t size = sizeof(peer);

                if (getpeername(fd, (struct sockaddr *) &peer, &size) < 0 || peer.sin_family != AF_INET ||
                                ntohs(peer.sin_port) != l->address.port)
                        continue;
                leave_check(connect(fd, &none, sizeof(none)) == 0);
                n++;
        }
        leave_check(n == 1);
}

static inline void leave_end(Leaver *l) {
        RpcStatus status = {};
        ProtobufCMessage *message;

        if (l->how == LEAVE_VANISH)
                leave_reset(l);
        if (l->how == LEAVE_LATE) {
                while (rpc_stream_receive_wait(l->stream, &message, &status) > 0)
                        proto_free(message);
                leave_check(status.code == RPC_DEADLINE_EXCEEDED);
                rpc_status_done(&status);
        }
        l->stream = rpc_stream_free(l->stream);
        leave_becomes(leave_count(l).n_calls == l->before.n_calls);
        l->channel = rpc_channel_unref(l->channel);
}

/* Counts from now on. The first caller makes what is made once. */
static inline void leave_init(Leaver *l, RpcQueue *queue, RpcServer *server, const ProtobufCServiceDescriptor *service,
                const char *method) {
        struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        socklen_t size = sizeof(here);

        *l = (Leaver){ .queue = queue, .server = server };
        leave_check(bind(fd, (struct sockaddr *) &here, size) == 0 && listen(fd, 16) == 0);
        leave_check(getsockname(fd, (struct sockaddr *) &here, &size) == 0);
        l->address = (RpcAddress){
                .kind = RPC_ADDRESS_TCP, .host = (char *) "127.0.0.1", .port = ntohs(here.sin_port)
        };
        leave_check(rpc_server_listen_fd(server, fd) == 0);
        l->before = leave_count(l);
        leave_begin(l, LEAVE_CANCEL, service, method, NULL);
        leave_end(l);
        leave_becomes(leave_count(l).n_lanes == l->before.n_lanes &&
                        leave_count(l).n_connections == l->before.n_connections);
        l->before = leave_count(l);
}
