/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation fails once: nothing leaks, and out of memory is what the caller hears. */
#include "expr.h"
#include "unit/failing.h"

#include <string.h>

#include "base/mem.h"
#include "policy/policy.h"

static const EntityUid a = { TEXT("U"), TEXT("a") }, g = { TEXT("G"), TEXT("g") };
static const ValueRecord none = {};

static int make_entities(_unused_ void *arg) {
        _cleanup_(entities_freep) Entities *e = entities_new();
        const EntityUid *loop;
        int r;

        if (!e)
                return -ENOMEM;
        r = entities_add(e, &(Entity){ a, &none, &none, 1, &g });
        return r < 0 ? r : entities_finish(e, &loop);
}

static const char text[] =
                "permit(principal, action, resource) when { (principal == U::\"a\" || principal == U::\"b\") &&\n"
                "        action in [U::\"a\", U::\"c\"] && [1, 2].contains(context.x) };\n"
                "forbid(principal == ?principal, action, resource) unless { ip(\"::1\").isIpv6() };\n"
                "permit(principal, action, resource) when { [[1, 2], [3]].containsAny([]) || context.y };\n";

static int make_set(_unused_ void *arg) {
        _cleanup_(policy_set_freep) PolicySet *s = policy_set_new();
        _cleanup_free_ char *err = NULL;
        int r;

        if (!s)
                return -ENOMEM;
        r = policy_set_add(s, "test", text, strlen(text), &err);
        return r < 0 ? r : policy_set_link(s, "policy1", "linked", &a, NULL);
}

/* A set that could not be added to is as it was. */
static int add_again(void *arg) {
        _cleanup_free_ char *err = NULL;
        PolicySet *s = arg;
        size_t n = policy_set_size(s);
        int r;

        r = policy_set_add(s, "test", text, strlen(text), &err);
        assert_int_equal(policy_set_size(s), r < 0 ? n : n + 3);
        return r;
}

/* Only the arena allocates, and with a block of the caller's not even that. */
static int decide(void *arg) {
        const PolicyRequest request = { &a, &a, &a, NULL, NULL };
        PolicyDecision decision;
        _cleanup_arena_ Arena arena;
        int r;

        arena_init(&arena, NULL, 0, POLICY_DECISION_MAX);
        r = policy_set_decide(arg, &request, &arena, &decision);
        if (r >= 0)
                assert_int_equal(decision.n_faults, 2);
        return r;
}

static int decide_in_block(void *arg) {
        const PolicyRequest request = { &a, &a, &a, NULL, NULL };
        char block[4096] __attribute__((aligned(16)));
        PolicyDecision decision;
        _cleanup_arena_ Arena arena;

        arena_init(&arena, block, sizeof(block), POLICY_DECISION_MAX);
        return policy_set_decide(arg, &request, &arena, &decision);
}

static int parse_expr(void *arg) {
        const PolicySource source = { "test", text_of(arg) };
        _cleanup_free_ char *err = NULL;
        _cleanup_arena_ Arena arena;
        Expr *e;
        int r;

        arena_init(&arena, NULL, 0, 1 << 20);
        r = expr_parse(&arena, &source, &e, &err);
        assert_int_equal(!err, r != -EINVAL);
        return r == -EINVAL ? 0 : r;
}

static int parse_entity(void *arg) {
        _cleanup_arena_ Arena arena;
        char *err = NULL;
        EntityUid uid;

        arena_init(&arena, NULL, 0, 1 << 20);
        return syntax_parse_entity(&arena, arg, &uid, &err);
}

static int print(_unused_ void *arg) {
        const Value item = { .kind = VALUE_ENTITY, .entity = &a };
        const ValueSet set = { 1, &item };
        const ValueMember member = { TEXT("a name that is longer than what a buffer begins with, which is not much"),
                { .kind = VALUE_SET, .set = &set } };
        const ValueRecord record = { 1, &member };
        _cleanup_free_ char *s = value_to_string(&(Value){ .kind = VALUE_RECORD, .record = &record });

        return s ? 0 : -ENOMEM;
}

