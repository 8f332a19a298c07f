/* SPDX-License-Identifier: Apache-2.0 */
/* Entities and contexts in JSON: what they become, and what is refused, with its place. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/json.h"

#define MANY ((size_t) 16 * 1024 * 1024)

static PolicySource source_of(const char *text) {
        return (PolicySource){ .name = "x.json", .text = text_of(text) };
}

/* As Cedar writes it. */
static void assert_context(const char *json, const char *expected) {
        _cleanup_arena_ Arena arena = {};
        _cleanup_free_ char *error = NULL, *text = NULL;
        PolicySource source = source_of(json);
        Value value = { .kind = VALUE_RECORD };
        int r;

        arena_init(&arena, NULL, 0, MANY);
        r = policy_json_read_context(&arena, &source, &value.record, &error);
        if (r < 0)
                fail_msg("%s: %s", json, strempty(error));
        text = value_to_string(&value);
        assert_string_equal(text, expected);
}

static void assert_refused(bool entities, const char *json, const char *expected) {
        _cleanup_arena_ Arena arena = {};
        _cleanup_(entities_freep) Entities *e = NULL;
        _cleanup_free_ char *error = NULL;
        PolicySource source = source_of(json);
        const ValueRecord *record;
        int r;

        arena_init(&arena, NULL, 0, MANY);
        r = entities ? policy_json_read_entities(&arena, &source, &e, &error)
                     : policy_json_read_context(&arena, &source, &record, &error);
        if (r != -EINVAL || !error || !strstr(error, expected))
                fail_msg("%s: %d, %s", json, r, strempty(error));
        assert_non_null(strstr(error, "x.json:"));
}

static void test_values(_unused_ void **state) {
        assert_context("{}", "{}");
        assert_context(" { \"b\" : 1 ,\n\"a\": [ 2, 1, 2 ] , \"c\": { \"d\": true } } ",
                        "{\"a\": [1, 2], \"b\": 1, \"c\": {\"d\": true}}");
        assert_context("{\"a\": 9223372036854775807, \"b\": -9223372036854775808, \"c\": 9007199254740993}",
                        "{\"a\": 9223372036854775807, \"b\": -9223372036854775808, \"c\": 9007199254740993}");
        assert_context("{\"\": \"\"}", "{\"\": \"\"}");
        assert_context("{\"a\": \"\\\"\\\\\\/\\u0041\\u00e4\\ud83d\\ude00\"}",
                        "{\"a\": \"\\\"\\\\/A\u00e4\U0001f600\"}");
        assert_context("{\"e\": {\"__entity\": {\"type\": \"A::B\", \"id\": \"x\"}}}", "{\"e\": A::B::\"x\"}");
        assert_context("{\"e\": {\"__extn\": {\"fn\": \"decimal\", \"arg\": \"1.50\"}}}",
                        "{\"e\": decimal(\"1.5000\")}");
        assert_context("{\"e\": {\"__extn\": {\"fn\": \"ip\", \"arg\": \"10.0.0.0/8\"}}}",
                        "{\"e\": ip(\"10.0.0.0/8\")}");
        assert_context("{\"e\": {\"type\": \"A\", \"id\": \"x\"}}", "{\"e\": {\"id\": \"x\", \"type\": \"A\"}}");
}

/* A call of a call, as Cedar itself writes a datetime. */
static void test_calls_nest(_unused_ void **state) {
        static const char json[] = "{\"e\": {\"__extn\": {\"fn\": \"offset\", \"args\": ["
                                   "{\"__extn\": {\"fn\": \"datetime\", \"arg\": \"1970-01-01\"}},"
                                   "{\"__extn\": {\"fn\": \"duration\", \"arg\": \"5ms\"}}]}}}";
        _cleanup_arena_ Arena arena = {};
        _cleanup_free_ char *error = NULL;
        PolicySource source = source_of(json);
        const ValueRecord *record;
        const Value *v;

        arena_init(&arena, NULL, 0, MANY);
        assert_int_equal(policy_json_read_context(&arena, &source, &record, &error), 0);
        v = value_record_get(record, TEXT("e"));
        assert_int_equal(v->kind, VALUE_DATETIME);
        assert_int_equal(v->number, 5);
}

