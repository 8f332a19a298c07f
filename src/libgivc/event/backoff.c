/* SPDX-License-Identifier: Apache-2.0 */
#include "event/backoff.h"

#include <sys/random.h>

usec_t backoff_next_usec(Backoff *b) {
        usec_t usec = b->min_usec;
        uint32_t random = 0;

        for (unsigned i = 0; i < b->n_tries && usec < b->max_usec; i++)
                usec *= 2;
        usec = MIN(usec, b->max_usec);
        b->n_tries++;
        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
                random = (uint32_t) time_now(CLOCK_MONOTONIC);
        return usec / 2 + random % (usec / 2 + 1);
}
