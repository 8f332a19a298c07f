/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/journal.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <systemd/sd-event.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "event/fiber.h"

/* Lines come in bursts: when the journal is quiet for so long, there are no more. */
#define QUIET_USEC (20 * USEC_PER_MSEC)
#define DATA_MAX   4096 /* bytes of a field that are decompressed */

/* A question to the journal. The thread and the fiber that asked own it together: the fiber may leave first. */
typedef struct Reading {
        atomic_uint n_ref;
        char *unit;
        bool user;
        usec_t since;
        char **lines;
        int result;
        int done_fd; /* eventfd, written by the thread */
} Reading;

static atomic_uint n_readers;

static void reading_unref(Reading *r) {
        if (!r || atomic_fetch_sub(&r->n_ref, 1) > 1)
                return;
        free(r->unit);
        strv_free(r->lines);
        (void) fd_close(r->done_fd);
        free(r);
}
static void reading_unrefp(Reading **r) {
        reading_unref(*r);
}

/* One line of text, whatever it was; may be cut. */
static char *line_new(const char *data, size_t size) {
        char *line;
        size_t n = MIN(size, (size_t) JOURNAL_LINE_SIZE_MAX);

        while (n > 0 && n < size && ((uint8_t) data[n] & 0xC0) == 0x80)
                n--;
        line = mem_dup(data, n);
        for (size_t i = 0; line && i < n; i++)
                if ((uint8_t) line[i] < ' ' || line[i] == 0x7F)
                        line[i] = ' ';
        if (!line || str_is_printable(line))
                return line;
        for (size_t i = 0; i < n; i++)
                if ((uint8_t) line[i] > 0x7F)
                        line[i] = '?';
        return line;
}

static int journal_open(const Reading *reading, sd_journal **ret) {
        _cleanup_(sd_journal_closep) sd_journal *j = NULL;
        _cleanup_free_ char *unit = NULL, *uid = NULL;
        int r;

        unit = strf("%s=%s", reading->user ? "_SYSTEMD_USER_UNIT" : "_SYSTEMD_UNIT", reading->unit);
        uid = strf("_UID=%u", (unsigned) geteuid());
        if (!unit || !uid)
                return -ENOMEM;
        r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
        if (r < 0)
                return r;
        r = sd_journal_add_match(j, unit, 0);
        if (r < 0)
                return r;
        /* Another user's unit of that name is another unit. */
        r = reading->user ? sd_journal_add_match(j, uid, 0) : 0;
        if (r < 0)
                return r;
        (void) sd_journal_set_data_threshold(j, DATA_MAX);
        *ret = TAKE_PTR(j);
        return 0;
}

/* 1 and a line, 0 when the entry is older than what was asked for. */
static int journal_read(sd_journal *j, const Reading *reading, char **ret) {
        const char *data;
        size_t size;
        usec_t usec;
        int r;

        r = sd_journal_get_monotonic_usec(j, &usec, NULL);
        if (r == -ESTALE || (r >= 0 && usec < reading->since)) /* another boot's */
                return 0;
        if (r < 0)
                return r;
        r = sd_journal_get_data(j, "MESSAGE", (const void **) &data, &size);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        *ret = line_new(data + strlen("MESSAGE="), size - strlen("MESSAGE="));
        return *ret ? 1 : -ENOMEM;
}

/* The list grows from its end, since the journal is read backwards. */
static int journal_collect(sd_journal *j, const Reading *reading, char ***ret) {
        char *lines[JOURNAL_LINES_MAX];
        _cleanup_strv_free_ char **l = NULL;
        size_t n = 0;
        int r;

        r = sd_journal_seek_tail(j);
        while (r >= 0 && n < JOURNAL_LINES_MAX) {
                r = sd_journal_previous(j);
                if (r > 0)
                        r = journal_read(j, reading, &lines[n]);
                if (r <= 0)
                        break;
                n++;
        }
        while (n > 0) {
                if (r >= 0 && strv_extend(&l, lines[n - 1]) < 0)
                        r = -ENOMEM;
                free(lines[--n]);
        }
        if (r < 0)
                return r;
        strv_free(*ret);
        *ret = TAKE_PTR(l);
        return 0;
}

static int reading_run(Reading *reading) {
        const usec_t deadline = usec_add(time_now(CLOCK_MONOTONIC), JOURNAL_WAIT_USEC);
        _cleanup_(sd_journal_closep) sd_journal *j = NULL;
        usec_t now;
        int r;

        r = journal_open(reading, &j);
        while (r >= 0) {
                r = journal_collect(j, reading, &reading->lines);
                now = time_now(CLOCK_MONOTONIC);
                if (r < 0 || now >= deadline)
                        break;
                r = sd_journal_wait(j, reading->lines ? MIN(QUIET_USEC, deadline - now) : deadline - now);
                if (r == SD_JOURNAL_NOP)
                        break;
        }
        return MIN(r, 0);
}

static void *reading_main(void *userdata) {
        Reading *reading = userdata;

        reading->result = reading_run(reading);
        (void) eventfd_write(reading->done_fd, 1);
        reading_unref(reading);
        atomic_fetch_sub(&n_readers, 1);
        return NULL;
}

/* Signals are the loop's. */
static int reading_start(Reading *reading) {
        pthread_attr_t attributes;
        sigset_t all, before;
        pthread_t thread;
        int r;

        if (atomic_fetch_add(&n_readers, 1) >= JOURNAL_READERS_MAX) {
                atomic_fetch_sub(&n_readers, 1);
                return -EBUSY;
        }
        atomic_fetch_add(&reading->n_ref, 1);
        (void) sigfillset(&all);
        (void) pthread_attr_init(&attributes);
        (void) pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        r = -pthread_create(&thread, &attributes, reading_main, reading);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void) pthread_attr_destroy(&attributes);
        if (r < 0) {
                atomic_fetch_sub(&reading->n_ref, 1);
                atomic_fetch_sub(&n_readers, 1);
        }
        return r;
}

static int on_done(_unused_ sd_event_source *s, _unused_ int fd, _unused_ uint32_t revents, void *userdata) {
        promise_resolve(userdata, 0);
        return 0;
}

static int reading_wait(Reading *reading) {
        _cleanup_(sd_event_source_disable_unrefp) sd_event_source *source = NULL;
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        Promise done = {};
        int r;

        r = sd_event_default(&event);
        if (r < 0)
                return r;
        r = sd_event_add_io(event, &source, reading->done_fd, EPOLLIN, on_done, &done);
        if (r >= 0)
                r = sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        if (r >= 0)
                r = reading_start(reading);
        if (r >= 0)
                r = promise_wait(&done);
        return r < 0 ? r : reading->result;
}

int journal_tail_wait(const char *unit, bool user, usec_t since, char ***ret) {
        _cleanup_(reading_unrefp) Reading *reading = NULL;
        int r;

        reading = mem_new0(Reading, 1);
        if (!reading)
                return -ENOMEM;
        atomic_init(&reading->n_ref, 1);
        reading->user = user;
        reading->since = since;
        reading->done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (reading->done_fd < 0)
                return -errno;
        reading->unit = strdup(unit);
        if (!reading->unit)
                return -ENOMEM;
        r = reading_wait(reading);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(reading->lines);
        return 0;
}
