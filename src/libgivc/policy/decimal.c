/* SPDX-License-Identifier: Apache-2.0 */
/* Decimals: an integer in units of 1/10,000. */
#include "base/str.h"
#include "policy/extension.h"

#define DIGITS_MAX 4

/* Sums up below zero, where there is one number more. */
int decimal_parse(Text text, int64_t *ret, const char **ret_why) {
        const char *p = text.data, *end = text.data + text.size, *start;
        bool negative = p < end && *p == '-';
        unsigned digits = 0;
        int64_t n = 0;

        *ret_why = "this is no decimal, as 12.34: digits on both sides of the point, four behind it at most";
        if (negative)
                p++;
        for (start = p; p < end && char_is_digit(*p); p++)
                if (__builtin_mul_overflow(n, 10, &n) || __builtin_sub_overflow(n, *p - '0', &n))
                        goto overflow;
        if (p == start || p == end || *p++ != '.')
                return -EINVAL;
        for (; p < end && char_is_digit(*p) && digits < DIGITS_MAX; p++, digits++)
                if (__builtin_mul_overflow(n, 10, &n) || __builtin_sub_overflow(n, *p - '0', &n))
                        goto overflow;
        if (p < end || digits == 0)
                return -EINVAL;
        for (; digits < DIGITS_MAX; digits++)
                if (__builtin_mul_overflow(n, 10, &n))
                        goto overflow;
        if (!negative && __builtin_sub_overflow(0, n, &n))
                goto overflow;
        *ret = n;
        return 0;

overflow:
        *ret_why = "a decimal is between -922337203685477.5808 and 922337203685477.5807";
        return -EINVAL;
}
