/* SPDX-License-Identifier: Apache-2.0 */
/* Types, states, images and names of entries. */
#include "unit/admin/entries.h"

static void test_types_have_their_numbers(void **state) {
        static const char *const words[] = {
                "Host/Mgr",
                "Host/Svc",
                "Host/App",
                "AdmVM/VM",
                "AdmVM/Mgr",
                "AdmVM/Svc",
                "AdmVM/App",
                "SysVM/VM",
                "SysVM/Mgr",
                "SysVM/Svc",
                "SysVM/App",
                "AppVM/VM",
                "AppVM/Mgr",
                "AppVM/Svc",
                "AppVM/App",
        };

        (void) state;
        for (unsigned i = 0; i < ELEMENTSOF(words); i++) {
                _cleanup_free_ char *text = NULL;
                EntryType t;

                assert_int_equal(entry_type_from_number(i, &t), 0);
                text = strf("%s/%s", vm_type_to_string(t.vm), service_type_to_string(t.service));
                assert_string_equal(text, words[i]);
        }
        assert_int_equal(entry_type_from_number(15, &(EntryType){}), -EINVAL);
        assert_int_equal(entry_type_from_number(UINT32_MAX, &(EntryType){}), -EINVAL);
}

static void test_status_words(void **state) {
        static const struct {
                const char *load, *active, *sub, *freezer;
                const char *word;
        } cases[] = {
                { "loaded", "active", "running", "running", "Running" },
                { "loaded", "active", "running", "frozen", "Paused" },
                { "loaded", "active", "running", "", "Running" },
                { "loaded", "active", "exited", "running", "PoweredOff" },
                { "loaded", "active", "active", "running", "PoweredOff" },
                { "loaded", "activating", "start", "running", "PoweredOff" },
                { "loaded", "deactivating", "stop-sigterm", "running", "PoweredOff" },
                { "masked", "active", "running", "running", "PoweredOff" },
                { "loaded", "inactive", "dead", "running", "PoweredOff" },
                { "loaded", "failed", "failed", "running", "PoweredOff" },
                { "not-found", "inactive", "dead", "error", "PoweredOff" },
                { "", "", "", "", "PoweredOff" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                UnitStatus s = status_of("x.service", cases[i].active, cases[i].sub, cases[i].freezer);

                s.load_state = (char *) cases[i].load;
                assert_string_equal(vm_status_to_string(vm_status_from_unit(&s)), cases[i].word);
        }
        assert_int_equal(vm_status_from_unit(&(UnitStatus){}), VM_STATUS_POWERED_OFF);
}

/* The names that readers of the system before this one know; see its typical registry. */
static void test_image_names(void **state) {
        static const struct {
                const char *name, *agent;
                EntryType type;
                EntryPlacement placement;
                const char *placed, *vm_name, *agent_name, *vm;
        } cases[] = {
                { "givc-ghaf-host.service", "givc-ghaf-host.service", { VM_HOST, SERVICE_MGR }, PLACED_ENDPOINT, "", "",
                                "givc-ghaf-host.service", "ghaf-host" },
                { "microvm@app-vm.service", "givc-ghaf-host.service", { VM_APP, SERVICE_VM }, PLACED_ENDPOINT, "",
                                "app-vm", "microvm@app-vm.service", "ghaf-host" },
                { "givc-gui-vm.service", "givc-gui-vm.service", { VM_SYS, SERVICE_MGR }, PLACED_ENDPOINT, "gui-vm",
                                "gui-vm", "givc-gui-vm.service", "gui-vm" },
                { "foot@0.service", "givc-app-vm.service", { VM_APP, SERVICE_APP }, PLACED_MANAGED, "app-vm", "app-vm",
                                "givc-app-vm.service", "app-vm" },
                { "x.service", "givc-net-vm.service", { VM_SYS, SERVICE_SVC }, PLACED_ENDPOINT, "", "", "x.service",
                                "net-vm" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(entry_image_unrefp) EntryImage *image = NULL, *off = NULL;
                UnitStatus s = running(cases[i].name);
                EntryInfo info = { cases[i].name, cases[i].agent, cases[i].type, cases[i].placement, cases[i].placed,
                        &s, 0 };

                assert_int_equal(entry_image_new(&info, true, NULL, &image), 0);
                assert_string_equal(image->vm, cases[i].vm);
                assert_string_equal(image->vm_name, cases[i].vm_name);
                assert_string_equal(image->agent_name, cases[i].agent_name);
                assert_int_equal(image->status, VM_STATUS_RUNNING);
                assert_int_equal(entry_image_new(&info, false, image, &off), 0);
                assert_int_equal(off->status, VM_STATUS_POWERED_OFF);
                assert_false(entry_image_equal(image, off));
        }
}

/* Since when it is as it is: a new time with a new status only, unless somebody knows better. */
static void test_image_since(void **state) {
        _cleanup_(entry_image_unrefp) EntryImage *first = NULL, *same = NULL, *off = NULL, *told = NULL;
        UnitStatus on = running("x.service"), other = running("x.service");
        EntryInfo info = { "x.service", "givc-net-vm.service", { VM_SYS, SERVICE_SVC }, PLACED_ENDPOINT, "", &on, 0 };
        usec_t before = time_now(CLOCK_REALTIME);

        (void) state;
        assert_int_equal(entry_image_new(&info, true, NULL, &first), 0);
        assert_in_range(first->since_usec, before, time_now(CLOCK_REALTIME));
        wait_for_tick();
        other.description = (char *) "Another text";
        info.status = &other;
        assert_int_equal(entry_image_new(&info, true, first, &same), 0);
        assert_int_equal(same->since_usec, first->since_usec);
        assert_false(entry_image_equal(same, first));
        assert_int_equal(entry_image_new(&info, false, same, &off), 0);
        assert_in_range(off->since_usec, first->since_usec + 1, time_now(CLOCK_REALTIME));
        info.since_usec = 7;
        assert_int_equal(entry_image_new(&info, false, off, &told), 0);
        assert_int_equal(told->since_usec, 7);
        assert_false(entry_image_equal(told, off));
}

static void test_words(void **state) {
        (void) state;
        assert_true(entry_word_is_valid("net-vm_1.a"));
        assert_false(entry_word_is_valid(""));
        assert_false(entry_word_is_valid("a b"));
        assert_false(entry_word_is_valid("a@0"));
        assert_false(entry_word_is_valid("../x"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_types_have_their_numbers),
                cmocka_unit_test(test_status_words),
                cmocka_unit_test(test_image_names),
                cmocka_unit_test(test_image_since),
                cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests_name("admin-entry", tests, NULL, NULL);
}
