/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/scene.h"

#include "base/str.h"
#include "rpc/rules-context.h"

static void scene_end(Scene *s, const Expr *culprit) {
        if (!s->impossible)
                s->culprit = culprit;
        s->impossible = true;
}

void scene_init(Scene *s, unsigned *effort) {
        ContractMethod method;

        *s = (Scene){ .effort = effort };
        for (size_t i = 0; i < SCENE_METHODS_MAX && contract_get_method(i, &method); i++)
                s->methods[i] = true;
}

Text path_get(const ScenePath *p, size_t i) {
        return i < p->n_first ? p->first[i] : p->second[i - p->n_first];
}

bool path_from_expr(const Expr *expr, ScenePath *ret) {
        ScenePath p = {};

        if (expr->kind == EXPR_VARIABLE) {
                *ret = (ScenePath){ .variable = expr->variable };
                return true;
        }
        if ((expr->kind != EXPR_GET && expr->kind != EXPR_HAS) || !path_from_expr(expr->left, &p) || p.n > p.n_first)
                return false;
        if (p.n == 0) {
                p.first = expr->path.names;
                p.n_first = expr->path.n;
        } else
                p.second = expr->path.names;
        p.n += expr->path.n;
        *ret = p;
        return true;
}

bool scene_has_path(const Scene *s, const ScenePath *p, size_t n) {
        for (size_t i = 0; i < s->n_paths; i++) {
                const ScenePath *known = s->paths + i;
                bool same = known->variable == p->variable && known->n >= n;

                for (size_t k = 0; k < n && same; k++)
                        same = text_equal(path_get(known, k), path_get(p, k));
                if (same)
                        return true;
        }
        return false;
}

void scene_add_path(Scene *s, const ScenePath *p) {
        if (s->n_paths < SCENE_PATHS_MAX)
                s->paths[s->n_paths++] = *p;
}

/* What is true of both. */
static void scene_join(Scene *s, const Scene *other) {
        Scene before;
        size_t n = 0;

        if (other->impossible)
                return;
        if (s->impossible) {
                *s = *other;
                return;
        }
        before = *s;
        for (size_t i = 0; i < SCENE_METHODS_MAX; i++)
                s->methods[i] |= other->methods[i];
        if (!s->principal || !other->principal || !entity_uid_equal(s->principal, other->principal))
                s->principal = NULL;
        for (size_t i = 0; i < before.n_paths; i++)
                if (scene_has_path(other, before.paths + i, before.paths[i].n))
                        s->paths[n++] = before.paths[i];
        s->n_paths = n;
}

Text scene_get_name(const ContractMethod *m, Variable variable) {
        return variable == VARIABLE_ACTION              ? text_of(m->method->name)
                        : variable == VARIABLE_RESOURCE ? rules_package(m->service)
                                                        : rules_service(m->service);
}

/* Keeps the methods of which that is the name, or the module, or the service; or all others. */
static void scene_keep(Scene *s, const Expr *by, bool truth, Variable variable, Text name) {
        bool some = false;
        ContractMethod m;

        for (size_t i = 0; i < SCENE_METHODS_MAX && contract_get_method(i, &m); i++) {
                s->methods[i] &= text_equal(name, scene_get_name(&m, variable)) == truth;
                some |= s->methods[i];
        }
        if (!some)
                scene_end(s, by);
}

static void scene_assume_entity(Scene *s, const Expr *by, bool truth, Variable variable, const EntityUid *uid) {
        if (!text_equal(uid->type, rules_type(variable))) {
                if (truth)
                        scene_end(s, by);
                return;
        }
        if (variable != VARIABLE_PRINCIPAL) {
                scene_keep(s, by, truth, variable, uid->id);
                return;
        }
        if (s->principal && entity_uid_equal(s->principal, uid) != truth)
                scene_end(s, by);
        if (truth)
                s->principal = uid;
}

static bool path_is_service(const Expr *expr) {
        ScenePath p;

        return expr->kind == EXPR_GET && path_from_expr(expr, &p) && p.variable == VARIABLE_CONTEXT && p.n == 1 &&
                        text_equal(path_get(&p, 0), TEXT("service"));
}

/* The one is the value, or is not. */
static void scene_assume_equal(Scene *s, const Expr *by, bool truth, const Expr *what, const Value *value) {
        if (what->kind == EXPR_VARIABLE && what->variable != VARIABLE_CONTEXT && value->kind == VALUE_ENTITY)
                scene_assume_entity(s, by, truth, what->variable, value->entity);
        else if (path_is_service(what) && value->kind == VALUE_STRING)
                scene_keep(s, by, truth, VARIABLE_CONTEXT, value->string);
}

