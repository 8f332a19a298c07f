/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions, from the outside in: of which kind each part is, and which one could stand there. */
#include "policy/evaluate.h"
#include "rpc/lint-field.h"
#include "rpc/lint-internal.h"
#include "rpc/rules-context.h"

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

static void check_value(Lint *l, Span span, const Value *value) {
        if (value->kind == VALUE_ENTITY)
                lint_entity(l, span, value->entity);
        for (size_t i = 0; value->kind == VALUE_SET && i < value->set->n; i++)
                check_value(l, span, value->set->items + i);
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

void lint_kinds(Lint *l, const Expr *expr, unsigned kinds) {
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

/* A name alone, where the language wants its type before it. */
static bool is_bare_name(const Expr *what, const Value *value) {
        return what->kind == EXPR_VARIABLE && what->variable != VARIABLE_CONTEXT && value->kind == VALUE_STRING;
}

static void check_equal(Lint *l, Span span, const Expr *what, const Value *value) {
        FieldFacts facts = expr_to_facts(l, what);
        ScenePath path;

        if (is_bare_name(what, value)) {
                lint_say(l, span, "the %s is never equal to a String: did you mean %s::\"%.*s\"?",
                                variable_to_string(what->variable), rules_type(what->variable).data,
                                TEXT_SHOWN(value->string));
                return;
        }
        if (!check_same_kind(l, span, facts.kinds, KIND_BIT(value->kind)) || value->kind != VALUE_STRING)
                return;
        if (!facts.any_string && !field_has_enum_name(&facts, value->string))
                lint_say(l, span, "%s has no value '%.*s'", facts.enums[0]->name, TEXT_SHOWN(value->string));
        else if (path_from_expr(what, &path) && path.variable == VARIABLE_CONTEXT && path.n == 1 &&
                        text_equal(path_get(&path, 0), TEXT("service")))
                lint_name(l, span, VARIABLE_CONTEXT, value->string);
}

static void check_list(Lint *l, const Expr *expr, const Expr *list, const Expr *what) {
        const Value *value;
        bool all;

        for (size_t i = 0; (value = expr_get_literal(list, i, &all)); i++)
                check_equal(l, expr->span, what, value);
}

/* Each is reached when those before it have that truth. */
static void visit_list(Lint *l, const Expr *expr, bool truth) {
        Scene before = l->scene;

        for (size_t i = 0; i < expr->list.n; i++) {
                lint_expr(l, expr->list.items[i]);
                lint_kinds(l, expr->list.items[i], KIND_BIT(VALUE_BOOL));
                scene_assume(&l->scene, expr->list.items[i], truth);
        }
        l->scene = before;
}

static void visit_if(Lint *l, const Expr *expr) {
        Scene before;

        lint_expr(l, expr->list.items[0]);
        before = l->scene;
        scene_assume(&l->scene, expr->list.items[0], true);
        lint_expr(l, expr->list.items[1]);
        l->scene = before;
        scene_assume(&l->scene, expr->list.items[0], false);
        lint_expr(l, expr->list.items[2]);
        l->scene = before;
}

static void visit_compare(Lint *l, const Expr *expr) {
        unsigned ordered = KIND_BIT(VALUE_LONG) | KIND_BIT(VALUE_DATETIME) | KIND_BIT(VALUE_DURATION);

        lint_expr(l, expr->left);
        lint_expr(l, expr->right);
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
                lint_kinds(l, expr->left, ordered);
                lint_kinds(l, expr->right, ordered);
        }
}

/* Who comes from another language looks for texts in lists. */
static void visit_in(Lint *l, const Expr *expr) {
        lint_expr(l, expr->left);
        lint_expr(l, expr->right);
        if (expr_to_facts(l, expr->left).kinds != KIND_BIT(VALUE_ENTITY) &&
                        expr_to_facts(l, expr->right).kinds == KIND_BIT(VALUE_SET))
                lint_say(l, expr->span, "'in' is for entities only: did you mean [...].contains(...)?");
        else {
                lint_kinds(l, expr->left, KIND_BIT(VALUE_ENTITY));
                lint_kinds(l, expr->right, KIND_BIT(VALUE_ENTITY) | KIND_BIT(VALUE_SET));
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
                lint_expr(l, expr->list.items[i]);
                if (i < extension->n_arguments)
                        lint_kinds(l, expr->list.items[i], KIND_BIT(extension->arguments[i]));
        }
        if (l->n_found == before)
                check_constant(l, expr);
}

/* Items of a list, each of which has to be of those kinds. */
static void visit_items(Lint *l, const Expr *expr, unsigned kinds) {
        for (size_t i = 0; i < expr->list.n; i++) {
                lint_expr(l, expr->list.items[i]);
                lint_kinds(l, expr->list.items[i], kinds);
        }
}

static void visit_method(Lint *l, const Expr *expr) {
        lint_expr(l, expr->left);
        if (expr->right)
                lint_expr(l, expr->right);
        if (expr->method == METHOD_HAS_TAG || expr->method == METHOD_GET_TAG)
                lint_say(l, expr->span, "nothing has tags here");
        else
                lint_kinds(l, expr->left, KIND_BIT(VALUE_SET));
        if (expr->method == METHOD_CONTAINS_ALL || expr->method == METHOD_CONTAINS_ANY)
                lint_kinds(l, expr->right, KIND_BIT(VALUE_SET));
        if (expr->method == METHOD_CONTAINS)
                check_list(l, expr, expr->left, expr->right);
}

/* It binds to what stands right behind it, which is no Bool there. */
static bool refuse_not(Lint *l, const Expr *expr) {
        if ((expr->kind != EXPR_HAS && expr->kind != EXPR_LIKE && expr->kind != EXPR_IN && expr->kind != EXPR_IS) ||
                        expr->left->kind != EXPR_NOT)
                return false;
        lint_say(l, expr->left->span, "this negates what stands right behind it: did you mean !(...)?");
        return true;
}

void lint_expr(Lint *l, const Expr *expr) {
        if (refuse_not(l, expr))
                return;
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
                lint_expr(l, expr->left);
                lint_path(l, expr);
                break;
        case EXPR_NOT:
                lint_expr(l, expr->left);
                lint_kinds(l, expr->left, KIND_BIT(VALUE_BOOL));
                break;
        case EXPR_LIKE:
                lint_expr(l, expr->left);
                lint_kinds(l, expr->left, KIND_BIT(VALUE_STRING));
                break;
        case EXPR_IS:
                lint_type(l, expr->span, expr->type);
                lint_expr(l, expr->left);
                lint_kinds(l, expr->left, KIND_BIT(VALUE_ENTITY));
                if (expr->right)
                        lint_expr(l, expr->right);
                break;
        case EXPR_IN:
                visit_in(l, expr);
                break;
        case EXPR_NEGATE:
                lint_expr(l, expr->left);
                lint_kinds(l, expr->left, KIND_BIT(VALUE_LONG));
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
