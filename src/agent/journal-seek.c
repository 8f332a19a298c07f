/* SPDX-License-Identifier: Apache-2.0 */
/* Where in the journal to begin. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "agent/exposure.h"
#include "agent/journal-reader-internal.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

/* 1: it has journal files, -EACCES: not for us; 0: it has none. */
static int directory_check(const char *path) {
        _cleanup_closedir_ DIR *directory = opendir(path);
        struct dirent *entry;
        int r = 0;

        if (!directory)
                return errno == EACCES ? -EACCES : 0;
        while (r >= 0 && (entry = readdir(directory)))
                if (endswith(entry->d_name, ".journal"))
                        r = faccessat(dirfd(directory), entry->d_name, R_OK, AT_EACCESS) < 0 ? -EACCES : 1;
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

/* Who was quick to end was perhaps gone when journald looked which unit it belonged to. */
static int reader_match_process(const JournalReader *r) {
        _cleanup_free_ char *match = strf("_PID=%u", r->query->pid);
        int q;

        if (!match)
                return -ENOMEM;
        q = sd_journal_add_disjunction(r->journal);
        if (q >= 0)
                q = sd_journal_add_match(r->journal, match, 0);
        if (q >= 0 && r->query->user)
                q = sd_journal_add_match(r->journal, reader_guard(r, GUARD_SELF), 0);
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
        return r->query->pid > 0 ? reader_match_process(r) : 0;
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

int reader_end_past(JournalReader *r, bool complete) {
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

int reader_seek(JournalReader *r) {
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
