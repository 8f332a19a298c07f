/* SPDX-License-Identifier: Apache-2.0 */
/* The registry: what comes of each operation, and what readers are told of it. */
#include "unit/admin/entries.h"

#define HOST   "givc-ghaf-host.service"
#define APP_VM "givc-app-vm.service"
#define NET_VM "givc-net-vm.service"

typedef struct Fixture {
        Registry *registry;
        Watch *watch;
        unsigned n_changes, n_wakes;
} Fixture;

static void on_change(void *userdata) {
        ((Fixture *) userdata)->n_changes++;
}

static void on_entry(const Entry *e, bool there, void *userdata) {
        assert_string_equal(e->name, "x.service");
        assert_int_equal(there, ++*(unsigned *) userdata < 4);
}

static void on_ready(void *userdata) {
        ((Fixture *) userdata)->n_wakes++;
}

static void assert_event(Watch *w, WatchEventType type, const char *name) {
        _cleanup_(watch_event_done) WatchEvent event = {};

        assert_int_equal(watch_next(w, &event), 1);
        assert_int_equal(event.type, type);
        if (name)
                assert_string_equal(event.image->name, name);
        else
                assert_null(event.image);
}

static void assert_quiet(Watch *w) {
        assert_int_equal(watch_next(w, &(WatchEvent){}), 0);
}

static int setup(void **state) {
        Fixture *f = mem_new0(Fixture, 1);

        assert_non_null(f);
        assert_int_equal(registry_new(&f->registry), 0);
        registry_set_listener(f->registry, on_change, f);
        assert_int_equal(watch_new(registry_get_hub(f->registry), on_ready, f, &f->watch), 0);
        assert_event(f->watch, WATCH_INITIAL, NULL);
        assert_quiet(f->watch);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        watch_free(f->watch);
        registry_free(f->registry);
        free(f);
        return 0;
}

static void add_agents(Fixture *f) {
        assert_int_equal(put(f->registry, HOST, HOST, VM_HOST, SERVICE_MGR, NULL), 1);
        assert_int_equal(put(f->registry, APP_VM, APP_VM, VM_APP, SERVICE_MGR, NULL), 1);
        assert_int_equal(put(f->registry, NET_VM, NET_VM, VM_SYS, SERVICE_MGR, NULL), 1);
        assert_event(f->watch, WATCH_ADDED, HOST);
        assert_event(f->watch, WATCH_ADDED, APP_VM);
        assert_event(f->watch, WATCH_ADDED, NET_VM);
        assert_quiet(f->watch);
}

static void test_the_same_again_is_no_news(void **state) {
        Fixture *f = *state;
        unsigned n;

        add_agents(f);
        n = f->n_changes;
        assert_int_equal(put(f->registry, NET_VM, NET_VM, VM_SYS, SERVICE_MGR, NULL), 0);
        assert_quiet(f->watch);
        assert_int_equal(f->n_changes, n);
        assert_int_equal(registry_count(f->registry), 3);
}

static void test_what_nobody_sees_is_no_news(void **state) {
        Fixture *f = *state;
        UnitStatus s = status_of(NET_VM, "active", "running", "thawing");

        add_agents(f);
        assert_int_equal(registry_update(f->registry, NET_VM, NET_VM, &s), 0);
        assert_string_equal(registry_get(f->registry, NET_VM, NET_VM)->status.freezer_state, "thawing");
        assert_quiet(f->watch);
}

static void test_new_state_is_an_update(void **state) {
        Fixture *f = *state;
        UnitStatus s = dead(NET_VM);

        add_agents(f);
        assert_int_equal(put(f->registry, NET_VM, NET_VM, VM_SYS, SERVICE_MGR, &s), 1);
        assert_event(f->watch, WATCH_UPDATED, NET_VM);
        assert_quiet(f->watch);
}

