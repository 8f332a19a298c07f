/* SPDX-License-Identifier: Apache-2.0 */
/* Which words can be a locale or a time zone: the reference's expressions, by regcomp(3), have the last word. */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/locale.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

#define LOCALE_REGEX   "^(C|POSIX|[a-z]{2}(_[A-Z]{2})?(@[a-zA-Z0-9]+)?)([.][-a-zA-Z0-9]+)?$"
#define TIMEZONE_REGEX "^[A-Z][-+a-zA-Z0-9]*(/[A-Z][-+a-zA-Z0-9_]*)*$"

static void test_locale_words(_unused_ void **state) {
        static const char *const good[] = { "en_US.UTF-8", "C", "POSIX", "C.UTF-8", "ar_AE.UTF-8", "fi_FI@euro.UTF-8",
                "fi_FI@euro", "fi" };
        static const char *const bad[] = { "", "iwaenfli", "$(reboot)", "en_US; reboot", "en_US.", "en_", "fi@", "Cx",
                "C\n", "../etc" };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(locale_is_valid(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(locale_is_valid(bad[i]));
}

static void test_timezone_words(_unused_ void **state) {
        static const char *const good[] = { "UTC", "Europe/Helsinki", "Asia/Abu_Dhabi", "Etc/GMT+8", "GMT-0",
                "America/Argentina/Rio_Gallegos" };
        static const char *const bad[] = { "", "/foobar", "`whoami`", "Almost//Valid", "Almost/", "utc", "Us_Pacific",
                "Europe/../x", "UTC\n" };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(timezone_is_valid(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(timezone_is_valid(bad[i]));
}

/* Every word of a few characters that matter, by both. */
static void compare(const char *regex, const char *alphabet, unsigned length, bool (*is_valid)(const char *s)) {
        size_t n = strlen(alphabet), words = 1, n_valid = 0;
        regex_t compiled;

        assert_int_equal(regcomp(&compiled, regex, REG_EXTENDED | REG_NOSUB), 0);
        for (unsigned i = 0; i < length; i++)
                words *= n;
        for (size_t w = 0; w < words; w++) {
                char word[16] = "";
                bool valid;

                for (size_t i = 0, rest = w; i < length; i++, rest /= n)
                        word[i] = alphabet[rest % n];
                word[strcspn(word, " ")] = 0;
                valid = regexec(&compiled, word, 0, NULL, 0) == 0;
                n_valid += valid;
                if (valid != is_valid(word))
                        fail_msg("'%s' is judged wrongly", word);
        }
        assert_true(n_valid > 10);
        regfree(&compiled);
}

static void test_as_the_expressions(_unused_ void **state) {
        compare(LOCALE_REGEX, "aC_@.-0 ", 7, locale_is_valid);
        compare(TIMEZONE_REGEX, "aC_/+-$ ", 7, timezone_is_valid);
}

static void test_length(_unused_ void **state) {
        char word[LOCALE_NAME_MAX + 2];

        memset(word, 'A', sizeof(word));
        word[LOCALE_NAME_MAX] = 0;
        assert_true(timezone_is_valid(word));
        word[LOCALE_NAME_MAX] = 'A';
        word[LOCALE_NAME_MAX + 1] = 0;
        assert_false(timezone_is_valid(word));
        word[0] = 'C';
        word[1] = '.';
        assert_false(locale_is_valid(word));
}

static void test_assign(_unused_ void **state) {
        _cleanup_strv_free_ char **list = NULL;
        char *reason = NULL;

        assert_int_equal(locale_variable_from_string("LC_TIME=x", 7), 12);
        assert_int_equal(locale_variable_from_string("LC_", 3), -EINVAL);
        assert_int_equal(locale_assign(&list, 0, "fi_FI.UTF-8", &reason), 0);
        assert_int_equal(locale_assign(&list, 12, "C", &reason), 0);
        assert_int_equal(strv_length(list), 2);
        assert_string_equal(list[0], "LANG=fi_FI.UTF-8");
        assert_string_equal(list[1], "LC_TIME=C");
        assert_null(reason);
        assert_int_equal(locale_assign(&list, LOCALE_VARIABLES_MAX, "C", &reason), -EINVAL);
        assert_string_equal(reason, "There is no locale variable of number 14.");
        free(TAKE_PTR(reason));
        assert_int_equal(locale_assign(&list, 0, "C", &reason), -EINVAL);
        assert_string_equal(reason, "LANG is assigned to twice.");
        free(TAKE_PTR(reason));
        assert_int_equal(locale_assign(&list, 1, "`x`", &reason), -EINVAL);
        assert_string_equal(reason, "LC_ADDRESS: '`x`' is no name of a locale.");
        free(reason);
        assert_int_equal(strv_length(list), 2);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_locale_words),
                cmocka_unit_test(test_timezone_words),
                cmocka_unit_test(test_as_the_expressions),
                cmocka_unit_test(test_length),
                cmocka_unit_test(test_assign),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
