/* SPDX-License-Identifier: Apache-2.0 */
/* Times as people say them; what systemd makes of the same words is the measure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/since.h"

#define NOW (1795343100 * USEC_PER_SEC) /* Sun Nov 22 10:25:00 UTC 2026 */

static void set_zone(const char *zone) {
        assert_int_equal(setenv("TZ", zone, 1), 0);
        tzset();
}

static void test_times(_unused_ void **state) {
        static const struct {
                const char *text;
                int64_t seconds; /* from NOW */
        } cases[] = {
                { "now", 0 },
                { "today", -(12 * 60 + 25) * 60 },
                { "yesterday", -(36 * 60 + 25) * 60 },
                { "10min ago", -600 },
                { "-10min", -600 },
                { "1h 30min ago", -5400 },
                { "1h30min ago", -5400 },
                { "- 2 hours", -7200 },
                { "90 ago", -90 },
                { "2w 1d ago", -15 * 86400 },
                { "1y ago", -31557600 },
                { "1month ago", -2629800 },
                { "1M ago", -2629800 },
                { "1500ms 500000us ago", -2 },
                { "2026-11-22 12:25", 0 },
                { "2026-11-22 12:25:30", 30 },
                { "2026-11-22 10:25 UTC", 0 },
                { "2026-11-22", -(12 * 60 + 25) * 60 },
                { "12:00", -25 * 60 },
                { "10:00:30 UTC", -25 * 60 + 30 },
                { "2026-07-01 13:25", -144 * 86400 },
        };

        set_zone("Europe/Helsinki");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                usec_t usec = 0;

                if (since_parse(cases[i].text, NOW, &usec) < 0)
                        fail_msg("'%s' is refused", cases[i].text);
                if (usec != NOW + (usec_t) cases[i].seconds * USEC_PER_SEC)
                        fail_msg("'%s' is %lld s from now", cases[i].text,
                                        ((long long) usec - (long long) NOW) / (long long) USEC_PER_SEC);
        }
}

static void test_absolute(_unused_ void **state) {
        usec_t usec;

        assert_int_equal(since_parse("@0", NOW, &usec), 0);
        assert_int_equal(usec, 0);
        assert_int_equal(since_parse("@1795343100", NOW, &usec), 0);
        assert_int_equal(usec, NOW);
}

static void test_refused(_unused_ void **state) {
        static const char *const texts[] = { "", " ", "whenever", "ago", " ago", "-", "-x", "1x ago", "1.5h ago", "@",
                "@-1", "@1x", "@18446744073709551615", "2026-13-01", "2026-02-30", "2026-11-22 25:00", "24:00:00", "12",
                "2026-11-22x", "10min", "+10min", "99999999999999y ago", "1000y ago", "1960-01-01", "10:00 CET",
                "min ago", "2026-11-22 12:25 ago" };

        set_zone("UTC");
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                usec_t usec;

                if (since_parse(texts[i], NOW, &usec) != -EINVAL)
                        fail_msg("'%s' is taken", texts[i]);
        }
}

/* An hour that a change of the clocks leaves out. */
static void test_hour_that_is_not(_unused_ void **state) {
        usec_t usec;

        set_zone("Europe/Helsinki");
        assert_int_equal(since_parse("2026-03-29 03:30", NOW, &usec), -EINVAL);
}

static usec_t ask_systemd(const char *text) {
        _cleanup_free_ char *command = strf("systemd-analyze timestamp -- '%s' 2>/dev/null", text);
        FILE *f = command ? popen(command, "r") : NULL;
        char line[256];
        double seconds = 0;

        assert_non_null(f);
        while (fgets(line, sizeof(line), f))
                if (sscanf(line, " UNIX seconds: @%lf", &seconds) == 1)
                        break;
        while (fgets(line, sizeof(line), f)) {
        }
        assert_int_equal(pclose(f), 0);
        return (usec_t) (seconds * 1000) * 1000;
}

static void test_as_systemd(_unused_ void **state) {
        static const char *const texts[] = { "now", "today", "yesterday", "10min ago", "1h 30min ago", "-1week",
                "2d 3h ago", "1month ago", "2026-11-22", "2026-11-22 10:00", "2026-07-01 10:00:30",
                "2026-11-22 10:00 UTC", "@1795343100", "09:15", "00:00:01" };

        set_zone("America/New_York");
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                const usec_t before = time_now(CLOCK_REALTIME), theirs = ask_systemd(texts[i]);
                const usec_t after = time_now(CLOCK_REALTIME);
                usec_t first, last;

                assert_int_equal(since_parse(texts[i], before, &first), 0);
                assert_int_equal(since_parse(texts[i], after, &last), 0);
                if (theirs + USEC_PER_MSEC < first || theirs > last + USEC_PER_MSEC)
                        fail_msg("'%s' is another time to systemd", texts[i]);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_times),
                cmocka_unit_test(test_absolute),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_hour_that_is_not),
                cmocka_unit_test(test_as_systemd),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
