/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"

#include <strings.h>

int parse_uint(const char *s, uint64_t max, uint64_t *ret) {
        uint64_t v = 0;

        if (!s || *s == 0)
                return -EINVAL;
        for (; *s; s++) {
                if (*s < '0' || *s > '9')
                        return -EINVAL;
                if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t) (*s - '0'), &v) ||
                                v > max)
                        return -ERANGE;
        }
        *ret = v;
        return 0;
}

int parse_port(const char *s, uint16_t *ret) {
        uint64_t v;
        int r;

        r = parse_uint(s, UINT16_MAX, &v);
        if (r < 0)
                return r;
        if (v == 0)
                return -ERANGE;
        *ret = v;
        return 0;
}

int parse_boolean(const char *s) {
        static const struct {
                const char *word;
                int value;
        } words[] = {
                { "true", 1 },
                { "yes", 1 },
                { "on", 1 },
                { "1", 1 },
                { "false", 0 },
                { "no", 0 },
                { "off", 0 },
                { "0", 0 },
        };

        for (size_t i = 0; s && i < ELEMENTSOF(words); i++)
                if (strcasecmp(s, words[i].word) == 0)
                        return words[i].value;
        return -EINVAL;
}
