/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the lint share: the rule that is looked at, and what is known at the place where one is. */
#pragma once

#include "rpc/lint.h"
#include "rpc/scene.h"

/* What was meant, at the end of a sentence. */
#define MEANT "%s%.*s%s"
#define MEANT_ARGS(near)                                                                                               \
        (near).word ? ": did you mean '" : "", (int) (near).word_size, (near).word, (near).word ? "'?" : ""

typedef struct Lint {
        const Policy *policy;
        lint_found_t func;
        void *userdata;
        size_t n_found;
        Text unknown; /* the last field that was told to be missing */
        Scene scene;  /* here and now */
} Lint;

void lint_say(Lint *l, Span span, const char *fmt, ...) _printf_(3, 4);

/* A name that the contract should have: a type of entities, a method or a module, alone (VARIABLE_ACTION,
 * VARIABLE_RESOURCE) or as an entity, a service (VARIABLE_CONTEXT). */
void lint_type(Lint *l, Span span, Text type);
void lint_name(Lint *l, Span span, Variable variable, Text name);
void lint_id(Lint *l, Span span, const EntityUid *uid);
void lint_entity(Lint *l, Span span, const EntityUid *uid);

/* An attribute that is asked for, with 'has' or without. */
void lint_path(Lint *l, const Expr *expr);

/* An expression with all under it; and that it is of one of the kinds, bits as of FieldFacts. */
void lint_expr(Lint *l, const Expr *expr);
void lint_kinds(Lint *l, const Expr *expr, unsigned kinds);
