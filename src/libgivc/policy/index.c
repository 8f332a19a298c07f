/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/index.h"

#include "base/mem.h"

/* Entities one of which a request has to have, or to be in: or else the policy is false, without failing. */
typedef struct Guard {
        bool is_any; /* of all that there are */
        size_t n;
        const EntityUid **uids;
} Guard;

static const Guard any = { .is_any = true };

/* Whether an expression yields a Bool whatever the request is. */
static bool is_total(const Expr *expr) {
        const Expr *right = expr->right;

        switch (expr->kind) {
        case EXPR_LITERAL:
                return expr->value.kind == VALUE_BOOL;
        case EXPR_AND:
        case EXPR_OR:
        case EXPR_IF:
                for (size_t i = 0; i < expr->list.n; i++)
                        if (!is_total(expr->list.items[i]))
                                return false;
                return true;
        case EXPR_NOT:
                return is_total(expr->left);
        case EXPR_COMPARE:
                return (expr->compare == COMPARE_EQUAL || expr->compare == COMPARE_NOT_EQUAL) &&
                                (expr->left->kind == EXPR_VARIABLE || expr->left->kind == EXPR_LITERAL) &&
                                (right->kind == EXPR_VARIABLE || right->kind == EXPR_LITERAL);
        case EXPR_HAS:
                return expr->left->kind == EXPR_VARIABLE && expr->path.n == 1;
        case EXPR_IN:
        case EXPR_IS:
                if (expr->left->kind != EXPR_VARIABLE || expr->left->variable == VARIABLE_CONTEXT)
                        return false;
                return !right || (right->kind == EXPR_LITERAL && right->value.kind == VALUE_ENTITY);
        default:
                return false;
        }
}

/* What guards are made of while a policy is added. */
static int guard_of(Arena *arena, const Expr *expr, Variable variable, Guard *ret);

static int guard_of_entity(Arena *arena, const EntityUid *uid, Guard *ret) {
        *ret = (Guard){ .n = 1, .uids = arena_dup(arena, &uid, sizeof(uid)) };
        return ret->uids ? 0 : -ENOMEM;
}

static bool is_variable(const Expr *expr, Variable variable) {
        return expr->kind == EXPR_VARIABLE && expr->variable == variable;
}

static bool is_entity(const Expr *expr) {
        return expr->kind == EXPR_LITERAL && expr->value.kind == VALUE_ENTITY;
}

/* variable == entity, entity == variable. */
static int guard_of_compare(Arena *arena, const Expr *expr, Variable variable, Guard *ret) {
        if (expr->compare != COMPARE_EQUAL)
                return 0;
        if (is_variable(expr->left, variable) && is_entity(expr->right))
                return guard_of_entity(arena, expr->right->value.entity, ret);
        if (is_variable(expr->right, variable) && is_entity(expr->left))
                return guard_of_entity(arena, expr->left->value.entity, ret);
        return 0;
}

/* variable in entity, variable in [entity, ...]. */
static int guard_of_in(Arena *arena, const Expr *expr, Variable variable, Guard *ret) {
        const Expr *right = expr->right;
        Guard guard = {};

        if (!right || !is_variable(expr->left, variable))
                return 0;
        if (is_entity(right))
                return guard_of_entity(arena, right->value.entity, ret);
        if (right->kind != EXPR_SET)
                return 0;
        guard.uids = arena_new(arena, const EntityUid *, right->list.n);
        if (!guard.uids)
                return -ENOMEM;
        for (; guard.n < right->list.n; guard.n++) {
                if (!is_entity(right->list.items[guard.n]))
                        return 0;
                guard.uids[guard.n] = right->list.items[guard.n]->value.entity;
        }
        *ret = guard;
        return 0;
}

/* The narrowest of the operands that are reached without a failure. */
static int guard_of_and(Arena *arena, const Expr *expr, Variable variable, Guard *ret) {
        for (size_t i = 0; i < expr->list.n; i++) {
                Guard guard;
                int r;

                r = guard_of(arena, expr->list.items[i], variable, &guard);
                if (r < 0)
                        return r;
                if (!guard.is_any && (ret->is_any || guard.n < ret->n))
                        *ret = guard;
                if (!is_total(expr->list.items[i]))
                        return 0;
        }
        return 0;
}

/* All that any operand asks for: those that are false for an entity do not fail. */
static int guard_of_or(Arena *arena, const Expr *expr, Variable variable, Guard *ret) {
        Guard *guards = arena_new(arena, Guard, expr->list.n), sum = {};

        if (!guards)
                return -ENOMEM;
        for (size_t i = 0; i < expr->list.n; i++) {
                int r;

                r = guard_of(arena, expr->list.items[i], variable, &guards[i]);
                if (r < 0 || guards[i].is_any)
                        return r;
                sum.n += guards[i].n;
        }
        sum.uids = arena_new(arena, const EntityUid *, sum.n);
        if (!sum.uids)
                return -ENOMEM;
        sum.n = 0;
        for (size_t i = 0; i < expr->list.n; i++)
                for (size_t j = 0; j < guards[i].n; j++)
                        sum.uids[sum.n++] = guards[i].uids[j];
        *ret = sum;
        return 0;
}

