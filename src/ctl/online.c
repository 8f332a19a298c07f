/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl is-online: an answer for scripts, at once or as soon as it is yes. */
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/entry.h"
#include "ctl/follow.h"
#include "ctl/place.h"
#include "ctl/progress.h"
#include "ctl/verbs.h"
#include "proto/unpack.h"

/* A VM is online when its agent is: until then nobody can do anything with it. */
static int entry_is_online(const Admin__QueryListResponse *list, const Admin__QueryListItem *item) {
        _cleanup_free_ char *vm = NULL;

        if (entry_get_kind(item) != ENTRY_VM)
                return streq(item->vmstatus, "Running");
        vm = entry_get_vm(item);
        if (!vm)
                return -ENOMEM;
        for (size_t i = 0; i < list->n_list; i++) {
                _cleanup_free_ char *other = NULL;

                if (entry_get_kind(list->list[i]) != ENTRY_AGENT || !streq(list->list[i]->vmstatus, "Running"))
                        continue;
                other = entry_get_vm(list->list[i]);
                if (!other || streq(other, vm))
                        return other ? 1 : -ENOMEM;
        }
        return 0;
}

typedef struct Question {
        const char *vm, *name;
} Question;

/* When waiting: what is not there yet may come. */
static int on_change(const Admin__QueryListResponse *list, void *userdata, RpcStatus *reterr) {
        const Question *q = userdata;
        const Admin__QueryListItem *item = place_find_entry(list, q->vm, q->name, reterr);
        int r = reterr->code == RPC_NOT_FOUND ? 0 : rpc_code_to_errno(reterr->code);

        if (item)
                return entry_is_online(list, item);
        if (r == 0)
                rpc_status_done(reterr);
        return r;
}

static int online_ask_wait(Ctl *ctl, const Question *q, RpcStatus *reterr) {
        _cleanup_proto_ Admin__QueryListResponse *list = NULL;
        const Admin__QueryListItem *item;
        Admin__Empty request = ADMIN__EMPTY__INIT;
        int r;

        r = client_call_wait(ctl->client, "QueryList", &request, &list, reterr);
        if (r < 0)
                return r;
        item = place_find_entry(list, q->vm, q->name, reterr);
        return item ? entry_is_online(list, item) : rpc_code_to_errno(reterr->code);
}

CtlExit verb_is_online(Ctl *ctl, char **words, _unused_ size_t n_words) {
        Progress *progress;
        Work work = { .doing = "waiting for", .name = words[0] };
        Question question = { ctl->options.vm, words[0] };
        _cleanup_free_ char *what = NULL;
        RpcStatus status = {};
        int r;

        if (ctl->options.wait) {
                progress = progress_begin(ctl, &work);
                r = follow_wait(ctl, ctl->options.wait_usec, on_change, &question, &status);
                progress_end(progress);
        } else
                r = online_ask_wait(ctl, &question, &status);
        what = strf(ctl->options.wait ? "wait for '%s'" : "ask for '%s'", words[0]);
        if (r < 0)
                return ctl_fail(ctl, r, &status, strempty(what));
        puts(r > 0 ? "online" : "offline");
        return r > 0 ? CTL_OK : CTL_NOT_RUNNING;
}
