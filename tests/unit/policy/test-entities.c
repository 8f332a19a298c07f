/* SPDX-License-Identifier: Apache-2.0 */
/* What is in what, however far up, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "policy/entities.h"

#define UID(name) (&(const EntityUid){ TEXT("T"), text_of(name) })

/* Each is in those behind it. */
static const char *const hierarchy[][4] = {
        { "alice", "admins", "users" },
        { "bob", "users" },
        { "admins", "staff" },
        { "users", "people" },
        { "staff", "people" },
        { "people" },
        { "eve", "strangers" }, /* which nobody describes */
        { "twice", "users", "users" },
};

static const ValueRecord none = {};

static int add_row(Arena *arena, Entities *e, const char *const row[4], const ValueRecord *attributes) {
        EntityUid *parents = arena_new(arena, EntityUid, 3);
        Entity entity = { .uid = *UID(row[0]), .attributes = attributes, .tags = &none, .parents = parents };

        assert_non_null(parents);
        for (; row[entity.n_parents + 1]; entity.n_parents++)
                parents[entity.n_parents] = *UID(row[entity.n_parents + 1]);
        return entities_add(e, &entity);
}

static const struct {
        const char *a, *b;
        bool is_in;
} questions[] = {
        { "alice", "alice", true },
        { "alice", "admins", true },
        { "alice", "users", true },
        { "alice", "staff", true },
        { "alice", "people", true },
        { "alice", "bob", false },
        { "alice", "strangers", false },
        { "alice", "nobody", false },
        { "bob", "users", true },
        { "bob", "people", true },
        { "bob", "staff", false },
        { "people", "alice", false },
        { "users", "people", true },
        { "users", "alice", false },
        { "eve", "strangers", true },
        { "twice", "people", true },
        { "strangers", "strangers", true },
        { "nobody", "nobody", true },
        { "nobody", "people", false },
        { "nobody", "somebody", false },
};

static void test_in(_unused_ void **state) {
        _cleanup_(entities_freep) Entities *e = entities_new();
        _cleanup_arena_ Arena arena;
        const EntityUid *loop;

        arena_init(&arena, NULL, 0, SIZE_MAX);
        for (size_t i = 0; i < ELEMENTSOF(hierarchy); i++)
                assert_int_equal(add_row(&arena, e, hierarchy[i], &none), 0);
        assert_int_equal(entities_finish(e, &loop), 0);
        for (size_t i = 0; i < ELEMENTSOF(questions); i++) {
                print_message("%s in %s\n", questions[i].a, questions[i].b);
                assert_int_equal(entities_is_in(e, UID(questions[i].a), UID(questions[i].b)), questions[i].is_in);
        }
        assert_false(entities_is_in(e, UID("alice"), &(EntityUid){ TEXT("U"), TEXT("admins") }));
        assert_true(entities_is_in(NULL, UID("alice"), UID("alice")));
        assert_false(entities_is_in(NULL, UID("alice"), UID("admins")));

        assert_non_null(entities_get(e, UID("alice")));
        assert_null(entities_get(e, UID("strangers")));
        assert_null(entities_get(e, UID("nobody")));
        assert_null(entities_get(NULL, UID("alice")));
        for (size_t i = 0; i < 4; i++)
                assert_true(entities_is_in(e, UID("alice"), entities_get_ancestor(e, UID("alice"), i)));
        assert_null(entities_get_ancestor(e, UID("alice"), 4));
        assert_null(entities_get_ancestor(e, UID("nobody"), 0));
}

static void test_twice(_unused_ void **state) {
        static const ValueMember member = { .name = TEXT("a"), .value = { .kind = VALUE_LONG, .number = 1 } };
        static const ValueRecord other = { 1, &member }, same = { 1, &member };
        static const char *const parents[][4] = { { "x", "a", "b" }, { "x", "b", "a" }, { "x", "a" },
                { "x", "a", "c" } };
        _cleanup_(entities_freep) Entities *e = entities_new();
        _cleanup_arena_ Arena arena;
        const EntityUid *loop;

        arena_init(&arena, NULL, 0, SIZE_MAX);
        assert_int_equal(add_row(&arena, e, parents[0], &other), 0);
        assert_int_equal(add_row(&arena, e, parents[1], &same), 0);
        assert_int_equal(add_row(&arena, e, parents[2], &other), -EEXIST);
        assert_int_equal(add_row(&arena, e, parents[3], &other), -EEXIST);
        assert_int_equal(add_row(&arena, e, parents[0], &none), -EEXIST);
        assert_int_equal(entities_finish(e, &loop), 0);
        assert_int_equal(entities_get(e, UID("x"))->attributes->n, 1);
        assert_false(entities_is_in(e, UID("x"), UID("c")));
}

/* What has a cycle, and that it says who is in it. */
static const char *const cycles[][4][4] = {
        { { "a", "a" } },
        { { "a", "b" }, { "b", "a" } },
        { { "b", "a" }, { "a", "x", "c" }, { "x" }, { "c", "b" } },
};

static void test_cycle(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(cycles); i++) {
                _cleanup_(entities_freep) Entities *e = entities_new();
                const EntityUid *loop = NULL;
                _cleanup_arena_ Arena arena;

                arena_init(&arena, NULL, 0, SIZE_MAX);
                for (size_t j = 0; j < 4 && cycles[i][j][0]; j++)
                        assert_int_equal(add_row(&arena, e, cycles[i][j], &none), 0);
                assert_int_equal(entities_finish(e, &loop), -ELOOP);
                assert_non_null(loop);
                assert_false(text_equal(loop->id, TEXT("x")));
        }
}

/* A chain costs the square of its length, and a long one is too much. */
static int finish_chain(size_t n) {
        _cleanup_(entities_freep) Entities *e = entities_new();
        _cleanup_free_ uint64_t *names = mem_new0(uint64_t, n + 1);
        const EntityUid *loop;
        int r;

        assert_non_null(e);
        assert_non_null(names);
        for (size_t i = 0; i <= n; i++)
                names[i] = i;
        for (size_t i = 0; i < n; i++) {
                EntityUid parent = { TEXT("T"), { (char *) &names[i + 1], sizeof(uint64_t) } };
                Entity entity = { .uid = { TEXT("T"), { (char *) &names[i], sizeof(uint64_t) } },
                        .attributes = &none,
                        .tags = &none,
                        .n_parents = 1,
                        .parents = &parent };

                assert_int_equal(entities_add(e, &entity), 0);
        }
        r = entities_finish(e, &loop);
        if (r >= 0) {
                EntityUid first = { TEXT("T"), { (char *) &names[0], sizeof(uint64_t) } };
                EntityUid last = { TEXT("T"), { (char *) &names[n], sizeof(uint64_t) } };

                assert_true(entities_is_in(e, &first, &last));
                assert_false(entities_is_in(e, &last, &first));
        }
        return r;
}

static void test_long(_unused_ void **state) {
        assert_int_equal(finish_chain(2000), 0);
        assert_int_equal(finish_chain(100000), -E2BIG);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_in),
                cmocka_unit_test(test_twice),
                cmocka_unit_test(test_cycle),
                cmocka_unit_test(test_long),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
