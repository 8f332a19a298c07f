/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/relay.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "rpc/address.h"

#define RELAY_READ_SIZE   (64 * 1024)
#define RELAY_KEEP_SIZE   (4 * 1024)  /* of an empty buffer between two messages */
#define RELAY_DRIVE_SIZE  (16 * 1024) /* having taken so much from gRPC, it may have been waiting for room */
#define RELAY_LINGER_USEC (1 * USEC_PER_SEC)
#define RELAY_ROUNDS_MAX  16 /* before other connections get their turn */
#define RELAY_READS_MAX   4  /* the same, of the network; asking it to tell again of what is left costs two calls */
/* Of the network only edges: where levels are asked for, each turn of the loop, which serves one connection, has the
 * kernel look at all that are ready. */
#define RELAY_EDGES (EPOLLET | EPOLLRDHUP)

typedef enum RelayState {
        RELAY_CONNECTING,
        RELAY_HANDSHAKE,
        RELAY_ESTABLISHED, /* waits to be attached */
        RELAY_OPEN,
        RELAY_CLOSING, /* no more bytes from the network; gRPC's end or our last bytes are still to come */
        RELAY_CLOSED,
} RelayState;

struct Relay {
        RelayState state;
        RpcQueue *queue;
        RpcLane *lane;
        RelayHooks hooks;
        void *userdata;
        bool is_server, guarded, alive;
        usec_t preface_usec;

        int net, inner; /* the network's socket; our end of the socketpair */
        sd_event_source *net_source, *inner_source, *timer, *stall, *closed_source;
        bool flushed; /* the network took something since stall was set */
        uint32_t net_events, inner_events;
        bool net_more, net_ending; /* not all was read that the last edge told of; an edge has told of the end */
        TlsCredentials *credentials;
        char *server_name;
        TlsSession *session; /* made when the first byte is to be read or written: a silent peer costs little */
        Guard guard;
        Buffer to_grpc; /* plain text on its way in */
        Buffer to_net;  /* plain connections: on its way out (TLS has its own) */
        bool net_eof, inner_eof, inner_shut;

        struct sockaddr_storage peer_address;
        socklen_t peer_size;
        char *peer;
        Identity *identity;
        char *error;
};

/* All connections live on one thread, and nothing runs between a read into here and the use of what was read. */
static uint8_t scratch[RELAY_READ_SIZE];

static void relay_update(Relay *r);

static Buffer *relay_output(Relay *r) {
        return r->session ? tls_session_output(r->session) : &r->to_net;
}

static void relay_set_error(Relay *r, const char *prefix, const char *error) {
        if (r->error)
                return;
        r->error = prefix ? strf("%s: %s", prefix, error) : strdup(error);
}

/* Nothing more comes from or goes to the network. gRPC, when it has its end, is told by an EOF and gives it back in
 * time. */
static void relay_close_net(Relay *r) {
        r->net_source = sd_event_source_disable_unref(r->net_source);
        r->net = fd_close(r->net);
        r->net_eof = true;
        buffer_consume(relay_output(r), relay_output(r)->size);
        buffer_consume(&r->to_grpc, r->to_grpc.size);
}

static int on_closed(_unused_ sd_event_source *s, void *userdata) {
        Relay *r = userdata;

        r->hooks.closed(r, r->userdata);
        return 0;
}

/* closed() runs from the loop's top: it frees what the functions on the stack are still using. */
static void relay_finish(Relay *r) {
        r->state = RELAY_CLOSED;
        r->timer = sd_event_source_disable_unref(r->timer);
        r->stall = sd_event_source_disable_unref(r->stall);
        r->inner = fd_close(r->inner);
        (void) sd_event_source_set_enabled(r->closed_source, SD_EVENT_ONESHOT);
}

static int on_linger(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        Relay *r = userdata;

        relay_close_net(r);
        relay_update(r);
        return 0;
}

static void relay_begin_close(Relay *r) {
        if (r->state >= RELAY_CLOSING)
                return;
        r->state = RELAY_CLOSING;
        r->timer = sd_event_source_disable_unref(r->timer);
        if (r->inner < 0)
                r->inner_eof = true;
}

