/* SPDX-License-Identifier: Apache-2.0 */
/* What units have to say. The journal is read from the disk, in threads of its own: no fiber waits for the disk. */
#pragma once

#include "base/time.h"

#define JOURNAL_MESSAGE_MAX 16384        /* bytes of a message; longer ones are cut at a character */
#define JOURNAL_BATCH_MAX   64           /* entries that are read ahead of a slow reader */
#define JOURNAL_BATCH_BYTES (256 * 1024) /* about: the messages among them */
#define JOURNAL_CURSOR_MAX  1024         /* bytes of one that a reader names: it is compared with entry after entry */
#define JOURNAL_READERS_MAX 32           /* at once; who comes then gets -EBUSY */
#define JOURNAL_TAILS_MAX   4            /* the same for last words, beside these */
#define JOURNAL_UNITS_MAX   1024         /* instances that are looked for in what is past */

typedef struct JournalQuery {
        char **names;      /* units as systemd calls them, see also instances */
        bool instances;    /* NAME@NUMBER.service too, of each of the names */
        bool user;         /* of this user's manager, else of the system's */
        uint32_t pid;      /* a process whose words without a unit are the first name's; 0: none */
        bool follow;       /* what is written later */
        bool last_words;   /* -EAGAIN once, before what is written later, which is looked for all the time */
        bool has_n_lines;  /* else all */
        uint32_t n_lines;  /* the last so many of those that are there */
        usec_t since_usec; /* CLOCK_REALTIME, of what is there; 0: any */
        char *after;       /* cursor; NULL: any */
} JournalQuery;

typedef struct JournalEntry {
        char *unit, *identifier, *message, *cursor;
        usec_t usec; /* CLOCK_REALTIME */
        unsigned priority;
        uint32_t pid;
        bool cut;
        bool own;    /* what the unit says itself, not the service manager or another of it */
        bool failed; /* that it has failed, in the manager's words */
} JournalEntry;

void journal_entry_done(JournalEntry *e);

typedef struct Journal Journal;

/* Copies the query. 0, -EBUSY, or another negative errno. */
int journal_new(const JournalQuery *query, Journal **ret) _warn_unused_;
/* Does not wait for its thread, which ends by itself. */
Journal *journal_free(Journal *j);
DEFINE_CLEANUP(Journal *, journal_free)
/* Suspends for the next entry, oldest first, no longer than until the deadline (CLOCK_MONOTONIC). 1: *ret is one,
 * journal_entry_done() it; 0: there are no more; -EACCES when we may not read the journal, -ENOENT when there is none,
 * -EINVAL when after is no cursor; -EAGAIN as the query wants; -ETIMEDOUT, -ECANCELED, -ESHUTDOWN, or another negative
 * errno. */
int journal_next_wait(Journal *j, usec_t deadline, JournalEntry *ret) _warn_unused_;
/* Everybody who follows stops now: -ESHUTDOWN. */
void journal_shutdown(void);
/* Threads that read, those too whose fiber has left. */
unsigned journal_count_readers(void);

/* A directory of journal files instead of the machine's, for tests; borrowed. */
extern const char *journal_directory;
