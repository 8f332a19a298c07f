/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait before the next try: doubles from min to max, with jitter so that many peers do not return at
 * once. */
#pragma once

#include "base/time.h"

typedef struct Backoff {
        usec_t min_usec, max_usec;
        unsigned n_tries;
} Backoff;

/* The wait before the next try: between half and all of min * 2^tries, at most max. Counts the try. */
usec_t backoff_next_usec(Backoff *b);
/* After a success: the next wait is the shortest again. */
static inline void backoff_reset(Backoff *b) {
        b->n_tries = 0;
}
