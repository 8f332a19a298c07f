/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl start, stop, pause and resume: what one does to applications. */
#include <string.h>

#include "admin.pb-c.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctl/entry.h"
#include "ctl/output.h"
#include "ctl/verbs.h"
#include "proto/unpack.h"

static int app_print(const Ctl *ctl, const void *reply, const char *text) {
        if (ctl->options.output != OUTPUT_TEXT)
                return output_json(stdout, reply, ctl->options.output, false);
        if (text)
                puts(text);
        return 0;
}

static void app_request_init(Admin__ApplicationRequest *request, const char *name, const Options *o) {
        admin__application_request__init(request);
        request->appname = (char *) name;
        if (o->vm) {
                request->has_vm_name_case = ADMIN__APPLICATION_REQUEST__HAS_VM_NAME_VM_NAME;
                request->vmname = (char *) o->vm;
        }
        for (char **a = o->arguments; a && *a; a++)
                request->n_args++;
        request->args = o->arguments;
}

CtlExit verb_start(Ctl *ctl, char **words, size_t n_words) {
        _cleanup_proto_ Admin__StartResponse *reply = NULL;
        _cleanup_free_ char *what = NULL;
        Admin__ApplicationRequest request;
        RpcStatus status = {};
        int r;

        if (n_words == 2 && !streq(words[0], "app"))
                return ctl_usage("'%s' is too much; what is for the application stands behind '--'.", words[1]);
        what = strf("start '%s'", words[n_words - 1]);
        app_request_init(&request, words[n_words - 1], &ctl->options);
        r = client_call_wait(ctl->client, "StartApplication", &request, &reply, &status);
        if (r < 0)
                return ctl_fail(ctl, r, &status, strempty(what));
        text_make_printable(reply->registryid);
        r = app_print(ctl, reply, reply->registryid);
        return r < 0 ? ctl_fail(ctl, r, &status, strempty(what)) : CTL_OK;
}

/* An instance is a unit, and people leave ".service" out; a bare application's name stays what it is. */
static char *app_name_complete(const char *name) {
        return strchr(name, '@') ? unit_name_complete(name) : strdup(name);
}

CtlExit verb_act(Ctl *ctl, char **words, _unused_ size_t n_words) {
        static const struct {
                const char *verb, *method;
        } rows[] = {
                { "stop", "StopApplication" },
                { "pause", "PauseApplication" },
                { "resume", "ResumeApplication" },
        };
        _cleanup_proto_ Admin__ApplicationResponse *reply = NULL;
        _cleanup_free_ char *what = NULL, *name = NULL;
        Admin__ApplicationRequest request;
        const char *method = NULL;
        RpcStatus status = {};
        int r = -ENOMEM;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(ctl->verb->name, rows[i].verb))
                        method = rows[i].method;
        what = strf("%s '%s'", ctl->verb->name, words[0]);
        name = app_name_complete(words[0]);
        if (name) {
                app_request_init(&request, name, &ctl->options);
                r = client_call_wait(ctl->client, method, &request, &reply, &status);
        }
        if (r >= 0)
                r = app_print(ctl, reply, NULL);
        return r < 0 ? ctl_fail(ctl, r, &status, strempty(what)) : CTL_OK;
}
