/* SPDX-License-Identifier: Apache-2.0 */
/* What the admin asks agents about their machines, and what it makes of their refusals. net-vm's fake is the host. */
#include "admin/forward.h"
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

static int test_answers(World *w) {
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

static int test_refusals(World *w) {
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

static int test_an_agent_without(World *w) {
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

static RpcCode get_hw_id(World *w, const char *vm, Hwid__HwIdResponse **ret, char **ret_message) {
        _cleanup_(rpc_status_done) RpcStatus status = {};
        RpcCallOptions options = { .deadline = soon(), .wait_for_ready = true };
        Hwid__HwIdRequest request = HWID__HW_ID_REQUEST__INIT;

        int r;

        request.vmname = (char *) vm;
        r = rpc_channel_call_wait(
                        w->channel, &hwid__hwid_service__descriptor, "GetHwId", &request, &options, ret, &status);

        assert_int_equal(r < 0, status.code != RPC_OK);
        free(*ret_message);
        *ret_message = TAKE_PTR(status.message);
        return status.code;
}

static int test_hwid(World *w) {
        _cleanup_proto_ Hwid__HwIdResponse *reply = NULL;
        _cleanup_free_ char *message = NULL;

        register_agents(w);
        assert_int_equal(get_hw_id(w, "net-vm", &reply, &message), RPC_OK);
        assert_string_equal(reply->identifier, "00:11:22:33:44:55");
        assert_int_equal(get_hw_id(w, "", NULL, &message), RPC_INVALID_ARGUMENT);
        assert_string_equal(message, "No VM is named whose hardware is meant.");
        assert_int_equal(get_hw_id(w, "none", NULL, &message), RPC_NOT_FOUND);
        return 0;
}

static int test_hwid_without(World *w) {
        _cleanup_free_ char *message = NULL;

        register_agents(w);
        assert_int_equal(get_hw_id(w, "net-vm", NULL, &message), RPC_UNIMPLEMENTED);
        assert_string_equal(message, "The agent of VM 'net-vm' does not identify its hardware.");
        return 0;
}

static void wait_until_waiting(const FakeAgent *a, unsigned n) {
        const usec_t deadline = soon();

        while (a->n_waiting != n) {
                assert_true(time_now(CLOCK_MONOTONIC) < deadline);
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        }
}

static int test_hwid_leaving(World *w) {
        _cleanup_(rpc_stream_freep) RpcStream *stream = NULL;
        _cleanup_(rpc_status_done) RpcStatus status = {};
        RpcCallOptions options = { .deadline = soon(), .wait_for_ready = true };
        Hwid__HwIdRequest request = HWID__HW_ID_REQUEST__INIT;

        register_agents(w);
        w->net_vm.silent = true;
        request.vmname = (char *) "net-vm";
        assert_int_equal(rpc_stream_open_wait(w->channel, &hwid__hwid_service__descriptor, "GetHwId", &options, &stream,
                                         &status),
                        0);
        assert_int_equal(rpc_stream_send_wait(stream, &request), 0);
        assert_int_equal(rpc_stream_close_send_wait(stream), 0);
        wait_until_waiting(&w->net_vm, 1);
        stream = rpc_stream_free(stream);
        wait_until_waiting(&w->net_vm, 0);
        return 0;
}

/* Keys are those of the VM that the configuration names. */
static int test_ctap(World *w) {
        Ctap__CtapRequest request = CTAP__CTAP_REQUEST__INIT;
        _cleanup_proto_ Ctap__CtapResponse *reply = NULL;
        _cleanup_free_ char *message = NULL;

        register_agents(w);
        request.req = (char *) "ctap.GetInfo";
        request.payload = (ProtobufCBinaryData){ .data = (uint8_t *) "touch", .len = 5 };
        assert_int_equal(call(w, "Ctap", &request, NULL, &message), RPC_NOT_FOUND);
        assert_string_equal(message, "VM 'gui-vm' is not registered.");
        w->admin.gui_vm = "app-vm";
        assert_int_equal(call(w, "Ctap", &request, &reply, &message), RPC_OK);
        assert_int_equal(reply->output.len, 5);
        assert_memory_equal(reply->output.data, "touch", 5);
        w->app_vm.refuses = "touch it";
        assert_int_equal(call(w, "Ctap", &request, NULL, &message), RPC_FAILED_PRECONDITION);
        return 0;
}

/* Nobody touches the key, for any of them. */
static int test_many_ctap(World *w) {
        const RpcCallOptions options = { .deadline = soon(), .wait_for_ready = true };
        Ctap__CtapRequest request = CTAP__CTAP_REQUEST__INIT;
        _cleanup_free_ char *message = NULL;
        RpcStream *streams[FORWARDS_KEYS_MAX];
        const usec_t deadline = soon();

        register_agents(w);
        w->admin.gui_vm = "app-vm";
        w->app_vm.silent = true;
        for (size_t i = 0; i < ELEMENTSOF(streams); i++) {
                assert_int_equal(rpc_stream_open_wait(w->channel, &admin__admin_service__descriptor, "Ctap", &options,
                                                 &streams[i], NULL),
                                0);
                assert_int_equal(rpc_stream_send_wait(streams[i], &request), 0);
                assert_int_equal(rpc_stream_close_send_wait(streams[i]), 0);
        }
        while (w->app_vm.n_waiting < ELEMENTSOF(streams)) {
                assert_true(time_now(CLOCK_MONOTONIC) < deadline);
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        }
        assert_int_equal(call(w, "Ctap", &request, NULL, &message), RPC_RESOURCE_EXHAUSTED);
        assert_string_equal(message, "You have 4 calls of 'ctap.Ctap' at 'givc-app-vm.service' already.");
        for (size_t i = 0; i < ELEMENTSOF(streams); i++)
                rpc_stream_free(streams[i]);
        while (w->app_vm.n_waiting > 0) {
                assert_true(time_now(CLOCK_MONOTONIC) < deadline);
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        }
        w->app_vm.silent = false;
        assert_int_equal(call(w, "Ctap", &request, NULL, NULL), RPC_OK);
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                world_test(test_answers),
                world_test(test_refusals),
                world_test_old(test_an_agent_without),
                world_test(test_hwid),
                world_test_old(test_hwid_without),
                world_test(test_hwid_leaving),
                world_test(test_ctap),
                world_test(test_many_ctap),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
