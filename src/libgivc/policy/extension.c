/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of the extension types, one row each. */
#include "policy/extension.h"

static int new_ip(Arena *arena, const Value *arguments, Value *ret, const char **ret_why) {
        IpRange ip;
        int r;

        r = ip_range_parse(arguments[0].string, &ip, ret_why);
        if (r < 0)
                return r;
        *ret = (Value){ .kind = VALUE_IP, .ip = arena_dup(arena, &ip, sizeof(ip)) };
        return ret->ip ? 0 : -ENOMEM;
}

static int new_decimal(_unused_ Arena *arena, const Value *arguments, Value *ret, const char **ret_why) {
        ret->kind = VALUE_DECIMAL;
        return decimal_parse(arguments[0].string, &ret->number, ret_why);
}

static int new_datetime(_unused_ Arena *arena, const Value *arguments, Value *ret, const char **ret_why) {
        ret->kind = VALUE_DATETIME;
        return datetime_parse(arguments[0].string, &ret->number, ret_why);
}

static int new_duration(_unused_ Arena *arena, const Value *arguments, Value *ret, const char **ret_why) {
        ret->kind = VALUE_DURATION;
        return duration_parse(arguments[0].string, &ret->number, ret_why);
}

/* What cannot fail, as an expression over its arguments a. */
#define METHOD(function, result_kind, member, expression)                                                              \
        static int function(_unused_ Arena *arena, const Value *a, Value *ret, _unused_ const char **ret_why) {        \
                *ret = (Value){ .kind = (result_kind), .member = (expression) };                                       \
                return 0;                                                                                              \
        }
METHOD(is_ipv4, VALUE_BOOL, boolean, !a[0].ip->is_v6)
METHOD(is_ipv6, VALUE_BOOL, boolean, a[0].ip->is_v6)
METHOD(is_loopback, VALUE_BOOL, boolean, ip_range_is_loopback(a[0].ip))
METHOD(is_multicast, VALUE_BOOL, boolean, ip_range_is_multicast(a[0].ip))
METHOD(is_in_range, VALUE_BOOL, boolean, ip_range_is_in(a[0].ip, a[1].ip))
METHOD(less_than, VALUE_BOOL, boolean, a[0].number < a[1].number)
METHOD(less_than_or_equal, VALUE_BOOL, boolean, a[0].number <= a[1].number)
METHOD(greater_than, VALUE_BOOL, boolean, a[0].number > a[1].number)
METHOD(greater_than_or_equal, VALUE_BOOL, boolean, a[0].number >= a[1].number)
METHOD(to_milliseconds, VALUE_LONG, number, a[0].number)
METHOD(to_seconds, VALUE_LONG, number, a[0].number / 1000)
METHOD(to_minutes, VALUE_LONG, number, a[0].number / 60000)
METHOD(to_hours, VALUE_LONG, number, a[0].number / 3600000)
METHOD(to_days, VALUE_LONG, number, a[0].number / 86400000)

/* Days begin at midnight before 1970, too. */
static int64_t time_of_day(int64_t datetime) {
        int64_t rest = datetime % 86400000;

        return rest < 0 ? rest + 86400000 : rest;
}
METHOD(to_time, VALUE_DURATION, number, time_of_day(a[0].number))

static int to_date(_unused_ Arena *arena, const Value *a, Value *ret, const char **ret_why) {
        *ret_why = "the day began before what a datetime holds";
        ret->kind = VALUE_DATETIME;
        return __builtin_sub_overflow(a[0].number, time_of_day(a[0].number), &ret->number) ? -ERANGE : 0;
}

static int offset(_unused_ Arena *arena, const Value *a, Value *ret, const char **ret_why) {
        *ret_why = "the sum is more than a datetime holds";
        ret->kind = VALUE_DATETIME;
        return __builtin_add_overflow(a[0].number, a[1].number, &ret->number) ? -ERANGE : 0;
}

static int duration_since(_unused_ Arena *arena, const Value *a, Value *ret, const char **ret_why) {
        *ret_why = "the difference is more than a duration holds";
        ret->kind = VALUE_DURATION;
        return __builtin_sub_overflow(a[0].number, a[1].number, &ret->number) ? -ERANGE : 0;
}

static const Extension extensions[] = {
        { "ip", false, 1, { VALUE_STRING }, VALUE_IP, new_ip },
        { "decimal", false, 1, { VALUE_STRING }, VALUE_DECIMAL, new_decimal },
        { "datetime", false, 1, { VALUE_STRING }, VALUE_DATETIME, new_datetime },
        { "duration", false, 1, { VALUE_STRING }, VALUE_DURATION, new_duration },
        { "isIpv4", true, 1, { VALUE_IP }, VALUE_BOOL, is_ipv4 },
        { "isIpv6", true, 1, { VALUE_IP }, VALUE_BOOL, is_ipv6 },
        { "isLoopback", true, 1, { VALUE_IP }, VALUE_BOOL, is_loopback },
        { "isMulticast", true, 1, { VALUE_IP }, VALUE_BOOL, is_multicast },
        { "isInRange", true, 2, { VALUE_IP, VALUE_IP }, VALUE_BOOL, is_in_range },
        { "lessThan", true, 2, { VALUE_DECIMAL, VALUE_DECIMAL }, VALUE_BOOL, less_than },
        { "lessThanOrEqual", true, 2, { VALUE_DECIMAL, VALUE_DECIMAL }, VALUE_BOOL, less_than_or_equal },
        { "greaterThan", true, 2, { VALUE_DECIMAL, VALUE_DECIMAL }, VALUE_BOOL, greater_than },
        { "greaterThanOrEqual", true, 2, { VALUE_DECIMAL, VALUE_DECIMAL }, VALUE_BOOL, greater_than_or_equal },
        { "offset", true, 2, { VALUE_DATETIME, VALUE_DURATION }, VALUE_DATETIME, offset },
        { "durationSince", true, 2, { VALUE_DATETIME, VALUE_DATETIME }, VALUE_DURATION, duration_since },
        { "toDate", true, 1, { VALUE_DATETIME }, VALUE_DATETIME, to_date },
        { "toTime", true, 1, { VALUE_DATETIME }, VALUE_DURATION, to_time },
        { "toMilliseconds", true, 1, { VALUE_DURATION }, VALUE_LONG, to_milliseconds },
        { "toSeconds", true, 1, { VALUE_DURATION }, VALUE_LONG, to_seconds },
        { "toMinutes", true, 1, { VALUE_DURATION }, VALUE_LONG, to_minutes },
        { "toHours", true, 1, { VALUE_DURATION }, VALUE_LONG, to_hours },
        { "toDays", true, 1, { VALUE_DURATION }, VALUE_LONG, to_days },
};

const Extension *extension_get(size_t i) {
        return i < ELEMENTSOF(extensions) ? &extensions[i] : NULL;
}

const Extension *extension_find(Text name) {
        const Extension *e;

        for (size_t i = 0; (e = extension_get(i)); i++)
                if (text_equal(text_of(e->name), name))
                        return e;
        return NULL;
}
