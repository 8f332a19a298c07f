/* SPDX-License-Identifier: Apache-2.0 */
/* The index leaves out what it can tell, and nothing that holds or fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "policy/evaluate.h"
#include "policy/index.h"

static const EntityUid entities_of_all[] = {
        { TEXT("U"), TEXT("a") },
        { TEXT("U"), TEXT("b") },
        { TEXT("U"), TEXT("c") },
        { TEXT("G"), TEXT("g") },
        { TEXT("G"), TEXT("h") },
};

/* a is in g, and b too, which is in h. */
static Entities *make_entities(void) {
        static const ValueMember member = { TEXT("x"), { .kind = VALUE_BOOL, .boolean = true } };
        static const ValueRecord none = {}, some = { 1, &member };
        _cleanup_(entities_freep) Entities *e = entities_new();
        const EntityUid *all = entities_of_all, *loop;

        assert_non_null(e);
        assert_int_equal(entities_add(e, &(Entity){ all[0], &some, &none, 1, &all[3] }), 0);
        assert_int_equal(entities_add(e, &(Entity){ all[1], &none, &none, 1, &all[3] }), 0);
        assert_int_equal(entities_add(e, &(Entity){ all[3], &none, &none, 1, &all[4] }), 0);
        assert_int_equal(entities_finish(e, &loop), 0);
        return TAKE_PTR(e);
}

static PolicySet *make_set(const char *text) {
        _cleanup_(policy_set_freep) PolicySet *s = policy_set_new();
        _cleanup_free_ char *err = NULL;

        assert_non_null(s);
        if (policy_set_add(s, "test", text, strlen(text), &err) < 0)
                fail_msg("%s", err);
        return TAKE_PTR(s);
}

/* A policy's head and conditions, and whether it is asked of U::"a", for an action and a resource of the same. */
static const struct {
        const char *head, *conditions;
        bool asked;
} golden[] = {
        { "principal, action, resource", "", true },
        { "principal == U::\"a\", action, resource", "", true },
        { "principal == U::\"b\", action, resource", "", false },
        { "principal in G::\"g\", action, resource", "", true },
        { "principal in G::\"h\", action, resource", "", true },
        { "principal in U::\"c\", action, resource", "", false },
        { "principal is G in U::\"c\", action, resource", "", false },
        { "principal is G, action, resource", "", true }, /* types are not indexed */
        { "principal, action == U::\"b\", resource", "", false },
        { "principal, action in [], resource", "", false },
        { "principal, action in [U::\"b\", G::\"h\"], resource", "", true },
        { "principal, action, resource == U::\"b\"", "", false },
        /* As the NixOS modules write them. */
        { "principal, action, resource",
                        "when { (principal == U::\"b\" || principal == U::\"c\") && resource == U::\"a\" }", false },
        { "principal, action, resource",
                        "when { (principal == U::\"b\" || principal == U::\"a\") && resource == U::\"a\" && "
                        "(action == U::\"c\") && (context has \"VmName\" && context.VmName == \"x\") }",
                        false },
        { "principal, action, resource",
                        "when { (principal == U::\"b\" || principal == U::\"a\") && resource == U::\"a\" && "
                        "(action == U::\"a\") && (context has \"VmName\" && context.VmName == \"x\") }",
                        true },
        /* What can fail is asked, unless it is not reached. */
        { "principal, action, resource", "when { context.x && principal == U::\"b\" }", true },
        { "principal, action, resource", "when { principal == U::\"b\" && context.x }", false },
        { "principal, action, resource", "when { context.x } when { principal == U::\"b\" }", true },
        { "principal, action, resource", "when { context has x } when { principal == U::\"b\" }", false },
        { "principal, action, resource", "when { context has x.y } when { principal == U::\"b\" }", true },
        { "principal, action, resource", "unless { context has x } when { principal == U::\"b\" }", false },
        { "principal, action, resource", "unless { principal == U::\"b\" }", true },
        { "principal, action, resource", "when { principal == U::\"b\" || context.x }", true },
        { "principal, action, resource", "when { principal == U::\"b\" || principal == 1 }", true },
        { "principal, action, resource",
                        "when { principal == U::\"b\" && context.x || principal == U::\"c\" && context.y }", false },
        { "principal, action, resource", "when { U::\"b\" == principal }", false },
        { "principal, action, resource", "when { principal != U::\"a\" }", true },
        { "principal, action, resource", "when { principal in [U::\"b\", U::\"c\"] }", false },
        { "principal, action, resource", "when { principal in [U::\"b\", G::\"h\"] }", true },
        { "principal, action, resource", "when { principal in [U::\"b\", context.x] }", true },
        { "principal, action, resource", "when { principal is G in U::\"b\" }", false },
        { "principal, action, resource", "when { principal is G && resource == U::\"b\" }", false },
        { "principal, action, resource", "when { 1 && principal == U::\"b\" }", true },
        { "principal, action, resource", "when { false }", false },
        { "principal, action, resource", "when { !context.x } when { principal == U::\"b\" }", true },
        { "principal, action, resource", "when { (if context has x then true else false) && principal == U::\"b\" }",
                        false },
        { "principal, action, resource",
                        "when { (if context has x then context.x else false) && principal == U::\"b\" }", true },
        { "principal, action, resource", "when { principal.x && principal == U::\"b\" }", true },
        { "principal, action, resource", "when { principal.hasTag(\"x\") && principal == U::\"b\" }", true },
};

