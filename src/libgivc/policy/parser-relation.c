/* SPDX-License-Identifier: Apache-2.0 */
/* Relations, of which one stands between two sums: comparison, in, is, has, like. */
#include "policy/parser.h"

typedef enum Relation {
        RELATION_NONE,
        RELATION_COMPARE,
        RELATION_IN,
        RELATION_IS,
        RELATION_HAS,
        RELATION_LIKE,
        RELATION_ASSIGN,
} Relation;

static const struct {
        const char *text;
        Relation relation;
        Compare compare;
} relations[] = {
        { "==", RELATION_COMPARE, COMPARE_EQUAL },
        { "!=", RELATION_COMPARE, COMPARE_NOT_EQUAL },
        { "<", RELATION_COMPARE, COMPARE_LESS },
        { "<=", RELATION_COMPARE, COMPARE_LESS_EQUAL },
        { ">", RELATION_COMPARE, COMPARE_GREATER },
        { ">=", RELATION_COMPARE, COMPARE_GREATER_EQUAL },
        { "in", RELATION_IN, 0 },
        { "is", RELATION_IS, 0 },
        { "has", RELATION_HAS, 0 },
        { "like", RELATION_LIKE, 0 },
        { "=", RELATION_ASSIGN, 0 },
        { "", RELATION_NONE, 0 },
};

/* The row of what comes next. */
static size_t find_relation(const Parser *p) {
        size_t i = 0;

        while (relations[i].relation != RELATION_NONE && !text_equal(p->token.text, text_of(relations[i].text)))
                i++;
        return i;
}

static _noinline_ Expr *take_has(Parser *p, uint32_t start, Expr *left) {
        static const char expected[] = "the name of an attribute after 'has', as in has a.b or has \"c d\"";
        size_t base = p->n_items;
        bool more = true;
        Text name;

        if (p->token.kind == TOKEN_STRING) {
                if (!parser_take_string(p, &name) || !parser_push_name(p, name))
                        return NULL;
                return parser_make_names(p, EXPR_HAS, start, left, base);
        }
        while (more) {
                if (p->token.kind != TOKEN_IDENT)
                        return parser_unexpected(p, expected);
                if (!parser_check_name(p) || !parser_push_name(p, p->token.text) || !parser_advance(p) ||
                                !parser_accept(p, TOKEN_DOT, &more))
                        return NULL;
        }
        if (parser_begins_access(p) || p->token.kind == TOKEN_PATH)
                return parser_unexpected(p, "the end of the attribute");
        return parser_make_names(p, EXPR_HAS, start, left, base);
}

static _noinline_ Expr *take_like(Parser *p, uint32_t start, Expr *left) {
        const char *why = NULL;
        Pattern pattern;
        Span at = {};
        Expr *e;
        int r;

        if (p->token.kind != TOKEN_STRING)
                return parser_unexpected(p, "a pattern in quotes after 'like'");
        r = lexer_unescape_pattern(p->arena, &p->token, &pattern, &at, &why);
        if (r == -EINVAL)
                return parser_refuse(p, at, "%s", why);
        if (r < 0)
                return parser_fail(p, r);
        if (!parser_advance(p))
                return NULL;
        e = parser_make(p, EXPR_LIKE, start, left, NULL);
        if (e)
                e->pattern = pattern;
        return e;
}

static Expr *take_in(Parser *p, uint32_t start, Expr *left, ExprKind kind) {
        Expr *right = parser_take_sum(p);

        return right ? parser_make(p, kind, start, left, right) : NULL;
}

static Expr *take_compare(Parser *p, uint32_t start, Expr *left, Compare compare) {
        Expr *e = take_in(p, start, left, EXPR_COMPARE);

        if (e)
                e->compare = compare;
        return e;
}

/* A type waits on the items while what is behind it is read. */
static _noinline_ bool push_type(Parser *p) {
        Text type;

        return parser_take_type(p, &type) && parser_push_name(p, type);
}

static Expr *take_is(Parser *p, uint32_t start, Expr *left) {
        Expr *e, *right = NULL;

        if (!push_type(p))
                return NULL;
        if (parser_is_word(p, "in")) {
                right = parser_advance(p) ? parser_take_sum(p) : NULL;
                if (!right)
                        return NULL;
        }
        e = parser_make(p, EXPR_IS, start, left, right);
        if (e)
                e->type = p->items[--p->n_items].name;
        return e;
}

static Expr *take_right(Parser *p, uint32_t start, Expr *left, size_t i) {
        switch (relations[i].relation) {
        case RELATION_COMPARE:
                return take_compare(p, start, left, relations[i].compare);
        case RELATION_IN:
                return take_in(p, start, left, EXPR_IN);
        case RELATION_IS:
                return take_is(p, start, left);
        case RELATION_HAS:
                return take_has(p, start, left);
        case RELATION_LIKE:
                return take_like(p, start, left);
        default:
                return NULL;
        }
}

Expr *parser_take_relation(Parser *p) {
        uint32_t start = p->token.span.start;
        Expr *e = parser_take_sum(p);
        size_t i = find_relation(p);

        if (!e || relations[i].relation == RELATION_NONE)
                return e;
        if (relations[i].relation == RELATION_ASSIGN)
                return parser_refuse(p, p->token.span, "'=' is not an operator: did you mean '=='?");
        e = parser_advance(p) ? take_right(p, start, e, i) : NULL;
        if (e && relations[find_relation(p)].relation != RELATION_NONE)
                return parser_refuse(p, p->token.span, "a second relation takes parentheses around the first");
        return e;
}