/* Tells gRPC that nothing follows; it answers by closing its end, at once or when its calls have been taken down. */
static void relay_shut_inner(Relay *r) {
        if (r->inner < 0 || r->inner_shut)
                return;
        r->inner_shut = true;
        (void) shutdown(r->inner, SHUT_WR);
        rpc_lane_drive(r->lane);
}

void relay_close(Relay *r, const char *error) {
        if (r->state >= RELAY_CLOSING)
                return;
        if (error)
                relay_set_error(r, NULL, error);
        relay_begin_close(r);
        r->net_eof = true;
        buffer_consume(&r->to_grpc, r->to_grpc.size);
        rpc_queue_enter(r->queue);
        if (r->lane)
                rpc_lane_touch(r->lane);
        else
                relay_update(r);
        rpc_queue_leave(r->queue);
}

/* An attack or a broken peer: nothing that is under way is worth keeping. */
static void relay_abort(Relay *r, const char *prefix, const char *error) {
        relay_set_error(r, prefix, error);
        relay_begin_close(r);
        relay_close_net(r);
}

static int relay_make_session(Relay *r) {
        if (!r->credentials || r->session)
                return 0;
        return tls_session_new(r->credentials, r->is_server ? TLS_SERVER : TLS_CLIENT, r->server_name, &r->session);
}

/* Plain text for gRPC: what does not fit at once is kept. True when gRPC's end took something. */
static bool relay_give(Relay *r, const uint8_t *p, size_t size) {
        size_t given = 0;

        while (given < size && r->to_grpc.size == 0 && r->inner >= 0) {
                ssize_t n = send(r->inner, p + given, size - given, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0) /* gRPC has closed its end: what the peer still sends is of no use */
                        return given > 0;
                given += n;
        }
        if (buffer_append(&r->to_grpc, p + given, size - given) < 0)
                relay_abort(r, NULL, "out of memory");
        return given > 0;
}

static void relay_guard(Relay *r, const uint8_t *p, size_t n) {
        if (guard_scan(&r->guard, GUARD_INCOMING, p, n) >= 0)
                return;
        r->guarded = true;
        relay_abort(r, "guard", r->guard.error);
}

/* One read from the network. Every connection reads into the same space and keeps only what has to wait. A read that
 * was not filled has taken all bytes, but not the end that may follow them. */
static void relay_receive(Relay *r) {
        ssize_t n;
        int k;

        n = recv(r->net, scratch, sizeof(scratch), 0);
        r->net_more = n == sizeof(scratch) || (n < 0 && errno == EINTR) || (n > 0 && r->net_ending);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                relay_set_error(r, NULL, n == 0 ? "closed by peer" : strerror(errno));
                r->net_eof = true;
                return;
        }
        if (!r->credentials && r->state == RELAY_OPEN)
                relay_guard(r, scratch, n);
        if (r->net < 0)
                return;
        k = relay_make_session(r);
        if (k >= 0)
                k = buffer_append(r->session ? tls_session_input(r->session) : &r->to_grpc, scratch, n);
        if (k < 0)
                relay_abort(r, NULL, strerror(-k));
}

/* Plain text out of the cipher text that has come, as far as there is room for it. True when gRPC's end took
 * something. */
static bool relay_decrypt(Relay *r) {
        bool given = false;

        while (r->to_grpc.size < RPC_RELAY_BUFFER_SIZE && r->net >= 0) {
                ssize_t n = tls_session_read(r->session, scratch, sizeof(scratch));

                if (n == -EAGAIN)
                        break;
                if (n <= 0) {
                        relay_set_error(r, NULL, n == 0 ? "closed by peer" : tls_session_get_error(r->session));
                        r->net_eof = true;
                        break;
                }
                relay_guard(r, scratch, n);
                if (r->net >= 0)
                        given |= relay_give(r, scratch, n);
        }
        buffer_trim(tls_session_input(r->session), RELAY_KEEP_SIZE);
        return given;
}

/* What was kept before. */
static bool relay_give_kept(Relay *r) {
        Buffer kept = r->to_grpc;
        bool given;

        if (kept.size == 0)
                return false;
        r->to_grpc = (Buffer){};
        given = relay_give(r, buffer_head(&kept), kept.size);
        buffer_done(&kept);
        return given;
}

