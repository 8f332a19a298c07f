/* SPDX-License-Identifier: Apache-2.0 */
/* What every operator comes to, and where and why an evaluation fails. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "expr.h"
#include "policy/evaluate.h"

/* An expression, and its value; or a '!' and why it fails, with what fails behind it. */
static const struct {
        const char *expr, *expected;
} golden[] = {
        /* Literals and variables. */
        { "true", "true" },
        { "-9223372036854775808", "-9223372036854775808" },
        { "\"a\\u{e4}\"", "\"a\xc3\xa4\"" },
        { "principal", "User::\"alice\"" },
        { "action", "Action::\"view\"" },
        { "resource", "Photo::\"vacation\"" },
        { "[context == context, context.n]", "[true, 7]" },
        { "{b: 1, a: {}}", "{\"a\": {}, \"b\": 1}" },
        { "[3, 1, 2, 1, 3]", "[1, 2, 3]" },

        /* Logic stops where it is decided, and asks for Bools up to there. */
        { "true && false", "false" },
        { "false && 1", "false" },
        { "false && context.missing", "false" },
        { "true && 1", "!expected Bool, found Long|1" },
        { "1 && false", "!expected Bool, found Long|1" },
        { "true && true && context.missing && false", "!the context has no attribute \"missing\"|context.missing" },
        { "true || 1", "true" },
        { "true || context.missing", "true" },
        { "false || 1", "!expected Bool, found Long|1" },
        { "\"a\" || true", "!expected Bool, found String|\"a\"" },
        { "false || false || true", "true" },
        { "!true", "false" },
        { "!!true", "true" },
        { "!1", "!expected Bool, found Long|1" },
        { "if true then 1 else context.missing", "1" },
        { "if false then context.missing else \"x\"", "\"x\"" },
        { "if 1 then 2 else 3", "!expected Bool, found Long|1" },
        { "if true then context.missing else 1", "!the context has no attribute \"missing\"|context.missing" },

        /* Equality never fails; order does. */
        { "1 == 1", "true" },
        { "1 == \"1\"", "false" },
        { "1 != true", "true" },
        { "[] == {}", "false" },
        { "[1, 2] == [2, 1, 1]", "true" },
        { "{a: 1, b: 2} == {b: 2, a: 1}", "true" },
        { "{a: 1} == {a: 1, b: 2}", "false" },
        { "User::\"alice\" == principal", "true" },
        { "User::\"alice\" == Admin::\"alice\"", "false" },
        { "ip(\"10.0.0.1\") == ip(\"10.0.0.1/32\")", "true" },
        { "ip(\"10.0.0.1/8\") == ip(\"10.0.0.0/8\")", "false" },
        { "decimal(\"1.0\") == decimal(\"1.0000\")", "true" },
        { "decimal(\"0.0001\") == duration(\"1ms\")", "false" },
        { "{a: 1}.b", "!the record has no attribute \"b\"|{a: 1}.b" },
        { "context.missing == 1", "!the context has no attribute \"missing\"|context.missing" },
        { "1 < 2", "true" },
        { "2 <= 2", "true" },
        { "2 > 2", "false" },
        { "3 >= 2", "true" },
        { "-9223372036854775808 < 9223372036854775807", "true" },
        { "1 < \"2\"", "!expected Long, found String|\"2\"" },
        { "\"1\" < 2", "!expected Long, datetime or duration, found String|\"1\"" },
        { "\"1\" < \"2\"", "!expected Long, datetime or duration, found String|\"1\"" },
        { "decimal(\"1.0\") < decimal(\"2.0\")",
                        "!expected Long, datetime or duration, found decimal|decimal(\"1.0\")" },
        { "datetime(\"2024-01-01\") < datetime(\"2024-01-02\")", "true" },
        { "duration(\"1h\") >= duration(\"60m\")", "true" },
        { "duration(\"1h\") > datetime(\"2024-01-02\")",
                        "!expected duration, found datetime|datetime(\"2024-01-02\")" },
        { "duration(\"1h\") > 1", "!expected duration, found Long|1" },

        /* Longs are exact, or fail. */
        { "1 + 2 - 4", "-1" },
        { "2 * 3 * 4", "24" },
        { "-context.n", "-7" },
        { "9223372036854775807 + 1", "!the result is more than a Long holds|9223372036854775807 + 1" },
        { "9223372036854775807 + 1 - 1", "!the result is more than a Long holds|9223372036854775807 + 1 - 1" },
        { "-9223372036854775808 - 1", "!the result is more than a Long holds|-9223372036854775808 - 1" },
        { "-1 * -9223372036854775808", "!the result is more than a Long holds|-1 * -9223372036854775808" },
        { "4294967296 * 4294967296", "!the result is more than a Long holds|4294967296 * 4294967296" },
        { "-(-9223372036854775808)", "!the result is more than a Long holds|-(-9223372036854775808)" },
        { "1 + \"2\"", "!expected Long, found String|\"2\"" },
        { "-true", "!expected Long, found Bool|true" },
        { "true * 2", "!expected Long, found Bool|true" },

        /* Entities. */
        { "principal in principal", "true" },
        { "principal in Group::\"admins\"", "true" },
        { "principal in Group::\"staff\"", "true" },
        { "principal in Group::\"others\"", "false" },
        { "Group::\"staff\" in principal", "false" },
        { "User::\"nobody\" in User::\"nobody\"", "true" },
        { "principal in []", "false" },
        { "principal in [Group::\"others\", Group::\"staff\"]", "true" },
        { "principal in [Group::\"staff\", 1]", "!expected a Set of entities, found Long|[Group::\"staff\", 1]" },
        { "principal in 1", "!expected an entity or a Set of entities, found Long|1" },
        { "1 in principal", "!expected entity, found Long|1" },
        { "[principal] in Group::\"staff\"", "!expected entity, found Set|[principal]" },
        { "principal is User", "true" },
        { "principal is Ns::User", "false" },
        { "principal is User in Group::\"staff\"", "true" },
        { "principal is User in Group::\"others\"", "false" },
        { "principal is Group in 1", "false" },
        { "principal is User in 1", "!expected an entity or a Set of entities, found Long|1" },
        { "context is User", "!expected entity, found Record|context" },
        { "principal.age", "30" },
        { "principal.home.city", "\"Rome\"" },
        { "principal.friend", "User::\"nobody\"" },
        { "principal.friend.age", "!nothing is known of the entity User::\"nobody\"|principal.friend.age" },
        { "principal.color", "!the entity User::\"alice\" has no attribute \"color\"|principal.color" },
        { "principal[\"age\"]", "30" },
        { "context.n.n", "!expected an entity or a Record, found Long|context.n.n" },
        { "\"text\".size", "!expected an entity or a Record, found String|\"text\".size" },
        { "principal has age", "true" },
        { "principal has color", "false" },
        { "principal has home.city", "true" },
        { "principal has home.street.name", "false" },
        { "principal has home.city.name", "!expected an entity or a Record, found String|principal" },
        { "principal has friend.age", "false" },
        { "principal has level", "false" }, /* which is a tag */
        { "User::\"nobody\" has age", "false" },
        { "context has \"n\"", "true" },
        { "context has missing.n", "false" },
        { "1 has a", "!expected an entity or a Record, found Long|1" },
        { "principal.hasTag(\"level\")", "true" },
        { "principal.hasTag(\"age\")", "false" },
        { "principal.getTag(\"level\")", "3" },
        { "principal.getTag(\"x\")", "!the entity User::\"alice\" has no tag \"x\"|principal.getTag(\"x\")" },
        { "User::\"nobody\".hasTag(\"level\")", "false" },
        { "User::\"nobody\".getTag(\"level\")",
                        "!nothing is known of the entity User::\"nobody\"|User::\"nobody\".getTag(\"level\")" },
        { "principal.hasTag(1)", "!expected String, found Long|1" },
        { "context.hasTag(\"a\")", "!expected entity, found Record|context" },

        /* Sets. */
        { "[1, 2].contains(2)", "true" },
        { "[1, 2].contains(\"2\")", "false" },
        { "[[1], [2, 3]].contains([3, 2])", "true" },
        { "[].contains(1)", "false" },
        { "1.contains(1)", "!expected Set, found Long|1" },
        { "[1, 2, 3].containsAll([3, 1])", "true" },
        { "[1, 2, 3].containsAll([])", "true" },
        { "[1, 2, 3].containsAll([0, 1])", "false" },
        { "[1, 2, 3].containsAll([3, 4])", "false" },
        { "[1, 2, 3].containsAll(1)", "!expected Set, found Long|1" },
        { "[1, 2, 3].containsAny([0, 3, 5])", "true" },
        { "[1, 2, 3].containsAny([0, 4])", "false" },
        { "[1, 2, 3].containsAny([])", "false" },
        { "1.containsAny([1])", "!expected Set, found Long|1" },
        { "[].isEmpty()", "true" },
        { "[1].isEmpty()", "false" },
        { "{}.isEmpty()", "!expected Set, found Record|{}" },
        { "[1, context.missing]", "!the context has no attribute \"missing\"|context.missing" },
        { "{a: context.missing}.b", "!the context has no attribute \"missing\"|context.missing" },

        /* Patterns. */
        { "\"\" like \"\"", "true" },
        { "\"a\" like \"\"", "false" },
        { "\"\" like \"*\"", "true" },
        { "\"foo bar\" like \"foo*\"", "true" },
        { "\"foo bar\" like \"*bar\"", "true" },
        { "\"foo bar\" like \"*o b*\"", "true" },
        { "\"foo bar\" like \"f* bar\"", "true" },
        { "\"foo bar\" like \"f**r\"", "true" },
        { "\"foo bar\" like \"*foo\"", "false" },
        { "\"foo bar\" like \"bar*\"", "false" },
        { "\"foo bar\" like \"f*br\"", "false" },
        { "\"foo\" like \"foo*o\"", "false" },
        { "\"aXbXcXb\" like \"a*b*b\"", "true" },
        { "\"aab\" like \"*ab\"", "true" },
        { "\"a*b\" like \"a\\*b\"", "true" },
        { "\"axb\" like \"a\\*b\"", "false" },
        { "\"\\u{e4}\\u{f6}\" like \"\\u{e4}*\"", "true" },
        { "\"\\u{e4}\" like \"*\\u{e4}*\"", "true" },
        { "\"a\\0b\" like \"a*b\"", "true" },
        { "1 like \"*\"", "!expected String, found Long|1" },

        /* Extensions. */
        { "ip(\"10.0.0.7\").isInRange(ip(\"10.0.0.0/8\"))", "true" },
        { "ip(\"10.0.0.7\").isInRange(\"10.0.0.0/8\")", "!expected ip, found String|\"10.0.0.0/8\"" },
        { "ip(1)", "!expected String, found Long|1" },
        { "ip(\"10.0.0\")",
                        "!this is no IP address or range of them, as 10.0.0.1, 10.0.0.0/8 or "
                        "fd00::/64|ip(\"10.0.0\")" },
        { "ip()", "!ip takes 1 argument|ip()" },
        { "ip(\"::\").isIpv4(1)", "!isIpv4 takes 0 arguments|ip(\"::\").isIpv4(1)" },
        { "decimal(\"1.2\").lessThan(decimal(\"1.3\"), 1)",
                        "!lessThan takes 1 argument|decimal(\"1.2\").lessThan(decimal(\"1.3\"), 1)" },
        { "decimal(\"1.2\").lessThan(decimal(\"1.3\"))", "true" },
        { "1.lessThan(decimal(\"1.3\"))", "!expected decimal, found Long|1" },
        { "datetime(\"2024-01-01\").offset(duration(\"36h\")).toDate() == datetime(\"2024-01-02\")", "true" },
        { "datetime(\"2024-01-01\").durationSince(datetime(\"2023-12-31\")).toHours()", "24" },
        { "false && ip(\"x\").isIpv4()", "false" },
};

