/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/document.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

typedef struct Reader {
        Arena *arena;
        const PolicySource *source;
        const char *begin, *next, *end;
        Node *pending; /* items of what is open, until it is closed and their number is known */
        size_t n_pending, n_allocated;
        unsigned depth;
        char **reterr;
} Reader;

static int refuse_at(const PolicySource *source, Span span, char **reterr, const char *message) {
        *reterr = message ? source_message(source, span, message) : NULL;
        return *reterr ? -EINVAL : -ENOMEM;
}

static int reader_refuse(Reader *r, const char *at, const char *message) {
        uint32_t start = (uint32_t) (at - r->begin);

        return refuse_at(r->source, (Span){ start, start }, r->reterr, message);
}

int node_refuse(const PolicySource *source, const Node *node, char **reterr, const char *fmt, ...) {
        _cleanup_free_ char *message = NULL;
        va_list ap;

        va_start(ap, fmt);
        message = strvf(fmt, ap);
        va_end(ap);
        if (message)
                str_make_printable(message, '?');
        return refuse_at(source, node->span, reterr, message);
}

static void reader_skip(Reader *r) {
        while (r->next < r->end && strchr(" \t\r\n", *r->next) && *r->next)
                r->next++;
}

/* The next character that is no blank; 0 at the end, where no NUL may stand either. */
static char reader_peek(Reader *r) {
        reader_skip(r);
        return r->next < r->end ? *r->next : 0;
}

static int reader_expect(Reader *r, char c, const char *message) {
        if (reader_peek(r) != c)
                return reader_refuse(r, r->next, message);
        r->next++;
        return 0;
}

/* The four digits behind \u. */
static int read_unit(Reader *r, uint32_t *ret) {
        uint32_t unit = 0;

        if (r->end - r->next < 4)
                return reader_refuse(r, r->next, "expected four hexadecimal digits");
        for (int i = 0; i < 4; i++) {
                static const char digits[] = "0123456789abcdef";
                const char *digit = strchr(digits, *r->next | 0x20);

                if (!*r->next || !digit || !*digit)
                        return reader_refuse(r, r->next, "expected four hexadecimal digits");
                unit = unit << 4 | (uint32_t) (digit - digits);
                r->next++;
        }
        *ret = unit;
        return 0;
}

/* A character beyond 16 bits is two halves. */
static int read_character(Reader *r, uint32_t *ret) {
        const char *at = r->next - 2;
        uint32_t high, low;
        int e;

        e = read_unit(r, &high);
        if (e < 0)
                return e;
        if (high >= 0xd800 && high < 0xdc00 && r->end - r->next >= 2 && r->next[0] == '\\' && r->next[1] == 'u') {
                r->next += 2;
                e = read_unit(r, &low);
                if (e < 0)
                        return e;
                if (low < 0xdc00 || low > 0xdfff)
                        return reader_refuse(r, at, "half a character");
                high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        }
        if (high >= 0xd800 && high <= 0xdfff)
                return reader_refuse(r, at, "half a character");
        *ret = high;
        return 0;
}

static int read_escape(Reader *r, char *ret, size_t *ret_size) {
        static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
        const char *name = r->next < r->end && *r->next ? strchr(names, *r->next) : NULL;
        uint32_t c = 0;
        int e;

        if (name) {
                r->next++;
                *ret = bytes[name - names];
                *ret_size = 1;
                return 0;
        }
        if (r->next >= r->end || *r->next != 'u')
                return reader_refuse(r, r->next - 1, "an escape that JSON does not have");
        r->next++;
        e = read_character(r, &c);
        if (e < 0)
                return e;
        *ret_size = str_encode_utf8(c, ret);
        return 0;
}

/* Up to the quote, or to what may not stand before it. */
static const char *find_quote(const Reader *r, bool *ret_escapes) {
        const char *p = r->next;

        *ret_escapes = false;
        for (; p < r->end && *p != '"' && (unsigned char) *p >= ' '; p++)
                if (*p == '\\') {
                        *ret_escapes = true;
                        if (p + 1 < r->end)
                                p++;
                }
        return p;
}

/* What has no escapes stays where it is. */
static int read_string(Reader *r, Text *ret) {
        const char *begin = r->next++, *quote;
        bool escapes;
        char *copy;
        size_t n = 0, size;
        int e;

        quote = find_quote(r, &escapes);
        if (quote >= r->end)
                return reader_refuse(r, begin, "a string that does not end");
        if (*quote != '"')
                return reader_refuse(r, quote, "a control character in a string; write it as an escape");
        if (!str_is_utf8(r->next, (size_t) (quote - r->next)))
                return reader_refuse(r, begin, "a string that is not UTF-8");
        if (!escapes) {
                *ret = (Text){ r->next, (size_t) (quote - r->next) };
                r->next = quote + 1;
                return 0;
        }
        copy = arena_alloc(r->arena, (size_t) (quote - r->next));
        if (!copy)
                return -ENOMEM;
        while (r->next < quote) {
                if (*r->next != '\\') {
                        copy[n++] = *r->next++;
                        continue;
                }
                r->next++;
                e = read_escape(r, copy + n, &size);
                if (e < 0)
                        return e;
                n += size;
        }
        r->next = quote + 1;
        *ret = (Text){ copy, n };
        return 0;
}