static void test_another_kind_goes_and_comes(void **state) {
        Fixture *f = *state;
        _cleanup_(watch_event_done) WatchEvent removed = {}, added = {};

        add_agents(f);
        assert_int_equal(put(f->registry, NET_VM, "x@0.service", VM_SYS, SERVICE_APP, NULL), 1);
        assert_event(f->watch, WATCH_ADDED, "x@0.service");
        assert_int_equal(put(f->registry, NET_VM, "x@0.service", VM_SYS, SERVICE_SVC, NULL), 1);
        assert_int_equal(watch_next(f->watch, &removed), 1);
        assert_int_equal(removed.type, WATCH_REMOVED);
        assert_int_equal(removed.image->type.service, SERVICE_APP);
        assert_int_equal(watch_next(f->watch, &added), 1);
        assert_int_equal(added.type, WATCH_ADDED);
        assert_int_equal(added.image->type.service, SERVICE_SVC);
        assert_quiet(f->watch);
}

static void test_exited_application_leaves(void **state) {
        static const char *const ends[][2] = { { "inactive", "dead" }, { "failed", "failed" } };
        Fixture *f = *state;

        add_agents(f);
        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                UnitStatus s = status_of("foot@0.service", ends[i][0], ends[i][1], "running");

                assert_int_equal(put(f->registry, APP_VM, "foot@0.service", VM_APP, SERVICE_APP, NULL), 1);
                assert_event(f->watch, WATCH_ADDED, "foot@0.service");
                assert_int_equal(registry_update(f->registry, APP_VM, "foot@0.service", &s), 1);
                assert_event(f->watch, WATCH_REMOVED, "foot@0.service");
                assert_null(registry_get(f->registry, APP_VM, "foot@0.service"));
                assert_int_equal(registry_update(f->registry, APP_VM, "foot@0.service", &s), -ENOENT);
        }
        assert_int_equal(put(f->registry, APP_VM, "foot@0.service", VM_APP, SERVICE_APP, NULL), 1);
        assert_int_equal(registry_unit_gone(f->registry, APP_VM, "foot@0.service"), 1);
        assert_null(registry_get(f->registry, APP_VM, "foot@0.service"));
        assert_quiet(f->watch); /* come and gone between two looks */
}

static void test_exited_service_stays(void **state) {
        Fixture *f = *state;
        UnitStatus s = dead("x.service");
        const Entry *e;

        add_agents(f);
        assert_int_equal(put(f->registry, NET_VM, "x.service", VM_SYS, SERVICE_SVC, NULL), 1);
        assert_event(f->watch, WATCH_ADDED, "x.service");
        assert_int_equal(registry_update(f->registry, NET_VM, "x.service", &s), 1);
        assert_event(f->watch, WATCH_UPDATED, "x.service");
        assert_int_equal(registry_unit_gone(f->registry, NET_VM, "x.service"), 0); /* looks the same */
        e = registry_get(f->registry, NET_VM, "x.service");
        assert_string_equal(e->status.load_state, "not-found");
        assert_string_equal(e->image->description, "A unit");
}

static void test_agent_takes_its_units_along(void **state) {
        Fixture *f = *state;

        add_agents(f);
        assert_int_equal(put(f->registry, APP_VM, "foot@0.service", VM_APP, SERVICE_APP, NULL), 1);
        assert_int_equal(put(f->registry, NET_VM, "bar@0.service", VM_APP, SERVICE_APP, NULL), 1);
        assert_event(f->watch, WATCH_ADDED, "foot@0.service");
        assert_event(f->watch, WATCH_ADDED, "bar@0.service");
        assert_int_equal(registry_remove(f->registry, APP_VM, APP_VM), 0);
        assert_event(f->watch, WATCH_REMOVED, "foot@0.service");
        assert_event(f->watch, WATCH_REMOVED, APP_VM);
        assert_quiet(f->watch);
        assert_non_null(registry_get(f->registry, NET_VM, "bar@0.service"));
        assert_int_equal(registry_remove(f->registry, APP_VM, APP_VM), -ENOENT);
}

static void test_vm_takes_its_agent_along(void **state) {
        Fixture *f = *state;

        add_agents(f);
        assert_int_equal(put(f->registry, HOST, "microvm@app-vm.service", VM_APP, SERVICE_VM, NULL), 1);
        assert_int_equal(put(f->registry, APP_VM, "foot@0.service", VM_APP, SERVICE_APP, NULL), 1);
        assert_event(f->watch, WATCH_ADDED, "microvm@app-vm.service");
        assert_event(f->watch, WATCH_ADDED, "foot@0.service");
        assert_int_equal(registry_remove(f->registry, HOST, "microvm@app-vm.service"), 0);
        assert_event(f->watch, WATCH_REMOVED, "foot@0.service");
        assert_event(f->watch, WATCH_REMOVED, APP_VM);
        assert_event(f->watch, WATCH_REMOVED, "microvm@app-vm.service");
        assert_quiet(f->watch);
        assert_int_equal(registry_count(f->registry), 2);
}

