/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evaluate.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"

int evaluation_fail(Evaluation *e, const Expr *expr, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(e->why, sizeof(e->why), fmt, ap);
        va_end(ap);
        str_make_printable(e->why, '?');
        e->span = expr->span;
        return -EINVAL;
}

int evaluation_fail_kind(Evaluation *e, const Expr *expr, const char *expected, const Value *found) {
        return evaluation_fail(e, expr, "expected %s, found %s", expected, value_kind_to_string(found->kind));
}

static int overflow(Evaluation *e, const Expr *expr) {
        return evaluation_fail(e, expr, "the result is more than a Long holds");
}

int evaluate_kind(Evaluation *e, const Expr *expr, ValueKind kind, Value *ret) {
        int r;

        r = evaluate(e, expr, ret);
        if (r >= 0 && ret->kind != kind)
                r = evaluation_fail_kind(e, expr, value_kind_to_string(kind), ret);
        return r;
}

int evaluate_bool(Evaluation *e, const Expr *expr, bool *ret) {
        Value v;
        int r;

        r = evaluate_kind(e, expr, VALUE_BOOL, &v);
        if (r >= 0)
                *ret = v.boolean;
        return r;
}

int evaluation_answer(Value *ret, bool b) {
        *ret = (Value){ .kind = VALUE_BOOL, .boolean = b };
        return 0;
}

static int evaluate_literal(_unused_ Evaluation *e, const Expr *expr, Value *ret) {
        *ret = expr->value;
        return 0;
}

static int evaluate_variable(Evaluation *e, const Expr *expr, Value *ret) {
        static const ValueRecord empty = {};
        const PolicyRequest *q = e->request;

        if (expr->variable == VARIABLE_CONTEXT) {
                *ret = (Value){ .kind = VALUE_RECORD, .record = q->context ? q->context : &empty };
                return 0;
        }
        *ret = (Value){ .kind = VALUE_ENTITY,
                .entity = expr->variable == VARIABLE_PRINCIPAL      ? q->principal
                                : expr->variable == VARIABLE_ACTION ? q->action
                                                                    : q->resource };
        return 0;
}

/* Operands behind the one that decides are not looked at. */
static int evaluate_chain(Evaluation *e, const Expr *expr, Value *ret) {
        bool deciding = expr->kind == EXPR_OR, b = !deciding;
        int r;

        for (size_t i = 0; i < expr->list.n && b != deciding; i++) {
                r = evaluate_bool(e, expr->list.items[i], &b);
                if (r < 0)
                        return r;
        }
        return evaluation_answer(ret, b);
}

static int evaluate_if(Evaluation *e, const Expr *expr, Value *ret) {
        bool b;
        int r;

        r = evaluate_bool(e, expr->list.items[0], &b);
        return r < 0 ? r : evaluate(e, expr->list.items[b ? 1 : 2], ret);
}

static int evaluate_not(Evaluation *e, const Expr *expr, Value *ret) {
        bool b;
        int r;

        r = evaluate_bool(e, expr->left, &b);
        return r < 0 ? r : evaluation_answer(ret, !b);
}

static int evaluate_negate(Evaluation *e, const Expr *expr, Value *ret) {
        int r;

        r = evaluate_kind(e, expr->left, VALUE_LONG, ret);
        if (r < 0)
                return r;
        return __builtin_sub_overflow(0, ret->number, &ret->number) ? overflow(e, expr) : 0;
}

static bool is_ordered(ValueKind kind) {
        return kind == VALUE_LONG || kind == VALUE_DATETIME || kind == VALUE_DURATION;
}

static int evaluate_compare(Evaluation *e, const Expr *expr, Value *ret) {
        Value a, b;
        int r;

        r = evaluate(e, expr->left, &a);
        if (r >= 0)
                r = evaluate(e, expr->right, &b);
        if (r < 0)
                return r;
        if (expr->compare == COMPARE_EQUAL || expr->compare == COMPARE_NOT_EQUAL)
                return evaluation_answer(ret, value_equal(&a, &b) == (expr->compare == COMPARE_EQUAL));
        if (!is_ordered(a.kind))
                return evaluation_fail_kind(e, expr->left, "Long, datetime or duration", &a);
        if (a.kind != b.kind)
                return evaluation_fail_kind(e, expr->right, value_kind_to_string(a.kind), &b);
        return evaluation_answer(ret,
                        expr->compare == COMPARE_LESS                         ? a.number < b.number
                                        : expr->compare == COMPARE_LESS_EQUAL ? a.number <= b.number
                                        : expr->compare == COMPARE_GREATER    ? a.number > b.number
                                                                              : a.number >= b.number);
}

