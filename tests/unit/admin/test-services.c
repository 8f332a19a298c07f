/* SPDX-License-Identifier: Apache-2.0 */
/* The admin's service as a client sees it, over a socket, with agents that exist only here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "admin.pb-c.h"
#include "admin/services/services.h"
#include "base/log.h"
#include "proto/unpack.h"
#include "unit/admin/fake-agent.h"

#define LONG_USEC (20 * USEC_PER_SEC) /* what fails only by a bug may take so long */

typedef struct World {
        sd_event *event;
        RpcQueue *queue;
        Config config;
        Admin admin;
        RpcServer *server;
        RpcChannel *channel;
        FakeAgent app_vm, net_vm;
        char directory[32];
        char *path;
        int (*body)(struct World *w);
        bool body_done;
} World;

static World world;

static usec_t soon(void) {
        return usec_add(time_now(CLOCK_MONOTONIC), LONG_USEC);
}

static void world_init(World *w, bool pushes) {
        _cleanup_free_ char *app_vm = NULL, *net_vm = NULL;
        RpcAddress address = { .kind = RPC_ADDRESS_UNIX };

        *w = (World){ .config.monitoring = true };
        strcpy(w->directory, "/tmp/givc-admin-XXXXXX");
        assert_non_null(mkdtemp(w->directory));
        w->path = strf("%s/admin", w->directory);
        app_vm = strf("%s/app-vm", w->directory);
        net_vm = strf("%s/net-vm", w->directory);
        assert_true(sd_event_default(&w->event) >= 0);
        assert_int_equal(rpc_queue_new(w->event, &w->queue), 0);
        fake_agent_init(&w->app_vm, w->queue, app_vm, pushes);
        fake_agent_init(&w->net_vm, w->queue, net_vm, pushes);
        assert_int_equal(admin_init(&w->admin, w->queue, NULL, &w->config), 0);
        assert_int_equal(rpc_server_new(w->queue, &w->server), 0);
        rpc_server_set_access(w->server, access_check, &w->admin.access);
        assert_int_equal(services_add(w->server, &w->admin), 0);
        address.host = w->path;
        assert_int_equal(rpc_server_listen(w->server, &address, 0600, (gid_t) -1), 0);
        assert_int_equal(rpc_channel_new(w->queue, &(RpcChannelOptions){ .address = &address }, &w->channel), 0);
}

static void world_done(World *w) {
        rpc_channel_unref(w->channel);
        rpc_server_free(w->server);
        admin_done(&w->admin);
        fake_agent_done(&w->app_vm);
        fake_agent_done(&w->net_vm);
        rpc_queue_unref(w->queue);
        sd_event_unref(w->event);
        (void) unlink(w->path);
        (void) rmdir(w->directory);
        free(w->path);
}

static int body_run(void *userdata) {
        World *w = userdata;
        int r = w->body(w);

        w->body_done = true;
        return r;
}

static int on_too_long(_unused_ sd_event_source *s, _unused_ uint64_t usec, _unused_ void *userdata) {
        fprintf(stderr, "The test hangs.\n");
        abort();
}

/* Runs body in a fiber, in a world of its own, with agents that push or with agents that do not. */
static void run(int (*body)(World *w), bool pushes) {
        sd_event_source *timer = NULL;

        world_init(&world, pushes);
        world.body = body;
        assert_int_equal(sd_event_add_time_relative(world.event, &timer, CLOCK_MONOTONIC, 60 * USEC_PER_SEC, 1000,
                                         on_too_long, NULL),
                        0);
        assert_int_equal(fiber_start(NULL, body_run, &world), 0);
        while (!world.body_done)
                assert_true(sd_event_run(world.event, UINT64_MAX) >= 0);
        sd_event_source_disable_unref(timer);
        world_done(&world);
        assert_int_equal(fiber_count(), 0);
}

/* -- what a client and an agent say -- */

static RpcCode call(World *w, const char *method, const void *request, void *ret, char **ret_message) {
        _cleanup_(rpc_status_done) RpcStatus status = {};
        RpcCallOptions options = { .deadline = soon(), .wait_for_ready = true };
        int r = rpc_channel_call_wait(
                        w->channel, &admin__admin_service__descriptor, method, request, &options, ret, &status);

        assert_int_equal(r < 0, status.code != RPC_OK);
        if (ret_message) {
                free(*ret_message);
                *ret_message = TAKE_PTR(status.message);
        }
        return status.code;
}

