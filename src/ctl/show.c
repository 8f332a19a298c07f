/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl show: all that registry and agent say of a name, for programs: a property a line, or one JSON object. */
#include "base/mem.h"
#include "base/str.h"
#include "ctl/entry.h"
#include "ctl/output.h"
#include "ctl/pager.h"
#include "ctl/place.h"
#include "ctl/verbs.h"
#include "proto/json.h"
#include "proto/unpack.h"
#include "systemd.pb-c.h"

static int show_print(json_t *properties) {
        const char *key;
        json_t *value;

        json_object_foreach(properties, key, value) {
                _cleanup_free_ char *text = strdup(strempty(json_string_value(value)));

                if (!text)
                        return -ENOMEM;
                str_make_printable(text, '?');
                printf("%s=%s\n", key, text);
        }
        return 0;
}

/* The properties of the entry, and of its unit where the agent can be asked; both have Name and Description, and the
 * registry's are shown. */
static int show_both(const Options *o, const Admin__QueryListItem *item, const Systemd__UnitStatus *unit) {
        json_t *properties, *more = NULL;
        int r = 0;

        pager_open(o);
        properties = proto_to_json(&item->base, PROTO_JSON_ALL_FIELDS);
        if (unit)
                more = proto_to_json(&unit->base, PROTO_JSON_ALL_FIELDS);
        if (!properties || (unit && (!more || json_object_update_missing(properties, more) < 0)))
                r = -ENOMEM;
        else if (o->output == OUTPUT_TEXT)
                r = show_print(properties);
        else
                r = output_json_value(stdout, properties, o->output, false);
        json_decref(properties);
        json_decref(more);
        return r;
}

static int show_ask_wait(Ctl *ctl, const char *name, RpcStatus *reterr) {
        _cleanup_proto_ Admin__QueryListResponse *list = NULL;
        _cleanup_proto_ Systemd__UnitStatus *unit = NULL;
        _cleanup_free_ char *vm = NULL;
        Admin__UnitStatusRequest asked = ADMIN__UNIT_STATUS_REQUEST__INIT;
        Admin__Empty request = ADMIN__EMPTY__INIT;
        const Admin__QueryListItem *item;
        RpcStatus status = {};
        int r;

        r = client_call_wait(ctl->client, "QueryList", &request, &list, reterr);
        if (r < 0)
                return r;
        item = place_find_entry(list, ctl->options.vm, name, reterr);
        if (!item)
                return rpc_code_to_errno(reterr->code);
        vm = place_get_asked_vm(list, item);
        if (!vm)
                return -ENOMEM;
        asked.vmname = vm;
        asked.unitname = item->name;
        r = client_call_wait(ctl->client, "GetUnitStatus", &asked, &unit, &status);
        rpc_status_done(&status);
        return r == -ECANCELED ? r : show_both(&ctl->options, item, unit);
}

CtlExit verb_show(Ctl *ctl, char **words, _unused_ size_t n_words) {
        _cleanup_free_ char *what = NULL;
        RpcStatus status = {};
        int r;

        r = show_ask_wait(ctl, words[0], &status);
        what = strf("show '%s'", words[0]);
        return r < 0 ? ctl_fail(ctl, r, &status, strempty(what)) : CTL_OK;
}
