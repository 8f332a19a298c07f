/* SPDX-License-Identifier: Apache-2.0 */
/* VMs that are off and are started: by name, and by an application on them. net-vm's fake plays the host. */
#include "unit/admin/world.h"

#define VM_UNIT "microvm@app-vm.service"
#define AGENT   "givc-app-vm.service"
#define HOST    "givc-ghaf-host.service"

static void register_host(World *w, const char *active, const char *sub) {
        FakeAgent *host = &w->net_vm;

        fake_unit_add(host, HOST, "active", "running");
        fake_unit_add(host, VM_UNIT, active, sub);
        assert_int_equal(do_register(w, HOST, "", 0, "ghaf-host", host->path, "active", "running"), RPC_OK);
        assert_int_equal(do_register(w, VM_UNIT, HOST, 11, "ghaf-host", host->path, active, sub), RPC_OK);
        if (host->pushes)
                wait_until_live(w, HOST);
}

static void register_app_vm(World *w) {
        fake_unit_add(&w->app_vm, AGENT, "active", "running");
        assert_int_equal(do_register(w, AGENT, VM_UNIT, 12, "app-vm", w->app_vm.path, "active", "running"), RPC_OK);
}

static void hold_boot(World *w) {
        w->net_vm.holds = VM_UNIT;
        w->net_vm.let_go = (Promise){};
}

static RpcCode start_vm(World *w, const char *vm, char **ret_id, char **ret_message) {
        Admin__StartVMRequest request = ADMIN__START_VMREQUEST__INIT;
        _cleanup_proto_ Admin__StartResponse *response = NULL;
        RpcCode code;

        request.vmname = (char *) vm;
        code = call(w, "StartVM", &request, &response, ret_message);
        if (code == RPC_OK && ret_id) {
                free(*ret_id);
                *ret_id = strdup(response->registryid);
        }
        return code;
}

/* Somebody who starts an application (or, without one, the VM) and waits for it. */
typedef struct Caller {
        World *world;
        const char *app;
        usec_t deadline;
        RpcCode code;
        char *id, *message;
        Promise done;
} Caller;

static int caller_run(void *userdata) {
        Caller *c = userdata;

        c->code = c->app ? start(c->world, c->app, "app-vm", &c->id, &c->message)
                         : start_vm(c->world, "app-vm", &c->id, &c->message);
        promise_resolve(&c->done, 0);
        return 0;
}

static void caller_start(Caller *c, World *w, const char *app) {
        *c = (Caller){ .world = w, .app = app };
        assert_int_equal(fiber_start(NULL, caller_run, c), 0);
}

static void caller_done(Caller *c) {
        free(c->id);
        free(c->message);
}

static void wait_for_unit_starts(World *w, unsigned n) {
        usec_t deadline = soon();

        while (w->net_vm.n_unit_starts < n) {
                assert_true(time_now(CLOCK_MONOTONIC) < deadline);
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        }
}

/* Until all calls of clients have ended. */
static void wait_for_calls(World *w) {
        usec_t deadline = soon();
        RpcServerStats stats;

        do {
                assert_true(time_now(CLOCK_MONOTONIC) < deadline);
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
                rpc_server_get_stats(w->server, &stats);
        } while (stats.n_calls > 0);
}

static int test_cold_start(World *w) {
        Caller c;

        register_host(w, "inactive", "dead");
        hold_boot(w);
        caller_start(&c, w, "app");
        wait_for_unit_starts(w, 1);
        assert_string_equal(status_in_list(w, VM_UNIT), "PoweredOff");
        promise_resolve(&w->net_vm.let_go, 0);
        wait_for_status(w, VM_UNIT, "Running");
        assert_false(c.done.done); /* it has booted and nobody speaks for it */
        register_app_vm(w);
        assert_int_equal(promise_wait_until(&c.done, soon()), 0);
        assert_int_equal(c.code, RPC_OK);
        assert_string_equal(c.id, "app@0.service");
        assert_string_equal(status_in_list(w, "app@0.service"), "Running");
        assert_int_equal(w->admin.launcher.n_launches, 0);
        assert_int_equal(w->net_vm.n_unit_starts, 1);
        caller_done(&c);
        return 0;
}

