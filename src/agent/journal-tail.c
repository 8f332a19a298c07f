/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/journal-tail.h"

#include "agent/journal.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

/* Programs speak to journald over a stream each, the service manager over a socket that all share, and nobody but root
 * may ask journald whether it has read everything: io.systemd.Journal.Synchronize() is not for agents of sessions. What
 * a program has said was there before the manager has told that it failed, and who is ready first is read first. But
 * from a stream journald takes one piece at a time, and none before it has accepted it, each in a turn of its loop.
 * Hence a guess: it has had its turns, and there is no more, when it is quiet for so long after the manager's word. */
#define QUIET_USEC (50 * USEC_PER_MSEC)
/* What the manager says of one run goes to the journal among the program's lines. */
#define MANAGER_LINES_MAX 5

/* One line of printable text, whatever it was; takes the message. */
static char *line_new(char *message) {
        size_t n = strlen(message);

        if (n > JOURNAL_LINE_SIZE_MAX) {
                n = JOURNAL_LINE_SIZE_MAX;
                while (n > 0 && ((uint8_t) message[n] & 0xC0) == 0x80)
                        n--;
                message[n] = 0;
        }
        str_make_printable(message, ' ');
        return message;
}

static void lines_add(char *lines[static JOURNAL_LINES_MAX], size_t *n, char *line) {
        if (*n == JOURNAL_LINES_MAX) {
                free(lines[0]);
                memmove(lines, lines + 1, (JOURNAL_LINES_MAX - 1) * sizeof(*lines));
                (*n)--;
        }
        lines[(*n)++] = line;
}

int journal_tail_wait(const char *unit, bool user, uint32_t pid, usec_t since_usec, char ***ret) {
        const usec_t deadline = usec_add(time_now(CLOCK_MONOTONIC), JOURNAL_WAIT_USEC);
        const JournalQuery query = {
                .names = (char *[]){ (char *) unit, NULL },
                .user = user,
                .pid = pid,
                .follow = true,
                .last_words = true,
                .has_n_lines = true,
                .n_lines = JOURNAL_LINES_MAX + MANAGER_LINES_MAX,
                .since_usec = since_usec,
        };
        _cleanup_(journal_freep) Journal *j = NULL;
        _cleanup_strv_free_ char **list = NULL;
        char *lines[JOURNAL_LINES_MAX] = {};
        usec_t until = USEC_INFINITY; /* a disk may be slow */
        bool past = true, failed = false;
        size_t n = 0;
        int r;

        r = journal_new(&query, &j);
        while (r >= 0) {
                JournalEntry e;

                r = journal_next_wait(j, until, &e);
                if (r > 0) {
                        if (e.own)
                                lines_add(lines, &n, line_new(TAKE_PTR(e.message)));
                        failed = failed || e.failed;
                        journal_entry_done(&e);
                } else if (r == -EAGAIN)
                        past = false;
                else
                        break;
                if (!past)
                        until = failed ? MIN(deadline, usec_add(time_now(CLOCK_MONOTONIC), QUIET_USEC)) : deadline;
                r = 0;
        }
        for (size_t i = 0; i < n; i++) {
                if (r == -ETIMEDOUT && strv_extend(&list, lines[i]) < 0)
                        r = -ENOMEM;
                free(lines[i]);
        }
        if (r != -ETIMEDOUT)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}
