/* SPDX-License-Identifier: Apache-2.0 */
/* grpc.health.v1.Health: every service of the server is SERVING until the server drains. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "event/condition.h"
#include "health.pb-c.h"
#include "rpc/server-internal.h"

#define SERVING         GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define SERVICE_UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

typedef struct Health {
        RpcServer *server;
        Condition drained;
} Health;

static bool server_has_service(RpcServer *s, const char *name) {
        MAP_FOREACH(e, s->entries, RpcEntry)
                if (streq(e->service->name, name))
                        return true;
        return isempty(name); /* the server as a whole */
}

static int method_check(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        Grpc__Health__V1__HealthCheckResponse reply = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
        const Grpc__Health__V1__HealthCheckRequest *req = request;
        Health *h = userdata;

        if (!server_has_service(h->server, req->service))
                return rpc_error(reterr, RPC_NOT_FOUND, "There is no service '%s'", req->service);
        reply.status = h->server->draining ? NOT_SERVING : SERVING;
        return rpc_call_reply(call, &reply);
}

/* Health.Watch goes on for a service that is not there: it might come. */
static int method_watch(RpcCall *call, const void *request, _unused_ RpcStatus *reterr, void *userdata) {
        Grpc__Health__V1__HealthCheckResponse reply = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
        const Grpc__Health__V1__HealthCheckRequest *req = request;
        Health *h = userdata;
        int r;

        for (;;) {
                bool draining = h->server->draining;

                reply.status = !server_has_service(h->server, req->service) ? SERVICE_UNKNOWN
                                : draining                                  ? NOT_SERVING
                                                                            : SERVING;
                r = rpc_call_send_wait(call, &reply);
                if (r < 0 || draining)
                        return r;
                r = h->server->draining ? 0 : condition_wait(&h->drained);
                if (r < 0)
                        return r;
        }
}

static const RpcMethod methods[] = {
        { "Check", RPC_UNARY, method_check },
        { "Watch", RPC_SERVER_STREAM, method_watch },
        {},
};

static const RpcService service = { &grpc__health__v1__health__descriptor, methods };

static void on_drain(void *userdata) {
        Health *h = userdata;

        condition_broadcast(&h->drained, 0);
}

int rpc_server_add_health(RpcServer *s) {
        Health *h;
        int r;

        h = mem_new0(Health, 1);
        if (!h)
                return -ENOMEM;
        h->server = s;
        r = server_own(s, h, free);
        if (r < 0) {
                free(h);
                return r;
        }
        s->on_drain = on_drain;
        s->on_drain_userdata = h;
        return rpc_server_add_service(s, &service, h);
}