static int test_one_start_for_all(World *w) {
        Caller callers[10];

        register_host(w, "inactive", "dead");
        hold_boot(w);
        for (size_t i = 0; i < ELEMENTSOF(callers); i++)
                caller_start(&callers[i], w, i % 2 == 0 ? "app" : NULL);
        wait_for_unit_starts(w, 1);
        assert_int_equal(w->admin.launcher.n_launches, 1);
        promise_resolve(&w->net_vm.let_go, 0);
        wait_for_status(w, VM_UNIT, "Running");
        register_app_vm(w);
        for (size_t i = 0; i < ELEMENTSOF(callers); i++) {
                assert_int_equal(promise_wait_until(&callers[i].done, soon()), 0);
                assert_int_equal(callers[i].code, RPC_OK);
                if (i % 2 == 1)
                        assert_string_equal(callers[i].id, AGENT);
        }
        for (size_t i = 0; i < ELEMENTSOF(callers); i += 2)
                for (size_t k = 0; k < i; k += 2)
                        assert_string_not_equal(callers[i].id, callers[k].id);
        for (size_t i = 0; i < ELEMENTSOF(callers); i++)
                caller_done(&callers[i]);
        assert_int_equal(w->app_vm.n_starts, ELEMENTSOF(callers) / 2);
        assert_int_equal(w->net_vm.n_unit_starts, 1);
        return 0;
}

static int test_caller_leaves(World *w) {
        Admin__StartVMRequest request = ADMIN__START_VMREQUEST__INIT;
        const usec_t patience = soon();
        Caller c;

        register_host(w, "inactive", "dead");
        hold_boot(w);
        request.vmname = (char *) "app-vm";
        do { /* who is too slow to be heard has not left */
                RpcCallOptions options = { .deadline = usec_add(time_now(CLOCK_MONOTONIC), 200 * USEC_PER_MSEC) };
                _cleanup_(rpc_status_done) RpcStatus status = {};

                assert_true(time_now(CLOCK_MONOTONIC) < patience);
                assert_true(rpc_channel_call_wait(w->channel, &admin__admin_service__descriptor, "StartVM", &request,
                                            &options, NULL, &status) < 0);
                assert_int_equal(status.code, RPC_DEADLINE_EXCEEDED);
                wait_for_calls(w);
        } while (w->admin.launcher.n_launches == 0);
        assert_int_equal(w->admin.launcher.n_launches, 1);
        /* Who comes later joins what goes on. */
        caller_start(&c, w, NULL);
        promise_resolve(&w->net_vm.let_go, 0);
        wait_for_status(w, VM_UNIT, "Running");
        register_app_vm(w);
        assert_int_equal(promise_wait_until(&c.done, soon()), 0);
        assert_int_equal(c.code, RPC_OK);
        assert_int_equal(w->net_vm.n_unit_starts, 1);
        caller_done(&c);
        return 0;
}

static int test_running_vm(World *w) {
        _cleanup_free_ char *id = NULL;

        register_host(w, "active", "running");
        register_app_vm(w);
        wait_until_live(w, AGENT);
        assert_int_equal(start_vm(w, "app-vm", &id, NULL), RPC_OK);
        assert_string_equal(id, AGENT);
        assert_int_equal(start(w, "app", NULL, NULL, NULL), RPC_OK);
        assert_int_equal(w->net_vm.n_unit_starts, 0);
        return 0;
}

/* Somebody else has started it: it is not started over, which would cut its boot. */
static int test_booting_vm(World *w) {
        Caller c;

        register_host(w, "activating", "start");
        caller_start(&c, w, "app");
        while (w->admin.launcher.n_launches == 0)
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        register_app_vm(w);
        assert_int_equal(promise_wait_until(&c.done, soon()), 0);
        assert_int_equal(c.code, RPC_OK);
        assert_int_equal(w->net_vm.n_unit_starts, 0);
        caller_done(&c);
        return 0;
}

