/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/fake-journal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-journal.h>

#include "base/mem.h"
#include "base/str.h"

#define ENTRIES_MAX 64

#define fake_check(expression)                                                                                         \
        do {                                                                                                           \
                if (!(expression)) {                                                                                   \
                        fprintf(stderr, "%s:%i: %s\n", __FILE__, __LINE__, #expression);                               \
                        abort();                                                                                       \
                }                                                                                                      \
        } while (false)

typedef struct Entry {
        char *unit, *uid, *data; /* "MESSAGE=…" or NULL */
        usec_t usec;
        bool this_boot;
} Entry;

struct sd_journal {
        char *matches[4];
        size_t n_matches, position; /* the entry behind the current one */
        unsigned n_seen;
};

/* All of it, and a sign that something has changed. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static Entry entries[ENTRIES_MAX];
static size_t n_entries;
static int open_error;
static bool held;
static unsigned n_held, n_open;

static void lock(void) {
        fake_check(pthread_mutex_lock(&mutex) == 0);
}

static void unlock(void) {
        fake_check(pthread_cond_broadcast(&changed) == 0);
        fake_check(pthread_mutex_unlock(&mutex) == 0);
}

void fake_journal_reset(void) {
        lock();
        while (n_entries > 0) {
                n_entries--;
                free(entries[n_entries].unit);
                free(entries[n_entries].uid);
                free(entries[n_entries].data);
        }
        open_error = 0;
        held = false;
        unlock();
}

void fake_journal_add_at(const char *unit, unsigned uid, const char *text, usec_t usec, bool this_boot) {
        lock();
        fake_check(n_entries < ENTRIES_MAX);
        entries[n_entries] = (Entry){ strdup(unit), strf("_UID=%u", uid), text ? strf("MESSAGE=%s", text) : NULL, usec,
                this_boot };
        fake_check(entries[n_entries].unit && entries[n_entries].uid && (!text || entries[n_entries].data));
        n_entries++;
        unlock();
}

void fake_journal_add(const char *unit, unsigned uid, const char *text) {
        fake_journal_add_at(unit, uid, text, time_now(CLOCK_MONOTONIC), true);
}

void fake_journal_fail(int error) {
        lock();
        open_error = error;
        unlock();
}

void fake_journal_hold(bool hold) {
        lock();
        held = hold;
        unlock();
}

static unsigned get(const unsigned *p) {
        unsigned n;

        lock();
        n = *p;
        unlock();
        return n;
}

unsigned fake_journal_count_held(void) {
        return get(&n_held);
}

unsigned fake_journal_count_open(void) {
        return get(&n_open);
}

/* -- what the library does ---------------------------------------------------------------------------------------*/

int sd_journal_open(sd_journal **ret, int flags) {
        int r;

        fake_check(flags == SD_JOURNAL_LOCAL_ONLY);
        lock();
        n_held++;
        while (held)
                fake_check(pthread_cond_wait(&changed, &mutex) == 0);
        n_held--;
        r = open_error;
        if (r == 0) {
                *ret = mem_new0(sd_journal, 1);
                fake_check(*ret);
                n_open++;
        }
        unlock();
        return r;
}

void sd_journal_close(sd_journal *j) {
        if (!j)
                return;
        for (size_t i = 0; i < j->n_matches; i++)
                free(j->matches[i]);
        free(j);
        lock();
        n_open--;
        unlock();
}

int sd_journal_add_match(sd_journal *j, const void *data, size_t size) {
        fake_check(size == 0 && j->n_matches < ELEMENTSOF(j->matches));
        j->matches[j->n_matches] = strdup(data);
        fake_check(j->matches[j->n_matches]);
        j->n_matches++;
        return 0;
}

int sd_journal_set_data_threshold(_unused_ sd_journal *j, _unused_ size_t size) {
        return 0;
}

int sd_journal_seek_tail(sd_journal *j) {
        lock();
        j->position = n_entries;
        unlock();
        return 0;
}

static bool entry_matches(const Entry *e, const sd_journal *j) {
        for (size_t i = 0; i < j->n_matches; i++)
                if (!streq(e->unit, j->matches[i]) && !streq(e->uid, j->matches[i]))
                        return false;
        return true;
}

int sd_journal_previous(sd_journal *j) {
        int r = 0;

        lock();
        while (r == 0 && j->position > 0)
                r = entry_matches(&entries[--j->position], j);
        unlock();
        return r;
}

int sd_journal_get_monotonic_usec(sd_journal *j, uint64_t *ret, sd_id128_t *ret_boot_id) {
        const Entry *e = &entries[j->position];

        fake_check(!ret_boot_id);
        *ret = e->usec;
        return e->this_boot ? 0 : -ESTALE;
}

int sd_journal_get_data(sd_journal *j, const char *field, const void **ret, size_t *ret_size) {
        const Entry *e = &entries[j->position];

        fake_check(streq(field, "MESSAGE"));
        if (!e->data)
                return -ENOENT;
        *ret = e->data;
        *ret_size = strlen(e->data);
        return 0;
}

/* The first call says that everything may have changed, as the library's does. */
int sd_journal_wait(sd_journal *j, uint64_t usec) {
        struct timespec until;
        int r = 0, result = SD_JOURNAL_NOP;

        fake_check(clock_gettime(CLOCK_REALTIME, &until) == 0);
        usec += until.tv_sec * USEC_PER_SEC + until.tv_nsec / 1000;
        until = (struct timespec){ .tv_sec = usec / USEC_PER_SEC, .tv_nsec = usec % USEC_PER_SEC * 1000 };
        lock();
        if (j->n_seen == 0)
                result = SD_JOURNAL_INVALIDATE;
        while (result == SD_JOURNAL_NOP && r == 0) {
                if (n_entries + 1 != j->n_seen)
                        result = SD_JOURNAL_APPEND;
                else
                        r = pthread_cond_timedwait(&changed, &mutex, &until);
        }
        j->n_seen = n_entries + 1;
        unlock();
        return result;
}
