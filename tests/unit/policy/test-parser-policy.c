/* SPDX-License-Identifier: Apache-2.0 */
/* Policies around their expressions: what is read, by printing it, and what is refused, word for word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "print.h"

#define MEMORY_MAX   ((size_t) 64 * 1024 * 1024)
#define POLICIES_MAX 8

typedef struct Policies {
        size_t n;
        Policy *policies[POLICIES_MAX];
} Policies;

static int on_policy(Policy *policy, void *userdata) {
        Policies *all = userdata;

        assert_true(all->n < POLICIES_MAX);
        all->policies[all->n++] = policy;
        return 0;
}

/* What it reads, one after the other. */
static char *read_and_print(const char *text, size_t n) {
        _cleanup_free_ char *message = NULL;
        _cleanup_arena_ Arena arena = {};
        const PolicySource source = { "t", text_of(text) };
        char *printed = strdup("");
        Policies all = {};

        arena_init(&arena, NULL, 0, MEMORY_MAX);
        if (syntax_parse_policies(&arena, &source, on_policy, &all, &message) < 0)
                fail_msg("%s", message);
        assert_int_equal(all.n, n);
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *before = printed, *one = print_to_string(NULL, all.policies[i]);

                assert_ptr_equal(all.policies[i]->source, &source);
                assert_int_equal(text[all.policies[i]->span.end - 1], ';');
                printed = strf("%s%s%s", before, i > 0 ? " " : "", one);
                assert_non_null(printed);
        }
        return printed;
}

static const struct {
        const char *text;
        size_t n;
        const char *read;
} policies[] = {
        { "", 0, "" },
        { " // nothing", 0, "" },
        { "permit(principal, action, resource);", 1, "permit(principal, action, resource);" },
        { "forbid (principal,action,resource,) ;", 1, "forbid(principal, action, resource);" },
        { "permit(principal, action, resource); forbid(principal, action, resource);", 2,
                        "permit(principal, action, resource); forbid(principal, action, resource);" },
        { "permit(principal == A::\"a\", action == B::\"b\", resource == C::D::\"c\");", 1,
                        "permit(principal == A::\"a\", action == B::\"b\", resource == C::D::\"c\");" },
        { "permit(principal in A::\"a\", action in B::\"b\", resource in C::\"c\");", 1,
                        "permit(principal in A::\"a\", action in [B::\"b\"], resource in C::\"c\");" },
        { "permit(principal is A, action in [], resource is C::D in E::\"e\");", 1,
                        "permit(principal is A, action in [], resource is C::D in E::\"e\");" },
        { "permit(principal is A in (B::\"b\"), action in ([(C::\"c\"), D::\"d\",]), resource == ((E::\"e\")));", 1,
                        "permit(principal is A in B::\"b\", action in [C::\"c\", D::\"d\"], resource == E::\"e\");" },
        { "permit(principal == ?principal, action, resource in ?resource);", 1,
                        "permit(principal == ?principal, action, resource in ?resource);" },
        { "permit(principal is A in (?principal), action, resource is B in ?resource);", 1,
                        "permit(principal is A in ?principal, action, resource is B in ?resource);" },
        { "permit(principal, action, resource) when { true } unless { 1 == 1 } when { context.a };", 1,
                        "permit(principal, action, resource) when { true } unless { 1 == 1 } "
                        "when { context[\"a\"] };" },
        { "@b(\"x\") @a @if(\"\\\"\\u{e9}\") permit(principal, action, resource);", 1,
                        "@a(\"\") @b(\"x\") @if(\"\\\"\xC3\xA9\") permit(principal, action, resource);" },
        { "@permit(\"\")permit(principal,action,resource)when{principal is permit};", 1,
                        "@permit(\"\") permit(principal, action, resource) when { principal is permit };" },
};

static void test_policies(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(policies); i++) {
                _cleanup_free_ char *printed = NULL, *again = NULL;

                print_message("%s\n", policies[i].text);
                printed = read_and_print(policies[i].text, policies[i].n);
                assert_string_equal(printed, policies[i].read);
                again = read_and_print(printed, policies[i].n);
                assert_string_equal(again, printed);
        }
}

