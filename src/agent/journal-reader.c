/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/journal-reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "agent/exposure.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"

#define SMALL_MAX        256                        /* bytes of an identifier */
#define THRESHOLD        (JOURNAL_MESSAGE_MAX + 64) /* bytes of a field that are decompressed */
#define PRIORITY_DEFAULT LOG_INFO

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

const char *journal_directory;

void journal_entry_done(JournalEntry *e) {
        free(e->unit);
        free(e->identifier);
        free(e->message);
        free(e->cursor);
        *e = (JournalEntry){};
}

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

static const char *reader_guard(const JournalReader *r, Guard guard) {
        const char *const guards[] = {
                [GUARD_INIT] = "_PID=1",
                [GUARD_ROOT] = "_UID=0",
                [GUARD_SELF] = r->self,
        };

        return guards[guard];
}

/* -- who may read ------------------------------------------------------------------------------------------------ */

/* 1: it has journal files, -EACCES: not for us; 0: it has none. */
static int directory_check(const char *path) {
        struct dirent *entry;
        DIR *directory;
        int r = 0;

        directory = opendir(path);
        if (!directory)
                return errno == EACCES ? -EACCES : 0;
        while (r >= 0 && (entry = readdir(directory)))
                if (endswith(entry->d_name, ".journal"))
                        r = faccessat(dirfd(directory), entry->d_name, R_OK, AT_EACCESS) < 0 ? -EACCES : 1;
        (void) closedir(directory);
        return r;
}

/* sd-journal passes over what it may not open: why is there nothing? */
static int journal_check(void) {
        static const char *const roots[] = { "/var/log/journal", "/run/log/journal" };
        char path[64], id[SD_ID128_STRING_MAX];
        sd_id128_t machine;
        int r, found = 0;

        if (journal_directory) {
                found = directory_check(journal_directory);
                return found == 0 ? -ENOENT : MIN(found, 0);
        }
        r = sd_id128_get_machine(&machine);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(roots); i++) {
                (void) snprintf(path, sizeof(path), "%s/%s", roots[i], sd_id128_to_string(machine, id));
                r = directory_check(path);
                found = MAX(found, r);
        }
        return r < 0 ? r : found > 0 ? 0 : -ENOENT;
}

/* -- what is an entry of ours, and what is in it ------------------------------------------------------------------ */

/* The value of the current entry's field, borrowed until the next call; -ENOENT when it has none that can be read. */
static int reader_get(const JournalReader *r, const char *field, const char **ret, size_t *ret_size) {
        const void *data;
        size_t size, n = strlen(field) + 1;
        int q;

        q = sd_journal_get_data(r->journal, field, &data, &size);
        if (q == -EBADMSG || q == -EPROTONOSUPPORT || q == -E2BIG || (q >= 0 && size < n))
                return -ENOENT;
        if (q < 0)
                return q;
        *ret = (const char *) data + n;
        *ret_size = size - n;
        return 0;
}

/* A copy as UTF-8, cut at a character. */
static int reader_dup(const JournalReader *r, const char *field, size_t max, char **ret, bool *ret_cut) {
        const char *data;
        size_t size, n;
        char *copy;
        int q;

        q = reader_get(r, field, &data, &size);
        if (q < 0)
                return q;
        n = MIN(size, max);
        while (n > 0 && n < size && ((uint8_t) data[n] & 0xC0) == 0x80)
                n--;
        copy = mem_dup(data, n);
        if (!copy)
                return -ENOMEM;
        for (char *nul = copy; (nul = memchr(nul, 0, (size_t) (copy + n - nul)));)
                *nul = '?';
        str_make_utf8(copy, '?');
        *ret = copy;
        if (ret_cut)
                *ret_cut = n < size;
        return 0;
}

static int reader_get_number(
                const JournalReader *r, const char *field, uint64_t max, uint64_t otherwise, uint64_t *ret) {
        _cleanup_free_ char *text = NULL;
        int q;

        *ret = otherwise;
        q = reader_dup(r, field, SMALL_MAX, &text, NULL);
        if (q >= 0 && parse_uint(text, max, ret) < 0)
                *ret = otherwise;
        return q == -ENOENT ? 0 : MIN(q, 0);
}

static bool reader_wants(const JournalReader *r, const char *unit) {
        return strv_contains(r->query->names, unit) ||
                        (r->query->instances && exposure_has_instance(r->query->names, unit));
}

