/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions, by precedence from the weakest: if, ||, &&, one relation, + and -, *, ! and -, access and calls. Only
 * what is in brackets of some kind makes the stack deeper, and its depth has a bound. */
#include "policy/parser.h"

#define UNARY_MAX 4

/* -1 is a number, but -1.x is -(1.x). Which of the two it is, where it starts shows. */
static _noinline_ Expr *take_negative(Parser *p, uint32_t minus) {
        uint32_t start = p->token.span.start;
        Span span = p->token.span;
        int64_t number;

        if (!parser_take_number(p, true, &number))
                return NULL;
        if (!parser_begins_access(p))
                return parser_make_value(p, minus, (Value){ .kind = VALUE_LONG, .number = number });
        if (number == INT64_MIN)
                return parser_refuse(p, span, "this integer does not fit into 64 bits");
        return parser_take_accesses(
                        p, start, parser_make_value(p, start, (Value){ .kind = VALUE_LONG, .number = -number }));
}

/* How many of the signs there are; 0 after a fault. */
static unsigned take_signs(Parser *p, TokenKind kind) {
        unsigned n = 0;

        for (; p->token.kind == kind; n++) {
                if (n == UNARY_MAX)
                        return parser_refuse(p, p->token.span, "at most %d of '%s' in a row", UNARY_MAX,
                                               token_to_string(kind)) != NULL;
                if (!parser_advance(p))
                        return 0;
        }
        if (p->token.kind != TOKEN_NOT && p->token.kind != TOKEN_MINUS)
                return n;
        return parser_refuse(p, p->token.span, "'!' and '-' together take parentheses") != NULL;
}

static Expr *take_signed(Parser *p, TokenKind kind) {
        uint32_t start = p->token.span.start, last;
        unsigned n = take_signs(p, kind);
        Expr *e;

        if (n == 0)
                return NULL;
        last = p->end - 1;
        e = kind == TOKEN_MINUS && p->token.kind == TOKEN_NUMBER ? take_negative(p, last) : parser_take_member(p);
        if (e && e->kind == EXPR_LITERAL && e->span.start == last)
                n--;
        for (; e && n > 0; n--)
                e = parser_make(p, kind == TOKEN_NOT ? EXPR_NOT : EXPR_NEGATE, start, e, NULL);
        return e;
}

static Expr *take_unary(Parser *p) {
        TokenKind kind = p->token.kind;

        return kind == TOKEN_NOT || kind == TOKEN_MINUS ? take_signed(p, kind) : parser_take_member(p);
}

static Expr *take_product(Parser *p) {
        uint32_t start = p->token.span.start;
        size_t base = p->n_items;
        Expr *e = take_unary(p);

        if (!e || (p->token.kind != TOKEN_STAR && p->token.kind != TOKEN_SLASH && p->token.kind != TOKEN_PERCENT))
                return e;
        while (parser_push_expr(p, e)) {
                if (p->token.kind == TOKEN_SLASH)
                        return parser_refuse(p, p->token.span, "Cedar has no division");
                if (p->token.kind == TOKEN_PERCENT)
                        return parser_refuse(p, p->token.span, "Cedar has no remainder");
                if (p->token.kind != TOKEN_STAR)
                        return parser_make_list(p, EXPR_PRODUCT, start, base);
                if (!parser_advance(p))
                        return NULL;
                e = take_unary(p);
        }
        return NULL;
}

static Expr *make_sum(Parser *p, uint32_t start, size_t base) {
        size_t n = p->n_items - base;
        bool *minus = arena_new(p->arena, bool, n);
        Expr *e;

        if (!minus)
                return parser_fail(p, -ENOMEM);
        for (size_t i = 0; i < n; i++)
                minus[i] = p->items[base + i].flag;
        e = parser_make_list(p, EXPR_SUM, start, base);
        if (e)
                e->list.minus = minus;
        return e;
}

Expr *parser_take_sum(Parser *p) {
        uint32_t start = p->token.span.start;
        size_t base = p->n_items;
        Expr *e = take_product(p);
        bool minus = false;

        if (!e || (p->token.kind != TOKEN_PLUS && p->token.kind != TOKEN_MINUS))
                return e;
        while (parser_push_term(p, e, minus)) {
                if (p->token.kind != TOKEN_PLUS && p->token.kind != TOKEN_MINUS)
                        return make_sum(p, start, base);
                minus = p->token.kind == TOKEN_MINUS;
                if (!parser_advance(p))
                        return NULL;
                e = take_product(p);
        }
        return NULL;
}

static Expr *take_chain(Parser *p, TokenKind operator, ExprKind kind, Expr *(*take)(Parser *p)) {
        uint32_t start = p->token.span.start;
        size_t base = p->n_items;
        Expr *e = take(p);

        if (!e || p->token.kind != operator)
                return e;
        while (parser_push_expr(p, e)) {
                if (p->token.kind != operator)
                        return parser_make_list(p, kind, start, base);
                if (!parser_advance(p))
                        return NULL;
                e = take(p);
        }
        return NULL;
}

static Expr *take_and(Parser *p) {
        return take_chain(p, TOKEN_AND, EXPR_AND, parser_take_relation);
}

static Expr *take_if(Parser *p) {
        static const char *const words[] = { "then", "else" },
                                 *const expected[] = { "'then' after the condition", "'else' after the value" };
        uint32_t start = p->token.span.start;
        size_t base = p->n_items;

        if (!parser_advance(p))
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                if (!parser_push_expr(p, parser_take_expr(p)))
                        return NULL;
                if (!parser_is_word(p, words[i]))
                        return parser_unexpected(p, expected[i]);
                if (!parser_advance(p))
                        return NULL;
        }
        return parser_push_expr(p, parser_take_expr(p)) ? parser_make_list(p, EXPR_IF, start, base) : NULL;
}

Expr *parser_take_expr(Parser *p) {
        Expr *e;

        if (p->depth == EXPR_DEPTH_MAX)
                return parser_refuse(p, p->token.span, "this expression nests deeper than %d", EXPR_DEPTH_MAX);
        p->depth++;
        e = parser_is_word(p, "if") ? take_if(p) : take_chain(p, TOKEN_OR, EXPR_OR, take_and);
        p->depth--;
        return e;
}
