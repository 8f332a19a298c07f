/* SPDX-License-Identifier: Apache-2.0 */
/* Strings, lists of strings, parsing: each rule and its edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"

static void test_prefix_suffix(_unused_ void **state) {
        assert_string_equal(startswith("unix:/a", "unix:"), "/a");
        assert_null(startswith("uni", "unix:"));
        assert_string_equal(startswith("x", ""), "x");
        assert_string_equal(endswith("a.service", ".service"), ".service");
        assert_null(endswith("service", ".service"));
        assert_null(endswith("", "x"));
}

static void test_replace(_unused_ void **state) {
        char *s = NULL;

        assert_int_equal(str_replace(&s, NULL), 0);
        assert_int_equal(str_replace(&s, "a"), 1);
        assert_int_equal(str_replace(&s, "a"), 0);
        assert_int_equal(str_replace(&s, "b"), 1);
        assert_string_equal(s, "b");
        assert_int_equal(str_replace(&s, NULL), 1);
        assert_null(s);
}

static void test_utf8(_unused_ void **state) {
        static const char *const good[] = { "", "plain", "grüß", "\xe4\xb8\x96", "\xf0\x9f\x8c\x8d", "\xef\xbf\xbf",
                "\xf4\x8f\xbf\xbf" };
        static const char *const bad[] = {
                "\x80",             /* a continuation alone */
                "\xc0\x80",         /* NUL in two bytes */
                "\xc1\xbf",         /* overlong */
                "\xe0\x9f\xbf",     /* overlong */
                "\xed\xa0\x80",     /* a surrogate */
                "\xf0\x8f\xbf\xbf", /* overlong */
                "\xf4\x90\x80\x80", /* above U+10FFFF */
                "\xf5\x80\x80\x80",
                "\xff",
                "a\xc3",
                "\xe4\xb8",
                "\xf0\x9f\x8c",
                "\xc3(",
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(str_is_utf8(good[i], strlen(good[i])));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(str_is_utf8(bad[i], strlen(bad[i])));
        assert_false(str_is_utf8("a\0b", 3));
        assert_int_equal(str_utf8_prefix("grüß", 6), 6);
        assert_int_equal(str_utf8_prefix("grüß", 5), 4);
        assert_int_equal(str_utf8_prefix("a\0b", 3), 1);
        assert_int_equal(str_utf8_prefix("\xff", 1), 0);
        assert_int_equal(str_utf8_prefix("", 0), 0);
        assert_int_equal(str_fit("grüß", 6), 6);
        assert_int_equal(str_fit("grüß", 5), 4);
        assert_int_equal(str_fit("grüß", 7), 6);
        assert_int_equal(str_fit("\xff\xff", 1), 1);
        assert_int_equal(str_fit("a", 0), 0);
}

static void test_encode_utf8(_unused_ void **state) {
        static const struct {
                uint32_t c;
                const char *bytes;
        } rows[] = { { 0x7f, "\x7f" }, { 0x80, "\xc2\x80" }, { 0x7ff, "\xdf\xbf" }, { 0x800, "\xe0\xa0\x80" },
                { 0xffff, "\xef\xbf\xbf" }, { 0x10000, "\xf0\x90\x80\x80" }, { 0x10ffff, "\xf4\x8f\xbf\xbf" } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char bytes[5] = {};

                assert_int_equal(str_encode_utf8(rows[i].c, bytes), strlen(rows[i].bytes));
                assert_string_equal(bytes, rows[i].bytes);
        }
        assert_int_equal(str_encode_utf8(0, (char[4]){ 'x' }), 1);
}

static void test_extend(_unused_ void **state) {
        _cleanup_free_ char *s = NULL;

        assert_int_equal(str_extend(&s, ", ", "%s", ""), 0);
        assert_string_equal(s, "");
        assert_int_equal(str_extend(&s, ", ", "%d", 1), 0);
        assert_int_equal(str_extend(&s, ", ", "%d", 2), 0);
        assert_string_equal(s, ", 1, 2");
}

static void test_printable(_unused_ void **state) {
        assert_true(str_is_printable("hello, Wörld"));
        assert_false(str_is_printable("a\nb"));
        assert_false(str_is_printable("\x1b[31m"));
        assert_false(str_is_printable("\x7f"));
        assert_false(str_is_printable("\xff"));
        assert_false(str_is_printable("\xc2\x9b"
                                      "31m"));
        assert_true(str_is_printable("\xc2\xa0"));
        assert_true(str_is_printable(""));
}

