/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of policies: what is decided, by whom, and what failed; ids, limits and templates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "policy/policy.h"

static const EntityUid a = { TEXT("U"), TEXT("a") }, view = { TEXT("Action"), TEXT("view") };
static const EntityUid r1 = { TEXT("R"), TEXT("1") };
static const PolicyRequest request = { &a, &view, &r1, NULL, NULL };

#define PERMIT      "permit(principal, action, resource);"
#define FORBID      "forbid(principal, action, resource);"
#define PERMIT_FAIL "permit(principal, action, resource) when { context.x };"
#define FORBID_FAIL "forbid(principal, action, resource) when { context.x };"
#define PERMIT_NOT  "permit(principal, action, resource) when { false };"
#define FORBID_NOT  "forbid(principal, action, resource) unless { true };"

/* Policies, and the decision: allow or deny, the reasons, the faults. */
static const struct {
        const char *text, *expected;
} golden[] = {
        { "", "deny [] []" },
        { PERMIT, "allow [0] []" },
        { FORBID, "deny [0] []" },
        { PERMIT PERMIT_NOT PERMIT, "allow [0 2] []" },
        { PERMIT FORBID PERMIT FORBID, "deny [1 3] []" },
        { PERMIT FORBID_NOT, "allow [0] []" },
        { PERMIT_FAIL, "deny [] [0]" },
        { PERMIT FORBID_FAIL, "allow [0] [1]" },
        { FORBID_FAIL PERMIT_FAIL PERMIT FORBID, "deny [3] [0 1]" },
        { "permit(principal == U::\"a\", action == Action::\"view\", resource == R::\"1\");", "allow [0] []" },
        { "permit(principal == U::\"b\", action, resource);", "deny [] []" },
        { "permit(principal, action == Action::\"edit\", resource);", "deny [] []" },
        { "permit(principal, action, resource == R::\"2\");", "deny [] []" },
        { "permit(principal in U::\"a\", action in [Action::\"x\", Action::\"view\"], resource in R::\"1\");",
                        "allow [0] []" },
        { "permit(principal, action in [], resource);", "deny [] []" },
        { "permit(principal is U, action, resource is R);", "allow [0] []" },
        { "permit(principal is R, action, resource);", "deny [] []" },
        { "permit(principal is U in U::\"a\", action, resource is R in R::\"2\");", "deny [] []" },
        { "permit(principal is U in U::\"a\", action, resource is R in R::\"1\");", "allow [0] []" },
        /* What the head excludes does not fail, and neither does what a condition before it excludes. */
        { "permit(principal == U::\"b\", action, resource) when { context.x };", "deny [] []" },
        { "permit(principal, action, resource) when { false } when { context.x };", "deny [] []" },
        { "permit(principal, action, resource) unless { true } unless { context.x };", "deny [] []" },
        { "permit(principal, action, resource) when { context.x } when { false };", "deny [] [0]" },
        { "permit(principal, action, resource) when { 1 };", "deny [] [0]" },
        { "permit(principal, action, resource) unless { 1 };", "deny [] [0]" },
        { "permit(principal, action, resource) when { true } unless { false } when { principal == U::\"a\" };",
                        "allow [0] []" },
        { "permit(principal == ?principal, action, resource);" PERMIT, "allow [1] []" },
};

static PolicySet *make_set(const char *text) {
        _cleanup_(policy_set_freep) PolicySet *s = policy_set_new();
        _cleanup_free_ char *err = NULL;

        assert_non_null(s);
        if (policy_set_add(s, "test", text, strlen(text), &err) < 0)
                fail_msg("%s", err);
        return TAKE_PTR(s);
}

static void put(char *s, size_t size, const Policy *policy) {
        size_t n = strlen(s);

        (void) snprintf(s + n, size - n, "%s%s", s[n - 1] == '[' ? "" : " ",
                        policy->id + (strncmp(policy->id, "policy", 6) == 0 ? 6 : 0));
}

static void decide(const PolicySet *s, char *ret, size_t size) {
        PolicyDecision decision;
        _cleanup_arena_ Arena arena;

        arena_init(&arena, NULL, 0, POLICY_DECISION_MAX);
        assert_int_equal(policy_set_decide(s, &request, &arena, &decision), 0);
        (void) snprintf(ret, size, "%s [", decision.allow ? "allow" : "deny");
        for (size_t i = 0; i < decision.n_reasons; i++)
                put(ret, size, decision.reasons[i]);
        strcat(ret, "] [");
        for (size_t i = 0; i < decision.n_faults; i++)
                put(ret, size, decision.faults[i].policy);
        strcat(ret, "]");
}

