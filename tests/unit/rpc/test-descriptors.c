/* SPDX-License-Identifier: Apache-2.0 */
/* The index over our own descriptor set, and over broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "rpc/descriptors.h"

extern const uint8_t givc_descriptors[], givc_descriptors_end[];

static void test_find(_unused_ void **state) {
        _cleanup_(descriptor_index_freep) DescriptorIndex *i = NULL;
        const DescriptorFile *f;

        assert_int_equal(descriptor_index_new(givc_descriptors, givc_descriptors_end - givc_descriptors, &i), 0);
        f = descriptor_index_find_file(i, "admin.proto");
        assert_non_null(f);
        assert_ptr_equal(descriptor_index_find_symbol(i, "admin.AdminService"), f);
        assert_ptr_equal(descriptor_index_find_symbol(i, "admin.AdminService.QueryList"), f);
        assert_ptr_equal(descriptor_index_find_symbol(i, "admin.WatchItem"), f);
        assert_ptr_equal(descriptor_index_find_symbol(i, "exec.StartCommand.EnvVarsEntry"),
                        descriptor_index_find_file(i, "exec.proto"));              /* nested */
        assert_non_null(descriptor_index_find_symbol(i, "locale.LocaleMacroKey")); /* an enum */
        assert_null(descriptor_index_find_symbol(i, "admin"));
        assert_null(descriptor_index_find_symbol(i, ""));
        assert_null(descriptor_index_find_file(i, "nothing.proto"));
}

static void test_closure(_unused_ void **state) {
        _cleanup_(descriptor_index_freep) DescriptorIndex *i = NULL;
        _cleanup_free_ const DescriptorFile **list = NULL;
        bool systemd = false;
        int n;

        assert_int_equal(descriptor_index_new(givc_descriptors, givc_descriptors_end - givc_descriptors, &i), 0);
        n = descriptor_index_closure(i, descriptor_index_find_file(i, "admin.proto"), &list);
        assert_true(n > 4);
        assert_string_equal(list[0]->name, "admin.proto");
        for (int k = 0; k < n; k++) {
                systemd |= streq(list[k]->name, "systemd.proto");
                for (int l = 0; l < k; l++)
                        assert_ptr_not_equal(list[k], list[l]);
        }
        assert_true(systemd);
        free(TAKE_PTR(list));
        n = descriptor_index_closure(i, descriptor_index_find_file(i, "hwid.proto"), &list);
        assert_int_equal(n, 1);
}

/* Truncated anywhere or with any byte changed: refused or indexed, never a crash. */
static void test_broken(_unused_ void **state) {
        size_t size = givc_descriptors_end - givc_descriptors;
        _cleanup_free_ uint8_t *copy = mem_dup(givc_descriptors, size);
        DescriptorIndex *i;
        unsigned n_refused = 0;

        for (size_t n = 1; n < size; n += 97) {
                _cleanup_free_ void *part = mem_dup(copy, n); /* so that a sanitizer sees the end */

                if (descriptor_index_new(part, n, &i) < 0)
                        n_refused++;
                else
                        descriptor_index_free(i);
        }
        assert_true(n_refused > 0);
        for (size_t n = 0; n < size; n += 31) {
                copy[n] ^= 0xff;
                if (descriptor_index_new(copy, size, &i) >= 0)
                        descriptor_index_free(i);
                copy[n] ^= 0xff;
        }
}

/* Fields whose number is right and whose wire type is not are nobody's. */
static void test_wrong_wire_type(_unused_ void **state) {
        static const uint8_t numbers[] = { 0x08, 0x01, 0x0a, 0x07, 0x08, 0x05, 0x0a, 0x03, 'a', '.', 'b' };
        _cleanup_(descriptor_index_freep) DescriptorIndex *i = NULL;

        assert_int_equal(descriptor_index_new(numbers, sizeof(numbers), &i), 0);
        assert_non_null(descriptor_index_find_file(i, "a.b"));
        assert_null(descriptor_index_find_file(i, ""));
        assert_null(descriptor_index_find_symbol(i, ""));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_closure),
                cmocka_unit_test(test_broken),
                cmocka_unit_test(test_wrong_wire_type),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
