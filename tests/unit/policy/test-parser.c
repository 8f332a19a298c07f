/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions: how each is read, by printing it with all its parentheses, and what is refused, word for word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "expr.h"
#include "print.h"

#define MEMORY_MAX ((size_t) 64 * 1024 * 1024)

static int parse(Arena *arena, const char *text, size_t size, Expr **ret, char **reterr) {
        PolicySource *source = arena_new(arena, PolicySource, 1);

        assert_non_null(source);
        *source = (PolicySource){ "t", { text, size } };
        return expr_parse(arena, source, ret, reterr);
}

static void assert_reads(const char *text, const char *expected) {
        _cleanup_free_ char *message = NULL, *again_message = NULL, *printed = NULL, *printed_again = NULL;
        _cleanup_arena_ Arena arena = {};
        Expr *e, *again;

        print_message("%.200s\n", text);
        arena_init(&arena, NULL, 0, MEMORY_MAX);
        if (parse(&arena, text, strlen(text), &e, &message) < 0)
                fail_msg("%s", message);
        printed = print_to_string(e, NULL);
        assert_string_equal(printed, expected);
        assert_int_equal(parse(&arena, printed, strlen(printed), &again, &again_message), 0);
        printed_again = print_to_string(again, NULL);
        assert_string_equal(printed_again, printed);
}

/* At which column, and why; the rest of what is said is the line and the caret under it. */
static void assert_refuses(const char *text, unsigned column, const char *why) {
        _cleanup_free_ char *message = NULL, *expected = NULL;
        _cleanup_arena_ Arena arena = {};
        Expr *e;

        print_message("%.200s\n", text);
        arena_init(&arena, NULL, 0, MEMORY_MAX);
        assert_int_equal(parse(&arena, text, strlen(text), &e, &message), -EINVAL);
        expected = strf("t:1:%u: %s\n  %s\n  %*s^", column, why, text, (int) column - 1, "");
        assert_string_equal(message, expected);
}