static void test_unreachable_is_powered_off(void **state) {
        Fixture *f = *state;
        UnitStatus s = frozen("x.service");
        RegistryStats stats;

        add_agents(f);
        assert_int_equal(put(f->registry, NET_VM, "x.service", VM_SYS, SERVICE_SVC, &s), 1);
        assert_event(f->watch, WATCH_ADDED, "x.service");
        registry_set_reachable(f->registry, NET_VM, false);
        registry_set_reachable(f->registry, NET_VM, false);
        assert_event(f->watch, WATCH_UPDATED, NET_VM);
        assert_event(f->watch, WATCH_UPDATED, "x.service");
        assert_quiet(f->watch);
        assert_int_equal(registry_get(f->registry, NET_VM, "x.service")->image->status, VM_STATUS_POWERED_OFF);
        registry_get_stats(f->registry, &stats);
        assert_int_equal(stats.n_agents, 3);
        assert_int_equal(stats.n_unreachable, 1);
        assert_int_equal(stats.n_units, 1);
        assert_int_equal(stats.n_watches, 1);

        /* Registered while nobody can reach it: off as the rest. */
        assert_int_equal(put(f->registry, NET_VM, "y.service", VM_SYS, SERVICE_SVC, NULL), 1);
        assert_int_equal(registry_get(f->registry, NET_VM, "y.service")->image->status, VM_STATUS_POWERED_OFF);
        assert_event(f->watch, WATCH_ADDED, "y.service");
        registry_set_reachable(f->registry, NET_VM, true);
        assert_int_equal(registry_get(f->registry, NET_VM, "x.service")->image->status, VM_STATUS_PAUSED);
        assert_int_equal(registry_get(f->registry, NET_VM, "y.service")->image->status, VM_STATUS_RUNNING);
        registry_set_reachable(f->registry, "givc-none.service", false);
        assert_false(registry_is_reachable(f->registry, "givc-none.service"));
}

static void test_find(void **state) {
        Fixture *f = *state;
        _cleanup_free_ char *candidates = NULL;
        const Entry *e;

        add_agents(f);
        assert_int_equal(put(f->registry, NET_VM, "poweroff.service", VM_SYS, SERVICE_SVC, NULL), 1);
        assert_int_equal(registry_find(f->registry, "poweroff.service", NULL, &e, &candidates), 0);
        assert_string_equal(e->agent, NET_VM);
        assert_int_equal(put(f->registry, APP_VM, "poweroff.service", VM_APP, SERVICE_SVC, NULL), 1);
        assert_int_equal(registry_find(f->registry, "poweroff.service", NULL, &e, &candidates), -ENOTUNIQ);
        assert_string_equal(candidates, APP_VM ", " NET_VM);
        assert_int_equal(registry_find(f->registry, "poweroff.service", APP_VM, &e, NULL), 0);
        assert_string_equal(e->agent, APP_VM);
        assert_int_equal(registry_find(f->registry, "poweroff.service", HOST, &e, NULL), -ENOENT);
        assert_int_equal(registry_find(f->registry, "none.service", NULL, &e, NULL), -ENOENT);
        assert_string_equal(registry_get_host(f->registry)->name, HOST);
        assert_int_equal(registry_remove(f->registry, HOST, HOST), 0);
        assert_null(registry_get_host(f->registry));
}