static const struct {
        const char *text;
        unsigned column;
        const char *why;
} refusals[] = {
        { "permit", 7, "expected '(' and the scope of the policy, found the end of the text" },
        { "permit;", 7, "expected '(' and the scope of the policy, found ';'" },
        { "permit();", 8, "expected 'principal', which the scope begins with, found ')'" },
        { "permit(principal);", 17, "expected ',' and the action after the principal, found ')'" },
        { "permit(principal,);", 18, "expected 'action' after the principal, found ')'" },
        { "permit(principal, action);", 25, "expected ',' and the resource after the action, found ')'" },
        { "permit(principal, action, );", 27, "expected 'resource' after the action, found ')'" },
        { "permit(action, principal, resource);", 8,
                        "expected 'principal', which the scope begins with, found 'action'" },
        { "permit(principal, resource, action);", 19, "expected 'action' after the principal, found 'resource'" },
        { "permit(principal, action, resource, context);", 37, "expected ')' after the resource, found 'context'" },
        { "permit(principal, action, resource,, );", 36, "expected ')' after the resource, found ','" },
        { "permit(principal action, resource);", 18,
                        "expected ',' and the action after the principal, found 'action'" },
        { "permit(principal, action, resource)", 36,
                        "expected 'when', 'unless' or ';' after the policy, found the end of the text" },
        { "permit(principal, action, resource) // one\n\n", 36,
                        "expected 'when', 'unless' or ';' after the policy, found the end of the text" },
        { "permit(principal, action, resource when { true };", 36, "expected ')' after the resource, found 'when'" },
        { "permit(principal, action, resource) when;", 41, "expected '{' and the condition, found ';'" },
        { "permit(principal, action, resource) when {};", 43, "the condition is empty" },
        { "permit(principal, action, resource) unless { };", 46, "the condition is empty" },
        { "permit(principal, action, resource) when true;", 42, "expected '{' and the condition, found 'true'" },
        { "permit(principal, action, resource) when { true;", 48, "expected '}' after the condition, found ';'" },
        { "permit(principal, action, resource) when { true } };", 51,
                        "expected 'when', 'unless' or ';' after the policy, found '}'" },
        { "permit(principal, action, resource) when { true; };", 48, "expected '}' after the condition, found ';'" },
        { "permit(principal, action, resource) if { true };", 37,
                        "expected 'when', 'unless' or ';' after the policy, found 'if'" },
        { "permit(principal, action, resource) where { true };", 37,
                        "expected 'when', 'unless' or ';' after the policy, found 'where': did you mean 'when'?" },
        { "permit(principal, action, resource) when { context.a = 1 };", 54,
                        "'=' is not an operator: did you mean '=='?" },
        { "permit(principal, action, resource) when { a == 1 };", 44,
                        "there is no variable 'a', only principal, action, resource and context (an attribute is "
                        "written context.a, a string \"a\")" },
        { "permit(principal, action, resource) when { principal == ?principal };", 57,
                        "slots stand for an entity of the scope, not in conditions" },
        { "permit(principal, action, resource) permit(principal, action, resource);", 37,
                        "expected 'when', 'unless' or ';' after the policy, found 'permit'" },
        { "Permit(principal, action, resource);", 1, "expected 'permit' or 'forbid', found 'Permit'" },
        { "allow(principal, action, resource);", 1,
                        "expected 'permit' or 'forbid', found 'allow': did you mean 'permit'?" },
        { "deny(principal, action, resource);", 1,
                        "expected 'permit' or 'forbid', found 'deny': did you mean 'forbid'?" },
        { "\"permit\"(principal, action, resource);", 1, "expected 'permit' or 'forbid', found \"permit\"" },
        { "permit (context, action, resource);", 9,
                        "expected 'principal', which the scope begins with, found 'context'" },
        { "permit(principal = User::\"a\", action, resource);", 18, "'=' is not an operator: did you mean '=='?" },
        { "permit(principal != User::\"a\", action, resource);", 18,
                        "the scope knows '==', 'in' and 'is': write more in a 'when'" },
        { "permit(principal < User::\"a\", action, resource);", 18,
                        "the scope knows '==', 'in' and 'is': write more in a 'when'" },
        { "permit(principal has a, action, resource);", 18,
                        "the scope knows '==', 'in' and 'is': write more in a 'when'" },
        { "permit(principal like \"a\", action, resource);", 18,
                        "the scope knows '==', 'in' and 'is': write more in a 'when'" },
        { "permit(principal.a == User::\"a\", action, resource);", 17,
                        "the scope knows '==', 'in' and 'is': write more in a 'when'" },
        { "permit(principal == \"a\", action, resource);", 21,
                        "a string is no entity: write its type too, as in Type::\"a\"" },
        { "permit(principal == User, action, resource);", 25,
                        "expected '::' and the id of the entity in quotes, found ','" },
        { "permit(principal == User::, action, resource);", 27, "expected a name or a string after '::', found ','" },
        { "permit(principal == User::a, action, resource);", 28,
                        "expected '::' and the id of the entity in quotes, found ','" },
        { "permit(principal == User::{id: \"a\"}, action, resource);", 27,
                        "an entity is written as in Namespace::User::\"alice\"" },
        { "permit(principal == __cedar::User::\"a\", action, resource);", 21,
                        "'__cedar' is a word of the language and cannot be a name" },
        { "permit(principal == if::\"a\", action, resource);", 21,
                        "'if' is a word of the language and cannot be a name" },
        { "permit(principal == 1, action, resource);", 21, "expected an entity, as in User::\"alice\", found '1'" },
        { "permit(principal == principal, action, resource);", 30,
                        "expected '::' and the id of the entity in quotes, found ','" },
        { "permit(principal == (User::\"a\", action, resource);", 31, "expected ')' after the entity, found ','" },
        { "permit(principal == User::\"a\" || true, action, resource);", 31,
                        "the scope knows '==', 'in' and 'is': write more in a 'when'" },
        { "permit(principal == User::\"\\q\", action, resource);", 28,
                        "no such escape: there are \\n \\r \\t \\0 \\\\ \\' \\\" \\x7f \\u{...}" },
        { "permit(principal == [User::\"a\"], action, resource);", 21,
                        "the principal takes one entity here: write when { principal in [...] }" },
        { "permit(principal in [User::\"a\"], action, resource);", 21,
                        "the principal takes one entity here: write when { principal in [...] }" },
        { "permit(principal is User in [User::\"a\"], action, resource);", 29,
                        "the principal takes one entity here: write when { principal in [...] }" },
        { "permit(principal == ?resource, action, resource);", 21, "the slot here is '?principal'" },
        { "permit(principal == ?foo, action, resource);", 21, "the slot here is '?principal'" },
        { "permit(principal ?principal, action, resource);", 18,
                        "expected ',' and the action after the principal, found '?principal'" },
        { "permit(principal, action == ?action, resource);", 29, "there is no slot for the action" },
        { "permit(principal, action in ?principal, resource);", 29, "there is no slot for the action" },
        { "permit(principal, action in [?principal], resource);", 30,
                        "expected an entity, as in User::\"alice\", found '?principal'" },
        { "permit(principal, action, resource in ?principal);", 39, "the slot here is '?resource'" },
        { "permit(principal: User, action, resource);", 17, "types are written with 'is', as in principal is User" },
        { "permit(principal is \"User\", action, resource);", 21,
                        "expected an entity type after 'is', found \"User\"" },
        { "permit(principal is User::\"a\", action, resource);", 27,
                        "'is' takes an entity type: did you mean '==' or 'in'?" },
        { "permit(principal is, action, resource);", 20, "expected an entity type after 'is', found ','" },
        { "permit(principal is ?principal, action, resource);", 21,
                        "expected an entity type after 'is', found '?principal'" },
        { "permit(principal is User == User::\"a\", action, resource);", 26,
                        "'is' and '==' cannot be used together: did you mean 'in'?" },
        { "permit(principal in Group::\"g\" is User, action, resource);", 32,
                        "'is' comes before 'in': principal is Type in Group::\"id\"" },
        { "permit(principal is User is User, action, resource);", 26,
                        "expected ',' and the action after the principal, found 'is'" },
        { "permit(principal, action is Action, resource);", 26,
                        "the scope of the action takes no 'is': write it in a 'when'" },
        { "permit(principal, action in Action::\"a\" is Action, resource);", 41,
                        "the scope of the action takes no 'is': write it in a 'when'" },
        { "permit(principal, action == [Action::\"a\"], resource);", 29, "'==' takes one entity: did you mean 'in'?" },
        { "permit(principal, action in [Action::\"a\", [Action::\"b\"]], resource);", 43,
                        "expected an entity, as in User::\"alice\", found '['" },
        { "permit(principal, action in [Action::\"a\" Action::\"b\"], resource);", 42,
                        "expected ',' or ']' after the entity, found 'Action'" },
        { "permit(principal, action in [, Action::\"b\"], resource);", 30,
                        "expected an entity, as in User::\"alice\", found ','" },
        { "permit(principal, action in Action::\"a\", Action::\"b\", resource);", 42,
                        "expected 'resource' after the action, found 'Action'" },
        { "permit(principal, action in, resource);", 28, "expected an entity, as in User::\"alice\", found ','" },
        { "@ permit(principal, action, resource);", 10,
                        "expected the value of the annotation as a string, found 'principal'" },
        { "@1 permit(principal, action, resource);", 2, "expected the name of an annotation after '@', found '1'" },
        { "@a() permit(principal, action, resource);", 4,
                        "expected the value of the annotation as a string, found ')'" },
        { "@a(b) permit(principal, action, resource);", 4,
                        "expected the value of the annotation as a string, found 'b'" },
        { "@a(\"b\" permit(principal, action, resource);", 8,
                        "expected ')' after the value of the annotation, found 'permit'" },
        { "@a(\"\\q\") permit(principal, action, resource);", 5,
                        "no such escape: there are \\n \\r \\t \\0 \\\\ \\' \\\" \\x7f \\u{...}" },
        { "@a @b(\"\") @a permit(principal, action, resource);", 11, "this annotation is there twice" },
        { "@a", 3, "expected 'permit' or 'forbid', found the end of the text" },
        { ";", 1, "expected 'permit' or 'forbid', found ';'" },
        { "1", 1, "expected 'permit' or 'forbid', found '1'" },
        { "{", 1, "expected 'permit' or 'forbid', found '{'" },
};

