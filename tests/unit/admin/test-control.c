/* SPDX-License-Identifier: Apache-2.0 */
/* Services on VMs and the host's power, as a client sees it. net-vm's fake plays the host, too. */
#include "base/fd.h"
#include "unit/admin/world.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

static RpcCode start_service(World *w, const char *unit, const char *vm, char **ret_id, char **ret_message) {
        Admin__ServiceRequest request = ADMIN__SERVICE_REQUEST__INIT;
        _cleanup_proto_ Admin__StartResponse *response = NULL;
        RpcCode code;

        request.servicename = (char *) unit;
        request.vmname = (char *) vm;
        code = call(w, "StartService", &request, &response, ret_message);
        if (code == RPC_OK && ret_id) {
                free(*ret_id);
                *ret_id = strdup(response->registryid);
        }
        return code;
}

static RpcCode stop_service(World *w, const char *unit, const char *vm, char **ret_message) {
        Admin__ServiceRequest request = ADMIN__SERVICE_REQUEST__INIT;
        _cleanup_proto_ Admin__ApplicationResponse *response = NULL;
        RpcCode code;

        request.servicename = (char *) unit;
        request.vmname = (char *) vm;
        code = call(w, "StopService", &request, &response, ret_message);
        if (code == RPC_OK) {
                assert_string_equal(response->cmdstatus, "Command successful.");
                assert_string_equal(response->appstatus, "Command successful.");
        }
        return code;
}

static int test_service(World *w) {
        _cleanup_free_ char *id = NULL;

        register_agents(w);
        assert_int_equal(start_service(w, "x.service", "net-vm", &id, NULL), RPC_OK);
        assert_string_equal(id, "givc-net-vm.service");
        assert_int_equal(w->net_vm.n_unit_starts, 0); /* it runs */
        assert_int_equal(stop_service(w, "x.service", "net-vm", NULL), RPC_OK);
        assert_string_equal(status_in_list(w, "x.service"), "PoweredOff");
        assert_int_equal(start_service(w, "x.service", "", NULL, NULL), RPC_OK);
        assert_string_equal(status_in_list(w, "x.service"), "Running");
        assert_int_equal(w->net_vm.n_unit_starts, 1);
        assert_int_equal(stop_service(w, "x.service", "", NULL), RPC_OK);
        assert_string_equal(status_in_list(w, "x.service"), "PoweredOff");
        return 0;
}

/* Units that never run as services do: a target that is reached is started anew, one that does its work and ends has
 * been started. */
static int test_other_units(World *w) {
        register_agents(w);
        fake_unit_add(&w->net_vm, "y.target", "active", "active");
        assert_int_equal(start_service(w, "y.target", "net-vm", NULL, NULL), RPC_OK);
        assert_int_equal(w->net_vm.n_unit_starts, 1);
        fake_unit_add(&w->net_vm, "once.service", "inactive", "dead");
        w->net_vm.units_start_in = "inactive";
        assert_int_equal(start_service(w, "once.service", "net-vm", NULL, NULL), RPC_OK);
        assert_int_equal(w->net_vm.n_unit_starts, 2);
        return 0;
}

static int test_service_refusals(World *w) {
        _cleanup_free_ char *message = NULL;

        register_agents(w);
        assert_int_equal(start_service(w, "x.service", "none", NULL, &message), RPC_NOT_FOUND);
        assert_string_equal(message, "VM 'none' is not registered.");
        assert_int_equal(start_service(w, "x.service", "../x", NULL, &message), RPC_INVALID_ARGUMENT);
        assert_int_equal(stop_service(w, "x.service", "none", &message), RPC_NOT_FOUND);
        assert_int_equal(start_service(w, "none.service", "net-vm", NULL, &message), RPC_NOT_FOUND);
        assert_string_equal(message, "No unit 'none.service'.");
        assert_int_equal(stop_service(w, "none.service", "net-vm", &message), RPC_NOT_FOUND);
        assert_int_equal(start_service(w, "none.service", "", NULL, &message), RPC_NOT_FOUND);
        assert_string_equal(message, "No unit 'none.service' is registered.");
        fake_unit_add(&w->net_vm, "z.service", "inactive", "dead")->load = "masked";
        assert_int_equal(start_service(w, "z.service", "net-vm", NULL, &message), RPC_FAILED_PRECONDITION);
        assert_string_equal(message, "'z.service' cannot be started: it is masked.");
        w->net_vm.units_stop_in = "failed";
        assert_int_equal(stop_service(w, "x.service", "net-vm", &message), RPC_FAILED_PRECONDITION);
        assert_string_equal(message, "Failed to stop 'x.service': it is failed (dead).");
        w->net_vm.refuses = "it is a test";
        assert_int_equal(start_service(w, "x.service", "net-vm", NULL, &message), RPC_FAILED_PRECONDITION);
        assert_string_equal(message, "cannot do that: it is a test");
        assert_int_equal(w->net_vm.n_unit_starts, 1);
        stop_agent(w, &w->net_vm);
        wait_for_status(w, "givc-net-vm.service", "PoweredOff");
        assert_int_equal(start_service(w, "x.service", "net-vm", NULL, &message), RPC_UNAVAILABLE);
        assert_int_equal(stop_service(w, "x.service", "net-vm", &message), RPC_UNAVAILABLE);
        return 0;
}

