/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit has said last: why it failed, in its own words. */
#pragma once

#include "base/time.h"

#define JOURNAL_LINES_MAX     5   /* last words of one unit */
#define JOURNAL_LINE_SIZE_MAX 180 /* bytes; longer lines are cut at a character */
/* What was said just before the end may not be in the journal yet. */
#define JOURNAL_WAIT_USEC (1 * USEC_PER_SEC)

/* The last lines, oldest first, that the processes of a unit that has failed have written to the journal since that
 * time (CLOCK_REALTIME); of this user's manager when user is true. Its main process was pid, 0: unknown. A new list,
 * NULL when there are none. Suspends for what the disk takes, then until the manager's word of the failure is there as
 * well, for JOURNAL_WAIT_USEC at most. 0, or a negative errno as journal_next_wait(). */
int journal_tail_wait(const char *unit, bool user, uint32_t pid, usec_t since_usec, char ***ret) _warn_unused_;
