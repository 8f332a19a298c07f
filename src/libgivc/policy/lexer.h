/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a policy text: names, numbers, strings, slots, and what stands between them. Comments and white space
 * are nothing. The text is valid UTF-8 without a NUL byte: who lexes has looked. */
#pragma once

#include "policy/syntax.h"

typedef enum TokenKind {
        TOKEN_END,
        TOKEN_IDENT, /* also each word of the language */
        TOKEN_NUMBER,
        TOKEN_STRING, /* with its quotes and escapes */
        TOKEN_SLOT,   /* with its question mark */
        TOKEN_AT,
        TOKEN_DOT,
        TOKEN_COMMA,
        TOKEN_SEMICOLON,
        TOKEN_COLON,
        TOKEN_PATH,
        TOKEN_PAREN_OPEN,
        TOKEN_PAREN_CLOSE,
        TOKEN_BRACE_OPEN,
        TOKEN_BRACE_CLOSE,
        TOKEN_BRACKET_OPEN,
        TOKEN_BRACKET_CLOSE,
        TOKEN_EQUAL,
        TOKEN_NOT_EQUAL,
        TOKEN_LESS,
        TOKEN_LESS_EQUAL,
        TOKEN_GREATER,
        TOKEN_GREATER_EQUAL,
        TOKEN_OR,
        TOKEN_AND,
        TOKEN_PLUS,
        TOKEN_MINUS,
        TOKEN_STAR,
        TOKEN_SLASH,
        TOKEN_PERCENT,
        TOKEN_NOT,
        TOKEN_ASSIGN,
} TokenKind;

typedef struct Token {
        TokenKind kind;
        Span span;
        Text text;
} Token;

typedef struct Lexer {
        Text text; /* at most UINT32_MAX bytes */
        size_t position;
} Lexer;

/* The next token, TOKEN_END again and again at the end. false when there is none: ret->span is where, and *ret_why a
 * sentence about it (a literal). */
bool lexer_next(Lexer *l, Token *ret, const char **ret_why);
/* Whether the word is one that cannot be a name. */
bool lexer_is_reserved(Text word);
/* How a token of that kind is written: "&&"; NULL for those that are written in many ways. */
const char *token_to_string(TokenKind kind);

/* What a string token means, in the arena or in the token's text: 0; -EINVAL with *ret_at, the escape that means
 * nothing, and *ret_why (a literal); -ENOMEM. */
int lexer_unescape(Arena *arena, const Token *string, Text *ret, Span *ret_at, const char **ret_why);
/* The same of a pattern, where '*' is a wildcard and "\*" is not. */
int lexer_unescape_pattern(Arena *arena, const Token *string, Pattern *ret, Span *ret_at, const char **ret_why);
