/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an entry is about a unit that is asked for, and what is in it. */
#include <syslog.h>
#include <systemd/sd-messages.h>

#include "agent/exposure.h"
#include "agent/journal-reader-internal.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"

#define SMALL_MAX        256 /* bytes of an identifier */
#define PRIORITY_DEFAULT LOG_INFO

void journal_entry_done(JournalEntry *e) {
        free(e->unit);
        free(e->identifier);
        free(e->message);
        free(e->cursor);
        *e = (JournalEntry){};
}

const char *reader_guard(const JournalReader *r, Guard guard) {
        const char *const guards[] = {
                [GUARD_INIT] = "_PID=1",
                [GUARD_ROOT] = "_UID=0",
                [GUARD_SELF] = r->self,
        };

        return guards[guard];
}

int reader_get(const JournalReader *r, const char *field, const char **ret, size_t *ret_size) {
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

/* 1 when the current entry has no unit, and is of the process that is known. */
static int reader_check_process(const JournalReader *r) {
        const char *unit;
        uint64_t pid;
        size_t size;
        int q;

        if (r->query->pid == 0)
                return 0;
        q = reader_get(r, r->terms[0].field, &unit, &size);
        if (q != -ENOENT)
                return MIN(q, 0);
        q = reader_get_number(r, "_PID", INT32_MAX, 0, &pid);
        if (q < 0 || pid != r->query->pid)
                return q;
        return r->query->user ? reader_check_guard(r, GUARD_SELF) : 1;
}

/* 1 and the unit that the current entry is about, 0 when that is none of ours. */
static int reader_find_unit(const JournalReader *r, char **ret, bool *ret_own) {
        int q;

        for (size_t i = 0; i < r->n_terms; i++) {
                _cleanup_free_ char *unit = NULL;

                q = reader_dup(r, r->terms[i].field, SMALL_MAX, &unit, NULL);
                if (q >= 0)
                        q = reader_wants(r, unit) ? reader_check_guard(r, r->terms[i].guard) : 0;
                if (q > 0) {
                        *ret = TAKE_PTR(unit);
                        *ret_own = i == 0;
                        return 1;
                }
                if (q < 0 && q != -ENOENT)
                        return q;
        }
        q = reader_check_process(r);
        if (q <= 0)
                return q;
        *ret = strdup(r->query->names[0]);
        *ret_own = true;
        return *ret ? 1 : -ENOMEM;
}

/* By the manager, who is believed to be it where the entry is about a unit of ours and not its own. */
static int reader_is_failure(const JournalReader *r, bool *ret) {
        const char *id;
        size_t size;
        int q;

        q = reader_get(r, "MESSAGE_ID", &id, &size);
        *ret = q >= 0 && size == strlen(SD_MESSAGE_UNIT_FAILURE_RESULT_STR) &&
                        memcmp(id, SD_MESSAGE_UNIT_FAILURE_RESULT_STR, size) == 0;
        return q == -ENOENT ? 0 : q;
}

int reader_fill(const JournalReader *r, JournalEntry *e) {
        uint64_t priority, pid;
        int q;

        q = reader_find_unit(r, &e->unit, &e->own);
        if (q <= 0)
                return q;
        q = e->own ? 0 : reader_is_failure(r, &e->failed);
        if (q < 0)
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