static const struct {
        const char *text, *read;
} expressions[] = {
        { "true", "true" },
        { "false", "false" },
        { "principal", "principal" },
        { "action", "action" },
        { "resource", "resource" },
        { "context", "context" },
        { "0", "0" },
        { "007", "7" },
        { "9223372036854775807", "9223372036854775807" },
        { "-9223372036854775808", "-9223372036854775808" },
        { "- 1", "-1" },
        { "-(1)", "-(1)" },
        { "--1", "-(-1)" },
        { "----1", "-(-(-(-1)))" },
        { "-1.x", "-1[\"x\"]" },
        { "-principal", "-principal" },
        { "1-1", "1 - 1" },
        { "1--1", "1 - (-1)" },
        { "!!!!true", "!(!(!(!(true))))" },
        { "!true == false", "(!(true)) == false" },
        { "!principal.a", "!principal[\"a\"]" },
        { "\"\"", "\"\"" },
        { "\"a\nb\"", "\"a\\nb\"" },
        { "User::\"alice\"", "User::\"alice\"" },
        { "A::B::C::\"\\\"\"", "A::B::C::\"\\\"\"" },
        { "A // a comment\n :: B \t::\r\n \"x\"", "A::B::\"x\"" },
        { "principal::when::\"x\"", "principal::when::\"x\"" },
        { "permit::\"x\"", "permit::\"x\"" },
        { "User::\"alice\".age", "User::\"alice\"[\"age\"]" },
        { "1 + 2 - 3 + 4", "1 + 2 - 3 + 4" },
        { "1 - (2 - 3)", "1 - (2 - 3)" },
        { "1 * 2 * 3", "1 * 2 * 3" },
        { "1 + 2 * 3 - 4", "1 + (2 * 3) - 4" },
        { "(1 + 2) * 3", "(1 + 2) * 3" },
        { "1 + 2 == 3", "(1 + 2) == 3" },
        { "1 != 2", "1 != 2" },
        { "1 < 2", "1 < 2" },
        { "1 <= 2", "1 <= 2" },
        { "1 > 2", "1 > 2" },
        { "1 >= 2", "1 >= 2" },
        { "(1 < 2) == true", "(1 < 2) == true" },
        { "true && true && false", "true && true && false" },
        { "true && (true && false)", "true && (true && false)" },
        { "true || true || false", "true || true || false" },
        { "true || false && true || false", "true || (false && true) || false" },
        { "1 == 1 && 2 == 2", "(1 == 1) && (2 == 2)" },
        { "if true then 1 else 2", "if true then 1 else 2" },
        { "principal in A::\"a\"", "principal in A::\"a\"" },
        { "principal in [A::\"a\", A::\"b\"]", "principal in [A::\"a\", A::\"b\"]" },
        { "principal is User", "principal is User" },
        { "principal is A :: B", "principal is A::B" },
        { "principal is principal", "principal is principal" },
        { "principal is User in A::\"a\"", "principal is User in A::\"a\"" },
        { "principal is User in 1 + 2", "principal is User in (1 + 2)" },
        { "principal is User && true", "(principal is User) && true" },
        { "principal like \"a*b\"", "principal like \"a*b\"" },
        { "principal like \"\"", "principal like \"\"" },
        { "principal like \"**\"", "principal like \"**\"" },
        { "principal like \"\\**\\\\*\"", "principal like \"\\**\\\\*\"" },
        { "principal like \"\\x2a\\u{2a}\"", "principal like \"**\"" },
        { "principal has a", "principal has \"a\"" },
        { "principal has a.b . c", "principal has a.b.c" },
        { "principal has \"a b\"", "principal has \"a b\"" },
        { "principal has \"\"", "principal has \"\"" },
        { "principal has principal", "principal has \"principal\"" },
        { "principal has permit.when", "principal has permit.when" },
        { "principal has \"__cedar\"", "principal has \"__cedar\"" },
        { "1 + 1 has a", "(1 + 1) has \"a\"" },
        { "principal.a", "principal[\"a\"]" },
        { "principal.a.b.c", "principal[\"a\"][\"b\"][\"c\"]" },
        { "principal[\"a\"].b", "principal[\"a\"][\"b\"]" },
        { "principal.principal", "principal[\"principal\"]" },
        { "principal [ \"if\" ]", "principal[\"if\"]" },
        { "true.a", "true[\"a\"]" },
        { "\"s\".a", "\"s\"[\"a\"]" },
        { "(principal).a", "principal[\"a\"]" },
        { "{a: 1}.a", "{\"a\": 1}[\"a\"]" },
        { "[]", "[]" },
        { "[1]", "[1]" },
        { "[1, ]", "[1]" },
        { "[1, [2, 3], 1 + 1]", "[1, [2, 3], 1 + 1]" },
        { "{}", "{}" },
        { "{a: 1, }", "{\"a\": 1}" },
        { "{b: 1, \"a\": {}, principal: [2]}", "{\"a\": {}, \"b\": 1, \"principal\": [2]}" },
        { "{\"__cedar\": 1, permit: 2}", "{\"__cedar\": 1, \"permit\": 2}" },
        { "[].contains(1)", "[].contains(1)" },
        { "[].containsAll([1,],)", "[].containsAll([1])" },
        { "[].containsAny([1])", "[].containsAny([1])" },
        { "[].isEmpty()", "[].isEmpty()" },
        { "principal.hasTag(\"a\")", "principal.hasTag(\"a\")" },
        { "principal.getTag(\"a\").b.contains(1)", "principal.getTag(\"a\")[\"b\"].contains(1)" },
        { "principal.contains", "principal[\"contains\"]" },
        { "ip(\"127.0.0.1\").isLoopback()", "ip(\"127.0.0.1\").isLoopback()" },
        { "ip(context.a).isInRange(ip(\"::/0\"))", "ip(context[\"a\"]).isInRange(ip(\"::/0\"))" },
        { "decimal(\"1.0\").lessThan(decimal(\"2.0\"))", "decimal(\"1.0\").lessThan(decimal(\"2.0\"))" },
        { "datetime(\"2024-01-01\").offset(duration(\"1d\"))", "datetime(\"2024-01-01\").offset(duration(\"1d\"))" },
        { "ip()", "ip()" },
        { "ip(1, 2, 3).isIpv4(4)", "ip(1, 2, 3).isIpv4(4)" },
        { "  ( ( true ) ) // the end", "true" },
        { "\xC2\xA0\xE2\x80\x83[\xE3\x80\x80]\xC2\x85\v\f", "[]" },
};

