/* SPDX-License-Identifier: Apache-2.0 */
/* The registry over a restart: what the next admin reads is what this one knew, wherever it was ended. */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "unit/admin/world.h"

#include "admin/store.h"

/* Every line that a reader could see, with what the registry alone knows. */
static char *describe(const Admin *a) {
        char *all = strdup("");

        for (const Entry *e = registry_next(a->registry, NULL, NULL); e; e = registry_next(a->registry, NULL, e)) {
                _cleanup_free_ char *before = all;

                all = strf("%s%s %s %s %s %u %u %s %s, since %" PRIu64 "\n", before, e->agent, e->name, e->vm,
                                e->image->agent_name, entry_type_to_number(e->type), e->placement,
                                e->status.active_state, e->status.sub_state, e->image->since_usec);
                assert_non_null(all);
        }
        return all;
}

/* What would be there if the admin ended now, or when it had written no more than size bytes. */
static int copy_of(int fd, off_t size) {
        int copy = memfd_create("copy", MFD_CLOEXEC);
        off_t from = 0;

        assert_true(copy >= 0);
        while (from < size)
                assert_true(sendfile(copy, fd, &from, size - from) > 0);
        return copy;
}

static off_t size_of(int fd) {
        struct stat st;

        assert_int_equal(fstat(fd, &st), 0);
        return st.st_size;
}

static int left_by(const Store *store) {
        return copy_of(store_get_fd(store), size_of(store_get_fd(store)));
}

static void next_admin(World *w, int fd, Admin *ret, Store **ret_store) {
        assert_int_equal(admin_init(ret, w->queue, NULL, &w->config), 0);
        assert_int_equal(store_new(ret, fd, ret_store), 0);
}

/* Takes fd. */
static void assert_next_admin_knows(World *w, int fd, const char *expected) {
        _cleanup_free_ char *known = NULL;
        Store *store = NULL;
        Admin next;

        next_admin(w, fd, &next, &store);
        known = describe(&next);
        assert_string_equal(known, expected);
        store_free(store);
        admin_done(&next);
}

static int test_what_was_known(World *w) {
        _cleanup_free_ char *id = NULL, *known = NULL, *more = NULL, *less = NULL;
        Store *store = NULL;

        assert_int_equal(store_new(&w->admin, -EBADF, &store), 0);
        assert_next_admin_knows(w, left_by(store), "");
        register_agents(w);
        known = describe(&w->admin);
        assert_non_null(strstr(known, "givc-net-vm.service x.service  x.service 9 0 active running, since "));
        assert_next_admin_knows(w, left_by(store), known);
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        more = describe(&w->admin);
        assert_non_null(strstr(more,
                        "givc-app-vm.service app@0.service app-vm givc-app-vm.service 14 1 active running, since "));
        assert_next_admin_knows(w, left_by(store), more);
        assert_int_equal(act(w, "StopApplication", id, NULL, NULL), RPC_OK);
        assert_next_admin_knows(w, left_by(store), known);
        assert_int_equal(registry_remove(w->admin.registry, "givc-net-vm.service", "givc-net-vm.service"), 0);
        agents_forget(&w->admin.agents, "givc-net-vm.service");
        less = describe(&w->admin);
        assert_null(strstr(less, "net-vm"));
        assert_next_admin_knows(w, left_by(store), less);
        store_free(store);
        return 0;
}

/* With the state in which it was, and since when; also when it was out of reach meanwhile, or has changed since it was
 * registered. */
static int test_state_and_its_time(World *w) {
        UnitStatus exited = { .name = (char *) "x.service",
                .load_state = (char *) "loaded",
                .active_state = (char *) "active",
                .sub_state = (char *) "exited" };
        _cleanup_free_ char *before = NULL, *changed = NULL, *again = NULL;
        Store *store = NULL;

        assert_int_equal(store_new(&w->admin, -EBADF, &store), 0);
        register_agents(w);
        before = describe(&w->admin);
        wait_for_tick();
        assert_int_equal(registry_update(w->admin.registry, "givc-net-vm.service", "x.service", &exited), 1);
        changed = describe(&w->admin);
        assert_string_not_equal(before, changed);
        assert_next_admin_knows(w, left_by(store), changed);
        registry_set_reachable(w->admin.registry, "givc-app-vm.service", false);
        wait_for_tick();
        registry_set_reachable(w->admin.registry, "givc-app-vm.service", true);
        again = describe(&w->admin);
        assert_string_not_equal(changed, again);
        assert_next_admin_knows(w, left_by(store), again);
        store_free(store);
        return 0;
}

/* It also knows where the agents are, and asks them: what ended meanwhile leaves, what began comes. */
static int test_agents_are_found(World *w) {
        Store *store = NULL, *next_store = NULL;
        usec_t before;
        Admin next;

        assert_int_equal(store_new(&w->admin, -EBADF, &store), 0);
        register_agents(w);
        assert_int_equal(start(w, "app", NULL, NULL, NULL), RPC_OK);
        fake_unit_forget(&w->app_vm, "app@0.service");
        fake_unit_add(&w->app_vm, "app@1.service", "active", "running");
        next_admin(w, left_by(store), &next, &next_store);
        assert_non_null(registry_get(next.registry, "givc-app-vm.service", "app@0.service"));
        before = registry_get(w->admin.registry, "givc-app-vm.service", "givc-app-vm.service")->image->since_usec;
        while (!agents_get(&next.agents, "givc-app-vm.service")->live)
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        /* What the agent says of a unit that is as it was does not make it look younger. */
        assert_int_equal(registry_get(next.registry, "givc-app-vm.service", "givc-app-vm.service")->image->since_usec,
                        before);
        assert_null(registry_get(next.registry, "givc-app-vm.service", "app@0.service"));
        assert_non_null(registry_get(next.registry, "givc-app-vm.service", "app@1.service"));
        store_free(next_store);
        admin_done(&next);
        store_free(store);
        return 0;
}

