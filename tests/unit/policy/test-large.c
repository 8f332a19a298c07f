/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that are long, deep or both: what is read of twice the text takes about twice the memory, nothing overflows the
 * stack, and what is decided over it is right. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "policy/policy.h"

#define MEMORY_MAX ((size_t) 1024 * 1024 * 1024)
#define N          20000

/* before, then n times each, with a number for its %, and between between each two of them; then after. */
typedef struct Shape {
        const char *name, *before, *each, *between, *after;
} Shape;

#define HEAD "permit(principal, action, resource)"

static const Shape wide[] = {
        { "and", HEAD "when{", "true", "&&", "};" },
        { "or", HEAD "when{", "false", "||", " || true};" },
        { "sum", HEAD "when{", "1", "+", " > 0};" },
        { "difference", HEAD "when{", "1", "-", " < 0};" },
        { "product", HEAD "when{", "1", "*", " == 1};" },
        { "numbers", HEAD "when{[", "%", ",", "].contains(7)};" },
        { "numbers that come again", HEAD "when{[", "7", ",", "] == [7]};" },
        { "all of a set", HEAD "when{[", "%", ",", "].containsAll([3, 2, 1, 3])};" },
        { "sets", HEAD "when{![", "[%]", ",", "].contains([])};" },
        { "a record", HEAD "when{{", "a%:%", ",", "} has a7};" },
        { "has", HEAD "when{!(context has a", ".a", "", ")};" },
        { "conditions", HEAD, "when{true}", " ", ";" },
        { "unless", HEAD, "unless{false}", " ", ";" },
        { "annotations", "", "@a%(\"x\")", " ", HEAD ";" },
        { "actions", "permit(principal, action in [", "Action::\"%\"", ",", "], resource);" },
        { "namespaces", HEAD "when{principal != a::", "b", "::", "::\"x\"};" },
        { "a string", HEAD "when{\"", "a", "", "\" like \"a*a\"};" },
        { "escapes", HEAD "when{\"", "\\u{61}", "", "\" like \"a*a\"};" },
        { "stars", HEAD "when{\"b\" like \"", "*", "", "b\"};" },
        { "comments", "", "//\n", "", HEAD ";" },
        { "policies", "", HEAD "when{%==%};", "\n", "" },
};

static char *text_make(const Shape *shape, size_t n, size_t *ret_size) {
        char *text = NULL;
        FILE *f = open_memstream(&text, ret_size);

        assert_non_null(f);
        fputs(shape->before, f);
        for (size_t i = 0; i < n; i++) {
                fputs(i > 0 ? shape->between : "", f);
                for (const char *p = shape->each; *p; p++)
                        if (*p == '%')
                                fprintf(f, "%zu", i);
                        else
                                fputc(*p, f);
        }
        fputs(shape->after, f);
        assert_int_equal(fclose(f), 0);
        return text;
}

static int on_policy(Policy *policy, void *userdata) {
        size_t *n = userdata;

        assert_non_null(policy);
        (*n)++;
        return 0;
}

/* The bytes that reading takes. */
static size_t measure_parse(const Shape *shape, size_t n) {
        _cleanup_free_ char *text = NULL, *err = NULL;
        _cleanup_arena_ Arena arena;
        PolicySource source = { .name = shape->name };
        size_t n_policies = 0;

        arena_init(&arena, NULL, 0, MEMORY_MAX);
        text = text_make(shape, n, &source.text.size);
        source.text.data = text;
        if (syntax_parse_policies(&arena, &source, on_policy, &n_policies, &err) < 0)
                fail_msg("%s", err);
        assert_in_range(n_policies, 1, n);
        return arena.used;
}

static void test_parse(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(wide); i++) {
                size_t once = measure_parse(&wide[i], N), twice = measure_parse(&wide[i], 2 * N);

                print_message("%s: %zu, %zu bytes\n", wide[i].name, once, twice);
                assert_in_range(twice, once, 2 * once + once / 2);
        }
}

/* Whether a decision needs no more than so many bytes; it is to allow. */
static bool decides_in(const PolicySet *set, size_t max) {
        static const EntityUid principal = { TEXT("A"), TEXT("p") }, action = { TEXT("Action"), TEXT("7") };
        const PolicyRequest request = { .principal = &principal, .action = &action, .resource = &principal };
        _cleanup_arena_ Arena arena;
        PolicyDecision d;
        int r;

        arena_init(&arena, NULL, 0, max);
        r = policy_set_decide(set, &request, &arena, &d);
        if (r == -ENOMEM)
                return false;
        assert_int_equal(r, 0);
        assert_int_equal(d.n_faults, 0);
        assert_true(d.allow);
        return true;
}

/* The least that a decision needs. */
static size_t measure_decide(const Shape *shape, size_t n) {
        _cleanup_free_ char *text = NULL, *err = NULL;
        _cleanup_(policy_set_freep) PolicySet *set = policy_set_new();
        size_t size, low = 0, high = POLICY_DECISION_MAX;

        assert_non_null(set);
        text = text_make(shape, n, &size);
        if (policy_set_add(set, shape->name, text, size, &err) < 0)
                fail_msg("%s", err);
        assert_true(decides_in(set, high));
        while (high - low > 64) {
                size_t middle = low + (high - low) / 2;

                if (decides_in(set, middle))
                        high = middle;
                else
                        low = middle;
        }
        return high;
}

static void test_decide(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(wide); i++) {
                size_t once = measure_decide(&wide[i], POLICY_SET_MAX / 2);
                size_t twice = measure_decide(&wide[i], POLICY_SET_MAX);

                print_message("%s: %zu, %zu bytes\n", wide[i].name, once, twice);
                assert_in_range(twice, once - 64, 2 * once + once / 2);
        }
}

static const Shape deep[] = {
        { "parentheses", HEAD "when{", "(", "", "" },
        { "sets", HEAD "when{", "[", "", "" },
        { "records", HEAD "when{", "{a:", "", "" },
        { "calls", HEAD "when{", "ip(", "", "" },
        { "methods", HEAD "when{[]", ".contains([]", "", "" },
        { "methods in a row", HEAD "when{[]", ".isEmpty()", "", "};" },
        { "if", HEAD "when{", "if ", "", "" },
        { "else", HEAD "when{", "if true then true else ", "", "true};" },
        { "not", HEAD "when{", "!", "", "true};" },
        { "minus", HEAD "when{", "-", "", "1 == 1};" },
        { "indexes", HEAD "when{context", "[\"a\"", "", "" },
        { "not in parentheses", HEAD "when{", "!(", "", "" },
};

static void test_deep(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(deep); i++) {
                _cleanup_free_ char *text = NULL, *err = NULL;
                _cleanup_arena_ Arena arena;
                PolicySource source = { .name = deep[i].name };
                size_t n_policies = 0;

                print_message("%s\n", deep[i].name);
                arena_init(&arena, NULL, 0, MEMORY_MAX);
                text = text_make(&deep[i], 10000, &source.text.size);
                source.text.data = text;
                assert_int_equal(syntax_parse_policies(&arena, &source, on_policy, &n_policies, &err), -EINVAL);
                assert_non_null(err);
                assert_true(strlen(err) < 400);
                assert_int_equal(n_policies, 0);
                assert_true(arena.used < (size_t) 1024 * 1024);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_decide),
                cmocka_unit_test(test_deep),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
