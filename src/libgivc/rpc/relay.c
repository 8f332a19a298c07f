/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/relay-internal.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"

#define RELAY_ROUNDS_MAX 16 /* before other connections get their turn */
#define RELAY_READS_MAX  4  /* the same, of the network; asking it to tell again of what is left costs two calls */
/* Of the network only edges: where levels are asked for, each turn of the loop, which serves one connection, has the
 * kernel look at all that are ready. */
#define RELAY_EDGES (EPOLLET | EPOLLRDHUP)

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

void relay_update(Relay *r) {
        Buffer *out = relay_output(r);
        uint32_t net = 0, inner = 0;

        if (r->state == RELAY_CLOSED || r->state == RELAY_CONNECTING)
                return;
        if (r->inner_eof)
                r->inner_source = sd_event_source_disable_unref(r->inner_source);
        if (r->state == RELAY_OPEN && (r->net_eof || r->inner_eof))
                relay_begin_close(r);
        if (r->state == RELAY_CLOSING && relay_go_on_closing(r))
                return;
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
        k = relay_prepare_close(r);
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
        identity_free(r->identity);
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
