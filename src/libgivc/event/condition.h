/* SPDX-License-Identifier: Apache-2.0 */
/* What many fibers wait for, again and again, where a promise is for one fiber and happens once: a condition variable.
 * It says only that it is time to look. */
#pragma once

#include "base/list.h"
#include "event/fiber.h"

/* Zero-initialised is ready to use, and there is nothing to clean up. It may go while nobody waits. */
typedef struct Condition {
        List waiters;
} Condition;

static inline bool condition_is_awaited(const Condition *c) {
        return !list_is_empty(&c->waiters);
}
/* Wakes all that wait now. From the loop they run before this returns: they may wait again, which is for the next
 * time, end the waiting of each other, and free what the condition is in. */
void condition_broadcast(Condition *c, int result);
/* Suspends until the next broadcast and returns its result, or -ECANCELED. */
int condition_wait(Condition *c);
/* The same, but no longer than until the given CLOCK_MONOTONIC time (USEC_INFINITY: no limit): then -ETIMEDOUT. */
int condition_wait_until(Condition *c, usec_t deadline);
