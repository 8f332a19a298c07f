/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/lines.h"

#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/output.h"
#include "proto/unpack.h"

#define SERVICE (&journal__journal_service__descriptor)

void lines_set_number(Journal__JournalRequest *request, const Options *o, uint32_t otherwise) {
        const uint64_t n = o->lines ? o->n_lines : otherwise;

        if (n > UINT32_MAX)
                return; /* all */
        request->has_lines_case = JOURNAL__JOURNAL_REQUEST__HAS_LINES_LINES;
        request->lines = (uint32_t) n;
}

/* Tabs do no harm to a terminal. */
static void line_make_printable(char *line) {
        for (char *part; (part = strsep(&line, "\t"));) {
                str_make_printable(part, '?');
                if (line)
                        line[-1] = '\t';
        }
}

/* As journalctl has it: when, where, who, and what, whose further lines stand below its first. */
static int line_print(const Look *look, const char *vm, Journal__JournalEntry *e) {
        const time_t seconds = (time_t) (e->realtime / USEC_PER_SEC);
        const char *colour = priority_to_colour(e->priority);
        _cleanup_free_ char *prefix = NULL;
        char *rest = e->message, clock[32] = "", pid[16] = "";
        struct tm tm;

        if (localtime_r(&seconds, &tm))
                (void) strftime(clock, sizeof(clock), "%b %d %T", &tm);
        if (e->pid > 0)
                (void) snprintf(pid, sizeof(pid), "[%u]", e->pid);
        str_make_printable(e->identifier, '?');
        prefix = strf("%s %s %s%s: ", clock, vm, isempty(e->identifier) ? "unknown" : e->identifier, pid);
        if (!prefix)
                return -ENOMEM;
        for (char *line; (line = strsep(&rest, "\n"));) {
                line_make_printable(line);
                printf("%s%s%s%s%s\n", prefix, look_begin(look, colour), line, !rest && e->cut ? "..." : "",
                                look_end(look, colour));
                memset(prefix, ' ', strlen(prefix));
        }
        return 0;
}

static int entry_show(
                const Options *o, const Look *look, const Journal__JournalRequest *request, Journal__JournalEntry *e) {
        int r;

        if (o->output != OUTPUT_TEXT)
                r = output_json(stdout, e, o->output, request->follow);
        else
                r = line_print(look, request->vmname, e);
        if (r >= 0 && request->follow && fflush(stdout) != 0)
                r = -errno;
        return r;
}

int lines_show_wait(Ctl *ctl, const Journal__JournalRequest *request, const char *before, RpcStatus *reterr) {
        _cleanup_(rpc_stream_freep) RpcStream *stream = NULL;
        Look look;
        int r, n = 0;

        r = client_open_wait(ctl->client, SERVICE, "ReadJournal", &stream, reterr);
        if (r < 0)
                return r;
        r = rpc_stream_send_wait(stream, request);
        if (r >= 0)
                r = rpc_stream_close_send_wait(stream);
        if (r < 0 && r != -EPIPE) /* it has ended, and receiving tells how */
                return r;
        look_init(&look, &ctl->options);
        for (;;) {
                _cleanup_proto_ Journal__JournalEntry *e = NULL;

                r = rpc_stream_receive_wait(stream, &e, reterr);
                if (r <= 0)
                        return r < 0 ? r : n;
                if (n == 0)
                        fputs(before, stdout);
                r = entry_show(&ctl->options, &look, request, e);
                if (r < 0)
                        return r;
                n += n < INT_MAX;
        }
}