static int read_number(Reader *r, int64_t *ret) {
        const char *begin = r->next;
        bool negative = *begin == '-';
        uint64_t value = 0, max = negative ? (uint64_t) INT64_MAX + 1 : INT64_MAX;

        r->next += negative;
        if (r->next >= r->end || !char_is_digit(*r->next))
                return reader_refuse(r, begin, "expected a number");
        if (*r->next == '0' && r->end - r->next > 1 && char_is_digit(r->next[1]))
                return reader_refuse(r, begin, "a number that begins with 0");
        for (; r->next < r->end && char_is_digit(*r->next); r->next++) {
                uint64_t digit = (uint64_t) (*r->next - '0');

                if (value > (max - digit) / 10)
                        return reader_refuse(r, begin, "a number that no Long holds, which has 64 bits");
                value = value * 10 + digit;
        }
        if (r->next < r->end && (*r->next == '.' || (*r->next | 0x20) == 'e'))
                return reader_refuse(r, begin, "a fraction; numbers are integers, others are strings in decimal()");
        *ret = (int64_t) (negative ? -value : value);
        return 0;
}

static int read_word(Reader *r, Node *ret) {
        static const struct {
                Text word;
                NodeKind kind;
                bool boolean;
        } words[] = {
                { { "null", 4 }, NODE_NULL, false },
                { { "true", 4 }, NODE_BOOL, true },
                { { "false", 5 }, NODE_BOOL, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if ((size_t) (r->end - r->next) >= words[i].word.size &&
                                memcmp(r->next, words[i].word.data, words[i].word.size) == 0) {
                        ret->kind = words[i].kind;
                        ret->boolean = words[i].boolean;
                        r->next += words[i].word.size;
                        return 0;
                }
        return reader_refuse(r, r->next, r->next < r->end ? "this is no JSON" : "the text ends too early");
}

static int compare_names(const void *a, const void *b) {
        return text_compare((*(const Node *const *) a)->name, (*(const Node *const *) b)->name);
}

static int reader_check_names(Reader *r, const Node *items, size_t n) {
        _cleanup_free_ const Node **sorted = mem_new(const Node *, MAX(n, 1));
        int e = 0;

        if (!sorted)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                sorted[i] = items + i;
        qsort(sorted, n, sizeof(Node *), compare_names);
        for (size_t i = 1; i < n && e >= 0; i++)
                if (text_equal(sorted[i - 1]->name, sorted[i]->name))
                        e = node_refuse(r->source, MAX(sorted[i - 1], sorted[i]), r->reterr,
                                        "a second member '%.*s' of one object", TEXT_SHOWN(sorted[i]->name));
        return e;
}

static int read_value(Reader *r, Node *ret);

/* Adds the next item to those that are pending. */
static int read_item(Reader *r, bool is_member) {
        Node item = {};
        int e;

        if (is_member) {
                if (reader_peek(r) != '"')
                        return reader_refuse(r, r->next, "expected the name of a member");
                e = read_string(r, &item.name);
                if (e >= 0)
                        e = reader_expect(r, ':', "expected ':' behind the name of a member");
                if (e < 0)
                        return e;
        }
        e = read_value(r, &item);
        if (e >= 0)
                e = mem_grow((void **) &r->pending, &r->n_allocated, r->n_pending + 1, sizeof(Node));
        if (e < 0)
                return e;
        r->pending[r->n_pending++] = item;
        return 0;
}

static int read_items(Reader *r, char close, Node *ret) {
        size_t before = r->n_pending;
        Node *items;
        int e = 0;

        r->next++;
        for (bool more = reader_peek(r) != close; more && e >= 0;) {
                e = read_item(r, close == '}');
                more = e >= 0 && reader_peek(r) == ',';
                r->next += more;
        }
        if (e >= 0)
                e = reader_expect(r, close, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
        if (e < 0)
                return e;
        ret->n = r->n_pending - before;
        if (ret->n > 0) {
                items = arena_dup(r->arena, r->pending + before, ret->n * sizeof(Node));
                if (!items)
                        return -ENOMEM;
                ret->items = items;
        }
        r->n_pending = before;
        return close == '}' ? reader_check_names(r, ret->items, ret->n) : 0;
}

static int read_value(Reader *r, Node *ret) {
        char c = reader_peek(r);
        int e;

        ret->span.start = (uint32_t) (r->next - r->begin);
        if (r->depth >= NODE_DEPTH_MAX)
                return reader_refuse(r, r->next, "nested too deep");
        r->depth++;
        if (c == '{' || c == '[') {
                ret->kind = c == '{' ? NODE_OBJECT : NODE_ARRAY;
                e = read_items(r, c == '{' ? '}' : ']', ret);
        } else if (c == '"') {
                ret->kind = NODE_STRING;
                e = read_string(r, &ret->string);
        } else if (c == '-' || char_is_digit(c)) {
                ret->kind = NODE_NUMBER;
                e = read_number(r, &ret->number);
        } else
                e = read_word(r, ret);
        r->depth--;
        ret->span.end = (uint32_t) (r->next - r->begin);
        return e;
}

int node_parse(Arena *arena, const PolicySource *source, const Node **ret, char **reterr) {
        Reader r = {
                .arena = arena,
                .source = source,
                .begin = source->text.data,
                .next = source->text.data,
                .end = source->text.data + source->text.size,
                .reterr = reterr,
        };
        Node *node = arena_new(arena, Node, 1);
        int e;

        e = node ? read_value(&r, node) : -ENOMEM;
        free(r.pending);
        if (e < 0)
                return e;
        reader_skip(&r);
        if (r.next < r.end)
                return reader_refuse(&r, r.next, "something stands behind the end");
        *ret = node;
        return 0;
}

const Node *node_get(const Node *object, const char *name) {
        if (object->kind != NODE_OBJECT)
                return NULL;
        for (size_t i = 0; i < object->n; i++)
                if (text_equal(object->items[i].name, text_of(name)))
                        return object->items + i;
        return NULL;
}
