/* SPDX-License-Identifier: Apache-2.0 */
#include "event/log-journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* The journal's macros would add this file and line to every message. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "base/log.h"
#include "base/str.h"

#define JOURNAL_FIELDS_MAX 16

/* sd_journal_sendv(3) wants "KEY=value" strings; what does not fit or cannot be allocated is left out, not the
 * message. */
static void log_to_journal(int level, const LogField *fields, const char *text) {
        char *strings[JOURNAL_FIELDS_MAX];
        struct iovec iov[JOURNAL_FIELDS_MAX];
        int n = 0;

        strings[n++] = strf("PRIORITY=%i", level);
        strings[n++] = strf("MESSAGE=%s", text);
        for (; fields && fields->key && n < JOURNAL_FIELDS_MAX; fields++)
                if (fields->value)
                        strings[n++] = strf("%s=%s", fields->key, fields->value);
        for (int i = 0; i < n; i++)
                iov[i] = (struct iovec){ .iov_base = (char *) strempty(strings[i]),
                        .iov_len = strlen(strempty(strings[i])) };
        (void) sd_journal_sendv(iov, n);
        for (int i = 0; i < n; i++)
                free(strings[i]);
}

/* The service manager names the device and inode of the stream that it connected to our standard error; see
 * systemd.exec(5), $JOURNAL_STREAM. */
static bool stderr_is_journal(void) {
        const char *e = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;

        return e && sscanf(e, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
                        st.st_dev == device && st.st_ino == inode;
}

void log_journal_open(void) {
        if (stderr_is_journal())
                log_set_sink(log_to_journal);
}
