/* SPDX-License-Identifier: Apache-2.0 */
/* The session with the admin, against an admin that takes, refuses, goes away and comes back. */
#include "unit/agent/world.h"

#include "admin.pb-c.h"
#include "agent/registration.h"
#include "base/strv.h"

#define METHODS_MAX 64

/* An admin that writes down what it is told. */
typedef struct Admin {
        World *world;
        RpcServer *server;
        char socket[64];
        RpcMethod rows[METHODS_MAX];
        RpcService service;
        char **names;       /* registered, in order, with repetitions */
        const char *refuse; /* the name that is refused, */
        bool by_text;       /* in the reply instead of with a status */
        bool mute;          /* never answers */
        Admin__RegistryRequest *last_unit;
        unsigned n_changes;
} Admin;

static Admin admin;

static Admin__RegistryRequest *copy_request(const Admin__RegistryRequest *request) {
        size_t size = admin__registry_request__get_packed_size(request);
        _cleanup_free_ uint8_t *data = mem_new(uint8_t, size);

        check(admin__registry_request__pack(request, data) == size);
        return admin__registry_request__unpack(NULL, size, data);
}

static int method_register(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        Admin__RegistryResponse reply = ADMIN__REGISTRY_RESPONSE__INIT;
        const Admin__RegistryRequest *req = request;
        Promise never = {};
        Admin *a = userdata;

        if (a->mute)
                return promise_wait(&never);
        if (streq_ptr(a->refuse, req->name) && !a->by_text)
                return rpc_error(reterr, RPC_PERMISSION_DENIED, "'%s' is not yours.", req->name);
        if (streq_ptr(a->refuse, req->name)) {
                reply.has_error_case = ADMIN__REGISTRY_RESPONSE__HAS_ERROR_ERROR;
                reply.error = (char *) "no room";
                return rpc_call_reply(call, &reply);
        }
        check(strv_extend(&a->names, req->name) == 0);
        proto_free((ProtobufCMessage *) a->last_unit);
        a->last_unit = copy_request(req);
        return rpc_call_reply(call, &reply);
}

static int method_other(_unused_ RpcCall *call, _unused_ const void *request, _unused_ RpcStatus *reterr,
                _unused_ void *userdata) {
        return -ENOSYS;
}

static void admin_begin(World *w) {
        const ProtobufCServiceDescriptor *d = &admin__admin_service__descriptor;

        admin = (Admin){ .world = w };
        (void) snprintf(admin.socket, sizeof(admin.socket), "/tmp/test-admin-%i.sock", (int) getpid());
        check(d->n_methods < METHODS_MAX);
        for (unsigned i = 0; i < d->n_methods; i++)
                admin.rows[i] = (RpcMethod){ d->methods[i].name, RPC_UNARY,
                        streq(d->methods[i].name, "RegisterService") ? method_register : method_other };
        admin.service = (RpcService){ d, admin.rows };
}

static void admin_forget(void) {
        strv_free(admin.names);
        admin.names = NULL;
}

static void admin_up(void) {
        const RpcAddress address = { .kind = RPC_ADDRESS_UNIX, .host = admin.socket };

        admin_forget();
        assert_int_equal(rpc_server_new(admin.world->queue, &admin.server), 0);
        assert_int_equal(rpc_server_add_service(admin.server, &admin.service, &admin), 0);
        assert_int_equal(rpc_server_listen(admin.server, &address, 0600, (gid_t) -1), 0);
}

static void admin_down(void) {
        admin.server = rpc_server_free(admin.server);
}

static void admin_end(void) {
        admin_down();
        admin_forget();
        proto_free((ProtobufCMessage *) admin.last_unit);
        (void) unlink(admin.socket);
}

static void on_change(_unused_ void *userdata) {
        admin.n_changes++;
}

static unsigned count_name(const char *name) {
        unsigned n = 0;

        STRV_FOREACH(s, admin.names)
                n += streq(*s, name);
        return n;
}

