/* SPDX-License-Identifier: Apache-2.0 */
/* One expression alone, which is no text that anybody has rules in. */
#pragma once

#include "policy/parser.h"

/* As syntax_parse_entity(); *ret is NULL after a fault. */
static inline int expr_parse(Arena *arena, const PolicySource *source, Expr **ret, char **reterr) {
        Expr *e = NULL;
        Parser p;
        int r;

        if (parser_init(&p, arena, source))
                e = parser_take_expr(&p);
        if (e && p.token.kind != TOKEN_END)
                e = parser_unexpected(&p, "nothing after the expression");
        *ret = e;
        r = e ? 0 : p.error;
        *reterr = p.message;
        p.message = NULL;
        parser_done(&p);
        return r;
}
