/* SPDX-License-Identifier: Apache-2.0 */
/* Values as text, which is one printable line and is read again as the same value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "expr.h"
#include "policy/syntax.h"

static void assert_text(Value value, const char *expected) {
        _cleanup_free_ char *text = value_to_string(&value), *message = NULL;
        PolicySource source = { "t", text_of(text) };
        _cleanup_arena_ Arena arena = {};
        Expr *e;

        assert_non_null(text);
        assert_string_equal(text, expected);
        assert_true(str_is_printable(text));
        arena_init(&arena, NULL, 0, 1 << 20);
        assert_int_equal(expr_parse(&arena, &source, &e, &message), 0);
        if (e->kind == EXPR_LITERAL && !strstr(expected, "fffd"))
                assert_int_equal(value_compare(&e->value, &value), 0);
}

static void test_plain(_unused_ void **state) {
        const EntityUid uid = { TEXT("A::B"), TEXT("a\"\\b\n") };

        assert_text((Value){ .kind = VALUE_BOOL, .boolean = true }, "true");
        assert_text((Value){ .kind = VALUE_BOOL }, "false");
        assert_text((Value){ .kind = VALUE_LONG, .number = INT64_MIN }, "-9223372036854775808");
        assert_text((Value){ .kind = VALUE_LONG, .number = INT64_MAX }, "9223372036854775807");
        assert_text((Value){ .kind = VALUE_STRING }, "\"\"");
        assert_text((Value){ .kind = VALUE_STRING, .string = TEXT("a'\"\\\n\r\t\0\x1b\x7f*") },
                        "\"a'\\\"\\\\\\n\\r\\t\\0\\u{1b}\\u{7f}*\"");
        assert_text((Value){ .kind = VALUE_STRING, .string = TEXT("\xC3\xA9\xC2\x85\xF0\x9F\x8C\x8D") },
                        "\"\xC3\xA9\\u{85}\xF0\x9F\x8C\x8D\"");
        assert_text((Value){ .kind = VALUE_STRING,
                                    .string = TEXT("\xff"
                                                   "a\xC3") },
                        "\"\\u{fffd}a\\u{fffd}\"");
        assert_text((Value){ .kind = VALUE_ENTITY, .entity = &uid }, "A::B::\"a\\\"\\\\b\\n\"");
}

static void test_extensions(_unused_ void **state) {
        static const struct {
                int64_t number;
                const char *decimal, *datetime, *duration;
        } numbers[] = {
                { 0, "decimal(\"0.0000\")", "datetime(\"1970-01-01T00:00:00.000Z\")", "duration(\"0ms\")" },
                { -1, "decimal(\"-0.0001\")", "datetime(\"1969-12-31T23:59:59.999Z\")", "duration(\"-1ms\")" },
                { 12345, "decimal(\"1.2345\")", "datetime(\"1970-01-01T00:00:12.345Z\")", "duration(\"12345ms\")" },
                { 253402300799999, "decimal(\"25340230079.9999\")", "datetime(\"9999-12-31T23:59:59.999Z\")",
                                "duration(\"253402300799999ms\")" },
                { 253402300800000, "decimal(\"25340230080.0000\")",
                                "datetime(\"1970-01-01\").offset(duration(\"253402300800000ms\"))",
                                "duration(\"253402300800000ms\")" },
                { -62167219200000, "decimal(\"-6216721920.0000\")", "datetime(\"0000-01-01T00:00:00.000Z\")",
                                "duration(\"-62167219200000ms\")" },
                { INT64_MIN, "decimal(\"-922337203685477.5808\")",
                                "datetime(\"1970-01-01\").offset(duration(\"-9223372036854775808ms\"))",
                                "duration(\"-9223372036854775808ms\")" },
                { INT64_MAX, "decimal(\"922337203685477.5807\")",
                                "datetime(\"1970-01-01\").offset(duration(\"9223372036854775807ms\"))",
                                "duration(\"9223372036854775807ms\")" },
        };
        const IpRange v4 = { .prefix = 8, .bytes = { 10 } };

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                assert_text((Value){ .kind = VALUE_DECIMAL, .number = numbers[i].number }, numbers[i].decimal);
                assert_text((Value){ .kind = VALUE_DATETIME, .number = numbers[i].number }, numbers[i].datetime);
                assert_text((Value){ .kind = VALUE_DURATION, .number = numbers[i].number }, numbers[i].duration);
        }
        assert_text((Value){ .kind = VALUE_IP, .ip = &v4 }, "ip(\"10.0.0.0/8\")");
}

static void test_collections(_unused_ void **state) {
        const Value one = { .kind = VALUE_LONG, .number = 1 };
        const ValueSet empty = {}, single = { 1, &one };
        const Value items[] = { one, { .kind = VALUE_SET, .set = &empty }, { .kind = VALUE_SET, .set = &single } };
        const ValueSet set = { ELEMENTSOF(items), items };
        const ValueMember members[] = { { TEXT("a b"), one }, { TEXT("c"), { .kind = VALUE_SET, .set = &set } } };
        const ValueRecord nothing = {}, record = { ELEMENTSOF(members), members };

        assert_text((Value){ .kind = VALUE_SET, .set = &empty }, "[]");
        assert_text((Value){ .kind = VALUE_SET, .set = &set }, "[1, [], [1]]");
        assert_text((Value){ .kind = VALUE_RECORD, .record = &nothing }, "{}");
        assert_text((Value){ .kind = VALUE_RECORD, .record = &record }, "{\"a b\": 1, \"c\": [1, [], [1]]}");
}

static void test_kinds(_unused_ void **state) {
        assert_string_equal(value_kind_to_string(VALUE_BOOL), "Bool");
        assert_string_equal(value_kind_to_string(VALUE_LONG), "Long");
        assert_string_equal(value_kind_to_string(VALUE_IP), "ip");
        assert_string_equal(value_kind_to_string(VALUE_DURATION), "duration");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_extensions),
                cmocka_unit_test(test_collections),
                cmocka_unit_test(test_kinds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
