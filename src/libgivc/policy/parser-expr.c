/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions, by precedence from the weakest: if, ||, &&, one relation, + and -, *, ! and -, access and calls. Only
 * what is in brackets of some kind makes the stack deeper, and its depth has a bound. */
#include "policy/parser.h"

#include "base/str.h"

#define UNARY_MAX      4
#define NAME_SHOWN_MAX 64

static Expr *check_depth(Parser *p, Expr *e) {
        if (e->depth > EXPR_DEPTH_MAX)
                return parser_refuse(p, (Span){ e->span.start, e->span.start + 1 },
                                "this expression nests deeper than %d", EXPR_DEPTH_MAX);
        return e;
}

Expr *parser_make(Parser *p, ExprKind kind, uint32_t start, Expr *left, Expr *right) {
        Expr *e = arena_new(p->arena, Expr, 1);

        if (!e)
                return parser_fail(p, -ENOMEM);
        e->kind = kind;
        e->span = (Span){ start, p->end };
        e->left = left;
        e->right = right;
        e->depth = 1 + MAX(left ? left->depth : 0, right ? right->depth : 0);
        return check_depth(p, e);
}

Expr *parser_make_list(Parser *p, ExprKind kind, uint32_t start, size_t base) {
        Expr *e = parser_make(p, kind, start, NULL, NULL);
        size_t n = p->n_items - base;

        if (!e)
                return NULL;
        e->list.n = n;
        e->list.items = arena_new(p->arena, Expr *, n);
        if (!e->list.items)
                return parser_fail(p, -ENOMEM);
        for (size_t i = 0; i < n; i++) {
                e->list.items[i] = p->items[base + i].expr;
                e->depth = MAX(e->depth, 1 + e->list.items[i]->depth);
        }
        p->n_items = base;
        return check_depth(p, e);
}

static Expr *make_value(Parser *p, uint32_t start, Value value) {
        Expr *e = parser_make(p, EXPR_LITERAL, start, NULL, NULL);

        if (e)
                e->value = value;
        return e;
}

static Expr *make_names(Parser *p, ExprKind kind, uint32_t start, Expr *left, size_t base) {
        Expr *e = parser_make(p, kind, start, left, NULL);
        size_t n = p->n_items - base;
        Text *names;

        if (!e)
                return NULL;
        names = arena_new(p->arena, Text, n);
        if (!names)
                return parser_fail(p, -ENOMEM);
        for (size_t i = 0; i < n; i++)
                names[i] = p->items[base + i].name;
        e->path.n = n;
        e->path.names = names;
        p->n_items = base;
        return e;
}

static bool push_expr(Parser *p, Expr *e) {
        return e && parser_push(p, (Item){ .expr = e });
}

bool parser_take_items(Parser *p, TokenKind close, const char *expected) {
        while (p->token.kind != close) {
                bool more;

                if (!push_expr(p, parser_take_expr(p)) || !parser_accept(p, TOKEN_COMMA, &more))
                        return false;
                if (!more)
                        break;
        }
        return parser_expect(p, close, expected);
}

static Expr *take_set(Parser *p) {
        uint32_t start = p->token.span.start;
        size_t base = p->n_items;

        if (!parser_advance(p) || !parser_take_items(p, TOKEN_BRACKET_CLOSE, "',' or ']' in the set"))
                return NULL;
        return parser_make_list(p, EXPR_SET, start, base);
}

static bool take_member(Parser *p) {
        Item item = { .span = p->token.span };

        if (p->token.kind == TOKEN_IDENT) {
                item.name = p->token.text;
                if (!parser_check_name(p) || !parser_advance(p))
                        return false;
        } else if (p->token.kind != TOKEN_STRING)
                return parser_unexpected(p, "a name or a string as the key of a record, or '}'");
        else if (!parser_take_string(p, &item.name))
                return false;
        if (!parser_expect(p, TOKEN_COLON, "':' after the key of the record"))
                return false;
        item.expr = parser_take_expr(p);
        return item.expr && parser_push(p, item);
}

