/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parser.h"

#include "base/mem.h"
#include "base/str.h"

/* Bytes of a token that a message shows. */
#define TOKEN_SHOWN_MAX 40

void *parser_fail(Parser *p, int error) {
        p->error = error;
        return NULL;
}

void *parser_refuse(Parser *p, Span span, const char *fmt, ...) {
        _cleanup_free_ char *sentence = NULL;
        va_list ap;

        va_start(ap, fmt);
        sentence = strvf(fmt, ap);
        va_end(ap);
        if (sentence) {
                str_make_printable(sentence, '?');
                p->message = source_message(p->source, span, sentence);
        }
        return parser_fail(p, p->message ? -EINVAL : -ENOMEM);
}

const char *parser_translate(Text word) {
        static const struct {
                const char *theirs, *ours;
        } words[] = {
                { "and", "'&&'" },
                { "or", "'||'" },
                { "not", "'!'" },
                { "equals", "'=='" },
                { "where", "'when'" },
                { "allow", "'permit'" },
                { "deny", "'forbid'" },
                { "null", "'has'" },
                { "startsWith", "like \"...*\"" },
                { "endsWith", "like \"*...\"" },
                { "matches", "like \"*...*\"" },
                { "includes", "'contains'" },
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (text_equal(word, text_of(words[i].theirs)))
                        return words[i].ours;
        return NULL;
}

void *parser_unexpected(Parser *p, const char *expected) {
        const Token *t = &p->token;
        const char *ours = t->kind == TOKEN_IDENT ? parser_translate(t->text) : NULL;
        int shown = (int) MIN(t->text.size, (size_t) TOKEN_SHOWN_MAX);

        if (t->kind == TOKEN_END)
                return parser_refuse(p, (Span){ p->end, p->end }, "expected %s, found the end of the text", expected);
        while (shown < (int) t->text.size && ((uint8_t) t->text.data[shown] & 0xC0) == 0x80)
                shown--;
        return parser_refuse(p, t->span, "expected %s, found %s%.*s%s%s%s%s", expected,
                        t->kind == TOKEN_STRING ? "" : "'", shown, t->text.data,
                        shown < (int) t->text.size                ? "..."
                                        : t->kind == TOKEN_STRING ? ""
                                                                  : "'",
                        ours ? ": did you mean " : "", strempty(ours), ours ? "?" : "");
}

bool parser_advance(Parser *p) {
        const char *why = NULL;

        p->end = p->token.span.end;
        return lexer_next(&p->lexer, &p->token, &why) || parser_refuse(p, p->token.span, "%s", why);
}

/* The text is looked through as a whole first: what follows may rely on it. */
bool parser_init(Parser *p, Arena *arena, const PolicySource *source) {
        Text text = source->text;
        size_t n = str_utf8_prefix(text.data, text.size);

        *p = (Parser){ .arena = arena, .source = source, .lexer.text = text };
        if (text.size > UINT32_MAX)
                return parser_fail(p, -E2BIG);
        if (n < text.size)
                return parser_refuse(p, (Span){ (uint32_t) n, (uint32_t) n + 1 },
                                text.data[n] == 0 ? "a NUL byte (write '\\0' in a string)"
                                                  : "the byte 0x%02x is not UTF-8",
                                (unsigned) (uint8_t) text.data[n]);
        return parser_advance(p);
}

void parser_done(Parser *p) {
        free(p->items);
        free(p->message);
}

bool parser_is_word(const Parser *p, const char *word) {
        return p->token.kind == TOKEN_IDENT && text_equal(p->token.text, text_of(word));
}

bool parser_expect(Parser *p, TokenKind kind, const char *expected) {
        return p->token.kind == kind ? parser_advance(p) : parser_unexpected(p, expected) != NULL;
}

bool parser_accept(Parser *p, TokenKind kind, bool *ret) {
        *ret = p->token.kind == kind;
        return !*ret || parser_advance(p);
}

bool parser_push(Parser *p, Item item) {
        if (mem_grow((void **) &p->items, &p->n_items_allocated, p->n_items + 1, sizeof(Item)) < 0)
                return parser_fail(p, -ENOMEM);
        p->items[p->n_items++] = item;
        return true;
}

bool parser_push_name(Parser *p, Text name) {
        return parser_push(p, (Item){ .name = name });
}

bool parser_push_expr(Parser *p, Expr *e) {
        return parser_push_term(p, e, false);
}

bool parser_push_term(Parser *p, Expr *e, bool minus) {
        return e && parser_push(p, (Item){ .expr = e, .flag = minus });
}

static int compare_items(const void *a, const void *b) {
        const Item *x = a, *y = b;
        int r = text_compare(x->name, y->name);

        return r != 0 ? r : (x->span.start > y->span.start) - (x->span.start < y->span.start);
}

bool parser_sort_unique(Parser *p, size_t base, const char *what) {
        const Item *second = NULL;

        if (p->n_items > base)
                qsort(p->items + base, p->n_items - base, sizeof(Item), compare_items);
        for (size_t i = base + 1; i < p->n_items; i++)
                if (text_equal(p->items[i - 1].name, p->items[i].name) &&
                                (!second || p->items[i].span.start < second->span.start))
                        second = &p->items[i];
        return !second || parser_refuse(p, second->span, "this %s is there twice", what);
}

bool parser_check_name(Parser *p) {
        const Token *t = &p->token;

        if (!lexer_is_reserved(t->text))
                return true;
        return parser_refuse(p, t->span, "'%.*s' is a word of the language and cannot be a name",
                               TEXT_SHOWN(t->text)) != NULL;
}

static bool join_path(Parser *p, size_t base, Text *ret) {
        size_t size = 0;
        char *out;

        if (p->n_items == base + 1) {
                *ret = p->items[base].name;
                return true;
        }
        for (size_t i = base; i < p->n_items; i++)
                size += p->items[i].name.size + 2;
        out = arena_alloc(p->arena, size);
        if (!out)
                return parser_fail(p, -ENOMEM);
        *ret = (Text){ out, size - 2 };
        for (size_t i = base; i < p->n_items; i++) {
                if (i > base)
                        out = mempcpy(out, "::", 2);
                out = mempcpy(out, p->items[i].name.data, p->items[i].name.size);
        }
        return true;
}

bool parser_take_path(Parser *p, Text *ret, bool *ret_is_entity) {
        size_t base = p->n_items;
        bool more = true;

        while (more && p->token.kind == TOKEN_IDENT)
                if (!parser_check_name(p) || !parser_push_name(p, p->token.text) || !parser_advance(p) ||
                                !parser_accept(p, TOKEN_PATH, &more))
                        return false;
        if (more && p->token.kind == TOKEN_BRACE_OPEN)
                return parser_refuse(p, p->token.span, "an entity is written as in Namespace::User::\"alice\"");
        if (more && p->token.kind != TOKEN_STRING)
                return parser_unexpected(p, "a name or a string after '::'");
        *ret_is_entity = more;
        if (!join_path(p, base, ret))
                return false;
        p->n_items = base;
        return true;
}

bool parser_take_string(Parser *p, Text *ret) {
        const char *why = NULL;
        Span at = {};
        int r = lexer_unescape(p->arena, &p->token, ret, &at, &why);

        if (r == -EINVAL)
                return parser_refuse(p, at, "%s", why);
        return r < 0 ? parser_fail(p, r) != NULL : parser_advance(p);
}

bool parser_take_entity(Parser *p, EntityUid *ret) {
        bool is_entity;

        if (p->token.kind == TOKEN_STRING)
                return parser_refuse(p, p->token.span, "a string is no entity: write its type too, as in Type::%.*s",
                                TEXT_SHOWN(p->token.text));
        if (p->token.kind != TOKEN_IDENT)
                return parser_unexpected(p, "an entity, as in User::\"alice\"");
        if (!parser_take_path(p, &ret->type, &is_entity))
                return false;
        return is_entity ? parser_take_string(p, &ret->id)
                         : parser_unexpected(p, "'::' and the id of the entity in quotes") != NULL;
}

bool parser_take_type(Parser *p, Text *ret) {
        bool is_entity;

        if (p->token.kind != TOKEN_IDENT)
                return parser_unexpected(p, "an entity type after 'is'");
        if (!parser_take_path(p, ret, &is_entity))
                return false;
        return !is_entity || parser_refuse(p, p->token.span, "'is' takes an entity type: did you mean '==' or 'in'?");
}
