/* SPDX-License-Identifier: Apache-2.0 */
/* The public face of the library: the rooms behind it under names that a program of somebody else's can rely on. */
#include "givc/givc.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "base/message-id.h"
#include "base/mem.h"
#include "base/str.h"
#include "event/daemon.h"
#include "event/fiber.h"
#include "proto/unpack.h"
#include "rpc/channel.h"
#include "rpc/server.h"

/* A fiber of the program's own. */
typedef struct Own {
        List fibers;
        Fiber *fiber;
        int (*func)(void *userdata);
        void *userdata;
} Own;

/* As there is one program a process. */
static List own_fibers = { &own_fibers, &own_fibers };

struct Givc {
        Daemon *daemon;
        RpcQueue *queue;
        List servers, channels;
        unsigned n_draining;
};

struct GivcServer {
        List servers;
        Givc *givc;
        RpcServer *server;
        TlsCredentials *credentials;
};

struct GivcChannel {
        List channels;
        RpcChannel *channel;
};

_Static_assert(sizeof(GivcMethod) == sizeof(RpcMethod), "rows are passed through");
_Static_assert(offsetof(GivcMethod, kind) == offsetof(RpcMethod, kind), "rows are passed through");
_Static_assert(offsetof(GivcMethod, func) == offsetof(RpcMethod, func), "rows are passed through");
_Static_assert((int) GIVC_BIDI_STREAM == (int) RPC_BIDI_STREAM &&
                                (int) GIVC_UNAUTHENTICATED == (int) RPC_UNAUTHENTICATED,
                "");

static void on_drained(void *userdata) {
        Givc *g = userdata;

        if (--g->n_draining == 0)
                daemon_exit(g->daemon, 0);
}

static void on_stop(void *userdata) {
        Givc *g = userdata;

        if (list_is_empty(&g->servers))
                daemon_exit(g->daemon, 0);
        LIST_FOREACH(s, &g->servers, GivcServer, servers) {
                g->n_draining++;
                rpc_server_drain(s->server, on_drained, g);
        }
}

static void on_credentials_failed(const char *error, _unused_ void *userdata) {
        log_write(LOG_ERR, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CERTIFICATES_REFUSED }, { "GIVC_REASON", error }),
                        "Certificates stay as they are: %s", error);
}

/* Who was revoked has to go; channels have nobody to send away. */
static void on_credentials_changed(void *userdata) {
        GivcServer *s = userdata;

        log_write(LOG_NOTICE, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CERTIFICATES_RELOADED }),
                        "Certificates were read again");
        if (s)
                rpc_server_recheck(s->server);
}

static void on_reload(void *userdata) {
        Givc *g = userdata;

        LIST_FOREACH(s, &g->servers, GivcServer, servers) {
                _cleanup_free_ char *error = NULL;
                int r;

                r = s->credentials ? tls_credentials_reload(s->credentials, &error) : 0;
                if (r > 0)
                        on_credentials_changed(s);
                else if (r < 0)
                        on_credentials_failed(error ? error : strerror(-r), s);
        }
}

_public_ int givc_new(Givc **ret) {
        static const DaemonHooks hooks = { .reload = on_reload, .stop = on_stop };
        Givc *g;
        int r;

        g = mem_new0(Givc, 1);
        if (!g)
                return -ENOMEM;
        list_init(&g->servers);
        list_init(&g->channels);
        r = daemon_new(&hooks, g, &g->daemon);
        if (r >= 0)
                r = rpc_queue_new(daemon_get_event(g->daemon), &g->queue);
        if (r < 0) {
                (void) givc_free(g);
                return r;
        }
        *ret = g;
        return 0;
}

/* What a fiber uses must be there when it comes to its end. One may start others then. */
static void cancel_own_fibers(void) {
        while (!list_is_empty(&own_fibers)) {
                Own *o = LIST_ITEM(own_fibers.next, Own, fibers);

                list_remove(&o->fibers);
                fiber_cancel(o->fiber);
        }
}

_public_ Givc *givc_free(Givc *g) {
        if (!g)
                return NULL;
        cancel_own_fibers();
        LIST_FOREACH(c, &g->channels, GivcChannel, channels) {
                (void) rpc_channel_unref(c->channel);
                free(c);
        }
        LIST_FOREACH(s, &g->servers, GivcServer, servers) {
                (void) rpc_server_free(s->server);
                tls_credentials_unref(s->credentials);
                free(s);
        }
        (void) rpc_queue_unref(g->queue);
        (void) daemon_free(g->daemon);
        free(g);
        return NULL;
}

_public_ int givc_run(Givc *g) {
        daemon_ready(g->daemon);
        return daemon_run(g->daemon);
}

typedef struct Main {
        Givc *givc;
        int (*func)(void *userdata);
        void *userdata;
        int result;
} Main;