static int guard_of(Arena *arena, const Expr *expr, Variable variable, Guard *ret) {
        *ret = any;
        switch (expr->kind) {
        case EXPR_LITERAL: /* false is for nobody */
                ret->is_any = expr->value.kind != VALUE_BOOL || expr->value.boolean;
                return 0;
        case EXPR_COMPARE:
                return guard_of_compare(arena, expr, variable, ret);
        case EXPR_IN:
        case EXPR_IS:
                return guard_of_in(arena, expr, variable, ret);
        case EXPR_AND:
                return guard_of_and(arena, expr, variable, ret);
        case EXPR_OR:
                return guard_of_or(arena, expr, variable, ret);
        default:
                return 0;
        }
}

static int guard_of_scope(Arena *arena, const Scope *scope, Guard *ret) {
        *ret = any;
        if (scope->kind == SCOPE_ANY || scope->kind == SCOPE_IS)
                return 0;
        *ret = (Guard){ .n = scope->n, .uids = arena_new(arena, const EntityUid *, scope->n) };
        if (!ret->uids)
                return -ENOMEM;
        for (size_t i = 0; i < scope->n; i++)
                ret->uids[i] = &scope->entities[i];
        return 0;
}

/* The head and the conditions are one conjunction, of which the head cannot fail. */
static int guard_of_policy(Arena *arena, const Policy *policy, const Scope *scope, Variable variable, Guard *ret) {
        int r;

        r = guard_of_scope(arena, scope, ret);
        for (size_t i = 0; i < policy->n_conditions && r >= 0; i++) {
                const Condition *condition = &policy->conditions[i];
                Guard guard = any;

                if (!condition->is_unless)
                        r = guard_of(arena, condition->expr, variable, &guard);
                if (r >= 0 && !guard.is_any && (ret->is_any || guard.n < ret->n))
                        *ret = guard;
                if (!is_total(condition->expr))
                        break;
        }
        return r;
}

/* The places of the policies that ask for an entity, ascending. */
struct Posting {
        size_t n, n_allocated;
        uint32_t *places;
};

static int post(struct PolicyIndexOf *of, const EntityUid *uid, size_t place) {
        size_t n_before = of->uids.n;
        uint32_t number;
        Posting *p;
        int r;

        r = mem_grow((void **) &of->postings, &of->n_allocated, n_before + 1, sizeof(Posting));
        if (r >= 0)
                r = uid_map_add(&of->uids, uid, &number);
        if (r < 0)
                return r;
        p = &of->postings[number];
        if (number == n_before)
                *p = (Posting){};
        if (p->n > 0 && p->places[p->n - 1] == place)
                return 0;
        r = mem_grow((void **) &p->places, &p->n_allocated, p->n + 1, sizeof(uint32_t));
        if (r >= 0)
                p->places[p->n++] = (uint32_t) place;
        return r;
}

void policy_index_done(PolicyIndex *index) {
        for (size_t i = 0; i < ELEMENTSOF(index->of); i++) {
                for (size_t j = 0; j < index->of[i].uids.n; j++)
                        free(index->of[i].postings[j].places);
                free(index->of[i].postings);
                uid_map_done(&index->of[i].uids);
        }
        *index = (PolicyIndex){};
}

int policy_index_add(PolicyIndex *index, const Policy *policy, size_t place) {
        const Scope *const scopes[] = { &policy->principal, &policy->action, &policy->resource };
        _cleanup_arena_ Arena arena;

        arena_init(&arena, NULL, 0, SIZE_MAX);
        for (size_t i = 0; i < ELEMENTSOF(index->of); i++) {
                Guard guard;
                int r;

                r = guard_of_policy(&arena, policy, scopes[i], (Variable) i, &guard);
                for (size_t j = 0; j < guard.n && r >= 0; j++)
                        r = post(&index->of[i], guard.uids[j], place);
                if (r < 0)
                        return r;
                if (guard.is_any)
                        policy_bits_set(&index->of[i].any, place);
        }
        return 0;
}

static void find_posted(const struct PolicyIndexOf *of, const EntityUid *uid, size_t n, PolicyBits *bits) {
        uint32_t number = uid_map_find(&of->uids, uid);
        const Posting *p = number != UID_NONE ? &of->postings[number] : NULL;

        for (size_t i = 0; p && i < p->n; i++)
                if (p->places[i] < n)
                        policy_bits_set(bits, p->places[i]);
}

void policy_index_find(const PolicyIndex *index, const PolicyRequest *request, size_t n, PolicyBits *ret) {
        const EntityUid *const uids[] = { request->principal, request->action, request->resource };
        size_t n_words = (n + 63) / 64;

        memset(ret, 0xff, n_words * sizeof(uint64_t));
        for (size_t i = 0; i < ELEMENTSOF(uids); i++) {
                const EntityUid *ancestor;
                PolicyBits bits;

                memcpy(&bits, &index->of[i].any, n_words * sizeof(uint64_t));
                find_posted(&index->of[i], uids[i], n, &bits);
                for (size_t j = 0; (ancestor = entities_get_ancestor(request->entities, uids[i], j)); j++)
                        find_posted(&index->of[i], ancestor, n, &bits);
                for (size_t j = 0; j < n_words; j++)
                        ret->words[j] &= bits.words[j];
        }
}