static RpcCode do_kill(World *w, const char *unit, const char *vm, int number, const char *whom, char **ret_message) {
        Admin__KillUnitRequest request = ADMIN__KILL_UNIT_REQUEST__INIT;
        _cleanup_proto_ Systemd__UnitStatus *state = NULL;
        RpcCode code;

        request.unitname = (char *) unit;
        if (vm) {
                request.has_vm_name_case = ADMIN__KILL_UNIT_REQUEST__HAS_VM_NAME_VM_NAME;
                request.vmname = (char *) vm;
        }
        if (number >= 0) {
                request.has_signal_case = ADMIN__KILL_UNIT_REQUEST__HAS_SIGNAL_SIGNAL;
                request.signal = number;
        }
        if (whom) {
                request.has_whom_case = ADMIN__KILL_UNIT_REQUEST__HAS_WHOM_WHOM;
                request.whom = (char *) whom;
        }
        code = call(w, "KillUnit", &request, &state, ret_message);
        if (code == RPC_OK) {
                assert_string_equal(state->name, unit);
                assert_string_equal(state->activestate, "inactive");
        }
        return code;
}

static void assert_killed(const FakeAgent *a, unsigned n, int number, const char *whom) {
        assert_int_equal(a->n_kills, n);
        assert_int_equal(a->last_signal, number);
        assert_string_equal(a->last_whom, whom);
}

static int test_kill(World *w) {
        _cleanup_free_ char *id = NULL;

        register_agents(w);
        wait_until_live(w, "givc-net-vm.service");
        assert_int_equal(do_kill(w, "x.service", NULL, -1, NULL, NULL), RPC_OK);
        assert_killed(&w->net_vm, 1, SIGKILL, "all");
        assert_int_equal(do_kill(w, "x.service", "net-vm", SIGHUP, "main", NULL), RPC_OK);
        assert_killed(&w->net_vm, 2, SIGHUP, "main");
        assert_int_equal(do_kill(w, "x.service", "", SIGRTMAX, "control", NULL), RPC_OK);
        assert_killed(&w->net_vm, 3, SIGRTMAX, "control");
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        assert_int_equal(do_kill(w, id, NULL, SIGTERM, "", NULL), RPC_OK);
        assert_killed(&w->app_vm, 1, SIGTERM, "all");
        assert_int_equal(w->net_vm.n_kills, 3);
        return 0;
}

/* The name of a unit that two VMs have says nothing, and nobody is killed by mistake. */
static int test_kill_refusals(World *w) {
        _cleanup_free_ char *message = NULL;

        register_agents(w);
        fake_unit_add(&w->app_vm, "x.service", "active", "running");
        assert_int_equal(do_register(w, "x.service", "givc-app-vm.service", 13, "app-vm", w->app_vm.path, "active",
                                         "running"),
                        RPC_OK);
        wait_until_live(w, "givc-net-vm.service");
        assert_int_equal(do_kill(w, "x.service", NULL, -1, NULL, &message), RPC_FAILED_PRECONDITION);
        assert_string_equal(message,
                        "'x.service' is not unique, it is with givc-app-vm.service, givc-net-vm.service; name the VM.");
        assert_int_equal(do_kill(w, "none.service", NULL, -1, NULL, &message), RPC_NOT_FOUND);
        assert_string_equal(message, "No unit 'none.service' is registered.");
        assert_int_equal(do_kill(w, "x.service", "none", -1, NULL, &message), RPC_NOT_FOUND);
        assert_int_equal(do_kill(w, "x.service", "../x", -1, NULL, &message), RPC_INVALID_ARGUMENT);
        assert_int_equal(do_kill(w, "x.service", "net-vm", 0, NULL, &message), RPC_INVALID_ARGUMENT);
        assert_string_equal(message, "0 is no signal.");
        assert_int_equal(do_kill(w, "x.service", "net-vm", 65, NULL, &message), RPC_INVALID_ARGUMENT);
        assert_int_equal(do_kill(w, "x.service", "net-vm", -1, "me", &message), RPC_INVALID_ARGUMENT);
        assert_string_equal(message, "Whom 'me' is none of main, control and all.");
        assert_int_equal(w->net_vm.n_kills + w->app_vm.n_kills, 0);
        assert_int_equal(do_kill(w, "none.service", "net-vm", -1, NULL, &message), RPC_NOT_FOUND);
        assert_string_equal(message, "No unit 'none.service'.");
        stop_agent(w, &w->net_vm);
        wait_for_status(w, "givc-net-vm.service", "PoweredOff");
        assert_int_equal(do_kill(w, "x.service", "net-vm", -1, NULL, &message), RPC_UNAVAILABLE);
        return 0;
}