static Expr *make_record(Parser *p, uint32_t start, size_t base) {
        size_t n = p->n_items - base;
        Text *names;
        Expr *e;

        if (!parser_sort_unique(p, base, "key"))
                return NULL;
        names = arena_new(p->arena, Text, n);
        if (!names)
                return parser_fail(p, -ENOMEM);
        for (size_t i = 0; i < n; i++)
                names[i] = p->items[base + i].name;
        e = parser_make_list(p, EXPR_RECORD, start, base);
        if (e)
                e->list.names = names;
        return e;
}

static Expr *take_record(Parser *p) {
        uint32_t start = p->token.span.start;
        size_t base = p->n_items;
        bool more = true;

        if (!parser_advance(p))
                return NULL;
        while (more && p->token.kind != TOKEN_BRACE_CLOSE)
                if (!take_member(p) || !parser_accept(p, TOKEN_COMMA, &more))
                        return NULL;
        if (!parser_expect(p, TOKEN_BRACE_CLOSE, "',' or '}' in the record"))
                return NULL;
        return make_record(p, start, base);
}

static Expr *take_parentheses(Parser *p) {
        Expr *e;

        if (!parser_advance(p))
                return NULL;
        e = parser_take_expr(p);
        return e && parser_expect(p, TOKEN_PAREN_CLOSE, "')' after the expression") ? e : NULL;
}

static Expr *take_string(Parser *p) {
        uint32_t start = p->token.span.start;
        Text text;

        if (!parser_take_string(p, &text))
                return NULL;
        return make_value(p, start, (Value){ .kind = VALUE_STRING, .string = text });
}

static Expr *take_slot(Parser *p) {
        const Token *t = &p->token;

        if (text_equal(t->text, TEXT("?principal")) || text_equal(t->text, TEXT("?resource")))
                return parser_refuse(p, t->span, "slots stand for an entity of the scope, not in conditions");
        return parser_refuse(p, t->span, "no such slot: there are '?principal' and '?resource'");
}

/* The number without a sign, which may be one more than the largest when a sign comes before it. */
static bool read_number(Parser *p, bool negative, int64_t *ret) {
        uint64_t limit = (uint64_t) INT64_MAX + negative, value = 0;
        Text text = p->token.text;

        for (size_t i = 0; i < text.size; i++) {
                unsigned digit = (unsigned) (text.data[i] - '0');

                if (value > (limit - digit) / 10)
                        return parser_refuse(p, p->token.span, "this integer does not fit into 64 bits");
                value = value * 10 + digit;
        }
        *ret = negative ? (int64_t) (0 - value) : (int64_t) value;
        return true;
}

static Expr *take_number(Parser *p) {
        uint32_t start = p->token.span.start;
        int64_t number;

        if (!read_number(p, false, &number) || !parser_advance(p))
                return NULL;
        return make_value(p, start, (Value){ .kind = VALUE_LONG, .number = number });
}

static bool find_variable(Text name, Variable *ret) {
        static const char *const variables[] = {
                [VARIABLE_PRINCIPAL] = "principal",
                [VARIABLE_ACTION] = "action",
                [VARIABLE_RESOURCE] = "resource",
                [VARIABLE_CONTEXT] = "context",
        };

        for (size_t i = 0; i < ELEMENTSOF(variables); i++)
                if (text_equal(name, text_of(variables[i]))) {
                        *ret = (Variable) i;
                        return true;
                }
        return false;
}

static Expr *take_entity(Parser *p, uint32_t start, Text type) {
        EntityUid *uid = arena_new(p->arena, EntityUid, 1);

        if (!uid)
                return parser_fail(p, -ENOMEM);
        uid->type = type;
        if (!parser_take_string(p, &uid->id))
                return NULL;
        return make_value(p, start, (Value){ .kind = VALUE_ENTITY, .entity = uid });
}

static Expr *take_variable(Parser *p, uint32_t start, Variable variable) {
        Expr *e = parser_make(p, EXPR_VARIABLE, start, NULL, NULL);

        if (!e)
                return NULL;
        e->variable = variable;
        return e;
}

static Expr *refuse_name(Parser *p, Span span, Text name) {
        const char *ours = parser_translate(name);
        int n = (int) MIN(name.size, (size_t) NAME_SHOWN_MAX);

        if (ours)
                return parser_refuse(p, span, "there is no variable '%.*s': did you mean %s?", n, name.data, ours);
        return parser_refuse(p, span,
                        "there is no variable '%.*s', only principal, action, resource and context (a string is "
                        "written \"%.*s\")",
                        n, name.data, n, name.data);
}

