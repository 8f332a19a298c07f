/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/lint.h"

#include <stdarg.h>

#include "base/str.h"
#include "rpc/lint-field.h"
#include "rpc/lint-internal.h"
#include "rpc/rules-context.h"

void lint_say(Lint *l, Span span, const char *fmt, ...) {
        char *sentence;
        va_list ap;

        va_start(ap, fmt);
        sentence = strvf(fmt, ap);
        va_end(ap);
        if (sentence)
                str_make_printable(sentence, '?');
        l->n_found++;
        l->func(l->policy, span, sentence, l->userdata);
}

static void check_scope(Lint *l, Variable variable, const Scope *scope) {
        Text type = rules_type(variable);
        size_t before = l->n_found;

        if (scope->kind == SCOPE_IS || scope->kind == SCOPE_IS_IN)
                lint_type(l, scope->span, scope->type);
        for (size_t i = 0; i < scope->n && !scope->is_slot; i++)
                lint_entity(l, scope->span, scope->entities + i);
        for (size_t i = 0; i < scope->n && !scope->is_slot && l->n_found == before; i++)
                if (!text_equal(scope->entities[i].type, type))
                        lint_say(l, scope->span, "the %s is never a %.*s", variable_to_string(variable),
                                        TEXT_SHOWN(scope->entities[i].type));
        if (scope->type.data && l->n_found == before && !text_equal(scope->type, type))
                lint_say(l, scope->span, "the %s is never a %.*s", variable_to_string(variable),
                                TEXT_SHOWN(scope->type));
        scene_assume_scope(&l->scene, variable, scope);
}

static void check_head(Lint *l) {
        const Policy *p = l->policy;
        size_t before = l->n_found;

        if (p->is_template)
                lint_say(l, p->span, "nobody links this template: it never counts");
        check_scope(l, VARIABLE_PRINCIPAL, &p->principal);
        check_scope(l, VARIABLE_ACTION, &p->action);
        check_scope(l, VARIABLE_RESOURCE, &p->resource);
        if (l->scene.impossible && l->n_found == before)
                lint_say(l, p->action.span,
                                p->action.kind == SCOPE_IN && p->action.n == 0
                                                ? "an empty list: the rule never matches"
                                                : "the module has no such method: the rule never matches");
}

void lint_uid(const EntityUid *uid, lint_found_t func, void *userdata) {
        Lint l = { .func = func, .userdata = userdata };

        lint_id(&l, (Span){}, uid);
}

void lint_policy(const Policy *policy, unsigned *effort, lint_found_t func, void *userdata) {
        Lint l = { .policy = policy, .func = func, .userdata = userdata };

        scene_init(&l.scene, effort);
        check_head(&l);
        for (size_t i = 0; i < policy->n_conditions; i++) {
                const Condition *c = policy->conditions + i;
                size_t before = l.n_found;
                bool possible = !l.scene.impossible;

                lint_expr(&l, c->expr);
                lint_kinds(&l, c->expr, KIND_BIT(VALUE_BOOL));
                scene_assume(&l.scene, c->expr, !c->is_unless);
                if (possible && l.scene.impossible && l.n_found == before)
                        lint_say(&l, l.scene.culprit ? l.scene.culprit->span : c->span,
                                        "with this the rule never matches");
        }
}