/* alice is in admins, which are in staff. */
static Entities *make_entities(Arena *arena) {
        static const EntityUid alice = { TEXT("User"), TEXT("alice") }, nobody = { TEXT("User"), TEXT("nobody") };
        static const EntityUid admins = { TEXT("Group"), TEXT("admins") }, staff = { TEXT("Group"), TEXT("staff") };
        static const ValueMember city = { TEXT("city"), { .kind = VALUE_STRING, .string = TEXT("Rome") } };
        static const ValueMember level = { TEXT("level"), { .kind = VALUE_LONG, .number = 3 } };
        static const ValueRecord none = {}, home = { 1, &city }, tags = { 1, &level };
        ValueMember members[] = {
                { TEXT("age"), { .kind = VALUE_LONG, .number = 30 } },
                { TEXT("home"), { .kind = VALUE_RECORD, .record = &home } },
                { TEXT("friend"), { .kind = VALUE_ENTITY, .entity = &nobody } },
        };
        _cleanup_(entities_freep) Entities *e = entities_new();
        const ValueRecord *attributes;
        const EntityUid *loop;
        Text name;

        assert_non_null(e);
        assert_int_equal(value_record_new(arena, arena_dup(arena, members, sizeof(members)), ELEMENTSOF(members),
                                         &attributes, &name),
                        0);
        assert_int_equal(entities_add(e, &(Entity){ alice, attributes, &tags, 1, &admins }), 0);
        assert_int_equal(entities_add(e, &(Entity){ admins, &none, &none, 1, &staff }), 0);
        assert_int_equal(entities_finish(e, &loop), 0);
        return TAKE_PTR(e);
}