static void test_instances_are_reserved(void **state) {
        Fixture *f = *state;
        _cleanup_(reservation_freep) Reservation *a = NULL, *b = NULL, *c = NULL, *other = NULL;

        add_agents(f);
        assert_int_equal(put(f->registry, APP_VM, "foot@0.service", VM_APP, SERVICE_APP, NULL), 1);
        assert_int_equal(put(f->registry, NET_VM, "foot@2.service", VM_APP, SERVICE_APP, NULL), 1);
        assert_int_equal(registry_reserve_instance(f->registry, APP_VM, "foot", &a), 0);
        assert_string_equal(reservation_get_name(a), "foot@1.service");
        assert_true(registry_is_reserved(f->registry, APP_VM, "foot@1.service"));
        assert_false(registry_is_reserved(f->registry, NET_VM, "foot@1.service"));
        assert_int_equal(registry_reserve_instance(f->registry, APP_VM, "foot", &b), 0);
        assert_string_equal(reservation_get_name(b), "foot@3.service");
        assert_int_equal(registry_reserve_instance(f->registry, APP_VM, "fo", &other), 0);
        assert_string_equal(reservation_get_name(other), "fo@0.service");
        a = reservation_free(a);
        assert_int_equal(registry_reserve_instance(f->registry, NET_VM, "foot", &c), 0);
        assert_string_equal(reservation_get_name(c), "foot@1.service");
}

static void test_reservation_knows_what_became_of_it(void **state) {
        Fixture *f = *state;
        _cleanup_(reservation_freep) Reservation *v = NULL;
        UnitStatus is_running = running("foot@0.service"), is_dead = dead("foot@0.service");

        add_agents(f);
        assert_int_equal(registry_reserve_instance(f->registry, APP_VM, "foot", &v), 0);
        /* The one before it, told late; another agent's; its own. */
        assert_int_equal(registry_unit_gone(f->registry, APP_VM, "foot@0.service"), -ENOENT);
        assert_false(reservation_has_exited(v));
        assert_int_equal(registry_update(f->registry, NET_VM, "foot@0.service", &is_running), -ENOENT);
        assert_int_equal(registry_update(f->registry, APP_VM, "foot@0.service", &is_dead), -ENOENT);
        assert_false(reservation_has_exited(v));
        assert_int_equal(registry_update(f->registry, APP_VM, "foot@0.service", &is_running), -ENOENT);
        assert_false(reservation_has_exited(v));
        assert_int_equal(registry_update(f->registry, APP_VM, "foot@0.service", &is_dead), -ENOENT);
        assert_true(reservation_has_exited(v));
}

static void test_limits(void **state) {
        Fixture *f = *state;
        _cleanup_(reservation_freep) Reservation *v = NULL;
        char name[64];

        assert_int_equal(put(f->registry, NET_VM, NET_VM, VM_SYS, SERVICE_MGR, NULL), 1);
        for (unsigned i = 1; i < REGISTRY_ENTRIES_PER_AGENT_MAX; i++) {
                (void) snprintf(name, sizeof(name), "u%u.service", i);
                assert_int_equal(put(f->registry, NET_VM, name, VM_SYS, SERVICE_SVC, NULL), 1);
        }
        assert_int_equal(put(f->registry, NET_VM, "more.service", VM_SYS, SERVICE_SVC, NULL), -ENOSPC);
        assert_int_equal(registry_reserve_instance(f->registry, NET_VM, "foot", &v), -ENOSPC);
        assert_int_equal(put(f->registry, NET_VM, "u1.service", VM_SYS, SERVICE_SVC, NULL), 0);
        for (unsigned i = 1; i < REGISTRY_AGENTS_MAX; i++) {
                (void) snprintf(name, sizeof(name), "givc-%u.service", i);
                assert_int_equal(put(f->registry, name, name, VM_SYS, SERVICE_MGR, NULL), 1);
        }
        assert_int_equal(put(f->registry, HOST, HOST, VM_HOST, SERVICE_MGR, NULL), -ENOSPC);
        assert_null(registry_get(f->registry, HOST, HOST));
}

