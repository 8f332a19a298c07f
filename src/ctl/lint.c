/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/lint.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "base/str.h"
#include "ctl/lint-field.h"
#include "policy/evaluate.h"
#include "rpc/rules-context.h"

/* What was meant, at the end of a sentence. */
#define MEANT "%s%.*s%s"
#define MEANT_ARGS(near)                                                                                               \
        (near).word ? ": did you mean '" : "", (int) (near).word_size, (near).word, (near).word ? "'?" : ""

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

static Text get_method(const ContractMethod *m) {
        return text_of(m->method->name);
}

static Text get_module(const ContractMethod *m) {
        return rules_package(m->service);
}

static Text get_service(const ContractMethod *m) {
        return rules_service(m->service);
}

/* Of those that the contract has. */
static void check_name(Lint *l, Span span, const char *what, Text name, Text (*get)(const ContractMethod *m)) {
        Nearest near = nearest_begin(name.data, name.size);
        ContractMethod m;

        for (size_t i = 0; scene_get_method(i, &m); i++) {
                Text candidate = get(&m);

                if (text_equal(name, candidate))
                        return;
                nearest_consider(&near, candidate.data, candidate.size);
        }
        lint_say(l, span, "there is no %s '%.*s'" MEANT, what, TEXT_SHOWN(name), MEANT_ARGS(near));
}

static void check_type(Lint *l, Span span, Text type) {
        if (text_equal(type, TEXT("Action")))
                lint_say(l, span, "there are no Actions here: methods are Command::\"...\"");
        else if (!text_equal(type, TEXT("Source")) && !text_equal(type, TEXT("Command")) &&
                        !text_equal(type, TEXT("Module")))
                lint_say(l, span,
                                "there are no entities of type '%.*s', only of Source (who calls), Command (methods) "
                                "and "
                                "Module (packages)",
                                TEXT_SHOWN(type));
}

static void check_id(Lint *l, Span span, const EntityUid *uid) {
        if (text_equal(uid->type, TEXT("Command")))
                check_name(l, span, "method", uid->id, get_method);
        else if (text_equal(uid->type, TEXT("Module")))
                check_name(l, span, "module", uid->id, get_module);
}

static void check_entity(Lint *l, Span span, const EntityUid *uid) {
        check_type(l, span, uid->type);
        check_id(l, span, uid);
}

static void check_value(Lint *l, Span span, const Value *value) {
        if (value->kind == VALUE_ENTITY)
                check_entity(l, span, value->entity);
        for (size_t i = 0; value->kind == VALUE_SET && i < value->set->n; i++)
                check_value(l, span, value->set->items + i);
}

static const char *kinds_to_words(unsigned kinds) {
        static const char *const words[] = {
                [VALUE_BOOL] = "a Bool",
                [VALUE_LONG] = "a Long",
                [VALUE_STRING] = "a String",
                [VALUE_ENTITY] = "an entity",
                [VALUE_SET] = "a Set",
                [VALUE_RECORD] = "a Record",
                [VALUE_IP] = "an ip",
                [VALUE_DECIMAL] = "a decimal",
                [VALUE_DATETIME] = "a datetime",
                [VALUE_DURATION] = "a duration",
        };

        for (size_t k = 0; k < ELEMENTSOF(words); k++)
                if (kinds & KIND_BIT(k))
                        return words[k];
        return "nothing";
}

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

        if (!l->policy->is_forbid || scene_has_path(&l->scene, path, path->n) ||
                        text_equal(path_get(path, 0), TEXT("service")))
                return;
        guard = path_to_string(path);
        name = path_get(path, path->n - 1);
        lint_say(l, expr->span, "this forbid is skipped where there is no '%.*s'; guard it: context has %s && ...",
                        TEXT_SHOWN(name), strempty(guard));
}