static int test_no_such_vm(World *w) {
        _cleanup_free_ char *message = NULL;

        assert_int_equal(start_vm(w, "app-vm", NULL, &message), RPC_UNAVAILABLE);
        assert_string_equal(message, "VM 'app-vm' cannot be started: No host is registered.");
        assert_int_equal(start(w, "app", NULL, NULL, &message), RPC_NOT_FOUND);
        assert_string_equal(message, "VM 'app-vm' is not registered.");
        register_host(w, "inactive", "dead");
        assert_int_equal(start_vm(w, "../x", NULL, &message), RPC_INVALID_ARGUMENT);
        assert_int_equal(start_vm(w, "", NULL, &message), RPC_INVALID_ARGUMENT);
        assert_int_equal(start_vm(w, "foo-vm", NULL, &message), RPC_NOT_FOUND);
        assert_string_equal(message, "There is no VM 'foo-vm': its host has no 'microvm@foo-vm.service'.");
        assert_int_equal(start(w, "foo", NULL, NULL, &message), RPC_NOT_FOUND);
        assert_string_equal(message, "There is no VM 'foo-vm': its host has no 'microvm@foo-vm.service'.");
        fake_unit(&w->net_vm, VM_UNIT)->load = "not-found";
        assert_int_equal(start_vm(w, "app-vm", NULL, &message), RPC_NOT_FOUND);
        assert_string_equal(message, "There is no VM 'app-vm': its host has no '" VM_UNIT "'.");
        fake_unit(&w->net_vm, VM_UNIT)->load = "masked";
        assert_int_equal(start(w, "app", NULL, NULL, &message), RPC_FAILED_PRECONDITION);
        assert_string_equal(message, "VM 'app-vm' cannot be started: '" VM_UNIT "' is masked.");
        assert_int_equal(w->net_vm.n_unit_starts, 0);
        return 0;
}

static int test_host_fails(World *w) {
        _cleanup_free_ char *message = NULL;

        register_host(w, "inactive", "dead");
        w->net_vm.refuses = "it is a test";
        assert_int_equal(start(w, "app", NULL, NULL, &message), RPC_FAILED_PRECONDITION);
        assert_string_equal(message, "VM 'app-vm' cannot be started: cannot do that: it is a test");
        w->net_vm.refuses = NULL;
        w->net_vm.units_start_in = "failed";
        assert_int_equal(start_vm(w, "app-vm", NULL, &message), RPC_FAILED_PRECONDITION);
        assert_string_equal(message, "VM 'app-vm' did not stay up: '" VM_UNIT "' is failed (dead).");
        stop_agent(w, &w->net_vm);
        wait_for_status(w, HOST, "PoweredOff");
        assert_int_equal(start_vm(w, "app-vm", NULL, &message), RPC_UNAVAILABLE);
        assert_non_null(strstr(message, "VM 'app-vm' cannot be started: Agent '" HOST "' cannot be reached: "));
        assert_int_equal(start(w, "app", "ghaf-host", NULL, &message), RPC_UNAVAILABLE);
        assert_non_null(strstr(message, "Agent '" HOST "' cannot be reached: "));
        assert_int_equal(w->admin.launcher.n_launches, 0);
        return 0;
}

static int test_too_late(World *w) {
        _cleanup_free_ char *message = NULL;

        register_host(w, "inactive", "dead");
        hold_boot(w);
        w->admin.launcher.timeout_usec = 200 * USEC_PER_MSEC;
        assert_int_equal(start(w, "app", NULL, NULL, &message), RPC_DEADLINE_EXCEEDED);
        assert_string_equal(message, "VM 'app-vm' did not start within 0.2 s: still booting.");
        w->net_vm.holds = NULL;
        assert_int_equal(start_vm(w, "app-vm", NULL, &message), RPC_DEADLINE_EXCEEDED);
        assert_string_equal(message, "VM 'app-vm' did not start within 0.2 s: still waiting for its agent.");
        assert_int_equal(w->admin.launcher.n_launches, 0);
        /* It runs by now, and the next one waits for its agent only. */
        assert_int_equal(start_vm(w, "app-vm", NULL, &message), RPC_DEADLINE_EXCEEDED);
        assert_int_equal(w->net_vm.n_unit_starts, 2);
        return 0;
}

static int test_vm_dies(World *w) {
        Caller c;

        register_host(w, "inactive", "dead");
        caller_start(&c, w, "app");
        wait_for_status(w, VM_UNIT, "Running");
        while (!condition_is_awaited(&w->admin.launcher.reached))
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        fake_unit_add(&w->net_vm, VM_UNIT, "failed", "failed");
        fake_agent_push(&w->net_vm, VM_UNIT, false);
        assert_int_equal(promise_wait_until(&c.done, soon()), 0);
        assert_int_equal(c.code, RPC_FAILED_PRECONDITION);
        assert_string_equal(c.message,
                        "VM 'app-vm' stopped while its agent was awaited: '" VM_UNIT "' is failed (failed).");
        caller_done(&c);
        return 0;
}

