/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions as text, with parentheses around whatever has parts: read again, it is the same expression. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "policy/syntax.h"

static inline void print_expr(FILE *f, const Expr *e);

static inline bool has_parts(const Expr *e) {
        switch (e->kind) {
        case EXPR_LITERAL:
                return e->value.kind == VALUE_LONG && e->value.number < 0;
        case EXPR_VARIABLE:
        case EXPR_GET:
        case EXPR_SET:
        case EXPR_RECORD:
        case EXPR_METHOD:
        case EXPR_EXTENSION:
                return false;
        default:
                return true;
        }
}

static inline void print_operand(FILE *f, const Expr *e) {
        if (has_parts(e))
                fputc('(', f);
        print_expr(f, e);
        if (has_parts(e))
                fputc(')', f);
}

static inline void print_value(FILE *f, const Value *v) {
        char *s = value_to_string(v);

        if (!s)
                abort();
        fputs(s, f);
        free(s);
}

static inline void print_text(FILE *f, Text text) {
        print_value(f, &(Value){ .kind = VALUE_STRING, .string = text });
}

static inline void print_chain(FILE *f, const Expr *e, const char *operator) {
        for (size_t i = 0; i < e->list.n; i++) {
                if (i > 0)
                        fprintf(f, " %s ", e->kind == EXPR_SUM && e->list.minus[i] ? "-" : operator);
                print_operand(f, e->list.items[i]);
        }
}

static inline void print_items(FILE *f, const Expr *e, size_t from) {
        for (size_t i = from; i < e->list.n; i++) {
                if (i > from)
                        fputs(", ", f);
                if (e->kind == EXPR_RECORD) {
                        print_text(f, e->list.names[i]);
                        fputs(": ", f);
                }
                print_expr(f, e->list.items[i]);
        }
}

/* A '*' that is no wildcard has a backslash. */
static inline void print_pattern(FILE *f, Pattern pattern) {
        fputc('"', f);
        for (size_t i = 0; i < pattern.n; i++) {
                char *s = value_to_string(&(Value){ .kind = VALUE_STRING, .string = pattern.parts[i] });

                if (!s)
                        abort();
                if (i > 0)
                        fputc('*', f);
                for (const char *p = s + 1; p[1]; p++)
                        fprintf(f, *p == '*' ? "\\*" : "%c", *p);
                free(s);
        }
        fputc('"', f);
}

static inline void print_path(FILE *f, const Expr *e) {
        print_operand(f, e->left);
        for (size_t i = 0; e->kind == EXPR_GET && i < e->path.n; i++) {
                fputc('[', f);
                print_text(f, e->path.names[i]);
                fputc(']', f);
        }
        if (e->kind != EXPR_HAS)
                return;
        fputs(" has ", f);
        for (size_t i = 0; e->path.n > 1 && i < e->path.n; i++)
                fprintf(f, "%s%.*s", i > 0 ? "." : "", (int) e->path.names[i].size, e->path.names[i].data);
        if (e->path.n == 1)
                print_text(f, e->path.names[0]);
}

static inline void print_extension(FILE *f, const Expr *e) {
        if (e->list.extension->is_method) {
                print_operand(f, e->list.items[0]);
                fputc('.', f);
        }
        fprintf(f, "%s(", e->list.extension->name);
        print_items(f, e, e->list.extension->is_method);
        fputc(')', f);
}

static inline void print_pair(FILE *f, const Expr *e, const char *operator) {
        print_operand(f, e->left);
        fprintf(f, " %s ", operator);
        print_operand(f, e->right);
}

static inline void print_is(FILE *f, const Expr *e) {
        print_operand(f, e->left);
        fprintf(f, " is %.*s", (int) e->type.size, e->type.data);
        if (!e->right)
                return;
        fputs(" in ", f);
        print_operand(f, e->right);
}

static inline void print_method(FILE *f, const Expr *e) {
        static const char *const methods[] = { "contains", "containsAll", "containsAny", "isEmpty", "hasTag",
                "getTag" };

        print_operand(f, e->left);
        fprintf(f, ".%s(", methods[e->method]);
        if (e->right)
                print_expr(f, e->right);
        fputc(')', f);
}

