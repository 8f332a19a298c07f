/* SPDX-License-Identifier: Apache-2.0 */
/* A journal of a test's own: real files in a directory, which systemd-journal-remote writes. */
#pragma once

#include "agent/journal.h"
#include "unit/agent/world.h"

#define JOURNAL_REMOTE "/lib/systemd/systemd-journal-remote"
#define BOOT_ID        "0123456789abcdef0123456789abcdef"

static char written_directory[32];

/* One entry of that time (CLOCK_REALTIME, 0: now), with these fields ("_SYSTEMD_UNIT=x.service\n_PID=1", text: added as
 * MESSAGE unless NULL), in export format. */
static inline void written_put(FILE *f, usec_t usec, const char *fields, const char *text, size_t size) {
        const uint64_t n = size;

        fprintf(f, "__REALTIME_TIMESTAMP=%llu\n__MONOTONIC_TIMESTAMP=%llu\n_BOOT_ID=" BOOT_ID "\n%s\n",
                        (unsigned long long) (usec > 0 ? usec : time_now(CLOCK_REALTIME)),
                        (unsigned long long) time_now(CLOCK_MONOTONIC), fields);
        if (text) {
                (void) fputs("MESSAGE\n", f);
                (void) fwrite(&n, sizeof(n), 1, f); /* little-endian, as all machines of ours */
                (void) fwrite(text, size, 1, f);
                (void) fputc('\n', f);
        }
        (void) fputc('\n', f);
}

static inline FILE *written_open(const char *file) {
        _cleanup_free_ char *command = strf(JOURNAL_REMOTE " -o %s/%s.journal - 2>/dev/null", written_directory, file);
        FILE *f = command ? popen(command, "w") : NULL;

        check(f);
        return f;
}

static inline void written_close(FILE *f) {
        check(pclose(f) == 0);
}

static inline void written_add_at(const char *fields, const char *text, usec_t usec) {
        FILE *f = written_open("one");

        written_put(f, usec, fields, text, text ? strlen(text) : 0);
        written_close(f);
}

static inline void written_add(const char *fields, const char *text) {
        written_add_at(fields, text, 0);
}

static inline bool written_nobody_reads(void) {
        return journal_count_readers() == 0;
}

static inline int written_setup(_unused_ void **state) {
        strcpy(written_directory, "/tmp/givc-journal-XXXXXX");
        if (!mkdtemp(written_directory))
                return -1;
        journal_directory = written_directory;
        return 0;
}

/* Threads may be about to end. */
static inline int written_teardown(_unused_ void **state) {
        _cleanup_free_ char *command = strf("rm -rf %s", written_directory);

        for (unsigned i = 0; i < 5000 && !written_nobody_reads(); i++)
                (void) usleep(1000);
        journal_directory = NULL;
        return command ? system(command) : -1;
}