static RpcCode do_register(World *w, const char *name, const char *parent, unsigned type, const char *vm,
                const char *path, const char *active, const char *sub) {
        Admin__RegistryRequest request = ADMIN__REGISTRY_REQUEST__INIT;
        Admin__TransportConfig transport = ADMIN__TRANSPORT_CONFIG__INIT;
        Systemd__UnitStatus state = SYSTEMD__UNIT_STATUS__INIT;

        state.name = (char *) name;
        state.loadstate = (char *) "loaded";
        state.activestate = (char *) active;
        state.substate = (char *) sub;
        state.freezerstate = (char *) "running";
        transport.protocol = (char *) "unix";
        transport.address = (char *) path;
        transport.name = (char *) vm;
        request.name = (char *) name;
        request.parent = (char *) parent;
        request.type = type;
        request.transport = &transport;
        request.state = &state;
        return call(w, "RegisterService", &request, NULL, NULL);
}

static void register_agents(World *w) {
        fake_unit_add(&w->app_vm, "givc-app-vm.service", "active", "running");
        fake_unit_add(&w->net_vm, "givc-net-vm.service", "active", "running");
        fake_unit_add(&w->net_vm, "x.service", "active", "running");
        assert_int_equal(do_register(w, "givc-app-vm.service", "microvm@app-vm.service", 12, "app-vm", w->app_vm.path,
                                         "active", "running"),
                        RPC_OK);
        assert_int_equal(do_register(w, "givc-net-vm.service", "microvm@net-vm.service", 8, "net-vm", w->net_vm.path,
                                         "active", "running"),
                        RPC_OK);
        assert_int_equal(do_register(w, "x.service", "givc-net-vm.service", 9, "net-vm", w->net_vm.path, "active",
                                         "running"),
                        RPC_OK);
}

static RpcCode start(World *w, const char *app, const char *vm, char **ret_id, char **ret_message) {
        Admin__ApplicationRequest request = ADMIN__APPLICATION_REQUEST__INIT;
        _cleanup_proto_ Admin__StartResponse *response = NULL;
        RpcCode code;

        request.appname = (char *) app;
        if (vm) {
                request.has_vm_name_case = ADMIN__APPLICATION_REQUEST__HAS_VM_NAME_VM_NAME;
                request.vmname = (char *) vm;
        }
        code = call(w, "StartApplication", &request, &response, ret_message);
        if (code == RPC_OK && ret_id) {
                free(*ret_id);
                *ret_id = strdup(response->registryid);
        }
        return code;
}

static RpcCode act(World *w, const char *method, const char *app, const char *vm, char **ret_message) {
        Admin__ApplicationRequest request = ADMIN__APPLICATION_REQUEST__INIT;
        _cleanup_proto_ Admin__ApplicationResponse *response = NULL;
        RpcCode code;

        request.appname = (char *) app;
        if (vm) {
                request.has_vm_name_case = ADMIN__APPLICATION_REQUEST__HAS_VM_NAME_VM_NAME;
                request.vmname = (char *) vm;
        }
        code = call(w, method, &request, &response, ret_message);
        if (code == RPC_OK) {
                assert_string_equal(response->cmdstatus, "Command successful.");
                assert_string_equal(response->appstatus, "Command successful.");
        }
        return code;
}

/* The VmStatus of an entry in QueryList; "" when it is not there. */
static const char *status_in_list(World *w, const char *name) {
        Admin__Empty empty = ADMIN__EMPTY__INIT;
        _cleanup_proto_ Admin__QueryListResponse *list = NULL;
        static const char *const words[] = { "Running", "Paused", "PoweredOff" };

        assert_int_equal(call(w, "QueryList", &empty, &list, NULL), RPC_OK);
        for (size_t i = 0; i < list->n_list; i++)
                for (size_t k = 0; streq(list->list[i]->name, name) && k < ELEMENTSOF(words); k++)
                        if (streq(list->list[i]->vmstatus, words[k]))
                                return words[k];
        return "";
}

/* Suspends until the list says so, by a reader of its own; fails after LONG_USEC. */
static void on_ready(void *userdata) {
        promise_resolve(userdata, 0);
}

static void wait_for_status(World *w, const char *name, const char *word) {
        Promise news = {};
        Watch *watch;

        assert_int_equal(watch_new(registry_get_hub(w->admin.registry), on_ready, &news, &watch), 0);
        for (;;) {
                _cleanup_(watch_event_done) WatchEvent event = {};
                int r = watch_next(watch, &event);

                if (r > 0)
                        continue;
                if (streq(status_in_list(w, name), word))
                        break;
                assert_int_equal(promise_wait_until(&news, soon()), 0);
                news = (Promise){};
        }
        watch_free(watch);
}

