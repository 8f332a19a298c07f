/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of the tree, each as deep as it may be. */
#include "policy/parser.h"

static Expr *check_depth(Parser *p, Expr *e) {
        if (e->depth > EXPR_DEPTH_MAX)
                return parser_refuse(p, (Span){ e->span.start, e->span.start + 1 },
                                "this expression nests deeper than %d", EXPR_DEPTH_MAX);
        return e;
}

Expr *parser_make(Parser *p, ExprKind kind, uint32_t start, Expr *left, Expr *right) {
        Expr *e = arena_new(p->arena, Expr, 1);

        if (!e)
                return parser_fail(p, -ENOMEM);
        e->kind = kind;
        e->span = (Span){ start, p->end };
        e->left = left;
        e->right = right;
        e->depth = 1 + MAX(left ? left->depth : 0, right ? right->depth : 0);
        return check_depth(p, e);
}

Expr *parser_make_list(Parser *p, ExprKind kind, uint32_t start, size_t base) {
        Expr *e = parser_make(p, kind, start, NULL, NULL);
        size_t n = p->n_items - base;

        if (!e)
                return NULL;
        e->list.n = n;
        e->list.items = arena_new(p->arena, Expr *, n);
        if (!e->list.items)
                return parser_fail(p, -ENOMEM);
        for (size_t i = 0; i < n; i++) {
                e->list.items[i] = p->items[base + i].expr;
                e->depth = MAX(e->depth, 1 + e->list.items[i]->depth);
        }
        p->n_items = base;
        return check_depth(p, e);
}

Expr *parser_make_value(Parser *p, uint32_t start, Value value) {
        Expr *e = parser_make(p, EXPR_LITERAL, start, NULL, NULL);

        if (e)
                e->value = value;
        return e;
}

Expr *parser_make_names(Parser *p, ExprKind kind, uint32_t start, Expr *left, size_t base) {
        Expr *e = parser_make(p, kind, start, left, NULL);
        size_t n = p->n_items - base;
        Text *names;

        if (!e)
                return NULL;
        names = arena_new(p->arena, Text, n);
        if (!names)
                return parser_fail(p, -ENOMEM);
        for (size_t i = 0; i < n; i++)
                names[i] = p->items[base + i].name;
        e->path.n = n;
        e->path.names = names;
        p->n_items = base;
        return e;
}
