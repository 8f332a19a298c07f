/* SPDX-License-Identifier: Apache-2.0 */
/* What is in sets and in strings: methods of sets, and patterns. */
#include "policy/evaluate.h"

/* Both are in order, so that one walk sees what they share. */
static bool contains_all(const ValueSet *set, const ValueSet *other) {
        size_t i = 0;

        for (size_t j = 0; j < other->n; j++) {
                int r = -1;

                while (i < set->n && (r = value_compare(&set->items[i], &other->items[j])) < 0)
                        i++;
                if (r != 0)
                        return false;
        }
        return true;
}

static bool contains_any(const ValueSet *set, const ValueSet *other) {
        for (size_t i = 0, j = 0; i < set->n && j < other->n;) {
                int r = value_compare(&set->items[i], &other->items[j]);

                if (r == 0)
                        return true;
                if (r < 0)
                        i++;
                else
                        j++;
        }
        return false;
}

int evaluate_set_method(Evaluation *e, const Expr *expr, Value *ret) {
        Value left, right;
        int r;

        r = evaluate_kind(e, expr->left, VALUE_SET, &left);
        if (r < 0)
                return r;
        if (expr->method == METHOD_IS_EMPTY)
                return evaluation_answer(ret, left.set->n == 0);
        if (expr->method == METHOD_CONTAINS)
                r = evaluate(e, expr->right, &right);
        else
                r = evaluate_kind(e, expr->right, VALUE_SET, &right);
        if (r < 0)
                return r;
        return evaluation_answer(ret,
                        expr->method == METHOD_CONTAINS                       ? value_set_contains(left.set, &right)
                                        : expr->method == METHOD_CONTAINS_ALL ? contains_all(left.set, right.set)
                                                                              : contains_any(left.set, right.set));
}

/* The first part begins the text, the last one ends it, and each between them is where it comes first: if it fits
 * later, it fits there too. Bytes do for characters, none of which is part of another in UTF-8. */
static bool pattern_matches(const Pattern *pattern, Text text) {
        Text first = pattern->parts[0], last = pattern->parts[pattern->n - 1];

        if (pattern->n == 1)
                return text_equal(first, text);
        if (text.size < first.size + last.size || memcmp(text.data, first.data, first.size) != 0 ||
                        memcmp(text.data + text.size - last.size, last.data, last.size) != 0)
                return false;
        text = (Text){ text.data + first.size, text.size - first.size - last.size };
        for (size_t i = 1; i + 1 < pattern->n; i++) {
                Text part = pattern->parts[i];
                const char *found = memmem(text.data, text.size, part.data, part.size);

                if (!found)
                        return false;
                text = (Text){ found + part.size, text.size - (size_t) (found - text.data) - part.size };
        }
        return true;
}

int evaluate_like(Evaluation *e, const Expr *expr, Value *ret) {
        Value left;
        int r;

        r = evaluate_kind(e, expr->left, VALUE_STRING, &left);
        return r < 0 ? r : evaluation_answer(ret, pattern_matches(&expr->pattern, left.string));
}