static void wait_until_live(World *w, const char *agent) {
        usec_t deadline = soon();

        while (!agents_get(&w->admin.agents, agent)->live) {
                assert_true(time_now(CLOCK_MONOTONIC) < deadline);
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        }
}

typedef struct Stop {
        FakeAgent *agent;
        Promise done;
} Stop;

static int on_stop(_unused_ sd_event_source *s, void *userdata) {
        Stop *stop = userdata;

        stop->agent->server = rpc_server_free(stop->agent->server);
        promise_resolve(&stop->done, 0);
        return 0;
}

/* Its handlers have to return, so it ends from the loop and not from a fiber. */
static void stop_agent(World *w, FakeAgent *agent) {
        Stop stop = { .agent = agent };
        sd_event_source *source;

        assert_true(sd_event_add_defer(w->event, &source, on_stop, &stop) >= 0);
        assert_int_equal(promise_wait(&stop.done), 0);
        sd_event_source_disable_unref(source);
}

/* -- tests -- */

static int body_life_of_an_application(World *w) {
        _cleanup_free_ char *id = NULL, *message = NULL;

        register_agents(w);
        wait_until_live(w, "givc-app-vm.service");
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        assert_string_equal(id, "app@0.service");
        assert_string_equal(status_in_list(w, id), "Running");
        assert_int_equal(act(w, "PauseApplication", id, NULL, NULL), RPC_OK);
        assert_string_equal(status_in_list(w, id), "Paused");
        assert_int_equal(act(w, "ResumeApplication", id, "app-vm", NULL), RPC_OK);
        assert_string_equal(status_in_list(w, id), "Running");
        assert_int_equal(act(w, "StopApplication", id, NULL, NULL), RPC_OK);
        assert_string_equal(status_in_list(w, id), "");
        assert_int_equal(act(w, "StopApplication", id, NULL, &message), RPC_NOT_FOUND);
        assert_string_equal(message, "No application 'app@0.service' is registered.");
        return 0;
}

static void test_life_of_an_application(void **state) {
        (void) state;
        run(body_life_of_an_application, true);
}

static int body_life_with_an_old_agent(World *w) {
        _cleanup_free_ char *id = NULL;

        register_agents(w);
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        assert_int_equal(act(w, "PauseApplication", id, NULL, NULL), RPC_OK);
        assert_string_equal(status_in_list(w, id), "Paused");
        assert_int_equal(act(w, "ResumeApplication", id, NULL, NULL), RPC_OK);
        assert_int_equal(act(w, "StopApplication", id, NULL, NULL), RPC_OK);
        assert_string_equal(status_in_list(w, id), "");
        return 0;
}

static void test_life_with_an_old_agent(void **state) {
        (void) state;
        run(body_life_with_an_old_agent, false);
}

static int body_all_instances(World *w) {
        _cleanup_free_ char *a = NULL, *b = NULL, *other = NULL;

        register_agents(w);
        assert_int_equal(start(w, "app", NULL, &a, NULL), RPC_OK);
        assert_int_equal(start(w, "app", NULL, &b, NULL), RPC_OK);
        assert_int_equal(start(w, "ap", "app-vm", &other, NULL), RPC_OK);
        assert_string_equal(b, "app@1.service");
        assert_int_equal(act(w, "PauseApplication", "app", NULL, NULL), RPC_OK);
        assert_string_equal(status_in_list(w, a), "Paused");
        assert_string_equal(status_in_list(w, b), "Paused");
        assert_string_equal(status_in_list(w, other), "Running");
        assert_int_equal(act(w, "StopApplication", "app", "app-vm", NULL), RPC_OK);
        assert_string_equal(status_in_list(w, a), "");
        assert_string_equal(status_in_list(w, b), "");
        assert_int_equal(start(w, "app", NULL, &a, NULL), RPC_OK);
        assert_string_equal(a, "app@0.service");
        return 0;
}

static void test_all_instances(void **state) {
        (void) state;
        run(body_all_instances, true);
}

static int body_start_refusals(World *w) {
        _cleanup_free_ char *message = NULL;

        register_agents(w);
        assert_int_equal(start(w, "foo", NULL, NULL, &message), RPC_NOT_FOUND);
        assert_string_equal(message, "VM 'foo-vm' is not registered.");
        assert_int_equal(start(w, "foo@0", "app-vm", NULL, &message), RPC_INVALID_ARGUMENT);
        assert_int_equal(start(w, "", "app-vm", NULL, &message), RPC_INVALID_ARGUMENT);
        assert_int_equal(start(w, "foo", "../x", NULL, &message), RPC_INVALID_ARGUMENT);
        assert_int_equal(w->app_vm.n_starts, 0);
        w->app_vm.refuses = true;
        assert_int_equal(start(w, "app", NULL, NULL, &message), RPC_FAILED_PRECONDITION);
        assert_string_equal(message, "cannot do that: it is a test");
        assert_string_equal(status_in_list(w, "app@0.service"), "");
        return 0;
}

