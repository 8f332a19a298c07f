/* SPDX-License-Identifier: Apache-2.0 */
/* What an expression of a policy comes to for a request. Recursion is as deep as expressions nest, and needs less than
 * 32 KiB of stack for the deepest there is. */
#pragma once

#include "policy/policy.h"

/* One evaluation; the first two are the caller's. */
typedef struct Evaluation {
        const PolicyRequest *request;
        Arena *arena;
        Span span;     /* of what failed */
        char why[256]; /* a sentence without a full stop, printable */
} Evaluation;

/* 0 and the value; -EINVAL when the evaluation fails, as the language has it: span and why tell; -ENOMEM. */
int evaluate(Evaluation *e, const Expr *expr, Value *ret) _warn_unused_;
/* The same of what has to be a Bool. */
int evaluate_bool(Evaluation *e, const Expr *expr, bool *ret) _warn_unused_;
/* The same of what has to be of some kind. */
int evaluate_kind(Evaluation *e, const Expr *expr, ValueKind kind, Value *ret) _warn_unused_;
/* Writes a Bool; 0. */
int evaluation_answer(Value *ret, bool b);
/* Says why the evaluation fails there; -EINVAL. */
int evaluation_fail(Evaluation *e, const Expr *expr, const char *fmt, ...) _printf_(3, 4);
int evaluation_fail_kind(Evaluation *e, const Expr *expr, const char *expected, const Value *found);

/* For evaluate() alone. */
int evaluate_in(Evaluation *e, const Expr *expr, Value *ret);
int evaluate_is(Evaluation *e, const Expr *expr, Value *ret);
int evaluate_has(Evaluation *e, const Expr *expr, Value *ret);
int evaluate_get(Evaluation *e, const Expr *expr, Value *ret);
int evaluate_method(Evaluation *e, const Expr *expr, Value *ret);
int evaluate_set_method(Evaluation *e, const Expr *expr, Value *ret);
int evaluate_like(Evaluation *e, const Expr *expr, Value *ret);

/* Whether an entity is what a policy's head asks for, which cannot fail. */
bool scope_matches(const Scope *scope, const EntityUid *uid, const Entities *entities);
/* Whether a policy, which is no template, holds. */
int evaluate_policy(Evaluation *e, const Policy *policy, bool *ret) _warn_unused_;
