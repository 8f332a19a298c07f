/* SPDX-License-Identifier: Apache-2.0 */
/* What entities are in, what they and records have, and the tags of entities. */
#include "policy/evaluate.h"

/* All of a set is looked at, for an item that is no entity fails whatever the others are. */
static int is_in_set(Evaluation *e, const Expr *expr, const EntityUid *uid, const ValueSet *set, Value *ret) {
        bool found = false;

        for (size_t i = 0; i < set->n; i++)
                if (set->items[i].kind != VALUE_ENTITY)
                        return evaluation_fail_kind(e, expr, "a Set of entities", &set->items[i]);
        for (size_t i = 0; i < set->n && !found; i++)
                found = entities_is_in(e->request->entities, uid, set->items[i].entity);
        return evaluation_answer(ret, found);
}

static int is_in(Evaluation *e, const EntityUid *uid, const Expr *expr, Value *ret) {
        Value right;
        int r;

        r = evaluate(e, expr, &right);
        if (r < 0)
                return r;
        if (right.kind == VALUE_SET)
                return is_in_set(e, expr, uid, right.set, ret);
        if (right.kind != VALUE_ENTITY)
                return evaluation_fail_kind(e, expr, "an entity or a Set of entities", &right);
        return evaluation_answer(ret, entities_is_in(e->request->entities, uid, right.entity));
}

int evaluate_in(Evaluation *e, const Expr *expr, Value *ret) {
        Value left;
        int r;

        r = evaluate_kind(e, expr->left, VALUE_ENTITY, &left);
        return r < 0 ? r : is_in(e, left.entity, expr->right, ret);
}

/* a is T in b asks for b only where a is a T. */
int evaluate_is(Evaluation *e, const Expr *expr, Value *ret) {
        Value left;
        int r;

        r = evaluate_kind(e, expr->left, VALUE_ENTITY, &left);
        if (r < 0)
                return r;
        if (!text_equal(left.entity->type, expr->type) || !expr->right)
                return evaluation_answer(ret, text_equal(left.entity->type, expr->type));
        return is_in(e, left.entity, expr->right, ret);
}

/* The attribute of a value that has attributes; 0 and NULL when it lacks that one. */
static int find_attribute(Evaluation *e, const Expr *expr, const Value *v, Text name, const Value **ret) {
        const Entity *entity;

        if (v->kind == VALUE_RECORD) {
                *ret = value_record_get(v->record, name);
                return 0;
        }
        if (v->kind != VALUE_ENTITY)
                return evaluation_fail_kind(e, expr, "an entity or a Record", v);
        entity = entities_get(e->request->entities, v->entity);
        *ret = entity ? value_record_get(entity->attributes, name) : NULL;
        return 0;
}

int evaluate_has(Evaluation *e, const Expr *expr, Value *ret) {
        const Value *v;
        Value left;
        int r;

        r = evaluate(e, expr->left, &left);
        v = &left;
        for (size_t i = 0; i < expr->path.n && r >= 0 && v; i++)
                r = find_attribute(e, expr->left, v, expr->path.names[i], &v);
        return r < 0 ? r : evaluation_answer(ret, v);
}

static int fail_entity(Evaluation *e, const Expr *expr, const EntityUid *uid, const char *what, Text name) {
        if (!entities_get(e->request->entities, uid))
                return evaluation_fail(e, expr, "nothing is known of the entity %.*s::\"%.*s\"", TEXT_SHOWN(uid->type),
                                TEXT_SHOWN(uid->id));
        return evaluation_fail(e, expr, "the entity %.*s::\"%.*s\" has no %s \"%.*s\"", TEXT_SHOWN(uid->type),
                        TEXT_SHOWN(uid->id), what, TEXT_SHOWN(name));
}

int evaluate_get(Evaluation *e, const Expr *expr, Value *ret) {
        Value left;
        int r;

        r = evaluate(e, expr->left, &left);
        if (r < 0)
                return r;
        for (size_t i = 0; i < expr->path.n; i++) {
                Text name = expr->path.names[i];
                const Value *found = NULL;

                r = find_attribute(e, expr, &left, name, &found);
                if (r < 0)
                        return r;
                if (!found && left.kind == VALUE_ENTITY)
                        return fail_entity(e, expr, left.entity, "attribute", name);
                if (!found)
                        return evaluation_fail(e, expr, "the %s has no attribute \"%.*s\"",
                                        i == 0 && expr->left->kind == EXPR_VARIABLE ? "context" : "record",
                                        TEXT_SHOWN(name));
                left = *found;
        }
        *ret = left;
        return 0;
}

int evaluate_method(Evaluation *e, const Expr *expr, Value *ret) {
        const Entity *entity;
        const Value *tag;
        Value left, right;
        int r;

        if (expr->method != METHOD_HAS_TAG && expr->method != METHOD_GET_TAG)
                return evaluate_set_method(e, expr, ret);
        r = evaluate_kind(e, expr->left, VALUE_ENTITY, &left);
        if (r >= 0)
                r = evaluate_kind(e, expr->right, VALUE_STRING, &right);
        if (r < 0)
                return r;
        entity = entities_get(e->request->entities, left.entity);
        tag = entity ? value_record_get(entity->tags, right.string) : NULL;
        if (expr->method == METHOD_HAS_TAG)
                return evaluation_answer(ret, tag);
        if (!tag)
                return fail_entity(e, expr, left.entity, "tag", right.string);
        *ret = *tag;
        return 0;
}