static void test_start_refusals(void **state) {
        (void) state;
        run(body_start_refusals, true);
}

static int body_start_that_exits(World *w) {
        _cleanup_free_ char *id = NULL;

        register_agents(w);
        w->app_vm.starts_in = "inactive";
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        assert_string_equal(id, "app@0.service");
        assert_string_equal(status_in_list(w, id), "");
        return 0;
}

static void test_start_that_exits(void **state) {
        (void) state;
        run(body_start_that_exits, true);
}

static int body_start_that_merges(World *w) {
        _cleanup_free_ char *id = NULL, *message = NULL;

        register_agents(w);
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        w->app_vm.merges_into = "app@0.service";
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        assert_string_equal(id, "app@0.service");
        assert_string_equal(status_in_list(w, "app@1.service"), "");
        /* An agent may not make its answer look like something else. */
        w->app_vm.merges_into = "givc-net-vm.service";
        assert_int_equal(start(w, "app", NULL, &id, &message), RPC_INTERNAL);
        return 0;
}

static void test_start_that_merges(void **state) {
        (void) state;
        run(body_start_that_merges, true);
}

typedef struct Starter {
        World *world;
        char *id;
        Promise done;
} Starter;

static int starter_run(void *userdata) {
        Starter *s = userdata;

        assert_int_equal(start(s->world, "app", NULL, &s->id, NULL), RPC_OK);
        promise_resolve(&s->done, 0);
        return 0;
}

static int body_starts_at_once(World *w) {
        Starter starters[50] = {};

        register_agents(w);
        for (size_t i = 0; i < ELEMENTSOF(starters); i++) {
                starters[i].world = w;
                assert_int_equal(fiber_start(NULL, starter_run, &starters[i]), 0);
        }
        for (size_t i = 0; i < ELEMENTSOF(starters); i++)
                assert_int_equal(promise_wait_until(&starters[i].done, soon()), 0);
        for (size_t i = 0; i < ELEMENTSOF(starters); i++) {
                assert_string_equal(status_in_list(w, starters[i].id), "Running");
                for (size_t k = 0; k < i; k++)
                        assert_string_not_equal(starters[i].id, starters[k].id);
        }
        for (size_t i = 0; i < ELEMENTSOF(starters); i++)
                free(starters[i].id);
        return 0;
}

static void test_starts_at_once(void **state) {
        (void) state;
        run(body_starts_at_once, false);
}

static int body_only_applications(World *w) {
        static const char *const methods[] = { "PauseApplication", "ResumeApplication", "StopApplication" };
        _cleanup_free_ char *message = NULL;

        register_agents(w);
        for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
                assert_int_equal(act(w, methods[i], "givc-net-vm.service", NULL, &message), RPC_PERMISSION_DENIED);
                assert_string_equal(message, "'givc-net-vm.service' is no application.");
                assert_int_equal(act(w, methods[i], "x.service", NULL, &message), RPC_PERMISSION_DENIED);
                assert_int_equal(act(w, methods[i], "givc-net-vm.service", "app-vm", &message), RPC_NOT_FOUND);
                assert_int_equal(act(w, methods[i], "x", NULL, &message), RPC_NOT_FOUND);
                assert_int_equal(act(w, methods[i], "", NULL, &message), RPC_INVALID_ARGUMENT);
                assert_int_equal(act(w, methods[i], "app", "none", &message), RPC_NOT_FOUND);
                assert_string_equal(message, "VM 'none' is not registered.");
        }
        assert_string_equal(status_in_list(w, "x.service"), "Running");
        assert_string_equal(status_in_list(w, "givc-net-vm.service"), "Running");
        return 0;
}

static void test_only_applications(void **state) {
        (void) state;
        run(body_only_applications, true);
}