/* Killed in the middle of a record: those before it count. */
static int test_torn_record(World *w) {
        _cleanup_free_ char *before = NULL;
        Store *store = NULL;
        off_t size_before;

        assert_int_equal(store_new(&w->admin, -EBADF, &store), 0);
        register_agents(w);
        before = describe(&w->admin);
        size_before = size_of(store_get_fd(store));
        assert_int_equal(do_register(w, "y.service", "", 9, "net-vm", w->net_vm.path, "active", "running"), RPC_OK);
        while (size_before < size_of(store_get_fd(store)))
                assert_next_admin_knows(w, copy_of(store_get_fd(store), size_before++), before);
        store_free(store);
        return 0;
}

static int test_nonsense(World *w) {
        static const char *const contents[] = {
                "",
                "x",
                "12345678",
                "\xff\xff\xff\xff\xff\xff\xff\xff",
                "\x08\0\0\0\0\0\0\0\xff\xff\xff\xff",
                "\x08\0\0\0\0\0\0\0\x04\0\0\0abcd",
                "\x08\0\0\0\0\0\0\0\0\0\0\0",
        };
        static const size_t sizes[] = { 0, 1, 8, 8, 12, 16, 12 };

        log_set_level(LOG_CRIT);
        for (size_t i = 0; i < ELEMENTSOF(contents); i++) {
                int fd = memfd_create("nonsense", MFD_CLOEXEC);

                assert_true(fd >= 0);
                assert_int_equal(pwrite(fd, contents[i], sizes[i], 0), sizes[i]);
                assert_next_admin_knows(w, dup(fd), "");
                assert_next_admin_knows(w, fd, ""); /* it was written anew */
        }
        log_set_level(LOG_ERR);
        return 0;
}

/* Applications that come and go for days take no more memory than what is there. */
static int test_log_does_not_grow(World *w) {
        UnitStatus running = { .name = (char *) "app@0.service",
                .load_state = (char *) "loaded",
                .active_state = (char *) "active",
                .sub_state = (char *) "running" };
        EntryInfo info = { "app@0.service", "givc-app-vm.service", { VM_APP, SERVICE_APP }, PLACED_MANAGED, "app-vm",
                &running, 0 };
        _cleanup_free_ char *known = NULL;
        Store *store = NULL;
        struct stat st;

        assert_int_equal(store_new(&w->admin, -EBADF, &store), 0);
        register_agents(w);
        known = describe(&w->admin);
        for (unsigned i = 0; i < 50000; i++) {
                assert_int_equal(registry_put(w->admin.registry, &info), 1);
                assert_int_equal(registry_unit_gone(w->admin.registry, info.agent, info.name), 1);
        }
        assert_int_equal(fstat(store_get_fd(store), &st), 0);
        assert_true((uint64_t) st.st_size > 4 * STORE_GROWTH);
        assert_true((uint64_t) st.st_blocks * 512 < 2 * STORE_GROWTH);
        assert_next_admin_knows(w, left_by(store), known);
        store_free(store);
        return 0;
}

/* All the words in which an agent may say where it is. */
static int test_addresses(World *w) {
        static const char *const addresses[][3] = {
                { "tcp", "127.0.0.1", "9" },
                { "tcp", "::1", "9" },
                { "abstract", "givc-nobody", "" },
                { "vsock", "77", "9" },
                { "unix", "/run/nobody", "" },
        };
        Store *store = NULL, *next_store = NULL;
        Admin next;

        assert_int_equal(store_new(&w->admin, -EBADF, &store), 0);
        for (size_t i = 0; i < ELEMENTSOF(addresses); i++) {
                _cleanup_(rpc_address_done) RpcAddress a = {};
                _cleanup_free_ char *name = strf("givc-%zu.service", i), *why = NULL;

                assert_int_equal(
                                rpc_address_from_transport(addresses[i][0], addresses[i][1], addresses[i][2], &a, &why),
                                0);
                assert_int_equal(agents_register(&w->admin.agents, name, "somebody", &a), 0);
        }
        next_admin(w, left_by(store), &next, &next_store);
        assert_int_equal(map_size(next.agents.map), ELEMENTSOF(addresses));
        MAP_FOREACH(a, w->admin.agents.map, Agent) {
                const Agent *b = agents_get(&next.agents, a->name);
                _cleanup_free_ char *here = rpc_address_to_string(&a->address),
                                    *there = rpc_address_to_string(&b->address);

                assert_string_equal(here, there);
                assert_string_equal(b->tls_name, "somebody");
        }
        store_free(next_store);
        admin_done(&next);
        store_free(store);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                world_test(test_what_was_known),
                world_test(test_state_and_its_time),
                world_test(test_agents_are_found),
                world_test(test_torn_record),
                world_test(test_nonsense),
                world_test(test_log_does_not_grow),
                world_test(test_addresses),
        };

        log_set_level(LOG_ERR);
        return cmocka_run_group_tests_name("admin-store", tests, NULL, NULL);
}
