/* SPDX-License-Identifier: Apache-2.0 */
/* Strings: comparison, prefixes, formatted copies, UTF-8. Returned copies are freed with free(); NULL means out of
 * memory. */
#pragma once

#include <stdarg.h>
#include <string.h>

#include "base/macro.h"

static inline bool streq(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}
/* Equal, where NULL equals only NULL. */
static inline bool streq_ptr(const char *a, const char *b) {
        return a && b ? streq(a, b) : a == b;
}
static inline bool isempty(const char *s) {
        return !s || s[0] == 0;
}
static inline const char *strempty(const char *s) {
        return s ? s : "";
}

static inline bool char_is_digit(char c) {
        return c >= '0' && c <= '9';
}

/* The rest of s behind the prefix, or NULL when s does not begin so. */
const char *startswith(const char *s, const char *prefix);
/* Where the suffix begins in s, or NULL when s does not end so. */
const char *endswith(const char *s, const char *suffix);
/* A new string from a format. */
char *strf(const char *fmt, ...) _printf_(1, 2) _warn_unused_;
char *strvf(const char *fmt, va_list ap) _printf_(1, 0) _warn_unused_;
/* Appends to *p (NULL: nothing yet) a formatted text, and the separator before it when there is something already. 0 or
 * -ENOMEM (then nothing changed). */
int str_extend(char **p, const char *separator, const char *fmt, ...) _printf_(3, 4) _warn_unused_;
/* Puts a sentence into *reterr (new string) and returns -EINVAL; NULL and -ENOMEM when out of memory. */
int str_refuse(char **reterr, const char *fmt, ...) _printf_(2, 3);
/* Replaces *p by a copy of s (NULL stays NULL). 1 when it changed, 0 when it was equal, -ENOMEM. */
int str_replace(char **p, const char *s);
/* n bytes of text that are shortest-form UTF-8 (RFC 3629) without a NUL byte. */
bool str_is_utf8(const char *s, size_t n);
/* How many bytes there are before the first that is not so; n when all are. */
size_t str_utf8_prefix(const char *s, size_t n);
/* How many of its first max bytes are whole characters. */
size_t str_fit(const char *s, size_t max);
/* Takes blanks and line ends off its end. */
void str_trim_end(char *s);
/* Writes a character's one to four bytes and returns how many; c is one (up to 0x10FFFF, no surrogate). */
size_t str_encode_utf8(uint32_t c, char *ret);
/* Printable text of one line: valid UTF-8, no control characters. */
bool str_is_printable(const char *s);
/* Puts by in the place of each byte of a control character (C0, DEL, C1) and of what is not UTF-8. */
void str_make_printable(char *s, char by);
/* Puts by in the place of each byte of what is not UTF-8. */
void str_make_utf8(char *s, char by);
