/* SPDX-License-Identifier: Apache-2.0 */
/* Entities get numbers in the order in which they come, and keep them however many follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/uid-map.h"

#define N 1000

static void test_numbers(_unused_ void **state) {
        static char ids[N][16];
        const EntityUid other = { TEXT("Type"), TEXT("id") };
        UidMap m = {};
        uint32_t number;

        assert_int_equal(uid_map_find(&m, &other), UID_NONE);
        for (uint32_t i = 0; i < N; i++) {
                EntityUid uid = { i % 2 ? TEXT("A") : TEXT("A::B"), { ids[i], 0 } };

                uid.id.size = (size_t) snprintf(ids[i], sizeof(ids[i]), "%u", i / 2);
                for (int twice = 0; twice < 2; twice++) {
                        assert_int_equal(uid_map_add(&m, &uid, &number), 0);
                        assert_int_equal(number, i);
                }
        }
        assert_int_equal(m.n, N);
        for (uint32_t i = 0; i < N; i++) {
                assert_int_equal(uid_map_find(&m, &m.uids[i]), i);
                assert_ptr_equal(m.uids[i].id.data, ids[i]);
        }
        assert_int_equal(uid_map_find(&m, &other), UID_NONE);
        uid_map_done(&m);
        assert_int_equal(uid_map_find(&m, &other), UID_NONE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_numbers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