/* A word of the language, a variable, an entity, or the name of a function. */
static Expr *take_name(Parser *p) {
        Span span = p->token.span;
        bool is_true = parser_is_word(p, "true"), is_entity;
        Variable variable;
        Text name;

        if (is_true || parser_is_word(p, "false")) {
                if (!parser_advance(p))
                        return NULL;
                return make_value(p, span.start, (Value){ .kind = VALUE_BOOL, .boolean = is_true });
        }
        if (parser_is_word(p, "if"))
                return parser_refuse(p, span, "'if' inside an expression takes parentheses around it");
        if (!parser_take_path(p, &name, &is_entity))
                return NULL;
        if (is_entity)
                return take_entity(p, span.start, name);
        span.end = p->end;
        if (find_variable(name, &variable))
                return p->token.kind != TOKEN_PAREN_OPEN ? take_variable(p, span.start, variable)
                                                         : parser_refuse(p, span, "a variable is no function");
        return p->token.kind == TOKEN_PAREN_OPEN ? parser_take_call(p, span.start, name, span)
                                                 : refuse_name(p, span, name);
}

static Expr *take_primary(Parser *p) {
        switch (p->token.kind) {
        case TOKEN_NUMBER:
                return take_number(p);
        case TOKEN_STRING:
                return take_string(p);
        case TOKEN_SLOT:
                return take_slot(p);
        case TOKEN_PAREN_OPEN:
                return take_parentheses(p);
        case TOKEN_BRACKET_OPEN:
                return take_set(p);
        case TOKEN_BRACE_OPEN:
                return take_record(p);
        case TOKEN_IDENT:
                return take_name(p);
        case TOKEN_SLASH:
                return parser_unexpected(p, "an expression (comments begin with '//')");
        default:
                return parser_unexpected(p, "an expression");
        }
}

/* What names have gathered since base becomes one access. */
static Expr *flush_names(Parser *p, uint32_t start, uint32_t end, Expr *e, size_t base) {
        if (p->n_items == base)
                return e;
        e = make_names(p, EXPR_GET, start, e, base);
        if (e)
                e->span.end = end;
        return e;
}

static bool take_index(Parser *p) {
        Item item = { .span = p->token.span };

        if (!parser_advance(p))
                return false;
        if (p->token.kind != TOKEN_STRING)
                return parser_unexpected(p, "the name of an attribute as a string");
        return parser_take_string(p, &item.name) && parser_push(p, item) &&
                        parser_expect(p, TOKEN_BRACKET_CLOSE, "']' after the name of the attribute");
}

/* .name, or with a parenthesis behind it, a method of what there is so far. */
static Expr *take_dot(Parser *p, uint32_t start, Expr *e, size_t base) {
        uint32_t end = p->end;
        Token name;

        if (!parser_advance(p))
                return NULL;
        name = p->token;
        if (name.kind == TOKEN_NUMBER)
                return parser_refuse(p, name.span, "there are no fractions: a decimal is written decimal(\"1.5\")");
        if (name.kind != TOKEN_IDENT)
                return parser_unexpected(p, "the name of an attribute or a method after '.'");
        if (!parser_check_name(p) || !parser_advance(p))
                return NULL;
        if (p->token.kind != TOKEN_PAREN_OPEN)
                return parser_push(p, (Item){ .name = name.text }) ? e : NULL;
        e = flush_names(p, start, end, e, base);
        return e ? parser_take_method(p, start, e, name.text, name.span) : NULL;
}

static Expr *take_accesses(Parser *p, uint32_t start, Expr *e) {
        size_t base = p->n_items;

        while (e && (p->token.kind == TOKEN_DOT || p->token.kind == TOKEN_BRACKET_OPEN))
                if (p->token.kind == TOKEN_DOT)
                        e = take_dot(p, start, e, base);
                else if (!take_index(p))
                        return NULL;
        if (e && p->token.kind == TOKEN_PAREN_OPEN)
                return parser_refuse(p, p->token.span, "only functions and methods are called");
        return e ? flush_names(p, start, p->end, e, base) : NULL;
}

