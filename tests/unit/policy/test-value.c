/* SPDX-License-Identifier: Apache-2.0 */
/* The order of values is total, and equal in it is equal in the language; sets and records keep to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/value.h"

static const EntityUid a_b = { TEXT("a"), TEXT("b") }, a_c = { TEXT("a"), TEXT("c") }, b_a = { TEXT("b"), TEXT("a") };
static const Value one[] = { { .kind = VALUE_LONG, .number = 1 } };
static const Value two[] = { { .kind = VALUE_LONG, .number = 1 }, { .kind = VALUE_LONG, .number = 2 } };
static const Value other_two[] = { { .kind = VALUE_LONG, .number = 1 }, { .kind = VALUE_LONG, .number = 3 } };
static const ValueMember members[] = { { TEXT("a"), { .kind = VALUE_LONG, .number = 1 } } };
static const ValueMember larger[] = { { TEXT("a"), { .kind = VALUE_LONG, .number = 2 } } };
static const ValueMember renamed[] = { { TEXT("b"), { .kind = VALUE_LONG, .number = 0 } } };
static const IpRange v4 = { .prefix = 24, .bytes = { 10 } }, v4_host = { .prefix = 32, .bytes = { 10 } };
static const IpRange v4_next = { .prefix = 8, .bytes = { 11 } };
static const IpRange v6 = { .is_v6 = true, .prefix = 24, .bytes = { 10 } };

/* From the least to the greatest. */
static const Value values[] = {
        { .kind = VALUE_BOOL, .boolean = false },
        { .kind = VALUE_BOOL, .boolean = true },
        { .kind = VALUE_LONG, .number = INT64_MIN },
        { .kind = VALUE_LONG, .number = 0 },
        { .kind = VALUE_LONG, .number = INT64_MAX },
        { .kind = VALUE_STRING, .string = TEXT("") },
        { .kind = VALUE_STRING, .string = TEXT("\0") },
        { .kind = VALUE_STRING, .string = TEXT("a") },
        { .kind = VALUE_STRING, .string = TEXT("a\0") },
        { .kind = VALUE_STRING, .string = TEXT("b") },
        { .kind = VALUE_STRING, .string = TEXT("\xc3\xa4") },
        { .kind = VALUE_ENTITY, .entity = &a_b },
        { .kind = VALUE_ENTITY, .entity = &a_c },
        { .kind = VALUE_ENTITY, .entity = &b_a },
        { .kind = VALUE_SET, .set = &(const ValueSet){} },
        { .kind = VALUE_SET, .set = &(const ValueSet){ 1, one } },
        { .kind = VALUE_SET, .set = &(const ValueSet){ 2, two } },
        { .kind = VALUE_SET, .set = &(const ValueSet){ 2, other_two } },
        { .kind = VALUE_RECORD, .record = &(const ValueRecord){} },
        { .kind = VALUE_RECORD, .record = &(const ValueRecord){ 1, members } },
        { .kind = VALUE_RECORD, .record = &(const ValueRecord){ 1, larger } },
        { .kind = VALUE_RECORD, .record = &(const ValueRecord){ 1, renamed } },
        { .kind = VALUE_IP, .ip = &v4 },
        { .kind = VALUE_IP, .ip = &v4_host },
        { .kind = VALUE_IP, .ip = &v4_next },
        { .kind = VALUE_IP, .ip = &v6 },
        { .kind = VALUE_DECIMAL, .number = -1 },
        { .kind = VALUE_DECIMAL, .number = 0 },
        { .kind = VALUE_DATETIME, .number = 0 },
        { .kind = VALUE_DURATION, .number = 0 },
};

static int sign(int n) {
        return (n > 0) - (n < 0);
}

static void test_order(_unused_ void **state) {
        for (int i = 0; i < (int) ELEMENTSOF(values); i++)
                for (int j = 0; j < (int) ELEMENTSOF(values); j++)
                        assert_int_equal(sign(value_compare(&values[i], &values[j])), sign(i - j));
        assert_true(value_equal(&(Value){ .kind = VALUE_SET, .set = &(ValueSet){ 1, two } },
                        &(Value){ .kind = VALUE_SET, .set = &(ValueSet){ 1, other_two } }));
}

static void test_set(_unused_ void **state) {
        Value items[2 * ELEMENTSOF(values)];
        _cleanup_arena_ Arena arena, empty;
        const ValueSet *set;

        arena_init(&arena, NULL, 0, 1024);
        arena_init(&empty, NULL, 0, 0);
        for (size_t i = 0; i < ELEMENTSOF(items); i++)
                items[i] = values[i * 7 % ELEMENTSOF(values)];
        set = value_set_new(&arena, items, ELEMENTSOF(items) / 2);
        assert_non_null(set);
        assert_int_equal(set->n, ELEMENTSOF(values));
        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                assert_int_equal(value_compare(&set->items[i], &values[i]), 0);
                assert_true(value_set_contains(set, &values[i]));
        }
        items[1] = items[0];
        set = value_set_new(&arena, items, 2);
        assert_int_equal(set->n, 1);
        assert_false(value_set_contains(set, &values[5]));
        set = value_set_new(&arena, NULL, 0);
        assert_int_equal(set->n, 0);
        assert_false(value_set_contains(set, &values[5]));
        assert_null(value_set_new(&empty, items, 1));
}

static void test_record(_unused_ void **state) {
        ValueMember unordered[] = { { TEXT("b"), values[3] }, { TEXT("a"), values[4] }, { TEXT(""), values[5] } };
        ValueMember twice[] = { { TEXT("b"), values[3] }, { TEXT("a"), values[4] }, { TEXT("b"), values[3] } };
        _cleanup_arena_ Arena arena, empty;
        const ValueRecord *record;
        Text name;

        arena_init(&arena, NULL, 0, 1024);
        arena_init(&empty, NULL, 0, 0);
        assert_int_equal(value_record_new(&arena, unordered, 3, &record, &name), 0);
        assert_true(value_equal(value_record_get(record, TEXT("a")), &values[4]));
        assert_true(value_equal(value_record_get(record, TEXT("b")), &values[3]));
        assert_true(value_equal(value_record_get(record, TEXT("")), &values[5]));
        assert_null(value_record_get(record, TEXT("c")));
        assert_int_equal(value_record_new(&arena, twice, 3, &record, NULL), -EEXIST);
        assert_int_equal(value_record_new(&arena, twice, 3, &record, &name), -EEXIST);
        assert_true(text_equal(name, TEXT("b")));
        assert_int_equal(value_record_new(&arena, NULL, 0, &record, &name), 0);
        assert_null(value_record_get(record, TEXT("a")));
        assert_int_equal(value_record_new(&empty, unordered, 3, &record, &name), -ENOMEM);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_set),
                cmocka_unit_test(test_record),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
