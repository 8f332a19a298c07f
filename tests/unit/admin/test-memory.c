/* SPDX-License-Identifier: Apache-2.0 */
/* Out of memory in the registry: each allocation fails once. What was to happen has not happened then, and whoever
 * watches arrives at the list all the same. */
#include "admin/registration.h"
#include "unit/admin/entries.h"
#include "unit/failing.h"

#define AGENT "givc-app-vm.service"
#define OTHER "givc-gui-vm.service"

/* A reader, who knows what he was told: names under agents, sorted by nothing. */
typedef struct Reader {
        Watch *watch;
        char *keys[16];
        VmStatus statuses[16];
        size_t n;
} Reader;

static void on_ready(void *userdata) {
        (void) userdata;
}

static char *key_of(const EntryImage *i) {
        char *key = NULL;

        assert_true(asprintf(&key, "%s %s", i->vm, i->name) > 0);
        return key;
}

static void reader_forget(Reader *r, size_t i) {
        free(r->keys[i]);
        r->n--;
        r->keys[i] = r->keys[r->n];
        r->statuses[i] = r->statuses[r->n];
}

static void reader_drop(Reader *r, const char *key) {
        for (size_t i = 0; i < r->n; i++)
                if (streq(r->keys[i], key)) {
                        reader_forget(r, i);
                        return;
                }
}

static void reader_learn(Reader *r, const EntryImage *image) {
        char *key = key_of(image);

        reader_drop(r, key);
        assert_true(r->n < ELEMENTSOF(r->keys));
        r->keys[r->n] = key;
        r->statuses[r->n++] = image->status;
}

static void reader_catch_up(Reader *r, const Registry *registry) {
        for (;;) {
                _cleanup_(watch_event_done) WatchEvent event = {};
                int k = watch_next(r->watch, &event);
                _cleanup_free_ char *key = event.image ? key_of(event.image) : NULL;

                assert_true(k >= 0);
                if (k == 0)
                        return;
                if (event.type == WATCH_INITIAL) {
                        while (r->n > 0)
                                reader_forget(r, 0);
                        for (const Entry *e = registry_next(registry, NULL, NULL); e;
                                        e = registry_next(registry, NULL, e))
                                reader_learn(r, e->image);
                } else if (event.type == WATCH_REMOVED)
                        reader_drop(r, key);
                else
                        reader_learn(r, event.image);
        }
}

static void check_reader(Reader *r, const Registry *registry) {
        reader_catch_up(r, registry);
        assert_int_equal(r->n, registry_count(registry));
        for (const Entry *e = registry_next(registry, NULL, NULL); e; e = registry_next(registry, NULL, e)) {
                _cleanup_free_ char *key = key_of(e->image);
                size_t i = 0;

                while (i < r->n && !streq(r->keys[i], key))
                        i++;
                assert_true(i < r->n);
                assert_int_equal(r->statuses[i], e->image->status);
        }
}

static void reader_done(Reader *r) {
        while (r->n > 0)
                reader_forget(r, 0);
        watch_free(r->watch);
}

static int happenings(Registry *registry) {
        UnitStatus ended = dead("x.service"), gone = dead("app@0.service");
        _cleanup_(reservation_freep) Reservation *reservation = NULL;
        _cleanup_free_ char *candidates = NULL;
        const Entry *e;
        int r;

        r = put(registry, AGENT, AGENT, VM_APP, SERVICE_MGR, NULL);
        if (r >= 0)
                r = put(registry, OTHER, OTHER, VM_SYS, SERVICE_MGR, NULL);
        if (r >= 0)
                r = put(registry, AGENT, "x.service", VM_APP, SERVICE_SVC, NULL);
        if (r >= 0)
                r = put(registry, OTHER, "x.service", VM_SYS, SERVICE_SVC, NULL);
        if (r >= 0)
                r = registry_reserve_instance(registry, AGENT, "app", &reservation);
        if (r >= 0)
                r = put(registry, AGENT, "app@0.service", VM_APP, SERVICE_APP, NULL);
        if (r >= 0)
                r = registry_update(registry, AGENT, "x.service", &ended);
        if (r >= 0)
                r = registry_update(registry, AGENT, "app@0.service", &gone);
        if (r >= 0) {
                r = registry_find(registry, "x.service", NULL, &e, &candidates);
                if (r == -ENOTUNIQ)
                        r = candidates ? 0 : -ENOMEM;
        }
        if (r >= 0)
                r = registry_remove(registry, OTHER, OTHER);
        return r < 0 ? r : 0;
}

static int without_reader(_unused_ void *arg) {
        _cleanup_(registry_freep) Registry *registry = NULL;
        int r;

        r = registry_new(&registry);
        return r < 0 ? r : happenings(registry);
}

/* The reader was there before memory became short, and reads when it is not any more. */
static int with_reader(_unused_ void *arg) {
        const size_t left = allocations_left;
        Registry *registry = NULL;
        Reader reader = {};
        int r;

        allocations_left = SIZE_MAX;
        assert_int_equal(registry_new(&registry), 0);
        assert_int_equal(watch_new(registry_get_hub(registry), on_ready, NULL, &reader.watch), 0);
        reader_catch_up(&reader, registry);
        allocations_left = left;
        r = happenings(registry);
        allocations_left = SIZE_MAX;
        check_reader(&reader, registry);
        reader_done(&reader);
        registry_free(registry);
        return r;
}

static void test_registry(_unused_ void **state) {
        assert_true(each_failing(without_reader, NULL) > 50);
        assert_true(each_failing(with_reader, NULL) > 50);
}

typedef struct Judged {
        const Registry *registry;
        const char *name, *parent;
} Judged;

static int judge(void *arg) {
        const Judged *j = arg;
        const Registration g = { j->name, j->parent, 13, "tcp", "192.168.101.5", "9000", "app-vm" };
        RegistrationRules rules = { .registry = j->registry };
        struct ucred root = { .pid = 1 };
        Identity *peer = NULL;
        Registered v = {};
        const size_t left = allocations_left;
        int r;

        allocations_left = SIZE_MAX;
        assert_int_equal(identity_new_plain(NULL, 0, &root, &peer), 0);
        allocations_left = left;
        r = registration_judge(&g, &rules, peer, &v, NULL);
        assert_true((r == 0) == (v.agent != NULL));
        registered_done(&v);
        identity_free(peer);
        return r;
}

static void test_registration(_unused_ void **state) {
        _cleanup_(registry_freep) Registry *registry = NULL;
        Judged good = { .name = "x.service", .parent = "microvm@app-vm.service" };
        /* What is refused is refused also when there is no memory to tell why. */
        Judged bad[] = {
                { .name = "microvm@gui-vm.service", .parent = "" },
                { .name = OTHER, .parent = "" },
                { .name = "x.service", .parent = "microvm@gui-vm.service" },
                { .name = "x.service", .parent = OTHER },
        };

        assert_int_equal(registry_new(&registry), 0);
        good.registry = registry;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                bad[i].registry = registry;
        assert_int_equal(put(registry, AGENT, AGENT, VM_APP, SERVICE_MGR, NULL), 1);
        assert_true(each_failing(judge, &good) >= 3);
        fails_once = true;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                for (size_t n = 0; n < 8; n++) {
                        allocations_left = n;
                        assert_true(judge(&bad[i]) < 0);
                        allocations_left = SIZE_MAX;
                }
        fails_once = false;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_registry),
                cmocka_unit_test(test_registration),
        };

        return cmocka_run_group_tests_name("admin-memory", tests, NULL, NULL);
}
