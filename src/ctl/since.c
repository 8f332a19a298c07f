/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/since.h"

#include <ctype.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"

#define SECONDS_MAX (UINT64_MAX / USEC_PER_SEC)

static const struct {
        const char *words; /* between blanks */
        usec_t usec;
} units[] = {
        { " us usec ", 1 },
        { " ms msec ", USEC_PER_MSEC },
        { "  s sec second seconds ", USEC_PER_SEC },
        { " m min minute minutes ", 60 * USEC_PER_SEC },
        { " h hr hour hours ", 3600 * USEC_PER_SEC },
        { " d day days ", 24 * 3600 * USEC_PER_SEC },
        { " w week weeks ", 7 * 24 * 3600 * USEC_PER_SEC },
        { " M month months ", 2629800 * USEC_PER_SEC }, /* these two as systemd counts them */
        { " y year years ", 31557600 * USEC_PER_SEC },
};

/* A number without a unit is seconds: its word is the empty one. */
static int unit_parse(const char *word, size_t size, usec_t *ret) {
        _cleanup_free_ char *wanted = strf(" %.*s ", (int) size, word);

        if (!wanted)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (strstr(units[i].words, wanted)) {
                        *ret = units[i].usec;
                        return 0;
                }
        return -EINVAL;
}

static const char *skip_blanks(const char *s) {
        return s + strspn(s, " ");
}

/* "1h 30min" */
int span_parse(const char *text, usec_t *ret) {
        usec_t sum = 0;

        text = skip_blanks(text);
        if (isempty(text))
                return -EINVAL;
        while (*text) {
                _cleanup_free_ char *digits = strndup(text, strspn(text, "0123456789"));
                const char *word = digits ? skip_blanks(text + strlen(digits)) : NULL;
                size_t size = word ? strspn(word, "abcdefghijklmnopqrstuvwxyzM") : 0;
                usec_t number, unit;
                int r;

                if (!digits)
                        return -ENOMEM;
                r = parse_uint(digits, SECONDS_MAX, &number);
                if (r >= 0)
                        r = unit_parse(word, size, &unit);
                if (r < 0)
                        return r == -ENOMEM ? r : -EINVAL;
                if (__builtin_mul_overflow(number, unit, &number) || __builtin_add_overflow(sum, number, &sum))
                        return -EINVAL;
                text = skip_blanks(word + size);
        }
        *ret = sum;
        return 0;
}

static int usec_from_tm(struct tm *tm, bool utc, usec_t *ret) {
        const int day = tm->tm_mday, hour = tm->tm_hour;
        time_t t;

        tm->tm_isdst = -1;
        t = utc ? timegm(tm) : mktime(tm);
        if (t < 0 || tm->tm_mday != day || tm->tm_hour != hour) /* there is no such day or hour */
                return -EINVAL;
        *ret = (usec_t) t * USEC_PER_SEC;
        return 0;
}

static void tm_of(usec_t now, bool utc, struct tm *ret) {
        const time_t t = (time_t) (now / USEC_PER_SEC);

        (void) (utc ? gmtime_r(&t, ret) : localtime_r(&t, ret));
}

static int day_parse(const char *text, usec_t now, usec_t *ret) {
        struct tm tm;

        tm_of(now, false, &tm);
        if (streq(text, "yesterday"))
                tm.tm_mday--;
        else if (!streq(text, "today"))
                return -EINVAL;
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        tm.tm_isdst = -1;
        *ret = (usec_t) mktime(&tm) * USEC_PER_SEC;
        return 0;
}

static int clock_parse(const char *text, bool utc, usec_t now, usec_t *ret) {
        static const char *const formats[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%H:%M:%S", "%H:%M" };

        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                const char *end;
                struct tm tm;

                tm_of(now, utc, &tm);
                tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
                end = strptime(text, formats[i], &tm);
                if (end && !*end)
                        return usec_from_tm(&tm, utc, ret);
        }
        return -EINVAL;
}

int since_parse(const char *text, usec_t now, usec_t *ret) {
        const char *ago = endswith(text, " ago"), *utc = endswith(text, " UTC");
        _cleanup_free_ char *words = NULL;
        usec_t span;
        int r;

        words = strndup(text, ago ? (size_t) (ago - text) : utc ? (size_t) (utc - text) : strlen(text));
        if (!words)
                return -ENOMEM;
        if (streq(text, "now")) {
                *ret = now;
                return 0;
        }
        if (text[0] == '@') {
                r = parse_uint(text + 1, SECONDS_MAX, ret);
                *ret *= r < 0 ? 1 : USEC_PER_SEC;
                return r < 0 ? -EINVAL : 0;
        }
        if (ago || text[0] == '-') {
                r = span_parse(ago ? words : text + 1, &span);
                if (r < 0 || span > now)
                        return r < 0 ? r : -EINVAL;
                *ret = now - span;
                return 0;
        }
        if (day_parse(text, now, ret) >= 0)
                return 0;
        return clock_parse(words, utc, now, ret);
}