/* What the host said was about the boot before: whoever waits for the agent asks again, and goes on waiting. */
static int test_late_news(World *w) {
        usec_t deadline = soon();
        unsigned n_asked;
        Caller c;

        register_host(w, "inactive", "dead");
        caller_start(&c, w, "app");
        wait_for_status(w, VM_UNIT, "Running");
        while (!condition_is_awaited(&w->admin.launcher.reached))
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        n_asked = w->net_vm.n_polls;
        agents_tell_off(&w->admin.agents, "givc-other-vm.service");
        assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        assert_int_equal(w->net_vm.n_polls, n_asked);
        agents_tell_off(&w->admin.agents, AGENT);
        while (w->net_vm.n_polls == n_asked) {
                assert_true(time_now(CLOCK_MONOTONIC) < deadline);
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        }
        assert_false(c.done.done);
        register_app_vm(w);
        assert_int_equal(promise_wait_until(&c.done, soon()), 0);
        assert_int_equal(c.code, RPC_OK);
        caller_done(&c);
        return 0;
}

static int test_registered_but_down(World *w) {
        _cleanup_free_ char *id = NULL, *message = NULL;
        Caller c;

        register_host(w, "active", "running");
        register_app_vm(w);
        wait_until_live(w, AGENT);
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        stop_agent(w, &w->app_vm);
        wait_for_status(w, AGENT, "PoweredOff");
        /* As long as the VM runs, another start would only hurt. */
        assert_int_equal(start(w, "app", NULL, NULL, &message), RPC_UNAVAILABLE);
        assert_non_null(strstr(message, "Agent '" AGENT "' cannot be reached: "));
        assert_int_equal(start_vm(w, "app-vm", NULL, &message), RPC_UNAVAILABLE);
        assert_int_equal(w->net_vm.n_unit_starts, 0);
        /* Nobody told us that it is off; the host knows when it is asked. */
        fake_unit_add(&w->net_vm, VM_UNIT, "inactive", "dead");
        caller_start(&c, w, "app");
        wait_for_unit_starts(w, 1);
        wait_for_status(w, VM_UNIT, "Running");
        assert_string_equal(status_in_list(w, id), "");
        fake_unit_forget(&w->app_vm, id);
        fake_agent_listen(&w->app_vm, w->queue);
        register_app_vm(w);
        assert_int_equal(promise_wait_until(&c.done, soon()), 0);
        assert_int_equal(c.code, RPC_OK);
        assert_string_equal(status_in_list(w, c.id), "Running");
        caller_done(&c);
        return 0;
}

static void wait_until_lost(World *w) {
        usec_t deadline = soon();

        while (agent_is_up(agents_get(&w->admin.agents, AGENT))) {
                assert_true(time_now(CLOCK_MONOTONIC) < deadline);
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        }
}

/* Its connection has just ended and nobody knows why: an agent that starts again is back at once, ... */
static int test_agent_restarts(World *w) {
        Caller c;

        register_host(w, "active", "running");
        register_app_vm(w);
        wait_until_live(w, AGENT);
        stop_agent(w, &w->app_vm);
        wait_until_lost(w);
        assert_string_equal(status_in_list(w, AGENT), "Running");
        caller_start(&c, w, "app");
        while (!condition_is_awaited(&w->admin.launcher.reached))
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        fake_agent_listen(&w->app_vm, w->queue);
        assert_int_equal(promise_wait_until(&c.done, soon()), 0);
        assert_int_equal(c.code, RPC_OK);
        assert_int_equal(w->net_vm.n_unit_starts, 0);
        caller_done(&c);
        return 0;
}

/* ... one that stays away cannot be reached, ... */
static int test_agent_stays_away(World *w) {
        _cleanup_free_ char *message = NULL;

        register_host(w, "active", "running");
        register_app_vm(w);
        wait_until_live(w, AGENT);
        stop_agent(w, &w->app_vm);
        wait_until_lost(w);
        assert_int_equal(start(w, "app", NULL, NULL, &message), RPC_UNAVAILABLE);
        assert_non_null(strstr(message, "Agent '" AGENT "' cannot be reached: "));
        assert_int_equal(w->net_vm.n_unit_starts, 0);
        return 0;
}

/* ... and a VM that is off by the time that its agent is missed is started. */
static int test_vm_just_died(World *w) {
        Caller c;

        register_host(w, "active", "running");
        register_app_vm(w);
        wait_until_live(w, AGENT);
        stop_agent(w, &w->app_vm);
        wait_until_lost(w);
        caller_start(&c, w, "app");
        while (!condition_is_awaited(&w->admin.launcher.reached))
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        fake_unit_add(&w->net_vm, VM_UNIT, "failed", "failed");
        fake_agent_push(&w->net_vm, VM_UNIT, false);
        wait_for_unit_starts(w, 1);
        fake_agent_listen(&w->app_vm, w->queue);
        register_app_vm(w);
        assert_int_equal(promise_wait_until(&c.done, soon()), 0);
        assert_int_equal(c.code, RPC_OK);
        caller_done(&c);
        return 0;
}

