/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl kill: a signal for processes of a unit of another VM, as systemctl kill has it. */
#include <signal.h>
#include <string.h>

#include "admin.pb-c.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "ctl/output.h"
#include "ctl/place.h"
#include "ctl/verbs.h"
#include "proto/unpack.h"
#include "systemd.pb-c.h"

/* "TERM", "SIGTERM" or "15"; 0 when it is no signal. */
static int signal_from_string(const char *s) {
        const char *name = startswith(s, "SIG");
        uint64_t number;

        if (parse_uint(s, SIGRTMAX, &number) >= 0)
                return (int) number;
        for (int i = 1; i <= SIGRTMAX; i++) {
                const char *known = sigabbrev_np(i);

                if (known && streq(known, name ? name : s))
                        return i;
        }
        return 0;
}

static bool whom_is_known(const char *s) {
        return streq(s, "main") || streq(s, "control") || streq(s, "all");
}

static int kill_wait(Ctl *ctl, const char *name, int number, Systemd__UnitStatus **ret, RpcStatus *reterr) {
        _cleanup_(place_done) Place place = {};
        Admin__KillUnitRequest request = ADMIN__KILL_UNIT_REQUEST__INIT;
        int r;

        r = place_find_wait(ctl, ctl->options.vm, name, &place, reterr);
        if (r < 0)
                return r;
        request.unitname = place.unit;
        request.has_vm_name_case = ADMIN__KILL_UNIT_REQUEST__HAS_VM_NAME_VM_NAME;
        request.vmname = place.vm;
        request.has_signal_case = ADMIN__KILL_UNIT_REQUEST__HAS_SIGNAL_SIGNAL;
        request.signal = number;
        if (ctl->options.kill_whom) {
                request.has_whom_case = ADMIN__KILL_UNIT_REQUEST__HAS_WHOM_WHOM;
                request.whom = (char *) ctl->options.kill_whom;
        }
        return client_call_wait(ctl->client, "KillUnit", &request, ret, reterr);
}

CtlExit verb_kill(Ctl *ctl, char **words, _unused_ size_t n_words) {
        _cleanup_free_ char *what = strf("kill '%s'", words[0]);
        _cleanup_proto_ Systemd__UnitStatus *reply = NULL;
        const Options *o = &ctl->options;
        int number = o->signal ? signal_from_string(o->signal) : SIGTERM;
        RpcStatus status = {};
        int r;

        if (number == 0)
                return ctl_usage("--signal=%s is no signal.", o->signal);
        if (o->kill_whom && !whom_is_known(o->kill_whom))
                return ctl_usage("--kill-whom=%s is none of main, control and all.", o->kill_whom);
        r = kill_wait(ctl, words[0], number, &reply, &status);
        if (r >= 0 && o->output != OUTPUT_TEXT)
                r = output_json(stdout, reply, o->output, false);
        return r < 0 ? ctl_fail(ctl, r, &status, strempty(what)) : CTL_OK;
}
