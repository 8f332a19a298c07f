/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl watch: the admin's Watch stream, an event a line, or a JSON text sequence (RFC 7464) for programs. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin.pb-c.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctl/entry.h"
#include "ctl/output.h"
#include "ctl/reference.h"
#include "ctl/verbs.h"
#include "proto/unpack.h"

static const struct {
        Admin__WatchItem__StatusCase which;
        const char *word;
} events[] = {
        { ADMIN__WATCH_ITEM__STATUS_INITIAL, "present" },
        { ADMIN__WATCH_ITEM__STATUS_ADDED, "added" },
        { ADMIN__WATCH_ITEM__STATUS_UPDATED, "updated" },
        { ADMIN__WATCH_ITEM__STATUS_REMOVED, "removed" },
};

static const char *watch_event_to_word(const Admin__WatchItem *event) {
        for (size_t i = 0; i < ELEMENTSOF(events); i++)
                if (events[i].which == event->status_case)
                        return events[i].word;
        return NULL;
}

static int watch_print_line(const Look *look, const char *word, const Admin__QueryListItem *item) {
        _cleanup_free_ char *vm = entry_get_vm(item);
        const char *colour = state_to_colour(item->vmstatus);
        struct timespec now;
        char clock[16];
        struct tm tm;

        if (!vm)
                return -ENOMEM;
        (void) clock_gettime(CLOCK_REALTIME, &now);
        (void) strftime(clock, sizeof(clock), "%T", localtime_r(&now.tv_sec, &tm));
        printf("%s.%03ld %-7s %s%-10s%s %s%s%s\n", clock, now.tv_nsec / 1000000, word, look_begin(look, colour),
                        item->vmstatus, look_end(look, colour), vm, isempty(vm) ? "" : "/", item->name);
        return 0;
}

/* The single item of an event; of Initial there are many, and its list is shortened to those that match. */
static bool watch_filter(Admin__WatchItem *event, char **patterns) {
        Admin__QueryListResponse *list;
        size_t n = 0;

        if (event->status_case != ADMIN__WATCH_ITEM__STATUS_INITIAL)
                return entry_matches(event->added, patterns); /* the members of the union are alike */
        list = event->initial;
        for (size_t i = 0; i < list->n_list; i++)
                if (entry_matches(list->list[i], patterns))
                        list->list[n++] = list->list[i];
                else
                        admin__query_list_item__free_unpacked(list->list[i], NULL);
        list->n_list = n;
        return true;
}

static int watch_print_reference(const Options *o, const Admin__WatchItem *event) {
        if (event->status_case != ADMIN__WATCH_ITEM__STATUS_INITIAL)
                return reference_print_event(stdout, event, o->as_json);
        return o->initial ? reference_print_list(stdout, event->initial, o->as_json) : 0;
}

static int watch_print(const Options *o, const Look *look, Admin__WatchItem *event) {
        const char *word = watch_event_to_word(event);
        int r = 0;

        if (o->reference || o->as_json)
                r = watch_print_reference(o, event);
        else if (o->output != OUTPUT_TEXT)
                r = output_json(stdout, event, o->output, true);
        else {
                message_make_printable(&event->base);
                if (event->status_case != ADMIN__WATCH_ITEM__STATUS_INITIAL)
                        r = watch_print_line(look, word, event->added);
                for (size_t i = 0; event->status_case == ADMIN__WATCH_ITEM__STATUS_INITIAL && r >= 0 &&
                                i < event->initial->n_list;
                                i++)
                        r = watch_print_line(look, word, event->initial->list[i]);
        }
        if (r >= 0 && fflush(stdout) != 0)
                r = -errno;
        return r;
}

/* 1 after --limit events, 0 when the admin ended the stream in order, else a negative errno. */
static int watch_events_wait(Ctl *ctl, RpcStream *stream, char **patterns, RpcStatus *reterr) {
        uint64_t left = ctl->options.limit ? ctl->options.n_limit : UINT64_MAX;
        Look look;
        int r;

        look_init(&look, &ctl->options);
        for (;;) {
                _cleanup_proto_ Admin__WatchItem *event = NULL;

                r = rpc_stream_receive_wait(stream, &event, reterr);
                if (r <= 0)
                        return r;
                if (!watch_event_to_word(event) || !watch_filter(event, patterns))
                        continue; /* of a newer admin, or not asked for */
                r = watch_print(&ctl->options, &look, event);
                if (r < 0)
                        return r;
                if (event->status_case != ADMIN__WATCH_ITEM__STATUS_INITIAL)
                        left--;
                if (left == 0)
                        return 1;
        }
}

CtlExit verb_watch(Ctl *ctl, char **words, _unused_ size_t n_words) {
        _cleanup_(rpc_stream_freep) RpcStream *stream = NULL;
        Admin__Empty request = ADMIN__EMPTY__INIT;
        RpcStatus status = {};
        int r;

        r = client_stream_wait(ctl->client, "Watch", &request, &stream, &status);
        if (r >= 0)
                r = watch_events_wait(ctl, stream, words, &status);
        if (r == 0)
                r = rpc_error(&status, RPC_UNAVAILABLE, "The admin ended the stream");
        return r < 0 ? ctl_fail(ctl, r, &status, "watch the registry") : CTL_OK;
}