static int main_run(void *userdata) {
        Main *m = userdata;

        m->result = m->func(m->userdata);
        daemon_exit(m->givc->daemon, m->result);
        return 0;
}

_public_ int givc_run_fiber(Givc *g, int (*func)(void *userdata), void *userdata) {
        Main m = { g, func, userdata, -ECANCELED };
        Fiber *f = NULL;
        int r;

        r = fiber_start(&f, main_run, &m);
        if (r < 0)
                return r;
        r = daemon_run(g->daemon);
        fiber_cancel(f); /* a signal may have ended the loop before */
        return r < 0 ? r : m.result;
}

_public_ void givc_set_status(Givc *g, const char *text) {
        daemon_set_status(g->daemon, "%s", text);
}

_public_ sd_event *givc_get_event(Givc *g) {
        return daemon_get_event(g->daemon);
}

static void own_free(Own *o) {
        list_remove(&o->fibers);
        free(o);
}

static int own_run(void *userdata) {
        Own *o = userdata;
        int r;

        r = o->func(o->userdata);
        fiber_release_slot();
        own_free(o);
        return r;
}

_public_ int givc_fiber_start(int (*func)(void *userdata), void *userdata) {
        Own *o;
        int r;

        o = mem_new0(Own, 1);
        if (!o)
                return -ENOMEM;
        o->func = func;
        o->userdata = userdata;
        list_append(&own_fibers, &o->fibers);
        r = fiber_start(&o->fiber, own_run, o);
        if (r < 0)
                own_free(o);
        return r;
}

_public_ int givc_sleep_wait(uint64_t usec) {
        return fiber_sleep_wait(usec);
}

/* server is NULL for a channel. */
static int load_credentials(Givc *g, const GivcTls *tls, GivcServer *server, TlsCredentials **ret) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = NULL;
        _cleanup_free_ char *error = NULL;
        TlsPaths paths;
        int r;

        *ret = NULL;
        if (!tls)
                return 0;
        paths = (TlsPaths){ .ca = tls->ca, .cert = tls->cert, .key = tls->key, .crl = tls->crl };
        r = tls_credentials_new(&paths, &c, &error);
        if (r < 0)
                return log_error_errno(r, "Cannot load certificates: %s", strempty(error));
        r = tls_credentials_watch(c, daemon_get_event(g->daemon), on_credentials_changed, server);
        if (r < 0)
                return r;
        tls_credentials_on_failure(c, on_credentials_failed, server);
        *ret = TAKE_PTR(c);
        return 0;
}

_public_ int givc_server_new(Givc *g, const GivcTls *tls, GivcServer **ret) {
        GivcServer *s;
        int r;

        s = mem_new0(GivcServer, 1);
        if (!s)
                return -ENOMEM;
        s->givc = g;
        r = load_credentials(g, tls, s, &s->credentials);
        if (r >= 0)
                r = rpc_server_new(g->queue, &s->server);
        if (r >= 0) {
                rpc_server_set_credentials(s->server, s->credentials);
                r = rpc_server_add_health(s->server);
        }
        if (r < 0) {
                (void) rpc_server_free(s->server);
                tls_credentials_unref(s->credentials);
                free(s);
                return r;
        }
        list_append(&g->servers, &s->servers);
        *ret = s;
        return 0;
}

_public_ int givc_server_add_service(
                GivcServer *s, const ProtobufCServiceDescriptor *descriptor, const GivcMethod *rows, void *userdata) {
        RpcService service = { .descriptor = descriptor, .methods = (const RpcMethod *) rows };

        return rpc_server_add_service(s->server, &service, userdata);
}

_public_ int givc_server_add_reflection(GivcServer *s, const void *descriptors, size_t size) {
        return rpc_server_add_reflection(s->server, descriptors, size);
}

static int server_listen_passed(GivcServer *s, const char *name) {
        _cleanup_free_ int *fds = NULL;
        int n, r = 0;

        n = daemon_take_fds(s->givc->daemon, isempty(name) ? "*" : name, &fds);
        if (n <= 0)
                return n < 0 ? n : -ENOENT;
        for (int i = 0; i < n; i++) {
                int k = rpc_server_listen_fd(s->server, fds[i]);

                r = r < 0 ? r : k;
        }
        return r;
}

_public_ int givc_server_listen(GivcServer *s, const char *address) {
        _cleanup_free_ char *error = NULL;
        RpcAddress a;
        int r;

        r = rpc_address_parse(address, &a, &error);
        if (r < 0)
                return log_error_errno(r, "Cannot listen: %s", strempty(error));
        r = a.kind == RPC_ADDRESS_PASSED ? server_listen_passed(s, a.host)
                                         : rpc_server_listen(s->server, &a, 0, (gid_t) -1);
        rpc_address_done(&a);
        return r;
}

