/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl start, stop, pause, resume for applications, services and VMs; and the host's power. */
#include <string.h>

#include "admin.pb-c.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"
#include "ctl/detach.h"
#include "ctl/entry.h"
#include "ctl/follow.h"
#include "ctl/output.h"
#include "ctl/place.h"
#include "ctl/progress.h"
#include "ctl/reference.h"
#include "ctl/verbs.h"
#include "proto/unpack.h"

/* The call that changes something: everything before it was questions. */
static int act_call_wait(Ctl *ctl, const char *method, const void *request, void *ret, RpcStatus *reterr) {
        int r;

        r = client_connect_wait(ctl->client, reterr);
        if (r >= 0)
                r = detach_release(ctl);
        if (r < 0)
                return r;
        ctl->asked = true;
        return client_call_wait(ctl->client, method, request, ret, reterr);
}

typedef int (*act_func_t)(Ctl *ctl, const char *method, const char *name, void *ret, RpcStatus *reterr);

/* An instance is a unit, and people leave ".service" out; a bare application's name stays what it is. */
static char *app_name_complete(const char *name) {
        return strchr(name, '@') ? unit_name_complete(name) : strdup(name);
}

static int act_on_app_wait(Ctl *ctl, const char *method, const char *name, void *ret, RpcStatus *reterr) {
        _cleanup_free_ char *complete = NULL;
        Admin__ApplicationRequest request = ADMIN__APPLICATION_REQUEST__INIT;
        const Options *o = &ctl->options;

        complete = streq(ctl->verb->name, "start") ? strdup(name) : app_name_complete(name);
        if (!complete)
                return -ENOMEM;
        request.appname = complete;
        if (o->vm) {
                request.has_vm_name_case = ADMIN__APPLICATION_REQUEST__HAS_VM_NAME_VM_NAME;
                request.vmname = (char *) o->vm;
        }
        for (char **a = o->arguments; a && *a; a++)
                request.n_args++;
        request.args = o->arguments;
        return act_call_wait(ctl, method, &request, ret, reterr);
}

static int act_on_service_wait(Ctl *ctl, const char *method, const char *name, void *ret, RpcStatus *reterr) {
        _cleanup_(place_done) Place place = {};
        Admin__ServiceRequest request = ADMIN__SERVICE_REQUEST__INIT;
        int r;

        r = place_find_wait(ctl, ctl->options.vm, name, &place, reterr);
        if (r < 0)
                return r;
        request.vmname = place.vm;
        request.servicename = place.unit;
        return act_call_wait(ctl, method, &request, ret, reterr);
}

static int act_on_vm_wait(Ctl *ctl, const char *method, const char *name, void *ret, RpcStatus *reterr) {
        Admin__StartVMRequest request = ADMIN__START_VMREQUEST__INIT;

        request.vmname = (char *) name;
        return act_call_wait(ctl, method, &request, ret, reterr);
}

/* A VM is a unit of the host, and stops as such. */
static int act_on_vm_unit_wait(Ctl *ctl, const char *method, const char *name, void *ret, RpcStatus *reterr) {
        _cleanup_free_ char *unit = unit_from_vm(name);

        return unit ? act_on_service_wait(ctl, method, unit, ret, reterr) : -ENOMEM;
}

/* The first row of a verb is what it does when no kind is said. */
static const struct {
        const char *verb, *kind, *method;
        act_func_t func;
} acts[] = {
        { "start", "app", "StartApplication", act_on_app_wait },
        { "start", "service", "StartService", act_on_service_wait },
        { "start", "vm", "StartVM", act_on_vm_wait },
        { "stop", "app", "StopApplication", act_on_app_wait },
        { "stop", "service", "StopService", act_on_service_wait },
        { "stop", "vm", "StopService", act_on_vm_unit_wait },
        { "pause", "app", "PauseApplication", act_on_app_wait },
        { "resume", "app", "ResumeApplication", act_on_app_wait },
};

static ssize_t act_find(const char *verb, const char *kind) {
        for (size_t i = 0; i < ELEMENTSOF(acts); i++)
                if (streq(verb, acts[i].verb) && (!kind || streq(kind, acts[i].kind)))
                        return (ssize_t) i;
        return -1;
}

static int start_print(const Options *o, Admin__StartResponse *reply) {
        if (o->output != OUTPUT_TEXT)
                return output_json(stdout, reply, o->output, false);
        if (o->reference) {
                reference_print_started(stdout, reply);
                return fflush(stdout) == 0 ? 0 : -errno;
        }
        str_make_printable(reply->registryid, '?');
        puts(reply->registryid);
        return fflush(stdout) == 0 ? 0 : -errno;
}

static CtlExit act_usage(const Ctl *ctl, const char *kind, const char *name) {
        _cleanup_free_ char *kinds = NULL;

        if (ctl->verb->flags & VERB_ARGUMENTS)
                return ctl_usage("'%s' is too much; what is for the application stands behind '--'.", name);
        for (size_t i = 0; i < ELEMENTSOF(acts); i++)
                if (streq(ctl->verb->name, acts[i].verb) && str_extend(&kinds, ", ", "%s", acts[i].kind) < 0)
                        break;
        return ctl_usage("'%s' is no kind that '%s' knows: %s", kind, ctl->verb->name, strempty(kinds));
}

