/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the words that there are was meant by one that is none of them: the one that the fewest slips of the fingers
 * lead to, if they are few. */
#pragma once

#include "base/macro.h"

typedef struct Nearest {
        const char *said; /* borrowed, as are the candidates */
        size_t size;
        unsigned n_edits;
        const char *word; /* of those so far; NULL: none was near enough */
        size_t word_size;
} Nearest;

/* said is size bytes. What is long is not looked for. */
Nearest nearest_begin(const char *said, size_t size);
/* Characters put in, left out, replaced, or swapped with their neighbour; upper and lower case are the same. The first
 * of those that are equally near is kept. */
void nearest_consider(Nearest *n, const char *candidate, size_t size);