/* A VM that its host does not have cannot be started by it, and is what it was: not reachable. */
static int test_not_the_hosts(World *w) {
        _cleanup_free_ char *message = NULL;

        register_host(w, "active", "running");
        fake_unit_forget(&w->net_vm, VM_UNIT);
        register_app_vm(w);
        wait_until_live(w, AGENT);
        stop_agent(w, &w->app_vm);
        wait_for_status(w, AGENT, "PoweredOff");
        assert_int_equal(start(w, "app", NULL, NULL, &message), RPC_UNAVAILABLE);
        assert_non_null(strstr(message, "Agent '" AGENT "' cannot be reached: "));
        return 0;
}

static int test_too_many(World *w) {
        _cleanup_free_ char *message = NULL;

        register_host(w, "inactive", "dead");
        w->admin.launcher.n_launches = LAUNCHES_MAX;
        assert_int_equal(start(w, "app", NULL, NULL, &message), RPC_RESOURCE_EXHAUSTED);
        assert_string_equal(message, "256 VMs are being started already.");
        w->admin.launcher.n_launches = 0;
        assert_int_equal(w->net_vm.n_unit_starts, 0);
        return 0;
}

/* A VM is a service of its host, too: when it is stopped as one, what ran in it leaves. */
static int test_stopped_as_a_service(World *w) {
        _cleanup_proto_ Admin__ApplicationResponse *response = NULL;
        Admin__ServiceRequest request = ADMIN__SERVICE_REQUEST__INIT;
        _cleanup_free_ char *id = NULL;

        register_host(w, "active", "running");
        register_app_vm(w);
        wait_until_live(w, AGENT);
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        request.servicename = (char *) VM_UNIT;
        request.vmname = (char *) "ghaf-host";
        assert_int_equal(call(w, "StopService", &request, &response, NULL), RPC_OK);
        assert_string_equal(status_in_list(w, VM_UNIT), "PoweredOff");
        assert_string_equal(status_in_list(w, AGENT), "");
        assert_string_equal(status_in_list(w, id), "");
        return 0;
}

/* The caller's fiber outlives the world's body and ends with the server. */
static Caller last_caller;

static int body_admin_ends(World *w) {
        register_host(w, "inactive", "dead");
        hold_boot(w);
        caller_start(&last_caller, w, NULL);
        wait_for_unit_starts(w, 1);
        return 0;
}

static void test_admin_ends(void **state) {
        (void) state;
        run(body_admin_ends, true);
        assert_true(last_caller.done.done);
        assert_int_not_equal(last_caller.code, RPC_OK);
        caller_done(&last_caller);
}

/* It runs, as whoever answers shows, and most have no agent that could be awaited. */
static int test_own_vm(World *w) {
        const char *own = "microvm@admin-vm.service";
        _cleanup_free_ char *id = NULL;

        register_host(w, "inactive", "dead");
        fake_unit_add(&w->net_vm, own, "active", "running");
        assert_int_equal(do_register(w, own, HOST, 3, "ghaf-host", w->net_vm.path, "active", "running"), RPC_OK);
        assert_int_equal(start_vm(w, "admin-vm", &id, NULL), RPC_OK);
        assert_string_equal(id, "givc-admin-vm.service");
        assert_int_equal(w->net_vm.n_unit_starts, 0);
        assert_int_equal(start(w, "app", "admin-vm", NULL, NULL), RPC_NOT_FOUND);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                world_test(test_cold_start),
                world_test_old(test_cold_start),
                world_test(test_one_start_for_all),
                world_test(test_caller_leaves),
                world_test(test_running_vm),
                world_test(test_own_vm),
                world_test(test_booting_vm),
                world_test(test_no_such_vm),
                world_test(test_host_fails),
                world_test(test_too_late),
                world_test(test_vm_dies),
                world_test(test_late_news),
                world_test(test_registered_but_down),
                world_test(test_agent_restarts),
                world_test(test_agent_stays_away),
                world_test(test_vm_just_died),
                world_test(test_not_the_hosts),
                world_test(test_too_many),
                world_test(test_stopped_as_a_service),
                cmocka_unit_test(test_admin_ends),
        };

        log_set_level(LOG_ERR);
        return cmocka_run_group_tests_name("admin-launcher", tests, NULL, NULL);
}
