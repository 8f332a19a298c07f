/* SPDX-License-Identifier: Apache-2.0 */
/* An input as a few strings: each line is one. They are allocated on their own, so that who reads behind the end of one
 * is found out. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/macro.h"

#define WORDS_MAX 32

typedef struct Words {
        char *words[WORDS_MAX + 1]; /* NULL-terminated */
        size_t n;
} Words;

static inline void check(bool good) {
        if (!good)
                __builtin_trap();
}

static inline void words_done(Words *w) {
        for (size_t i = 0; i < w->n; i++)
                free(w->words[i]);
}

static inline Words words_split(const uint8_t *data, size_t size) {
        Words w = {};

        while (w.n < WORDS_MAX) {
                const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
                size_t n = end ? (size_t) (end - data) : size;

                w.words[w.n] = malloc(n + 1);
                check(w.words[w.n]);
                if (n > 0)
                        memcpy(w.words[w.n], data, n);
                w.words[w.n++][n] = 0;
                if (!end)
                        break;
                data = end + 1;
                size -= n + 1;
        }
        return w;
}
