/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctl/follow.h"
#include "proto/unpack.h"

#define DELAY_USEC   (500 * USEC_PER_MSEC) /* what is done by then needs no explanation */
#define REDRAW_USEC  USEC_PER_SEC
#define COLUMNS_LESS 80 /* when the terminal does not say */

struct Progress {
        Ctl *ctl;
        const Work *work;
        TaskGroup *group;
        usec_t begin;
        char *text, *remains;
        bool drawn;
};

static size_t terminal_get_columns(void) {
        struct winsize size = {};

        return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) >= 0 && size.ws_col > 0 ? size.ws_col : COLUMNS_LESS;
}

/* The first bytes of the text that are no more columns than that. */
static size_t text_fit(const char *text, size_t columns) {
        size_t i;

        for (i = 0; text[i]; i++)
                if (((unsigned char) text[i] & 0xc0) != 0x80 && columns-- == 0)
                        break;
        return i;
}

/* In one write, so that the terminal never shows half of it. */
static void progress_draw(Progress *p) {
        uint64_t seconds = (time_now(CLOCK_MONOTONIC) - p->begin) / USEC_PER_SEC;
        _cleanup_free_ char *line = strf("%s (%" PRIu64 " s)", strempty(p->text), seconds);

        if (!line || !p->text)
                return;
        p->drawn = true;
        fprintf(stderr, "\r%.*s\033[K", (int) text_fit(line, terminal_get_columns() - 1), line);
}

/* Never ends the following: there is more to come until the call has been answered. */
static int on_change(const Admin__QueryListResponse *list, void *userdata, _unused_ RpcStatus *reterr) {
        Progress *p = userdata;
        char *text = work_to_text(p->work, list);

        free(p->remains);
        p->remains = work_to_remains(p->work, list);
        if (text) {
                free(p->text);
                p->text = text;
                progress_draw(p);
        }
        return 0;
}

static int progress_follow_wait(void *userdata) {
        RpcStatus status = {};
        Progress *p = userdata;
        int r;

        r = follow_on_wait(p->ctl, on_change, p, &status);
        log_debug("No news for the progress: %s", status.message ? status.message : strerror(-r));
        rpc_status_done(&status);
        return 0;
}

/* The connection is the verb's to make; before that there is nobody to follow. */
static int progress_run_wait(void *userdata) {
        Progress *p = userdata;
        bool follows = false;
        int r;

        r = fiber_sleep_wait(DELAY_USEC);
        while (r >= 0) {
                if (!follows && client_was_reached(p->ctl->client)) {
                        follows = true;
                        r = str_replace(&p->text, NULL); /* until Watch has told, or is late */
                        if (r >= 0)
                                r = task_group_start(p->group, progress_follow_wait, p);
                } else if (!p->text)
                        p->text = follows ? work_to_text(p->work, NULL) : strdup("waiting for the admin");
                progress_draw(p);
                if (r >= 0)
                        r = fiber_sleep_wait(REDRAW_USEC);
        }
        return 0;
}

Progress *progress_begin(Ctl *ctl, const Work *work) {
        const char *term = getenv("TERM");
        Progress *p;

        if (ctl->detach_fd >= 0 || ctl->options.reference || !isatty(STDERR_FILENO) || isempty(term) ||
                        streq(term, "dumb"))
                return NULL;
        p = mem_new0(Progress, 1);
        if (!p)
                return NULL;
        *p = (Progress){ .ctl = ctl, .work = work, .begin = time_now(CLOCK_MONOTONIC), .group = task_group_new() };
        p->remains = work_to_remains(work, NULL);
        if (p->group && task_group_start(p->group, progress_run_wait, p) >= 0)
                return p;
        return progress_end(p);
}

Progress *progress_end(Progress *p) {
        if (!p)
                return NULL;
        task_group_free(p->group);
        if (p->drawn)
                fputs("\r\033[K", stderr);
        if (p->ctl->interrupted) {
                free(p->ctl->remains);
                p->ctl->remains = TAKE_PTR(p->remains);
        }
        free(p->text);
        free(p->remains);
        free(p);
        return NULL;
}
