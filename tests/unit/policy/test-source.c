/* SPDX-License-Identifier: Apache-2.0 */
/* Where something stands in a text, and how that is shown: long lines, line ends, what is not printable, bad bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "expr.h"
#include "policy/syntax.h"

static void assert_shows(Text text, uint32_t at, const char *expected) {
        const PolicySource source = { "f", text };
        _cleanup_free_ char *message = source_message(&source, (Span){ at, at + 1 }, "why");

        assert_non_null(message);
        assert_string_equal(message, expected);
}

static void test_lines(_unused_ void **state) {
        static const char text[] = "one\ntwo\r\n\n\tfour \xC3\xA9\xE4\xB8\x96x\nfive";

        assert_shows(TEXT(text), 0, "f:1:1: why\n  one\n  ^");
        assert_shows(TEXT(text), 2, "f:1:3: why\n  one\n    ^");
        assert_shows(TEXT(text), 3, "f:1:4: why\n  one\n     ^");
        assert_shows(TEXT(text), 4, "f:2:1: why\n  two\n  ^");
        assert_shows(TEXT(text), 6, "f:2:3: why\n  two\n    ^");
        assert_shows(TEXT(text), 9, "f:3:1: why\n  \n  ^");
        assert_shows(TEXT(text), 11, "f:4:2: why\n   four \xC3\xA9\xE4\xB8\x96x\n   ^");
        assert_shows(TEXT(text), 18, "f:4:8: why\n   four \xC3\xA9\xE4\xB8\x96x\n         ^");
        assert_shows(TEXT(text), 21, "f:4:9: why\n   four \xC3\xA9\xE4\xB8\x96x\n          ^");
        assert_shows(TEXT(text), sizeof(text) - 1, "f:5:5: why\n  five\n      ^");
        assert_shows(TEXT(text), 1000, "f:5:5: why\n  five\n      ^");
        assert_shows(TEXT(""), 0, "f:1:1: why\n  \n  ^");
}

static void test_unprintable(_unused_ void **state) {
        assert_shows(TEXT("a\x1b[31m\x7f\0z"), 8, "f:1:9: why\n  a?[31m??z\n          ^");
        assert_shows(TEXT("\xff\xC2\x9bz"), 3, "f:1:3: why\n  ???z\n     ^");
}

/* 72 bytes, up to 38 of them from the place on, and no character in parts. */
static void test_long_lines(_unused_ void **state) {
        char text[400];
        const PolicySource source = { "f", { text, sizeof(text) } };
        const char *line, *caret;

        for (size_t i = 0; i < sizeof(text); i += 2)
                memcpy(text + i, "\xC3\xA9", 2);
        for (uint32_t at = 0; at < sizeof(text); at += 2) {
                _cleanup_free_ char *message = source_message(&source, (Span){ at, at + 2 }, "why");
                uint32_t after = MIN((uint32_t) sizeof(text) - at, 38u), before = MIN(at, 72 - after);

                assert_non_null(message);
                line = strchr(message, '\n') + 1;
                caret = strchr(line, '\n') + 1;
                assert_true(str_is_utf8(line, (size_t) (caret - line)));
                assert_int_equal(startswith(line, "  ...") != NULL, at > 34);
                assert_int_equal(strncmp(caret - 4, "...", 3) == 0, sizeof(text) - at > 72 - before);
                assert_int_equal(strlen(caret), 2 + (at > 34 ? 3 : 0) + before / 2 + 1);
        }
}

static void test_bad_bytes(_unused_ void **state) {
        static const struct {
                Text text;
                const char *message;
        } texts[] = {
                { TEXT("true \0"), "f:1:6: a NUL byte (write '\\0' in a string)\n  true ?\n       ^" },
                { TEXT("\"a\0b\""), "f:1:3: a NUL byte (write '\\0' in a string)\n  \"a?b\"\n    ^" },
                { TEXT("// \xff"), "f:1:4: the byte 0xff is not UTF-8\n  // ?\n     ^" },
                { TEXT("\n\"\xC3\""), "f:2:2: the byte 0xc3 is not UTF-8\n  \"?\"\n   ^" },
                { TEXT("\"\xED\xA0\x80\""), "f:1:2: the byte 0xed is not UTF-8\n  \"???\"\n   ^" },
                { TEXT("\xEF\xBB\xBFtrue"),
                                "f:1:1: a byte order mark means nothing here: save the file without one\n"
                                "  \xEF\xBB\xBFtrue\n  ^" },
                { TEXT("\"a\r\n\""), "f:1:3: a carriage return in a string is written '\\r'\n  \"a\n    ^" },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                const PolicySource source = { "f", texts[i].text };
                _cleanup_free_ char *message = NULL;
                _cleanup_arena_ Arena arena = {};
                Expr *e;

                arena_init(&arena, NULL, 0, 1 << 20);
                assert_int_equal(expr_parse(&arena, &source, &e, &message), -EINVAL);
                assert_string_equal(message, texts[i].message);
        }
}

/* Messages are of one line but for the two that show the place, whatever the token is. */
static void test_tokens_in_messages(_unused_ void **state) {
        static const char text[] =
                        "true \"\x1b]0;title\x07\n\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
                        "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\"";
        const PolicySource source = { "f", TEXT(text) };
        _cleanup_free_ char *message = NULL;
        _cleanup_arena_ Arena arena = {};
        Expr *e;

        arena_init(&arena, NULL, 0, 1 << 20);
        assert_int_equal(expr_parse(&arena, &source, &e, &message), -EINVAL);
        assert_string_equal(message,
                        "f:1:6: expected nothing after the expression, found \"?]0;title??"
                        "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3"
                        "\xA9"
                        "\xC3\xA9\xC3\xA9...\n  true \"?]0;title?\n       ^");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_unprintable),
                cmocka_unit_test(test_long_lines),
                cmocka_unit_test(test_bad_bytes),
                cmocka_unit_test(test_tokens_in_messages),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