static void test_expressions(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(expressions); i++)
                assert_reads(expressions[i].text, expressions[i].read);
}

static const struct {
        const char *text;
        unsigned column;
        const char *why;
} refusals[] = {
        { "", 1, "expected an expression, found the end of the text" },
        { "foo", 1,
                        "there is no variable 'foo', only principal, action, resource and context (an attribute is "
                        "written context.foo, a string \"foo\")" },
        { "foo.bar", 1,
                        "there is no variable 'foo', only principal, action, resource and context (an attribute is "
                        "written context.foo, a string \"foo\")" },
        { "foo.bar()", 1,
                        "there is no variable 'foo', only principal, action, resource and context (an attribute is "
                        "written context.foo, a string \"foo\")" },
        { "foo[\"a\"]", 1,
                        "there is no variable 'foo', only principal, action, resource and context (an attribute is "
                        "written context.foo, a string \"foo\")" },
        { "foo::bar", 1, "an entity is written with its id, as in foo::bar::\"alice\"" },
        { "foo::bar()", 1, "there is no function 'foo::bar'" },
        { "foo::", 6, "expected a name or a string after '::', found the end of the text" },
        { "foo::{a: 1}", 6, "an entity is written as in Namespace::User::\"alice\"" },
        { "foo::1", 6, "expected a name or a string after '::', found '1'" },
        { "__cedar", 1, "'__cedar' is a word of the language and cannot be a name" },
        { "__cedar::\"x\"", 1, "'__cedar' is a word of the language and cannot be a name" },
        { "A::__cedar::\"x\"", 4, "'__cedar' is a word of the language and cannot be a name" },
        { "principal.__cedar", 11, "'__cedar' is a word of the language and cannot be a name" },
        { "principal has __cedar", 15, "'__cedar' is a word of the language and cannot be a name" },
        { "{__cedar: 1}", 2, "'__cedar' is a word of the language and cannot be a name" },
        { "if", 3, "expected an expression, found the end of the text" },
        { "if true", 8, "expected 'then' after the condition, found the end of the text" },
        { "if true then 1", 15, "expected 'else' after the value, found the end of the text" },
        { "if true then 1 else", 20, "expected an expression, found the end of the text" },
        { "if true then 1 otherwise 2", 16, "expected 'else' after the value, found 'otherwise'" },
        { "1 + if true then 1 else 2", 5, "'if' inside an expression takes parentheses around it" },
        { "true && if true then true else false", 9, "'if' inside an expression takes parentheses around it" },
        { "!if true then true else false", 2, "'if' inside an expression takes parentheses around it" },
        { "in", 1, "'in' is a word of the language and cannot be a name" },
        { "then", 1, "'then' is a word of the language and cannot be a name" },
        { "A::if::\"x\"", 4, "'if' is a word of the language and cannot be a name" },
        { "true::\"x\"", 5, "expected nothing after the expression, found '::'" },
        { "if::\"x\"", 3, "expected an expression, found '::'" },
        { "principal.if", 11, "'if' is a word of the language and cannot be a name" },
        { "principal has if", 15, "'if' is a word of the language and cannot be a name" },
        { "principal has true", 15, "'true' is a word of the language and cannot be a name" },
        { "principal has in.a", 15, "'in' is a word of the language and cannot be a name" },
        { "principal has a.if", 17, "'if' is a word of the language and cannot be a name" },
        { "principal has a::b", 16, "expected the end of the attribute, found '::'" },
        { "principal has a[\"b\"]", 16, "expected the end of the attribute, found '['" },
        { "principal has a.b()", 18, "expected the end of the attribute, found '('" },
        { "principal has \"a\".b", 18, "expected nothing after the expression, found '.'" },
        { "principal has 1", 15,
                        "expected the name of an attribute after 'has', as in has a.b or has \"c d\", found '1'" },
        { "principal has (a)", 15,
                        "expected the name of an attribute after 'has', as in has a.b or has \"c d\", found '('" },
        { "principal has", 14,
                        "expected the name of an attribute after 'has', as in has a.b or has \"c d\", found the end of "
                        "the text" },
        { "principal has a has b", 17, "a second relation takes parentheses around the first" },
        { "1 = 2", 3, "'=' is not an operator: did you mean '=='?" },
        { "1 == 2 == 3", 8, "a second relation takes parentheses around the first" },
        { "1 < 2 < 3", 7, "a second relation takes parentheses around the first" },
        { "1 in 2 in 3", 8, "a second relation takes parentheses around the first" },
        { "1 in 2 == 3", 8, "a second relation takes parentheses around the first" },
        { "1 == 2 = 3", 8, "a second relation takes parentheses around the first" },
        { "principal is User in A::\"a\" in B::\"b\"", 29, "a second relation takes parentheses around the first" },
        { "1 == ", 5, "expected an expression, found the end of the text" },
        { "1 / 2", 3, "Cedar has no division" },
        { "1 % 2", 3, "Cedar has no remainder" },
        { "/* no */ 1", 1, "expected an expression (comments begin with '//'), found '/'" },
        { "# no", 1, "comments begin with '//'" },
        { "1 ; 2", 3, "expected nothing after the expression, found ';'" },
        { "1 2", 3, "expected nothing after the expression, found '2'" },
        { "1 + ", 4, "expected an expression, found the end of the text" },
        { "+ 1", 1, "expected an expression, found '+'" },
        { "* 1", 1, "expected an expression, found '*'" },
        { "1 & 2", 3, "'&' means nothing alone: did you mean '&&'?" },
        { "1 | 2", 3, "'|' means nothing alone: did you mean '||'?" },
        { "1 && 2 & 3", 8, "'&' means nothing alone: did you mean '&&'?" },
        { "true and false", 6, "expected nothing after the expression, found 'and': did you mean '&&'?" },
        { "true or false", 6, "expected nothing after the expression, found 'or': did you mean '||'?" },
        { "not true", 1, "there is no variable 'not': did you mean '!'?" },
        { "1 equals 1", 3, "expected nothing after the expression, found 'equals': did you mean '=='?" },
        { "'a'", 1, "strings are written in double quotes" },
        { "`a`", 1, "strings are written in double quotes" },
        { "“a”", 1, "strings are written in straight double quotes" },
        { "\"a", 1, "this string has no end" },
        { "\"a\\", 1, "this string has no end" },
        { "\"\\q\"", 2, "no such escape: there are \\n \\r \\t \\0 \\\\ \\' \\\" \\x7f \\u{...}" },
        { "\"\\*\"", 2, "'\\*' is for the patterns of 'like' only" },
        { "\"a\\x\"", 3, "'\\x' takes two hexadecimal digits" },
        { "\"\\x4\"", 2, "'\\x' takes two hexadecimal digits" },
        { "\"\\x80\"", 2, "'\\x' goes up to 7f: write '\\u{...}'" },
        { "\"\\xg0\"", 2, "'\\x' takes two hexadecimal digits" },
        { "\"\\u\"", 2, "'\\u' takes hexadecimal digits in braces, as in '\\u{1f600}'" },
        { "\"\\u{}\"", 2, "'\\u' takes hexadecimal digits in braces, as in '\\u{1f600}'" },
        { "\"\\u{110000}\"", 2, "no character has this number" },
        { "\"\\u{d800}\"", 2, "no character has this number" },
        { "\"\\u{1234567}\"", 2, "'\\u{...}' takes at most six digits" },
        { "\"\\u{_1}\"", 2, "this is no hexadecimal digit of '\\u{...}'" },
        { "\"\\u{1\"", 2, "'\\u' takes hexadecimal digits in braces, as in '\\u{1f600}'" },
        { "\"\\u{1g}\"", 2, "this is no hexadecimal digit of '\\u{...}'" },
        { "\"\\u0041\"", 2, "'\\u' takes hexadecimal digits in braces, as in '\\u{1f600}'" },
        { "9223372036854775808", 1, "this integer does not fit into 64 bits" },
        { "-9223372036854775809", 2, "this integer does not fit into 64 bits" },
        { "-(9223372036854775808)", 3, "this integer does not fit into 64 bits" },
        { "-9223372036854775808.x", 2, "this integer does not fit into 64 bits" },
        { "99999999999999999999999999999999", 1, "this integer does not fit into 64 bits" },
        { "1a", 2, "expected nothing after the expression, found 'a'" },
        { "1.5", 3, "there are no fractions: a decimal is written decimal(\"1.5\")" },
        { ".5", 1, "expected an expression, found '.'" },
        { "!!!!!true", 5, "at most 4 of '!' in a row" },
        { "-----1", 5, "at most 4 of '-' in a row" },
        { "!-1", 2, "'!' and '-' together take parentheses" },
        { "-!true", 2, "'!' and '-' together take parentheses" },
        { "(1", 3, "expected ')' after the expression, found the end of the text" },
        { "(", 2, "expected an expression, found the end of the text" },
        { "()", 2, "expected an expression, found ')'" },
        { "[", 2, "expected an expression, found the end of the text" },
        { "[1", 3, "expected ',' or ']' in the set, found the end of the text" },
        { "[1 2]", 4, "expected ',' or ']' in the set, found '2'" },
        { "[,]", 2, "expected an expression, found ','" },
        { "[1,,2]", 4, "expected an expression, found ','" },
        { "{", 2, "expected a name or a string as the key of a record, or '}', found the end of the text" },
        { "{a", 3, "expected ':' after the key of the record, found the end of the text" },
        { "{a 1}", 4, "expected ':' after the key of the record, found '1'" },
        { "{a:}", 4, "expected an expression, found '}'" },
        { "{a: 1", 6, "expected ',' or '}' in the record, found the end of the text" },
        { "{a: 1 b: 2}", 7, "expected ',' or '}' in the record, found 'b'" },
        { "{,}", 2, "expected a name or a string as the key of a record, or '}', found ','" },
        { "{1: 1}", 2, "expected a name or a string as the key of a record, or '}', found '1'" },
        { "{(a): 1}", 2, "expected a name or a string as the key of a record, or '}', found '('" },
        { "{if: 1}", 2, "'if' is a word of the language and cannot be a name" },
        { "{true: 1}", 2, "'true' is a word of the language and cannot be a name" },
        { "{a::b: 1}", 3, "expected ':' after the key of the record, found '::'" },
        { "{a: 1, \"b\": 2, \"a\": 3, a: 4}", 16, "this key is there twice" },
        { "{\"a\\x62\": 1, ab: 2}", 14, "this key is there twice" },
        { "principal.", 11, "expected the name of an attribute or a method after '.', found the end of the text" },
        { "principal.1", 11, "there are no fractions: a decimal is written decimal(\"1.5\")" },
        { "principal.\"a\"", 11, "expected the name of an attribute or a method after '.', found \"a\"" },
        { "principal[a]", 11, "expected the name of an attribute as a string, found 'a'" },
        { "principal[0]", 11, "expected the name of an attribute as a string, found '0'" },
        { "principal[\"a\"", 14, "expected ']' after the name of the attribute, found the end of the text" },
        { "principal[(\"a\")]", 11, "expected the name of an attribute as a string, found '('" },
        { "principal[]", 11, "expected the name of an attribute as a string, found ']'" },
        { "principal()", 1, "a variable is no function" },
        { "principal(\"a\")", 1, "a variable is no function" },
        { "(1)(\"a\")", 4, "only functions and methods are called" },
        { "\"a\"(\"b\")", 4, "only functions and methods are called" },
        { "User::\"a\"()", 10, "only functions and methods are called" },
        { "principal.a.b()", 13, "there is no method 'b'" },
        { "principal[\"a\"]()", 15, "only functions and methods are called" },
        { "principal.contains(1)(2)", 22, "only functions and methods are called" },
        { "ip", 1,
                        "there is no variable 'ip', only principal, action, resource and context (an attribute is "
                        "written context.ip, a string \"ip\")" },
        { "ip.a", 1,
                        "there is no variable 'ip', only principal, action, resource and context (an attribute is "
                        "written context.ip, a string \"ip\")" },
        { "ipp(\"1\")", 1, "there is no function 'ipp': did you mean 'ip'?" },
        { "IP(\"1\")", 1, "there is no function 'IP': did you mean 'ip'?" },
        { "foo(\"1\")", 1, "there is no function 'foo'" },
        { "anamethatislongerthanthirtytwobyte(1)", 1, "there is no function 'anamethatislongerthanthirtytwobyte'" },
        { "A::ip(\"1\")", 1, "there is no function 'A::ip'" },
        { "contains(1)", 1, "'contains' is a method: write value.contains(...)" },
        { "isIpv4(\"1\")", 1, "'isIpv4' is a method: write value.isIpv4(...)" },
        { "principal.ip(\"1\")", 11, "'ip' is a function: write ip(...)" },
        { "principal.foo()", 11, "there is no method 'foo'" },
        { "context.a.startsWith(\"x\")", 11, "there is no method 'startsWith': did you mean like \"...*\"?" },
        { "includes(context.a)", 1, "there is no function 'includes': did you mean 'contains'?" },
        { "context.a == null", 14, "there is no variable 'null': did you mean 'has'?" },
        { "principal.contain(1)", 11, "there is no method 'contain': did you mean 'contains'?" },
        { "principal.Contains(1)", 11, "there is no method 'Contains': did you mean 'contains'?" },
        { "principal.isipv4()", 11, "there is no method 'isipv4': did you mean 'isIpv4'?" },
        { "principal.anamethatislongerthanthirtytwobyte(1)", 11,
                        "there is no method 'anamethatislongerthanthirtytwobyte'" },
        { "principal.contains()", 11, "'contains' takes 1 argument, not 0" },
        { "principal.contains(1, 2)", 11, "'contains' takes 1 argument, not 2" },
        { "principal.isEmpty(1)", 11, "'isEmpty' takes 0 arguments, not 1" },
        { "principal.hasTag()", 11, "'hasTag' takes 1 argument, not 0" },
        { "[].contains(", 13, "expected an expression, found the end of the text" },
        { "[].contains(1", 14, "expected ',' or ')' after the argument, found the end of the text" },
        { "[].contains(1 2)", 15, "expected ',' or ')' after the argument, found '2'" },
        { "principal is", 13, "expected an entity type after 'is', found the end of the text" },
        { "principal is \"User\"", 14, "expected an entity type after 'is', found \"User\"" },
        { "principal is User::\"a\"", 20, "'is' takes an entity type: did you mean '==' or 'in'?" },
        { "principal is (User)", 14, "expected an entity type after 'is', found '('" },
        { "principal is User.a", 18, "expected nothing after the expression, found '.'" },
        { "principal is if", 14, "'if' is a word of the language and cannot be a name" },
        { "principal is ?principal", 14, "expected an entity type after 'is', found '?principal'" },
        { "principal like", 15, "expected a pattern in quotes after 'like', found the end of the text" },
        { "principal like a", 16, "expected a pattern in quotes after 'like', found 'a'" },
        { "principal like (\"a\")", 16, "expected a pattern in quotes after 'like', found '('" },
        { "principal like \"a\" + \"b\"", 20, "expected nothing after the expression, found '+'" },
        { "principal like \"\\q\"", 17, "no such escape: there are \\n \\r \\t \\0 \\\\ \\' \\\" \\x7f \\u{...}" },
        { "principal like \"a\" like \"b\"", 20, "a second relation takes parentheses around the first" },
        { "principal == ?principal", 14, "slots stand for an entity of the scope, not in conditions" },
        { "?resource", 1, "slots stand for an entity of the scope, not in conditions" },
        { "?foo", 1, "no such slot: there are '?principal' and '?resource'" },
        { "?", 1, "'?' begins a slot: did you mean '?principal' or '?resource'?" },
        { "@", 1, "expected an expression, found '@'" },
        { ":", 1, "expected an expression, found ':'" },
};

static void test_refusals(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(refusals); i++)
                assert_refuses(refusals[i].text, refusals[i].column, refusals[i].why);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_expressions),
                cmocka_unit_test(test_refusals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
