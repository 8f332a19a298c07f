/* SPDX-License-Identifier: Apache-2.0 */
/* Wireless networks at the admin: which VM is asked, what it is told, refusals, and callers who leave. */
#include "admin/forward.h"
#include "unit/admin/world.h"
#include "unit/leave.h"

#define SERVICE (&wifimanager__wifi_service__descriptor)

static Wifimanager__WifiNetworkRequest list = WIFIMANAGER__WIFI_NETWORK_REQUEST__INIT;
static Wifimanager__WifiConnectionRequest network = WIFIMANAGER__WIFI_CONNECTION_REQUEST__INIT;
static Wifimanager__EmptyRequest empty = WIFIMANAGER__EMPTY_REQUEST__INIT;

static const struct {
        const char *method;
        void *request;
        char **vm; /* of the request */
} rows[] = {
        { "ListNetwork", &list, &list.vmname },
        { "GetActiveConnection", &empty, &empty.vmname },
        { "ConnectNetwork", &network, &network.vmname },
        { "DisconnectNetwork", &empty, &empty.vmname },
        { "TurnOn", &empty, &empty.vmname },
        { "TurnOff", &empty, &empty.vmname },
};

static RpcCode ask(World *w, size_t i, const char *vm, void *ret, char **ret_message) {
        const RpcCallOptions options = { .deadline = soon(), .wait_for_ready = true };
        RpcStatus status = {};
        RpcCode code;
        int r;

        *rows[i].vm = (char *) vm;
        r = rpc_channel_call_wait(w->channel, SERVICE, rows[i].method, rows[i].request, &options, ret, &status);
        code = status.code;
        assert_int_equal(r < 0, code != RPC_OK);
        if (ret_message) {
                free(*ret_message);
                *ret_message = status.message;
                status.message = NULL;
        }
        rpc_status_done(&status);
        return code;
}

static int test_answers(World *w) {
        _cleanup_proto_ Wifimanager__WifiNetworkResponse *listed = NULL;
        _cleanup_proto_ Wifimanager__AccessPoint *active = NULL;

        register_agents(w);
        network.ssid = (char *) "home";
        network.password = (char *) "secret";
        network.settings = (char *) "{}";
        assert_int_equal(ask(w, 0, "", &listed, NULL), RPC_OK);
        assert_int_equal(listed->n_networks, 1);
        assert_string_equal(listed->networks[0]->ssid, "home");
        assert_int_equal(ask(w, 1, "app-vm", &active, NULL), RPC_OK);
        assert_string_equal(active->ssid, "home");
        for (size_t i = 2; i < ELEMENTSOF(rows); i++) {
                _cleanup_proto_ Wifimanager__WifiConnectionResponse *done = NULL;

                assert_int_equal(ask(w, i, i % 2 ? "net-vm" : "", &done, NULL), RPC_OK);
                if (i == 2)
                        assert_string_equal(done->response, "home secret {}");
                else
                        assert_non_null(strstr(done->response, rows[i].method));
        }
        return 0;
}

static int test_refusals(World *w) {
        _cleanup_free_ char *message = NULL;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(ask(w, i, "", NULL, &message), RPC_NOT_FOUND);
                assert_string_equal(message, "VM 'net-vm' is not registered.");
        }
        register_agents(w);
        w->net_vm.refuses = "no";
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(ask(w, i, "../x", NULL, &message), RPC_INVALID_ARGUMENT);
                assert_int_equal(ask(w, i, "", NULL, &message), RPC_FAILED_PRECONDITION);
                assert_string_equal(message, "cannot do that: no");
        }
        return 0;
}

static int test_an_agent_without(World *w) {
        _cleanup_free_ char *message = NULL;

        register_agents(w);
        assert_int_equal(ask(w, 0, "", NULL, &message), RPC_UNIMPLEMENTED);
        assert_string_equal(message, "The agent of VM 'net-vm' does not manage wireless networks.");
        return 0;
}

static int test_leaving(World *w) {
        Leaver l;

        register_agents(w);
        leave_init(&l, w->queue, w->server, &admin__admin_service__descriptor, "QueryList");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (Leave how = 0; how < _LEAVE_MAX; how++) {
                        *rows[i].vm = (char *) "";
                        w->net_vm.silent = true;
                        leave_begin(&l, how, SERVICE, rows[i].method, rows[i].request);
                        leave_becomes(w->net_vm.n_waiting > 0 || leave_is_late(&l));
                        leave_end(&l);
                        leave_becomes(w->net_vm.n_waiting == 0);
                        w->net_vm.silent = false;
                        leave_settle(&l, rows[i].method);
                }
        return 0;
}

/* Nothing comes of any of them, and so they do not keep others from the agent. */
static int test_many(World *w) {
        const RpcCallOptions options = { .deadline = soon(), .wait_for_ready = true };
        RpcStream *streams[FORWARDS_PER_PEER_MAX];
        _cleanup_free_ char *message = NULL;
        const usec_t deadline = soon();

        register_agents(w);
        w->net_vm.silent = true;
        *rows[0].vm = (char *) "";
        for (size_t i = 0; i < ELEMENTSOF(streams); i++) {
                assert_int_equal(rpc_stream_open_wait(w->channel, SERVICE, rows[0].method, &options, &streams[i], NULL),
                                0);
                assert_int_equal(rpc_stream_send_wait(streams[i], rows[0].request), 0);
                assert_int_equal(rpc_stream_close_send_wait(streams[i]), 0);
        }
        while (w->net_vm.n_waiting < ELEMENTSOF(streams)) {
                assert_true(time_now(CLOCK_MONOTONIC) < deadline);
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        }
        assert_int_equal(ask(w, 1, "", NULL, &message), RPC_RESOURCE_EXHAUSTED);
        assert_string_equal(message, "You have 16 calls of 'wifimanager.WifiService' already.");
        for (size_t i = 0; i < ELEMENTSOF(streams); i++)
                rpc_stream_free(streams[i]);
        while (w->net_vm.n_waiting > 0) {
                assert_true(time_now(CLOCK_MONOTONIC) < deadline);
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        }
        w->net_vm.silent = false;
        assert_int_equal(ask(w, 1, "", NULL, NULL), RPC_OK);
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                world_test(test_answers),
                world_test(test_refusals),
                world_test_old(test_an_agent_without),
                world_test(test_leaving),
                world_test(test_many),
        };

        log_set_level(LOG_ERR);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
