/* SPDX-License-Identifier: Apache-2.0 */
#include "base/nearest.h"

#define WORD_MAX 48 /* bytes of a word that is looked for, or found */

static char lower(char c) {
        return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* Damerau and Levenshtein's, where no place is edited twice. */
static uint8_t distance(const char *a, size_t n, const char *b, size_t m) {
        uint8_t d[WORD_MAX + 1][WORD_MAX + 1];

        for (size_t i = 0; i <= n; i++)
                for (size_t j = 0; j <= m; j++) {
                        if (i == 0 || j == 0) {
                                d[i][j] = (uint8_t) (i + j);
                                continue;
                        }
                        d[i][j] = (uint8_t) MIN(MIN(d[i - 1][j], d[i][j - 1]) + 1,
                                        d[i - 1][j - 1] + (lower(a[i - 1]) != lower(b[j - 1])));
                        if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
                                d[i][j] = (uint8_t) MIN(d[i][j], d[i - 2][j - 2] + 1);
                }
        return d[n][m];
}

Nearest nearest_begin(const char *said, size_t size) {
        return (Nearest){ .said = said, .size = size, .n_edits = (unsigned) ((size + 1) / 3) + 1 };
}

void nearest_consider(Nearest *n, const char *candidate, size_t size) {
        unsigned d;

        if (n->size > WORD_MAX || size > WORD_MAX)
                return;
        d = distance(n->said, n->size, candidate, size);
        if (d < n->n_edits) {
                n->n_edits = d;
                n->word = candidate;
                n->word_size = size;
        }
}