/* The list of all fits into a message, whatever agents call their units. */
static void test_size_of_the_list_is_bounded(void **state) {
        Fixture *f = *state;
        size_t n_bytes = 0;
        char name[64], description[1000];
        int k = 1;

        memset(description, 'x', sizeof(description) - 1);
        description[sizeof(description) - 1] = 0;
        for (unsigned a = 0; k == 1; a++) {
                _cleanup_free_ char *agent = strf("givc-%u.service", a);

                for (unsigned i = 0; k == 1; i++) {
                        UnitStatus s = running(name);

                        s.description = description;
                        (void) snprintf(name, sizeof(name), "u%u.service", i);
                        k = put(f->registry, agent, name, VM_SYS, SERVICE_SVC, &s);
                        if (k != 1 && i > 0) {
                                k = 1; /* the next agent has its own share */
                                break;
                        }
                }
        }
        assert_int_equal(k, -ENOSPC);
        for (const Entry *e = registry_next(f->registry, NULL, NULL); e; e = registry_next(f->registry, NULL, e))
                n_bytes += entry_image_size(e->image);
        assert_in_range(n_bytes, REGISTRY_BYTES_MAX - 1024, REGISTRY_BYTES_MAX);
        /* What leaves makes room. */
        while (registry_count(f->registry) > 0) {
                const Entry *e = registry_next(f->registry, NULL, NULL);

                assert_int_equal(registry_remove(f->registry, e->agent, e->name), 0);
        }
        assert_int_equal(put(f->registry, NET_VM, NET_VM, VM_SYS, SERVICE_MGR, NULL), 1);
}

static void test_readers_are_woken_once(void **state) {
        Fixture *f = *state;

        add_agents(f);
        assert_int_equal(f->n_wakes, 0);
        watch_hub_dispatch(registry_get_hub(f->registry));
        assert_int_equal(f->n_wakes, 1);
        watch_hub_dispatch(registry_get_hub(f->registry));
        assert_int_equal(f->n_wakes, 1);
        assert_int_equal(registry_remove(f->registry, HOST, HOST), 0);
        watch_hub_dispatch(registry_get_hub(f->registry));
        assert_int_equal(f->n_wakes, 2);
}

static void test_closed_hub_ends_readers(void **state) {
        Fixture *f = *state;

        add_agents(f);
        watch_hub_dispatch(registry_get_hub(f->registry));
        watch_hub_close(registry_get_hub(f->registry));
        watch_hub_dispatch(registry_get_hub(f->registry));
        assert_int_equal(f->n_wakes, 2);
        assert_int_equal(watch_next(f->watch, &(WatchEvent){}), -ESHUTDOWN);
}

static void test_number_of_readers_is_bounded(void **state) {
        Fixture *f = *state;
        Watch *watches[WATCHES_MAX] = {}, *more = NULL;

        for (size_t i = 1; i < WATCHES_MAX; i++)
                assert_int_equal(watch_new(registry_get_hub(f->registry), on_ready, f, &watches[i]), 0);
        assert_int_equal(watch_new(registry_get_hub(f->registry), on_ready, f, &more), -EUSERS);
        watches[1] = watch_free(watches[1]);
        assert_int_equal(watch_new(registry_get_hub(f->registry), on_ready, f, &watches[1]), 0);
        for (size_t i = 1; i < WATCHES_MAX; i++)
                watch_free(watches[i]);
}

static void test_slow_reader_gets_the_latest(void **state) {
        Fixture *f = *state;
        _cleanup_(watch_event_done) WatchEvent event = {};
        UnitStatus s[] = { dead(NET_VM), running(NET_VM), frozen(NET_VM) };

        add_agents(f);
        for (size_t round = 0; round < 1000; round++)
                assert_int_equal(registry_update(f->registry, NET_VM, NET_VM, &s[round % 3]), 1);
        assert_int_equal(watch_next(f->watch, &event), 1);
        assert_int_equal(event.type, WATCH_UPDATED);
        assert_int_equal(event.image->status, VM_STATUS_POWERED_OFF);
        assert_quiet(f->watch);
}

/* There and back between two looks: the state is what the reader knows, the time of it is not, and a reader arrives at
 * what the list says. */
static void test_there_and_back_is_told_for_its_time(void **state) {
        Fixture *f = *state;
        _cleanup_(watch_event_done) WatchEvent event = {};
        UnitStatus off = dead(NET_VM), on = running(NET_VM);
        usec_t before;

        add_agents(f);
        before = registry_get(f->registry, NET_VM, NET_VM)->image->since_usec;
        wait_for_tick();
        assert_int_equal(registry_update(f->registry, NET_VM, NET_VM, &off), 1);
        assert_int_equal(registry_update(f->registry, NET_VM, NET_VM, &on), 1);
        assert_int_equal(watch_next(f->watch, &event), 1);
        assert_int_equal(event.type, WATCH_UPDATED);
        assert_int_equal(event.image->status, VM_STATUS_RUNNING);
        assert_true(event.image->since_usec > before);
        assert_quiet(f->watch);
}