static bool begins_access(const Parser *p) {
        return p->token.kind == TOKEN_DOT || p->token.kind == TOKEN_BRACKET_OPEN || p->token.kind == TOKEN_PAREN_OPEN;
}

/* -1 is a number, but -1.x is -(1.x). */
static Expr *take_negative(Parser *p, uint32_t start, unsigned *n_minus) {
        Token token = p->token;
        int64_t number;

        if (!read_number(p, true, &number) || !parser_advance(p))
                return NULL;
        if (!begins_access(p)) {
                (*n_minus)--;
                return make_value(p, start, (Value){ .kind = VALUE_LONG, .number = number });
        }
        if (number == INT64_MIN)
                return parser_refuse(p, token.span, "this integer does not fit into 64 bits");
        return take_accesses(p, token.span.start,
                        make_value(p, token.span.start, (Value){ .kind = VALUE_LONG, .number = -number }));
}

static Expr *take_unary(Parser *p) {
        TokenKind kind = p->token.kind;
        uint32_t start = p->token.span.start, last = start;
        unsigned n = 0;
        Expr *e;

        if (kind != TOKEN_NOT && kind != TOKEN_MINUS)
                return take_accesses(p, start, take_primary(p));
        for (; p->token.kind == kind; n++) {
                last = p->token.span.start;
                if (n == UNARY_MAX)
                        return parser_refuse(p, p->token.span, "at most %d of '%s' in a row", UNARY_MAX,
                                        token_to_string(kind));
                if (!parser_advance(p))
                        return NULL;
        }
        if (p->token.kind == TOKEN_NOT || p->token.kind == TOKEN_MINUS)
                return parser_refuse(p, p->token.span, "'!' and '-' together take parentheses");
        e = kind == TOKEN_MINUS && p->token.kind == TOKEN_NUMBER
                        ? take_negative(p, last, &n)
                        : take_accesses(p, p->token.span.start, take_primary(p));
        for (; e && n > 0; n--)
                e = parser_make(p, kind == TOKEN_NOT ? EXPR_NOT : EXPR_NEGATE, start, e, NULL);
        return e;
}

