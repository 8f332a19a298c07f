/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens one by one, white space and comments between them, and what strings and patterns mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/lexer.h"

#define MEMORY_MAX ((size_t) 1024 * 1024)

static void test_tokens(_unused_ void **state) {
        static const struct {
                const char *text;
                TokenKind kind;
        } tokens[] = {
                { "name", TOKEN_IDENT },
                { "_", TOKEN_IDENT },
                { "_9aZ", TOKEN_IDENT },
                { "if", TOKEN_IDENT },
                { "0", TOKEN_NUMBER },
                { "00123456789012345678901234567890", TOKEN_NUMBER },
                { "\"\"", TOKEN_STRING },
                { "\"a // b\"", TOKEN_STRING },
                { "\"\\\"\\\\\"", TOKEN_STRING },
                { "\"line\nline\"", TOKEN_STRING },
                { "\"\\\xC3\xA9\"", TOKEN_STRING },
                { "?principal", TOKEN_SLOT },
                { "?_x9", TOKEN_SLOT },
                { "@", TOKEN_AT },
                { ".", TOKEN_DOT },
                { ",", TOKEN_COMMA },
                { ";", TOKEN_SEMICOLON },
                { ":", TOKEN_COLON },
                { "::", TOKEN_PATH },
                { "(", TOKEN_PAREN_OPEN },
                { ")", TOKEN_PAREN_CLOSE },
                { "{", TOKEN_BRACE_OPEN },
                { "}", TOKEN_BRACE_CLOSE },
                { "[", TOKEN_BRACKET_OPEN },
                { "]", TOKEN_BRACKET_CLOSE },
                { "==", TOKEN_EQUAL },
                { "!=", TOKEN_NOT_EQUAL },
                { "<", TOKEN_LESS },
                { "<=", TOKEN_LESS_EQUAL },
                { ">", TOKEN_GREATER },
                { ">=", TOKEN_GREATER_EQUAL },
                { "||", TOKEN_OR },
                { "&&", TOKEN_AND },
                { "+", TOKEN_PLUS },
                { "-", TOKEN_MINUS },
                { "*", TOKEN_STAR },
                { "/", TOKEN_SLASH },
                { "%", TOKEN_PERCENT },
                { "!", TOKEN_NOT },
                { "=", TOKEN_ASSIGN },
        };

        for (size_t i = 0; i < ELEMENTSOF(tokens); i++) {
                _cleanup_free_ char *text = strf(" \t%s // after", tokens[i].text);
                Lexer lexer = { .text = text_of(text) };
                const char *why = NULL;
                Token token;

                print_message("%s\n", tokens[i].text);
                assert_true(lexer_next(&lexer, &token, &why));
                assert_int_equal(token.kind, tokens[i].kind);
                assert_true(text_equal(token.text, text_of(tokens[i].text)));
                assert_int_equal(token.span.start, 2);
                assert_int_equal(token.span.end, 2 + strlen(tokens[i].text));
                for (int again = 0; again < 2; again++) {
                        assert_true(lexer_next(&lexer, &token, &why));
                        assert_int_equal(token.kind, TOKEN_END);
                        assert_int_equal(token.span.start, strlen(text));
                        assert_int_equal(token.span.end, strlen(text));
                }
                if (tokens[i].kind >= TOKEN_AT)
                        assert_string_equal(token_to_string(tokens[i].kind), tokens[i].text);
                else
                        assert_null(token_to_string(tokens[i].kind));
        }
}

/* The longest token there can be comes first. */
static void test_sequence(_unused_ void **state) {
        static const char text[] = ":::==!==<==>===||&&&&a1b 1a?x// c\r//d\n\"\"\"\"!=";
        static const char *const expected[] = { "::", ":", "==", "!=", "=", "<=", "=", ">=", "==", "||", "&&", "&&",
                "a1b", "1", "a", "?x", "\"\"", "\"\"", "!=", "" };
        Lexer lexer = { .text = TEXT(text) };

        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                const char *why = NULL;
                Token token;

                assert_true(lexer_next(&lexer, &token, &why));
                assert_int_equal(token.text.size, strlen(expected[i]));
                assert_memory_equal(token.text.data, expected[i], token.text.size);
        }
}

/* U+200B and the byte order mark are no white space, for all that nobody sees them. */
static void test_blanks(_unused_ void **state) {
        static const char *const blanks[] = { "", " ", "\t\n\v\f\r ", "\xC2\x85", "\xC2\xA0", "\xE1\x9A\x80",
                "\xE2\x80\x80", "\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F",
                "\xE3\x80\x80", "//", "// \"\n", "//\r", "////\n//\n//" };
        static const char *const others[] = { "\xE2\x80\x8B", "\xEF\xBB\xBF", "\xE1\xA0\x8E", "\xC2\xAD", "\x1f",
                "\x7f", "\xC3\xA9", "$", "\\", "^", "~", "&", "|", "'", "`", "#", "?", "?1", "\"", "\"\\\"",
                "\"\\\n\"" };
        const char *why;
        Token token;

        for (size_t i = 0; i < ELEMENTSOF(blanks); i++) {
                Lexer lexer = { .text = text_of(blanks[i]) };

                assert_true(lexer_next(&lexer, &token, &why));
                assert_int_equal(token.kind, TOKEN_END);
        }
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                Lexer lexer = { .text = text_of(others[i]) };

                why = NULL;
                assert_false(lexer_next(&lexer, &token, &why));
                assert_non_null(why);
                assert_int_equal(token.span.start, 0);
                assert_int_equal(token.span.end, 1);
        }
}

