/* SPDX-License-Identifier: Apache-2.0 */
/* A policy around its expressions: annotations, effect, scope, conditions. */
#include "policy/parser.h"

#include "base/str.h"

/* The items from base on, as entities of the scope. */
static bool set_entities(Parser *p, Scope *scope, size_t base) {
        scope->n = p->n_items - base;
        scope->entities = arena_new(p->arena, EntityUid, scope->n);
        if (!scope->entities)
                return parser_fail(p, -ENOMEM);
        for (size_t i = 0; i < scope->n; i++)
                scope->entities[i] = (EntityUid){ p->items[base + i].name, p->items[base + i].value };
        p->n_items = base;
        return true;
}

static bool open_parentheses(Parser *p, size_t *ret) {
        for (*ret = 0; p->token.kind == TOKEN_PAREN_OPEN; (*ret)++)
                if (!parser_advance(p))
                        return false;
        return true;
}

static bool close_parentheses(Parser *p, size_t n) {
        for (; n > 0; n--)
                if (!parser_expect(p, TOKEN_PAREN_CLOSE, "')' after the entity"))
                        return false;
        return true;
}

static bool take_entity(Parser *p) {
        EntityUid uid;

        return parser_take_entity(p, &uid) && parser_push(p, (Item){ .name = uid.type, .value = uid.id });
}

static bool take_entities(Parser *p) {
        bool more = true;
        size_t n;

        if (!parser_advance(p))
                return false;
        while (more && p->token.kind != TOKEN_BRACKET_CLOSE)
                if (!open_parentheses(p, &n) || !take_entity(p) || !close_parentheses(p, n) ||
                                !parser_accept(p, TOKEN_COMMA, &more))
                        return false;
        return parser_expect(p, TOKEN_BRACKET_CLOSE, "',' or ']' after the entity");
}

static bool take_slot(Parser *p, Scope *scope, const char *variable) {
        Text slot = p->token.text;

        if (streq(variable, "action"))
                return parser_refuse(p, p->token.span, "there is no slot for the action");
        if (!text_equal((Text){ slot.data + 1, slot.size - 1 }, text_of(variable)))
                return parser_refuse(p, p->token.span, "the slot here is '?%s'", variable);
        scope->is_slot = true;
        return parser_advance(p);
}

/* What the variable is compared to: an entity, the slot, or entities; in parentheses if need be. */
static bool take_operand(Parser *p, Scope *scope, const char *variable) {
        size_t base = p->n_items, n;

        if (!open_parentheses(p, &n))
                return false;
        if (p->token.kind == TOKEN_SLOT)
                return take_slot(p, scope, variable) && close_parentheses(p, n);
        if (p->token.kind != TOKEN_BRACKET_OPEN)
                return take_entity(p) && close_parentheses(p, n) && set_entities(p, scope, base);
        if (!streq(variable, "action"))
                return parser_refuse(p, p->token.span, "the %s takes one entity here: write when { %s in [...] }",
                                variable, variable);
        if (scope->kind != SCOPE_IN)
                return parser_refuse(p, p->token.span, "'==' takes one entity: did you mean 'in'?");
        return take_entities(p) && close_parentheses(p, n) && set_entities(p, scope, base);
}

static bool refuse_action_is(Parser *p) {
        return parser_refuse(p, p->token.span, "the scope of the action takes no 'is': write it in a 'when'");
}

/* is type, and perhaps in entity */
static bool take_is(Parser *p, Scope *scope, const char *variable) {
        if (streq(variable, "action"))
                return refuse_action_is(p);
        scope->kind = SCOPE_IS;
        if (!parser_advance(p) || !parser_take_type(p, &scope->type))
                return false;
        if (p->token.kind == TOKEN_EQUAL)
                return parser_refuse(p, p->token.span, "'is' and '==' cannot be used together: did you mean 'in'?");
        if (!parser_is_word(p, "in"))
                return true;
        scope->kind = SCOPE_IS_IN;
        return parser_advance(p) && take_operand(p, scope, variable);
}

static bool take_in(Parser *p, Scope *scope, const char *variable) {
        scope->kind = SCOPE_IN;
        if (!parser_advance(p) || !take_operand(p, scope, variable))
                return false;
        if (!parser_is_word(p, "is"))
                return true;
        if (streq(variable, "action"))
                return refuse_action_is(p);
        return parser_refuse(p, p->token.span, "'is' comes before 'in': %s is Type in Group::\"id\"", variable);
}

/* What the scope does not know, though conditions do. */
static bool begins_condition(const Parser *p) {
        switch (p->token.kind) {
        case TOKEN_NOT_EQUAL:
        case TOKEN_LESS:
        case TOKEN_LESS_EQUAL:
        case TOKEN_GREATER:
        case TOKEN_GREATER_EQUAL:
        case TOKEN_DOT:
        case TOKEN_BRACKET_OPEN:
        case TOKEN_AND:
        case TOKEN_OR:
                return true;
        default:
                return parser_is_word(p, "has") || parser_is_word(p, "like");
        }
}

static bool take_relation(Parser *p, Scope *scope, const char *variable) {
        if (parser_is_word(p, "is"))
                return take_is(p, scope, variable);
        if (parser_is_word(p, "in"))
                return take_in(p, scope, variable);
        if (p->token.kind == TOKEN_EQUAL) {
                scope->kind = SCOPE_EQUAL;
                return parser_advance(p) && take_operand(p, scope, variable);
        }
        if (p->token.kind == TOKEN_ASSIGN)
                return parser_refuse(p, p->token.span, "'=' is not an operator: did you mean '=='?");
        if (p->token.kind == TOKEN_COLON)
                return parser_refuse(p, p->token.span, "types are written with 'is', as in principal is User");
        return true;
}

