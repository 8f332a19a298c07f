/* SPDX-License-Identifier: Apache-2.0 */
/* Registration, agents that come and go, lists and watchers, as a client sees it. */
#include "admin/monitor.h"
#include "unit/admin/world.h"

#include <sys/socket.h>
#include <sys/un.h>

static int test_pushes_are_seen(World *w) {
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

static int test_push_beats_registration(World *w) {
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

static int test_old_agents_are_polled(World *w) {
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

static int test_old_agents_answer_by_another_name(World *w) {
        register_agents(w);
        wait_for_status(w, "x.service", "Running");
        fake_unit(&w->net_vm, "x.service")->alias_of = "x-broker.service";
        fake_unit(&w->net_vm, "x.service")->sub = "exited";
        wait_for_status(w, "x.service", "PoweredOff");
        return 0;
}

static int test_old_agent_is_replaced(World *w) {
        register_agents(w);
        wait_for_status(w, "x.service", "Running");
        while (!agents_get(&w->admin.agents, "givc-net-vm.service")->polled)
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        /* Faster than the next poll. */
        stop_agent(w, &w->net_vm);
        w->net_vm.pushes = true;
        fake_agent_listen(&w->net_vm, w->queue);
        wait_until_live(w, "givc-net-vm.service");
        return 0;
}

static int test_agent_goes_and_comes(World *w) {
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

static int test_untold_leaves(World *w) {
        register_agents(w);
        wait_until_live(w, "givc-net-vm.service");
        assert_int_equal(do_register(w, "old.service", "", 9, "net-vm", w->net_vm.path, "active", "running"), RPC_OK);
        assert_string_equal(status_in_list(w, "old.service"), "Running");
        /* As an agent does that was started again, which has no such unit. */
        stop_agent(w, &w->net_vm);
        wait_for_status(w, "givc-net-vm.service", "PoweredOff");
        fake_agent_listen(&w->net_vm, w->queue);
        wait_for_status(w, "old.service", "");
        wait_for_status(w, "x.service", "Running");
        return 0;
}

static void register_host_and_vm(World *w) {
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
}

static int test_vm_stops(World *w) {
        _cleanup_free_ char *id = NULL;
        FakeAgent *host = &w->net_vm;

        register_host_and_vm(w);
        wait_until_live(w, "givc-ghaf-host.service");
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        fake_unit(host, "microvm@app-vm.service")->active = "inactive";
        fake_unit(host, "microvm@app-vm.service")->sub = "dead";
        fake_agent_push(host, "microvm@app-vm.service", false);
        wait_for_status(w, "givc-app-vm.service", "");
        assert_string_equal(status_in_list(w, id), "");
        assert_string_equal(status_in_list(w, "microvm@app-vm.service"), "PoweredOff");
        assert_null(agents_get(&w->admin.agents, "givc-app-vm.service"));
        return 0;
}

/* A host that is asked now and then tells the same, later. */
static int test_vm_stops_on_an_old_host(World *w) {
        _cleanup_free_ char *id = NULL;

        register_host_and_vm(w);
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        wait_for_status(w, id, "Running");
        fake_unit_add(&w->net_vm, "microvm@app-vm.service", "failed", "failed");
        monitor_kick(agents_get(&w->admin.agents, "givc-ghaf-host.service"));
        wait_for_status(w, "givc-app-vm.service", "");
        assert_string_equal(status_in_list(w, id), "");
        assert_string_equal(status_in_list(w, "microvm@app-vm.service"), "PoweredOff");
        return 0;
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

static int test_unit_status(World *w) {
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
        /* Two have it: the name alone does not say which. */
        fake_unit_add(&w->app_vm, "x.service", "active", "exited");
        assert_int_equal(do_register(w, "x.service", "", 13, "app-vm", w->app_vm.path, "active", "exited"), RPC_OK);
        assert_int_equal(get_status(w, "", "x.service", &sub, &message), RPC_FAILED_PRECONDITION);
        assert_non_null(strstr(message, "givc-app-vm.service, givc-net-vm.service"));
        assert_int_equal(get_status(w, "app-vm", "x.service", &sub, NULL), RPC_OK);
        assert_string_equal(sub, "exited");
        assert_int_equal(get_status(w, "net-vm", "x.service", &sub, NULL), RPC_OK);
        assert_string_equal(sub, "running");
        return 0;
}

static Admin__QueryListItem *item_of(Admin__QueryListResponse *list, const char *name) {
        for (size_t i = 0; i < list->n_list; i++)
                if (streq(list->list[i]->name, name))
                        return list->list[i];
        return NULL;
}

static Admin__QueryListResponse *query_list(World *w) {
        Admin__Empty empty = ADMIN__EMPTY__INIT;
        Admin__QueryListResponse *list = NULL;

        assert_int_equal(call(w, "QueryList", &empty, &list, NULL), RPC_OK);
        return list;
}

/* Beside what the list said before us: where to ask for the entry, and since when it is so. */
static int test_vm_and_since(World *w) {
        _cleanup_proto_ Admin__QueryListResponse *first = NULL, *again = NULL, *later = NULL;
        usec_t before = time_now(CLOCK_REALTIME);
        const Admin__QueryListItem *x;
        uint64_t since;

        register_agents(w);
        first = query_list(w);
        x = item_of(first, "x.service");
        assert_int_equal(x->has_vm_name_case, ADMIN__QUERY_LIST_ITEM__HAS_VM_NAME_VM_NAME);
        assert_string_equal(x->vmname, "");
        assert_int_equal(x->has_vm_case, ADMIN__QUERY_LIST_ITEM__HAS_VM_VM);
        assert_string_equal(x->vm, "net-vm");
        assert_int_equal(x->has_since_case, ADMIN__QUERY_LIST_ITEM__HAS_SINCE_SINCE);
        since = x->since;
        assert_in_range(since, before, time_now(CLOCK_REALTIME));
        wait_until_live(w, "givc-net-vm.service");
        wait_for_tick();
        register_agents(w);
        again = query_list(w);
        assert_int_equal(item_of(again, "x.service")->since, since);
        fake_unit(&w->net_vm, "x.service")->freezer = "frozen";
        fake_agent_push(&w->net_vm, "x.service", false);
        wait_for_status(w, "x.service", "Paused");
        later = query_list(w);
        assert_in_range(item_of(later, "x.service")->since, since + 1, time_now(CLOCK_REALTIME));
        assert_int_equal(item_of(later, "givc-net-vm.service")->since, item_of(first, "givc-net-vm.service")->since);
        return 0;
}

static int test_registration_words(World *w) {
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

static int test_registering_again(World *w) {
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
        assert_string_equal(item->added->vm, "app-vm");
        assert_true(item->added->since > 0);
}

/* Whoever registers is there: nobody waits for the next try to reach him, which is seconds away by now. */
static int test_registering_is_news(World *w) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd, connection;

        register_agents(w);
        wait_until_live(w, "givc-app-vm.service");
        stop_agent(w, &w->app_vm);
        wait_for_status(w, "givc-app-vm.service", "PoweredOff");
        (void) snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", w->app_vm.path);
        (void) unlink(sa.sun_path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &sa, sizeof(sa)), 0);
        assert_int_equal(listen(fd, 1), 0);
        assert_int_equal(do_register(w, "givc-app-vm.service", "microvm@app-vm.service", 12, "app-vm", w->app_vm.path,
                                         "active", "running"),
                        RPC_OK);
        connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        assert_return_code(connection, errno);
        (void) close(connection);
        (void) close(fd);
        (void) unlink(sa.sun_path);
        fake_agent_listen(&w->app_vm, w->queue);
        wait_for_status(w, "givc-app-vm.service", "Running");
        return 0;
}

static int test_watch(World *w) {
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

static int test_watcher_leaves(World *w) {
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

static int test_watch_refused(World *w) {
        static Watch *watches[WATCHES_MAX];
        Admin__Empty empty = ADMIN__EMPTY__INIT;
        _cleanup_free_ char *message = NULL;
        Promise news = {};

        for (size_t i = 0; i < WATCHES_MAX; i++)
                assert_int_equal(watch_new(registry_get_hub(w->admin.registry), on_ready, &news, &watches[i]), 0);
        assert_int_equal(call(w, "Watch", &empty, NULL, &message), RPC_RESOURCE_EXHAUSTED);
        assert_string_equal(message, "There are 2048 watchers already.");
        for (size_t i = 0; i < WATCHES_MAX; i++)
                watch_free(watches[i]);
        return 0;
}

static int test_sentence(World *w) {
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

static int test_unimplemented(World *w) {
        Admin__Empty empty = ADMIN__EMPTY__INIT;
        _cleanup_free_ char *message = NULL;

        assert_int_equal(call(w, "Wakeup", &empty, NULL, &message), RPC_UNIMPLEMENTED);
        assert_string_equal(message, "This admin does not implement admin.AdminService/Wakeup.");
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                world_test(test_pushes_are_seen),
                world_test(test_push_beats_registration),
                world_test(test_untold_leaves),
                world_test_old(test_old_agents_are_polled),
                world_test_old(test_old_agents_answer_by_another_name),
                world_test_old(test_old_agent_is_replaced),
                world_test(test_agent_goes_and_comes),
                world_test(test_vm_stops),
                world_test_old(test_vm_stops_on_an_old_host),
                world_test(test_unit_status),
                world_test(test_vm_and_since),
                world_test(test_registration_words),
                world_test(test_registering_again),
                world_test(test_registering_is_news),
                world_test(test_watch),
                world_test(test_watcher_leaves),
                world_test(test_watch_refused),
                world_test(test_sentence),
                world_test(test_unimplemented),
        };

        log_set_level(LOG_ERR);
        return cmocka_run_group_tests_name("admin-services", tests, NULL, NULL);
}