static void relay_note_alive(Relay *r) {
        if (r->alive || r->guard.n_frames == 0)
                return;
        r->alive = true;
        r->timer = sd_event_source_disable_unref(r->timer);
        if (r->hooks.alive)
                r->hooks.alive(r, r->userdata);
}

/* Hands gRPC what there is for it and lets it work. True when it took something. */
static bool relay_feed(Relay *r) {
        bool given = relay_give_kept(r);

        if (r->session && !r->net_eof)
                given |= relay_decrypt(r);
        relay_note_alive(r);
        if (!given)
                return false;
        rpc_lane_drive(r->lane);
        for (unsigned i = 0; i < RELAY_ROUNDS_MAX && rpc_queue_dispatch(r->queue) > 0; i++)
                ; /* a call's batches complete one out of the other */
        return true;
}

/* Takes what gRPC has written, as far as the network keeps up. */
static void relay_collect(Relay *r) {
        size_t taken = 0;

        rpc_lane_clear(r->lane);
        while (!r->inner_eof && relay_output(r)->size < RPC_RELAY_BUFFER_SIZE) {
                ssize_t n = recv(r->inner, scratch, sizeof(scratch), 0);
                int k = 0;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n <= 0) {
                        r->inner_eof = true;
                        if (r->session && r->net >= 0)
                                tls_session_close(r->session);
                        break;
                }
                taken += n;
                if (r->net >= 0 && guard_scan(&r->guard, GUARD_OUTGOING, scratch, n) < 0) {
                        r->guarded = true;
                        relay_abort(r, "guard", r->guard.error);
                } else if (r->net >= 0)
                        k = r->session ? tls_session_write(r->session, scratch, n)
                                       : buffer_append(&r->to_net, scratch, n);
                if (k < 0)
                        relay_abort(r, NULL, strerror(-k));
                if ((size_t) n < sizeof(scratch))
                        break;
        }
        if (taken >= RELAY_DRIVE_SIZE)
                rpc_lane_drive(r->lane);
}

static void relay_flush(Relay *r) {
        Buffer *b = relay_output(r);

        while (b->size > 0 && r->net >= 0) {
                ssize_t n = send(r->net, buffer_head(b), b->size, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0) {
                        relay_set_error(r, NULL, strerror(errno));
                        relay_begin_close(r);
                        relay_close_net(r);
                        break;
                }
                buffer_consume(b, n);
                r->flushed = true;
        }
        buffer_trim(b, RELAY_KEEP_SIZE);
}

static bool relay_takes_input(const Relay *r) {
        return !r->net_eof && r->state < RELAY_CLOSING && r->to_grpc.size < RPC_RELAY_BUFFER_SIZE;
}

/* Everything that can be moved now without waiting, in both directions. A further round is for what did not fit. */
void relay_pump(void *userdata) {
        Relay *r = userdata;

        for (unsigned i = 0; r->inner >= 0 && i < RELAY_ROUNDS_MAX; i++) {
                if (i > 0 && i < RELAY_READS_MAX && r->net_more && relay_takes_input(r))
                        relay_receive(r);
                if (!relay_feed(r) && i > 0)
                        break;
                relay_collect(r);
                relay_flush(r);
        }
        if (r->net_eof && r->to_grpc.size == 0)
                relay_shut_inner(r);
        relay_update(r);
}

/* A source without events is switched off: EPOLLHUP cannot be masked and would spin. */
static void relay_set_events(sd_event_source *s, uint32_t *current, uint32_t events) {
        if (!s || *current == events)
                return;
        if (events != 0)
                (void) sd_event_source_set_io_events(s, events);
        if (events == 0 || *current == 0)
                (void) sd_event_source_set_enabled(s, events != 0 ? SD_EVENT_ON : SD_EVENT_OFF);
        *current = events;
}

/* gRPC's keepalive ends the calls of a peer that has stopped reading, but not the connection: it would have to write
 * first. A peer whose HTTP/2 works always reads, whatever its programs do. */
