/* SPDX-License-Identifier: Apache-2.0 */
/* Why one policy counted or not: which part of it decided. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "policy/policy.h"

#define HEAD "permit(principal, action, resource) "

static const struct {
        const char *text;
        PolicyOutcome outcome;
        const char *part; /* that decided; NULL: all of the policy */
        const char *why;
} golden[] = {
        { HEAD ";", POLICY_HOLDS, NULL, NULL },
        { HEAD "when { true } unless { false };", POLICY_HOLDS, NULL, NULL },
        { "permit(principal == ?principal, action, resource);", POLICY_TEMPLATE, NULL, NULL },
        { "permit(principal == U::\"b\", action, resource);", POLICY_OTHER_PRINCIPAL, "principal == U::\"b\"", NULL },
        { "permit(principal, action in [A::\"b\"], resource);", POLICY_OTHER_ACTION, "action in [A::\"b\"]", NULL },
        { "permit(principal, action, resource is T);", POLICY_OTHER_RESOURCE, "resource is T", NULL },
        { "permit(principal == U::\"b\", action, resource is T) when { context.x };", POLICY_OTHER_PRINCIPAL,
                        "principal == U::\"b\"", NULL },
        { HEAD "when { false };", POLICY_CONDITION, "false", NULL },
        { HEAD "when { true } when { 1 == 2 };", POLICY_CONDITION, "1 == 2", NULL },
        { HEAD "when { true && 1 == 2 && false };", POLICY_CONDITION, "1 == 2", NULL },
        { HEAD "when { true && (1 == 1 && (true && 2 < 1)) };", POLICY_CONDITION, "2 < 1", NULL },
        { HEAD "when { false || 1 == 2 };", POLICY_CONDITION, "false || 1 == 2", NULL },
        { HEAD "when { true && (false || 1 == 2) };", POLICY_CONDITION, "false || 1 == 2", NULL },
        { HEAD "when { !(false || 1 == 1 || true) };", POLICY_CONDITION, "1 == 1", NULL },
        { HEAD "when { !(true && 1 == 1) };", POLICY_CONDITION, "true && 1 == 1", NULL },
        { HEAD "when { !!(true && 1 == 2) };", POLICY_CONDITION, "1 == 2", NULL },
        { HEAD "when { if 1 == 1 then (true && 2 == 3) else true };", POLICY_CONDITION, "2 == 3", NULL },
        { HEAD "when { if 1 == 2 then true else 2 == 3 };", POLICY_CONDITION, "2 == 3", NULL },
        { HEAD "unless { true };", POLICY_CONDITION, "true", NULL },
        { HEAD "unless { false || 1 == 1 };", POLICY_CONDITION, "1 == 1", NULL },
        { HEAD "unless { !(true && 1 == 2) };", POLICY_CONDITION, "1 == 2", NULL },
        { HEAD "when { true && context.x };", POLICY_FAILS, "context.x", "the context has no attribute \"x\"" },
        { HEAD "when { 1 };", POLICY_FAILS, "1", "expected Bool, found Long" },
        { HEAD "when { true } unless { 1 + 2 };", POLICY_FAILS, "1 + 2", "expected Bool, found Long" },
        { HEAD "when { false } when { context.x };", POLICY_CONDITION, "false", NULL },
};

static const EntityUid a = { TEXT("U"), TEXT("a") };
static const PolicyRequest request = { &a, &a, &a, NULL, NULL };

static void test_golden(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(golden); i++) {
                _cleanup_(policy_set_freep) PolicySet *s = policy_set_new();
                const char *text = golden[i].text, *part = golden[i].part, *why = "";
                _cleanup_free_ char *err = NULL;
                PolicyOutcome outcome;
                _cleanup_arena_ Arena arena;
                const Policy *policy;
                Span span;

                print_message("%s\n", text);
                arena_init(&arena, NULL, 0, SIZE_MAX);
                assert_non_null(s);
                assert_int_equal(policy_set_add(s, "test", text, strlen(text), &err), 0);
                policy = policy_set_get(s, 0);
                assert_int_equal(policy_explain(policy, &request, &arena, &outcome, &span, &why), 0);
                assert_int_equal(outcome, golden[i].outcome);
                if (part) {
                        assert_int_equal(span.end - span.start, strlen(part));
                        assert_memory_equal(text + span.start, part, strlen(part));
                } else {
                        assert_int_equal(span.start, policy->span.start);
                        assert_int_equal(span.end, policy->span.end);
                }
                if (golden[i].why)
                        assert_string_equal(why, golden[i].why);
                else
                        assert_null(why);
        }
}

static void test_bound(_unused_ void **state) {
        static const char text[] = HEAD "when { [1].contains(1) && context.x };";
        _cleanup_(policy_set_freep) PolicySet *s = policy_set_new();
        _cleanup_free_ char *err = NULL;
        PolicyOutcome outcome;
        const char *why;
        Span span;

        assert_non_null(s);
        assert_int_equal(policy_set_add(s, "test", text, strlen(text), &err), 0);
        for (size_t max = 0; max < 128; max += 16) {
                _cleanup_arena_ Arena arena;
                int r;

                arena_init(&arena, NULL, 0, max);
                r = policy_explain(policy_set_get(s, 0), &request, &arena, &outcome, &span, &why);
                assert_int_equal(r, max < 96 ? -ENOMEM : 0);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden),
                cmocka_unit_test(test_bound),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