static PolicyRequest make_request(const Entities *entities) {
        static const EntityUid alice = { TEXT("User"), TEXT("alice") }, view = { TEXT("Action"), TEXT("view") };
        static const EntityUid vacation = { TEXT("Photo"), TEXT("vacation") };
        static const ValueMember n = { TEXT("n"), { .kind = VALUE_LONG, .number = 7 } };
        static const ValueRecord context = { 1, &n };

        return (PolicyRequest){ &alice, &view, &vacation, &context, entities };
}

static char *outcome(Evaluation *e, const char *text) {
        const PolicySource source = { "test", text_of(text) };
        _cleanup_free_ char *err = NULL;
        char *s = NULL;
        Value v = {};
        Expr *expr;
        int r;

        r = expr_parse(e->arena, &source, &expr, &err);
        if (r < 0)
                fail_msg("%s", err);
        r = evaluate(e, expr, &v);
        if (r >= 0)
                return value_to_string(&v);
        assert_int_equal(r, -EINVAL);
        assert_true(asprintf(&s, "!%s|%.*s", e->why, (int) (e->span.end - e->span.start), text + e->span.start) > 0);
        return s;
}

static void test_golden(_unused_ void **state) {
        _cleanup_(entities_freep) Entities *entities = NULL;
        PolicyRequest request;
        _cleanup_arena_ Arena arena;

        arena_init(&arena, NULL, 0, SIZE_MAX);
        entities = make_entities(&arena);
        request = make_request(entities);
        for (size_t i = 0; i < ELEMENTSOF(golden); i++) {
                Evaluation e = { .request = &request, .arena = &arena };
                _cleanup_free_ char *s = outcome(&e, golden[i].expr);

                print_message("%s\n", golden[i].expr);
                assert_string_equal(s, golden[i].expected);
        }
}