static int body_ambiguous(World *w) {
        _cleanup_free_ char *message = NULL;

        register_agents(w);
        fake_unit_add(&w->app_vm, "app@0.service", "active", "running");
        fake_unit_add(&w->net_vm, "app@0.service", "active", "running");
        assert_int_equal(
                        do_register(w, "app@0.service", "", 14, "app-vm", w->app_vm.path, "active", "running"), RPC_OK);
        assert_int_equal(
                        do_register(w, "app@0.service", "", 10, "net-vm", w->net_vm.path, "active", "running"), RPC_OK);
        assert_int_equal(act(w, "PauseApplication", "app@0.service", NULL, &message), RPC_FAILED_PRECONDITION);
        assert_non_null(strstr(message, "givc-app-vm.service, givc-net-vm.service"));
        assert_int_equal(act(w, "PauseApplication", "app", NULL, &message), RPC_FAILED_PRECONDITION);
        assert_non_null(strstr(message, "givc-app-vm.service, givc-net-vm.service"));
        assert_int_equal(act(w, "PauseApplication", "app@0.service", "net-vm", NULL), RPC_OK);
        assert_string_equal(fake_unit(&w->net_vm, "app@0.service")->freezer, "frozen");
        assert_string_equal(fake_unit(&w->app_vm, "app@0.service")->freezer, "running");
        return 0;
}

static void test_ambiguous(void **state) {
        (void) state;
        run(body_ambiguous, true);
}

static int body_action_without_effect(World *w) {
        _cleanup_free_ char *id = NULL, *message = NULL;

        register_agents(w);
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        w->app_vm.stuck = true;
        assert_int_equal(act(w, "PauseApplication", id, NULL, &message), RPC_FAILED_PRECONDITION);
        assert_string_equal(message, "Failed to pause 'app@0.service': it is active (running), its freezer running.");
        assert_int_equal(act(w, "StopApplication", id, NULL, &message), RPC_FAILED_PRECONDITION);
        assert_string_equal(status_in_list(w, id), "Running");
        fake_unit_forget(&w->app_vm, id);
        assert_int_equal(act(w, "StopApplication", id, NULL, &message), RPC_NOT_FOUND);
        assert_string_equal(status_in_list(w, id), "");
        return 0;
}

static void test_action_without_effect(void **state) {
        (void) state;
        run(body_action_without_effect, true);
}

static int body_pushes_are_seen(World *w) {
        register_agents(w);
        wait_until_live(w, "givc-net-vm.service");
        fake_unit(&w->net_vm, "x.service")->active = "failed";
        fake_unit(&w->net_vm, "x.service")->sub = "failed";
        fake_agent_push(&w->net_vm, "x.service", false);
        wait_for_status(w, "x.service", "PoweredOff");
        /* Nobody told us that it was started. */
        wait_until_live(w, "givc-app-vm.service");
        fake_unit_add(&w->app_vm, "app@7.service", "active", "running");
        fake_agent_push(&w->app_vm, "app@7.service", false);
        wait_for_status(w, "app@7.service", "Running");
        fake_unit_forget(&w->app_vm, "app@7.service");
        fake_agent_push(&w->app_vm, "app@7.service", true);
        wait_for_status(w, "app@7.service", "");
        assert_int_equal(w->net_vm.n_polls, 0);
        return 0;
}

static void test_pushes_are_seen(void **state) {
        (void) state;
        run(body_pushes_are_seen, true);
}

static int body_push_beats_registration(World *w) {
        register_agents(w);
        wait_until_live(w, "givc-net-vm.service");
        fake_unit_add(&w->net_vm, "y.service", "inactive", "dead");
        fake_agent_push(&w->net_vm, "y.service", false);
        while (!map_get(agents_get(&w->admin.agents, "givc-net-vm.service")->told, "y.service"))
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        /* Written before the push, come after it. */
        assert_int_equal(do_register(w, "y.service", "", 9, "net-vm", w->net_vm.path, "active", "running"), RPC_OK);
        assert_string_equal(status_in_list(w, "y.service"), "PoweredOff");
        return 0;
}

static void test_push_beats_registration(void **state) {
        (void) state;
        run(body_push_beats_registration, true);
}

static int body_old_agents_are_polled(World *w) {
        register_agents(w);
        wait_for_status(w, "x.service", "Running");
        fake_unit(&w->net_vm, "x.service")->sub = "exited";
        fake_unit_add(&w->app_vm, "app@0.service", "active", "running");
        assert_int_equal(
                        do_register(w, "app@0.service", "", 14, "app-vm", w->app_vm.path, "active", "running"), RPC_OK);
        fake_unit_forget(&w->app_vm, "app@0.service");
        wait_for_status(w, "x.service", "PoweredOff");
        wait_for_status(w, "app@0.service", "");
        assert_true(w->net_vm.n_polls > 0);
        return 0;
}

static void test_old_agents_are_polled(void **state) {
        (void) state;
        run(body_old_agents_are_polled, false);
}

