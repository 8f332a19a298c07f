/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as tokens: they follow each other, hold no white space of their own, and a string means no more bytes than
 * it has. */
#include "base/mem.h"
#include "base/str.h"
#include "policy/lexer.h"
#include "words.h"

#define MEMORY_MAX ((size_t) 64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_string(Arena *arena, const Token *t) {
        const char *why = NULL;
        Pattern pattern;
        size_t n = 0;
        Text text;
        Span at;
        int r;

        r = lexer_unescape(arena, t, &text, &at, &why);
        check(r == 0 ? str_utf8_prefix(text.data, text.size) == text.size || memchr(text.data, 0, text.size)
                     : r == -EINVAL && why && at.start > t->span.start && at.end < t->span.end);
        check(r < 0 || text.size <= t->text.size - 2);
        r = lexer_unescape_pattern(arena, t, &pattern, &at, &why);
        if (r < 0) {
                check(r == -EINVAL && why && at.start > t->span.start && at.end < t->span.end);
                return;
        }
        check(pattern.n > 0);
        for (size_t i = 0; i < pattern.n; i++)
                n += pattern.parts[i].size;
        check(n + pattern.n - 1 <= t->text.size - 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = malloc(MAX(size, (size_t) 1));
        _cleanup_arena_ Arena arena = {};
        const char *why = NULL;
        uint32_t end = 0;
        Lexer lexer;
        Token t;

        check(text);
        if (size > 0)
                memcpy(text, data, size);
        lexer = (Lexer){ .text = { text, str_utf8_prefix(text, size) } };
        arena_init(&arena, NULL, 0, MEMORY_MAX);
        while (lexer_next(&lexer, &t, &why)) {
                check(t.span.start >= end && t.span.end <= lexer.text.size);
                check(t.text.data == text + t.span.start && t.text.size == t.span.end - t.span.start);
                if (t.kind == TOKEN_END) {
                        check(t.span.end == lexer.text.size && t.text.size == 0);
                        return 0;
                }
                check(t.text.size > 0);
                if (t.kind == TOKEN_STRING)
                        check_string(&arena, &t);
                end = t.span.end;
        }
        check(why && t.span.start >= end && t.span.end <= lexer.text.size);
        return 0;
}
