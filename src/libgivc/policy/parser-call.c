/* SPDX-License-Identifier: Apache-2.0 */
/* Functions and methods: which there are, how many arguments they take, and which one was meant. */
#include "policy/parser.h"

#include "base/str.h"

/* Names that are longer are not looked for. */
#define NAME_MAX_SOUGHT 32

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

static char lower(char c) {
        return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* How many characters have to be changed, added or taken away (Levenshtein), whatever their case. */
static unsigned distance(Text a, const char *b) {
        unsigned row[NAME_MAX_SOUGHT + 1], n = (unsigned) MIN(strlen(b), (size_t) NAME_MAX_SOUGHT);

        for (unsigned k = 0; k <= n; k++)
                row[k] = k;
        for (unsigned i = 0; i < a.size; i++) {
                unsigned diagonal = row[0];

                row[0] = i + 1;
                for (unsigned k = 1; k <= n; k++) {
                        unsigned changed = diagonal + (lower(a.data[i]) != lower(b[k - 1]));

                        diagonal = row[k];
                        row[k] = MIN(changed, MIN(row[k], row[k - 1]) + 1);
                }
        }
        return row[n];
}

static void consider(Text name, const char *candidate, unsigned *best, const char **ret) {
        unsigned d = distance(name, candidate);

        if (d < *best) {
                *best = d;
                *ret = candidate;
        }
}

/* The name that is nearest, and near enough to have been meant; or NULL. */
static const char *find_nearest(Text name, bool is_method) {
        const char *nearest = NULL;
        const Extension *e;
        unsigned best;

        if (name.size > NAME_MAX_SOUGHT)
                return NULL;
        best = (unsigned) name.size / 2 + 1;
        for (size_t i = 0; is_method && i < ELEMENTSOF(methods); i++)
                consider(name, methods[i].name, &best, &nearest);
        for (size_t i = 0; (e = extension_get(i)); i++)
                if (e->is_method == is_method)
                        consider(name, e->name, &best, &nearest);
        return nearest;
}

static Expr *refuse_unknown(Parser *p, Text name, Span span, bool is_method) {
        const char *kind = is_method ? "method" : "function", *nearest = find_nearest(name, is_method);

        if (name.size > NAME_MAX_SOUGHT)
                return parser_refuse(p, span, "there is no %s of this name", kind);
        return parser_refuse(p, span, "there is no %s '%.*s'%s%s%s", kind, (int) name.size, name.data,
                        nearest ? ": did you mean '" : "", strempty(nearest), nearest ? "'?" : "");
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
                return parser_refuse(p, span, "'%.*s' is a method: write value.%.*s(...)", (int) name.size, name.data,
                                (int) name.size, name.data);
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
