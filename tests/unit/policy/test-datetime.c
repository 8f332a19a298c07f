/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time and durations: what is one, and what the functions of all extension types make of values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/extension.h"

#define DAY INT64_C(86400000)

static const struct {
        const char *text;
        int64_t ms;
} times[] = {
        { "1970-01-01", 0 },
        { "1970-01-01T00:00:00Z", 0 },
        { "1970-01-01T00:00:00.001Z", 1 },
        { "1970-01-01T00:00:00+0000", 0 },
        { "1970-01-01T00:00:00-0000", 0 },
        { "1970-01-01T01:00:00+0100", 0 },
        { "1970-01-01T00:00:00-0130", 5400000 },
        { "1970-01-01T00:00:00+2359", -86340000 },
        { "1969-12-31", -DAY },
        { "1969-12-31T23:59:59.999Z", -1 },
        { "2000-02-29", 11016 * DAY },
        { "2024-02-29T12:00:00.500+0200", INT64_C(1709200800500) },
        { "2100-03-01", 47541 * DAY },
        { "2026-11-22T17:54:04Z", INT64_C(1795370044000) },
        { "0000-01-01", -719528 * DAY },
        { "0000-02-29", -719469 * DAY },
        { "0001-01-01", -719162 * DAY },
        { "9999-12-31T23:59:59.999Z", INT64_C(253402300799999) },
        { "9999-12-31T23:59:59.999-2359", INT64_C(253402387139999) },
};

static const char *const no_times[] = {
        "",
        "1970",
        "1970-1-1",
        "1970-01-01 ",
        " 1970-01-01",
        "70-01-01",
        "12345-01-01",
        "-1970-01-01",
        "1970/01/01",
        "1970-00-01",
        "1970-13-01",
        "1970-01-00",
        "1970-01-32",
        "1970-02-29",
        "1900-02-29",
        "2100-02-29",
        "2023-04-31",
        "1970-01-01T",
        "1970-01-01Z",
        "1970-01-01T00:00Z",
        "1970-01-01T00:00:00",
        "1970-01-01T12:00:00",
        "1970-01-01T00:00:00z",
        "1970-01-01t00:00:00Z",
        "1970-01-01 00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T23:60:00Z",
        "1970-01-01T23:59:60Z",
        "2016-12-31T23:59:60Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00.1Z",
        "1970-01-01T00:00:00.1234Z",
        "1970-01-01T00:00:00.123",
        "1970-01-01T00:00:00,123Z",
        "1970-01-01T00:00:00+01",
        "1970-01-01T00:00:00+01:00",
        "1970-01-01T00:00:00+2400",
        "1970-01-01T00:00:00+0060",
        "1970-01-01T00:00:00ZZ",
        "1970-01-01T00:00:00+01000",
        "1970-01-01T00:00:00Z+0100",
        "1970-01-01T-1:00:00Z",
};

static void test_datetime(_unused_ void **state) {
        const char *why;
        int64_t ms;

        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                print_message("%s\n", times[i].text);
                assert_int_equal(datetime_parse(text_of(times[i].text), &ms, &why), 0);
                assert_true(ms == times[i].ms);
        }
        for (size_t i = 0; i < ELEMENTSOF(no_times); i++) {
                print_message("%s\n", no_times[i]);
                why = NULL;
                assert_int_equal(datetime_parse(text_of(no_times[i]), &ms, &why), -EINVAL);
                assert_non_null(why);
        }
}

static const struct {
        const char *text;
        int64_t ms;
} durations[] = {
        { "0ms", 0 },
        { "-0d", 0 },
        { "1ms", 1 },
        { "1s", 1000 },
        { "1m", 60000 },
        { "1h", 3600000 },
        { "1d", DAY },
        { "1d2h3m4s5ms", DAY + 7200000 + 180000 + 4000 + 5 },
        { "-1d2h3m4s5ms", -(DAY + 7200000 + 180000 + 4000 + 5) },
        { "1m5ms", 60005 },
        { "1d5ms", DAY + 5 },
        { "100h", 360000000 },
        { "00000000000000000000000000001s", 1000 },
        { "9223372036854775807ms", INT64_MAX },
        { "-9223372036854775808ms", INT64_MIN },
        { "106751991167d7h12m55s807ms", INT64_MAX },
        { "-106751991167d7h12m55s808ms", INT64_MIN },
};

static const char *const no_durations[] = {
        "",
        "-",
        "1",
        "d",
        "1x",
        "1D",
        "+1d",
        "--1d",
        "1d-2h",
        "1d 2h",
        " 1d",
        "1d ",
        "1.5d",
        "2h1d",
        "1s1m",
        "1ms1s",
        "1d1d",
        "1ms1ms",
        "1mss",
        "1msm",
        "1dh",
        "9223372036854775808ms",
        "-9223372036854775809ms",
        "106751991167d7h12m55s808ms",
        "-106751991167d7h12m55s809ms",
        "106751991168d",
        "99999999999999999999999999ms",
};

static void test_duration(_unused_ void **state) {
        const char *why;
        int64_t ms;

        for (size_t i = 0; i < ELEMENTSOF(durations); i++) {
                print_message("%s\n", durations[i].text);
                assert_int_equal(duration_parse(text_of(durations[i].text), &ms, &why), 0);
                assert_true(ms == durations[i].ms);
        }
        for (size_t i = 0; i < ELEMENTSOF(no_durations); i++) {
                print_message("%s\n", no_durations[i]);
                why = NULL;
                assert_int_equal(duration_parse(text_of(no_durations[i]), &ms, &why), -EINVAL);
                assert_non_null(why);
        }
}

