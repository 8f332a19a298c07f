/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl status: one unit as the systemd of its VM sees it; looks the VM up when only a name was said. */
#include <string.h>

#include "admin.pb-c.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctl/entry.h"
#include "ctl/follow.h"
#include "ctl/lines.h"
#include "ctl/output.h"
#include "ctl/pager.h"
#include "ctl/place.h"
#include "ctl/verbs.h"
#include "proto/unit-message.h"
#include "proto/unpack.h"

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

        if (!o->watch)
                pager_open(o);
        if (o->output != OUTPUT_TEXT)
                return output_json(stdout, u, o->output, o->watch);
        look_init(&look, o);
        status_print(&look, vm, u);
        return 0;
}

static bool status_is_same(const Systemd__UnitStatus *a, const Systemd__UnitStatus *b) {
        const UnitStatus x = unit_message_to_status(a), y = unit_message_to_status(b);

        return unit_status_equal(&x, &y);
}

static CtlExit status_to_exit(const Systemd__UnitStatus *u) {
        const UnitStatus status = unit_message_to_status(u);

        if (streq(u->loadstate, "not-found"))
                return CTL_NO_SUCH_NAME;
        return unit_status_is_active(&status) ? CTL_OK : CTL_NOT_RUNNING;
}

typedef struct Asked {
        Ctl *ctl;
        const char *vm, *name;
        Systemd__UnitStatus *shown; /* last */
} Asked;

/* Agents before ours do not have them. Whatever else is wrong with them, the status has been shown. */
static int status_show_lines_wait(Ctl *ctl, const Place *place) {
        Journal__JournalRequest request = JOURNAL__JOURNAL_REQUEST__INIT;
        _cleanup_(rpc_status_done) RpcStatus status = {};
        int r;

        request.vmname = place->vm;
        request.unitname = place->unit;
        lines_set_number(&request, &ctl->options, LINES_DEFAULT);
        if (ctl->options.output != OUTPUT_TEXT || (request.has_lines_case && request.lines == 0))
                return 0;
        r = lines_show_wait(ctl, &request, "\n", &status);
        if (r >= 0 || ctl->interrupted || status.code == RPC_UNIMPLEMENTED)
                return ctl->interrupted ? r : 0;
        rpc_status_from_errno(&status, r);
        if (status.message)
                str_make_printable(status.message, '?');
        fprintf(stderr, "The journal cannot be shown: %s\n", strempty(status.message));
        return 0;
}

static int status_ask_wait(Asked *a, RpcStatus *reterr) {
        _cleanup_(place_done) Place place = {};
        _cleanup_proto_ Systemd__UnitStatus *reply = NULL;
        Admin__UnitStatusRequest request = ADMIN__UNIT_STATUS_REQUEST__INIT;
        int r;

        r = place_find_wait(a->ctl, a->vm, a->name, &place, reterr);
        if (r < 0)
                return r;
        request.vmname = place.vm;
        request.unitname = place.unit;
        r = client_call_wait(a->ctl->client, "GetUnitStatus", &request, &reply, reterr);
        if (r < 0)
                return r;
        if (a->ctl->options.output == OUTPUT_TEXT)
                message_make_printable(&reply->base);
        if (a->shown && status_is_same(a->shown, reply))
                return 0;
        if (a->shown && a->ctl->options.output == OUTPUT_TEXT)
                puts("");
        r = status_show(&a->ctl->options, place.vm, reply);
        if (r >= 0)
                r = status_show_lines_wait(a->ctl, &place);
        proto_free((ProtobufCMessage *) a->shown);
        a->shown = TAKE_PTR(reply);
        return r < 0 ? r : fflush(stdout) == 0 ? 0 : -errno;
}

static int on_change(_unused_ const Admin__QueryListResponse *list, void *userdata, RpcStatus *reterr) {
        return status_ask_wait(userdata, reterr);
}

CtlExit verb_status(Ctl *ctl, char **words, size_t n_words) {
        Asked asked = { ctl, n_words == 2 ? words[0] : ctl->options.vm, words[n_words - 1], NULL };
        _cleanup_free_ char *what = NULL;
        RpcStatus status = {};
        usec_t limit = ctl->options.timeout_usec;
        CtlExit e = CTL_OK;
        int r;

        if (n_words == 2 && ctl->options.vm && !streq(ctl->options.vm, words[0]))
                return ctl_usage("The VM is '%s' or '%s', not both.", words[0], ctl->options.vm);
        what = strf("show the status of '%s'", words[n_words - 1]);
        if (ctl->options.watch)
                r = follow_wait(ctl, limit > 0 ? limit : USEC_INFINITY, on_change, &asked, &status);
        else
                r = status_ask_wait(&asked, &status);
        if (r >= 0)
                e = status_to_exit(asked.shown);
        proto_free((ProtobufCMessage *) asked.shown);
        return r < 0 ? ctl_fail(ctl, r, &status, strempty(what)) : e;
}