static void test_golden(_unused_ void **state) {
        _cleanup_(entities_freep) Entities *entities = make_entities();
        const EntityUid *a = &entities_of_all[0];
        const PolicyRequest request = { a, a, a, NULL, entities };

        for (size_t i = 0; i < ELEMENTSOF(golden); i++) {
                _cleanup_(policy_index_done) PolicyIndex index = {};
                _cleanup_(policy_set_freep) PolicySet *s = NULL;
                char text[512];
                PolicyBits bits;

                (void) snprintf(text, sizeof(text), "permit(%s) %s;", golden[i].head, golden[i].conditions);
                print_message("%s\n", text);
                s = make_set(text);
                assert_int_equal(policy_index_add(&index, policy_set_get(s, 0), 0), 0);
                policy_index_find(&index, &request, 1, &bits);
                assert_int_equal(policy_bits_next(&bits, 0, 1) == 0, golden[i].asked);
        }
}

static uint32_t dice(uint32_t n) {
        static uint64_t seed = 20251122;

        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return (uint32_t) (seed >> 32) % n;
}

/* Text that grows in a buffer which is large enough for what is written below. */
static void say(char *s, const char *fmt, ...) _printf_(2, 3);
static void say(char *s, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        (void) vsprintf(s + strlen(s), fmt, ap);
        va_end(ap);
}

static const char *const variables[] = { "principal", "action", "resource" };

static void say_entity(char *s) {
        const EntityUid *uid = &entities_of_all[dice(ELEMENTSOF(entities_of_all))];

        say(s, "%s::\"%s\"", uid->type.data, uid->id.data);
}

static void say_set(char *s) {
        say(s, "[");
        for (uint32_t i = dice(4); i > 0; i--) {
                if (dice(12) == 0)
                        say(s, "context.x");
                else
                        say_entity(s);
                say(s, i > 1 ? ", " : "");
        }
        say(s, "]");
}

static void say_leaf(char *s) {
        static const char *const others[] = { "true", "false", "1", "context.x", "context has x", "principal.x",
                "principal has x", "context.y.z", "context has y.z", "principal has x.y" };
        const char *variable = variables[dice(3)];

        switch (dice(8)) {
        case 0:
        case 1:
        case 2:
                say(s, "%s == ", variable);
                say_entity(s);
                break;
        case 3:
                say_entity(s);
                say(s, "%s %s", dice(2) ? " == " : " != ", variable);
                break;
        case 4:
                say(s, "%s in ", variable);
                if (dice(2))
                        say_set(s);
                else
                        say_entity(s);
                break;
        case 5:
                say(s, "%s is %s", variable, dice(2) ? "U" : "G");
                if (dice(2)) {
                        say(s, " in ");
                        say_entity(s);
                }
                break;
        default:
                say(s, "%s", others[dice(ELEMENTSOF(others))]);
        }
}

static void say_expr(char *s, int depth) {
        uint32_t kind = depth > 0 ? dice(8) : 0, n = 2 + dice(2);

        if (kind < 3) {
                say_leaf(s);
                return;
        }
        say(s, kind == 3 ? "!(" : kind == 4 ? "(if " : "(");
        say_expr(s, depth - 1);
        if (kind == 4) {
                say(s, " then ");
                say_expr(s, depth - 1);
                say(s, " else ");
                say_expr(s, depth - 1);
        }
        for (uint32_t i = 1; i < n && kind > 4; i++) {
                say(s, kind % 2 ? " && " : " || ");
                say_expr(s, depth - 1);
        }
        say(s, ")");
}