static void test_parse(_unused_ void **state) {
        static char good[] = "if A::B::\"\\n\" has a.b then {a: [-1, 2 + 3]} else context.x.contains(ip(\"::1\")) && "
                             "context like \"a*\"",
                    bad[] = "[1, 2, foo]", entity[] = "A :: B::\"\\n\"";

        assert_in_range(each_failing(parse_expr, good), 2, 50);
        assert_in_range(each_failing(parse_expr, bad), 5, 50);
        assert_in_range(each_failing(parse_entity, entity), 2, 10);
        assert_in_range(each_failing(print, NULL), 1, 10);
}

static void test_entities(_unused_ void **state) {
        assert_in_range(each_failing(make_entities, NULL), 5, 50);
}

static void test_set(_unused_ void **state) {
        assert_in_range(each_failing(make_set, NULL), 10, 200);
}

static void test_decide(_unused_ void **state) {
        _cleanup_(policy_set_freep) PolicySet *s = policy_set_new();
        _cleanup_free_ char *err = NULL;

        assert_non_null(s);
        assert_int_equal(policy_set_add(s, "test", text, strlen(text), &err), 0);
        assert_in_range(each_failing(decide, s), 1, 10);
        assert_int_equal(each_failing(decide_in_block, s), 0);
        (void) each_failing(add_again, s);
        assert_int_equal(policy_set_size(s), 6);
}

/* As a system's configuration generates them: rule N lets vmN call methodN of vmN. */
static char *generate_rules(size_t n, size_t *ret_size) {
        char *rules = NULL;
        FILE *f = open_memstream(&rules, ret_size);

        assert_non_null(f);
        for (size_t i = 0; i < n; i++)
                fprintf(f,
                                "permit (principal, action, resource) when {\n"
                                "  (principal == Source::\"gui-vm\" || principal == Source::\"vm%zu\") &&\n"
                                "  resource == Module::\"admin\" &&\n"
                                "  (action == Command::\"QueryList\" || action == Command::\"method%zu\") &&\n"
                                "  (context has \"VmName\" && (context.VmName == \"vm%zu\" || context.VmName == "
                                "\"x\"))\n"
                                "};\n",
                                i, i, i);
        assert_int_equal(fclose(f), 0);
        return rules;
}

/* Whoever is allowed costs no allocation, however many rules there are. */
static void test_allow(_unused_ void **state) {
        static const EntityUid principals[] = { { TEXT("Source"), TEXT("vm7") }, { TEXT("Source"), TEXT("gui-vm") } };
        static const EntityUid actions[] = { { TEXT("Command"), TEXT("method7") },
                { TEXT("Command"), TEXT("QueryList") } };
        static const EntityUid resource = { TEXT("Module"), TEXT("admin") };
        static const ValueMember member = { TEXT("VmName"), { .kind = VALUE_STRING, .string = TEXT("vm7") } };
        static const ValueRecord context = { 1, &member };
        _cleanup_(policy_set_freep) PolicySet *s = policy_set_new();
        _cleanup_free_ char *rules = NULL, *err = NULL;
        size_t size;

        assert_non_null(s);
        rules = generate_rules(200, &size);
        assert_int_equal(policy_set_add(s, "rules", rules, size, &err), 0);
        for (size_t i = 0; i < ELEMENTSOF(principals); i++) {
                const PolicyRequest request = { &principals[i], &actions[i], &resource, &context, NULL };
                char block[4096] __attribute__((aligned(16)));
                PolicyDecision decision;
                _cleanup_arena_ Arena arena;

                arena_init(&arena, block, sizeof(block), POLICY_DECISION_MAX);
                allocations_left = 0;
                assert_int_equal(policy_set_decide(s, &request, &arena, &decision), 0);
                allocations_left = SIZE_MAX;
                assert_true(decision.allow);
                assert_int_equal(decision.n_reasons, 1);
                assert_string_equal(decision.reasons[0]->id, "policy7");
                assert_int_equal(decision.n_faults, 0);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_entities),
                cmocka_unit_test(test_set),
                cmocka_unit_test(test_decide),
                cmocka_unit_test(test_allow),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