/* Units of one name of two agents are told apart by their VM. */
static void test_twins_are_updated(void **state) {
        Fixture *f = *state;
        _cleanup_(watch_event_done) WatchEvent event = {};
        UnitStatus s = dead("x.service");

        add_agents(f);
        assert_int_equal(put(f->registry, NET_VM, "x.service", VM_SYS, SERVICE_SVC, NULL), 1);
        assert_int_equal(put(f->registry, APP_VM, "x.service", VM_APP, SERVICE_SVC, NULL), 1);
        assert_event(f->watch, WATCH_ADDED, "x.service");
        assert_event(f->watch, WATCH_ADDED, "x.service");
        assert_int_equal(registry_update(f->registry, APP_VM, "x.service", &s), 1);
        assert_int_equal(watch_next(f->watch, &event), 1);
        assert_int_equal(event.type, WATCH_UPDATED);
        assert_string_equal(event.image->vm, "app-vm");
        assert_quiet(f->watch);
}

/* What is recorded is what a successor needs: entries, their kinds, their states. */
static void test_what_is_recorded(void **state) {
        Fixture *f = *state;
        UnitStatus off = dead("x.service"), failed = status_of("x.service", "failed", "failed", "running");
        unsigned n = 0;

        add_agents(f);
        registry_set_recorder(f->registry, on_entry, &n);
        assert_int_equal(put(f->registry, NET_VM, "x.service", VM_SYS, SERVICE_SVC, NULL), 1);
        assert_int_equal(n, 1);
        assert_int_equal(put(f->registry, NET_VM, "x.service", VM_SYS, SERVICE_SVC, NULL), 0);
        assert_int_equal(n, 1);
        wait_for_tick();
        assert_int_equal(registry_update(f->registry, NET_VM, "x.service", &off), 1);
        assert_int_equal(n, 2);
        assert_int_equal(registry_update(f->registry, NET_VM, "x.service", &failed), 0); /* off as well */
        assert_int_equal(n, 2);
        assert_int_equal(put(f->registry, NET_VM, "x.service", VM_SYS, SERVICE_APP, &failed), 1);
        assert_int_equal(n, 3);
        assert_int_equal(registry_remove(f->registry, NET_VM, "x.service"), 0);
        assert_int_equal(n, 4);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_the_same_again_is_no_news, setup, teardown),
                cmocka_unit_test_setup_teardown(test_what_nobody_sees_is_no_news, setup, teardown),
                cmocka_unit_test_setup_teardown(test_new_state_is_an_update, setup, teardown),
                cmocka_unit_test_setup_teardown(test_another_kind_goes_and_comes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_exited_application_leaves, setup, teardown),
                cmocka_unit_test_setup_teardown(test_exited_service_stays, setup, teardown),
                cmocka_unit_test_setup_teardown(test_agent_takes_its_units_along, setup, teardown),
                cmocka_unit_test_setup_teardown(test_vm_takes_its_agent_along, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unreachable_is_powered_off, setup, teardown),
                cmocka_unit_test_setup_teardown(test_find, setup, teardown),
                cmocka_unit_test_setup_teardown(test_instances_are_reserved, setup, teardown),
                cmocka_unit_test_setup_teardown(test_reservation_knows_what_became_of_it, setup, teardown),
                cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
                cmocka_unit_test_setup_teardown(test_size_of_the_list_is_bounded, setup, teardown),
                cmocka_unit_test_setup_teardown(test_readers_are_woken_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_closed_hub_ends_readers, setup, teardown),
                cmocka_unit_test_setup_teardown(test_number_of_readers_is_bounded, setup, teardown),
                cmocka_unit_test_setup_teardown(test_slow_reader_gets_the_latest, setup, teardown),
                cmocka_unit_test_setup_teardown(test_there_and_back_is_told_for_its_time, setup, teardown),
                cmocka_unit_test_setup_teardown(test_twins_are_updated, setup, teardown),
                cmocka_unit_test_setup_teardown(test_what_is_recorded, setup, teardown),
        };

        return cmocka_run_group_tests_name("admin-registry", tests, NULL, NULL);
}