static void test_make_printable(_unused_ void **state) {
        static const struct {
                const char *text, *printable;
        } cases[] = {
                { "", "" },
                { "hello, Wörld \xc2\xa0€🌐", "hello, Wörld \xc2\xa0€🌐" },
                { "a\nb\r\tc", "a?b??c" },
                { "\x1b[2J\x7f", "?[2J?" },
                { "\xc2\x9b"
                  "2J",
                                "??2J" },
                { "\xff"
                  "a\xc3",
                                "?a?" },
                { "\xe2\x82", "??" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *s = strdup(cases[i].text);

                str_make_printable(s, '?');
                assert_string_equal(s, cases[i].printable);
        }
}

static void test_make_utf8(_unused_ void **state) {
        char s[] = "a\n\x1b\xff\xc3 é\xe2\x82";

        str_make_utf8(s, '?');
        assert_string_equal(s, "a\n\x1b?? é??");
}

static void test_trim_end(_unused_ void **state) {
        static const char *const rows[][2] = { { "", "" }, { " \t\r\n", "" }, { " a b\n\n", " a b" },
                { "a\nb", "a\nb" } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char text[16];

                (void) strcpy(text, rows[i][0]);
                str_trim_end(text);
                assert_string_equal(text, rows[i][1]);
        }
}

static void test_refuse(_unused_ void **state) {
        _cleanup_free_ char *error = NULL;

        assert_int_equal(str_refuse(&error, "%s: '%s' is no number", "port", "x"), -EINVAL);
        assert_string_equal(error, "port: 'x' is no number");
}

static void test_strv(_unused_ void **state) {
        _cleanup_strv_free_ char **l = NULL;
        size_t n = 0;

        assert_int_equal(strv_length(l), 0);
        assert_false(strv_contains(l, "a"));
        assert_int_equal(strv_extend(&l, "a"), 0);
        assert_int_equal(strv_extend(&l, "b"), 0);
        assert_int_equal(strv_length(l), 2);
        assert_true(strv_contains(l, "b"));
        STRV_FOREACH(s, l)
                n += strlen(*s);
        assert_int_equal(n, 2);
}

static void test_uint(_unused_ void **state) {
        uint64_t v = 7;

        assert_int_equal(parse_uint("0", 10, &v), 0);
        assert_int_equal(v, 0);
        assert_int_equal(parse_uint("18446744073709551615", UINT64_MAX, &v), 0);
        assert_true(v == UINT64_MAX);
        v = 7;
        assert_int_equal(parse_uint("18446744073709551616", UINT64_MAX, &v), -ERANGE);
        assert_int_equal(parse_uint("11", 10, &v), -ERANGE);
        assert_int_equal(parse_uint("", 10, &v), -EINVAL);
        assert_int_equal(parse_uint(NULL, 10, &v), -EINVAL);
        assert_int_equal(parse_uint("-1", 10, &v), -EINVAL);
        assert_int_equal(parse_uint("+1", 10, &v), -EINVAL);
        assert_int_equal(parse_uint(" 1", 10, &v), -EINVAL);
        assert_int_equal(parse_uint("1x", 10, &v), -EINVAL);
        assert_int_equal(v, 7);
}

static void test_port_boolean(_unused_ void **state) {
        uint16_t port = 0;

        assert_int_equal(parse_port("65535", &port), 0);
        assert_int_equal(port, 65535);
        assert_int_equal(parse_port("0", &port), -ERANGE);
        assert_int_equal(parse_port("65536", &port), -ERANGE);
        assert_int_equal(parse_boolean("true"), 1);
        assert_int_equal(parse_boolean("Off"), 0);
        assert_int_equal(parse_boolean("maybe"), -EINVAL);
        assert_int_equal(parse_boolean(NULL), -EINVAL);
}

static void test_buffer(_unused_ void **state) {
        uint8_t pattern[997], *p;
        size_t written = 0, read = 0;
        Buffer b = {};

        for (size_t i = 0; i < sizeof(pattern); i++)
                pattern[i] = i % 251;
        for (unsigned i = 0; i < 500; i++) {
                assert_int_equal(buffer_append(&b, pattern, sizeof(pattern)), 0);
                written += sizeof(pattern);
                for (size_t k = MIN(b.size, (size_t) (i * 7 % 1500)); k > 0; k--, read++) {
                        assert_int_equal(*buffer_head(&b), pattern[read % sizeof(pattern)]);
                        buffer_consume(&b, 1);
                }
        }
        assert_int_equal(b.size, written - read);
        buffer_consume(&b, b.size);
        p = buffer_reserve(&b, 10);
        assert_ptr_equal(p, b.data); /* an empty buffer begins at its beginning */
        assert_int_equal(buffer_append(&b, pattern, 10), 0);
        buffer_trim(&b, 0);
        assert_int_equal(b.size, 10); /* not while there is something in it */
        buffer_consume(&b, 10);
        buffer_trim(&b, b.allocated);
        assert_non_null(b.data);
        buffer_trim(&b, b.allocated - 1);
        assert_null(b.data);
        buffer_done(&b);
        assert_int_equal(b.size, 0);
        assert_null(mem_alloc_multiply(SIZE_MAX / 2, 3, false));
        assert_null(mem_dup("", SIZE_MAX));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_prefix_suffix),
                cmocka_unit_test(test_replace),
                cmocka_unit_test(test_utf8),
                cmocka_unit_test(test_encode_utf8),
                cmocka_unit_test(test_extend),
                cmocka_unit_test(test_printable),
                cmocka_unit_test(test_make_printable),
                cmocka_unit_test(test_make_utf8),
                cmocka_unit_test(test_trim_end),
                cmocka_unit_test(test_refuse),
                cmocka_unit_test(test_strv),
                cmocka_unit_test(test_uint),
                cmocka_unit_test(test_port_boolean),
                cmocka_unit_test(test_buffer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
