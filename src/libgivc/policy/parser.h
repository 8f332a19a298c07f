/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the parser share: the token that comes next, and the pieces of lists that are not complete yet. */
#pragma once

#include "policy/lexer.h"

/* A piece of a list: of a chain, set, record, path, of arguments, entities, annotations or conditions. */
typedef struct Item {
        Text name, value;
        Expr *expr;
        Span span;
        bool flag;
} Item;

/* Functions return NULL or false after a fault, which is in error and message. */
typedef struct Parser {
        Arena *arena;
        const PolicySource *source;
        Lexer lexer;
        Token token;    /* not yet taken */
        uint32_t end;   /* of what was taken last */
        unsigned depth; /* of expressions that are not complete yet */
        Item *items;    /* each list begins where the one around it was left */
        size_t n_items, n_items_allocated;
        int error;
        char *message;
} Parser;

/* Takes the first token. */
bool parser_init(Parser *p, Arena *arena, const PolicySource *source);
void parser_done(Parser *p);
#define _cleanup_parser_ _cleanup_(parser_done)

/* Notes a fault; NULL. */
void *parser_refuse(Parser *p, Span span, const char *fmt, ...) _printf_(3, 4);
void *parser_fail(Parser *p, int error);
/* "expected ..., found 'token'" at the token that comes next; at the end of the text behind what was taken last. */
void *parser_unexpected(Parser *p, const char *expected);
/* How Cedar writes what other languages call so, in quotes; or NULL. */
const char *parser_translate(Text word);
bool parser_advance(Parser *p);
/* Whether the next token is that word. */
bool parser_is_word(const Parser *p, const char *word);
/* Takes a token of the kind, or says what was expected. */
bool parser_expect(Parser *p, TokenKind kind, const char *expected);
/* Takes it when it is there: *ret says whether. */
bool parser_accept(Parser *p, TokenKind kind, bool *ret);
bool parser_push(Parser *p, Item item);
bool parser_push_name(Parser *p, Text name);
/* These are false for NULL. */
bool parser_push_expr(Parser *p, Expr *e);
bool parser_push_term(Parser *p, Expr *e, bool minus);
/* Whether each name is there once; sorts them by name. */
bool parser_sort_unique(Parser *p, size_t base, const char *what);

/* The word is no word of the language and may be a name. */
bool parser_check_name(Parser *p);
/* Takes name::name::name. With a string behind it, which it leaves, *ret_is_entity is true. */
bool parser_take_path(Parser *p, Text *ret, bool *ret_is_entity);
/* Takes a string. */
bool parser_take_string(Parser *p, Text *ret);
/* Takes name::"id". */
bool parser_take_entity(Parser *p, EntityUid *ret);
/* Takes the type behind 'is'. */
bool parser_take_type(Parser *p, Text *ret);

/* Takes a number, which a sign before it negates. */
bool parser_take_number(Parser *p, bool negative, int64_t *ret);

/* Expressions. These call each other, once around for each level that an expression nests: what has more than a few
 * words to keep on the stack is a function of its own that is not inlined into them. */
Expr *parser_take_expr(Parser *p);
Expr *parser_take_relation(Parser *p);
Expr *parser_take_sum(Parser *p);
Expr *parser_take_member(Parser *p);
/* What follows e, which may be NULL already: .name, ["name"], .method(...). */
Expr *parser_take_accesses(Parser *p, uint32_t start, Expr *e);
bool parser_begins_access(const Parser *p);
/* Takes the arguments of what was named, up to the parenthesis that ends them. */
Expr *parser_take_call(Parser *p, uint32_t start, Text name, Span span);
Expr *parser_take_method(Parser *p, uint32_t start, Expr *left, Text name, Span span);
/* Takes expressions with commas between them onto the items, and what closes them. */
bool parser_take_items(Parser *p, TokenKind close, const char *expected);

/* An expression from start to what was taken last. */
Expr *parser_make(Parser *p, ExprKind kind, uint32_t start, Expr *left, Expr *right);
Expr *parser_make_value(Parser *p, uint32_t start, Value value);
/* One whose list, or whose names, are the items from base on, which are gone then. */
Expr *parser_make_list(Parser *p, ExprKind kind, uint32_t start, size_t base);
Expr *parser_make_names(Parser *p, ExprKind kind, uint32_t start, Expr *left, size_t base);

/* Takes one policy; into the arena. */
Policy *parser_take_policy(Parser *p);