/* What jansson has no room for. */
static void test_nul(_unused_ void **state) {
        _cleanup_arena_ Arena arena = {};
        _cleanup_free_ char *error = NULL;
        PolicySource source = source_of("{\"a\\u0000b\": \"\\u0000\"}");
        const ValueRecord *record;
        const Value *v;

        arena_init(&arena, NULL, 0, MANY);
        assert_int_equal(policy_json_read_context(&arena, &source, &record, &error), 0);
        v = value_record_get(record, (Text){ "a\0b", 3 });
        assert_non_null(v);
        assert_int_equal(v->string.size, 1);
}

static void test_refused(_unused_ void **state) {
        static const struct {
                const char *json, *error;
        } cases[] = {
                { "", "1:1: the text ends too early" },
                { "[]", "1:1: expected a record" },
                { "1", "1:1: expected a record" },
                { "{\"a\": null}", "1:7: null is no value" },
                { "{\"a\": 1.0}", "1:7: a fraction" },
                { "{\"a\": 1e2}", "1:7: a fraction" },
                { "{\"a\": 01}", "1:7: a number that begins with 0" },
                { "{\"a\": -}", "1:7: expected a number" },
                { "{\"a\": 9223372036854775808}", "1:7: a number that no Long holds" },
                { "{\"a\": -9223372036854775809}", "1:7: a number that no Long holds" },
                { "{\"a\": 1,\n \"a\": 2}", "2:7: a second member 'a'" },
                { "{\"a\": \"\\u0061\", \"\\u0061\": 2}", "a second member 'a'" },
                { "{\"a\": 1,}", "1:9: expected the name of a member" },
                { "{\"a\" 1}", "1:6: expected ':'" },
                { "{\"a\": 1 \"b\": 2}", "1:9: expected ',' or '}'" },
                { "{\"a\": [1 2]}", "1:10: expected ',' or ']'" },
                { "{\"a\": [1,]}", "1:10: this is no JSON" },
                { "{\"a\": 1} x", "1:10: something stands behind the end" },
                { "{\"a\": \"x}", "1:7: a string that does not end" },
                { "{\"a\": \"x\n\"}", "1:9: a control character" },
                { "{\"a\": \"\\x\"}", "1:8: an escape that JSON does not have" },
                { "{\"a\": \"\\u12g4\"}", "expected four hexadecimal digits" },
                { "{\"a\": \"\\ud800\"}", "1:8: half a character" },
                { "{\"a\": \"\\udc00\"}", "1:8: half a character" },
                { "{\"a\": \"\\ud800\\u0041\"}", "1:8: half a character" },
                { "{\"a\": \"\xff\"}", "1:7: a string that is not UTF-8" },
                { "{\"a\": tru}", "1:7: this is no JSON" },
                { "{\"a\": {\"__entity\": {\"type\": \"A\", \"id\": \"x\"}, \"b\": 1}}", "'__entity' stands alone" },
                { "{\"a\": {\"__extn\": {\"fn\": \"ip\", \"arg\": \"::\"}, \"b\": 1}}", "'__extn' stands alone" },
                { "{\"a\": {\"__entity\": \"x\"}}", "expected an entity" },
                { "{\"a\": {\"__entity\": {\"type\": \"A\", \"id\": \"x\", \"b\": 1}}}", "expected an entity" },
                { "{\"a\": {\"__entity\": {\"type\": \"1A\", \"id\": \"x\"}}}", "'1A' is no entity type" },
                { "{\"a\": {\"__entity\": {\"type\": \"A:B\", \"id\": \"x\"}}}", "'A:B' is no entity type" },
                { "{\"a\": {\"__entity\": {\"type\": \"A::\", \"id\": \"x\"}}}", "'A::' is no entity type" },
                { "{\"a\": {\"__entity\": {\"type\": \"A::if\", \"id\": \"x\"}}}", "'A::if' is no entity type" },
                { "{\"a\": {\"__entity\": {\"type\": \"\", \"id\": \"x\"}}}", "'' is no entity type" },
                { "{\"a\": {\"__expr\": \"1\"}}", "'__expr' is not in use" },
                { "{\"a\": {\"__extn\": {\"fn\": \"nothing\", \"arg\": \"1\"}}}", "there is no function 'nothing'" },
                { "{\"a\": {\"__extn\": {\"fn\": \"decimal\", \"arg\": 1}}}", "not Long" },
                { "{\"a\": {\"__extn\": {\"fn\": \"decimal\", \"arg\": \"x\"}}}", "1:18: " },
                { "{\"a\": {\"__extn\": {\"fn\": \"decimal\", \"args\": []}}}", "decimal() takes 1 arguments, not 0" },
                { "{\"a\": {\"__extn\": {\"fn\": \"decimal\"}}}", "expected a call" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_refused(false, cases[i].json, cases[i].error);
}

static void test_depth(_unused_ void **state) {
        for (size_t n = VALUE_DEPTH_MAX - 2; n < 100000; n = n < 100 ? n + 1 : n * 2) {
                _cleanup_free_ char *json = mem_new(char, 2 * n + 10);
                _cleanup_arena_ Arena arena = {};
                _cleanup_free_ char *error = NULL;
                PolicySource source;
                const ValueRecord *record;
                int r;

                sprintf(json, "{\"a\":");
                memset(json + 5, '[', n);
                memset(json + 5 + n, ']', n);
                strcpy(json + 5 + 2 * n, "}");
                source = source_of(json);
                arena_init(&arena, NULL, 0, MANY);
                r = policy_json_read_context(&arena, &source, &record, &error);
                assert_int_equal(r, n < VALUE_DEPTH_MAX ? 0 : -EINVAL);
                assert_true(r == 0 || strstr(error, "nested too deep"));
        }
}

/* A chain in which each is in all that come behind it. */
static void test_relations_have_a_bound(_unused_ void **state) {
        _cleanup_free_ char *json = NULL, *error = NULL;
        _cleanup_(entities_freep) Entities *e = NULL;
        _cleanup_arena_ Arena arena = {};
        PolicySource source;
        size_t size;
        FILE *f = open_memstream(&json, &size);

        assert_non_null(f);
        for (unsigned i = 0; i < 6000; i++)
                fprintf(f,
                                "%s{\"uid\": {\"type\": \"A\", \"id\": \"%u\"}, \"attrs\": {}, "
                                "\"parents\": [{\"type\": \"A\", \"id\": \"%u\"}]}",
                                i > 0 ? ",\n" : "[", i, i + 1);
        fputs("]", f);
        assert_int_equal(fclose(f), 0);
        source = source_of(json);
        arena_init(&arena, NULL, 0, MANY);
        assert_int_equal(policy_json_read_entities(&arena, &source, &e, &error), -E2BIG);
        assert_string_equal(error, "x.json: more than 16777216 pairs of an entity and what it is in");
        assert_null(e);
}

static void test_entities(_unused_ void **state) {
        static const char json[] = "[{\"uid\": {\"type\": \"User\", \"id\": \"a\"}, \"attrs\": {\"n\": 1},\n"
                                   "  \"parents\": [{\"__entity\": {\"type\": \"Team\", \"id\": \"t\"}}], \"tags\": "
                                   "{\"k\": \"v\"}},\n"
                                   " {\"uid\": {\"__entity\": {\"type\": \"Team\", \"id\": \"t\"}}, \"attrs\": {},\n"
                                   "  \"parents\": [{\"type\": \"Team\", \"id\": \"all\"}]}]";
        EntityUid user = { { "User", 4 }, { "a", 1 } }, all = { { "Team", 4 }, { "all", 3 } };
        _cleanup_arena_ Arena arena = {};
        _cleanup_(entities_freep) Entities *e = NULL;
        _cleanup_free_ char *error = NULL;
        PolicySource source = source_of(json);
        const Entity *entity;

        arena_init(&arena, NULL, 0, MANY);
        assert_int_equal(policy_json_read_entities(&arena, &source, &e, &error), 0);
        entity = entities_get(e, &user);
        assert_non_null(entity);
        assert_int_equal(value_record_get(entity->attributes, TEXT("n"))->number, 1);
        assert_non_null(value_record_get(entity->tags, TEXT("k")));
        assert_true(entities_is_in(e, &user, &all));
        assert_false(entities_is_in(e, &all, &user));
        assert_null(entities_get(e, &all));
}

/* By a schema Cedar knows that an attribute is an entity, whatever it looks like. */
static void test_entities_of_schema(_unused_ void **state) {
        static const char json[] =
                        "[{\"uid\": {\"type\": \"T\", \"id\": \"a\"}, \"parents\": [], \"attrs\": {\n"
                        "\"owner\": {\"type\": \"T\", \"id\": \"b\"}, \"other\": {\"type\": \"T\", \"id\": 1},\n"
                        "\"no\": {\"type\": \"T!\", \"id\": \"b\"}}}]";
        static const struct {
                const char *name;
                ValueKind kind;
        } rows[] = { { "owner", VALUE_ENTITY }, { "other", VALUE_RECORD }, { "no", VALUE_RECORD } };
        EntityUid uid = { { "T", 1 }, { "a", 1 } };
        PolicySource source = source_of(json);

        for (int by_schema = 0; by_schema < 2; by_schema++) {
                _cleanup_arena_ Arena arena = {};
                _cleanup_(entities_freep) Entities *e = NULL;
                _cleanup_free_ char *error = NULL;
                int r;

                arena_init(&arena, NULL, 0, MANY);
                r = by_schema ? policy_json_read_entities_of_schema(&arena, &source, &e, &error)
                              : policy_json_read_entities(&arena, &source, &e, &error);
                assert_int_equal(r, 0);
                for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                        const Value *v = value_record_get(entities_get(e, &uid)->attributes, text_of(rows[i].name));

                        assert_int_equal(v->kind, by_schema ? rows[i].kind : VALUE_RECORD);
                }
        }
}

#define UID(type, id)  "\"uid\": {\"type\": \"" type "\", \"id\": \"" id "\"}"
#define PARENT(id)     "{\"type\": \"T\", \"id\": \"" id "\"}"
#define ENTITY(id, up) "{" UID("T", id) ", \"attrs\": {}, \"parents\": [" up "]}"

static void test_entities_refused(_unused_ void **state) {
        static const struct {
                const char *json, *error;
        } cases[] = {
                { "{}", "1:1: expected a list of entities" },
                { "[1]", "1:2: expected an entity, with \"uid\": {…}" },
                { "[{" UID("T", "a") "}]", "expected an entity, with \"attrs\": {…}" },
                { "[{" UID("T", "a") ", \"attrs\": {}}]", "expected an entity, with \"parents\": […]" },
                { "[{" UID("T", "a") ", \"attrs\": [], \"parents\": []}]", "expected an entity, with \"attrs\": {…}" },
                { "[{" UID("T", "a") ", \"attrs\": {}, \"parents\": [], \"more\": 1}]", "no other members" },
                { "[{" UID("T!", "a") ", \"attrs\": {}, \"parents\": []}]", "'T!' is no entity type" },
                { "[{\"uid\": {\"type\": \"T\"}, \"attrs\": {}, \"parents\": []}]", "expected an entity, {\"type\"" },
                { "[" ENTITY("a", PARENT("b")) "," ENTITY("b", PARENT("a")) "]", "\" is in itself" },
                { "[" ENTITY("a", "") "," ENTITY("a", PARENT("b")) "]", "says something else" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_refused(true, cases[i].json, cases[i].error);
}

/* However little memory there is, it is refused as such and nothing leaks. */
static void test_memory(_unused_ void **state) {
        static const char json[] = "[" ENTITY("a", PARENT("b")) "," ENTITY("b", "") "]";
        PolicySource source = source_of(json);
        int r = -ENOMEM;

        for (size_t max = 0; r == -ENOMEM; max += 16) {
                _cleanup_arena_ Arena arena = {};
                _cleanup_(entities_freep) Entities *e = NULL;
                _cleanup_free_ char *error = NULL;

                assert_true(max < 65536);
                arena_init(&arena, NULL, 0, max);
                r = policy_json_read_entities(&arena, &source, &e, &error);
                assert_null(error);
        }
        assert_int_equal(r, 0);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_calls_nest),
                cmocka_unit_test(test_nul),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_depth),
                cmocka_unit_test(test_relations_have_a_bound),
                cmocka_unit_test(test_entities),
                cmocka_unit_test(test_entities_of_schema),
                cmocka_unit_test(test_entities_refused),
                cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