static void check_path(Lint *l, const Expr *expr) {
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

/* What an expression of this kind is, whatever its operands are. */
static unsigned expr_to_kinds(const Expr *expr) {
        switch (expr->kind) {
        case EXPR_LITERAL:
                return KIND_BIT(expr->value.kind);
        case EXPR_VARIABLE:
                return KIND_BIT(expr->variable == VARIABLE_CONTEXT ? VALUE_RECORD : VALUE_ENTITY);
        case EXPR_NEGATE:
        case EXPR_SUM:
        case EXPR_PRODUCT:
                return KIND_BIT(VALUE_LONG);
        case EXPR_SET:
                return KIND_BIT(VALUE_SET);
        case EXPR_RECORD:
                return KIND_BIT(VALUE_RECORD);
        case EXPR_EXTENSION:
                return KIND_BIT(expr->list.extension->result);
        case EXPR_METHOD:
                return expr->method == METHOD_GET_TAG ? KINDS_ALL : KIND_BIT(VALUE_BOOL);
        case EXPR_IF:
        case EXPR_GET:
                return KINDS_ALL;
        default:
                return KIND_BIT(VALUE_BOOL);
        }
}

static FieldFacts expr_to_facts(const Lint *l, const Expr *expr) {
        FieldFacts facts = { .kinds = expr_to_kinds(expr), .any_string = true }, found;
        ScenePath path;

        if (expr->kind != EXPR_GET || !path_from_expr(expr, &path) || path.variable != VARIABLE_CONTEXT ||
                        l->scene.impossible)
                return facts;
        found = field_find(&l->scene, &path, path.n);
        return found.kinds ? found : facts; /* that there is none was said */
}

static void check_kinds(Lint *l, const Expr *expr, unsigned kinds) {
        FieldFacts facts = expr_to_facts(l, expr);

        if (!(facts.kinds & kinds))
                lint_say(l, expr->span, "this is %s, where only %s can stand", kinds_to_words(facts.kinds),
                                kinds_to_words(kinds));
}

static bool check_same_kind(Lint *l, Span span, unsigned a, unsigned b) {
        if (!(a & b))
                lint_say(l, span, "these are never equal: the one is %s, the other %s", kinds_to_words(a),
                                kinds_to_words(b));
        return a & b;
}

static void check_equal(Lint *l, Span span, const Expr *what, const Value *value) {
        FieldFacts facts = expr_to_facts(l, what);
        ScenePath path;

        if (!check_same_kind(l, span, facts.kinds, KIND_BIT(value->kind)) || value->kind != VALUE_STRING)
                return;
        if (!facts.any_string && !field_has_enum_name(&facts, value->string))
                lint_say(l, span, "%s has no value '%.*s'", facts.enums[0]->name, TEXT_SHOWN(value->string));
        else if (path_from_expr(what, &path) && path.variable == VARIABLE_CONTEXT && path.n == 1 &&
                        text_equal(path_get(&path, 0), TEXT("service")))
                check_name(l, span, "service", value->string, get_service);
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
        unsigned ordered = KIND_BIT(VALUE_LONG) | KIND_BIT(VALUE_DATETIME) | KIND_BIT(VALUE_DURATION);

        visit(l, expr->left);
        visit(l, expr->right);
        if (expr->compare == COMPARE_EQUAL || expr->compare == COMPARE_NOT_EQUAL) {
                if (expr->right->kind == EXPR_LITERAL)
                        check_equal(l, expr->span, expr->left, &expr->right->value);
                else if (expr->left->kind == EXPR_LITERAL)
                        check_equal(l, expr->span, expr->right, &expr->left->value);
                else
                        check_same_kind(l, expr->span, expr_to_facts(l, expr->left).kinds,
                                        expr_to_facts(l, expr->right).kinds);
        } else if (expr_to_kinds(expr->left) == KIND_BIT(VALUE_DECIMAL))
                lint_say(l, expr->span, "decimals are compared by a.lessThan(b), greaterThan() and so on");
        else {
                check_kinds(l, expr->left, ordered);
                check_kinds(l, expr->right, ordered);
        }
}

/* Who comes from another language looks for texts in lists. */
static void visit_in(Lint *l, const Expr *expr) {
        visit(l, expr->left);
        visit(l, expr->right);
        if (expr_to_facts(l, expr->left).kinds != KIND_BIT(VALUE_ENTITY) && expr->right->kind == EXPR_SET)
                lint_say(l, expr->span, "'in' is for entities only: did you mean [...].contains(...)?");
        else {
                check_kinds(l, expr->left, KIND_BIT(VALUE_ENTITY));
                check_kinds(l, expr->right, KIND_BIT(VALUE_ENTITY) | KIND_BIT(VALUE_SET));
        }
}

/* What fails whatever the request is: a wrong number of arguments, a text that means nothing. */
static void check_constant(Lint *l, const Expr *expr) {
        bool constant = true;
        _cleanup_arena_ Arena arena;
        Evaluation e = { .request = &(PolicyRequest){}, .arena = &arena };
        Value v;

        for (size_t i = 0; i < expr->list.n; i++)
                constant &= expr->list.items[i]->kind == EXPR_LITERAL;
        arena_init(&arena, NULL, 0, POLICY_DECISION_MAX);
        if ((constant || expr->list.n != expr->list.extension->n_arguments) && evaluate(&e, expr, &v) == -EINVAL)
                lint_say(l, e.span, "%s", e.why);
}

static void visit_extension(Lint *l, const Expr *expr) {
        const Extension *extension = expr->list.extension;
        size_t before = l->n_found;

        for (size_t i = 0; i < expr->list.n; i++) {
                visit(l, expr->list.items[i]);
                if (i < extension->n_arguments)
                        check_kinds(l, expr->list.items[i], KIND_BIT(extension->arguments[i]));
        }
        if (l->n_found == before)
                check_constant(l, expr);
}

/* Items of a list, each of which has to be of those kinds. */
static void visit_items(Lint *l, const Expr *expr, unsigned kinds) {
        for (size_t i = 0; i < expr->list.n; i++) {
                visit(l, expr->list.items[i]);
                check_kinds(l, expr->list.items[i], kinds);
        }
}

static void visit_method(Lint *l, const Expr *expr) {
        visit(l, expr->left);
        if (expr->right)
                visit(l, expr->right);
        if (expr->method == METHOD_HAS_TAG || expr->method == METHOD_GET_TAG)
                lint_say(l, expr->span, "nothing has tags here");
        else
                check_kinds(l, expr->left, KIND_BIT(VALUE_SET));
        if (expr->method == METHOD_CONTAINS_ALL || expr->method == METHOD_CONTAINS_ANY)
                check_kinds(l, expr->right, KIND_BIT(VALUE_SET));
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
                visit(l, expr->left);
                check_kinds(l, expr->left, KIND_BIT(VALUE_ENTITY));
                if (expr->right)
                        visit(l, expr->right);
                break;
        case EXPR_IN:
                visit_in(l, expr);
                break;
        case EXPR_NEGATE:
                visit(l, expr->left);
                check_kinds(l, expr->left, KIND_BIT(VALUE_LONG));
                break;
        case EXPR_EXTENSION:
                visit_extension(l, expr);
                break;
        case EXPR_SUM:
        case EXPR_PRODUCT:
                visit_items(l, expr, KIND_BIT(VALUE_LONG));
                break;
        case EXPR_SET:
        case EXPR_RECORD:
                visit_items(l, expr, KINDS_ALL);
                break;
        }
}

static void check_scope(Lint *l, Variable variable, const Scope *scope) {
        Text type = scene_get_type(variable);
        size_t before = l->n_found;

        if (scope->kind == SCOPE_IS || scope->kind == SCOPE_IS_IN)
                check_type(l, scope->span, scope->type);
        for (size_t i = 0; i < scope->n && !scope->is_slot; i++)
                check_entity(l, scope->span, scope->entities + i);
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

        check_id(&l, (Span){}, uid);
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