/* Of all units only the instances of applications are called by their names alone, and those have a number. */
static const char *act_guess_kind(const Ctl *ctl, const char *name) {
        bool is_unit = unit_name_is_complete(name) && !strchr(name, '@');

        return is_unit && !ctl->options.reference && act_find(ctl->verb->name, "service") >= 0 ? "service" : NULL;
}

static const char *verb_to_doing(const char *verb) {
        static const struct {
                const char *verb, *doing;
        } rows[] = {
                { "start", "starting" },
                { "stop", "stopping" },
                { "pause", "pausing" },
                { "resume", "resuming" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(verb, rows[i].verb))
                        return rows[i].doing;
        return verb;
}

/* Applications and VMs are what VMs are booted for. */
static int act_call_shown_wait(
                Ctl *ctl, size_t act, const char *name, const char *own, ProtobufCMessage **ret, RpcStatus *reterr) {
        bool boots = acts[act].func == act_on_vm_wait ||
                        (acts[act].func == act_on_app_wait && streq(ctl->verb->name, "start"));
        Work work = {
                .doing = verb_to_doing(ctl->verb->name),
                .name = acts[act].func == act_on_vm_wait ? NULL : name,
                .vm = boots ? own : NULL,
        };
        Progress *progress = progress_begin(ctl, &work);
        int r;

        r = acts[act].func(ctl, acts[act].method, name, ret, reterr);
        progress_end(progress);
        return r;
}

/* The VM that an application is in when nobody says. */
static char *act_get_vm(const Ctl *ctl, size_t act, const char *name) {
        if (acts[act].func == act_on_vm_wait)
                return strdup(name);
        if (ctl->options.vm)
                return strdup(ctl->options.vm);
        return acts[act].func == act_on_app_wait ? vm_from_app(name) : NULL;
}

CtlExit verb_act(Ctl *ctl, char **words, size_t n_words) {
        _cleanup_proto_ ProtobufCMessage *reply = NULL;
        _cleanup_free_ char *what = NULL, *own = NULL;
        const char *name = words[n_words - 1], *kind = n_words == 2 ? words[0] : act_guess_kind(ctl, name);
        ssize_t act = act_find(ctl->verb->name, kind);
        bool starts = streq(ctl->verb->name, "start");
        RpcStatus status = {};
        int r;

        if (act < 0)
                return act_usage(ctl, kind, name);
        if (n_words == 1 && !ctl->options.reference && act_find(ctl->verb->name, name) >= 0)
                return ctl_usage("'%s %s' needs more: %s %s NAME", ctl->verb->name, name, ctl->verb->name, name);
        if (!kind && !strchr(name, '@') && act_find(ctl->verb->name, "vm") >= 0)
                ctl->hint = "It was taken for an app; for others put 'service' or 'vm' before the name. 'givcctl list' "
                            "shows what there is.";
        if (acts[act].func != act_on_app_wait && ctl->options.arguments)
                return ctl_usage("Arguments behind '--' are for applications only.");
        what = kind ? strf("%s %s '%s'", ctl->verb->name, kind, name) : strf("%s '%s'", ctl->verb->name, name);
        own = act_get_vm(ctl, (size_t) act, name);
        r = act_call_shown_wait(ctl, (size_t) act, name, own, &reply, &status);
        if (r >= 0 && starts)
                r = start_print(&ctl->options, (Admin__StartResponse *) reply);
        else if (r >= 0 && ctl->options.output != OUTPUT_TEXT)
                r = output_json(stdout, reply, ctl->options.output, false);
        if (r >= 0 && ctl->options.wait)
                r = follow_end_wait(ctl, own, ((Admin__StartResponse *) reply)->registryid, &status);
        return r < 0 ? ctl_fail(ctl, r, &status, strempty(what)) : CTL_OK;
}

CtlExit verb_power(Ctl *ctl, _unused_ char **words, _unused_ size_t n_words) {
        static const struct {
                const char *verb, *method, *what, *doing;
        } rows[] = {
                { "poweroff", "Poweroff", "power the host off", "powering off" },
                { "reboot", "Reboot", "reboot the host", "rebooting" },
                { "suspend", "Suspend", "suspend the host", "waiting for the resume of" },
                { "wakeup", "Wakeup", "wake the host up", "waking up" },
        };
        Work work = { .name = "the host", .counts_vms = !streq(ctl->verb->name, "suspend") };
        Progress *progress;
        Admin__Empty request = ADMIN__EMPTY__INIT;
        RpcStatus status = {};
        size_t i = 0;
        int r;

        while (!streq(ctl->verb->name, rows[i].verb))
                i++;
        work.doing = rows[i].doing;
        progress = progress_begin(ctl, &work);
        r = act_call_wait(ctl, rows[i].method, &request, NULL, &status);
        progress_end(progress);
        return r < 0 ? ctl_fail(ctl, r, &status, rows[i].what) : CTL_OK;
}
