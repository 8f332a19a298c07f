/* SPDX-License-Identifier: Apache-2.0 */
/* Names of entries, as our admin fills them in and as admins of the reference do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/entry.h"

typedef struct Case {
        const char *name, *service, *vm, *agent; /* NULL: unset */
        const char *expected;
        const char *answers; /* VM whose agent does; NULL: the admin is of the reference */
} Case;

static Admin__QueryListItem item_from(const Case *c) {
        Admin__QueryListItem item = ADMIN__QUERY_LIST_ITEM__INIT;

        item.name = (char *) c->name;
        item.servicetype = (char *) c->service;
        if (c->vm) {
                item.has_vm_name_case = ADMIN__QUERY_LIST_ITEM__HAS_VM_NAME_VM_NAME;
                item.vmname = (char *) c->vm;
        }
        if (c->agent) {
                item.has_agent_name_case = ADMIN__QUERY_LIST_ITEM__HAS_AGENT_NAME_AGENT_NAME;
                item.agentname = (char *) c->agent;
        }
        if (c->answers) {
                item.has_vm_case = ADMIN__QUERY_LIST_ITEM__HAS_VM_VM;
                item.vm = (char *) c->answers;
        }
        return item;
}

static void test_vm(void **state) {
        static const Case cases[] = {
                { "microvm@app-vm.service", "VM", "app-vm", "givc-ghaf-host.service", "app-vm" },
                { "microvm@app-vm.service", "VM", NULL, "microvm@app-vm.service", "app-vm" },
                { "odd-vm.service", "VM", "odd", NULL, "odd" },
                { "givc-gui-vm.service", "Mgr", "gui-vm", "givc-gui-vm.service", "gui-vm" },
                { "givc-ghaf-host.service", "Mgr", "", "givc-ghaf-host.service", "ghaf-host" },
                { "givc-ghaf-host.service", "Mgr", NULL, NULL, "ghaf-host" },
                { "foot@0.service", "App", "app-vm", "givc-app-vm.service", "app-vm" },
                { "foot@0.service", "App", NULL, "givc-app-vm.service", "app-vm" },
                { "x.service", "Svc", "", "x.service", "" },
                { "givc-.service", "Mgr", NULL, NULL, "" },
                { "", "", NULL, NULL, "" },
                { "x.service", "Svc", "", "x.service", "net-vm", "net-vm" },
                { "poweroff.target", "Svc", "", "poweroff.target", "ghaf-host", "ghaf-host" },
                { "givc-ghaf-host.service", "Mgr", "", "givc-ghaf-host.service", "ghaf-host", "ghaf-host" },
                { "microvm@app-vm.service", "VM", "app-vm", "microvm@app-vm.service", "app-vm", "ghaf-host" },
                { "foot@0.service", "App", "app-vm", "givc-app-vm.service", "app-vm", "" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Admin__QueryListItem item = item_from(cases + i);
                _cleanup_free_ char *vm = entry_get_vm(&item);

                if (!streq_ptr(vm, cases[i].expected))
                        fail_msg("'%s' is in '%s'", cases[i].name, strempty(vm));
        }
}

static void test_called(void **state) {
        static const Case foot = { "foot@0.service", "App", "app-vm", NULL, NULL },
                          vm = { "microvm@app-vm.service", "VM", NULL, NULL, NULL },
                          agent = { "givc-app-vm.service", "Mgr", NULL, NULL, NULL };
        Admin__QueryListItem f = item_from(&foot), v = item_from(&vm), a = item_from(&agent);

        (void) state;
        assert_true(entry_is_called(&f, "foot@0.service"));
        assert_true(entry_is_called(&f, "foot@0"));
        assert_false(entry_is_called(&f, "foot"));
        assert_false(entry_is_called(&f, "app-vm"));
        assert_true(entry_is_called(&v, "app-vm"));
        assert_true(entry_is_called(&a, "app-vm"));
        assert_true(entry_is_called(&a, "givc-app-vm"));
}

static void test_matches(void **state) {
        static const Case foot = { "foot@0.service", "App", "app-vm", NULL, NULL };
        Admin__QueryListItem f = item_from(&foot);
        static const struct {
                const char *pattern;
                bool matches;
        } rows[] = {
                { "foot@0.service", true },
                { "foot@0", true },
                { "foot*", true },
                { "app-vm", true },
                { "app-*", true },
                { "foot", false },
                { "*.target", false },
                { "", false },
        };

        (void) state;
        assert_true(entry_matches(&f, NULL));
        assert_true(entry_matches(&f, (char *[]){ NULL }));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(entry_matches(&f, (char *[]){ (char *) rows[i].pattern, NULL }), rows[i].matches);
        assert_true(entry_matches(&f, (char *[]){ (char *) "no", (char *) "foot*", NULL }));
}

static void test_complete(void **state) {
        static const struct {
                const char *said, *unit;
        } rows[] = {
                { "foot@0", "foot@0.service" },
                { "foot@0.service", "foot@0.service" },
                { "suspend.target", "suspend.target" },
                { "a.b", "a.b.service" },
                { "x.socket", "x.socket" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *unit = unit_name_complete(rows[i].said);

                assert_string_equal(unit, rows[i].unit);
        }
}

static void test_words(void **state) {
        Admin__QueryListItem item = ADMIN__QUERY_LIST_ITEM__INIT;

        (void) state;
        item.servicetype = (char *) "Svc";
        item.vmtype = (char *) "AdmVM";
        assert_string_equal(entry_kind_to_word(&item), "service");
        assert_string_equal(entry_vm_type_to_word(&item), "admin VM");
        assert_int_equal(entry_vm_rank(&item), 1);
        item.servicetype = (char *) "Gadget";
        item.vmtype = (char *) "MoonVM";
        assert_string_equal(entry_kind_to_word(&item), "Gadget");
        assert_string_equal(entry_vm_type_to_word(&item), "MoonVM");
        assert_int_equal(entry_get_kind(&item), ENTRY_OTHER);
        assert_int_equal(entry_vm_rank(&item), 4);
}

/* A description must not move the cursor, in the message itself, in lists, in oneofs. */
static void test_printable(void **state) {
        char text[] = "a\033[2J\tb\x7f\xc2\x9b"
                      "31mä",
             name[] = "x\ny\xff", agent[] = "\033", args[] = "\a";
        char *list[] = { args };
        Admin__QueryListItem item = ADMIN__QUERY_LIST_ITEM__INIT, *items[] = { &item };
        Admin__QueryListResponse reply = ADMIN__QUERY_LIST_RESPONSE__INIT;
        Admin__WatchItem event = ADMIN__WATCH_ITEM__INIT;
        Admin__ApplicationRequest request = ADMIN__APPLICATION_REQUEST__INIT;

        (void) state;
        item.description = text;
        item.name = name;
        item.has_agent_name_case = ADMIN__QUERY_LIST_ITEM__HAS_AGENT_NAME_AGENT_NAME;
        item.agentname = agent;
        reply.n_list = 1;
        reply.list = items;
        event.status_case = ADMIN__WATCH_ITEM__STATUS_INITIAL;
        event.initial = &reply;
        message_make_printable(&event.base);
        assert_string_equal(text, "a?[2J?b???31mä");
        assert_string_equal(name, "x?y?");
        assert_string_equal(agent, "?");
        request.n_args = 1;
        request.args = list;
        message_make_printable(&request.base);
        assert_string_equal(args, "?");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_vm),
                cmocka_unit_test(test_called),
                cmocka_unit_test(test_matches),
                cmocka_unit_test(test_complete),
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_printable),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
