/* SPDX-License-Identifier: Apache-2.0 */
#include "event/log-target.h"

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

#define JOURNAL_FIELDS_MAX     16
#define JOURNAL_FIELD_SIZE_MAX 4096 /* peers choose the names that are in some of them */

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
                        strings[n++] = strf("%s=%.*s", fields->key, JOURNAL_FIELD_SIZE_MAX, fields->value);
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

static void log_to_nobody(_unused_ int level, _unused_ const LogField *fields, _unused_ const char *text) {
}

static const struct {
        const char *name;
        log_sink_t sink; /* NULL: standard error */
} targets[] = {
        { "console", NULL },
        { "journal", log_to_journal },
        { "null", log_to_nobody },
};
static size_t target;

int log_target_set(const char *name) {
        if (streq(name, "auto"))
                name = stderr_is_journal() ? "journal" : "console";
        for (size_t i = 0; i < ELEMENTSOF(targets); i++) {
                if (!streq(targets[i].name, name))
                        continue;
                target = i;
                log_set_sink(targets[i].sink);
                return 0;
        }
        return -EINVAL;
}

const char *log_target_get(void) {
        return targets[target].name;
}

void log_target_open(void) {
        if (stderr_is_journal())
                (void) log_target_set("journal");
}
