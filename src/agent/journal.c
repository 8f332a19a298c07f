/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/journal.h"

#include <stdatomic.h>
#include <sys/eventfd.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "agent/journal-reader.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/strv.h"
#include "event/fiber.h"
#include "event/thread.h"

/* The thread and the fiber that asked own it together: the fiber may leave first. The batch is the thread's from when
 * it is wanted until it is full, and else the fiber's. sd-journal wants one thread for all that is done to a journal,
 * hence one for each. */
struct Journal {
        List journals;
        atomic_uint n_ref;
        JournalQuery query;
        atomic_bool stop, full;
        int wanted_fd, full_fd; /* eventfds, written by the fiber and the thread */
        JournalEntry batch[JOURNAL_BATCH_MAX];
        size_t n_batch, next;
        bool told_end;
        int result; /* of the last batch, when nothing of it is left: 0 is the end */
        bool wanted;
        sd_event_source *source;
        Promise *promise;
};

static atomic_uint n_readers;
static List journals = { &journals, &journals };

static void batch_clear(Journal *j) {
        while (j->next < j->n_batch)
                journal_entry_done(&j->batch[j->next++]);
        j->n_batch = j->next = 0;
}

static void journal_unref(Journal *j) {
        if (!j || atomic_fetch_sub(&j->n_ref, 1) > 1)
                return;
        batch_clear(j);
        strv_free(j->query.names);
        free(j->query.after);
        (void) fd_close(j->wanted_fd);
        (void) fd_close(j->full_fd);
        free(j);
}

/* In the thread. 1 when there is something in the batch, or the end of what is there to be told; 0 when there will be
 * no more. */
static int batch_fill(Journal *j, JournalReader *reader) {
        size_t n_bytes = 0;
        int r;

        for (;;) {
                r = journal_reader_next(reader, &j->batch[j->n_batch]);
                if (r > 0) {
                        n_bytes += strlen(j->batch[j->n_batch++].message);
                        if (j->n_batch < JOURNAL_BATCH_MAX && n_bytes < JOURNAL_BATCH_BYTES)
                                continue;
                }
                if (r < 0 || j->n_batch > 0 || !j->query.follow)
                        return j->n_batch > 0 ? 1 : r;
                if (j->query.last_words && !j->told_end) {
                        j->told_end = true;
                        return 1;
                }
                r = journal_reader_poll(reader, j->wanted_fd);
                if (r < 0)
                        return r;
        }
}

static void *journal_main(void *userdata) {
        _cleanup_(journal_reader_freep) JournalReader *reader = NULL;
        Journal *j = userdata;
        eventfd_t n;
        int r = 1;

        while (r > 0 && eventfd_read(j->wanted_fd, &n) >= 0 && !atomic_load(&j->stop)) {
                if (!reader)
                        r = journal_reader_new(&j->query, &j->stop, &reader);
                if (r >= 0)
                        r = batch_fill(j, reader);
                j->result = r;
                atomic_store(&j->full, true);
                (void) eventfd_write(j->full_fd, 1);
        }
        reader = journal_reader_free(reader); /* borrows the query */
        journal_unref(j);
        atomic_fetch_sub(&n_readers, 1);
        return NULL;
}

static int journal_start(Journal *j) {
        int r;

        atomic_fetch_add(&j->n_ref, 1);
        r = thread_start(journal_main, j, NULL);
        if (r < 0)
                atomic_fetch_sub(&j->n_ref, 1);
        return r;
}

static int on_full(_unused_ sd_event_source *s, int fd, _unused_ uint32_t revents, void *userdata) {
        Journal *j = userdata;
        eventfd_t n;

        (void) eventfd_read(fd, &n);
        if (!atomic_exchange(&j->full, false))
                return 0;
        j->wanted = false;
        if (j->promise)
                promise_resolve(j->promise, 0);
        return 0;
}

static int query_copy(const JournalQuery *query, JournalQuery *ret) {
        int r;

        *ret = *query;
        ret->names = NULL;
        ret->after = query->after ? strdup(query->after) : NULL;
        if (query->after && !ret->after)
                return -ENOMEM;
        STRV_FOREACH(name, query->names) {
                r = strv_extend(&ret->names, *name);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int journal_prepare(Journal *j, const JournalQuery *query) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        int r;

        j->wanted_fd = eventfd(0, EFD_CLOEXEC); /* the thread waits in reading it */
        j->full_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (j->wanted_fd < 0 || j->full_fd < 0)
                return -errno;
        r = query_copy(query, &j->query);
        if (r < 0)
                return r;
        r = sd_event_default(&event);
        if (r < 0)
                return r;
        return sd_event_add_io(event, &j->source, j->full_fd, EPOLLIN, on_full, j);
}

Journal *journal_free(Journal *j) {
        if (!j)
                return NULL;
        list_remove(&j->journals);
        j->source = sd_event_source_disable_unref(j->source);
        atomic_store(&j->stop, true);
        if (j->wanted_fd >= 0)
                (void) eventfd_write(j->wanted_fd, 1);
        journal_unref(j);
        return NULL;
}

int journal_new(const JournalQuery *query, Journal **ret) {
        const unsigned max = JOURNAL_READERS_MAX + (query->last_words ? JOURNAL_TAILS_MAX : 0);
        _cleanup_(journal_freep) Journal *j = NULL;
        int r;

        if (query->after && strlen(query->after) > JOURNAL_CURSOR_MAX)
                return -EINVAL;
        j = mem_new0(Journal, 1);
        if (!j)
                return -ENOMEM;
        atomic_init(&j->n_ref, 1);
        list_append(&journals, &j->journals);
        j->wanted_fd = j->full_fd = -EBADF;
        j->result = 1;
        r = journal_prepare(j, query);
        if (r < 0)
                return r;
        if (atomic_fetch_add(&n_readers, 1) >= max)
                r = -EBUSY;
        if (r >= 0)
                r = journal_start(j);
        if (r < 0) {
                atomic_fetch_sub(&n_readers, 1);
                return r;
        }
        *ret = TAKE_PTR(j);
        return 0;
}

static int batch_wait(Journal *j, usec_t deadline) {
        Promise promise = {};
        int r;

        if (!j->wanted) {
                batch_clear(j);
                j->wanted = true;
                (void) eventfd_write(j->wanted_fd, 1);
        }
        j->promise = &promise;
        r = promise_wait_until(&promise, deadline);
        j->promise = NULL;
        return r;
}

int journal_next_wait(Journal *j, usec_t deadline, JournalEntry *ret) {
        int r;

        if (list_is_empty(&j->journals))
                return -ESHUTDOWN;
        if (j->wanted || j->next == j->n_batch) {
                if (j->result <= 0)
                        return j->result;
                r = batch_wait(j, deadline);
                if (r < 0)
                        return r;
                if (j->n_batch == 0)
                        return j->result > 0 ? -EAGAIN : j->result;
        }
        *ret = j->batch[j->next];
        j->batch[j->next++] = (JournalEntry){};
        return 1;
}

void journal_shutdown(void) {
        LIST_FOREACH(j, &journals, Journal, journals) {
                list_remove(&j->journals);
                if (j->promise)
                        promise_resolve(j->promise, -ESHUTDOWN);
        }
}

unsigned journal_count_readers(void) {
        return atomic_load(&n_readers);
}