static void say_scope(char *s, const char *variable) {
        uint32_t kind = dice(9);

        say(s, "%s", variable);
        if (kind == 0 && *variable == 'a') {
                say(s, " in [");
                say_entity(s);
                say(s, ", ");
                say_entity(s);
                say(s, "]");
        }
        if (kind == 1 || kind == 2) {
                say(s, kind == 1 ? " == " : " in ");
                say_entity(s);
        }
        if ((kind == 3 || kind == 4) && *variable != 'a')
                say(s, " is %s", dice(2) ? "U" : "G");
        if (kind == 4 && *variable != 'a') {
                say(s, " in ");
                say_entity(s);
        }
}

static void say_policy(char *s) {
        say(s, dice(4) ? "permit(" : "forbid(");
        for (size_t i = 0; i < 3; i++) {
                say_scope(s, variables[i]);
                say(s, i < 2 ? ", " : ")");
        }
        for (uint32_t i = dice(3); i > 0; i--) {
                say(s, dice(4) ? " when { " : " unless { ");
                say_expr(s, 3);
                say(s, " }");
        }
        say(s, ";\n");
}

/* Asks every policy, as the language defines it, and compares. */
static void check(const PolicySet *s, const PolicyRequest *request) {
        size_t n_forbids = 0, n_permits = 0, n_faults = 0, n_reasons = 0;
        PolicyDecision decision;
        _cleanup_arena_ Arena arena;
        Evaluation e = { .request = request, .arena = &arena };

        arena_init(&arena, NULL, 0, SIZE_MAX);
        assert_int_equal(policy_set_decide(s, request, &arena, &decision), 0);
        for (size_t i = 0; i < policy_set_size(s); i++) {
                const Policy *policy = policy_set_get(s, i);
                bool holds = false;
                int r;

                r = evaluate_policy(&e, policy, &holds);
                if (r < 0) {
                        assert_in_range(n_faults + 1, 1, decision.n_faults);
                        assert_ptr_equal(decision.faults[n_faults].policy, policy);
                        assert_string_equal(decision.faults[n_faults].why, e.why);
                        n_faults++;
                } else if (holds) {
                        n_forbids += policy->is_forbid;
                        n_permits += !policy->is_forbid;
                }
                if (holds && n_reasons < decision.n_reasons && decision.reasons[n_reasons] == policy)
                        n_reasons++;
        }
        assert_int_equal(decision.n_faults, n_faults);
        assert_int_equal(decision.allow, n_forbids == 0 && n_permits > 0);
        assert_int_equal(decision.n_reasons, n_forbids > 0 ? n_forbids : n_permits);
        assert_int_equal(decision.n_reasons, n_reasons);
        for (size_t i = 0; i < n_reasons; i++)
                assert_int_equal(decision.reasons[i]->is_forbid, !decision.allow);
        if (decision.allow && !request->entities)
                assert_true(policy_set_may_permit(s, request->principal, request->action, request->resource));
}

/* Sets of up to 150 policies, each asked 25 times: as if there were no index. */
static void test_random(_unused_ void **state) {
        static const ValueMember x = { TEXT("x"), { .kind = VALUE_BOOL, .boolean = true } };
        static const ValueRecord context = { 1, &x };
        _cleanup_(entities_freep) Entities *entities = make_entities();
        _cleanup_free_ char *text = mem_new(char, 1024 * 1024);
        size_t n = ELEMENTSOF(entities_of_all);

        assert_non_null(text);
        for (int round = 0; round < 200; round++) {
                _cleanup_(policy_set_freep) PolicySet *s = NULL;

                text[0] = '\0';
                for (uint32_t i = 1 + dice(150); i > 0; i--)
                        say_policy(text + strlen(text));
                s = make_set(text);
                for (int i = 0; i < 25; i++)
                        check(s,
                                        &(PolicyRequest){ &entities_of_all[dice((uint32_t) n)],
                                                        &entities_of_all[dice((uint32_t) n)],
                                                        &entities_of_all[dice((uint32_t) n)], dice(2) ? &context : NULL,
                                                        dice(3) ? entities : NULL });
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden),
                cmocka_unit_test(test_random),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
