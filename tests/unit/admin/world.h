/* SPDX-License-Identifier: Apache-2.0 */
/* An admin, two agents that exist only here, and a client, over unix sockets in one process and one loop. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "admin.pb-c.h"
#include "admin/services/permission.h"
#include "admin/services/services.h"
#include "base/log.h"
#include "proto/unpack.h"
#include "unit/admin/entries.h"
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
static ConfigPolicies world_policies; /* for the next one; borrowed */
static char *world_policy_store;

static inline usec_t soon(void) {
        return usec_add(time_now(CLOCK_MONOTONIC), LONG_USEC);
}

static inline void world_init(World *w, bool pushes) {
        _cleanup_free_ char *app_vm = NULL, *net_vm = NULL;
        RpcAddress address = { .kind = RPC_ADDRESS_UNIX };

        *w = (World){ .config.monitoring = true };
        strcpy(w->directory, "/tmp/givc-admin-XXXXXX");
        assert_non_null(mkdtemp(w->directory));
        w->config.settings_directory = w->directory;
        w->config.policies = world_policies;
        w->config.policy_store = world_policy_store;
        w->path = strf("%s/admin", w->directory);
        app_vm = strf("%s/app-vm", w->directory);
        net_vm = strf("%s/net-vm", w->directory);
        assert_true(sd_event_default(&w->event) >= 0);
        assert_int_equal(rpc_queue_new(w->event, &w->queue), 0);
        fake_agent_init(&w->app_vm, w->queue, app_vm, pushes);
        fake_agent_init(&w->net_vm, w->queue, net_vm, pushes);
        assert_int_equal(admin_init(&w->admin, w->queue, NULL, &w->config), 0);
        assert_int_equal(rpc_server_new(w->queue, &w->server), 0);
        rpc_server_set_access(w->server, permission_check, &w->admin);
        assert_int_equal(services_add(w->server, &w->admin), 0);
        address.host = w->path;
        assert_int_equal(rpc_server_listen(w->server, &address, 0600, (gid_t) -1), 0);
        assert_int_equal(rpc_channel_new(w->queue, &(RpcChannelOptions){ .address = &address }, &w->channel), 0);
}

static inline void world_done(World *w) {
        rpc_channel_unref(w->channel);
        rpc_server_free(w->server);
        admin_done(&w->admin);
        fake_agent_done(&w->app_vm);
        fake_agent_done(&w->net_vm);
        rpc_queue_unref(w->queue);
        sd_event_unref(w->event);
        (void) unlink(w->path);
        for (size_t i = 0; i < 2; i++) {
                _cleanup_free_ char *kept =
                                strf("%s/%s", w->directory, i > 0 ? SETTINGS_LOCALE_FILE : SETTINGS_TIMEZONE_FILE);

                (void) unlink(kept);
        }
        (void) rmdir(w->directory);
        free(w->path);
}

static inline int body_run(void *userdata) {
        World *w = userdata;
        int r = w->body(w);

        w->body_done = true;
        return r;
}

static inline int on_too_long(_unused_ sd_event_source *s, _unused_ uint64_t usec, _unused_ void *userdata) {
        fprintf(stderr, "The test hangs.\n");
        abort();
}

/* Runs body in a fiber, in a world of its own, with agents that push or with agents that do not. */
static inline void run(int (*body)(World *w), bool pushes) {
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

static inline void run_with_agents(void **body) {
        run(*body, true);
}

static inline void run_with_old_agents(void **body) {
        run(*body, false);
}

/* A test that runs in such a world, with agents that push and with agents that do not. */
#define world_test(body)                                                                                               \
        { #body, run_with_agents, NULL, NULL, body }
#define world_test_old(body)                                                                                           \
        { #body " with old agents", run_with_old_agents, NULL, NULL, body }

static inline RpcCode call(World *w, const char *method, const void *request, void *ret, char **ret_message) {
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

static inline RpcCode do_register(World *w, const char *name, const char *parent, unsigned type, const char *vm,
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

static inline void register_agents(World *w) {
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

static inline RpcCode start(World *w, const char *app, const char *vm, char **ret_id, char **ret_message) {
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

static inline RpcCode act(World *w, const char *method, const char *app, const char *vm, char **ret_message) {
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
static inline const char *status_in_list(World *w, const char *name) {
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
static inline void on_ready(void *userdata) {
        promise_resolve(userdata, 0);
}

static inline void wait_for_status(World *w, const char *name, const char *word) {
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

static inline void wait_until_live(World *w, const char *agent) {
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

static inline int on_stop(_unused_ sd_event_source *s, void *userdata) {
        Stop *stop = userdata;

        stop->agent->server = rpc_server_free(stop->agent->server);
        promise_resolve(&stop->done, 0);
        return 0;
}

/* Its handlers have to return, so it ends from the loop and not from a fiber. */
static inline void stop_agent(World *w, FakeAgent *agent) {
        Stop stop = { .agent = agent };
        sd_event_source *source;

        assert_true(sd_event_add_defer(w->event, &source, on_stop, &stop) >= 0);
        assert_int_equal(promise_wait(&stop.done), 0);
        sd_event_source_disable_unref(source);
}
