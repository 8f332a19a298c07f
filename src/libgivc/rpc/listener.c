/* SPDX-License-Identifier: Apache-2.0 */
/* A server's listening sockets: who is taken in, and what happens when there is no room for more. */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "rpc/server-internal.h"

#define ACCEPT_AT_ONCE    16
#define ACCEPT_PAUSE_USEC (100 * USEC_PER_MSEC)

static void listener_free(RpcListener *l) {
        list_remove(&l->listeners);
        sd_event_source_disable_unref(l->source);
        sd_event_source_disable_unref(l->pause);
        (void) fd_close(l->fd);
        free(l);
}

static int on_pause_end(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        RpcListener *l = userdata;

        l->pause = sd_event_source_disable_unref(l->pause);
        (void) sd_event_source_set_enabled(l->source, SD_EVENT_ON);
        return 0;
}

/* A listener that cannot accept would make the loop spin: the connection stays in the backlog and keeps the socket
 * readable. */
static void listener_pause(RpcListener *l) {
        if (l->pause)
                return;
        if (sd_event_add_time_relative(rpc_queue_get_event(l->server->queue), &l->pause, CLOCK_MONOTONIC,
                            ACCEPT_PAUSE_USEC, USEC_PER_MSEC, on_pause_end, l) >= 0)
                (void) sd_event_source_set_enabled(l->source, SD_EVENT_OFF);
}

/* Out of descriptors: gives up the spare one to take the connection off the queue and close it, so that its peer
 * knows. */
static void listener_refuse_one(RpcListener *l) {
        RpcServer *s = l->server;

        s->spare_fd = fd_close(s->spare_fd);
        (void) fd_close(accept4(l->fd, NULL, NULL, SOCK_CLOEXEC));
        s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        s->stats.n_refused++;
        listener_pause(l);
}

/* A server that is full is full of somebody: the peer with the most connections gives its newest ones for newcomers. */
static void server_make_room(RpcServer *s) {
        RpcPeer *greediest = NULL;
        unsigned n = 0;

        MAP_FOREACH(p, s->peers, RpcPeer)
                if (!greediest || p->n_connections > greediest->n_connections)
                        greediest = p;
        if (!greediest || greediest->n_connections <= RPC_CONNECTIONS_FAIR)
                return;
        rpc_queue_enter(s->queue);
        for (List *i = s->connections.prev; i != &s->connections && n < ACCEPT_AT_ONCE; i = i->prev) {
                RpcConnection *c = LIST_ITEM(i, RpcConnection, connections);

                if (c->peer != greediest || relay_is_ending(c->relay))
                        continue;
                connection_close(c, "another peer needs the room");
                n++;
        }
        rpc_queue_leave(s->queue);
}

static int on_accept(_unused_ sd_event_source *source, int fd, _unused_ uint32_t revents, void *userdata) {
        RpcListener *l = userdata;
        RpcServer *s = l->server;

        for (unsigned i = 0; i < ACCEPT_AT_ONCE; i++) {
                int peer;

                if (s->stats.n_connections >= RPC_CONNECTIONS_MAX) {
                        if (i > 0)
                                return 0; /* who still waits calls us again: nobody has to go for nobody */
                        server_make_room(s);
                        listener_pause(l);
                        return 0;
                }
                peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (peer < 0) {
                        if (errno == EMFILE || errno == ENFILE)
                                listener_refuse_one(l);
                        else if (errno == ENOBUFS || errno == ENOMEM)
                                listener_pause(l);
                        return 0; /* EAGAIN, and what the peer did before we came: see accept(2) */
                }
                s->stats.n_accepted++;
                if (connection_new(s, peer, l->is_unix) < 0)
                        s->stats.n_refused++;
        }
        return 0;
}

int rpc_server_listen_fd(RpcServer *s, int fd) {
        RpcListener *l;
        int domain = 0, r;
        socklen_t size = sizeof(domain);

        l = mem_new0(RpcListener, 1);
        if (!l) {
                (void) fd_close(fd);
                return -ENOMEM;
        }
        l->server = s;
        l->fd = fd;
        list_append(&s->listeners, &l->listeners);
        r = getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ? -errno : fd_prepare(fd);
        l->is_unix = domain == AF_UNIX;
        if (r >= 0)
                r = sd_event_add_io(rpc_queue_get_event(s->queue), &l->source, fd, EPOLLIN, on_accept, l);
        if (r < 0)
                listener_free(l);
        return r < 0 ? r : 0;
}

int rpc_server_listen(RpcServer *s, const RpcAddress *a, mode_t mode, gid_t group) {
        int fd;

        fd = rpc_address_listen(a, mode, group);
        return fd < 0 ? fd : rpc_server_listen_fd(s, fd);
}

void server_limit_handshakes(RpcServer *s, const RpcConnection *newcomer) {
        RpcConnection *oldest = NULL;
        unsigned n = 0, n_source = 0;

        LIST_FOREACH(c, &s->handshakes, RpcConnection, handshakes) {
                n++;
                n_source += streq(c->source, newcomer->source);
        }
        if (n <= RPC_HANDSHAKES_MAX && n_source <= RPC_HANDSHAKES_PER_SOURCE_MAX)
                return;
        LIST_FOREACH(c, &s->handshakes, RpcConnection, handshakes)
                if (!oldest && c != newcomer &&
                                (n_source <= RPC_HANDSHAKES_PER_SOURCE_MAX || streq(c->source, newcomer->source)))
                        oldest = c;
        if (oldest)
                connection_close(oldest, "too many unfinished handshakes");
}

void server_close_listeners(RpcServer *s) {
        LIST_FOREACH(l, &s->listeners, RpcListener, listeners)
                listener_free(l);
}
