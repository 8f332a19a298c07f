/* SPDX-License-Identifier: Apache-2.0 */
/* Time in microseconds. Timers run on CLOCK_MONOTONIC; only what people read is CLOCK_REALTIME. */
#pragma once

#include <time.h>

#include "base/macro.h"

typedef uint64_t usec_t;

#define USEC_PER_MSEC ((usec_t) 1000)
#define USEC_PER_SEC  ((usec_t) 1000000)
#define USEC_INFINITY UINT64_MAX

usec_t time_now(clockid_t clock);
/* a + b, where USEC_INFINITY stays what it is and an overflow becomes it. */
static inline usec_t usec_add(usec_t a, usec_t b) {
        return a > USEC_INFINITY - b ? USEC_INFINITY : a + b;
}