_public_ const char *givc_call_get_principal(GivcCall *call) {
        return identity_get_principal(rpc_call_get_identity(call));
}

_public_ const char *givc_call_get_peer(GivcCall *call) {
        return identity_to_string(rpc_call_get_identity(call));
}

_public_ uint64_t givc_call_get_deadline(GivcCall *call) {
        return rpc_call_get_deadline(call);
}

_public_ const char *givc_call_get_metadata(GivcCall *call, const char *key) {
        return rpc_call_get_metadata(call, key);
}

_public_ int givc_call_reply(GivcCall *call, const void *message) {
        return rpc_call_reply(call, message);
}

_public_ int givc_call_send_wait(GivcCall *call, const void *message) {
        return rpc_call_send_wait(call, message);
}

_public_ int givc_call_receive_wait(GivcCall *call, void *ret) {
        return rpc_call_receive_wait(call, ret);
}

_public_ int givc_error(GivcStatus *reterr, int code, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = strvf(format, ap);
        va_end(ap);
        return rpc_error(reterr, (RpcCode) code, "%s", strempty(text));
}

_public_ int givc_channel_new(
                Givc *g, const char *address, const GivcTls *tls, const char *server_name, GivcChannel **ret) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *credentials = NULL;
        _cleanup_free_ char *error = NULL;
        GivcChannel *c;
        RpcAddress a;
        int r;

        r = rpc_address_parse(address, &a, &error);
        if (r < 0)
                return log_error_errno(r, "Cannot connect: %s", strempty(error));
        r = load_credentials(g, tls, NULL, &credentials);
        c = r < 0 ? NULL : mem_new0(GivcChannel, 1);
        if (r >= 0)
                r = !c ? -ENOMEM
                       : rpc_channel_new(g->queue,
                                         &(RpcChannelOptions){
                                                         .address = &a,
                                                         .credentials = credentials,
                                                         .server_name = server_name,
                                         },
                                         &c->channel);
        rpc_address_done(&a);
        if (r < 0) {
                free(c);
                return r;
        }
        list_append(&g->channels, &c->channels);
        *ret = c;
        return 0;
}

static RpcCallOptions options_for(uint64_t timeout_usec) {
        return (RpcCallOptions){
                .deadline = timeout_usec > 0 ? usec_add(time_now(CLOCK_MONOTONIC), timeout_usec) : USEC_INFINITY,
        };
}

/* A status on the heap for a caller that cannot know its size. */
static int status_hand_over(int r, RpcStatus *status, GivcStatus **reterr) {
        if (r < 0 && reterr) {
                rpc_status_from_errno(status, r);
                *reterr = mem_dup(status, sizeof(*status));
                if (*reterr)
                        *status = (RpcStatus){};
        }
        rpc_status_done(status);
        return r;
}

_public_ int givc_channel_call_wait(GivcChannel *c, const ProtobufCServiceDescriptor *service, const char *method,
                const void *request, uint64_t timeout_usec, void *ret, GivcStatus **reterr) {
        RpcCallOptions options = options_for(timeout_usec);
        RpcStatus status = {};
        int r;

        r = rpc_channel_call_wait(c->channel, service, method, request, &options, ret, &status);
        return status_hand_over(r, &status, reterr);
}

_public_ int givc_stream_open_wait(GivcChannel *c, const ProtobufCServiceDescriptor *service, const char *method,
                uint64_t timeout_usec, GivcStream **ret, GivcStatus **reterr) {
        RpcCallOptions options = options_for(timeout_usec);
        RpcStatus status = {};
        int r;

        r = rpc_stream_open_wait(c->channel, service, method, &options, ret, &status);
        return status_hand_over(r, &status, reterr);
}

_public_ int givc_stream_send_wait(GivcStream *s, const void *message) {
        return rpc_stream_send_wait(s, message);
}

_public_ int givc_stream_close_send_wait(GivcStream *s) {
        return rpc_stream_close_send_wait(s);
}

_public_ int givc_stream_receive_wait(GivcStream *s, void *ret, GivcStatus **reterr) {
        RpcStatus status = {};
        int r;

        r = rpc_stream_receive_wait(s, ret, &status);
        return status_hand_over(r, &status, reterr);
}

_public_ GivcStream *givc_stream_free(GivcStream *s) {
        return rpc_stream_free(s);
}

_public_ void givc_message_free(void *message) {
        proto_free(message);
}

_public_ int givc_status_get_code(const GivcStatus *s) {
        return s->code;
}

_public_ const char *givc_status_get_message(const GivcStatus *s) {
        return strempty(s->message);
}

_public_ GivcStatus *givc_status_free(GivcStatus *s) {
        if (s)
                rpc_status_done(s);
        free(s);
        return NULL;
}
