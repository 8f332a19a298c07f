/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the reader share: journal-reader.c goes from entry to entry, journal-seek.c finds the first one,
 * journal-entry.c looks at one. */
#pragma once

#include <systemd/sd-journal.h>

#include "agent/journal-reader.h"

/* The fields that name a unit are believed to those only who are who they have to be: these the journal sets itself. */
typedef enum Guard {
        GUARD_NONE, /* the field is such a one */
        GUARD_INIT,
        GUARD_ROOT,
        GUARD_SELF, /* another user's unit of that name is another unit */
} Guard;

typedef struct Term {
        const char *field;
        Guard guard;
} Term;

/* What is there and what is written later are told apart by the end that the journal has in the beginning. The past is
 * looked for by matches, which can only be for units that are known by then; what comes is looked at one by one. */
typedef enum Stage {
        STAGE_PAST,
        STAGE_FOLLOW,
        STAGE_END,
} Stage;

struct JournalReader {
        sd_journal *journal;
        const JournalQuery *query;
        const atomic_bool *stop;
        const Term *terms;
        size_t n_terms;
        char self[32];      /* "_UID=1000" */
        char *end;          /* cursor of the last entry of anybody in the beginning */
        char *last;         /* the same of the units' */
        char *shown;        /* cursor of the last entry that was handed out */
        bool here;          /* the current entry is to be handed out */
        const char *sought; /* the next may be the entry of this cursor, which is not asked for */
        Stage stage;
};

/* The match that who says something of a unit has to fulfil; NULL: none. */
const char *reader_guard(const JournalReader *r, Guard guard);
/* The value of the current entry's field, borrowed until the next call; -ENOENT when it has none that can be read. */
int reader_get(const JournalReader *r, const char *field, const char **ret, size_t *ret_size) _warn_unused_;
/* The current entry: 1, or 0 when it is none of ours or says nothing. */
int reader_fill(const JournalReader *r, JournalEntry *e) _warn_unused_;

/* To the first entry that is asked for. A negative errno as journal_next_wait(). */
int reader_seek(JournalReader *r) _warn_unused_;
/* To what is written later, if that is asked for; complete: all that is past was handed out. */
int reader_end_past(JournalReader *r, bool complete) _warn_unused_;
