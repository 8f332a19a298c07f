/* SPDX-License-Identifier: Apache-2.0 */
/* What strings and patterns mean: escapes as in Rust, of which each has its one way to be wrong. */
#include "base/str.h"
#include "policy/lexer.h"

#define CODE_POINT_MAX 0x10FFFF
#define UNICODE_DIGITS 6
#define ASCII_MAX      0x7F

/* Reads what stands between the quotes. */
typedef struct Unescape {
        const char *next, *end;
        bool is_pattern;
        bool is_wildcard; /* what was read last: a '*' however it was written, but for "\*" */
        const char *why;
} Unescape;

static int hex_value(char c) {
        if (char_is_digit(c))
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

static bool fail(Unescape *u, const char *why) {
        u->why = why;
        return false;
}

static bool read_byte(Unescape *u, uint32_t *ret) {
        uint32_t c = 0;

        for (int i = 0; i < 2; i++) {
                int digit = u->next < u->end ? hex_value(*u->next++) : -1;

                if (digit < 0)
                        return fail(u, "'\\x' takes two hexadecimal digits");
                c = c * 16 + (uint32_t) digit;
        }
        if (c > ASCII_MAX)
                return fail(u, "'\\x' goes up to 7f: write '\\u{...}'");
        *ret = c;
        return true;
}

static bool read_code_point(Unescape *u, uint32_t *ret) {
        uint32_t c = 0;
        int n = 0;

        if (u->next == u->end || *u->next++ != '{')
                return fail(u, "'\\u' takes hexadecimal digits in braces, as in '\\u{1f600}'");
        for (; u->next < u->end && *u->next != '}'; u->next++) {
                int digit = hex_value(*u->next);

                if (*u->next == '_' && n > 0)
                        continue;
                if (digit < 0)
                        return fail(u, "this is no hexadecimal digit of '\\u{...}'");
                if (++n > UNICODE_DIGITS)
                        return fail(u, "'\\u{...}' takes at most six digits");
                c = c * 16 + (uint32_t) digit;
        }
        if (u->next == u->end || n == 0)
                return fail(u, "'\\u' takes hexadecimal digits in braces, as in '\\u{1f600}'");
        u->next++;
        if (c > CODE_POINT_MAX || (c >= 0xD800 && c <= 0xDFFF))
                return fail(u, "no character has this number");
        *ret = c;
        return true;
}

static bool read_escape(Unescape *u, uint32_t *ret) {
        static const char letters[] = "nrt0\\'\"", meanings[] = "\n\r\t\0\\'\"";
        char c = u->next < u->end ? *u->next++ : 0;
        const char *letter = c != 0 ? strchr(letters, c) : NULL;

        u->is_wildcard = false;
        if (u->is_pattern && c == '*') {
                *ret = '*';
                return true;
        }
        if (c == 'x' || c == 'u') {
                if (!(c == 'x' ? read_byte(u, ret) : read_code_point(u, ret)))
                        return false;
                u->is_wildcard = *ret == '*';
                return true;
        }
        if (!letter)
                return fail(u,
                                c == '*' ? "'\\*' is for the patterns of 'like' only"
                                         : "no such escape: there are \\n \\r \\t \\0 \\\\ \\' \\\" \\x7f \\u{...}");
        *ret = (uint8_t) meanings[letter - letters];
        return true;
}

/* The next character, or a byte of one, to where there is room for any; 0 with u->why when there is none. */
static size_t read_character(Unescape *u, char *out) {
        uint32_t c;

        if (*u->next == '\r') {
                u->why = "a carriage return in a string is written '\\r'";
                return 0;
        }
        if (*u->next != '\\') {
                u->is_wildcard = *u->next == '*';
                *out = *u->next++;
                return 1;
        }
        u->next++;
        return read_escape(u, &c) ? str_encode_utf8(c, out) : 0;
}

static Unescape unescape_begin(const Token *string, bool is_pattern) {
        return (Unescape){
                .next = string->text.data + 1,
                .end = string->text.data + string->text.size - 1,
                .is_pattern = is_pattern,
        };
}

static Span span_of(const Token *string, const char *start, const char *end) {
        return (Span){
                string->span.start + (uint32_t) (start - string->text.data),
                string->span.start + (uint32_t) (end - string->text.data),
        };
}

/* An escape is never shorter than what it means. */
int lexer_unescape(Arena *arena, const Token *string, Text *ret, Span *ret_at, const char **ret_why) {
        Unescape u = unescape_begin(string, false);
        size_t size = (size_t) (u.end - u.next), n = 0;
        char *out;

        if (!memchr(u.next, '\\', size) && !memchr(u.next, '\r', size)) {
                *ret = (Text){ u.next, size };
                return 0;
        }
        out = arena_alloc(arena, size);
        if (!out)
                return -ENOMEM;
        while (u.next < u.end) {
                const char *start = u.next;
                size_t length = read_character(&u, out + n);

                if (length == 0) {
                        *ret_at = span_of(string, start, u.next);
                        *ret_why = u.why;
                        return -EINVAL;
                }
                n += length;
        }
        *ret = (Text){ out, n };
        return 0;
}

/* Each wildcard ends a part. No more of them than of bytes. */
int lexer_unescape_pattern(Arena *arena, const Token *string, Pattern *ret, Span *ret_at, const char **ret_why) {
        Unescape u = unescape_begin(string, true);
        size_t size = (size_t) (u.end - u.next), n_parts = 1;
        char *out = arena_alloc(arena, size);
        size_t n = 0, wildcards = 0;
        Text *parts;

        if (!out)
                return -ENOMEM;
        for (const char *p = u.next; p < u.end; p++)
                wildcards += *p == '*' || *p == '\\';
        parts = arena_new(arena, Text, wildcards + 1);
        if (!parts)
                return -ENOMEM;
        parts[0].data = out;
        while (u.next < u.end) {
                const char *start = u.next;
                size_t length = read_character(&u, out + n);

                if (length == 0) {
                        *ret_at = span_of(string, start, u.next);
                        *ret_why = u.why;
                        return -EINVAL;
                }
                if (u.is_wildcard) {
                        parts[n_parts++].data = out + n;
                        continue;
                }
                n += length;
                parts[n_parts - 1].size += length;
        }
        *ret = (Pattern){ n_parts, parts };
        return 0;
}
