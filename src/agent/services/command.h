/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller wants to be run, checked, as what systemd is asked for. */
#pragma once

#include "agent/config.h"
#include "bus/unit-run.h"
#include "exec.pb-c.h"
#include "rpc/status.h"

#define COMMAND_ARGUMENTS_MAX 1024
#define COMMAND_VARIABLES_MAX 256

/* Its environment is in a file without a name: whoever may ask the manager for the properties of units could read it
 * there, and tokens are passed in it. */
typedef struct Command {
        UnitRun run; /* name, streams and limits are the caller's to set; the rest borrows from here and the request */
        char **argv;
        char *description;
        char *environment; /* lines of an environment file, see systemd.exec(5) */
        int environment_fd;
        char environment_path[64];
} Command;

/* The request must outlive the command. 0, -ENOMEM, or a refusal with its reason in *reterr: PERMISSION_DENIED for a
 * command that is not on the configuration's list, INVALID_ARGUMENT for what nobody could run. */
int command_from_request(
                Command *ret, const Exec__StartCommand *start, const Config *config, RpcStatus *reterr) _warn_unused_;
void command_done(Command *c);

#define COMMAND_NONE                                                                                                   \
        { .environment_fd = -EBADF }
