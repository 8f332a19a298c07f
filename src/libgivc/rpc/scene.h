/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a call at one place of a rule: which methods it may be of, who may call, and what the context has
 * for certain. It starts with everything and is narrowed by what the rule has asked before that place. */
#pragma once

#include "policy/policy.h"
#include "rpc/contract.h"

#define SCENE_METHODS_MAX 256
#define SCENE_PATHS_MAX   32

/* context.target.vm: names of two expressions, one behind the other. */
typedef struct ScenePath {
        Variable variable;
        size_t n, n_first;
        const Text *first, *second;
} ScenePath;

typedef struct Scene {
        unsigned *effort; /* left for expressions, one for each way that leads there; then nothing more is assumed */
        bool methods[SCENE_METHODS_MAX]; /* by their number */
        const EntityUid *principal;      /* NULL: any */
        bool impossible;
        const Expr *culprit; /* what made it so */
        size_t n_paths;
        ScenePath paths[SCENE_PATHS_MAX];
} Scene;

/* effort is borrowed. */
void scene_init(Scene *s, unsigned *effort);
/* The head of a rule says this of one of the three. */
void scene_assume_scope(Scene *s, Variable variable, const Scope *scope);
/* The expression is true, or false. */
void scene_assume(Scene *s, const Expr *expr, bool truth);

/* What the language calls a method by: its name is an action, its module a resource, its service in the context. */
Text scene_get_name(const ContractMethod *m, Variable variable);

/* The path that the expression is, or the one that it asks for with 'has'; false when it is none. */
bool path_from_expr(const Expr *expr, ScenePath *ret);
Text path_get(const ScenePath *p, size_t i);
/* Whether the first n names of the path are there for certain. */
bool scene_has_path(const Scene *s, const ScenePath *p, size_t n);
void scene_add_path(Scene *s, const ScenePath *p);

/* The i-th of the literals that the expression lists, or is; NULL behind the last, and for what is no literal, of which
 * *ret_all tells. */
const Value *expr_get_literal(const Expr *expr, size_t i, bool *ret_all);
