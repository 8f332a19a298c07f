/* SPDX-License-Identifier: Apache-2.0 */
/* What every verb of the client has in hand: options, the way to the admin, and how it says that something failed. */
#pragma once

#include "ctl/client.h"
#include "ctl/options.h"
#include "event/task.h"
#include "rpc/status.h"

/* Scripts hold on to these; givcctl(1) lists them. */
typedef enum CtlExit {
        CTL_OK = 0,
        CTL_FAILED = 1,
        CTL_USAGE = 2,
        CTL_NOT_RUNNING = 3,
        CTL_NO_SUCH_NAME = 4,
        CTL_NO_PERMISSION = 5,
        CTL_UNREACHABLE = 6,
        CTL_TIMEOUT = 7,
} CtlExit;

typedef struct Verb Verb;

typedef struct Ctl {
        Options options;
        const Verb *verb;
        Client *client;   /* NULL for what asks nobody */
        Fiber *fiber;     /* that the verb runs in, while it does */
        int interrupted;  /* the signal that ended the waiting, or 0 */
        bool asked;       /* for a change: it may go on without the client */
        char *remains;    /* what goes on, when a signal has ended the waiting; NULL: nobody knows */
        const char *hint; /* when there is nothing of that name; NULL: where to look for one */
        int detach_fd;    /* to the caller that --no-block lets go, or negative */
        TaskGroup *detached;
} Ctl;

/* Says on standard error that the verb failed: "Failed to start 'foo': why (NotFound).", and a hint where there is one.
 * what is the rest of the sentence behind "Failed to". Returns the exit status for it. */
CtlExit ctl_fail(const Ctl *ctl, int error, RpcStatus *status, const char *what) _warn_unused_;
/* Says "sentence" and where the help is; returns CTL_USAGE. */
CtlExit ctl_usage(const char *fmt, ...) _printf_(1, 2) _warn_unused_;
/* The exit status that stands for a gRPC status. */
CtlExit ctl_exit_from_code(RpcCode code);
