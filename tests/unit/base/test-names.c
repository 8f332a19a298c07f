/* SPDX-License-Identifier: Apache-2.0 */
/* Names of VMs, agents and applications: made, taken apart, and what is not one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"

static void assert_and_free(char *s, const char *expected) {
        if (expected)
                assert_string_equal(s, expected);
        else
                assert_null(s);
        free(s);
}

static void test_vm(_unused_ void **state) {
        assert_and_free(vm_from_unit("microvm@net-vm.service"), "net-vm");
        assert_and_free(vm_from_unit("microvm@a.service.service"), "a.service");
        assert_and_free(vm_from_unit("microvm@.service"), NULL);
        assert_and_free(vm_from_unit("microvm@net-vm"), NULL);
        assert_and_free(vm_from_unit("microvm@net-vm.target"), NULL);
        assert_true(unit_is_vm("microvm@net-vm.service"));
        assert_false(unit_is_vm("microvm@.service"));
        assert_false(unit_is_vm("givc-net-vm.service"));
        assert_true(unit_is_agent("givc-net-vm.service"));
        assert_false(unit_is_agent("givc-.service"));
        assert_false(unit_is_agent("microvm@net-vm.service"));
        assert_and_free(vm_from_unit("givc-net-vm.service"), NULL);
        assert_and_free(vm_from_unit(".service"), NULL);
        assert_and_free(vm_from_unit(""), NULL);
        assert_and_free(unit_from_vm("net-vm"), "microvm@net-vm.service");
}

static void test_agent(_unused_ void **state) {
        assert_and_free(vm_from_agent("givc-net-vm.service"), "net-vm");
        assert_and_free(vm_from_agent("givc-.service"), NULL);
        assert_and_free(vm_from_agent("net-vm.service"), NULL);
        assert_and_free(vm_from_agent("givc-net-vm"), NULL);
        assert_and_free(vm_from_agent("GIVC-net-vm.service"), NULL);
        assert_and_free(agent_from_vm("net-vm"), "givc-net-vm.service");
}

static void test_app(_unused_ void **state) {
        assert_and_free(vm_from_app("foot"), "foot-vm");
        assert_and_free(unit_from_app("foot", 0), "foot@0.service");
        assert_and_free(unit_from_app("foot", 4294967295U), "foot@4294967295.service");
}

static void test_instance(_unused_ void **state) {
        static const struct {
                const char *unit;
                size_t prefix, app;
        } rows[] = {
                { "foot@0.service", 4, 4 },
                { "google-chrome@12.service", 13, 13 },
                { "a.service@7.service", 9, 9 },
                { "a@b@0.service", 3, 0 },
                { "microvm@x.service@0.service", 17, 0 },
                { "@@0.service", 1, 0 },
                { "foot@.service", 0, 0 },
                { "@0.service", 0, 0 },
                { "foot@x.service", 0, 0 },
                { "foot@0x.service", 0, 0 },
                { "foot@-1.service", 0, 0 },
                { "foot@0.target", 0, 0 },
                { "foot@0.service ", 0, 0 },
                { "foot@0", 0, 0 },
                { "foot.service", 0, 0 },
                { "", 0, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (instance_prefix_length(rows[i].unit) != rows[i].prefix ||
                                instance_app_length(rows[i].unit) != rows[i].app)
                        fail_msg("'%s'", rows[i].unit);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_vm),
                cmocka_unit_test(test_agent),
                cmocka_unit_test(test_app),
                cmocka_unit_test(test_instance),
        };

        return cmocka_run_group_tests_name("base-names", tests, NULL, NULL);
}