/* Without a context and entities there are none. */
static void test_nothing(_unused_ void **state) {
        PolicyRequest request = make_request(NULL);
        Evaluation e = { .request = &request };
        _cleanup_free_ char *context = NULL, *in = NULL, *has = NULL;
        _cleanup_arena_ Arena arena;

        arena_init(&arena, NULL, 0, SIZE_MAX);
        e.arena = &arena;
        request.context = NULL;
        context = outcome(&e, "context");
        in = outcome(&e, "principal in Group::\"admins\"");
        has = outcome(&e, "principal has age || context has n");
        assert_string_equal(context, "{}");
        assert_string_equal(in, "false");
        assert_string_equal(has, "false");
}

/* What a fault says is printable and fits, whatever a peer chose. */
static void test_fault_is_printable(_unused_ void **state) {
        static const EntityUid odd = { TEXT("T"), TEXT("a\nb\x1b[1m\xc2\x85\xff") };
        PolicyRequest request = make_request(NULL);
        _cleanup_free_ char *s = NULL, *longer = NULL;
        Evaluation e = { .request = &request };
        EntityUid large = { TEXT("T"), {} };
        _cleanup_arena_ Arena arena;
        char ids[1000];

        arena_init(&arena, NULL, 0, SIZE_MAX);
        e.arena = &arena;
        request.principal = &odd;
        s = outcome(&e, "principal.x");
        assert_string_equal(s, "!nothing is known of the entity T::\"a?b?[1m???\"|principal.x");
        memset(ids, 'x', sizeof(ids));
        large.id = (Text){ ids, sizeof(ids) };
        request.principal = &large;
        longer = outcome(&e, "principal.x");
        assert_in_range(strlen(longer), 60, 130);
}

