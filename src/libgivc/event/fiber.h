/* SPDX-License-Identifier: Apache-2.0 */
/* Fibers: functions that may wait without blocking the loop. A function whose name ends in _wait may suspend the
 * fiber that calls it; when it comes back the world may have changed, and -ECANCELED means: clean up and return.
 * All fibers belong to the thread of sd_event_default(). They run on stacks of their own, one at a time, from the
 * moment they are started or woken until they wait or return. A fiber that starts or wakes another goes on first. */
#pragma once

#include <systemd/sd-event.h>

#include "base/macro.h"
#include "base/time.h"

typedef struct Fiber Fiber;
typedef int (*fiber_func_t)(void *userdata);

#define FIBER_STACK_SIZE (256 * 1024) /* address space, with a guard page below; only what is touched costs memory */
#define FIBER_GUARD_SIZE (64 * 1024)  /* below it: more than any function's frame, so that none can step over it */
#define FIBER_POOL_MAX   32           /* idle stacks that are kept */

/* Runs func(userdata) in a fiber, at once when called from the loop. *slot, when slot is not NULL, names the fiber
 * until func has returned and is NULL then; it must stay valid that long. 0, or -ENOMEM and nothing runs. */
int fiber_start(Fiber **slot, fiber_func_t func, void *userdata) _warn_unused_;
/* In a fiber, before it frees the object that its slot is in: clears the slot now. From then on nobody can cancel
 * it. */
void fiber_release_slot(void);
/* Ends the waiting of a fiber, now and from now on: every _wait in it returns -ECANCELED. NULL and repetition are
 * fine. */
void fiber_cancel(Fiber *f);
/* The fiber that runs, or NULL on the loop's own stack, where nothing may wait. */
Fiber *fiber_current(void);
bool fiber_is_canceled(const Fiber *f);
/* Fibers that have begun and not returned. */
unsigned fiber_count(void);

/* One thing that a fiber waits for and that happens once. Zero-initialised is ready to use; it lives where the waiting
 * function lives, or in the object that the callback knows. */
typedef struct Promise {
        Fiber *waiter;
        bool done;
        int result;
} Promise;

/* Records the result and wakes the waiter. The first call counts. From the loop the waiter runs before this returns. */
void promise_resolve(Promise *p, int result);
/* Suspends until the promise is resolved and returns its result (at once when it is already), or -ECANCELED. */
int promise_wait(Promise *p);
/* The same, but no longer than until the given CLOCK_MONOTONIC time (USEC_INFINITY: no limit): then -ETIMEDOUT. */
int promise_wait_until(Promise *p, usec_t deadline);
/* As promise_wait(), but goes on waiting when the fiber is cancelled: only for what is certain to end by itself. */
int promise_wait_uncanceled(Promise *p);

/* Suspends for a time; 0 or -ECANCELED. */
int fiber_sleep_wait(usec_t usec);
