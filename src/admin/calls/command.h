/* SPDX-License-Identifier: Apache-2.0 */
/* What the admin asks an agent: exec.Exec, a program that the agent's machine runs. Errors are what a caller of the
 * admin may be told. */
#pragma once

#include "base/time.h"
#include "rpc/channel.h"

#define COMMAND_OUTPUT_MAX ((size_t) 4 * 1024 * 1024) /* that is collected of one */

typedef struct Command {
        const char *program;
        char *const *arguments;              /* behind it, NULL-terminated */
        const char *variable, *value, *path; /* of its environment: one variable, or NULL; an agent of the system before
                                               * this one then gives it no other, so that its PATH has to be said */
} Command;

/* Takes output as it comes: text, whole characters, borrowed. It may suspend; a negative result ends the command. */
typedef int (*command_output_t)(bool error, const char *text, void *userdata);

/* Runs it to its end; *ret_status is what it ended with, as a shell has it. 0 or an error with its status. */
int command_wait(RpcChannel *c, const Command *command, usec_t deadline, command_output_t on_output, void *userdata,
                int *ret_status, RpcStatus *reterr) _warn_unused_;
/* The same, and collects its output; *ret is a new string. A command that does not end with 0 is FAILED_PRECONDITION,
 * with what it has said last on standard error. */
int command_collect_wait(
                RpcChannel *c, const Command *command, usec_t deadline, char **ret, RpcStatus *reterr) _warn_unused_;