static void test_golden(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(golden); i++) {
                _cleanup_(policy_set_freep) PolicySet *s = make_set(golden[i].text);
                char found[256];

                print_message("%s\n", golden[i].text);
                decide(s, found, sizeof(found));
                assert_string_equal(found, golden[i].expected);
        }
}

static void test_fault(_unused_ void **state) {
        _cleanup_(policy_set_freep) PolicySet *s = make_set(PERMIT PERMIT_FAIL);
        char block[1024] __attribute__((aligned(16)));
        PolicyDecision decision;
        _cleanup_arena_ Arena arena;

        arena_init(&arena, block, sizeof(block), sizeof(block));
        assert_int_equal(policy_set_decide(s, &request, &arena, &decision), 0);
        assert_int_equal(decision.n_faults, 1);
        assert_string_equal(decision.faults[0].why, "the context has no attribute \"x\"");
        assert_memory_equal((PERMIT PERMIT_FAIL) + decision.faults[0].span.start, "context.x", 9);
        assert_ptr_equal(decision.faults[0].policy, policy_set_get(s, 1));
        assert_null(arena.chunks);
}

/* A bound on memory is a denial; what one policy takes is there for the next. */
static void test_bound(_unused_ void **state) {
        char text[64 * 1024] = "";
        _cleanup_(policy_set_freep) PolicySet *s = NULL;
        PolicyDecision decision;
        _cleanup_arena_ Arena arena;

        for (int i = 0; i < 100; i++)
                strcat(text, "permit(principal, action, resource) when { [1, 2, 3].contains([[4], 5]) };");
        strcat(text, PERMIT);
        s = make_set(text);
        arena_init(&arena, NULL, 0, 1024);
        assert_int_equal(policy_set_decide(s, &request, &arena, &decision), 0);
        assert_true(decision.allow);
        arena_done(&arena);
        arena_init(&arena, NULL, 0, 64);
        assert_int_equal(policy_set_decide(s, &request, &arena, &decision), -ENOMEM);
}

static int add(PolicySet *s, const char *text, char **reterr) {
        free(*reterr);
        return policy_set_add(s, "more", text, strlen(text), reterr);
}

/* Texts are added whole or not at all, and ids go on counting. */
static void test_add(_unused_ void **state) {
        _cleanup_(policy_set_freep) PolicySet *s = make_set(PERMIT_NOT PERMIT_NOT);
        _cleanup_free_ char *err = NULL;
        char found[256];

        assert_int_equal(add(s, PERMIT FORBID "permit(", &err), -EINVAL);
        assert_non_null(err);
        assert_int_equal(policy_set_size(s), 2);
        decide(s, found, sizeof(found));
        assert_string_equal(found, "deny [] []");
        assert_int_equal(add(s, PERMIT_NOT PERMIT, &err), 0);
        assert_null(err);
        decide(s, found, sizeof(found));
        assert_string_equal(found, "allow [3] []");
        assert_string_equal(policy_set_get(s, 3)->id, "policy3");
        assert_string_equal(policy_set_get(s, 3)->source->name, "more");
        assert_null(policy_set_get(s, 4));
}

static void test_limits(_unused_ void **state) {
        _cleanup_free_ char *text = mem_new(char, POLICY_TEXT_MAX + 1), *err = NULL;
        _cleanup_(policy_set_freep) PolicySet *s = make_set(PERMIT);
        size_t size = strlen(PERMIT);

        assert_non_null(text);
        memset(text, ' ', POLICY_TEXT_MAX + 1);
        assert_int_equal(policy_set_add(s, "blank", text, POLICY_TEXT_MAX + 1, &err), -E2BIG);
        assert_non_null(err);
        free(TAKE_PTR(err));
        assert_int_equal(policy_set_add(s, "blank", text, POLICY_TEXT_MAX - size, &err), 0);
        assert_int_equal(policy_set_add(s, "blank", text, 1, &err), -E2BIG);
        free(TAKE_PTR(err));

        policy_set_free(TAKE_PTR(s));
        s = make_set("");
        for (size_t i = 0; i <= POLICY_SET_MAX; i++)
                memcpy(text + i * size, PERMIT, size);
        assert_int_equal(policy_set_add(s, "many", text, (POLICY_SET_MAX + 1) * size, &err), -E2BIG);
        free(TAKE_PTR(err));
        assert_int_equal(policy_set_size(s), 0);
        assert_int_equal(policy_set_add(s, "many", text, POLICY_SET_MAX * size, &err), 0);
        assert_int_equal(policy_set_size(s), POLICY_SET_MAX);
        assert_int_equal(policy_set_add(s, "many", text, size, &err), -E2BIG);
}