/* Runs the loop until something is so: the registration is freed from the loop, so its tests run there. */
#define loop_until(w, expression)                                                                                      \
        do {                                                                                                           \
                usec_t _until = time_now(CLOCK_MONOTONIC) + 10 * USEC_PER_SEC;                                         \
                while (!(expression)) {                                                                                \
                        if (time_now(CLOCK_MONOTONIC) > _until)                                                        \
                                fail_msg("%s did not come", #expression);                                              \
                        assert_true(sd_event_run((w)->event, 10 * USEC_PER_MSEC) >= 0);                                \
                }                                                                                                      \
        } while (false)

typedef struct Session {
        World world;
        RpcChannel *channel;
        Registration *registration;
} Session;

static void session_begin(Session *s) {
        const RpcAddress address = { .kind = RPC_ADDRESS_UNIX, .host = admin.socket };
        const RpcChannelOptions options = {
                .address = &address, .backoff_min_usec = 10 * USEC_PER_MSEC, .backoff_max_usec = 50 * USEC_PER_MSEC
        };

        assert_int_equal(rpc_channel_new(s->world.queue, &options, &s->channel), 0);
        assert_int_equal(registration_new(s->world.agent, s->channel, on_change, NULL, &s->registration), 0);
}

static int setup(void **state) {
        Session *s = mem_new0(Session, 1);

        world_init(&s->world, false);
        admin_begin(&s->world);
        *state = s;
        return 0;
}

static int teardown(void **state) {
        Session *s = *state;

        registration_free(s->registration);
        rpc_channel_unref(s->channel);
        admin_end();
        world_done(&s->world);
        free(s);
        return 0;
}

static void assert_describes(const Session *s, const char *prefix) {
        _cleanup_free_ char *text = registration_describe(s->registration);

        assert_non_null(text);
        if (!startswith(text, prefix))
                fail_msg("'%s' does not begin with '%s'", text, prefix);
}

static void test_registers(void **state) {
        Session *s = *state;

        admin_up();
        session_begin(s);
        assert_false(registration_is_complete(s->registration));
        assert_describes(s, "connecting to admin-vm");
        loop_until(&s->world, registration_is_complete(s->registration));
        /* The agent first, then what ends in .service; targets are no one's business. */
        assert_int_equal(strv_length(admin.names), 2);
        assert_string_equal(admin.names[0], "givc-net-vm.service");
        assert_string_equal(admin.names[1], "app.service");
        assert_describes(s, "registered with admin-vm; 1 unit, 4 applications; since ");
        assert_true(admin.n_changes > 0);

        assert_string_equal(admin.last_unit->parent, "givc-net-vm.service");
        assert_int_equal(admin.last_unit->type, 9);
        assert_string_equal(admin.last_unit->transport->protocol, "tcp");
        assert_string_equal(admin.last_unit->transport->address, "192.168.101.1");
        assert_string_equal(admin.last_unit->transport->port, "9000");
        assert_string_equal(admin.last_unit->transport->name, "net-vm");
        assert_string_equal(admin.last_unit->state->name, "app.service");
        assert_string_equal(admin.last_unit->state->loadstate, "loaded");
        assert_string_equal(admin.last_unit->state->activestate, "inactive");
}

/* The agent's entry: its parent is the machine's, its state that of the unit that it really runs in. */
static void test_registers_agent(void **state) {
        static char *no_services[] = { NULL };
        Session *s = *state;

        s->world.agent = agent_free(s->world.agent);
        s->world.config.services = no_services;
        assert_int_equal(agent_new(&s->world.config, s->world.bus, "givc-agent.service", &s->world.agent), 0);
        admin_up();
        session_begin(s);
        loop_until(&s->world, registration_is_complete(s->registration));
        assert_int_equal(strv_length(admin.names), 1);
        assert_string_equal(admin.last_unit->name, "givc-net-vm.service");
        assert_string_equal(admin.last_unit->parent, "microvm@net-vm.service");
        assert_int_equal(admin.last_unit->type, 8);
        assert_string_equal(admin.last_unit->state->name, "givc-net-vm.service");
        assert_string_equal(admin.last_unit->state->activestate, "active");
        assert_string_equal(admin.last_unit->state->substate, "running");
}

static void test_admin_comes_late(void **state) {
        Session *s = *state;

        session_begin(s);
        loop_until(&s->world, rpc_channel_get_state(s->channel) == RPC_CHANNEL_FAILED);
        assert_describes(s, "admin-vm not reachable: ");
        admin_up();
        loop_until(&s->world, registration_is_complete(s->registration));
        assert_int_equal(strv_length(admin.names), 2);
}

static void test_admin_restarts(void **state) {
        Session *s = *state;

        admin_up();
        session_begin(s);
        for (unsigned i = 0; i < 5; i++) {
                loop_until(&s->world, registration_is_complete(s->registration));
                assert_int_equal(strv_length(admin.names), 2);
                admin_down();
                loop_until(&s->world, !registration_is_complete(s->registration));
                assert_describes(s, "");
                admin_up();
        }
        loop_until(&s->world, registration_is_complete(s->registration));
}

/* Flapping: the admin goes away at any moment of the session, also in the middle of a call. */
static void test_admin_flaps(void **state) {
        Session *s = *state;

        session_begin(s);
        for (unsigned i = 0; i < 30; i++) {
                admin_up();
                for (unsigned n = 0; n < i; n++)
                        assert_true(sd_event_run(s->world.event, USEC_PER_MSEC) >= 0);
                admin_down();
        }
        admin_up();
        loop_until(&s->world, strv_length(admin.names) == 2 && registration_is_complete(s->registration));
        assert_int_equal(count_name("givc-net-vm.service"), 1);
        assert_int_equal(count_name("app.service"), 1);
}

static void refused(Session *s, const char *name, const char *description) {
        admin.refuse = name;
        admin_up();
        session_begin(s);
        loop_until(&s->world, ({
                _cleanup_free_ char *text = registration_describe(s->registration);
                streq(text, description);
        }));
}

/* A unit that is refused keeps nobody else from being registered, and is tried again by itself. */
static void test_unit_refused(void **state) {
        static char *services[] = { (char *) "first.service", (char *) "second.service", NULL };
        Session *s = *state;

        s->world.agent = agent_free(s->world.agent);
        s->world.config.services = services;
        assert_int_equal(agent_new(&s->world.config, s->world.bus, NULL, &s->world.agent), 0);
        refused(s, "first.service",
                        "registering with admin-vm, 2 of 3 done; 'first.service': 'first.service' is not yours.");
        assert_int_equal(count_name("second.service"), 1);
        admin.refuse = NULL;
        loop_until(&s->world, registration_is_complete(s->registration));
        assert_int_equal(count_name("first.service"), 1);
        assert_int_equal(count_name("second.service"), 1);
        assert_int_equal(count_name("givc-net-vm.service"), 1);
}

/* Without the agent there is nothing to register units under. */
static void test_agent_refused(void **state) {
        Session *s = *state;

        refused(s, "givc-net-vm.service",
                        "registering with admin-vm, 0 of 2 done; 'givc-net-vm.service': 'givc-net-vm.service' is not "
                        "yours.");
        assert_int_equal(strv_length(admin.names), 0);
        admin.refuse = NULL;
        loop_until(&s->world, registration_is_complete(s->registration));
}

static void test_refused_by_text(void **state) {
        Session *s = *state;

        admin.by_text = true;
        refused(s, "app.service", "registering with admin-vm, 1 of 2 done; 'app.service': no room");
        admin.refuse = NULL;
        loop_until(&s->world, registration_is_complete(s->registration));
}

/* Freed in the middle of a call that is never answered. */
static void test_freed_while_waiting(void **state) {
        RpcServerStats stats = {};
        Session *s = *state;

        admin.mute = true;
        admin_up();
        session_begin(s);
        loop_until(&s->world, (rpc_server_get_stats(admin.server, &stats), stats.n_calls == 1));
        s->registration = registration_free(s->registration);
        loop_until(&s->world, (rpc_server_get_stats(admin.server, &stats), stats.n_calls == 0));
}

/* The service manager is away when the session begins: the states come with it. */
static void test_no_bus(void **state) {
        Session *s = *state;

        fake_systemd_leave(s->world.fake);
        fake_systemd_disconnect(s->world.fake);
        loop_until(&s->world, !bus_is_connected(s->world.bus));
        admin_up();
        session_begin(s);
        loop_until(&s->world, ({
                _cleanup_free_ char *text = registration_describe(s->registration);
                strstr(text, "'givc-net-vm.service': the service manager does not tell its state");
        }));
        assert_int_equal(strv_length(admin.names), 0);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
                cmocka_unit_test_setup_teardown(test_registers_agent, setup, teardown),
                cmocka_unit_test_setup_teardown(test_admin_comes_late, setup, teardown),
                cmocka_unit_test_setup_teardown(test_admin_restarts, setup, teardown),
                cmocka_unit_test_setup_teardown(test_admin_flaps, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unit_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(test_agent_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refused_by_text, setup, teardown),
                cmocka_unit_test_setup_teardown(test_freed_while_waiting, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_bus, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