static inline void print_expr(FILE *f, const Expr *e) {
        static const char *const variables[] = { "principal", "action", "resource", "context" };
        static const char *const compares[] = { "==", "!=", "<", "<=", ">", ">=" };

        switch (e->kind) {
        case EXPR_LITERAL:
                return print_value(f, &e->value);
        case EXPR_VARIABLE:
                fputs(variables[e->variable], f);
                return;
        case EXPR_AND:
                return print_chain(f, e, "&&");
        case EXPR_OR:
                return print_chain(f, e, "||");
        case EXPR_SUM:
                return print_chain(f, e, "+");
        case EXPR_PRODUCT:
                return print_chain(f, e, "*");
        case EXPR_IF:
                for (size_t i = 0; i < e->list.n; i++) {
                        fputs(i == 0 ? "if " : i == 1 ? " then " : " else ", f);
                        print_operand(f, e->list.items[i]);
                }
                return;
        case EXPR_NOT:
        case EXPR_NEGATE:
                /* A minus before a number would be its sign. */
                fputs(e->kind == EXPR_NOT ? "!" : "-", f);
                fputs(e->left->kind == EXPR_LITERAL && !has_parts(e->left) ? "(" : "", f);
                print_operand(f, e->left);
                fputs(e->left->kind == EXPR_LITERAL && !has_parts(e->left) ? ")" : "", f);
                return;
        case EXPR_COMPARE:
                return print_pair(f, e, compares[e->compare]);
        case EXPR_IN:
                return print_pair(f, e, "in");
        case EXPR_IS:
                return print_is(f, e);
        case EXPR_LIKE:
                print_operand(f, e->left);
                fputs(" like ", f);
                return print_pattern(f, e->pattern);
        case EXPR_HAS:
        case EXPR_GET:
                return print_path(f, e);
        case EXPR_SET:
                fputc('[', f);
                print_items(f, e, 0);
                fputc(']', f);
                return;
        case EXPR_RECORD:
                fputc('{', f);
                print_items(f, e, 0);
                fputc('}', f);
                return;
        case EXPR_METHOD:
                return print_method(f, e);
        case EXPR_EXTENSION:
                return print_extension(f, e);
        }
        abort();
}

static inline void print_entities(FILE *f, const Scope *scope) {
        for (size_t i = 0; i < scope->n; i++) {
                char *s = entity_uid_to_string(&scope->entities[i]);

                if (!s)
                        abort();
                fprintf(f, "%s%s", i > 0 ? ", " : "", s);
                free(s);
        }
}

static inline void print_scope(FILE *f, const Scope *scope, const char *variable) {
        static const char *const kinds[] = { "", " ==", " in", " is ", " is " };
        bool is_set = scope->kind == SCOPE_IN && variable[0] == 'a';

        fprintf(f, "%s%s%.*s%s", variable, kinds[scope->kind], (int) scope->type.size,
                        scope->type.size > 0 ? scope->type.data : "", scope->kind == SCOPE_IS_IN ? " in" : "");
        if (scope->is_slot)
                fprintf(f, " ?%s", variable);
        else if (scope->n > 0 || is_set) {
                fputs(is_set ? " [" : " ", f);
                print_entities(f, scope);
                fputs(is_set ? "]" : "", f);
        }
}

static inline void print_policy(FILE *f, const Policy *policy) {
        for (size_t i = 0; i < policy->n_annotations; i++) {
                fprintf(f, "@%.*s(", (int) policy->annotations[i].name.size, policy->annotations[i].name.data);
                print_text(f, policy->annotations[i].value);
                fputs(") ", f);
        }
        fputs(policy->is_forbid ? "forbid(" : "permit(", f);
        print_scope(f, &policy->principal, "principal");
        fputs(", ", f);
        print_scope(f, &policy->action, "action");
        fputs(", ", f);
        print_scope(f, &policy->resource, "resource");
        fputc(')', f);
        for (size_t i = 0; i < policy->n_conditions; i++) {
                fputs(policy->conditions[i].is_unless ? " unless { " : " when { ", f);
                print_expr(f, policy->conditions[i].expr);
                fputs(" }", f);
        }
        fputc(';', f);
}

/* New string: one of the two, whichever is given. */
static inline char *print_to_string(const Expr *e, const Policy *policy) {
        char *s = NULL;
        size_t size;
        FILE *f = open_memstream(&s, &size);

        if (!f)
                abort();
        if (e)
                print_expr(f, e);
        if (policy)
                print_policy(f, policy);
        if (fclose(f) != 0)
                abort();
        return s;
}
