/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/place.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/entry.h"
#include "proto/unpack.h"

void place_done(Place *p) {
        free(p->vm);
        free(p->unit);
}

char *place_get_asked_vm(const Admin__QueryListResponse *list, const Admin__QueryListItem *item) {
        if (item->has_vm_case && !isempty(item->vm))
                return strdup(item->vm);
        if (entry_get_kind(item) != ENTRY_VM)
                return entry_get_vm(item);
        for (size_t i = 0; i < list->n_list; i++)
                if (entry_vm_rank(list->list[i]) == 0 && entry_get_kind(list->list[i]) == ENTRY_AGENT)
                        return entry_get_vm(list->list[i]);
        return strdup("");
}

/* An entry that is named so itself goes before the agent of the VM of that name, and the VM before its agent. */
static bool entry_goes_before(const Admin__QueryListItem *a, const Admin__QueryListItem *b, const char *name) {
        bool x = startswith(a->name, name) != NULL, y = startswith(b->name, name) != NULL;

        return x != y ? x : !x && entry_get_kind(a) < entry_get_kind(b);
}

static bool entry_is_in(const Admin__QueryListResponse *list, const Admin__QueryListItem *item, const char *vm) {
        _cleanup_free_ char *own = entry_get_vm(item), *asked = place_get_asked_vm(list, item);

        return streq(strempty(own), vm) || streq(strempty(asked), vm);
}

const Admin__QueryListItem *place_find_entry(
                const Admin__QueryListResponse *list, const char *vm, const char *name, RpcStatus *reterr) {
        _cleanup_free_ char *one = NULL, *two = NULL;
        const Admin__QueryListItem *found = NULL, *other = NULL;

        for (size_t i = 0; i < list->n_list; i++) {
                const Admin__QueryListItem *item = list->list[i];

                if (!entry_is_called(item, name) || (vm && !entry_is_in(list, item, vm)))
                        continue;
                if (!found || entry_goes_before(item, found, name)) {
                        found = item;
                        other = NULL;
                } else if (!entry_goes_before(found, item, name))
                        other = item;
        }
        if (!found) {
                (void) rpc_error(reterr, RPC_NOT_FOUND, "Nothing is registered by that name");
                return NULL;
        }
        if (!other)
                return found;
        one = place_get_asked_vm(list, found);
        two = place_get_asked_vm(list, other);
        (void) rpc_error(reterr, RPC_FAILED_PRECONDITION, "It is in VM '%s' and in VM '%s'; say which with --vm",
                        strempty(one), strempty(two));
        return NULL;
}

int place_find_wait(Ctl *ctl, const char *vm, const char *name, Place *ret, RpcStatus *reterr) {
        _cleanup_proto_ Admin__QueryListResponse *list = NULL;
        const Admin__QueryListItem *item;
        Admin__Empty request = ADMIN__EMPTY__INIT;
        int r;

        if (vm) {
                *ret = (Place){ strdup(vm), unit_name_complete(name) };
                return ret->vm && ret->unit ? 0 : -ENOMEM;
        }
        r = client_call_wait(ctl->client, "QueryList", &request, &list, reterr);
        if (r < 0)
                return r;
        item = place_find_entry(list, NULL, name, reterr);
        if (!item)
                return rpc_code_to_errno(reterr->code);
        *ret = (Place){ place_get_asked_vm(list, item), strdup(item->name) };
        if (!ret->vm || !ret->unit)
                return -ENOMEM;
        if (!str_is_printable(ret->vm) || !str_is_printable(ret->unit))
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "It is registered under a name that is none");
        if (isempty(ret->vm))
                return rpc_error(reterr, RPC_FAILED_PRECONDITION,
                                "This admin does not tell which VM it is in; say so with --vm");
        return 0;
}