const Value *expr_get_literal(const Expr *expr, size_t i, bool *ret_all) {
        *ret_all = true;
        if (expr->kind == EXPR_LITERAL && expr->value.kind == VALUE_SET)
                return i < expr->value.set->n ? expr->value.set->items + i : NULL;
        if (expr->kind == EXPR_LITERAL)
                return i == 0 ? &expr->value : NULL;
        if (expr->kind != EXPR_SET) {
                *ret_all = false;
                return NULL;
        }
        if (i >= expr->list.n)
                return NULL;
        *ret_all = expr->list.items[i]->kind == EXPR_LITERAL;
        return *ret_all ? &expr->list.items[i]->value : NULL;
}

/* The one is among the others, or is not: nothing here is in anything but itself. */
static void scene_assume_in(Scene *s, const Expr *by, bool truth, const Expr *what, const Expr *list) {
        Scene joined = { .impossible = true, .culprit = by }, one;
        const Value *value;
        bool all;

        for (size_t i = 0; (value = expr_get_literal(list, i, &all)); i++) {
                if (!truth) {
                        scene_assume_equal(s, by, false, what, value);
                        continue;
                }
                one = *s;
                scene_assume_equal(&one, by, true, what, value);
                scene_join(&joined, &one);
        }
        if (truth && all)
                *s = joined;
}

/* Each of the list has that truth; or the first of them that has not, has not. */
static void scene_assume_list(Scene *s, const Expr *by, bool truth, bool each) {
        Scene joined = { .impossible = true, .culprit = by };

        for (size_t i = 0; i < by->list.n; i++) {
                if (!each) {
                        Scene one = *s;

                        scene_assume(&one, by->list.items[i], truth);
                        scene_join(&joined, &one);
                }
                scene_assume(s, by->list.items[i], each == truth);
        }
        if (!each)
                *s = joined;
}

static void scene_assume_if(Scene *s, const Expr *by, bool truth) {
        Scene other = *s;

        scene_assume(s, by->list.items[0], true);
        scene_assume(s, by->list.items[1], truth);
        scene_assume(&other, by->list.items[0], false);
        scene_assume(&other, by->list.items[2], truth);
        scene_join(s, &other);
}

static void scene_assume_compare(Scene *s, const Expr *by, bool truth) {
        const Expr *left = by->left, *right = by->right;

        if (by->compare != COMPARE_EQUAL && by->compare != COMPARE_NOT_EQUAL)
                return;
        truth = truth == (by->compare == COMPARE_EQUAL);
        if (right->kind == EXPR_LITERAL)
                scene_assume_equal(s, by, truth, left, &right->value);
        else if (left->kind == EXPR_LITERAL)
                scene_assume_equal(s, by, truth, right, &left->value);
}

void scene_assume(Scene *s, const Expr *expr, bool truth) {
        ScenePath path;

        if (s->impossible || *s->effort == 0)
                return;
        --*s->effort;
        switch (expr->kind) {
        case EXPR_LITERAL:
                if (expr->value.kind == VALUE_BOOL && expr->value.boolean != truth)
                        scene_end(s, expr);
                break;
        case EXPR_AND:
                scene_assume_list(s, expr, truth, truth);
                break;
        case EXPR_OR:
                scene_assume_list(s, expr, truth, !truth);
                break;
        case EXPR_IF:
                scene_assume_if(s, expr, truth);
                break;
        case EXPR_NOT:
                scene_assume(s, expr->left, !truth);
                break;
        case EXPR_COMPARE:
                scene_assume_compare(s, expr, truth);
                break;
        case EXPR_IN:
                scene_assume_in(s, expr, truth, expr->left, expr->right);
                break;
        case EXPR_METHOD:
                if (expr->method == METHOD_CONTAINS)
                        scene_assume_in(s, expr, truth, expr->right, expr->left);
                break;
        case EXPR_HAS:
                if (truth && path_from_expr(expr, &path))
                        scene_add_path(s, &path);
                break;
        default:
                break;
        }
}

void scene_assume_scope(Scene *s, Variable variable, const Scope *scope) {
        Scene joined = { .impossible = true }, one;

        if (scope->kind == SCOPE_ANY || scope->kind == SCOPE_IS || scope->is_slot)
                return;
        for (size_t i = 0; i < scope->n; i++) {
                one = *s;
                scene_assume_entity(&one, NULL, true, variable, scope->entities + i);
                scene_join(&joined, &one);
        }
        *s = joined;
}