static void test_refusals(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(refusals); i++) {
                const PolicySource source = { "t", text_of(refusals[i].text) };
                _cleanup_free_ char *message = NULL, *expected = NULL;
                _cleanup_arena_ Arena arena = {};
                Policies all = {};

                print_message("%s\n", refusals[i].text);
                arena_init(&arena, NULL, 0, MEMORY_MAX);
                assert_int_equal(syntax_parse_policies(&arena, &source, on_policy, &all, &message), -EINVAL);
                assert_non_null(message);
                expected = strf("t:1:%u: %s\n", refusals[i].column, refusals[i].why);
                assert_non_null(startswith(message, expected));
        }
}

/* What has been read comes before what is refused. */
static void test_places(_unused_ void **state) {
        static const char text[] =
                        "// one\r\n@a permit(principal, action,\r\n  resource == A::\"a\")\r\n"
                        "when { true } unless { 1 == 2 };\r\n\r\n\tforbid(principal, action, resource) when;";
        const PolicySource source = { "rules.cedar", TEXT(text) };
        _cleanup_free_ char *message = NULL;
        _cleanup_arena_ Arena arena = {};
        Policies all = {};
        const Policy *policy;
        unsigned line, column;

        arena_init(&arena, NULL, 0, MEMORY_MAX);
        assert_int_equal(syntax_parse_policies(&arena, &source, on_policy, &all, &message), -EINVAL);
        assert_string_equal(message,
                        "rules.cedar:6:42: expected '{' and the condition, found ';'\n"
                        "   forbid(principal, action, resource) when;\n"
                        "                                           ^");
        assert_int_equal(all.n, 1);
        policy = all.policies[0];
        source_position(&source, policy->span, &line, &column);
        assert_int_equal(line, 2);
        assert_int_equal(column, 1);
        source_position(&source, policy->resource.span, &line, &column);
        assert_int_equal(line, 3);
        assert_int_equal(column, 3);
        source_position(&source, policy->conditions[1].span, &line, &column);
        assert_int_equal(line, 4);
        assert_int_equal(column, 15);
        source_position(&source, policy->conditions[1].expr->span, &line, &column);
        assert_int_equal(column, 24);
        assert_true(text_equal(policy_get_annotation(policy, TEXT("a")), TEXT("")));
        assert_non_null(policy_get_annotation(policy, TEXT("a")).data);
        assert_null(policy_get_annotation(policy, TEXT("b")).data);
}

