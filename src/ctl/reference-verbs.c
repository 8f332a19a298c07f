/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs of the program before this one that givcctl takes too: query, query-list, get-status, sysinfo, test. */
#include "admin.pb-c.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "ctl/entry.h"
#include "ctl/output.h"
#include "ctl/reference.h"
#include "ctl/verbs.h"
#include "proto/unpack.h"
#include "systemd.pb-c.h"

CtlExit verb_query(Ctl *ctl, _unused_ char **words, _unused_ size_t n_words) {
        _cleanup_proto_ Admin__QueryListResponse *reply = NULL;
        Admin__Empty request = ADMIN__EMPTY__INIT;
        const Options *o = &ctl->options;
        RpcStatus status = {};
        int r;

        r = client_call_wait(ctl->client, "QueryList", &request, &reply, &status);
        if (r >= 0)
                r = reference_print_list(stdout, reply, o->as_json || o->output != OUTPUT_TEXT);
        return r < 0 ? ctl_fail(ctl, r, &status, "list the registry") : CTL_OK;
}

CtlExit verb_get_status(Ctl *ctl, char **words, _unused_ size_t n_words) {
        _cleanup_proto_ Systemd__UnitStatus *reply = NULL;
        _cleanup_free_ char *what = NULL;
        Admin__UnitStatusRequest request = ADMIN__UNIT_STATUS_REQUEST__INIT;
        RpcStatus status = {};
        int r;

        request.vmname = words[0];
        request.unitname = words[1];
        r = client_call_wait(ctl->client, "GetUnitStatus", &request, &reply, &status);
        if (r >= 0 && ctl->options.output != OUTPUT_TEXT)
                r = output_json(stdout, reply, ctl->options.output, false);
        else if (r >= 0)
                reference_print_status(stdout, reply);
        what = strf("get the status of '%s'", words[1]);
        return r < 0 ? ctl_fail(ctl, r, &status, strempty(what)) : CTL_OK;
}

CtlExit verb_get_stats(Ctl *ctl, char **words, _unused_ size_t n_words) {
        _cleanup_proto_ Stats__StatsResponse *reply = NULL;
        _cleanup_free_ char *what = NULL;
        Admin__StatsRequest request = ADMIN__STATS_REQUEST__INIT;
        RpcStatus status = {};
        int r;

        request.vmname = words[0];
        r = client_call_wait(ctl->client, "GetStats", &request, &reply, &status);
        if (r >= 0 && ctl->options.output != OUTPUT_TEXT)
                r = output_json(stdout, reply, ctl->options.output, false);
        else if (r >= 0)
                reference_print_stats(stdout, reply);
        what = strf("see how busy '%s' is", words[0]);
        return r < 0 ? ctl_fail(ctl, r, &status, strempty(what)) : CTL_OK;
}

static const char *known(bool said, bool value) {
        return !said ? "unknown" : value ? "enabled" : "disabled";
}

CtlExit verb_sysinfo(Ctl *ctl, _unused_ char **words, _unused_ size_t n_words) {
        _cleanup_proto_ Stats__SysinfoResponse *reply = NULL;
        Admin__Empty request = ADMIN__EMPTY__INIT;
        RpcStatus status = {};
        int r;

        r = client_call_wait(ctl->client, "Sysinfo", &request, &reply, &status);
        if (r >= 0 && ctl->options.output != OUTPUT_TEXT)
                r = output_json(stdout, reply, ctl->options.output, false);
        else if (r >= 0) {
                message_make_printable(&reply->base);
                printf("Ghaf Version: %s\n", reply->ghafversion);
                printf("Secure Boot: %s\n", known(reply->has_secure_boot_case, reply->secureboot));
                printf("Disk Encryption: %s\n", known(reply->has_disk_encrypted_case, reply->diskencrypted));
        }
        return r < 0 ? ctl_fail(ctl, r, &status, "ask what the host is") : CTL_OK;
}

typedef struct Ensure {
        const char *name, *vm;
        uint64_t n_tries, type; /* as in RegistryRequest; UINT64_MAX: any */
} Ensure;

/* The numbers of RegistryRequest.Type. */
#define TYPE_MAX 14

static bool entry_has_type(const Admin__QueryListItem *item, uint64_t type) {
        static const char *const vms[] = { "Host", "Host", "Host", "AdmVM", "AdmVM", "AdmVM", "AdmVM", "SysVM", "SysVM",
                "SysVM", "SysVM", "AppVM", "AppVM", "AppVM", "AppVM" };
        static const char *const kinds[] = { "Mgr", "Svc", "App", "VM", "Mgr", "Svc", "App", "VM", "Mgr", "Svc", "App",
                "VM", "Mgr", "Svc", "App" };

        return streq(item->vmtype, vms[type]) && streq(item->servicetype, kinds[type]);
}

static bool entry_has_vm(const Admin__QueryListItem *item, const char *vm) {
        _cleanup_free_ char *own = entry_get_vm(item);

        return streq(strempty(own), vm) || (item->has_vm_name_case && streq(item->vmname, vm));
}

/* 1: registered as it should be; 0: not registered. */
static int ensure_look(const Ensure *e, const Admin__QueryListResponse *list, RpcStatus *reterr) {
        const char *wrong = NULL;

        for (size_t i = 0; i < list->n_list; i++) {
                const Admin__QueryListItem *item = list->list[i];

                if (!streq(item->name, e->name))
                        continue;
                if (e->type <= TYPE_MAX && !entry_has_type(item, e->type))
                        wrong = "of wrong type";
                else if (e->vm && !entry_has_vm(item, e->vm))
                        wrong = "on wrong VM";
                else
                        return 1;
        }
        return wrong ? rpc_error(reterr, RPC_FAILED_PRECONDITION, "'%s' is registered, but %s", e->name, wrong) : 0;
}

static int ensure_wait(Ctl *ctl, const Ensure *e, RpcStatus *reterr) {
        int r = 0;

        for (uint64_t i = 0; i < e->n_tries && r == 0; i++) {
                _cleanup_proto_ Admin__QueryListResponse *list = NULL;
                Admin__Empty request = ADMIN__EMPTY__INIT;

                if (i > 0)
                        r = fiber_sleep_wait(USEC_PER_SEC);
                if (r >= 0)
                        r = client_call_wait(ctl->client, "QueryList", &request, &list, reterr);
                if (r >= 0)
                        r = ensure_look(e, list, reterr);
        }
        return r == 0 ? rpc_error(reterr, RPC_NOT_FOUND, "'%s' is not registered", e->name) : r;
}

CtlExit verb_test(Ctl *ctl, char **words, _unused_ size_t n_words) {
        const Options *o = &ctl->options;
        Ensure ensure = { .name = words[1], .vm = o->vm, .type = UINT64_MAX };
        _cleanup_free_ char *what = NULL;
        RpcStatus status = {};
        int r;

        if (!streq(words[0], "ensure"))
                return ctl_usage("There is no test '%s': test %s", words[0], ctl->verb->synopsis);
        if (!o->retry || parse_uint(o->retry, INT32_MAX, &ensure.n_tries) < 0)
                return ctl_usage("'test ensure' needs --retry=N, how often to look.");
        if (o->type && parse_uint(o->type, TYPE_MAX, &ensure.type) < 0)
                return ctl_usage("--type=%s is not a number of 0 to %u.", o->type, TYPE_MAX);
        r = ensure_wait(ctl, &ensure, &status);
        what = strf("find '%s'", words[1]);
        return r < 0 ? ctl_fail(ctl, r, &status, strempty(what)) : CTL_OK;
}
