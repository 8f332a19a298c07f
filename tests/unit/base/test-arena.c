/* SPDX-License-Identifier: Apache-2.0 */
/* An arena: pieces that do not overlap, a block that is used before anything is allocated, and a bound. */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"

static void assert_zeroed_and_fill(char *p, size_t n) {
        assert_non_null(p);
        assert_int_equal((uintptr_t) p % alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(p[i], 0);
        memset(p, 0x5a, n);
}

static void test_pieces(_unused_ void **state) {
        static const size_t sizes[] = { 1, 7, 16, 100, 4096, 16 * 1024, 70000, 3 };
        _cleanup_arena_ Arena a = {};
        char *pieces[ELEMENTSOF(sizes)];

        arena_init(&a, NULL, 0, 1 << 20);
        assert_non_null(arena_alloc(&a, 0)); /* which is not out of memory */
        for (int round = 0; round < 2; round++) {
                for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
                        assert_zeroed_and_fill(pieces[i] = arena_alloc(&a, sizes[i]), sizes[i]);
                for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
                        for (size_t k = 0; k < ELEMENTSOF(sizes); k++)
                                assert_true(i == k || pieces[i] + sizes[i] <= pieces[k] ||
                                                pieces[k] + sizes[k] <= pieces[i]);
                arena_reset(&a);
        }
        assert_string_equal(arena_dup(&a, "text", 5), "text");
        assert_non_null(arena_dup(&a, NULL, 0));
}

static void test_block_comes_first(_unused_ void **state) {
        alignas(max_align_t) char block[256];
        _cleanup_arena_ Arena a = {};

        arena_init(&a, block, sizeof(block), 1024);
        memset(block, 0x5a, sizeof(block));
        for (int round = 0; round < 2; round++) {
                char *first = arena_alloc(&a, 100), *second = arena_alloc(&a, 100);

                assert_ptr_equal(first, block);
                assert_true(second >= first + 100 && second + 100 <= block + sizeof(block));
                assert_null(a.chunks);
                assert_zeroed_and_fill(arena_alloc(&a, 100), 100);
                assert_non_null(a.chunks);
                arena_reset(&a);
                assert_null(a.chunks);
        }
}

/* What comes after a mark goes with it, and what is before it stays. */
static void test_mark(_unused_ void **state) {
        alignas(max_align_t) char block[256];
        _cleanup_arena_ Arena a = {};
        ArenaMark outer, inner;
        char *first, *second;

        arena_init(&a, block, sizeof(block), 100000);
        first = arena_dup(&a, "first", 6);
        outer = arena_mark(&a);
        for (int round = 0; round < 3; round++) {
                second = arena_dup(&a, "second", 7);
                assert_zeroed_and_fill(arena_alloc(&a, 20000), 20000);
                inner = arena_mark(&a);
                assert_zeroed_and_fill(arena_alloc(&a, 30000), 30000);
                assert_zeroed_and_fill(arena_alloc(&a, 40000), 40000);
                assert_null(arena_alloc(&a, 40000));
                arena_release(&a, &inner);
                assert_zeroed_and_fill(arena_alloc(&a, 70000), 70000);
                assert_string_equal(second, "second");
                arena_release(&a, &outer);
                assert_null(a.chunks);
        }
        assert_string_equal(first, "first");
        assert_ptr_equal(arena_dup(&a, "second", 7), second);
}

static void test_bound(_unused_ void **state) {
        _cleanup_arena_ Arena a = {};

        arena_init(&a, NULL, 0, 1000);
        assert_null(arena_alloc(&a, 1001));
        assert_null(arena_alloc(&a, SIZE_MAX));
        assert_null(arena_new(&a, uint64_t, SIZE_MAX / 4));
        assert_non_null(arena_alloc(&a, 999));
        assert_null(arena_alloc(&a, 2));
        arena_reset(&a);
        assert_non_null(arena_alloc(&a, 1000));
        assert_null(arena_alloc(&a, 1));
        arena_done(&a);
        arena_init(&a, NULL, 0, SIZE_MAX);
        assert_null(arena_alloc(&a, SIZE_MAX));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pieces),
                cmocka_unit_test(test_block_comes_first),
                cmocka_unit_test(test_mark),
                cmocka_unit_test(test_bound),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
