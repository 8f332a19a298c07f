/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/lint.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/lint-field.h"
#include "rpc/rules-context.h"

typedef struct Lint {
        const Policy *policy;
        lint_found_t func;
        void *userdata;
        size_t n_found;
        Text unknown; /* the last field that was told to be missing */
        Scene scene;  /* here and now */
} Lint;

static _printf_(3, 4) void lint_say(Lint *l, Span span, const char *fmt, ...) {
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

static const ContractMethod *find_method(Text name) {
        static ContractMethod m;

        for (size_t i = 0; scene_get_method(i, &m); i++)
                if (text_equal(name, text_of(m.method->name)))
                        return &m;
        return NULL;
}

static bool has_module(Text name) {
        const ProtobufCServiceDescriptor *service;

        for (size_t i = 0; (service = service_get(i)); i++)
                if (text_equal(name, rules_package(service)))
                        return true;
        return false;
}

static bool has_service(Text name) {
        const ProtobufCServiceDescriptor *service;

        for (size_t i = 0; (service = service_get(i)); i++)
                if (text_equal(name, rules_service(service)))
                        return true;
        return false;
}

static void check_type(Lint *l, Span span, Text type) {
        if (text_equal(type, TEXT("Action")))
                lint_say(l, span, "there are no Actions here: methods are Command::\"...\"");
        else if (!text_equal(type, TEXT("Source")) && !text_equal(type, TEXT("Command")) &&
                        !text_equal(type, TEXT("Module")))
                lint_say(l, span, "there are no entities of type '%.*s', only of Source, Command and Module",
                                TEXT_SHOWN(type));
}

static void check_entity(Lint *l, Span span, const EntityUid *uid) {
        check_type(l, span, uid->type);
        if (text_equal(uid->type, TEXT("Command")) && !find_method(uid->id))
                lint_say(l, span, "there is no method '%.*s'", TEXT_SHOWN(uid->id));
        else if (text_equal(uid->type, TEXT("Module")) && !has_module(uid->id))
                lint_say(l, span, "there is no module '%.*s'", TEXT_SHOWN(uid->id));
}

static void check_value(Lint *l, Span span, const Value *value) {
        if (value->kind == VALUE_ENTITY)
                check_entity(l, span, value->entity);
        for (size_t i = 0; value->kind == VALUE_SET && i < value->set->n; i++)
                check_value(l, span, value->set->items + i);
}

static const char *kinds_to_word(unsigned kinds) {
        for (ValueKind k = VALUE_BOOL; k <= VALUE_DURATION; k++)
                if (kinds & KIND_BIT(k))
                        return value_kind_to_string(k);
        return "nothing";
}

/* "VmName, AppName": what one would have meant. New string. */
static char *message_to_names(const ProtobufCMessageDescriptor *type) {
        char *names = strdup("");

        for (unsigned i = 0; i < type->n_fields && names; i++) {
                char *longer = strf("%s%s%s", names, i > 0 ? ", " : "", type->fields[i].name);

                free(names);
                names = longer;
        }
        return names;
}

static void check_field(Lint *l, const Expr *expr, const ScenePath *path) {
        _cleanup_free_ char *names = NULL;
        FieldFacts facts;

        for (size_t n = 1; n <= path->n; n++) {
                facts = field_find(&l->scene, path, n);
                if (facts.kinds)
                        continue;
                if (text_equal(path_get(path, n - 1), l->unknown))
                        return;
                l->unknown = path_get(path, n - 1);
                if (text_equal(path_get(path, 0), TEXT("target")))
                        names = strdup("vm, unit, app");
                else if (facts.message && n == 1)
                        names = message_to_names(facts.message);
                lint_say(l, expr->span, "no call that gets here has '%.*s' in its %s%s%s%s",
                                TEXT_SHOWN(path_get(path, n - 1)), n == 1 ? "context" : "place",
                                isempty(names) ? "" : " (it has ", strempty(names), isempty(names) ? "" : ")");
                return;
        }
}

/* "target.vm". New string. */
static char *path_to_string(const ScenePath *path) {
        char *text = strdup("");

        for (size_t i = 0; i < path->n && text; i++) {
                char *longer = strf("%s%s%.*s", text, i > 0 ? "." : "", TEXT_SHOWN(path_get(path, i)));

                free(text);
                text = longer;
        }
        return text;
}

/* Evaluation fails there, and a rule whose evaluation fails is skipped. */
static void check_guard(Lint *l, const Expr *expr, const ScenePath *path) {
        _cleanup_free_ char *guard = NULL;
        Text name;

        if (!l->policy->is_forbid || scene_has_path(&l->scene, path, path->n) ||
                        text_equal(path_get(path, 0), TEXT("service")))
                return;
        guard = path_to_string(path);
        name = path_get(path, path->n - 1);
        lint_say(l, expr->span, "this forbid is skipped where there is no '%.*s'; guard it: context has %s && ...",
                        TEXT_SHOWN(name), strempty(guard));
}

static void check_path(Lint *l, const Expr *expr) {
        static const char *const words[] = { "principal", "action", "resource" };
        ScenePath path;

        if (!path_from_expr(expr, &path))
                return;
        if (path.variable != VARIABLE_CONTEXT) {
                lint_say(l, expr->span, "a %s has no attributes here", words[path.variable]);
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

/* What a literal is, or what a path of the context may be; anything when the expression is neither. */
static FieldFacts expr_to_facts(const Lint *l, const Expr *expr) {
        ScenePath path;
        FieldFacts facts = { .kinds = KINDS_ALL, .any_string = true };

        if (expr->kind == EXPR_LITERAL)
                facts.kinds = KIND_BIT(expr->value.kind);
        if (expr->kind == EXPR_GET && path_from_expr(expr, &path) && path.variable == VARIABLE_CONTEXT &&
                        !l->scene.impossible) {
                facts = field_find(&l->scene, &path, path.n);
                if (facts.kinds == 0) /* which was said */
                        return (FieldFacts){ .kinds = KINDS_ALL, .any_string = true };
        }
        return facts;
}

static void check_kinds(Lint *l, const Expr *expr, unsigned kinds) {
        FieldFacts facts = expr_to_facts(l, expr);

        if (!(facts.kinds & kinds))
                lint_say(l, expr->span, "this is a %s, where only a %s can stand", kinds_to_word(facts.kinds),
                                kinds_to_word(kinds));
}

static void check_equal(Lint *l, Span span, const Expr *what, const Value *value) {
        FieldFacts facts = expr_to_facts(l, what);
        ScenePath path;

        if (!(facts.kinds & KIND_BIT(value->kind)))
                lint_say(l, span, "these are never equal: the one is a %s, the other a %s", kinds_to_word(facts.kinds),
                                value_kind_to_string(value->kind));
        else if (value->kind == VALUE_STRING && !facts.any_string && !field_has_enum_name(&facts, value->string))
                lint_say(l, span, "%s has no value '%.*s'", facts.enums[0]->name, TEXT_SHOWN(value->string));
        else if (value->kind == VALUE_STRING && path_from_expr(what, &path) && path.variable == VARIABLE_CONTEXT &&
                        path.n == 1 && text_equal(path_get(&path, 0), TEXT("service")) && !has_service(value->string))
                lint_say(l, span, "there is no service '%.*s'", TEXT_SHOWN(value->string));
}

static void check_list(Lint *l, const Expr *expr, const Expr *list, const Expr *what) {
        const Value *value;
        bool all;

        for (size_t i = 0; (value = expr_get_literal(list, i, &all)); i++)
                check_equal(l, expr->span, what, value);
}

static void visit(Lint *l, const Expr *expr);

/* Each is reached when those before it have that truth. */
static void visit_list(Lint *l, const Expr *expr, bool truth) {
        Scene before = l->scene;

        for (size_t i = 0; i < expr->list.n; i++) {
                visit(l, expr->list.items[i]);
                check_kinds(l, expr->list.items[i], KIND_BIT(VALUE_BOOL));
                scene_assume(&l->scene, expr->list.items[i], truth);
        }
        l->scene = before;
}

static void visit_if(Lint *l, const Expr *expr) {
        Scene before;

        visit(l, expr->list.items[0]);
        before = l->scene;
        scene_assume(&l->scene, expr->list.items[0], true);
        visit(l, expr->list.items[1]);
        l->scene = before;
        scene_assume(&l->scene, expr->list.items[0], false);
        visit(l, expr->list.items[2]);
        l->scene = before;
}

static void visit_compare(Lint *l, const Expr *expr) {
        visit(l, expr->left);
        visit(l, expr->right);
        if (expr->compare != COMPARE_EQUAL && expr->compare != COMPARE_NOT_EQUAL) {
                unsigned ordered = KIND_BIT(VALUE_LONG) | KIND_BIT(VALUE_DATETIME) | KIND_BIT(VALUE_DURATION);

                check_kinds(l, expr->left, ordered);
                check_kinds(l, expr->right, ordered);
        } else if (expr->right->kind == EXPR_LITERAL)
                check_equal(l, expr->span, expr->left, &expr->right->value);
        else if (expr->left->kind == EXPR_LITERAL)
                check_equal(l, expr->span, expr->right, &expr->left->value);
}

static void visit_method(Lint *l, const Expr *expr) {
        visit(l, expr->left);
        if (expr->right)
                visit(l, expr->right);
        if (expr->method == METHOD_HAS_TAG || expr->method == METHOD_GET_TAG)
                lint_say(l, expr->span, "nothing has tags here");
        else
                check_kinds(l, expr->left, KIND_BIT(VALUE_SET));
        if (expr->method == METHOD_CONTAINS)
                check_list(l, expr, expr->left, expr->right);
}

static void visit(Lint *l, const Expr *expr) {
        switch (expr->kind) {
        case EXPR_LITERAL:
                check_value(l, expr->span, &expr->value);
                break;
        case EXPR_VARIABLE:
                break;
        case EXPR_AND:
        case EXPR_OR:
                visit_list(l, expr, expr->kind == EXPR_AND);
                break;
        case EXPR_IF:
                visit_if(l, expr);
                break;
        case EXPR_COMPARE:
                visit_compare(l, expr);
                break;
        case EXPR_METHOD:
                visit_method(l, expr);
                break;
        case EXPR_GET:
        case EXPR_HAS:
                visit(l, expr->left);
                check_path(l, expr);
                break;
        case EXPR_NOT:
                visit(l, expr->left);
                check_kinds(l, expr->left, KIND_BIT(VALUE_BOOL));
                break;
        case EXPR_LIKE:
                visit(l, expr->left);
                check_kinds(l, expr->left, KIND_BIT(VALUE_STRING));
                break;
        case EXPR_IS:
                check_type(l, expr->span, expr->type);
                /* fall through */
        case EXPR_NEGATE:
        case EXPR_IN:
                visit(l, expr->left);
                if (expr->right)
                        visit(l, expr->right);
                break;
        default:
                for (size_t i = 0; i < expr->list.n; i++)
                        visit(l, expr->list.items[i]);
                break;
        }
}

static void check_scope(Lint *l, Variable variable, const Scope *scope) {
        static const Text types[] = { [VARIABLE_PRINCIPAL] = { "Source", 6 },
                [VARIABLE_ACTION] = { "Command", 7 },
                [VARIABLE_RESOURCE] = { "Module", 6 } };
        static const char *const words[] = { "principal", "action", "resource" };
        size_t before = l->n_found;

        if (scope->kind == SCOPE_IS || scope->kind == SCOPE_IS_IN)
                check_type(l, scope->span, scope->type);
        for (size_t i = 0; i < scope->n && !scope->is_slot; i++)
                check_entity(l, scope->span, scope->entities + i);
        for (size_t i = 0; i < scope->n && !scope->is_slot && l->n_found == before; i++)
                if (!text_equal(scope->entities[i].type, types[variable]))
                        lint_say(l, scope->span, "the %s is never a %.*s", words[variable],
                                        TEXT_SHOWN(scope->entities[i].type));
        if (scope->type.data && l->n_found == before && !text_equal(scope->type, types[variable]))
                lint_say(l, scope->span, "the %s is never a %.*s", words[variable], TEXT_SHOWN(scope->type));
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

void lint_policy(const Policy *policy, lint_found_t func, void *userdata) {
        Lint l = { .policy = policy, .func = func, .userdata = userdata };
        unsigned effort;

        scene_init(&l.scene, &effort);
        check_head(&l);
        for (size_t i = 0; i < policy->n_conditions; i++) {
                const Condition *c = policy->conditions + i;
                size_t before = l.n_found;
                bool possible = !l.scene.impossible;

                effort = SCENE_EFFORT_MAX;
                visit(&l, c->expr);
                check_kinds(&l, c->expr, KIND_BIT(VALUE_BOOL));
                scene_assume(&l.scene, c->expr, !c->is_unless);
                if (possible && l.scene.impossible && l.n_found == before)
                        lint_say(&l, l.scene.culprit ? l.scene.culprit->span : c->span,
                                        "with this the rule never matches");
        }
}
