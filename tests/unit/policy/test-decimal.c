/* SPDX-License-Identifier: Apache-2.0 */
/* Decimals at their limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/extension.h"

static const struct {
        const char *text;
        int64_t units;
} good[] = {
        { "1.0", 10000 },
        { "-1.0", -10000 },
        { "123.456", 1234560 },
        { "0.1234", 1234 },
        { "-0.0123", -123 },
        { "-0.5", -5000 },
        { "55.1", 551000 },
        { "00.000", 0 },
        { "-0.0", 0 },
        { "000000000000000000000000000000007.5", 75000 },
        { "922337203685477.5807", INT64_MAX },
        { "-922337203685477.5808", INT64_MIN },
};

static const char *const bad[] = {
        "", "-", ".", "-.", "1234", "1.", ".1", "1.0.", "1.a", "a.1", "+1.0", "--1.0", " 1.0", "1.0 ", "1 .0", "1.-0",
        "0.12345", "0.00000", "1e3.0", "1,0", "922337203685477.5808", "-922337203685477.5809", "922337203685478.0",
        "-922337203685478.0", "1000000000000000.0", "99999999999999999999999999999999.0",
        "\xd9\xa1.0", /* a digit one of another script */
};

static void test_decimal(_unused_ void **state) {
        const char *why;
        int64_t n;

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                print_message("%s\n", good[i].text);
                assert_int_equal(decimal_parse(text_of(good[i].text), &n, &why), 0);
                assert_true(n == good[i].units);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                print_message("%s\n", bad[i]);
                why = NULL;
                assert_int_equal(decimal_parse(text_of(bad[i]), &n, &why), -EINVAL);
                assert_non_null(why);
        }
        assert_int_equal(decimal_parse(TEXT("1.0\0"), &n, &why), -EINVAL);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_decimal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
