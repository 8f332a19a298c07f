/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lexer.h"

#include "base/str.h"

/* Those that begin like others come before them. */
static const struct {
        const char *text;
        TokenKind kind;
} symbols[] = {
        { "::", TOKEN_PATH },
        { "==", TOKEN_EQUAL },
        { "!=", TOKEN_NOT_EQUAL },
        { "<=", TOKEN_LESS_EQUAL },
        { ">=", TOKEN_GREATER_EQUAL },
        { "||", TOKEN_OR },
        { "&&", TOKEN_AND },
        { "@", TOKEN_AT },
        { ".", TOKEN_DOT },
        { ",", TOKEN_COMMA },
        { ";", TOKEN_SEMICOLON },
        { ":", TOKEN_COLON },
        { "(", TOKEN_PAREN_OPEN },
        { ")", TOKEN_PAREN_CLOSE },
        { "{", TOKEN_BRACE_OPEN },
        { "}", TOKEN_BRACE_CLOSE },
        { "[", TOKEN_BRACKET_OPEN },
        { "]", TOKEN_BRACKET_CLOSE },
        { "<", TOKEN_LESS },
        { ">", TOKEN_GREATER },
        { "+", TOKEN_PLUS },
        { "-", TOKEN_MINUS },
        { "*", TOKEN_STAR },
        { "/", TOKEN_SLASH },
        { "%", TOKEN_PERCENT },
        { "!", TOKEN_NOT },
        { "=", TOKEN_ASSIGN },
};

/* White space as Unicode has it. */
static const char *const blanks[] = {
        " ",
        "\n",
        "\t",
        "\r",
        "\v",
        "\f",
        "\xC2\x85",
        "\xC2\xA0",
        "\xE1\x9A\x80",
        "\xE2\x80\x80",
        "\xE2\x80\x81",
        "\xE2\x80\x82",
        "\xE2\x80\x83",
        "\xE2\x80\x84",
        "\xE2\x80\x85",
        "\xE2\x80\x86",
        "\xE2\x80\x87",
        "\xE2\x80\x88",
        "\xE2\x80\x89",
        "\xE2\x80\x8A",
        "\xE2\x80\xA8",
        "\xE2\x80\xA9",
        "\xE2\x80\xAF",
        "\xE2\x81\x9F",
        "\xE3\x80\x80",
};

static const struct {
        const char *text, *why;
} strangers[] = {
        { "&", "'&' means nothing alone: did you mean '&&'?" },
        { "|", "'|' means nothing alone: did you mean '||'?" },
        { "'", "strings are written in double quotes" },
        { "`", "strings are written in double quotes" },
        { "\xE2\x80\x9C", "strings are written in straight double quotes" },
        { "\xE2\x80\x9D", "strings are written in straight double quotes" },
        { "#", "comments begin with '//'" },
        { "?", "'?' begins a slot: did you mean '?principal' or '?resource'?" },
        { "\xEF\xBB\xBF", "a byte order mark means nothing here: save the file without one" },
};

const char *token_to_string(TokenKind kind) {
        for (size_t i = 0; i < ELEMENTSOF(symbols); i++)
                if (symbols[i].kind == kind)
                        return symbols[i].text;
        return NULL;
}

bool lexer_is_reserved(Text word) {
        static const char *const words[] = { "true", "false", "if", "then", "else", "in", "is", "like", "has",
                "__cedar" };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (text_equal(word, text_of(words[i])))
                        return true;
        return false;
}

static char peek(const Lexer *l, size_t ahead) {
        return ahead < l->text.size - l->position ? l->text.data[l->position + ahead] : 0;
}

static bool stands_here(const Lexer *l, const char *s) {
        size_t n = strlen(s);

        return n <= l->text.size - l->position && memcmp(l->text.data + l->position, s, n) == 0;
}

static bool is_letter(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool skip_blank(Lexer *l) {
        for (size_t i = 0; i < ELEMENTSOF(blanks); i++)
                if (stands_here(l, blanks[i])) {
                        l->position += strlen(blanks[i]);
                        return true;
                }
        return false;
}

static bool skip_comment(Lexer *l) {
        if (!stands_here(l, "//"))
                return false;
        while (l->position < l->text.size && peek(l, 0) != '\n' && peek(l, 0) != '\r')
                l->position++;
        return true;
}

static size_t ident_length(const Lexer *l, size_t from) {
        size_t n = from;

        if (!is_letter(peek(l, n)))
                return 0;
        while (is_letter(peek(l, n)) || char_is_digit(peek(l, n)))
                n++;
        return n;
}

/* A backslash takes any character with it but the end of a line. */
static size_t string_length(const Lexer *l) {
        for (size_t n = 1; n < l->text.size - l->position; n++)
                switch (peek(l, n)) {
                case '"':
                        return n + 1;
                case '\\':
                        if (peek(l, ++n) == '\n')
                                return 0;
                        break;
                }
        return 0;
}

static size_t symbol_length(const Lexer *l, TokenKind *ret) {
        for (size_t i = 0; i < ELEMENTSOF(symbols); i++)
                if (stands_here(l, symbols[i].text)) {
                        *ret = symbols[i].kind;
                        return strlen(symbols[i].text);
                }
        return 0;
}

static size_t token_length(const Lexer *l, TokenKind *ret, const char **ret_why) {
        size_t n = 0;

        if (is_letter(peek(l, 0))) {
                *ret = TOKEN_IDENT;
                return ident_length(l, 0);
        }
        if (char_is_digit(peek(l, 0))) {
                *ret = TOKEN_NUMBER;
                while (char_is_digit(peek(l, n)))
                        n++;
                return n;
        }
        if (peek(l, 0) == '"') {
                *ret = TOKEN_STRING;
                *ret_why = "this string has no end";
                return string_length(l);
        }
        if (peek(l, 0) == '?') {
                *ret = TOKEN_SLOT;
                n = ident_length(l, 1);
        }
        if (n == 0)
                n = symbol_length(l, ret);
        if (n > 0)
                return n;
        *ret_why = "nothing begins with this character";
        for (size_t i = 0; i < ELEMENTSOF(strangers); i++)
                if (stands_here(l, strangers[i].text))
                        *ret_why = strangers[i].why;
        return 0;
}

bool lexer_next(Lexer *l, Token *ret, const char **ret_why) {
        size_t n = 0;

        while (skip_blank(l) || skip_comment(l))
                ;
        *ret = (Token){ .kind = TOKEN_END };
        if (l->position < l->text.size) {
                n = token_length(l, &ret->kind, ret_why);
                if (n == 0) {
                        ret->span = (Span){ (uint32_t) l->position, (uint32_t) l->position + 1 };
                        return false;
                }
        }
        ret->text = (Text){ l->text.data + l->position, n };
        ret->span = (Span){ (uint32_t) l->position, (uint32_t) (l->position + n) };
        l->position += n;
        return true;
}