static int body_agent_goes_and_comes(World *w) {
        _cleanup_free_ char *id = NULL, *message = NULL;
        usec_t before;

        register_agents(w);
        wait_until_live(w, "givc-app-vm.service");
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        stop_agent(w, &w->app_vm);
        wait_for_status(w, "givc-app-vm.service", "PoweredOff");
        assert_string_equal(status_in_list(w, id), "PoweredOff");
        assert_string_equal(status_in_list(w, "x.service"), "Running");
        before = time_now(CLOCK_MONOTONIC);
        assert_int_equal(act(w, "PauseApplication", id, NULL, &message), RPC_UNAVAILABLE);
        assert_non_null(strstr(message, "Agent 'givc-app-vm.service' cannot be reached: "));
        assert_int_equal(start(w, "app", NULL, NULL, NULL), RPC_UNAVAILABLE);
        assert_true(time_now(CLOCK_MONOTONIC) - before < USEC_PER_SEC);
        /* While it was away one unit ended and another began. */
        fake_unit_forget(&w->app_vm, id);
        fake_unit_add(&w->app_vm, "app@5.service", "active", "running");
        fake_agent_listen(&w->app_vm, w->queue);
        wait_for_status(w, "givc-app-vm.service", "Running");
        wait_for_status(w, id, "");
        wait_for_status(w, "app@5.service", "Running");
        return 0;
}

static void test_agent_goes_and_comes(void **state) {
        (void) state;
        run(body_agent_goes_and_comes, true);
}

static int body_vm_stops(World *w) {
        _cleanup_free_ char *id = NULL;
        FakeAgent *host = &w->net_vm;

        fake_unit_add(host, "givc-ghaf-host.service", "active", "running");
        fake_unit_add(host, "microvm@app-vm.service", "active", "running");
        fake_unit_add(&w->app_vm, "givc-app-vm.service", "active", "running");
        assert_int_equal(do_register(w, "givc-ghaf-host.service", "", 0, "ghaf-host", host->path, "active", "running"),
                        RPC_OK);
        assert_int_equal(do_register(w, "microvm@app-vm.service", "givc-ghaf-host.service", 11, "ghaf-host", host->path,
                                         "active", "running"),
                        RPC_OK);
        assert_int_equal(do_register(w, "givc-app-vm.service", "microvm@app-vm.service", 12, "app-vm", w->app_vm.path,
                                         "active", "running"),
                        RPC_OK);
        wait_until_live(w, "givc-ghaf-host.service");
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        fake_unit(host, "microvm@app-vm.service")->active = "inactive";
        fake_unit(host, "microvm@app-vm.service")->sub = "dead";
        fake_agent_push(host, "microvm@app-vm.service", false);
        wait_for_status(w, "givc-app-vm.service", "");
        assert_string_equal(status_in_list(w, id), "");
        assert_string_equal(status_in_list(w, "microvm@app-vm.service"), "PoweredOff");
        assert_null(agents_get(&w->admin.agents, "givc-app-vm.service"));
        assert_int_equal(start(w, "app", NULL, NULL, NULL), RPC_NOT_FOUND);
        return 0;
}

static void test_vm_stops(void **state) {
        (void) state;
        run(body_vm_stops, true);
}

static int body_deadline(World *w) {
        _cleanup_(rpc_status_done) RpcStatus status = {};
        Admin__ApplicationRequest request = ADMIN__APPLICATION_REQUEST__INIT;
        RpcCallOptions options = { .deadline = usec_add(time_now(CLOCK_MONOTONIC), 200 * USEC_PER_MSEC) };
        RpcServerStats stats;

        register_agents(w);
        w->app_vm.silent = true;
        request.appname = (char *) "app";
        assert_true(rpc_channel_call_wait(w->channel, &admin__admin_service__descriptor, "StartApplication", &request,
                                    &options, NULL, &status) < 0);
        assert_int_equal(status.code, RPC_DEADLINE_EXCEEDED);
        /* What it had reserved is free again, and nobody waits for it. */
        do {
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
                rpc_server_get_stats(w->server, &stats);
        } while (stats.n_calls > 0);
        w->app_vm.silent = false;
        assert_int_equal(start(w, "app", NULL, NULL, NULL), RPC_OK);
        assert_string_equal(status_in_list(w, "app@0.service"), "Running");
        return 0;
}

static void test_deadline(void **state) {
        (void) state;
        run(body_deadline, true);
}

static RpcCode get_status(World *w, const char *vm, const char *unit, char **ret_sub, char **ret_message) {
        Admin__UnitStatusRequest request = ADMIN__UNIT_STATUS_REQUEST__INIT;
        _cleanup_proto_ Systemd__UnitStatus *status = NULL;
        RpcCode code;

        request.vmname = (char *) vm;
        request.unitname = (char *) unit;
        code = call(w, "GetUnitStatus", &request, &status, ret_message);
        if (code == RPC_OK) {
                free(*ret_sub);
                *ret_sub = strdup(status->substate);
        }
        return code;
}