/* A function of one or two numbers and the number that it yields. */
static const struct {
        const char *name;
        int64_t a, b;
        ValueKind kind;
        int64_t expected;
        int r;
} methods[] = {
        { "offset", 5, -7, VALUE_DATETIME, -2, 0 },
        { "offset", INT64_MAX, 1, VALUE_DATETIME, 0, -ERANGE },
        { "durationSince", 5, 7, VALUE_DURATION, -2, 0 },
        { "durationSince", INT64_MIN, 1, VALUE_DURATION, 0, -ERANGE },
        { "toDate", DAY + 1, 0, VALUE_DATETIME, DAY, 0 },
        { "toDate", -1, 0, VALUE_DATETIME, -DAY, 0 },
        { "toDate", -DAY, 0, VALUE_DATETIME, -DAY, 0 },
        { "toDate", INT64_MIN, 0, VALUE_DATETIME, 0, -ERANGE },
        { "toTime", DAY + 1, 0, VALUE_DURATION, 1, 0 },
        { "toTime", -1, 0, VALUE_DURATION, DAY - 1, 0 },
        { "toTime", -DAY, 0, VALUE_DURATION, 0, 0 },
        { "toMilliseconds", -DAY - 1, 0, VALUE_LONG, -DAY - 1, 0 },
        { "toSeconds", 1999, 0, VALUE_LONG, 1, 0 },
        { "toSeconds", -1999, 0, VALUE_LONG, -1, 0 },
        { "toMinutes", -119999, 0, VALUE_LONG, -1, 0 },
        { "toHours", DAY - 1, 0, VALUE_LONG, 23, 0 },
        { "toDays", -DAY - DAY / 2, 0, VALUE_LONG, -1, 0 },
        { "lessThan", 1, 2, VALUE_BOOL, true, 0 },
        { "lessThan", 2, 2, VALUE_BOOL, false, 0 },
        { "lessThanOrEqual", 2, 2, VALUE_BOOL, true, 0 },
        { "lessThanOrEqual", 3, 2, VALUE_BOOL, false, 0 },
        { "greaterThan", 2, 2, VALUE_BOOL, false, 0 },
        { "greaterThan", 3, 2, VALUE_BOOL, true, 0 },
        { "greaterThanOrEqual", 2, 2, VALUE_BOOL, true, 0 },
        { "greaterThanOrEqual", 1, 2, VALUE_BOOL, false, 0 },
};

static void test_methods(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
                const Extension *e = extension_find(text_of(methods[i].name));
                const char *why = NULL;
                Value ret = {};
                int r;

                print_message("%s\n", methods[i].name);
                assert_non_null(e);
                assert_true(e->is_method);
                r = e->apply(NULL,
                                (Value[]){ { .kind = e->arguments[0], .number = methods[i].a },
                                                { .kind = e->arguments[1], .number = methods[i].b } },
                                &ret, &why);
                assert_int_equal(r, methods[i].r);
                if (r < 0) {
                        assert_non_null(why);
                        continue;
                }
                assert_int_equal(ret.kind, methods[i].kind);
                if (ret.kind == VALUE_BOOL)
                        assert_int_equal(ret.boolean, methods[i].expected);
                else
                        assert_true(ret.number == methods[i].expected);
        }
}

static const struct {
        const char *name, *argument;
        ValueKind kind;
} constructors[] = {
        { "ip", "::1", VALUE_IP },
        { "decimal", "1.5", VALUE_DECIMAL },
        { "datetime", "1970-01-02", VALUE_DATETIME },
        { "duration", "1d", VALUE_DURATION },
};

static void test_constructors(_unused_ void **state) {
        _cleanup_arena_ Arena arena, empty;
        const Extension *is_ipv6 = extension_find(TEXT("isIpv6"));

        arena_init(&arena, NULL, 0, 1024);
        arena_init(&empty, NULL, 0, 0);
        for (size_t i = 0; i < ELEMENTSOF(constructors); i++) {
                const Extension *e = extension_find(text_of(constructors[i].name));
                Value argument = { .kind = VALUE_STRING, .string = text_of(constructors[i].argument) }, ret = {};
                const char *why = NULL;

                assert_non_null(e);
                assert_false(e->is_method);
                assert_int_equal(e->apply(&arena, &argument, &ret, &why), 0);
                assert_int_equal(ret.kind, constructors[i].kind);
                if (ret.kind == VALUE_IP) {
                        assert_int_equal(is_ipv6->apply(NULL, &ret, &ret, &why), 0);
                        assert_true(ret.boolean);
                        assert_int_equal(e->apply(&empty, &argument, &ret, &why), -ENOMEM);
                }
                argument.string = TEXT("nothing");
                assert_int_equal(e->apply(&arena, &argument, &ret, &why), -EINVAL);
                assert_non_null(why);
        }
}

static void test_names(_unused_ void **state) {
        const Extension *e;
        size_t n = 0;

        for (; (e = extension_get(n)); n++) {
                assert_ptr_equal(extension_find(text_of(e->name)), e);
                assert_in_range(e->n_arguments, 1, EXTENSION_ARGUMENTS_MAX);
        }
        assert_int_equal(n, 22);
        assert_null(extension_find(TEXT("isipv4")));
        assert_null(extension_find(TEXT("")));
        assert_null(extension_find(TEXT("ip\0")));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_datetime),
                cmocka_unit_test(test_duration),
                cmocka_unit_test(test_methods),
                cmocka_unit_test(test_constructors),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
