/* SPDX-License-Identifier: Apache-2.0 */
/* Names of methods, modules, services and types of entities, beside those that there are. */
#include "base/nearest.h"
#include "rpc/lint-internal.h"
#include "rpc/rules-context.h"

static bool is_in_contract(Variable variable, Text name) {
        ContractMethod m;

        for (size_t i = 0; contract_get_method(i, &m); i++)
                if (text_equal(name, scene_get_name(&m, variable)))
                        return true;
        return false;
}

void lint_name(Lint *l, Span span, Variable variable, Text name) {
        static const char *const words[] = {
                [VARIABLE_ACTION] = "method",
                [VARIABLE_RESOURCE] = "module",
                [VARIABLE_CONTEXT] = "service",
        };
        Nearest near = nearest_begin(name.data, name.size);
        ContractMethod m;

        if (is_in_contract(variable, name))
                return;
        for (size_t i = 0; contract_get_method(i, &m); i++) {
                Text candidate = scene_get_name(&m, variable);

                nearest_consider(&near, candidate.data, candidate.size);
        }
        lint_say(l, span, "there is no %s '%.*s'" MEANT, words[variable], TEXT_SHOWN(name), MEANT_ARGS(near));
}

void lint_type(Lint *l, Span span, Text type) {
        for (Variable v = VARIABLE_PRINCIPAL; v <= VARIABLE_RESOURCE; v++)
                if (text_equal(type, rules_type(v)))
                        return;
        if (text_equal(type, TEXT("Action")))
                lint_say(l, span, "there are no Actions here: methods are " RULES_ACTION "::\"...\"");
        else
                lint_say(l, span,
                                "there are no entities of type '%.*s', only of " RULES_PRINCIPAL
                                " (who calls), " RULES_ACTION " (methods) and " RULES_RESOURCE " (packages)",
                                TEXT_SHOWN(type));
}

void lint_id(Lint *l, Span span, const EntityUid *uid) {
        for (Variable v = VARIABLE_ACTION; v <= VARIABLE_RESOURCE; v++)
                if (text_equal(uid->type, rules_type(v)))
                        lint_name(l, span, v, uid->id);
}

void lint_entity(Lint *l, Span span, const EntityUid *uid) {
        lint_type(l, span, uid->type);
        if (uid->id.size > 0 && memchr(uid->id.data, '*', uid->id.size))
                lint_say(l, span, "'*' is no wildcard in the name of an entity: list all that are meant");
        else
                lint_id(l, span, uid);
}