static int reader_check_guard(const JournalReader *r, Guard guard) {
        const char *wanted, *value;
        size_t size;
        char field[8];
        int q;

        if (guard == GUARD_NONE)
                return 1;
        wanted = reader_guard(r, guard);
        size = strcspn(wanted, "=");
        memcpy(field, wanted, size);
        field[size] = 0;
        wanted += size + 1;
        q = reader_get(r, field, &value, &size);
        if (q < 0)
                return q == -ENOENT ? 0 : q;
        return size == strlen(wanted) && memcmp(value, wanted, size) == 0;
}

/* 1 and the unit that the current entry is about, 0 when that is none of ours. */
static int reader_find_unit(const JournalReader *r, char **ret) {
        int q;

        for (size_t i = 0; i < r->n_terms; i++) {
                _cleanup_free_ char *unit = NULL;

                q = reader_dup(r, r->terms[i].field, SMALL_MAX, &unit, NULL);
                if (q >= 0)
                        q = reader_wants(r, unit) ? reader_check_guard(r, r->terms[i].guard) : 0;
                if (q > 0) {
                        *ret = TAKE_PTR(unit);
                        return 1;
                }
                if (q < 0 && q != -ENOENT)
                        return q;
        }
        return 0;
}

static int reader_fill(const JournalReader *r, JournalEntry *e) {
        uint64_t priority, pid;
        int q;

        q = reader_find_unit(r, &e->unit);
        if (q <= 0)
                return q;
        q = reader_dup(r, "MESSAGE", JOURNAL_MESSAGE_MAX, &e->message, &e->cut);
        if (q < 0)
                return q == -ENOENT ? 0 : q;
        q = reader_dup(r, "SYSLOG_IDENTIFIER", SMALL_MAX, &e->identifier, NULL);
        if (q == -ENOENT)
                q = reader_dup(r, "_COMM", SMALL_MAX, &e->identifier, NULL);
        if (q < 0 && q != -ENOENT)
                return q;
        q = reader_get_number(r, "PRIORITY", LOG_DEBUG, PRIORITY_DEFAULT, &priority);
        if (q >= 0)
                q = reader_get_number(r, "_PID", INT32_MAX, 0, &pid);
        if (q >= 0)
                q = sd_journal_get_realtime_usec(r->journal, &e->usec);
        if (q >= 0)
                q = sd_journal_get_cursor(r->journal, &e->cursor);
        if (q < 0)
                return q;
        e->priority = (unsigned) priority;
        e->pid = (uint32_t) pid;
        return 1;
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

/* -- where to begin ---------------------------------------------------------------------------------------------- */

/* The instances that the journal knows. */
static int reader_find_instances(const JournalReader *r, char ***names) {
        const void *data;
        size_t size, n = 0;
        int q;

        for (size_t i = 0; i < r->n_terms; i++) {
                const char *field = r->terms[i].field;

                q = sd_journal_query_unique(r->journal, field);
                while (q >= 0 && (q = sd_journal_enumerate_available_unique(r->journal, &data, &size)) > 0) {
                        _cleanup_free_ char *unit =
                                        mem_dup((const char *) data + strlen(field) + 1, size - strlen(field) - 1);

                        if (atomic_load(r->stop))
                                return -ECANCELED;
                        if (!unit)
                                return -ENOMEM;
                        if (!exposure_has_instance(r->query->names, unit) || strv_contains(*names, unit))
                                continue;
                        if (n++ >= JOURNAL_UNITS_MAX)
                                return 0;
                        q = strv_extend(names, unit);
                }
                if (q < 0)
                        return q;
        }
        return 0;
}

static int reader_match_term(const JournalReader *r, const Term *term, char *const *names) {
        int q = 0;

        if (term->guard != GUARD_NONE)
                q = sd_journal_add_match(r->journal, reader_guard(r, term->guard), 0);
        for (; q >= 0 && *names; names++) {
                _cleanup_free_ char *match = strf("%s=%s", term->field, *names);

                q = match ? sd_journal_add_match(r->journal, match, 0) : -ENOMEM;
        }
        return q;
}

static int reader_match(const JournalReader *r) {
        _cleanup_strv_free_ char **names = NULL;
        int q;

        STRV_FOREACH(name, r->query->names) {
                q = strv_extend(&names, *name);
                if (q < 0)
                        return q;
        }
        if (r->query->instances) {
                q = reader_find_instances(r, &names);
                if (q < 0)
                        return q;
        }
        for (size_t i = 0; names && i < r->n_terms; i++) {
                q = i > 0 ? sd_journal_add_disjunction(r->journal) : 0;
                if (q >= 0)
                        q = reader_match_term(r, &r->terms[i], names);
                if (q < 0)
                        return q;
        }
        return 0;
}

/* 1 when the current entry is not among those that are asked for: too old. */
static int reader_is_before(const JournalReader *r) {
        usec_t usec;
        int q;

        if (r->query->after) {
                q = sd_journal_test_cursor(r->journal, r->query->after);
                if (q != 0)
                        return q;
        }
        q = sd_journal_get_realtime_usec(r->journal, &usec);
        return q < 0 ? q : usec < r->query->since_usec;
}

/* From the last entry back to the first that is asked for; what says nothing does not count. */
static int reader_go_back(JournalReader *r) {
        const char *data;
        uint32_t n = 0;
        size_t size;
        int q;

        for (;;) {
                if (atomic_load(r->stop))
                        return -ECANCELED;
                q = reader_get(r, "MESSAGE", &data, &size);
                if (q < 0 && q != -ENOENT)
                        return q;
                if (q >= 0 && ++n == r->query->n_lines)
                        return 1;
                q = sd_journal_previous(r->journal);
                if (q == 0)
                        return 1;
                if (q > 0)
                        q = reader_is_before(r);
                if (q < 0)
                        return q;
                if (q > 0)
                        return sd_journal_next(r->journal);
        }
}

static int reader_go_to_begin(JournalReader *r) {
        int q;

        if (r->query->has_n_lines)
                return reader_go_back(r);
        if (r->query->after)
                q = sd_journal_seek_cursor(r->journal, r->query->after);
        else if (r->query->since_usec > 0)
                q = sd_journal_seek_realtime_usec(r->journal, r->query->since_usec);
        else
                q = sd_journal_seek_head(r->journal);
        if (q >= 0)
                q = sd_journal_next(r->journal);
        r->sought = r->query->after;
        return q;
}

static int reader_end_past(JournalReader *r, bool complete) {
        const char *from = complete || !r->shown ? r->end : r->shown;

        r->stage = r->query->follow ? STAGE_FOLLOW : STAGE_END;
        r->here = false;
        if (r->stage == STAGE_END)
                return 0;
        if (r->query->instances)
                sd_journal_flush_matches(r->journal);
        r->sought = from;
        return from ? sd_journal_seek_cursor(r->journal, from) : sd_journal_seek_head(r->journal);
}

/* The last entry of the units that was written before we came; 0 when there is none that is asked for. */
static int reader_find_last(JournalReader *r) {
        int q;

        if (!r->end || (r->query->has_n_lines && r->query->n_lines == 0))
                return 0;
        q = sd_journal_seek_cursor(r->journal, r->end);
        if (q >= 0)
                q = sd_journal_previous(r->journal);
        if (q <= 0)
                return q;
        q = reader_is_before(r);
        if (q != 0)
                return MIN(q, 0);
        q = sd_journal_get_cursor(r->journal, &r->last);
        return q < 0 ? q : 1;
}

static int reader_seek(JournalReader *r) {
        int q;

        q = sd_journal_seek_tail(r->journal);
        if (q >= 0)
                q = sd_journal_previous(r->journal);
        if (q > 0)
                q = sd_journal_get_cursor(r->journal, &r->end);
        else if (q == 0)
                q = journal_check();
        if (q >= 0)
                q = reader_match(r);
        if (q >= 0 && r->query->after && sd_journal_seek_cursor(r->journal, r->query->after) < 0)
                return -EINVAL;
        if (q >= 0)
                q = reader_find_last(r);
        if (q > 0)
                q = reader_go_to_begin(r);
        if (q < 0)
                return q;
        r->here = q > 0;
        return q > 0 ? 0 : reader_end_past(r, true);
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
        r->n_terms = query->own_words ? 1 : query->user ? ELEMENTSOF(user_terms) : ELEMENTSOF(system_terms);
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

/* -- and on ------------------------------------------------------------------------------------------------------ */

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
        if (poll(fds, ELEMENTSOF(fds), msec) < 0 && errno != EINTR)
                return -errno;
        q = sd_journal_process(r->journal);
        return MIN(q, 0);
}
