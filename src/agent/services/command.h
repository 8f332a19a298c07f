/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller wants to be run, checked, as what systemd is asked for. */
#pragma once

#include "agent/config.h"
#include "bus/unit-run.h"
#include "exec.pb-c.h"
#include "rpc/status.h"

#define COMMAND_ARGUMENTS_MAX 1024
#define COMMAND_VARIABLES_MAX 256

typedef struct Command {
        UnitRun run; /* name, streams and limits are the caller's to set; the rest borrows from here and the request */
        char **argv, **environment;
        char *description;
} Command;

/* The request must outlive the command. 0, -ENOMEM, or a refusal with its reason in *reterr: PERMISSION_DENIED for a
 * command that is not on the configuration's list, INVALID_ARGUMENT for what nobody could run. */
int command_from_request(
                Command *ret, const Exec__StartCommand *start, const Config *config, RpcStatus *reterr) _warn_unused_;
void command_done(Command *c);
