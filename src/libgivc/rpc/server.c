/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/server.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/message-id.h"
#include "base/mem.h"
#include "base/str.h"
#include "rpc/server-internal.h"

#define ACCEPT_AT_ONCE         16
#define ACCEPT_PAUSE_USEC      (100 * USEC_PER_MSEC)
#define STRANGERS_REPORTED_MAX 60
#define REPORT_USEC            (60 * USEC_PER_SEC)
#define PEERS_PRUNE_ABOVE      256
#define TRIM_PEAK_MIN          64
#define FREE_USEC              (5 * USEC_PER_SEC)
#define RECHECK_USEC           USEC_PER_SEC /* how late a certificate's end may be noticed */

int rpc_server_new(RpcQueue *q, RpcServer **ret) {
        _cleanup_(rpc_server_freep) RpcServer *s = NULL;

        s = mem_new0(RpcServer, 1);
        if (!s)
                return -ENOMEM;
        s->queue = rpc_queue_ref(q);
        list_init(&s->listeners);
        list_init(&s->connections);
        list_init(&s->handshakes);
        s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        s->entries = map_new();
        s->peers = map_new();
        if (!s->entries || !s->peers)
                return -ENOMEM;
        *ret = TAKE_PTR(s);
        return 0;
}

void rpc_server_set_credentials(RpcServer *s, TlsCredentials *credentials) {
        (void) tls_credentials_ref(credentials);
        tls_credentials_unref(s->credentials);
        s->credentials = credentials;
}

void rpc_server_set_access(RpcServer *s, rpc_access_t access, void *userdata) {
        s->access = access;
        s->access_userdata = userdata;
}

static const RpcMethod *service_find_method(const RpcService *service, const char *name) {
        for (const RpcMethod *m = service->methods; m->name; m++)
                if (streq(m->name, name))
                        return m;
        return NULL;
}

static int server_add_entry(
                RpcServer *s, const RpcService *service, const ProtobufCMethodDescriptor *d, void *userdata) {
        _cleanup_free_ char *path = NULL;
        const RpcMethod *m;
        RpcEntry *e;
        int r;

        m = service_find_method(service, d->name);
        if (!m)
                return log_error_errno(-EINVAL, "Method '%s' of '%s' has no row", d->name, service->descriptor->name);
        path = strf("/%s/%s", service->descriptor->name, d->name);
        e = mem_new0(RpcEntry, 1);
        if (!path || !e) {
                free(e);
                return -ENOMEM;
        }
        *e = (RpcEntry){ .service = service->descriptor, .descriptor = d, .method = m, .userdata = userdata };
        r = map_put(s->entries, path, e);
        if (r < 0)
                free(e);
        return r;
}

