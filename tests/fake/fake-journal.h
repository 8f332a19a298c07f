/* SPDX-License-Identifier: Apache-2.0 */
/* A journal for tests, in memory: a program that is linked with it reads this one when it calls sd_journal_open() and
 * its sisters. It may be read in threads. Functions that can only fail for want of memory or by a wrong test abort. */
#pragma once

#include "base/time.h"

/* Forgets all entries and settings. */
void fake_journal_reset(void);
/* An entry of now. unit is the field that says whose it is, "_SYSTEMD_UNIT=foot@0.service"; text may be NULL: an entry
 * without MESSAGE. */
void fake_journal_add(const char *unit, unsigned uid, const char *text);
/* The same at another time, of this boot or of one before. */
void fake_journal_add_at(const char *unit, unsigned uid, const char *text, usec_t usec, bool this_boot);
/* Opening fails with this negative errno; 0: it works. */
void fake_journal_fail(int error);
/* Whoever opens the journal waits there until it is not held any more. */
void fake_journal_hold(bool hold);
/* How many wait there, and how many have it open. */
unsigned fake_journal_count_held(void);
unsigned fake_journal_count_open(void);
