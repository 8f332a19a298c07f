/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of work that takes long, from the registry of our admin and of one of the reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/work.h"

#define ENTRIES_MAX 4

typedef struct List {
        Admin__QueryListItem items[ENTRIES_MAX], *pointers[ENTRIES_MAX];
        Admin__QueryListResponse list;
} List;

static void list_set(List *l, bool of_reference, const char *vm_state, const char *agent_state) {
        const struct {
                const char *name, *kind, *state, *vm;
        } rows[] = {
                { "givc-ghaf-host.service", "Mgr", "Running", "ghaf-host" },
                { "microvm@net-vm.service", "VM", "Running", "net-vm" },
                { "microvm@app-vm.service", "VM", vm_state, "app-vm" },
                { "givc-app-vm.service", "Mgr", agent_state, "app-vm" },
        };

        l->list = (Admin__QueryListResponse) ADMIN__QUERY_LIST_RESPONSE__INIT;
        l->list.list = l->pointers;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Admin__QueryListItem *item = l->items + i;

                if (!rows[i].state)
                        continue;
                *item = (Admin__QueryListItem) ADMIN__QUERY_LIST_ITEM__INIT;
                item->name = (char *) rows[i].name;
                item->servicetype = (char *) rows[i].kind;
                item->vmstatus = (char *) rows[i].state;
                if (!of_reference) {
                        item->has_vm_case = ADMIN__QUERY_LIST_ITEM__HAS_VM_VM;
                        item->vm = (char *) (streq(rows[i].kind, "VM") ? "ghaf-host" : rows[i].vm);
                }
                l->pointers[l->list.n_list++] = item;
        }
}

static void assert_says(const Work *w, const Admin__QueryListResponse *list, const char *text, const char *remains) {
        _cleanup_free_ char *t = work_to_text(w, list), *r = work_to_remains(w, list);

        assert_string_equal(t, text);
        assert_string_equal(strempty(r), remains);
}

static void test_cold_start(void **state) {
        const Work app = { .doing = "starting", .name = "hold", .vm = "app-vm" }, vm = { .vm = "app-vm" };
        static const char *const booting[] = { NULL, "PoweredOff", "Paused" };
        List l;

        (void) state;
        for (int reference = 0; reference < 2; reference++) {
                for (size_t i = 0; i < ELEMENTSOF(booting); i++) {
                        list_set(&l, reference, booting[i], "PoweredOff");
                        assert_says(&app, &l.list, "booting app-vm",
                                        "VM 'app-vm' goes on booting, 'hold' is not started");
                        assert_says(&vm, &l.list, "booting app-vm", "VM 'app-vm' goes on booting");
                }
                list_set(&l, reference, "Running", NULL);
                assert_says(&app, &l.list, "waiting for the agent of app-vm",
                                "VM 'app-vm' runs, without its agent so far, 'hold' is not started");
                assert_says(&vm, &l.list, "waiting for the agent of app-vm",
                                "VM 'app-vm' runs, without its agent so far");
                list_set(&l, reference, "Running", "Running");
                assert_says(&app, &l.list, "starting hold", "");
                assert_says(&vm, &l.list, "starting app-vm", "");
                list_set(&l, reference, NULL, "Running"); /* the host's agent does not tell its VMs */
                assert_says(&app, &l.list, "starting hold", "");
        }
}

static void test_nobody_says(void **state) {
        (void) state;
        assert_says(&(Work){ .doing = "starting", .name = "hold", .vm = "app-vm" }, NULL, "starting hold", "");
        assert_says(&(Work){ .doing = "stopping", .name = "h\033ld", .remains = "It stays" }, NULL, "stopping h?ld",
                        "It stays");
}

static void test_vms_are_counted(void **state) {
        const Work w = { .doing = "powering off", .name = "the host", .counts_vms = true };
        List l;

        (void) state;
        list_set(&l, false, "Running", NULL);
        assert_says(&w, &l.list, "powering off the host, 2 VMs still run", "");
        list_set(&l, false, "PoweredOff", NULL);
        assert_says(&w, &l.list, "powering off the host, 1 VM still runs", "");
        l.list.n_list = 1;
        assert_says(&w, &l.list, "powering off the host", "");
        assert_says(&w, NULL, "powering off the host", "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cold_start),
                cmocka_unit_test(test_nobody_says),
                cmocka_unit_test(test_vms_are_counted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
