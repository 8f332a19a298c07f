/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl status: one unit as the systemd of its VM sees it; looks the VM up when only a name was said. */
#include <string.h>

#include "admin.pb-c.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctl/entry.h"
#include "ctl/output.h"
#include "ctl/verbs.h"
#include "proto/unpack.h"
#include "systemd.pb-c.h"

/* Where a unit is asked for: the VM whose agent speaks for it. */
typedef struct Place {
        char *vm, *unit;
} Place;

static void place_done(Place *p) {
        free(p->vm);
        free(p->unit);
}

/* A VM's unit runs on the host, so its host's agent answers for it; admins of the reference do not say so. */
static char *entry_get_asked_vm(const Admin__QueryListResponse *list, const Admin__QueryListItem *item) {
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

static int status_find(const Admin__QueryListResponse *list, const char *name, Place *ret, RpcStatus *reterr) {
        const Admin__QueryListItem *found = NULL, *other = NULL;
        Place place = {};

        for (size_t i = 0; i < list->n_list; i++) {
                const Admin__QueryListItem *item = list->list[i];

                if (!entry_is_called(item, name))
                        continue;
                if (!found || entry_goes_before(item, found, name)) {
                        found = item;
                        other = NULL;
                } else if (!entry_goes_before(found, item, name))
                        other = item;
        }
        if (!found)
                return rpc_error(reterr, RPC_NOT_FOUND, "Nothing is registered by that name");
        place = (Place){ entry_get_asked_vm(list, found), strdup(found->name) };
        if (!place.vm || !place.unit) {
                place_done(&place);
                return -ENOMEM;
        }
        if (other) {
                _cleanup_free_ char *vm = entry_get_asked_vm(list, other);
                int r = rpc_error(reterr, RPC_FAILED_PRECONDITION,
                                "It is in VM '%s' and in VM '%s'; say which with --vm", place.vm, strempty(vm));

                place_done(&place);
                return r;
        }
        *ret = place;
        return 0;
}

static int status_find_wait(Ctl *ctl, char **words, size_t n_words, Place *ret, RpcStatus *reterr) {
        _cleanup_proto_ Admin__QueryListResponse *list = NULL;
        const char *vm = n_words == 2 ? words[0] : ctl->options.vm;
        Admin__Empty request = ADMIN__EMPTY__INIT;
        int r;

        if (vm) {
                *ret = (Place){ strdup(vm), unit_name_complete(words[n_words - 1]) };
                return ret->vm && ret->unit ? 0 : -ENOMEM;
        }
        r = client_call_wait(ctl->client, "QueryList", &request, &list, reterr);
        if (r < 0)
                return r;
        return status_find(list, words[0], ret, reterr);
}

static const char *status_get_dot(const Look *look, const Systemd__UnitStatus *u) {
        if (streq(u->activestate, "failed"))
                return look->unicode ? "×" : "x";
        if (streq(u->activestate, "inactive"))
                return look->unicode ? "○" : "o";
        return look->unicode ? "●" : "*";
}

static void status_print(const Look *look, const char *vm, const Systemd__UnitStatus *u) {
        const char *active = state_to_colour(u->activestate), *freezer = state_to_colour(u->freezerstate);

        printf("%s%s%s %s%s%s\n", look_begin(look, active), status_get_dot(look, u), look_end(look, active), u->name,
                        isempty(u->description) ? "" : " - ", u->description);
        printf("        VM: %s\n", vm);
        printf("    Loaded: %s\n", u->loadstate);
        printf("    Active: %s%s (%s)%s\n", look_begin(look, active), u->activestate, u->substate,
                        look_end(look, active));
        if (!isempty(u->freezerstate) && !streq(u->freezerstate, "running"))
                printf("   Freezer: %s%s%s\n", look_begin(look, freezer), u->freezerstate, look_end(look, freezer));
}

static int status_show(const Options *o, const char *vm, Systemd__UnitStatus *u) {
        Look look;

        if (o->output != OUTPUT_TEXT)
                return output_json(stdout, u, o->output, false);
        message_make_printable(&u->base);
        look_init(&look, o);
        status_print(&look, vm, u);
        return 0;
}

static CtlExit status_to_exit(const Systemd__UnitStatus *u) {
        if (streq(u->loadstate, "not-found"))
                return CTL_NO_SUCH_NAME;
        return streq(u->activestate, "active") || streq(u->activestate, "reloading") ? CTL_OK : CTL_NOT_RUNNING;
}

CtlExit verb_status(Ctl *ctl, char **words, size_t n_words) {
        _cleanup_(place_done) Place place = {};
        _cleanup_proto_ Systemd__UnitStatus *reply = NULL;
        _cleanup_free_ char *what = NULL;
        Admin__UnitStatusRequest request = ADMIN__UNIT_STATUS_REQUEST__INIT;
        RpcStatus status = {};
        int r;

        if (n_words == 2 && ctl->options.vm && !streq(ctl->options.vm, words[0]))
                return ctl_usage("The VM is '%s' or '%s', not both.", words[0], ctl->options.vm);
        what = strf("show the status of '%s'", words[n_words - 1]);
        r = status_find_wait(ctl, words, n_words, &place, &status);
        if (r >= 0) {
                request.vmname = place.vm;
                request.unitname = place.unit;
                r = client_call_wait(ctl->client, "GetUnitStatus", &request, &reply, &status);
        }
        if (r >= 0)
                r = status_show(&ctl->options, place.vm, reply);
        return r < 0 ? ctl_fail(ctl, r, &status, strempty(what)) : status_to_exit(reply);
}