/* One that is only to read its configuration again would be killed. */
static int test_kill_with_an_old_agent(World *w) {
        _cleanup_free_ char *message = NULL;
        usec_t deadline = soon();

        register_agents(w);
        while (!agents_get(&w->admin.agents, "givc-net-vm.service")->polled) {
                assert_true(time_now(CLOCK_MONOTONIC) < deadline);
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        }
        assert_int_equal(do_kill(w, "x.service", "net-vm", SIGHUP, NULL, &message), RPC_FAILED_PRECONDITION);
        assert_string_equal(message, "Agent 'givc-net-vm.service' can only send SIGKILL to all processes.");
        assert_int_equal(do_kill(w, "x.service", "net-vm", SIGKILL, "main", &message), RPC_FAILED_PRECONDITION);
        assert_int_equal(w->net_vm.n_kills, 0);
        assert_int_equal(do_kill(w, "x.service", "net-vm", SIGKILL, "all", NULL), RPC_OK);
        assert_int_equal(do_kill(w, "x.service", "net-vm", -1, NULL, NULL), RPC_OK);
        assert_int_equal(w->net_vm.n_kills, 2);
        return 0;
}

static void register_host(World *w) {
        static const char *const targets[] = { "poweroff.target", "reboot.target", "suspend.target" };
        FakeAgent *host = &w->net_vm;

        for (size_t i = 0; i < ELEMENTSOF(targets); i++)
                fake_unit_add(host, targets[i], "inactive", "dead");
        fake_unit_add(host, "givc-ghaf-host.service", "active", "running");
        assert_int_equal(do_register(w, "givc-ghaf-host.service", "", 0, "ghaf-host", host->path, "active", "running"),
                        RPC_OK);
        wait_until_live(w, "givc-ghaf-host.service");
}

static RpcCode power(World *w, const char *method, char **ret_message) {
        Admin__Empty empty = ADMIN__EMPTY__INIT;

        return call(w, method, &empty, NULL, ret_message);
}

typedef struct Caller {
        World *world;
        const char *method;
        RpcCode code;
        Promise done;
} Caller;

static int caller_run(void *userdata) {
        Caller *c = userdata;

        c->code = power(c->world, c->method, NULL);
        promise_resolve(&c->done, 0);
        return 0;
}

static void wait_for_unit_starts(World *w, unsigned n) {
        usec_t deadline = soon();

        while (w->net_vm.n_unit_starts < n) {
                assert_true(time_now(CLOCK_MONOTONIC) < deadline);
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        }
}

static int test_power(World *w) {
        static const struct {
                const char *method, *target;
        } rows[] = {
                { "Poweroff", "poweroff.target" },
                { "Reboot", "reboot.target" },
                { "Suspend", "suspend.target" },
        };
        _cleanup_free_ char *message = NULL;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(power(w, rows[i].method, &message), RPC_UNAVAILABLE);
                assert_string_equal(message, "No host is registered.");
        }
        register_host(w);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(power(w, rows[i].method, NULL), RPC_OK);
                assert_string_equal(fake_unit(&w->net_vm, rows[i].target)->active, "active");
                fake_unit_forget(&w->net_vm, rows[i].target);
                assert_int_equal(power(w, rows[i].method, &message), RPC_NOT_FOUND);
        }
        return 0;
}