static Token string_token(const char *text) {
        return (Token){ .kind = TOKEN_STRING, .text = text_of(text), .span = { 10, (uint32_t) (10 + strlen(text)) } };
}

static void test_unescape(_unused_ void **state) {
        static const struct {
                const char *text;
                Text meaning;
        } good[] = {
                { "\"\"", { "", 0 } },
                { "\"a\nb\tc\"", { "a\nb\tc", 5 } },
                { "\"\\n\\r\\t\\0\\\\\\'\\\"\"", { "\n\r\t\0\\'\"", 7 } },
                { "\"\\x00\\x7f\\x4A\\x4a\"", { "\0\x7fJJ", 4 } },
                { "\"\\u{0}\\u{7f}\\u{80}\\u{7ff}\"", { "\0\x7f\xC2\x80\xDF\xBF", 6 } },
                { "\"\\u{800}\\u{d7ff}\\u{e000}\\u{ffff}\"",
                                { "\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF", 12 } },
                { "\"\\u{10000}\\u{10FFFF}\"", { "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 8 } },
                { "\"\\u{0_0_e_9_}\\u{0000e9}\"", { "\xC3\xA9\xC3\xA9", 4 } },
                { "\"*\"", { "*", 1 } },
                { "\"\xC3\xA9\\n\"", { "\xC3\xA9\n", 3 } },
        };
        static const struct {
                const char *text;
                uint32_t start, end;
        } bad[] = {
                { "\"\\a\"", 1, 3 },
                { "\"ab\\*\"", 3, 5 },
                { "\"a\rb\\n\"", 2, 2 },
                { "\"\r\"", 1, 1 },
                { "\"\\\r\"", 1, 3 },
                { "\"\\x\"", 1, 3 },
                { "\"\\x8\"", 1, 4 },
                { "\"\\x80\"", 1, 5 },
                { "\"\\X41\"", 1, 3 },
                { "\"\\u{}\"", 1, 4 },
                { "\"\\u41\"", 1, 4 },
                { "\"\\u{110000}\"", 1, 11 },
                { "\"\\u{D800}\"", 1, 9 },
                { "\"\\u{dfff}\"", 1, 9 },
                { "\"\\u{0000041}\"", 1, 10 },
                { "\"\\u{_41}\"", 1, 4 },
                { "\"\\u{41\"", 1, 6 },
                { "\"\\U{41}\"", 1, 3 },
        };
        _cleanup_arena_ Arena arena = {};
        const char *why;
        Text meaning;
        Span at;

        arena_init(&arena, NULL, 0, MEMORY_MAX);
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                Token token = string_token(good[i].text);

                print_message("%s\n", good[i].text);
                assert_int_equal(lexer_unescape(&arena, &token, &meaning, &at, &why), 0);
                assert_true(text_equal(meaning, good[i].meaning));
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                Token token = string_token(bad[i].text);

                print_message("%s\n", bad[i].text);
                why = NULL;
                assert_int_equal(lexer_unescape(&arena, &token, &meaning, &at, &why), -EINVAL);
                assert_non_null(why);
                assert_int_equal(at.start, 10 + bad[i].start);
                assert_int_equal(at.end, 10 + bad[i].end);
        }
}

static void test_pattern(_unused_ void **state) {
        static const struct {
                const char *text;
                size_t n;
                const char *parts[4];
        } good[] = {
                { "\"\"", 1, { "" } },
                { "\"ab\"", 1, { "ab" } },
                { "\"*\"", 2, { "", "" } },
                { "\"a*b\"", 2, { "a", "b" } },
                { "\"*a**\"", 4, { "", "a", "", "" } },
                { "\"\\*\"", 1, { "*" } },
                { "\"\\\\*\"", 2, { "\\", "" } },
                { "\"a\\**\\*\"", 2, { "a*", "*" } },
                { "\"\\x2a\\u{2A}b\"", 3, { "", "", "b" } },
                { "\"\\n*\\u{e9}\"", 2, { "\n", "\xC3\xA9" } },
        };
        _cleanup_arena_ Arena arena = {};
        Token bad = string_token("\"a*\\q\"");
        const char *why;
        Pattern pattern;
        Span at;

        arena_init(&arena, NULL, 0, MEMORY_MAX);
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                Token token = string_token(good[i].text);

                print_message("%s\n", good[i].text);
                assert_int_equal(lexer_unescape_pattern(&arena, &token, &pattern, &at, &why), 0);
                assert_int_equal(pattern.n, good[i].n);
                for (size_t k = 0; k < pattern.n; k++)
                        assert_true(text_equal(pattern.parts[k], text_of(good[i].parts[k])));
        }
        assert_int_equal(lexer_unescape_pattern(&arena, &bad, &pattern, &at, &why), -EINVAL);
        assert_int_equal(at.start, 13);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tokens),
                cmocka_unit_test(test_sequence),
                cmocka_unit_test(test_blanks),
                cmocka_unit_test(test_unescape),
                cmocka_unit_test(test_pattern),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
