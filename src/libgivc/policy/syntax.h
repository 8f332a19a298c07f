/* SPDX-License-Identifier: Apache-2.0 */
/* A policy as it was written, as a tree. Everything is in the arena of the set that it belongs to. */
#pragma once

#include "policy/extension.h"
#include "policy/value.h"

/* How deep expressions nest. Chains of one operator (a && b && c, 1 + 2 - 3, x.y.z) are one level, and as long as they
 * like. */
#define EXPR_DEPTH_MAX 100

/* Bytes from the start of the file; lines and columns are counted when somebody asks. */
typedef struct Span {
        uint32_t start, end;
} Span;

typedef struct Expr Expr;

typedef enum ExprKind {
        EXPR_LITERAL,   /* value */
        EXPR_VARIABLE,  /* variable */
        EXPR_AND,       /* list */
        EXPR_OR,        /* list */
        EXPR_IF,        /* list of three */
        EXPR_NOT,       /* left */
        EXPR_NEGATE,    /* left */
        EXPR_COMPARE,   /* left, right, compare */
        EXPR_SUM,       /* list and signs: items[0] + or - items[1] + or - ... */
        EXPR_PRODUCT,   /* list */
        EXPR_IN,        /* left, right */
        EXPR_IS,        /* left is type, with right: in right */
        EXPR_LIKE,      /* left, pattern */
        EXPR_HAS,       /* left has name.name.name: names */
        EXPR_GET,       /* left.name.name.name: names */
        EXPR_SET,       /* list */
        EXPR_RECORD,    /* list and names, each name once, in the order of text_compare() */
        EXPR_METHOD,    /* left.method(right); right is NULL for isEmpty */
        EXPR_EXTENSION, /* extension over list, a method's own value first. As many as were written, be it too many. */
} ExprKind;

typedef enum Variable {
        VARIABLE_PRINCIPAL,
        VARIABLE_ACTION,
        VARIABLE_RESOURCE,
        VARIABLE_CONTEXT,
} Variable;

/* As policies write it. */
const char *variable_to_string(Variable variable);

typedef enum Compare {
        COMPARE_EQUAL,
        COMPARE_NOT_EQUAL,
        COMPARE_LESS,
        COMPARE_LESS_EQUAL,
        COMPARE_GREATER,
        COMPARE_GREATER_EQUAL,
} Compare;

typedef enum Method {
        METHOD_CONTAINS,
        METHOD_CONTAINS_ALL,
        METHOD_CONTAINS_ANY,
        METHOD_IS_EMPTY,
        METHOD_HAS_TAG,
        METHOD_GET_TAG,
} Method;

/* A pattern is texts with a wildcard between each two: "a*b" is "a", "b"; "*" is "", "". */
typedef struct Pattern {
        size_t n;
        const Text *parts;
} Pattern;

struct Expr {
        ExprKind kind;
        uint32_t depth; /* of the tree under it; 1 for a leaf */
        Span span;
        Expr *left, *right;
        union {
                struct {
                        size_t n;
                        Expr **items;
                        union {
                                const bool *minus;          /* EXPR_SUM: n, the first is false */
                                const Text *names;          /* EXPR_RECORD: n */
                                const Extension *extension; /* EXPR_EXTENSION */
                        };
                } list;
                struct {
                        size_t n;
                        const Text *names;
                } path; /* EXPR_HAS, EXPR_GET */
                Value value;
                Variable variable;
                Compare compare;
                Method method;
                Text type;
                Pattern pattern;
        };
};

/* What a policy's head says of one of the three. */
typedef enum ScopeKind {
        SCOPE_ANY,
        SCOPE_EQUAL, /* == entity */
        SCOPE_IN,    /* in entity; for actions in entities */
        SCOPE_IS,    /* is type */
        SCOPE_IS_IN, /* is type in entity */
} ScopeKind;

typedef struct Scope {
        ScopeKind kind;
        Span span;
        bool is_slot; /* the entity is the slot of that name, and is filled in when the template is linked */
        Text type;    /* SCOPE_IS, SCOPE_IS_IN */
        size_t n;     /* entities: one, but for action in [...]; none while the slot is open */
        EntityUid *entities;
} Scope;

typedef struct Condition {
        bool is_unless;
        Span span;
        Expr *expr;
} Condition;

typedef struct Annotation {
        Text name, value;
} Annotation;

/* The text of a file and its name, which policies point to for what they say to people. */
typedef struct PolicySource {
        const char *name;
        Text text;
} PolicySource;

typedef struct Policy {
        const char *id; /* policyN by the order in the set; of a linked template its own */
        bool is_forbid, is_template;
        const PolicySource *source;
        Span span;
        Scope principal, action, resource;
        size_t n_conditions;
        const Condition *conditions;
        size_t n_annotations;
        const Annotation *annotations; /* each name once, in the order of text_compare() */
} Policy;

/* Reads policies up to the end of the text. 0; -EINVAL with *reterr, new string:
 *     rules.cedar:3:14: expected ')' after the resource, found 'when'
 *       permit(principal, action, resource when { true };
 *                                          ^
 * -ENOMEM. func is called for each policy, which lacks its id; what it returns < 0 ends the reading. */
typedef int (*syntax_policy_t)(Policy *policy, void *userdata);
int syntax_parse_policies(
                Arena *arena, const PolicySource *source, syntax_policy_t func, void *userdata, char **reterr);
/* One entity, as in Ns::Type::"id", and nothing behind it; what it points to is the arena's. As of policies. */
int syntax_parse_entity(Arena *arena, const char *text, EntityUid *ret, char **reterr);

/* "file:line:column: message", the line, and a caret under the span's start; new string, NULL when out of memory. Lines
 * that are long are cut around it, and control characters in them are shown as '?'. */
char *source_message(const PolicySource *source, Span span, const char *message) _warn_unused_;
/* The line and column (in characters, from 1) at which the span begins. */
void source_position(const PolicySource *source, Span span, unsigned *ret_line, unsigned *ret_column);
/* What people call a policy, for messages: its id, and behind it in quotes its @id, if it has one. New string. */
char *policy_to_name(const Policy *p) _warn_unused_;
/* The policy's annotation of that name, "" when it was written without a value; {} when there is none. */
Text policy_get_annotation(const Policy *p, Text name);