int rpc_server_add_service(RpcServer *s, const RpcService *service, void *userdata) {
        unsigned n_rows = 0;
        int r;

        for (const RpcMethod *m = service->methods; m->name; m++)
                n_rows++;
        if (n_rows != service->descriptor->n_methods)
                return log_error_errno(-EINVAL, "Service '%s' has %u methods but %u rows", service->descriptor->name,
                                service->descriptor->n_methods, n_rows);
        for (unsigned i = 0; i < service->descriptor->n_methods; i++) {
                r = server_add_entry(s, service, &service->descriptor->methods[i], userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

int server_own(RpcServer *s, void *data, void (*func)(void *)) {
        if (s->n_owned >= ELEMENTSOF(s->owned_data))
                return -ENOBUFS;
        s->owned_data[s->n_owned] = data;
        s->owned_free[s->n_owned++] = func;
        return 0;
}

static void peer_free(RpcPeer *p) {
        free(p->key);
        free(p);
}

/* Peers that are gone and whose budgets are full again carry no information. */
static void server_prune_peers(RpcServer *s) {
        usec_t now = time_now(CLOCK_MONOTONIC);

        MAP_FOREACH(p, s->peers, RpcPeer) {
                if (p->n_connections > 0 || !guard_budget_is_full(&p->budget, now))
                        continue;
                (void) map_remove(s->peers, p->key);
                peer_free(p);
        }
}

int server_get_peer(RpcServer *s, const Identity *identity, RpcPeer **ret) {
        const char *key = identity_get_key(identity);
        RpcPeer *p;
        int r;

        p = map_get(s->peers, key);
        if (!p) {
                if (map_size(s->peers) >= PEERS_PRUNE_ABOVE)
                        server_prune_peers(s);
                p = mem_new0(RpcPeer, 1);
                if (!p)
                        return -ENOMEM;
                p->server = s;
                guard_budget_init(&p->budget, time_now(CLOCK_MONOTONIC));
                p->key = strdup(key);
                r = p->key ? map_put(s->peers, p->key, p) : -ENOMEM;
                if (r < 0) {
                        peer_free(p);
                        return r;
                }
        }
        if (p->n_connections >= RPC_CONNECTIONS_PER_PEER_MAX)
                return -ENOBUFS;
        p->n_connections++;
        *ret = p;
        return 0;
}

void server_put_peer(RpcPeer *p) {
        if (p)
                p->n_connections--;
}

/* Who has no name yet cannot be told apart: all strangers together get so many lines a minute. */
static bool server_may_report_stranger(RpcServer *s, usec_t now) {
        if (now - s->strangers_since >= REPORT_USEC) {
                s->strangers_since = now;
                s->n_strangers = 0;
        }
        return s->n_strangers++ < STRANGERS_REPORTED_MAX;
}

/* One line a minute for a peer that is known. */
void server_report(RpcServer *s, RpcPeer *peer, const char *who, const char *principal, const char *why) {
        usec_t now = time_now(CLOCK_MONOTONIC);

        s->stats.n_refused++;
        if (peer && peer->reported != 0 && now - peer->reported < REPORT_USEC)
                return;
        if (peer)
                peer->reported = now;
        else if (!server_may_report_stranger(s, now))
                return;
        log_write(LOG_NOTICE,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_PEER_REFUSED }, { "GIVC_PEER", principal ? principal : who },
                                        { "GIVC_REASON", why }),
                        "Refused %s%s%s%s: %s", principal ? principal : who, principal ? " (" : "",
                        principal ? who : "", principal ? ")" : "", why);
}

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

/* Half-open connections of one source make room for each other, so that they cannot keep anybody out. */
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

static void server_close_listeners(RpcServer *s) {
        LIST_FOREACH(l, &s->listeners, RpcListener, listeners)
                listener_free(l);
}

/* The allocator keeps what is scattered between what still lives, until it is asked. */
void server_trim(RpcServer *s) {
        s->n_connections_peak = MAX(s->n_connections_peak, s->stats.n_connections);
        if (s->n_connections_peak < TRIM_PEAK_MIN || s->stats.n_connections > s->n_connections_peak / 4)
                return;
        (void) malloc_trim(0);
        s->n_connections_peak = s->stats.n_connections;
}

void server_notice_end(RpcServer *s) {
        void (*drained)(void *) = s->drained;

        if (!s->draining || !drained || !list_is_empty(&s->connections))
                return;
        s->drained = NULL;
        s->drain_timer = sd_event_source_disable_unref(s->drain_timer);
        drained(s->drained_userdata);
}

/* Each list of connections is gone through within a visit: what completes meanwhile may free any of them. */
static int on_drain_timeout(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        RpcServer *s = userdata;
        RpcQueue *q = s->queue;

        rpc_queue_enter(q);
        LIST_FOREACH(c, &s->connections, RpcConnection, connections) {
                connection_cancel_calls(c);
                connection_close(c, "the server stops");
        }
        rpc_queue_leave(q); /* may end the drain, and with it the server */
        return 0;
}

static int on_drained(_unused_ sd_event_source *source, void *userdata) {
        RpcServer *s = userdata;

        server_notice_end(s);
        return 0;
}

void rpc_server_drain(RpcServer *s, void (*done)(void *userdata), void *userdata) {
        sd_event *e = rpc_queue_get_event(s->queue);
        int r;

        server_close_listeners(s);
        s->draining = true;
        if (s->on_drain)
                s->on_drain(s->on_drain_userdata);
        rpc_queue_enter(s->queue);
        LIST_FOREACH(c, &s->connections, RpcConnection, connections)
                connection_drain(c);
        rpc_queue_leave(s->queue);
        /* done() never comes from within this function. */
        s->drained = done;
        s->drained_userdata = userdata;
        r = list_is_empty(&s->connections) ? sd_event_add_defer(e, &s->drain_timer, on_drained, s)
                                           : sd_event_add_time_relative(e, &s->drain_timer, CLOCK_MONOTONIC,
                                                             RPC_DRAIN_USEC, 10 * USEC_PER_MSEC, on_drain_timeout, s);
        if (r < 0)
                (void) on_drain_timeout(NULL, 0, s);
}

void rpc_server_recheck(RpcServer *s) {
        time_t now = time(NULL);

        rpc_queue_enter(s->queue);
        LIST_FOREACH(c, &s->connections, RpcConnection, connections) {
                Identity *i = connection_get_identity(c);

                if (!i || identity_get_kind(i) != IDENTITY_CERTIFICATE)
                        continue;
                if (identity_get_expiry(i) <= now)
                        connection_close(c, "the certificate has expired");
                else if (s->credentials && tls_credentials_is_revoked(s->credentials, identity_get_serial(i)))
                        connection_close(c, "the certificate was revoked");
        }
        rpc_queue_leave(s->queue);
}

static int on_expiry(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        time_t now = time(NULL);
        RpcServer *s = userdata;

        s->expiry = 0;
        rpc_server_recheck(s);
        rpc_queue_enter(s->queue);
        LIST_FOREACH(c, &s->connections, RpcConnection, connections) {
                Identity *i = connection_get_identity(c);

                if (i && identity_get_expiry(i) > now && server_notice_expiry(s, i) < 0)
                        connection_close(c, "out of memory");
        }
        rpc_queue_leave(s->queue);
        return 0;
}

/* The wall clock, so that it is also heard when the clock is set. A second late, since certificates know seconds. */
static int server_set_expiry(RpcServer *s, time_t expiry) {
        usec_t when = usec_add((usec_t) expiry * USEC_PER_SEC, USEC_PER_SEC);
        int r;

        if (!s->expiry_timer)
                return sd_event_add_time(rpc_queue_get_event(s->queue), &s->expiry_timer, CLOCK_REALTIME, when,
                                RECHECK_USEC, on_expiry, s);
        r = sd_event_source_set_time(s->expiry_timer, when);
        return r < 0 ? r : sd_event_source_set_enabled(s->expiry_timer, SD_EVENT_ONESHOT);
}

int server_notice_expiry(RpcServer *s, Identity *identity) {
        time_t expiry;
        int r;

        if (!identity || identity_get_kind(identity) != IDENTITY_CERTIFICATE)
                return 0;
        expiry = identity_get_expiry(identity);
        if (s->expiry != 0 && s->expiry <= expiry)
                return 0;
        r = server_set_expiry(s, expiry);
        if (r >= 0)
                s->expiry = expiry;
        return r;
}

/* Without the loop, which may be over: everything here is our own work or gRPC's, and gRPC does it when driven. */
static void server_finish_connections(RpcServer *s) {
        usec_t until = time_now(CLOCK_MONOTONIC) + FREE_USEC;

        rpc_queue_enter(s->queue);
        LIST_FOREACH(c, &s->connections, RpcConnection, connections)
                connection_close(c, "the server ends");
        rpc_queue_leave(s->queue);
        while (!list_is_empty(&s->connections) && time_now(CLOCK_MONOTONIC) < until) {
                for (unsigned n = s->stats.n_connections; n > 0 && !list_is_empty(&s->connections); n--) {
                        RpcConnection *c = LIST_ITEM(s->connections.next, RpcConnection, connections);

                        list_remove(&c->connections); /* each in turn: it and others may be freed */
                        list_append(&s->connections, &c->connections);
                        connection_finish_now(c);
                }
                if (!list_is_empty(&s->connections))
                        (void) poll(NULL, 0, 1); /* a thread of gRPC's has the last word */
        }
}

RpcServer *rpc_server_free(RpcServer *s) {
        if (!s)
                return NULL;
        s->drained = NULL;
        server_close_listeners(s);
        server_finish_connections(s);
        assert(list_is_empty(&s->connections));
        sd_event_source_disable_unref(s->drain_timer);
        sd_event_source_disable_unref(s->expiry_timer);
        for (unsigned i = 0; i < s->n_owned; i++)
                s->owned_free[i](s->owned_data[i]);
        if (s->entries)
                MAP_FOREACH(e, s->entries, RpcEntry)
                        free(e);
        if (s->peers)
                MAP_FOREACH(p, s->peers, RpcPeer)
                        peer_free(p);
        map_free(s->entries);
        map_free(s->peers);
        (void) fd_close(s->spare_fd);
        tls_credentials_unref(s->credentials);
        (void) rpc_queue_unref(s->queue);
        free(s);
        return NULL;
}

void rpc_server_get_stats(const RpcServer *s, RpcServerStats *ret) {
        *ret = s->stats;
}
