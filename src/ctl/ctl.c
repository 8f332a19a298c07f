/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "ctl/output.h"
#include "ctl/verbs.h"

CtlExit ctl_exit_from_code(RpcCode code) {
        switch (code) {
        case RPC_OK:
                return CTL_OK;
        case RPC_NOT_FOUND:
                return CTL_NO_SUCH_NAME;
        case RPC_PERMISSION_DENIED:
        case RPC_UNAUTHENTICATED:
                return CTL_NO_PERMISSION;
        case RPC_DEADLINE_EXCEEDED:
                return CTL_TIMEOUT;
        default:
                return CTL_FAILED;
        }
}

static const char *code_to_hint(RpcCode code, bool changes) {
        switch (code) {
        case RPC_NOT_FOUND:
                return "'givcctl list' shows what there is.";
        case RPC_DEADLINE_EXCEEDED:
                return changes ? "It may still happen, 'givcctl list' shows. --timeout=SEC waits longer."
                               : "--timeout=SEC waits longer.";
        case RPC_PERMISSION_DENIED:
        case RPC_UNAUTHENTICATED:
                return "The journal of givc-admin says who was refused and why.";
        case RPC_UNAVAILABLE:
                return "The VM may be off, or cut off from the others: 'givcctl list' shows.";
        case RPC_RESOURCE_EXHAUSTED:
        case RPC_INTERNAL:
                return "The journals of givc-admin and of the VM's agent say more.";
        case RPC_UNIMPLEMENTED:
                return "The admin, or the agent that it asked, is older than this client or not configured for it.";
        default:
                return NULL;
        }
}

static const char *ctl_get_hint(const Ctl *ctl, RpcCode code) {
        if (ctl->hint && code == RPC_NOT_FOUND)
                return ctl->hint;
        return code_to_hint(code, ctl->verb->flags & VERB_CHANGES);
}

static CtlExit ctl_fail_interrupted(const Ctl *ctl, const char *what) {
        if (ctl->verb->flags & VERB_ENDLESS || ctl->options.watch || ctl->options.follow)
                return CTL_OK;
        if (ctl->client && !client_was_reached(ctl->client))
                fprintf(stderr, "Interrupted before the admin was reached: nothing was asked of it.\n");
        else if (!(ctl->verb->flags & VERB_CHANGES))
                fprintf(stderr, "Interrupted.\n");
        else if (!ctl->asked)
                fprintf(stderr, "Interrupted before the admin was asked to %s.\n", what);
        else if (ctl->remains)
                fprintf(stderr, "Interrupted. %s; 'givcctl list' shows.\n", ctl->remains);
        else
                fprintf(stderr, "Interrupted. The admin was asked to %s, which may go on; 'givcctl list' shows.\n",
                                what);
        return CTL_FAILED;
}

/* May have several lines, such as the last words of a program. */
static void ctl_print_detail(char *detail) {
        const char *title = "Detail:";

        for (char *line; (line = strsep(&detail, "\n")); title = "       ") {
                str_make_printable(line, '?');
                fprintf(stderr, "%s %s\n", title, line);
        }
}

/* Some of what gRPC itself says is nothing to people. */
static const char *status_get_reason(const RpcStatus *status) {
        if (status->code == RPC_UNAVAILABLE && streq_ptr(status->message, "keepalive watchdog timeout"))
                return "whoever was asked does not answer any more";
        if (status->code == RPC_DEADLINE_EXCEEDED &&
                        (isempty(status->message) || streq(status->message, "Deadline Exceeded")))
                return "no answer in time";
        if (status->code == RPC_UNIMPLEMENTED && isempty(status->message))
                return "there is no such method";
        return isempty(status->message) ? "no reason" : status->message;
}

static void ctl_print_failure(const Ctl *ctl, const char *what, RpcStatus *status, const char *hint) {
        const char *reason;
        size_t n;

        if (status->message)
                str_make_printable(status->message, '?');
        reason = status_get_reason(status);
        for (n = strlen(reason); n > 0 && reason[n - 1] == '.';)
                n--;
        fprintf(stderr, "%sFailed to %s: %.*s (%s).\n", ctl->options.reference ? "Error: " : "", what, (int) n, reason,
                        rpc_code_to_word(status->code));
        if (!isempty(status->detail) && !streq_ptr(status->detail, status->message))
                ctl_print_detail(status->detail);
        if (hint)
                fprintf(stderr, "Hint: %s\n", hint);
}

CtlExit ctl_fail(const Ctl *ctl, int error, RpcStatus *status, const char *what) {
        CtlExit e;

        if (error == -ECANCELED && ctl->interrupted) {
                rpc_status_done(status);
                return ctl_fail_interrupted(ctl, what);
        }
        if (output_lost_its_reader()) {
                rpc_status_done(status);
                return CTL_FAILED; /* main() knows how to end then */
        }
        rpc_status_from_errno(status, error);
        if (!ctl->client) {
                e = CTL_FAILED;
                ctl_print_failure(ctl, what, status, NULL);
        } else if (!client_was_reached(ctl->client)) {
                e = error == -EACCES ? CTL_NO_PERMISSION : error == -ETIMEDOUT ? CTL_TIMEOUT : CTL_UNREACHABLE;
                ctl_print_failure(ctl, what, status, client_get_hint(ctl->client));
        } else {
                /* A stream is the admin's own; of other calls it may say that the agent cannot be reached. */
                bool lost = status->code == RPC_UNAVAILABLE &&
                                (ctl->verb->flags & VERB_ENDLESS || !client_is_connected(ctl->client));

                e = lost ? CTL_UNREACHABLE : ctl_exit_from_code(status->code);
                ctl_print_failure(ctl, what, status,
                                lost ? "Is it restarting? 'systemctl status givc-admin' on its machine tells."
                                     : ctl_get_hint(ctl, status->code));
        }
        rpc_status_done(status);
        return ctl->options.reference ? CTL_FAILED : e;
}

CtlExit ctl_usage(const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        (void) vfprintf(stderr, fmt, ap);
        va_end(ap);
        fprintf(stderr, "\nHint: 'givcctl --help' shows verbs and options.\n");
        return CTL_USAGE;
}
