/* SPDX-License-Identifier: Apache-2.0 */
/* What the admin asks agents about their machines, and what it makes of their refusals. net-vm's fake is the host. */
#include "unit/admin/world.h"

#define HOST "givc-ghaf-host.service"

static void register_host(World *w) {
        fake_unit_add(&w->net_vm, HOST, "active", "running");
        assert_int_equal(do_register(w, HOST, "", 0, "ghaf-host", w->net_vm.path, "active", "running"), RPC_OK);
}

static RpcCode get_stats(World *w, const char *vm, Stats__StatsResponse **ret, char **ret_message) {
        Admin__StatsRequest request = ADMIN__STATS_REQUEST__INIT;

        request.vmname = (char *) vm;
        return call(w, "GetStats", &request, ret, ret_message);
}

static int body_answers(World *w) {
        _cleanup_proto_ Stats__SysinfoResponse *sysinfo = NULL;
        _cleanup_proto_ Stats__StatsResponse *stats = NULL;
        Admin__Empty empty = ADMIN__EMPTY__INIT;

        register_agents(w);
        register_host(w);
        assert_int_equal(get_stats(w, "app-vm", &stats, NULL), RPC_OK);
        assert_int_equal(stats->memory->total, 4096);
        assert_int_equal(call(w, "Sysinfo", &empty, &sysinfo, NULL), RPC_OK);
        assert_string_equal(sysinfo->ghafversion, "25.06");
        return 0;
}

static void test_answers(_unused_ void **state) {
        run(body_answers, true);
}

static int body_refusals(World *w) {
        Admin__Empty empty = ADMIN__EMPTY__INIT;
        _cleanup_free_ char *message = NULL;

        register_agents(w);
        assert_int_equal(get_stats(w, "", NULL, &message), RPC_INVALID_ARGUMENT);
        assert_int_equal(get_stats(w, "none", NULL, &message), RPC_NOT_FOUND);
        assert_string_equal(message, "VM 'none' is not registered.");
        assert_int_equal(call(w, "Sysinfo", &empty, NULL, &message), RPC_UNAVAILABLE);
        assert_string_equal(message, "No host is registered.");
        w->app_vm.refuses = "read";
        assert_int_equal(get_stats(w, "app-vm", NULL, &message), RPC_FAILED_PRECONDITION);
        assert_string_equal(message, "cannot do that: read");
        stop_agent(w, &w->app_vm);
        assert_int_equal(get_stats(w, "app-vm", NULL, &message), RPC_UNAVAILABLE);
        return 0;
}

static void test_refusals(_unused_ void **state) {
        run(body_refusals, true);
}

static int body_an_agent_without(World *w) {
        Admin__Empty empty = ADMIN__EMPTY__INIT;
        _cleanup_free_ char *message = NULL;

        register_agents(w);
        register_host(w);
        assert_int_equal(get_stats(w, "app-vm", NULL, &message), RPC_UNIMPLEMENTED);
        assert_string_equal(message, "The agent of VM 'app-vm' does not measure anything.");
        assert_int_equal(call(w, "Sysinfo", &empty, NULL, &message), RPC_UNIMPLEMENTED);
        assert_string_equal(message, "The agent of VM 'ghaf-host' does not say what it is.");
        return 0;
}

static void test_an_agent_without(_unused_ void **state) {
        run(body_an_agent_without, false);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_answers),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_an_agent_without),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