static int refuse_policy(_unused_ Policy *policy, _unused_ void *userdata) {
        return -ECANCELED;
}

static void test_stops(_unused_ void **state) {
        const PolicySource source = { "t", TEXT("permit(principal, action, resource); nonsense") };
        _cleanup_free_ char *message = NULL;
        _cleanup_arena_ Arena arena = {};

        arena_init(&arena, NULL, 0, MEMORY_MAX);
        assert_int_equal(syntax_parse_policies(&arena, &source, refuse_policy, NULL, &message), -ECANCELED);
        assert_null(message);
}

static void test_entity(_unused_ void **state) {
        static const char *const bad[] = { "", "User", "User::", "\"alice\"", "User::\"alice\" x", "(User::\"alice\")",
                "__cedar::User::\"alice\"", "User::\"alice", "?principal", "User::\"\\q\"" };
        char text[] = " Ns::User //\n::\"a\\\"b\" ";
        _cleanup_arena_ Arena arena = {};
        char *message = NULL;
        EntityUid uid;

        arena_init(&arena, NULL, 0, MEMORY_MAX);
        assert_int_equal(syntax_parse_entity(&arena, text, &uid, &message), 0);
        memset(text, 'x', sizeof(text));
        assert_true(text_equal(uid.type, TEXT("Ns::User")));
        assert_true(text_equal(uid.id, TEXT("a\"b")));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(syntax_parse_entity(&arena, bad[i], &uid, &message), -EINVAL);
                assert_non_null(startswith(message, "entity:1:"));
                free(message);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_policies),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_places),
                cmocka_unit_test(test_stops),
                cmocka_unit_test(test_entity),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
