/* SPDX-License-Identifier: Apache-2.0 */
/* What expressions are made of: literals, names, sets, records, what is in parentheses, and access to attributes. */
#include "policy/parser.h"

#include "base/str.h"

bool parser_take_items(Parser *p, TokenKind close, const char *expected) {
        while (p->token.kind != close) {
                if (!parser_push_expr(p, parser_take_expr(p)))
                        return false;
                if (p->token.kind != TOKEN_COMMA)
                        break;
                if (!parser_advance(p))
                        return false;
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

/* The key waits on the items for its value. */
static _noinline_ bool push_key(Parser *p) {
        Item item = { .name = p->token.text, .span = p->token.span };

        if (p->token.kind == TOKEN_IDENT) {
                if (!parser_check_name(p) || !parser_advance(p))
                        return false;
        } else if (p->token.kind != TOKEN_STRING)
                return parser_unexpected(p, "a name or a string as the key of a record, or '}'");
        else if (!parser_take_string(p, &item.name))
                return false;
        return parser_expect(p, TOKEN_COLON, "':' after the key of the record") && parser_push(p, item);
}

static bool take_key_and_value(Parser *p) {
        size_t i = p->n_items;
        Expr *value;

        if (!push_key(p))
                return false;
        value = parser_take_expr(p);
        p->items[i].expr = value;
        return value;
}

static _noinline_ Expr *make_record(Parser *p, uint32_t start, size_t base) {
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

        if (!parser_advance(p))
                return NULL;
        while (p->token.kind != TOKEN_BRACE_CLOSE) {
                if (!take_key_and_value(p))
                        return NULL;
                if (p->token.kind != TOKEN_COMMA)
                        break;
                if (!parser_advance(p))
                        return NULL;
        }
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

static _noinline_ Expr *take_string(Parser *p) {
        uint32_t start = p->token.span.start;
        Text text;

        if (!parser_take_string(p, &text))
                return NULL;
        return parser_make_value(p, start, (Value){ .kind = VALUE_STRING, .string = text });
}

static _noinline_ Expr *take_slot(Parser *p) {
        const Token *t = &p->token;

        if (text_equal(t->text, TEXT("?principal")) || text_equal(t->text, TEXT("?resource")))
                return parser_refuse(p, t->span, "slots stand for an entity of the scope, not in conditions");
        return parser_refuse(p, t->span, "no such slot: there are '?principal' and '?resource'");
}

/* The smallest number is one further from zero than the largest. */
bool parser_take_number(Parser *p, bool negative, int64_t *ret) {
        uint64_t limit = (uint64_t) INT64_MAX + negative, value = 0;
        Text text = p->token.text;

        for (size_t i = 0; i < text.size; i++) {
                unsigned digit = (unsigned) (text.data[i] - '0');

                if (value > (limit - digit) / 10)
                        return parser_refuse(p, p->token.span, "this integer does not fit into 64 bits");
                value = value * 10 + digit;
        }
        *ret = negative ? (int64_t) (0 - value) : (int64_t) value;
        return parser_advance(p);
}

static _noinline_ Expr *take_number(Parser *p) {
        uint32_t start = p->token.span.start;
        int64_t number;

        if (!parser_take_number(p, false, &number))
                return NULL;
        return parser_make_value(p, start, (Value){ .kind = VALUE_LONG, .number = number });
}

static bool find_variable(Text name, Variable *ret) {
        for (Variable v = VARIABLE_PRINCIPAL; v <= VARIABLE_CONTEXT; v++)
                if (text_equal(name, text_of(variable_to_string(v)))) {
                        *ret = v;
                        return true;
                }
        return false;
}

static _noinline_ Expr *take_entity(Parser *p, uint32_t start, Text type) {
        EntityUid *uid = arena_new(p->arena, EntityUid, 1);

        if (!uid)
                return parser_fail(p, -ENOMEM);
        uid->type = type;
        if (!parser_take_string(p, &uid->id))
                return NULL;
        return parser_make_value(p, start, (Value){ .kind = VALUE_ENTITY, .entity = uid });
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

        if (ours)
                return parser_refuse(p, span, "there is no variable '%.*s': did you mean %s?", TEXT_SHOWN(name), ours);
        if (memchr(name.data, ':', name.size))
                return parser_refuse(
                                p, span, "an entity is written with its id, as in %.*s::\"alice\"", TEXT_SHOWN(name));
        return parser_refuse(p, span,
                        "there is no variable '%.*s', only principal, action, resource and context (an attribute is "
                        "written context.%.*s, a string \"%.*s\")",
                        TEXT_SHOWN(name), TEXT_SHOWN(name), TEXT_SHOWN(name));
}

/* A word of the language, a variable, an entity, or the name of a function. */
static _noinline_ Expr *take_name(Parser *p) {
        Span span = p->token.span;
        bool is_true = parser_is_word(p, "true"), is_entity;
        Variable variable;
        Text name;

        if (is_true || parser_is_word(p, "false")) {
                if (!parser_advance(p))
                        return NULL;
                return parser_make_value(p, span.start, (Value){ .kind = VALUE_BOOL, .boolean = is_true });
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
        e = parser_make_names(p, EXPR_GET, start, e, base);
        if (e)
                e->span.end = end;
        return e;
}

static _noinline_ bool take_index(Parser *p) {
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
                return parser_push_name(p, name.text) ? e : NULL;
        e = flush_names(p, start, end, e, base);
        return e ? parser_take_method(p, start, e, name.text, name.span) : NULL;
}

bool parser_begins_access(const Parser *p) {
        return p->token.kind == TOKEN_DOT || p->token.kind == TOKEN_BRACKET_OPEN || p->token.kind == TOKEN_PAREN_OPEN;
}

Expr *parser_take_accesses(Parser *p, uint32_t start, Expr *e) {
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

Expr *parser_take_member(Parser *p) {
        uint32_t start = p->token.span.start;

        return parser_take_accesses(p, start, take_primary(p));
}
