/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/client.h"

#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin.pb-c.h"
#include "base/mem.h"
#include "base/str.h"
#include "event/fiber.h"

#define SERVICE (&admin__admin_service__descriptor)

struct Client {
        RpcQueue *queue;
        RpcChannel *channel;
        TlsCredentials *credentials;
        RpcAddress address;
        Promise connected;
        usec_t deadline;
        bool was_reached;
};

/* The channel takes addresses only, because resolving blocks; a client may block before its loop runs. */
int client_resolve(RpcAddress *a, char **reterr) {
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG }, *found = NULL;
        char text[NI_MAXHOST];
        int r;

        if (a->kind != RPC_ADDRESS_TCP)
                return 0;
        r = getaddrinfo(a->host, NULL, &hints, &found);
        if (r != 0) {
                *reterr = strf("Cannot resolve the admin's host '%s': %s", a->host, gai_strerror(r));
                return -EHOSTUNREACH;
        }
        r = getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
        freeaddrinfo(found);
        if (r != 0)
                return -EIO;
        return str_replace(&a->host, text) < 0 ? -ENOMEM : 0;
}

/* A relative file name means the working directory's here, and a credential of the unit's where TLS loads it. */
static char *path_from_here(const char *path) {
        return path[0] == '/' ? strdup(path) : realpath(path, NULL);
}

int client_load_credentials(const Options *o, TlsCredentials **ret, char **reterr) {
        const char *const given[] = { o->cacert, o->cert, o->key };
        char *paths[ELEMENTSOF(given)] = {};
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(given) && r >= 0; i++) {
                paths[i] = path_from_here(given[i]);
                if (!paths[i]) {
                        r = -errno;
                        *reterr = strf("%s: %s", given[i], strerror(-r));
                }
        }
        if (r >= 0)
                r = tls_credentials_new(&(TlsPaths){ .ca = paths[0], .cert = paths[1], .key = paths[2] }, ret, reterr);
        for (size_t i = 0; i < ELEMENTSOF(given); i++)
                free(paths[i]);
        return r;
}

static void on_state(RpcChannel *channel, RpcChannelState state, void *userdata) {
        Client *c = userdata;

        (void) channel;
        if (state == RPC_CHANNEL_READY) {
                c->was_reached = true;
                promise_resolve(&c->connected, 0);
        } else if (state == RPC_CHANNEL_FAILED)
                promise_resolve(&c->connected, -ENOTCONN);
}

void client_set_timeout(Client *c, usec_t timeout) {
        bool limited = timeout > 0 && timeout != USEC_INFINITY;

        c->deadline = limited ? usec_add(time_now(CLOCK_MONOTONIC), timeout) : USEC_INFINITY;
}

int client_new(sd_event *e, const Options *o, usec_t timeout, Client **ret, char **reterr) {
        _cleanup_(client_freep) Client *c = NULL;
        int r;

        c = mem_new0(Client, 1);
        if (!c)
                return -ENOMEM;
        client_set_timeout(c, timeout);
        r = rpc_address_copy(&o->address, &c->address);
        if (r < 0)
                return r;
        if (o->tls) {
                r = client_load_credentials(o, &c->credentials, reterr);
                if (r < 0)
                        return r;
        }
        r = rpc_queue_new(e, &c->queue);
        if (r < 0)
                return r;
        r = rpc_channel_new(c->queue,
                        &(RpcChannelOptions){
                                        .address = &c->address,
                                        .credentials = c->credentials,
                                        .server_name = o->server_name,
                        },
                        &c->channel);
        if (r < 0)
                return r;
        rpc_channel_set_listener(c->channel, on_state, c);
        *ret = TAKE_PTR(c);
        return 0;
}

Client *client_free(Client *c) {
        if (!c)
                return NULL;
        if (c->channel)
                rpc_channel_set_listener(c->channel, NULL, NULL);
        rpc_channel_unref(c->channel);
        rpc_queue_unref(c->queue);
        tls_credentials_unref(c->credentials);
        rpc_address_done(&c->address);
        free(c);
        return NULL;
}

bool client_was_reached(const Client *c) {
        return c->was_reached;
}

bool client_is_connected(const Client *c) {
        return rpc_channel_get_state(c->channel) == RPC_CHANNEL_READY;
}

static bool client_is_locked_out(const Client *c) {
        return c->address.kind == RPC_ADDRESS_UNIX && c->address.host[0] != '@' &&
                        access(c->address.host, F_OK | W_OK) < 0 && errno == EACCES;
}

const char *client_get_hint(const Client *c) {
        if (client_is_locked_out(c))
                return "Members of the group 'givc' may use this socket; others use --addr, --cert and --key.";
        if (c->address.kind == RPC_ADDRESS_UNIX)
                return "Where is the admin? --admin=ADDRESS says; on its own machine, see 'systemctl status "
                       "givc-admin'.";
        if (c->credentials)
                return "Check address, --name and certificates, and 'systemctl status givc-admin' on the admin's "
                       "machine.";
        return "Check the address, and 'systemctl status givc-admin' on the admin's machine.";
}

int client_connect_wait(Client *c, RpcStatus *reterr) {
        int r;

        if (c->was_reached)
                return 0;
        rpc_channel_connect(c->channel);
        r = promise_wait_until(&c->connected, c->deadline);
        if (r >= 0 || r == -ECANCELED)
                return r;
        if (client_is_locked_out(c))
                r = -EACCES;
        (void) rpc_error(reterr, r == -ETIMEDOUT ? RPC_DEADLINE_EXCEEDED : RPC_UNAVAILABLE,
                        "Cannot reach the admin: %s",
                        r == -ETIMEDOUT ? "no connection in time" : rpc_channel_get_error(c->channel));
        return r;
}

int client_ask_wait(Client *c, const ProtobufCServiceDescriptor *service, const char *method, const void *request,
                void *ret, RpcStatus *reterr) {
        int r;

        r = client_connect_wait(c, reterr);
        if (r < 0)
                return r;
        return rpc_channel_call_wait(c->channel, service, method, request, &(RpcCallOptions){ .deadline = c->deadline },
                        ret, reterr);
}

int client_call_wait(Client *c, const char *method, const void *request, void *ret, RpcStatus *reterr) {
        return client_ask_wait(c, SERVICE, method, request, ret, reterr);
}

int client_open_wait(Client *c, const ProtobufCServiceDescriptor *service, const char *method, RpcStream **ret,
                RpcStatus *reterr) {
        int r;

        r = client_connect_wait(c, reterr);
        if (r < 0)
                return r;
        return rpc_stream_open_wait(
                        c->channel, service, method, &(RpcCallOptions){ .deadline = c->deadline }, ret, reterr);
}

int client_stream_wait(Client *c, const char *method, const void *request, RpcStream **ret, RpcStatus *reterr) {
        _cleanup_(rpc_stream_freep) RpcStream *stream = NULL;
        int r;

        r = client_open_wait(c, SERVICE, method, &stream, reterr);
        if (r < 0)
                return r;
        /* -EPIPE: the call has ended already, and receiving tells how. */
        r = rpc_stream_send_wait(stream, request);
        if (r >= 0)
                r = rpc_stream_close_send_wait(stream);
        if (r < 0 && r != -EPIPE)
                return r;
        *ret = TAKE_PTR(stream);
        return 0;
}
