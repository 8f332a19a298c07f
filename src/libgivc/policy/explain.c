/* SPDX-License-Identifier: Apache-2.0 */
/* Which part of a policy decided, for people. */
#include "policy/evaluate.h"

/* The operand that made a chain, or a choice, what it came to; NULL when it took all of them, or has none. */
static int find_operand(Evaluation *e, const Expr *expr, bool value, const Expr **ret) {
        bool is_chain = expr->kind == EXPR_AND || expr->kind == EXPR_OR, b;
        int r;

        *ret = NULL;
        if (expr->kind == EXPR_IF) {
                r = evaluate_bool(e, expr->list.items[0], &b);
                if (r >= 0)
                        *ret = expr->list.items[b ? 1 : 2];
                return r;
        }
        if (!is_chain || value != (expr->kind == EXPR_OR))
                return 0;
        for (size_t i = 0; i < expr->list.n && !*ret; i++) {
                r = evaluate_bool(e, expr->list.items[i], &b);
                if (r < 0)
                        return r;
                if (b == value)
                        *ret = expr->list.items[i];
        }
        return 0;
}

/* Goes down from an expression of that value to the smallest part that made it so. */
static int find_deciding(Evaluation *e, const Expr *expr, bool value, Span *ret) {
        const Expr *operand = expr;
        int r;

        for (; operand; expr = operand) {
                if (expr->kind == EXPR_NOT) {
                        operand = expr->left;
                        value = !value;
                        continue;
                }
                r = find_operand(e, expr, value, &operand);
                if (r < 0)
                        return r;
                if (!operand)
                        break;
        }
        *ret = expr->span;
        return 0;
}

static int explain_conditions(const Policy *policy, Evaluation *e, PolicyOutcome *ret, Span *ret_span) {
        for (size_t i = 0; i < policy->n_conditions; i++) {
                const Condition *condition = &policy->conditions[i];
                bool b;
                int r;

                r = evaluate_bool(e, condition->expr, &b);
                if (r >= 0 && b == condition->is_unless) {
                        *ret = POLICY_CONDITION;
                        return find_deciding(e, condition->expr, b, ret_span);
                }
                if (r < 0)
                        return r;
        }
        *ret = POLICY_HOLDS;
        *ret_span = policy->span;
        return 0;
}

int policy_explain(const Policy *policy, const PolicyRequest *request, Arena *arena, PolicyOutcome *ret, Span *ret_span,
                const char **ret_why) {
        const struct {
                PolicyOutcome outcome;
                const Scope *scope;
                const EntityUid *uid;
        } heads[] = {
                { POLICY_OTHER_PRINCIPAL, &policy->principal, request->principal },
                { POLICY_OTHER_ACTION, &policy->action, request->action },
                { POLICY_OTHER_RESOURCE, &policy->resource, request->resource },
        };
        Evaluation e = { .request = request, .arena = arena };
        int r;

        *ret_why = NULL;
        if (policy->is_template) {
                *ret = POLICY_TEMPLATE;
                *ret_span = policy->span;
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(heads); i++)
                if (!scope_matches(heads[i].scope, heads[i].uid, request->entities)) {
                        *ret = heads[i].outcome;
                        *ret_span = heads[i].scope->span;
                        return 0;
                }
        r = explain_conditions(policy, &e, ret, ret_span);
        if (r != -EINVAL)
                return r;
        *ret = POLICY_FAILS;
        *ret_span = e.span;
        *ret_why = arena_dup(arena, e.why, strlen(e.why) + 1);
        return *ret_why ? 0 : -ENOMEM;
}