/* It lasts until the host has resumed, and whatever else is asked meanwhile is answered. */
static int test_suspend_blocks(World *w) {
        Caller c = { .world = w, .method = "Suspend" };
        _cleanup_free_ char *id = NULL;

        register_host(w);
        fake_unit_add(&w->net_vm, "x.service", "inactive", "dead");
        w->net_vm.holds = "suspend.target";
        assert_int_equal(fiber_start(NULL, caller_run, &c), 0);
        wait_for_unit_starts(w, 1);
        assert_int_equal(start_service(w, "x.service", "ghaf-host", &id, NULL), RPC_OK);
        assert_string_equal(id, "givc-ghaf-host.service");
        assert_int_equal(stop_service(w, "x.service", "ghaf-host", NULL), RPC_OK);
        assert_false(c.done.done);
        promise_resolve(&w->net_vm.let_go, 0);
        assert_int_equal(promise_wait_until(&c.done, soon()), 0);
        assert_int_equal(c.code, RPC_OK);
        return 0;
}

static int test_host_goes(World *w) {
        static const struct {
                const char *method, *target;
                RpcCode code;
        } rows[] = {
                { "Poweroff", "poweroff.target", RPC_OK },
                { "Reboot", "reboot.target", RPC_OK },
                { "Suspend", "suspend.target", RPC_UNAVAILABLE },
        };
        _cleanup_free_ char *message = NULL;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Caller c = { .world = w, .method = rows[i].method };

                register_host(w);
                w->net_vm.holds = rows[i].target;
                w->net_vm.let_go = (Promise){};
                assert_int_equal(fiber_start(NULL, caller_run, &c), 0);
                wait_for_unit_starts(w, i + 1);
                stop_agent(w, &w->net_vm);
                assert_int_equal(promise_wait_until(&c.done, soon()), 0);
                assert_int_equal(c.code, rows[i].code);
                /* What is gone already cannot be told anything. */
                wait_for_status(w, "givc-ghaf-host.service", "PoweredOff");
                assert_int_equal(power(w, rows[i].method, &message), RPC_UNAVAILABLE);
                fake_agent_listen(&w->net_vm, w->queue);
                wait_for_status(w, "givc-ghaf-host.service", "Running");
        }
        return 0;
}

/* Its machine is on its way down: its socket still takes connections, and nobody answers on them. */
static int test_host_hangs(World *w) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -EBADF;

        register_host(w);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s.new", w->net_vm.path);
        assert_int_equal(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 8), 0);
        assert_int_equal(rename(address.sun_path, w->net_vm.path), 0);
        stop_agent(w, &w->net_vm);
        wait_for_status(w, "givc-ghaf-host.service", "PoweredOff");
        return 0;
}

static void leave(World *w, const char *method, const void *request) {
        RpcCallOptions options = { .deadline = usec_add(time_now(CLOCK_MONOTONIC), 100 * USEC_PER_MSEC) };
        _cleanup_(rpc_status_done) RpcStatus status = {};
        usec_t deadline = soon();
        RpcServerStats stats;

        assert_true(rpc_channel_call_wait(w->channel, &admin__admin_service__descriptor, method, request, &options,
                                    NULL, &status) < 0);
        assert_int_equal(status.code, RPC_DEADLINE_EXCEEDED);
        do {
                assert_true(time_now(CLOCK_MONOTONIC) < deadline);
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
                rpc_server_get_stats(w->server, &stats);
        } while (stats.n_calls > 0);
}

static int test_caller_leaves(World *w) {
        Admin__ServiceRequest service = ADMIN__SERVICE_REQUEST__INIT;
        Admin__Empty empty = ADMIN__EMPTY__INIT;

        register_host(w);
        fake_unit_add(&w->net_vm, "x.service", "inactive", "dead");
        service.servicename = (char *) "x.service";
        service.vmname = (char *) "ghaf-host";
        w->net_vm.silent = true;
        leave(w, "StartService", &service);
        leave(w, "StopService", &service);
        leave(w, "Poweroff", &empty);
        leave(w, "Reboot", &empty);
        leave(w, "Suspend", &empty);
        w->net_vm.silent = false;
        assert_int_equal(start_service(w, "x.service", "ghaf-host", NULL, NULL), RPC_OK);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                world_test(test_service),
                world_test_old(test_service),
                world_test(test_other_units),
                world_test(test_service_refusals),
                world_test(test_kill),
                world_test(test_kill_refusals),
                world_test_old(test_kill_with_an_old_agent),
                world_test(test_power),
                world_test(test_suspend_blocks),
                world_test(test_host_goes),
                world_test(test_host_hangs),
                world_test(test_caller_leaves),
        };

        log_set_level(LOG_ERR);
        return cmocka_run_group_tests_name("admin-control", tests, NULL, NULL);
}
