/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule asks of the context: whether any call has it, and whether a forbid is skipped where it is not there. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "rpc/lint-field.h"
#include "rpc/lint-internal.h"

/* "VmName, AppName": what one would have meant. New string, NULL when there is none. */
static char *message_to_names(const ProtobufCMessageDescriptor *type) {
        char *names = NULL;

        for (unsigned i = 0; i < type->n_fields; i++)
                if (str_extend(&names, ", ", "%s", type->fields[i].name) < 0)
                        break;
        return names;
}

static void check_field(Lint *l, const Expr *expr, const ScenePath *path) {
        _cleanup_free_ char *names = NULL;
        FieldFacts facts;
        Nearest near;

        for (size_t n = 1; n <= path->n; n++) {
                facts = field_find(&l->scene, path, n);
                if (facts.kinds)
                        continue;
                if (text_equal(path_get(path, n - 1), l->unknown))
                        return;
                l->unknown = path_get(path, n - 1);
                near = field_suggest(&l->scene, path, n);
                if (text_equal(path_get(path, 0), TEXT("target")))
                        names = strdup("vm, unit, app");
                else if (facts.message && n == 1)
                        names = message_to_names(facts.message);
                lint_say(l, expr->span, "no call that gets here has '%.*s' in its %s%s%s%s" MEANT,
                                TEXT_SHOWN(path_get(path, n - 1)), n == 1 ? "context" : "place",
                                isempty(names) ? "" : " (it has ", strempty(names), isempty(names) ? "" : ")",
                                MEANT_ARGS(near));
                return;
        }
}

/* "target.vm". New string, as far as there was memory for it. */
static char *path_to_string(const ScenePath *path) {
        char *text = NULL;

        for (size_t i = 0; i < path->n; i++)
                if (str_extend(&text, ".", "%.*s", TEXT_SHOWN(path_get(path, i))) < 0)
                        break;
        return text;
}

/* Evaluation fails there, and a rule whose evaluation fails is skipped. */
static void check_guard(Lint *l, const Expr *expr, const ScenePath *path) {
        _cleanup_free_ char *guard = NULL;
        Text name;

        if (!l->policy->is_forbid || *l->scene.effort == 0 || scene_has_path(&l->scene, path, path->n) ||
                        text_equal(path_get(path, 0), TEXT("service")))
                return;
        guard = path_to_string(path);
        name = path_get(path, path->n - 1);
        lint_say(l, expr->span, "this forbid is skipped where there is no '%.*s'; guard it: context has %s && ...",
                        TEXT_SHOWN(name), strempty(guard));
}

void lint_path(Lint *l, const Expr *expr) {
        ScenePath path;

        if (!path_from_expr(expr, &path))
                return;
        if (path.variable != VARIABLE_CONTEXT) {
                lint_say(l, expr->span, "the %s has no attributes here", variable_to_string(path.variable));
                return;
        }
        if (l->scene.impossible)
                return;
        check_field(l, expr, &path);
        if (expr->kind != EXPR_GET)
                return;
        check_guard(l, expr, &path);
        scene_add_path(&l->scene, &path);
}
