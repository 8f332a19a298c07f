/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

const char *startswith(const char *s, const char *prefix) {
        size_t n = strlen(prefix);

        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

const char *endswith(const char *s, const char *suffix) {
        size_t n = strlen(s), m = strlen(suffix);

        return n >= m && memcmp(s + n - m, suffix, m) == 0 ? s + n - m : NULL;
}

char *strvf(const char *fmt, va_list ap) {
        char *s;

        return vasprintf(&s, fmt, ap) < 0 ? NULL : s;
}

char *strf(const char *fmt, ...) {
        va_list ap;
        char *s;

        va_start(ap, fmt);
        s = strvf(fmt, ap);
        va_end(ap);
        return s;
}

int str_extend(char **p, const char *separator, const char *fmt, ...) {
        _cleanup_free_ char *more = NULL;
        char *longer;
        va_list ap;

        va_start(ap, fmt);
        more = strvf(fmt, ap);
        va_end(ap);
        longer = more ? strf("%s%s%s", strempty(*p), *p ? separator : "", more) : NULL;
        if (!longer)
                return -ENOMEM;
        free(*p);
        *p = longer;
        return 0;
}

int str_refuse(char **reterr, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        *reterr = strvf(fmt, ap);
        va_end(ap);
        return *reterr ? -EINVAL : -ENOMEM;
}

int str_replace(char **p, const char *s) {
        char *copy = NULL;

        if (streq_ptr(*p, s))
                return 0;
        if (s) {
                copy = strdup(s);
                if (!copy)
                        return -ENOMEM;
        }
        free(*p);
        *p = copy;
        return 1;
}

/* Length of the character at s, or 0 when it is not well-formed: RFC 3629 excludes overlong forms, surrogates and what
 * lies above U+10FFFF, which the first two bytes already show. */
static size_t utf8_length(const uint8_t *s, size_t n) {
        size_t len;

        if (s[0] < 0x80)
                return s[0] != 0;
        if (s[0] >= 0xC2 && s[0] <= 0xDF)
                len = 2;
        else if ((s[0] & 0xF0) == 0xE0)
                len = 3;
        else if (s[0] >= 0xF0 && s[0] <= 0xF4)
                len = 4;
        else
                return 0;
        if (n < len)
                return 0;
        for (size_t i = 1; i < len; i++)
                if ((s[i] & 0xC0) != 0x80)
                        return 0;
        if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
                        (s[0] == 0xF4 && s[1] > 0x8F))
                return 0;
        return len;
}

size_t str_utf8_prefix(const char *s, size_t n) {
        for (size_t i = 0, len; i < n; i += len) {
                len = utf8_length((const uint8_t *) s + i, n - i);
                if (len == 0)
                        return i;
        }
        return n;
}

bool str_is_utf8(const char *s, size_t n) {
        return str_utf8_prefix(s, n) == n;
}

size_t str_fit(const char *s, size_t max) {
        size_t n = strnlen(s, max + 1);

        if (n <= max)
                return n;
        for (n = max; n > 0 && ((uint8_t) s[n] & 0xC0) == 0x80;)
                n--;
        return n;
}

void str_trim_end(char *s) {
        for (size_t n = strlen(s); n > 0 && strchr(" \t\r\n", s[n - 1]); n--)
                s[n - 1] = 0;
}

static bool is_control(const uint8_t *s, size_t len) {
        return s[0] < ' ' || s[0] == 0x7f || (len == 2 && s[0] == 0xC2 && s[1] < 0xA0);
}

size_t str_encode_utf8(uint32_t c, char *ret) {
        static const uint8_t leads[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

        for (size_t i = n - 1; i > 0; i--, c >>= 6)
                ret[i] = (char) (0x80 | (c & 0x3F));
        ret[0] = (char) (leads[n] | c);
        return n;
}

bool str_is_printable(const char *s) {
        size_t left = strlen(s), len;

        for (; left > 0; s += len, left -= len) {
                len = utf8_length((const uint8_t *) s, left);
                if (len == 0 || is_control((const uint8_t *) s, len))
                        return false;
        }
        return true;
}

static void replace_bytes(char *s, bool controls, char by) {
        size_t left = strlen(s), len;

        for (; left > 0; s += len, left -= len) {
                len = utf8_length((const uint8_t *) s, left);
                if (len > 0 && !(controls && is_control((const uint8_t *) s, len)))
                        continue;
                len = MAX(len, (size_t) 1);
                memset(s, by, len);
        }
}

void str_make_printable(char *s, char by) {
        replace_bytes(s, true, by);
}

void str_make_utf8(char *s, char by) {
        replace_bytes(s, false, by);
}