/* Each nests as deep as expressions may, and is evaluated down to its end. */
static const struct {
        const char *before, *middle, *after;
} nestings[] = {
        { "[", "1", "]" },
        { "{a: ", "1", "}" },
        { "!(", "true", ")" },
        { "-(", "1", ")" },
        { "if ", "true", " then true else false" },
        { "if true then ", "true", " else false" },
        { "(true && ", "true", ")" },
        { "(1 == ", "1", ")" },
        { "(1 + ", "1", ")" },
        { "(principal in ", "1", ")" },
        { "(", "1", " in principal)" },
        { "(principal is User in ", "1", ")" },
        { "(", "\"a\"", " like \"a\")" },
        { "(", "1", " has a)" },
        { "(", "1", ").a" },
        { "[1].contains(", "1", ")" },
        { "principal.hasTag(", "1", ")" },
        { "decimal(", "\"1\"", ")" },
        { "decimal(\"1.0\").lessThan(", "1", ")" },
};

#define STACK_SIZE (128 * 1024) /* half of what a fiber has, and with a guard page below */

static void *evaluate_deep(void *arg) {
        Value v;

        (void) !evaluate(((void **) arg)[0], ((void **) arg)[1], &v);
        return NULL;
}

static void evaluate_in_thread(Evaluation *e, Expr *expr) {
        void *arguments[] = { e, expr };
        pthread_attr_t attr;
        pthread_t thread;

        assert_int_equal(pthread_attr_init(&attr), 0);
        assert_int_equal(pthread_attr_setstacksize(&attr, STACK_SIZE), 0);
        assert_int_equal(pthread_create(&thread, &attr, evaluate_deep, arguments), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(pthread_attr_destroy(&attr), 0);
}

static void test_stack(_unused_ void **state) {
        const PolicyRequest request = make_request(NULL);
        _cleanup_arena_ Arena arena;

        arena_init(&arena, NULL, 0, SIZE_MAX);
        for (size_t i = 0; i < ELEMENTSOF(nestings); i++) {
                Evaluation e = { .request = &request, .arena = &arena };
                _cleanup_free_ char *err = NULL;
                size_t levels = nestings[i].before[0] == '(' ? 2 : 1; /* parentheses are one */
                char text[8192] = "";
                PolicySource source;
                Expr *expr = NULL;

                for (size_t j = 0; j < (EXPR_DEPTH_MAX - 2) / levels; j++)
                        strcat(text, nestings[i].before);
                strcat(text, nestings[i].middle);
                for (size_t j = 0; j < (EXPR_DEPTH_MAX - 2) / levels; j++)
                        strcat(text, nestings[i].after);
                source = (PolicySource){ "test", text_of(text) };
                if (expr_parse(&arena, &source, &expr, &err) < 0)
                        fail_msg("%s", err);
                print_message("%s%s%s\n", nestings[i].before, nestings[i].middle, nestings[i].after);
                evaluate_in_thread(&e, expr);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden),
                cmocka_unit_test(test_nothing),
                cmocka_unit_test(test_fault_is_printable),
                cmocka_unit_test(test_stack),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
