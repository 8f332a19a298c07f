/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/journal-reader-internal.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define THRESHOLD (JOURNAL_MESSAGE_MAX + 64) /* bytes of a field that are decompressed */
/* journald tells of what it has written a quarter of a second later, which is too late for who waits for an answer. */
#define LOOK_MSEC 10

static const Term system_terms[] = {
        { "_SYSTEMD_UNIT", GUARD_NONE }, /* first: the unit's own words */
        { "UNIT", GUARD_INIT },
        { "OBJECT_SYSTEMD_UNIT", GUARD_ROOT },
        { "COREDUMP_UNIT", GUARD_ROOT },
};

static const Term user_terms[] = {
        { "_SYSTEMD_USER_UNIT", GUARD_SELF },
        { "USER_UNIT", GUARD_SELF },
};

const char *journal_directory;

JournalReader *journal_reader_free(JournalReader *r) {
        if (!r)
                return NULL;
        sd_journal_close(r->journal);
        free(r->end);
        free(r->last);
        free(r->shown);
        free(r);
        return NULL;
}

int journal_reader_new(const JournalQuery *query, const atomic_bool *stop, JournalReader **ret) {
        _cleanup_(journal_reader_freep) JournalReader *r = NULL;
        int q;

        r = mem_new0(JournalReader, 1);
        if (!r)
                return -ENOMEM;
        r->query = query;
        r->stop = stop;
        r->terms = query->user ? user_terms : system_terms;
        r->n_terms = query->user ? ELEMENTSOF(user_terms) : ELEMENTSOF(system_terms);
        (void) snprintf(r->self, sizeof(r->self), "_UID=%u", (unsigned) geteuid());
        q = journal_directory ? sd_journal_open_directory(&r->journal, journal_directory, 0)
                              : sd_journal_open(&r->journal, SD_JOURNAL_LOCAL_ONLY);
        if (q < 0)
                return q;
        (void) sd_journal_set_data_threshold(r->journal, THRESHOLD);
        /* Before anything is read, so that nothing comes unnoticed. */
        q = query->follow ? sd_journal_get_fd(r->journal) : 0;
        if (q >= 0)
                q = reader_seek(r);
        if (q < 0)
                return q;
        *ret = TAKE_PTR(r);
        return 0;
}

/* 1 and the current entry, 0 when it is none of ours or says nothing. */
static int reader_take(JournalReader *r, JournalEntry *ret) {
        _cleanup_(journal_entry_done) JournalEntry e = {};
        int q;

        q = reader_fill(r, &e);
        if (q <= 0)
                return q;
        if (str_replace(&r->shown, e.cursor) < 0)
                return -ENOMEM;
        *ret = e;
        e = (JournalEntry){};
        return 1;
}

/* The entry whose cursor was sought is known already. */
static int reader_is_sought(JournalReader *r) {
        const char *cursor = TAKE_PTR(r->sought);

        return cursor ? sd_journal_test_cursor(r->journal, cursor) : 0;
}

/* The current entry as journal_reader_next(), 0 when it is to be passed over. */
static int reader_hand_out(JournalReader *r, JournalEntry *ret) {
        int q, last;

        q = reader_is_sought(r);
        if (q != 0)
                return MIN(q, 0);
        last = r->stage == STAGE_PAST ? sd_journal_test_cursor(r->journal, r->last) : 0;
        if (last < 0)
                return last;
        q = reader_take(r, ret);
        if (q < 0 || last == 0)
                return q;
        last = reader_end_past(r, true);
        if (last >= 0)
                return q;
        journal_entry_done(ret);
        return last;
}

int journal_reader_next(JournalReader *r, JournalEntry *ret) {
        int q = 0;

        *ret = (JournalEntry){};
        while (q == 0 && r->stage != STAGE_END) {
                if (atomic_load(r->stop))
                        return -ECANCELED;
                q = r->here ? 1 : sd_journal_next(r->journal);
                r->here = false;
                if (q > 0)
                        q = reader_hand_out(r, ret);
                else if (q == 0 && r->stage == STAGE_FOLLOW)
                        return 0;
                else if (q == 0) /* the last one was vacuumed meanwhile */
                        q = reader_end_past(r, false);
        }
        return q;
}

int journal_reader_poll(JournalReader *r, int fd) {
        struct pollfd fds[] = {
                { .fd = sd_journal_get_fd(r->journal), .events = POLLIN },
                { .fd = fd, .events = POLLIN },
        };
        usec_t until, now;
        int q, msec = -1;

        q = sd_journal_get_timeout(r->journal, &until); /* where files change without a sign */
        if (q < 0)
                return q;
        if (until != USEC_INFINITY) {
                now = time_now(CLOCK_MONOTONIC);
                msec = until > now ? (int) MIN((until - now) / USEC_PER_MSEC + 1, (usec_t) INT_MAX) : 0;
        }
        if (r->query->last_words)
                msec = msec < 0 ? LOOK_MSEC : MIN(msec, LOOK_MSEC);
        if (poll(fds, ELEMENTSOF(fds), msec) < 0 && errno != EINTR)
                return -errno;
        q = sd_journal_process(r->journal);
        return MIN(q, 0);
}
