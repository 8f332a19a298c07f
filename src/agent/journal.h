/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit has said last. The journal is read from the disk, in threads of its own: no fiber waits for the disk. */
#pragma once

#include "base/time.h"

#define JOURNAL_LINES_MAX     5   /* of one unit */
#define JOURNAL_LINE_SIZE_MAX 180 /* bytes; longer lines are cut at a character */
#define JOURNAL_READERS_MAX   4   /* at once; who comes then gets -EBUSY */
/* What a program has said just before it ended may not be in the journal yet. */
#define JOURNAL_WAIT_USEC (250 * USEC_PER_MSEC)

/* The last lines, oldest first, that the processes of the unit have written to the journal since that time
 * (CLOCK_MONOTONIC); of this user's manager when user is true. A new list, NULL when there are none or we may not read
 * them. Suspends for JOURNAL_WAIT_USEC when there are none, shorter when there are. 0, -EBUSY, -ECANCELED, or another
 * negative errno. */
int journal_tail_wait(const char *unit, bool user, usec_t since, char ***ret) _warn_unused_;
