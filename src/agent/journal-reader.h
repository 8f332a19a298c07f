/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of a query's units, entry by entry, by sd-journal: it waits for the disk, so that it is for threads. All
 * of it has to happen in the same one. */
#pragma once

#include <stdatomic.h>

#include "agent/journal.h"

typedef struct JournalReader JournalReader;

/* Stands before the first entry then. Borrows the query; what takes long ends with -ECANCELED when *stop becomes true.
 * 0 or a negative errno as journal_next_wait(). */
int journal_reader_new(const JournalQuery *query, const atomic_bool *stop, JournalReader **ret) _warn_unused_;
JournalReader *journal_reader_free(JournalReader *r);
DEFINE_CLEANUP(JournalReader *, journal_reader_free)
/* 1: *ret is the next entry; 0: there is none, or none yet. */
int journal_reader_next(JournalReader *r, JournalEntry *ret) _warn_unused_;
/* Blocks until there may be more, or until fd has something to be read. 0 or a negative errno. */
int journal_reader_poll(JournalReader *r, int fd) _warn_unused_;