static int on_stall(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        Relay *r = userdata;

        r->stall = sd_event_source_disable_unref(r->stall);
        if (!r->flushed)
                relay_abort(r, NULL, "the peer does not read");
        rpc_queue_enter(r->queue);
        relay_pump(r);
        rpc_queue_leave(r->queue);
        return 0;
}

static void relay_watch_stall(Relay *r) {
        if (r->stall || r->state != RELAY_OPEN || relay_output(r)->size < RPC_RELAY_BUFFER_SIZE)
                return;
        r->flushed = false;
        (void) sd_event_add_time_relative(rpc_queue_get_event(r->queue), &r->stall, CLOCK_MONOTONIC, RPC_STALL_USEC,
                        100 * USEC_PER_MSEC, on_stall, r);
}

/* After every movement: what to wait for next, and whether it is over. */
static void relay_update(Relay *r) {
        Buffer *out = relay_output(r);
        uint32_t net = 0, inner = 0;

        if (r->state == RELAY_CLOSED || r->state == RELAY_CONNECTING)
                return;
        if (r->inner_eof)
                r->inner_source = sd_event_source_disable_unref(r->inner_source);
        if (r->state == RELAY_OPEN && (r->net_eof || r->inner_eof))
                relay_begin_close(r);
        if (r->state == RELAY_CLOSING) {
                if (r->inner_eof && out->size == 0)
                        relay_close_net(r);
                if (r->inner >= 0 && (r->net < 0 || r->net_eof))
                        relay_shut_inner(r);
                if (r->inner_eof && r->net < 0) {
                        relay_finish(r);
                        return;
                }
                if (out->size > 0 && !r->timer &&
                                sd_event_add_time_relative(rpc_queue_get_event(r->queue), &r->timer, CLOCK_MONOTONIC,
                                                RELAY_LINGER_USEC, USEC_PER_MSEC, on_linger, r) < 0)
                        relay_close_net(r);
        }
        relay_watch_stall(r);
        if (relay_takes_input(r))
                net |= EPOLLIN;
        if (out->size > 0)
                net |= EPOLLOUT;
        if (!r->inner_eof && out->size < RPC_RELAY_BUFFER_SIZE)
                inner |= EPOLLIN;
        if (r->to_grpc.size > 0)
                inner |= EPOLLOUT;
        if (r->net_more && net & EPOLLIN) {
                r->net_more = false;
                if (r->net_events != 0)
                        r->net_events = EPOLLET; /* asking again, even for the same, tells again of what is there */
        }
        relay_set_events(r->net_source, &r->net_events, net != 0 ? net | RELAY_EDGES : 0);
        relay_set_events(r->inner_source, &r->inner_events, inner);
}

static int on_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        Relay *r = userdata;
        const char *error = r->state <= RELAY_CONNECTING ? "connection timed out"
                        : r->state == RELAY_HANDSHAKE    ? "handshake timed out"
                                                         : "no HTTP/2 in time";

        relay_abort(r, NULL, error);
        rpc_queue_enter(r->queue);
        relay_pump(r);
        rpc_queue_leave(r->queue);
        return 0;
}

static int relay_start_timer(Relay *r, usec_t usec) {
        r->timer = sd_event_source_disable_unref(r->timer);
        return sd_event_add_time_relative(rpc_queue_get_event(r->queue), &r->timer, CLOCK_MONOTONIC, usec,
                        100 * USEC_PER_MSEC, on_timer, r);
}

/* The other end is known: by certificate, by the kernel, or only by address. */
static int relay_identify(Relay *r) {
        const struct sockaddr *peer = (struct sockaddr *) &r->peer_address;
        struct ucred ucred;
        socklen_t size = sizeof(ucred);

        if (r->session)
                return tls_session_get_identity(r->session, peer, r->peer_size, &r->identity);
        if (r->peer_address.ss_family == AF_UNIX && getsockopt(r->net, SOL_SOCKET, SO_PEERCRED, &ucred, &size) == 0)
                return identity_new_plain(peer, r->peer_size, &ucred, &r->identity);
        return identity_new_plain(peer, r->peer_size, NULL, &r->identity);
}

