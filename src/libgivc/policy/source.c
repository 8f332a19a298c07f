/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a text something stands, and how people are told. */
#include "base/mem.h"
#include "base/str.h"
#include "policy/syntax.h"

/* Bytes of a line that are shown, which fit a terminal with what stands around them; and how many of them are from the
 * caret on, when there are more on both sides. */
#define SHOWN_MAX       72
#define SHOWN_AFTER_MAX 38
#define NAME_SHOWN_MAX  128 /* bytes of an @id */

static bool continues_character(char c) {
        return ((uint8_t) c & 0xC0) == 0x80;
}

/* How many characters begin among the bytes. */
static unsigned count_characters(const char *s, size_t n) {
        unsigned count = 0;

        for (size_t i = 0; i < n; i++)
                count += !continues_character(s[i]);
        return count;
}

static size_t line_start(Text text, size_t at) {
        const char *end = at > 0 ? memrchr(text.data, '\n', at) : NULL;

        return end ? (size_t) (end + 1 - text.data) : 0;
}

void source_position(const PolicySource *source, Span span, unsigned *ret_line, unsigned *ret_column) {
        size_t at = MIN((size_t) span.start, source->text.size), start = line_start(source->text, at);
        unsigned line = 1;

        for (const char *p = source->text.data, *end = p + start; p < end && (p = memchr(p, '\n', (size_t) (end - p)));
                        p++)
                line++;
        *ret_line = line;
        *ret_column = count_characters(source->text.data + start, at - start) + 1;
}

/* A part of the line, in which each byte that is not printable is one question mark, and a tab one blank. */
static char *copy_printable(const char *s, size_t n) {
        char *copy = mem_dup(s, n);

        if (!copy)
                return NULL;
        for (size_t i = 0; i < n; i++)
                if (copy[i] == '\t')
                        copy[i] = ' ';
                else if (copy[i] == 0)
                        copy[i] = '?';
        str_make_printable(copy, '?');
        return copy;
}

char *source_message(const PolicySource *source, Span span, const char *message) {
        Text text = source->text;
        size_t at = MIN((size_t) span.start, text.size), start = line_start(text, at), before_max;
        const char *line_end = at < text.size ? memchr(text.data + at, '\n', text.size - at) : NULL;
        size_t end = line_end ? (size_t) (line_end - text.data) : text.size;
        const char *head = "", *tail = "";
        _cleanup_free_ char *before = NULL, *after = NULL;
        unsigned line, column;

        if (end > at && text.data[end - 1] == '\r')
                end--;
        before_max = SHOWN_MAX - MIN(end - at, (size_t) SHOWN_AFTER_MAX);
        if (at - start > before_max) {
                start = at - before_max;
                while (start < at && continues_character(text.data[start]))
                        start++;
                head = "...";
        }
        if (end - start > SHOWN_MAX) {
                end = start + SHOWN_MAX;
                while (end > at && continues_character(text.data[end]))
                        end--;
                tail = "...";
        }
        before = copy_printable(text.data + start, at - start);
        after = copy_printable(text.data + at, end - at);
        if (!before || !after)
                return NULL;
        source_position(source, span, &line, &column);
        return strf("%s:%u:%u: %s\n  %s%s%s%s\n  %*s^", source->name, line, column, message, head, before, after, tail,
                        (int) (strlen(head) + count_characters(before, strlen(before))), "");
}

char *policy_to_name(const Policy *p) {
        Value id = { .kind = VALUE_STRING, .string = policy_get_annotation(p, TEXT("id")) };
        _cleanup_free_ char *quoted = NULL;

        if (id.string.size == 0)
                return strdup(p->id);
        if (id.string.size > NAME_SHOWN_MAX) {
                id.string.size = NAME_SHOWN_MAX;
                while (continues_character(id.string.data[id.string.size]))
                        id.string.size--;
        }
        quoted = value_to_string(&id);
        return quoted ? strf("%s %s", p->id, quoted) : NULL;
}
