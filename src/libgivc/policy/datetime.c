/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time, in a part of ISO 8601, and the spans between them. Both are milliseconds. */
#include "base/str.h"
#include "policy/extension.h"

#define MS_PER_SECOND ((int64_t) 1000)
#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define MS_PER_HOUR   (60 * MS_PER_MINUTE)
#define MS_PER_DAY    (24 * MS_PER_HOUR)

/* Takes so many digits off the text's front. */
static bool take_digits(Text *text, unsigned n, int *ret) {
        int value = 0;

        if (text->size < n)
                return false;
        for (unsigned i = 0; i < n; i++) {
                if (!char_is_digit(text->data[i]))
                        return false;
                value = value * 10 + (text->data[i] - '0');
        }
        *text = (Text){ text->data + n, text->size - n };
        *ret = value;
        return true;
}

static bool take(Text *text, char c) {
        if (text->size == 0 || text->data[0] != c)
                return false;
        *text = (Text){ text->data + 1, text->size - 1 };
        return true;
}

static int days_in_month(int year, int month) {
        static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        return days[month - 1] + (month == 2 && leap);
}

/* Since 1970, in the Gregorian calendar at all times. Years begin in March here, so that a leap day ends one. */
static int64_t days_since_epoch(int year, int month, int day) {
        int y = month <= 2 ? year + 399 : year + 400; /* 400 years are 146,097 days */
        int m = (month + 9) % 12;

        return (int64_t) y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468 - 146097;
}

static int parse_date(Text *text, int64_t *ret, const char **ret_why) {
        int year, month, day;

        if (!take_digits(text, 4, &year) || !take(text, '-') || !take_digits(text, 2, &month) || !take(text, '-') ||
                        !take_digits(text, 2, &day))
                return -EINVAL;
        if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
                *ret_why = "there is no such day in the calendar";
                return -EINVAL;
        }
        *ret = days_since_epoch(year, month, day) * MS_PER_DAY;
        return 0;
}

static int parse_time(Text *text, int64_t *ret, const char **ret_why) {
        int hour, minute, second, ms = 0;

        if (!take(text, 'T') || !take_digits(text, 2, &hour) || !take(text, ':') || !take_digits(text, 2, &minute) ||
                        !take(text, ':') || !take_digits(text, 2, &second))
                return -EINVAL;
        if (take(text, '.') && !take_digits(text, 3, &ms))
                return -EINVAL;
        if (hour > 23 || minute > 59 || second > 59) {
                *ret_why = "there is no such time of the day";
                return -EINVAL;
        }
        *ret = hour * MS_PER_HOUR + minute * MS_PER_MINUTE + second * MS_PER_SECOND + ms;
        return 0;
}

static int parse_zone(Text *text, int64_t *ret, const char **ret_why) {
        int64_t sign;
        int hour, minute;

        if (take(text, 'Z')) {
                *ret = 0;
                return 0;
        }
        sign = take(text, '+') ? 1 : take(text, '-') ? -1 : 0;
        if (sign == 0 || !take_digits(text, 2, &hour) || !take_digits(text, 2, &minute))
                return -EINVAL;
        if (hour > 23 || minute > 59) {
                *ret_why = "an offset from UTC is less than 24 hours, and has less than 60 minutes";
                return -EINVAL;
        }
        *ret = sign * (hour * MS_PER_HOUR + minute * MS_PER_MINUTE);
        return 0;
}

int datetime_parse(Text text, int64_t *ret, const char **ret_why) {
        int64_t date, time = 0, zone = 0;
        bool has_time;
        int r;

        *ret_why = "this is no point in time, as 2024-02-29, 2024-02-29T12:00:00Z or 2024-02-29T12:00:00.000+0200";
        r = parse_date(&text, &date, ret_why);
        has_time = r >= 0 && text.size > 0;
        if (has_time)
                r = parse_time(&text, &time, ret_why);
        if (has_time && r >= 0)
                r = parse_zone(&text, &zone, ret_why);
        if (r < 0)
                return r;
        if (text.size > 0)
                return -EINVAL;
        *ret = date + time - zone;
        return 0;
}

static const struct {
        Text name;
        int64_t ms;
} units[] = {
        { TEXT("d"), MS_PER_DAY },
        { TEXT("h"), MS_PER_HOUR },
        { TEXT("m"), MS_PER_MINUTE },
        { TEXT("s"), MS_PER_SECOND },
        { TEXT("ms"), 1 },
};

static size_t take_letters(Text *text) {
        size_t n = 0;

        while (n < text->size && text->data[n] >= 'a' && text->data[n] <= 'z')
                n++;
        *text = (Text){ text->data + n, text->size - n };
        return n;
}

int duration_parse(Text text, int64_t *ret, const char **ret_why) {
        bool negative = take(&text, '-');
        int64_t sum = 0, n;
        size_t next = 0;

        *ret_why = "this is no duration, as 1d2h3m4s5ms: some of these units, in this order";
        if (text.size == 0)
                return -EINVAL;
        while (text.size > 0) {
                Text unit;
                int digit;

                if (!char_is_digit(text.data[0]))
                        return -EINVAL;
                for (n = 0; take_digits(&text, 1, &digit);)
                        if (__builtin_mul_overflow(n, 10, &n) || __builtin_sub_overflow(n, digit, &n))
                                goto overflow;
                unit.data = text.data;
                unit.size = take_letters(&text);
                while (next < ELEMENTSOF(units) && !text_equal(units[next].name, unit))
                        next++;
                if (next == ELEMENTSOF(units))
                        return -EINVAL;
                if (__builtin_mul_overflow(n, units[next++].ms, &n) || __builtin_add_overflow(sum, n, &sum))
                        goto overflow;
        }
        if (!negative && __builtin_sub_overflow(0, sum, &sum))
                goto overflow;
        *ret = sum;
        return 0;

overflow:
        *ret_why = "a duration is at most 9223372036854775807 milliseconds";
        return -EINVAL;
}