static int body_unit_status(World *w) {
        _cleanup_free_ char *sub = NULL, *message = NULL;

        register_agents(w);
        fake_unit_add(&w->net_vm, "socket.socket", "active", "listening");
        assert_int_equal(get_status(w, "net-vm", "socket.socket", &sub, NULL), RPC_OK);
        assert_string_equal(sub, "listening");
        assert_int_equal(get_status(w, "net-vm", "none.service", &sub, &message), RPC_NOT_FOUND);
        assert_string_equal(message, "No unit 'none.service'.");
        assert_int_equal(get_status(w, "none", "x.service", &sub, &message), RPC_NOT_FOUND);
        assert_int_equal(get_status(w, "", "x.service", &sub, NULL), RPC_OK);
        assert_string_equal(sub, "running");
        assert_int_equal(get_status(w, "", "none.service", &sub, &message), RPC_NOT_FOUND);
        return 0;
}

static void test_unit_status(void **state) {
        (void) state;
        run(body_unit_status, true);
}

static int body_registration_words(World *w) {
        Admin__RegistryRequest request = ADMIN__REGISTRY_REQUEST__INIT;
        Admin__TransportConfig transport = ADMIN__TRANSPORT_CONFIG__INIT;
        Systemd__UnitStatus state = SYSTEMD__UNIT_STATUS__INIT;
        _cleanup_free_ char *message = NULL;

        assert_int_equal(call(w, "RegisterService", &request, NULL, &message), RPC_INVALID_ARGUMENT);
        assert_string_equal(message, "endpoint missing");
        request.transport = &transport;
        assert_int_equal(call(w, "RegisterService", &request, NULL, &message), RPC_INVALID_ARGUMENT);
        assert_string_equal(message, "status missing");
        request.state = &state;
        request.type = 15;
        assert_int_equal(call(w, "RegisterService", &request, NULL, &message), RPC_INVALID_ARGUMENT);
        assert_string_equal(message, "Unknown type 15.");
        assert_int_equal(registry_count(w->admin.registry), 0);
        return 0;
}

static void test_registration_words(void **state) {
        (void) state;
        run(body_registration_words, true);
}

static int body_registering_again(World *w) {
        register_agents(w);
        wait_until_live(w, "givc-net-vm.service");
        register_agents(w);
        assert_int_equal(registry_count(w->admin.registry), 3);
        assert_int_equal(w->net_vm.n_watchers, 1);
        /* It has moved: the next thing that it says is heard from there. */
        assert_int_equal(do_register(w, "givc-net-vm.service", "microvm@net-vm.service", 8, "net-vm", w->app_vm.path,
                                         "active", "running"),
                        RPC_OK);
        fake_unit_add(&w->app_vm, "x.service", "active", "exited");
        wait_until_live(w, "givc-net-vm.service");
        fake_agent_push(&w->app_vm, "x.service", false);
        while (w->net_vm.n_watchers > 0)
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        return 0;
}

static void test_registering_again(void **state) {
        (void) state;
        run(body_registering_again, true);
}

static RpcStream *open_watch(World *w) {
        _cleanup_(rpc_status_done) RpcStatus status = {};
        Admin__Empty empty = ADMIN__EMPTY__INIT;
        RpcCallOptions options = { .wait_for_ready = true };
        RpcStream *stream = NULL;

        assert_int_equal(rpc_stream_open_wait(w->channel, &admin__admin_service__descriptor, "Watch", &options, &stream,
                                         &status),
                        0);
        assert_int_equal(rpc_stream_send_wait(stream, &empty), 0);
        assert_int_equal(rpc_stream_close_send_wait(stream), 0);
        return stream;
}

static void assert_item(RpcStream *stream, Admin__WatchItem__StatusCase what, const char *name, const char *vm_status) {
        _cleanup_(rpc_status_done) RpcStatus status = {};
        _cleanup_proto_ Admin__WatchItem *item = NULL;

        assert_int_equal(rpc_stream_receive_wait(stream, &item, &status), 1);
        assert_int_equal(item->status_case, what);
        assert_string_equal(item->added->name, name);
        assert_string_equal(item->added->vmstatus, vm_status);
        assert_string_equal(item->added->trustlevel, "Warning");
}