static int evaluate_arithmetic(Evaluation *e, const Expr *expr, Value *ret) {
        Value v;
        int r;

        r = evaluate_kind(e, expr->list.items[0], VALUE_LONG, ret);
        for (size_t i = 1; r >= 0 && i < expr->list.n; i++) {
                bool over;

                r = evaluate_kind(e, expr->list.items[i], VALUE_LONG, &v);
                if (r < 0)
                        return r;
                over = expr->kind == EXPR_PRODUCT     ? __builtin_mul_overflow(ret->number, v.number, &ret->number)
                                : expr->list.minus[i] ? __builtin_sub_overflow(ret->number, v.number, &ret->number)
                                                      : __builtin_add_overflow(ret->number, v.number, &ret->number);
                if (over)
                        r = overflow(e, expr);
        }
        return r;
}

static int evaluate_set(Evaluation *e, const Expr *expr, Value *ret) {
        size_t n = expr->list.n;
        Value *items = arena_new(e->arena, Value, n);
        int r;

        if (!items)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                r = evaluate(e, expr->list.items[i], &items[i]);
                if (r < 0)
                        return r;
        }
        *ret = (Value){ .kind = VALUE_SET, .set = value_set_new(e->arena, items, n) };
        return ret->set ? 0 : -ENOMEM;
}

static int evaluate_record(Evaluation *e, const Expr *expr, Value *ret) {
        size_t n = expr->list.n;
        ValueMember *members = arena_new(e->arena, ValueMember, n);
        int r;

        if (!members)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                members[i].name = expr->list.names[i];
                r = evaluate(e, expr->list.items[i], &members[i].value);
                if (r < 0)
                        return r;
        }
        ret->kind = VALUE_RECORD;
        return value_record_new(e->arena, members, n, &ret->record, NULL);
}

static int evaluate_extension(Evaluation *e, const Expr *expr, Value *ret) {
        const Extension *extension = expr->list.extension;
        Value arguments[EXTENSION_ARGUMENTS_MAX];
        const char *why = "";
        int r;

        if (expr->list.n != extension->n_arguments)
                return evaluation_fail(e, expr, "%s takes %u argument%s", extension->name,
                                extension->n_arguments - extension->is_method,
                                extension->n_arguments - extension->is_method == 1 ? "" : "s");
        for (size_t i = 0; i < extension->n_arguments; i++) {
                r = evaluate_kind(e, expr->list.items[i], extension->arguments[i], &arguments[i]);
                if (r < 0)
                        return r;
        }
        r = extension->apply(e->arena, arguments, ret, &why);
        return r == -EINVAL || r == -ERANGE ? evaluation_fail(e, expr, "%s", why) : r;
}

static int (*const evaluators[])(Evaluation *e, const Expr *expr, Value *ret) = {
        [EXPR_LITERAL] = evaluate_literal,
        [EXPR_VARIABLE] = evaluate_variable,
        [EXPR_AND] = evaluate_chain,
        [EXPR_OR] = evaluate_chain,
        [EXPR_IF] = evaluate_if,
        [EXPR_NOT] = evaluate_not,
        [EXPR_NEGATE] = evaluate_negate,
        [EXPR_COMPARE] = evaluate_compare,
        [EXPR_SUM] = evaluate_arithmetic,
        [EXPR_PRODUCT] = evaluate_arithmetic,
        [EXPR_IN] = evaluate_in,
        [EXPR_IS] = evaluate_is,
        [EXPR_LIKE] = evaluate_like,
        [EXPR_HAS] = evaluate_has,
        [EXPR_GET] = evaluate_get,
        [EXPR_SET] = evaluate_set,
        [EXPR_RECORD] = evaluate_record,
        [EXPR_METHOD] = evaluate_method,
        [EXPR_EXTENSION] = evaluate_extension,
};

int evaluate(Evaluation *e, const Expr *expr, Value *ret) {
        return evaluators[expr->kind](e, expr, ret);
}

bool scope_matches(const Scope *scope, const EntityUid *uid, const Entities *entities) {
        if (scope->kind == SCOPE_ANY)
                return true;
        if ((scope->kind == SCOPE_IS || scope->kind == SCOPE_IS_IN) && !text_equal(uid->type, scope->type))
                return false;
        if (scope->kind == SCOPE_IS)
                return true;
        if (scope->kind == SCOPE_EQUAL)
                return entity_uid_equal(uid, &scope->entities[0]);
        for (size_t i = 0; i < scope->n; i++)
                if (entities_is_in(entities, uid, &scope->entities[i]))
                        return true;
        return false;
}

int evaluate_policy(Evaluation *e, const Policy *policy, bool *ret) {
        const PolicyRequest *q = e->request;
        bool holds = scope_matches(&policy->principal, q->principal, q->entities) &&
                        scope_matches(&policy->action, q->action, q->entities) &&
                        scope_matches(&policy->resource, q->resource, q->entities);
        int r;

        for (size_t i = 0; i < policy->n_conditions && holds; i++) {
                r = evaluate_bool(e, policy->conditions[i].expr, &holds);
                if (r < 0)
                        return r;
                holds ^= policy->conditions[i].is_unless;
        }
        *ret = holds;
        return 0;
}
