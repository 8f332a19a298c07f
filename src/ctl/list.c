/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl list: the registry, as a tree for people or as QueryList's answer for programs. */
#include "base/mem.h"
#include "base/str.h"
#include "ctl/entry.h"
#include "ctl/listing.h"
#include "ctl/pager.h"
#include "ctl/verbs.h"
#include "proto/unpack.h"

static bool vm_is_among(Admin__QueryListItem *const *items, size_t n, const char *vm) {
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *own = entry_get_vm(items[i]);

                if (streq_ptr(own, vm))
                        return true;
        }
        return false;
}

/* People see each entry below its VM, whose state is in an entry that nobody may have asked for. */
static size_t list_add_vms(
                const Admin__QueryListResponse *reply, char **patterns, Admin__QueryListItem **kept, size_t n) {
        size_t all = n;

        for (size_t i = 0; i < reply->n_list; i++) {
                _cleanup_free_ char *vm = NULL;

                if (entry_get_kind(reply->list[i]) != ENTRY_VM || entry_matches(reply->list[i], patterns))
                        continue;
                vm = entry_get_vm(reply->list[i]);
                if (vm && vm_is_among(kept, n, vm))
                        kept[all++] = reply->list[i];
        }
        return all;
}

static int list_show(const Options *o, Admin__QueryListResponse *reply, char **patterns) {
        _cleanup_free_ Admin__QueryListItem **kept = NULL;
        size_t n = 0;
        Look look;

        kept = mem_new(Admin__QueryListItem *, reply->n_list + 1);
        if (!kept)
                return -ENOMEM;
        for (size_t i = 0; i < reply->n_list; i++)
                if (entry_matches(reply->list[i], patterns))
                        kept[n++] = reply->list[i];
        pager_open(o);
        if (o->output != OUTPUT_TEXT) {
                Admin__QueryListResponse out = ADMIN__QUERY_LIST_RESPONSE__INIT;

                out.list = kept;
                out.n_list = n;
                return output_json(stdout, &out, o->output, false);
        }
        n = list_add_vms(reply, patterns, kept, n);
        message_make_printable(&reply->base);
        look_init(&look, o);
        return listing_print(stdout, &look, time_now(CLOCK_REALTIME), kept, n);
}

CtlExit verb_list(Ctl *ctl, char **words, _unused_ size_t n_words) {
        Admin__Empty request = ADMIN__EMPTY__INIT;
        _cleanup_proto_ Admin__QueryListResponse *reply = NULL;
        RpcStatus status = {};
        int r;

        r = client_call_wait(ctl->client, "QueryList", &request, &reply, &status);
        if (r >= 0)
                r = list_show(&ctl->options, reply, words);
        return r < 0 ? ctl_fail(ctl, r, &status, "list the registry") : CTL_OK;
}
