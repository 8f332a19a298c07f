/* SPDX-License-Identifier: Apache-2.0 */
/* JSON texts as trees, for what Cedar's formats write in JSON. Integers are exact, names and strings may hold a NUL,
 * every part knows where it stands: jansson has none of these. */
#pragma once

#include "policy/syntax.h"

#define NODE_DEPTH_MAX (VALUE_DEPTH_MAX + 16) /* some levels stand around a value */

typedef enum NodeKind {
        NODE_NULL,
        NODE_BOOL,
        NODE_NUMBER,
        NODE_STRING,
        NODE_ARRAY,
        NODE_OBJECT,
} NodeKind;

typedef struct Node Node;

struct Node {
        NodeKind kind;
        Span span;
        Text name; /* of a member of an object */
        union {
                bool boolean;
                int64_t number;
                Text string;
                struct {
                        size_t n;
                        const Node *items; /* in the order of the text; of an object each name once */
                };
        };
};

/* Reads one JSON value and nothing behind it. 0; -EINVAL with *reterr as source_message() has it; -ENOMEM. Refused
 * are fractions and numbers past 64 bits, too, and names that come twice. *ret is the arena's, or the text's. */
int node_parse(Arena *arena, const PolicySource *source, const Node **ret, char **reterr) _warn_unused_;
/* The member of that name, or NULL: also when the node is no object. */
const Node *node_get(const Node *object, const char *name);
/* Says what is wrong with the node, as source_message(); returns -EINVAL or -ENOMEM. */
int node_refuse(const PolicySource *source, const Node *node, char **reterr, const char *fmt, ...) _printf_(4, 5);