static Expr *take_product(Parser *p) {
        uint32_t start = p->token.span.start;
        size_t base = p->n_items;
        Expr *e = take_unary(p);

        if (!e || (p->token.kind != TOKEN_STAR && p->token.kind != TOKEN_SLASH && p->token.kind != TOKEN_PERCENT))
                return e;
        while (push_expr(p, e)) {
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

static Expr *take_sum(Parser *p) {
        uint32_t start = p->token.span.start;
        size_t base = p->n_items;
        Expr *e = take_product(p);
        bool minus = false;

        if (!e || (p->token.kind != TOKEN_PLUS && p->token.kind != TOKEN_MINUS))
                return e;
        while (e && parser_push(p, (Item){ .expr = e, .flag = minus })) {
                if (p->token.kind != TOKEN_PLUS && p->token.kind != TOKEN_MINUS)
                        return make_sum(p, start, base);
                minus = p->token.kind == TOKEN_MINUS;
                if (!parser_advance(p))
                        return NULL;
                e = take_product(p);
        }
        return NULL;
}

static Expr *take_has(Parser *p, uint32_t start, Expr *left) {
        static const char expected[] = "the name of an attribute after 'has', as in has a.b or has \"c d\"";
        size_t base = p->n_items;
        bool more = true;
        Text name;

        if (p->token.kind == TOKEN_STRING) {
                if (!parser_take_string(p, &name) || !parser_push(p, (Item){ .name = name }))
                        return NULL;
                return make_names(p, EXPR_HAS, start, left, base);
        }
        while (more) {
                if (p->token.kind != TOKEN_IDENT)
                        return parser_unexpected(p, expected);
                if (!parser_check_name(p) || !parser_push(p, (Item){ .name = p->token.text }) || !parser_advance(p) ||
                                !parser_accept(p, TOKEN_DOT, &more))
                        return NULL;
        }
        return begins_access(p) || p->token.kind == TOKEN_PATH ? parser_unexpected(p, "the end of the attribute")
                                                               : make_names(p, EXPR_HAS, start, left, base);
}

static Expr *take_like(Parser *p, uint32_t start, Expr *left) {
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

static Expr *take_is(Parser *p, uint32_t start, Expr *left) {
        Expr *e, *right = NULL;
        Text type;

        if (!parser_take_type(p, &type))
                return NULL;
        if (parser_is_word(p, "in")) {
                if (!parser_advance(p))
                        return NULL;
                right = take_sum(p);
                if (!right)
                        return NULL;
        }
        e = parser_make(p, EXPR_IS, start, left, right);
        if (e)
                e->type = type;
        return e;
}

static bool find_compare(TokenKind kind, Compare *ret) {
        static const TokenKind tokens[] = {
                [COMPARE_EQUAL] = TOKEN_EQUAL,
                [COMPARE_NOT_EQUAL] = TOKEN_NOT_EQUAL,
                [COMPARE_LESS] = TOKEN_LESS,
                [COMPARE_LESS_EQUAL] = TOKEN_LESS_EQUAL,
                [COMPARE_GREATER] = TOKEN_GREATER,
                [COMPARE_GREATER_EQUAL] = TOKEN_GREATER_EQUAL,
        };

        for (size_t i = 0; i < ELEMENTSOF(tokens); i++)
                if (tokens[i] == kind) {
                        *ret = (Compare) i;
                        return true;
                }
        return false;
}

static Expr *take_compared(Parser *p, ExprKind kind, uint32_t start, Expr *left, Compare compare) {
        Expr *right = take_sum(p), *e = right ? parser_make(p, kind, start, left, right) : NULL;

        if (e && kind == EXPR_COMPARE)
                e->compare = compare;
        return e;
}

static bool begins_relation(const Parser *p) {
        Compare compare;

        return find_compare(p->token.kind, &compare) || p->token.kind == TOKEN_ASSIGN || parser_is_word(p, "in") ||
                        parser_is_word(p, "is") || parser_is_word(p, "has") || parser_is_word(p, "like");
}

static Expr *take_relation(Parser *p) {
        uint32_t start = p->token.span.start;
        Expr *left = take_sum(p);
        Token token = p->token;
        Compare compare = 0;

        if (!left || !begins_relation(p))
                return left;
        if (token.kind == TOKEN_ASSIGN)
                return parser_refuse(p, token.span, "'=' is not an operator: did you mean '=='?");
        if (!parser_advance(p))
                return NULL;
        if (find_compare(token.kind, &compare))
                left = take_compared(p, EXPR_COMPARE, start, left, compare);
        else if (text_equal(token.text, TEXT("in")))
                left = take_compared(p, EXPR_IN, start, left, compare);
        else if (text_equal(token.text, TEXT("is")))
                left = take_is(p, start, left);
        else if (text_equal(token.text, TEXT("has")))
                left = take_has(p, start, left);
        else
                left = take_like(p, start, left);
        if (left && begins_relation(p))
                return parser_refuse(p, p->token.span, "a second relation takes parentheses around the first");
        return left;
}

static Expr *take_chain(Parser *p, TokenKind operator, ExprKind kind, Expr *(*take)(Parser *p)) {
        uint32_t start = p->token.span.start;
        size_t base = p->n_items;
        Expr *e = take(p);

        if (!e || p->token.kind != operator)
                return e;
        while (push_expr(p, e)) {
                if (p->token.kind != operator)
                        return parser_make_list(p, kind, start, base);
                if (!parser_advance(p))
                        return NULL;
                e = take(p);
        }
        return NULL;
}

static Expr *take_and(Parser *p) {
        return take_chain(p, TOKEN_AND, EXPR_AND, take_relation);
}

static Expr *take_if(Parser *p) {
        static const char *const words[] = { "then", "else" },
                                 *const expected[] = { "'then' after the condition", "'else' after the value" };
        uint32_t start = p->token.span.start;
        size_t base = p->n_items;

        if (!parser_advance(p))
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                if (!push_expr(p, parser_take_expr(p)))
                        return NULL;
                if (!parser_is_word(p, words[i]))
                        return parser_unexpected(p, expected[i]);
                if (!parser_advance(p))
                        return NULL;
        }
        return push_expr(p, parser_take_expr(p)) ? parser_make_list(p, EXPR_IF, start, base) : NULL;
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