static bool take_scope(Parser *p, Scope *scope, const char *variable, const char *expected) {
        uint32_t start = p->token.span.start;

        if (!parser_is_word(p, variable))
                return parser_unexpected(p, expected);
        if (!parser_advance(p) || !take_relation(p, scope, variable))
                return false;
        if (begins_condition(p))
                return parser_refuse(p, p->token.span, "the scope knows '==', 'in' and 'is': write more in a 'when'");
        scope->span = (Span){ start, p->end };
        return true;
}

static bool take_scopes(Parser *p, Policy *policy) {
        bool comma;

        return parser_expect(p, TOKEN_PAREN_OPEN, "'(' and the scope of the policy") &&
                        take_scope(p, &policy->principal, "principal", "'principal', which the scope begins with") &&
                        parser_expect(p, TOKEN_COMMA, "',' and the action after the principal") &&
                        take_scope(p, &policy->action, "action", "'action' after the principal") &&
                        parser_expect(p, TOKEN_COMMA, "',' and the resource after the action") &&
                        take_scope(p, &policy->resource, "resource", "'resource' after the action") &&
                        parser_accept(p, TOKEN_COMMA, &comma) &&
                        parser_expect(p, TOKEN_PAREN_CLOSE, "')' after the resource");
}

static bool take_annotation(Parser *p) {
        Item item = { .value = TEXT(""), .span = p->token.span };
        bool has_value;

        if (!parser_advance(p))
                return false;
        if (p->token.kind != TOKEN_IDENT)
                return parser_unexpected(p, "the name of an annotation after '@'");
        item.name = p->token.text;
        if (!parser_advance(p) || !parser_accept(p, TOKEN_PAREN_OPEN, &has_value))
                return false;
        if (has_value) {
                if (p->token.kind != TOKEN_STRING)
                        return parser_unexpected(p, "the value of the annotation as a string");
                if (!parser_take_string(p, &item.value) ||
                                !parser_expect(p, TOKEN_PAREN_CLOSE, "')' after the value of the annotation"))
                        return false;
        }
        return parser_push(p, item);
}

static bool take_annotations(Parser *p, Policy *policy) {
        size_t base = p->n_items;
        Annotation *annotations;

        while (p->token.kind == TOKEN_AT)
                if (!take_annotation(p))
                        return false;
        if (!parser_sort_unique(p, base, "annotation"))
                return false;
        policy->n_annotations = p->n_items - base;
        annotations = arena_new(p->arena, Annotation, policy->n_annotations);
        if (!annotations)
                return parser_fail(p, -ENOMEM);
        for (size_t i = 0; i < policy->n_annotations; i++)
                annotations[i] = (Annotation){ p->items[base + i].name, p->items[base + i].value };
        policy->annotations = annotations;
        p->n_items = base;
        return true;
}

static bool take_effect(Parser *p, Policy *policy) {
        policy->is_forbid = parser_is_word(p, "forbid");
        if (!policy->is_forbid && !parser_is_word(p, "permit"))
                return parser_unexpected(p, "'permit' or 'forbid'");
        return parser_advance(p);
}

static bool take_condition(Parser *p) {
        Item item = { .flag = parser_is_word(p, "unless"), .span.start = p->token.span.start };

        if (!parser_advance(p) || !parser_expect(p, TOKEN_BRACE_OPEN, "'{' and the condition"))
                return false;
        if (p->token.kind == TOKEN_BRACE_CLOSE)
                return parser_refuse(p, p->token.span, "the condition is empty");
        item.expr = parser_take_expr(p);
        if (!item.expr || !parser_expect(p, TOKEN_BRACE_CLOSE, "'}' after the condition"))
                return false;
        item.span.end = p->end;
        return parser_push(p, item);
}

static bool take_conditions(Parser *p, Policy *policy) {
        size_t base = p->n_items;
        Condition *conditions;

        while (parser_is_word(p, "when") || parser_is_word(p, "unless"))
                if (!take_condition(p))
                        return false;
        if (!parser_expect(p, TOKEN_SEMICOLON, "'when', 'unless' or ';' after the policy"))
                return false;
        policy->n_conditions = p->n_items - base;
        conditions = arena_new(p->arena, Condition, policy->n_conditions);
        if (!conditions)
                return parser_fail(p, -ENOMEM);
        for (size_t i = 0; i < policy->n_conditions; i++)
                conditions[i] = (Condition){ p->items[base + i].flag, p->items[base + i].span,
                        p->items[base + i].expr };
        policy->conditions = conditions;
        p->n_items = base;
        return true;
}

Policy *parser_take_policy(Parser *p) {
        Policy *policy = arena_new(p->arena, Policy, 1);
        uint32_t start = p->token.span.start;

        if (!policy)
                return parser_fail(p, -ENOMEM);
        policy->source = p->source;
        if (!take_annotations(p, policy) || !take_effect(p, policy) || !take_scopes(p, policy) ||
                        !take_conditions(p, policy))
                return NULL;
        policy->is_template = policy->principal.is_slot || policy->resource.is_slot;
        policy->span = (Span){ start, p->end };
        return policy;
}
