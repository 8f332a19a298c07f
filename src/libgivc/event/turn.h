/* SPDX-License-Identifier: Apache-2.0 */
/* What one fiber at a time does: a lock for fibers. */
#pragma once

#include "event/condition.h"

/* Zero-initialised is ready to use, and there is nothing to clean up. It may go while nobody has it or waits for it. */
typedef struct Turn {
        bool taken;
        Condition ended;
} Turn;

/* Suspends until it is ours: 0, and turn_end() it; or -ECANCELED, and it is not. Who waits has no place in a queue. */
int turn_wait(Turn *t) _warn_unused_;
/* From the loop, whoever waits runs before this returns. */
void turn_end(Turn *t);