static void relay_establish(Relay *r) {
        int k;

        k = relay_identify(r);
        if (k < 0) {
                relay_abort(r, "certificate", strerror(-k));
                return;
        }
        r->state = RELAY_ESTABLISHED;
        k = relay_start_timer(r, r->preface_usec);
        if (k < 0) {
                relay_abort(r, NULL, strerror(-k));
                return;
        }
        r->hooks.established(r, r->userdata);
}

static void relay_handshake(Relay *r) {
        int k = 1;

        if (r->is_server && r->credentials && !r->session)
                k = 0; /* not a byte yet */
        else if (r->credentials) {
                k = relay_make_session(r);
                if (k >= 0)
                        k = tls_session_handshake(r->session);
                if (r->session)
                        relay_flush(r);
        }
        if (k < 0)
                relay_abort(r, "handshake", r->session ? tls_session_get_error(r->session) : strerror(-k));
        else if (k > 0 && r->state == RELAY_HANDSHAKE)
                relay_establish(r);
        else if (r->net_eof)
                relay_abort(r, "handshake", "closed by peer");
}

static int relay_learn_peer(Relay *r) {
        int one = 1;

        r->peer_size = sizeof(r->peer_address);
        if (getpeername(r->net, (struct sockaddr *) &r->peer_address, &r->peer_size) < 0)
                return -errno;
        if (r->peer_address.ss_family == AF_INET || r->peer_address.ss_family == AF_INET6)
                (void) setsockopt(r->net, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        if (!r->peer)
                r->peer = rpc_sockaddr_to_string((struct sockaddr *) &r->peer_address, r->peer_size);
        return r->peer ? 0 : -ENOMEM;
}

static void relay_connected(Relay *r) {
        int error = 0, k = 0;
        socklen_t size = sizeof(error);

        if (getsockopt(r->net, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                error = errno;
        if (error == 0)
                k = relay_learn_peer(r);
        if (error != 0 || k < 0) {
                relay_abort(r, "connect", strerror(error != 0 ? error : -k));
                return;
        }
        r->state = RELAY_HANDSHAKE;
        relay_handshake(r);
}

static void relay_on_network(Relay *r, uint32_t revents) {
        if (r->state == RELAY_CONNECTING) {
                if (revents & (EPOLLOUT | EPOLLERR | EPOLLHUP))
                        relay_connected(r);
                return;
        }
        if (revents & EPOLLOUT)
                relay_flush(r);
        r->net_ending = r->net_ending || (revents & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
        if ((revents & (EPOLLIN | EPOLLHUP | EPOLLERR)) && r->net >= 0)
                relay_receive(r);
        if ((revents & (EPOLLHUP | EPOLLERR)) && r->net_eof)
                relay_close_net(r); /* not only half closed: nothing of ours would arrive */
        if (r->state == RELAY_HANDSHAKE)
                relay_handshake(r);
}

static int on_net(_unused_ sd_event_source *s, _unused_ int fd, uint32_t revents, void *userdata) {
        Relay *r = userdata;

        rpc_queue_enter(r->queue);
        relay_on_network(r, revents);
        relay_pump(r);
        rpc_queue_leave(r->queue);
        return 0;
}

static int on_inner(_unused_ sd_event_source *s, _unused_ int fd, _unused_ uint32_t revents, void *userdata) {
        Relay *r = userdata;

        rpc_queue_enter(r->queue);
        relay_pump(r);
        rpc_queue_leave(r->queue);
        return 0;
}

int relay_new(RpcQueue *q, int fd, const RelayOptions *options, const RelayHooks *hooks, void *userdata, Relay **ret) {
        _cleanup_(relay_freep) Relay *r = NULL;
        int k;

        r = mem_new0(Relay, 1);
        if (!r) {
                (void) fd_close(fd);
                return -ENOMEM;
        }
        r->queue = rpc_queue_ref(q);
        r->net = fd;
        r->inner = -EBADF;
        r->credentials = options->credentials ? tls_credentials_ref(options->credentials) : NULL;
        r->is_server = options->is_server;
        r->preface_usec = options->preface_usec;
        r->hooks = *hooks;
        r->userdata = userdata;
        r->state = options->is_server ? RELAY_HANDSHAKE : RELAY_CONNECTING;
        if (str_replace(&r->server_name, options->server_name) < 0 || str_replace(&r->peer, options->name) < 0)
                return -ENOMEM;
        k = options->is_server ? relay_learn_peer(r) : 0;
        if (k < 0)
                return k;
        r->net_events = (options->is_server ? EPOLLIN : EPOLLOUT) | RELAY_EDGES;
        k = sd_event_add_io(rpc_queue_get_event(q), &r->net_source, r->net, r->net_events, on_net, r);
        if (k < 0)
                return k;
        k = sd_event_add_defer(rpc_queue_get_event(q), &r->closed_source, on_closed, r);
        if (k < 0)
                return k;
        k = sd_event_source_set_enabled(r->closed_source, SD_EVENT_OFF);
        if (k < 0)
                return k;
        k = relay_start_timer(r, options->handshake_usec);
        if (k < 0)
                return k;
        *ret = TAKE_PTR(r);
        return 0;
}

/* A peer without TLS is known before it says anything; all others are heard first. */
void relay_start(Relay *r) {
        if (r->state != RELAY_HANDSHAKE)
                return;
        rpc_queue_enter(r->queue);
        relay_handshake(r);
        relay_update(r);
        rpc_queue_leave(r->queue);
}

void relay_drop(Relay *r) {
        if (r->state == RELAY_CLOSING)
                relay_close_net(r);
}

int relay_attach(Relay *r, RpcLane *lane, GuardBudget *budget, int *ret_fd) {
        _cleanup_close_ int grpc_end = -EBADF;
        int fds[2], k;

        assert(r->state == RELAY_ESTABLISHED);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        r->inner = fds[0];
        grpc_end = fds[1];
        r->lane = lane;
        guard_init(&r->guard, r->is_server, budget);
        /* What a plain peer has sent before is in to_grpc already. */
        if (guard_scan(&r->guard, GUARD_INCOMING, buffer_head(&r->to_grpc), r->to_grpc.size) < 0) {
                r->guarded = true;
                relay_set_error(r, "guard", r->guard.error);
                r->inner = fd_close(r->inner);
                return -EPROTO;
        }
        r->inner_events = EPOLLIN;
        k = sd_event_add_io(rpc_queue_get_event(r->queue), &r->inner_source, r->inner, r->inner_events, on_inner, r);
        if (k < 0) {
                r->inner = fd_close(r->inner);
                return k;
        }
        r->state = RELAY_OPEN;
        *ret_fd = TAKE_FD(grpc_end);
        return 0;
}

Relay *relay_free(Relay *r) {
        if (!r)
                return NULL;
        sd_event_source_disable_unref(r->net_source);
        sd_event_source_disable_unref(r->inner_source);
        sd_event_source_disable_unref(r->timer);
        sd_event_source_disable_unref(r->stall);
        sd_event_source_disable_unref(r->closed_source);
        (void) fd_close(r->net);
        (void) fd_close(r->inner);
        if (r->guard.budget)
                guard_done(&r->guard);
        (void) tls_session_free(r->session);
        tls_credentials_unref(r->credentials);
        free(r->server_name);
        buffer_done(&r->to_grpc);
        buffer_done(&r->to_net);
        identity_unref(r->identity);
        free(r->peer);
        free(r->error);
        (void) rpc_queue_unref(r->queue);
        free(r);
        return NULL;
}

Identity *relay_get_identity(Relay *r) {
        return r->identity;
}

const char *relay_get_peer(Relay *r) {
        return strempty(r->peer);
}

const char *relay_get_error(Relay *r) {
        return r->error ? r->error : "closed";
}

bool relay_was_guarded(Relay *r) {
        return r->guarded;
}

bool relay_is_closed(Relay *r) {
        return r->state == RELAY_CLOSED;
}

bool relay_is_ending(Relay *r) {
        return r->state >= RELAY_CLOSING || r->net_eof || r->inner_eof;
}

uint64_t relay_count_resets(Relay *r) {
        return r->net_eof || r->state >= RELAY_CLOSING ? UINT64_MAX : r->guard.n_resets;
}

bool relay_is_alive(Relay *r) {
        return r->alive;
}
