/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/follow.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/entry.h"
#include "ctl/place.h"
#include "ctl/progress.h"
#include "proto/unpack.h"

/* The events only tell that it is time to look: one list, asked for after the event, holds that event's change. */
static int follow_look_wait(Ctl *ctl, follow_func_t func, void *userdata, RpcStatus *reterr) {
        _cleanup_proto_ Admin__QueryListResponse *list = NULL;
        Admin__Empty request = ADMIN__EMPTY__INIT;
        int r;

        r = client_call_wait(ctl->client, "QueryList", &request, &list, reterr);
        return r < 0 ? r : func(list, userdata, reterr);
}

/* The admin knows the deadline too, rounded, and its cancelling may be told first. */
#define SLACK_USEC (USEC_PER_SEC / 2)

static int follow_failed(const Ctl *ctl, int r, usec_t deadline, RpcStatus *reterr) {
        if (ctl->interrupted || reterr->code != RPC_CANCELLED ||
                        usec_add(time_now(CLOCK_MONOTONIC), SLACK_USEC) < deadline)
                return r;
        rpc_status_done(reterr);
        return rpc_error(reterr, RPC_DEADLINE_EXCEEDED, "It did not happen in time");
}

int follow_on_wait(Ctl *ctl, follow_func_t func, void *userdata, RpcStatus *reterr) {
        _cleanup_(rpc_stream_freep) RpcStream *stream = NULL;
        Admin__Empty request = ADMIN__EMPTY__INIT;
        int r;

        r = client_stream_wait(ctl->client, "Watch", &request, &stream, reterr);
        while (r >= 0) {
                _cleanup_proto_ Admin__WatchItem *event = NULL;

                r = rpc_stream_receive_wait(stream, &event, reterr);
                if (r == 0)
                        return rpc_error(reterr, RPC_UNAVAILABLE, "The admin ended the stream");
                if (r > 0)
                        r = event->status_case == ADMIN__WATCH_ITEM__STATUS_INITIAL
                                        ? func(event->initial, userdata, reterr)
                                        : follow_look_wait(ctl, func, userdata, reterr);
                if (r > 0)
                        return r;
        }
        return r;
}

int follow_wait(Ctl *ctl, usec_t wait, follow_func_t func, void *userdata, RpcStatus *reterr) {
        usec_t deadline = usec_add(time_now(CLOCK_MONOTONIC), wait);
        int r;

        client_set_timeout(ctl->client, wait);
        r = follow_on_wait(ctl, func, userdata, reterr);
        return r < 0 ? follow_failed(ctl, r, deadline, reterr) : r;
}

typedef struct Ending {
        const char *vm, *unit;
} Ending;

static int ending_has_come(const Admin__QueryListResponse *list, void *userdata, _unused_ RpcStatus *reterr) {
        const Ending *e = userdata;

        for (size_t i = 0; i < list->n_list; i++) {
                const Admin__QueryListItem *item = list->list[i];
                _cleanup_free_ char *vm = NULL;

                if (!streq(item->name, e->unit))
                        continue;
                vm = place_get_asked_vm(list, item);
                if (!vm)
                        return -ENOMEM;
                if ((!e->vm || streq(vm, e->vm)) && !streq(item->vmstatus, "PoweredOff"))
                        return 0;
        }
        return 1;
}

int follow_end_wait(Ctl *ctl, const char *vm, const char *unit, RpcStatus *reterr) {
        _cleanup_free_ char *remains = strf("'%s' goes on running", unit);
        Work work = { .doing = "waiting for the end of", .name = unit, .remains = remains };
        Progress *progress = progress_begin(ctl, &work);
        int r;

        r = follow_wait(ctl, ctl->options.wait_usec, ending_has_come, &(Ending){ vm, unit }, reterr);
        progress_end(progress);
        return r;
}
