/* SPDX-License-Identifier: Apache-2.0 */
/* Functions and methods: which there are, how many arguments they take, and which one was meant. */
#include "policy/parser.h"

#include "base/nearest.h"
#include "base/str.h"

static const struct {
        const char *name;
        Method method;
        unsigned n_arguments;
} methods[] = {
        { "contains", METHOD_CONTAINS, 1 },
        { "containsAll", METHOD_CONTAINS_ALL, 1 },
        { "containsAny", METHOD_CONTAINS_ANY, 1 },
        { "isEmpty", METHOD_IS_EMPTY, 0 },
        { "hasTag", METHOD_HAS_TAG, 1 },
        { "getTag", METHOD_GET_TAG, 1 },
};

static Expr *refuse_unknown(Parser *p, Text name, Span span, bool is_method) {
        const char *what = is_method ? "method" : "function", *ours = parser_translate(name);
        Nearest n = nearest_begin(name.data, name.size);
        const Extension *e;

        for (size_t i = 0; is_method && i < ELEMENTSOF(methods); i++)
                nearest_consider(&n, methods[i].name, strlen(methods[i].name));
        for (size_t i = 0; (e = extension_get(i)); i++)
                if (e->is_method == is_method)
                        nearest_consider(&n, e->name, strlen(e->name));
        if (ours)
                return parser_refuse(p, span, "there is no %s '%.*s': did you mean %s?", what, TEXT_SHOWN(name), ours);
        return parser_refuse(p, span, "there is no %s '%.*s'%s%s%s", what, TEXT_SHOWN(name),
                        n.word ? ": did you mean '" : "", strempty(n.word), n.word ? "'?" : "");
}

static bool take_arguments(Parser *p) {
        return parser_advance(p) && parser_take_items(p, TOKEN_PAREN_CLOSE, "',' or ')' after the argument");
}

static Expr *make_extension(Parser *p, uint32_t start, size_t base, const Extension *extension) {
        Expr *e = parser_make_list(p, EXPR_EXTENSION, start, base);

        if (e)
                e->list.extension = extension;
        return e;
}

static size_t find_method(Text name) {
        size_t i = 0;

        while (i < ELEMENTSOF(methods) && !text_equal(name, text_of(methods[i].name)))
                i++;
        return i;
}

Expr *parser_take_call(Parser *p, uint32_t start, Text name, Span span) {
        const Extension *extension = extension_find(name);
        size_t base = p->n_items;

        if (find_method(name) < ELEMENTSOF(methods) || (extension && extension->is_method))
                return parser_refuse(p, span, "'%.*s' is a method: write value.%.*s(...)", TEXT_SHOWN(name),
                                TEXT_SHOWN(name));
        if (!extension)
                return refuse_unknown(p, name, span, false);
        return take_arguments(p) ? make_extension(p, start, base, extension) : NULL;
}

/* One of the language itself. */
static Expr *take_own_method(Parser *p, uint32_t start, Expr *left, size_t method, Span span) {
        unsigned n_arguments = methods[method].n_arguments;
        Expr *right = NULL, *e;
        size_t base = p->n_items;

        if (!take_arguments(p))
                return NULL;
        if (p->n_items - base != n_arguments)
                return parser_refuse(p, span, "'%s' takes %u argument%s, not %zu", methods[method].name, n_arguments,
                                n_arguments == 1 ? "" : "s", p->n_items - base);
        if (n_arguments > 0)
                right = p->items[base].expr;
        p->n_items = base;
        e = parser_make(p, EXPR_METHOD, start, left, right);
        if (e)
                e->method = methods[method].method;
        return e;
}

Expr *parser_take_method(Parser *p, uint32_t start, Expr *left, Text name, Span span) {
        const Extension *extension = extension_find(name);
        size_t base = p->n_items, method = find_method(name);

        if (method < ELEMENTSOF(methods))
                return take_own_method(p, start, left, method, span);
        if (!extension)
                return refuse_unknown(p, name, span, true);
        if (!extension->is_method)
                return parser_refuse(p, span, "'%s' is a function: write %s(...)", extension->name, extension->name);
        if (!parser_push_expr(p, left) || !take_arguments(p))
                return NULL;
        return make_extension(p, start, base, extension);
}