#define TEMPLATES                                                                                                      \
        "permit(principal == ?principal, action, resource in ?resource);"                                              \
        "forbid(principal is U in ?principal, action, resource) when { context has x };" PERMIT_NOT

static const struct {
        const char *template, *id;
        const EntityUid *principal, *resource;
        int r;
        const char *decision;
} links[] = {
        { "policy9", "x", &a, &r1, -ENOENT, "deny [] []" },
        { "policy2", "x", NULL, NULL, -ENOENT, "deny [] []" }, /* which has no slots */
        { "policy0", "x", &a, NULL, -EINVAL, "deny [] []" },
        { "policy0", "x", NULL, &r1, -EINVAL, "deny [] []" },
        { "policy1", "x", &a, &r1, -EINVAL, "deny [] []" },
        { "policy0", "policy1", &a, &r1, -EEXIST, "deny [] []" },
        { "policy0", "x", &r1, &a, 0, "deny [] []" },
        { "policy0", "y", &a, &r1, 0, "allow [y] []" },
        { "policy0", "y", &a, &r1, -EEXIST, "allow [y] []" },
        { "policy1", "z", &a, NULL, 0, "allow [y] []" },
        { "x", "w", &a, &r1, -ENOENT, "allow [y] []" }, /* which is linked */
        { "policy0", "policy3", &a, &r1, 0, "allow [y policy3] []" },
};

static void test_link(_unused_ void **state) {
        _cleanup_(policy_set_freep) PolicySet *s = make_set(TEMPLATES);
        _cleanup_free_ char *err = NULL;
        char found[256];

        for (size_t i = 0; i < ELEMENTSOF(links); i++) {
                print_message("%s as %s\n", links[i].template, links[i].id);
                assert_int_equal(policy_set_link(s, links[i].template, links[i].id, links[i].principal,
                                                 links[i].resource),
                                links[i].r);
                decide(s, found, sizeof(found));
                if (strncmp(links[i].id, "policy", 6) != 0)
                        assert_string_equal(found, links[i].decision);
        }
        assert_int_equal(policy_set_size(s), 7);
        assert_int_equal(add(s, PERMIT, &err), -EINVAL);
        assert_string_equal(err, "more: the id policy3 is that of a linked template");
}

static const struct {
        const char *text;
        bool may;
} may[] = {
        { "", false },
        { PERMIT, true },
        { PERMIT_FAIL, true },
        { PERMIT_NOT, false },
        { PERMIT FORBID, true },
        { FORBID, false },
        { "permit(principal, action, resource) when { context has x && context.x == 1 };", true },
        { "permit(principal == U::\"b\", action, resource);", false },
        { "permit(principal is R, action, resource);", false },
        { "permit(principal, action in [Action::\"view\"], resource);", true },
        { "permit(principal, action in [Action::\"edit\"], resource);", false },
        { "permit(principal, action, resource) when { principal == U::\"b\" || principal == U::\"a\" };", true },
        { "permit(principal, action, resource) when { principal == U::\"b\" || principal == U::\"c\" };", false },
        { "permit(principal == ?principal, action, resource);", false },
};

static void test_may_permit(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(may); i++) {
                _cleanup_(policy_set_freep) PolicySet *s = make_set(may[i].text);

                print_message("%s\n", may[i].text);
                assert_int_equal(policy_set_may_permit(s, &a, &view, &r1), may[i].may);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden),
                cmocka_unit_test(test_fault),
                cmocka_unit_test(test_bound),
                cmocka_unit_test(test_add),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_link),
                cmocka_unit_test(test_may_permit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