static int body_watch(World *w) {
        _cleanup_(rpc_stream_freep) RpcStream *stream = NULL;
        _cleanup_proto_ Admin__WatchItem *item = NULL;
        _cleanup_(rpc_status_done) RpcStatus status = {};
        _cleanup_free_ char *id = NULL;

        register_agents(w);
        wait_until_live(w, "givc-app-vm.service");
        stream = open_watch(w);
        assert_int_equal(rpc_stream_receive_wait(stream, &item, &status), 1);
        assert_int_equal(item->status_case, ADMIN__WATCH_ITEM__STATUS_INITIAL);
        assert_int_equal(item->initial->n_list, 3);
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        assert_item(stream, ADMIN__WATCH_ITEM__STATUS_ADDED, "app@0.service", "Running");
        assert_int_equal(act(w, "PauseApplication", id, NULL, NULL), RPC_OK);
        assert_item(stream, ADMIN__WATCH_ITEM__STATUS_UPDATED, "app@0.service", "Paused");
        assert_int_equal(act(w, "StopApplication", id, NULL, NULL), RPC_OK);
        assert_item(stream, ADMIN__WATCH_ITEM__STATUS_REMOVED, "app@0.service", "Paused");
        /* It ends with a word when the admin stops. */
        watch_hub_close(registry_get_hub(w->admin.registry));
        admin_changed(&w->admin);
        proto_free((ProtobufCMessage *) TAKE_PTR(item));
        assert_true(rpc_stream_receive_wait(stream, &item, &status) < 0);
        assert_int_equal(status.code, RPC_UNAVAILABLE);
        return 0;
}

static void test_watch(void **state) {
        (void) state;
        run(body_watch, true);
}

static int body_watcher_leaves(World *w) {
        RpcStream *stream;
        RegistryStats stats;

        register_agents(w);
        stream = open_watch(w);
        do {
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
                registry_get_stats(w->admin.registry, &stats);
        } while (stats.n_watches == 0);
        rpc_stream_free(stream);
        do {
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
                registry_get_stats(w->admin.registry, &stats);
        } while (stats.n_watches > 0);
        return 0;
}

static void test_watcher_leaves(void **state) {
        (void) state;
        run(body_watcher_leaves, true);
}

static int body_sentence(World *w) {
        _cleanup_free_ char *before = admin_get_sentence(&w->admin), *after = NULL, *less = NULL;

        assert_string_equal(before, "0 agents, 0 units, 0 watchers");
        register_agents(w);
        after = admin_get_sentence(&w->admin);
        assert_string_equal(after, "2 agents, 1 unit, 0 watchers");
        registry_set_reachable(w->admin.registry, "givc-net-vm.service", false);
        less = admin_get_sentence(&w->admin);
        assert_string_equal(less, "2 agents (1 unreachable), 1 unit, 0 watchers");
        return 0;
}

static void test_sentence(void **state) {
        (void) state;
        run(body_sentence, true);
}

static int body_unimplemented(World *w) {
        Admin__Empty empty = ADMIN__EMPTY__INIT;
        _cleanup_free_ char *message = NULL;

        assert_int_equal(call(w, "Wakeup", &empty, NULL, &message), RPC_UNIMPLEMENTED);
        assert_string_equal(message, "This admin does not implement admin.AdminService/Wakeup.");
        assert_int_equal(call(w, "Sysinfo", &empty, NULL, &message), RPC_UNIMPLEMENTED);
        return 0;
}

static void test_unimplemented(void **state) {
        (void) state;
        run(body_unimplemented, true);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_life_of_an_application),
                cmocka_unit_test(test_life_with_an_old_agent),
                cmocka_unit_test(test_all_instances),
                cmocka_unit_test(test_start_refusals),
                cmocka_unit_test(test_start_that_exits),
                cmocka_unit_test(test_start_that_merges),
                cmocka_unit_test(test_starts_at_once),
                cmocka_unit_test(test_only_applications),
                cmocka_unit_test(test_ambiguous),
                cmocka_unit_test(test_action_without_effect),
                cmocka_unit_test(test_pushes_are_seen),
                cmocka_unit_test(test_push_beats_registration),
                cmocka_unit_test(test_old_agents_are_polled),
                cmocka_unit_test(test_agent_goes_and_comes),
                cmocka_unit_test(test_vm_stops),
                cmocka_unit_test(test_deadline),
                cmocka_unit_test(test_unit_status),
                cmocka_unit_test(test_registration_words),
                cmocka_unit_test(test_registering_again),
                cmocka_unit_test(test_watch),
                cmocka_unit_test(test_watcher_leaves),
                cmocka_unit_test(test_sentence),
                cmocka_unit_test(test_unimplemented),
        };

        log_set_level(LOG_ERR);
        return cmocka_run_group_tests_name("admin/services", tests, NULL, NULL);
}
