/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/server.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "rpc/server-internal.h"

#define TRIM_PEAK_MIN 64
#define FREE_USEC     (5 * USEC_PER_SEC)
#define RECHECK_USEC  USEC_PER_SEC /* how late a certificate's end may be noticed */

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
        map_free(s->entries);
        server_free_peers(s);
        (void) fd_close(s->spare_fd);
        tls_credentials_unref(s->credentials);
        (void) rpc_queue_unref(s->queue);
        free(s);
        return NULL;
}

void rpc_server_get_stats(const RpcServer *s, RpcServerStats *ret) {
        *ret = s->stats;
}
