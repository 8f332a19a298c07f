/* SPDX-License-Identifier: Apache-2.0 */
/* The services that every server has, health and reflection, and callers that leave them. */
#include "fixture.h"

#include "reflection.pb-c.h"
#include "reflection_v1alpha.pb-c.h"
#include "unit/leave.h"

#define HEALTH   (&grpc__health__v1__health__descriptor)
#define NEW      (&grpc__reflection__v1__server_reflection__descriptor)
#define OLD      (&grpc__reflection__v1alpha__server_reflection__descriptor)
#define LIST_NEW GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES
#define LIST_OLD GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES

static Grpc__Health__V1__HealthCheckRequest health = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
static Grpc__Reflection__V1__ServerReflectionRequest list = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
static Grpc__Reflection__V1alpha__ServerReflectionRequest old_list =
                GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_REQUEST__INIT;

static const struct {
        const ProtobufCServiceDescriptor *service;
        void *request;
        bool answers_at_once[2];
} rows[] = {
        { HEALTH, &health, { true, false } },
        { NEW, &list, { false } },
        { OLD, &old_list, { false } },
};

/* One that stays has been answered once before its caller leaves. */
static void leave(Leaver *l, size_t i, unsigned method, Leave how, bool asks) {
        const ProtobufCServiceDescriptor *service = rows[i].service;
        ProtobufCMessage *message;

        leave_begin(l, how, service, service->methods[method].name, asks ? rows[i].request : NULL);
        if (asks && !rows[i].answers_at_once[method] && rpc_stream_receive_wait(l->stream, &message, NULL) > 0) {
                proto_free(message);
                leave_check(leave_count(l).n_calls == l->before.n_calls + 1 || leave_is_late(l));
        }
        leave_end(l);
        leave_settle(l, service->methods[method].name);
}

static int body_leaving(void *userdata) {
        World *w = userdata;
        Leaver l;

        list.message_request_case = LIST_NEW;
        old_list.message_request_case = LIST_OLD;
        list.list_services = old_list.list_services = (char *) "";
        leave_init(&l, w->queue, w->server, HEALTH, "Check");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (unsigned method = 0; method < rows[i].service->n_methods; method++)
                        for (Leave how = 0; how < _LEAVE_MAX; how++) {
                                leave(&l, i, method, how, false);
                                if (how != LEAVE_LATE || !rows[i].answers_at_once[method])
                                        leave(&l, i, method, how, true);
                        }
        return 0;
}

static void test_leaving(void **state) {
        world_run(*state, body_leaving);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_leaving, world_setup, world_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
