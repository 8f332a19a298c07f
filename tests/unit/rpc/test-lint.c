/* SPDX-License-Identifier: Apache-2.0 */
/* What the lint of rules promises to whoever calls it: what it finds is in the rule that it was given, and what it
 * takes has a bound. Which doubts there are, tests/cli/test_policy.py knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "rpc/contract.h"
#include "rpc/lint.h"

#define HEAD "permit(principal, action, resource) when { "

/* The doubts of a text, one a line. */
typedef struct Found {
        char *text;
        size_t n;
} Found;

static void on_found(const Policy *policy, Span span, char *sentence, void *userdata) {
        _cleanup_free_ char *owned = sentence;
        Found *f = userdata;

        assert_non_null(owned);
        assert_true(str_is_printable(owned));
        assert_true(span.start >= policy->span.start && span.start <= span.end && span.end <= policy->span.end);
        assert_true(str_extend(&f->text, "\n", "%s", owned) >= 0);
        f->n++;
}

static Found lint(const char *text, unsigned effort) {
        PolicySet *set = policy_set_new();
        _cleanup_free_ char *error = NULL;
        Found f = {};

        assert_non_null(set);
        if (policy_set_add(set, "rules", text, strlen(text), &error) < 0)
                fail_msg("%s", strempty(error));
        for (size_t i = 0; i < policy_set_size(set); i++)
                lint_policy(policy_set_get(set, i), &effort, on_found, &f);
        policy_set_free(set);
        return f;
}

static void test_found(_unused_ void **state) {
        Found f = lint(HEAD "action == Command::\"StartVn\" };\n" HEAD "resource in Module::\"admin\" };\n" HEAD
                            "context has VmNam };",
                        LINT_EFFORT_MAX);

        assert_int_equal(f.n, 2);
        assert_non_null(strstr(f.text, "there is no method 'StartVn': did you mean 'StartVM'?\n"));
        assert_non_null(strstr(f.text, "no call that gets here has 'VmNam' in its context: did you mean 'VmName'?"));
        free(f.text);
}

/* A guard that could not be looked for is not missed. */
static void test_without_effort(_unused_ void **state) {
        static const char guarded[] = "forbid(principal, action, resource)\n"
                                      "when { context has VmName && context.VmName == \"a\" && "
                                      "action != Command::\"StartVn\" };";
        Found f = lint(guarded, LINT_EFFORT_MAX), less = lint(guarded, 0);

        assert_int_equal(f.n, 1);
        assert_int_equal(less.n, 1);
        assert_string_equal(f.text, less.text);
        free(f.text);
        free(less.text);
}

/* A list, each in its turn. */
static char *text_make(const char *before, const char *each, size_t n, const char *after) {
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        fputs(before, out);
        for (size_t i = 0; i < n; i++)
                fprintf(out, "%s\"a%zu\"", i > 0 ? each : "", i);
        fputs(after, out);
        assert_int_equal(fclose(out), 0);
        return text;
}

/* Sixteen times the list takes about sixteen times as long, and not the square of it. */
static void test_long_list(_unused_ void **state) {
        usec_t took[2];

        for (size_t i = 0; i < ELEMENTSOF(took); i++) {
                _cleanup_free_ char *text = text_make(HEAD "[", ", ", 4000 << i * 4, "].contains(context.VmName) };");
                usec_t before = time_now(CLOCK_PROCESS_CPUTIME_ID);
                Found f = lint(text, LINT_EFFORT_MAX);

                took[i] = time_now(CLOCK_PROCESS_CPUTIME_ID) - before;
                assert_int_equal(f.n, 0);
        }
        assert_true(took[1] < 64 * took[0]);
}

static char *nest(const char *inner, const char *before, const char *after, unsigned depth) {
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        fputs(HEAD, out);
        for (unsigned i = 0; i < depth; i++)
                fputs(before, out);
        fputs(inner, out);
        for (unsigned i = 0; i < depth; i++)
                fputs(after, out);
        fputs(" };", out);
        assert_int_equal(fclose(out), 0);
        return text;
}

/* As deep as rules nest. */
static void test_deep(_unused_ void **state) {
        static const struct {
                const char *before, *after;
                unsigned depth;
        } shapes[] = {
                { "(context has AppName || context has UnitName && ", ")", 49 },
                { "(", " || context has AppName) && context has UnitName", 49 },
                { "if context has VmName then true else (", ")", 49 },
                { "[", "].contains(true)", 49 },
                { "!(", ")", 49 },
        };

        for (size_t i = 0; i < ELEMENTSOF(shapes); i++) {
                _cleanup_free_ char *text = nest("true", shapes[i].before, shapes[i].after, shapes[i].depth);
                Found f = lint(text, LINT_EFFORT_MAX);

                free(f.text);
        }
}

static void test_contract(_unused_ void **state) {
        const ProtobufCServiceDescriptor *service;
        size_t n_methods = 0, n = 0;
        ContractMethod m;

        for (size_t i = 0; (service = contract_get_service(i)); i++)
                for (unsigned k = 0; k < service->n_methods; k++, n_methods++) {
                        assert_true(contract_get_method(n_methods, &m));
                        assert_ptr_equal(m.service, service);
                        assert_ptr_equal(m.method, service->methods + k);
                }
        while (contract_get_method(n, &m))
                n++;
        assert_int_equal(n, n_methods);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_found),
                cmocka_unit_test(test_without_effort),
                cmocka_unit_test(test_long_list),
                cmocka_unit_test(test_deep),
                cmocka_unit_test(test_contract),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
