/* SPDX-License-Identifier: Apache-2.0 */
/* A program of this machine that a service asks: its input is given at once, its output is taken whole, within a size
 * and a time. Programs that callers choose and talk to are exec's. */
#pragma once

#include "agent/agent.h"
#include "bus/unit-collect.h"
#include "rpc/status.h"

typedef struct Helper {
        char *const *argv; /* its name is looked up in PATH, the agent's and then the manager's */
        const void *input;
        size_t n_input, output_max;
        usec_t usec; /* how long it may take */
} Helper;

/* Runs it and suspends until it has ended, with whatever status, and its output is here. 0; or a code and a sentence in
 * *reterr: NOT_FOUND (there is no such program), DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED (too much output), or what the
 * manager says. It does not outlive this: it is ended with all its children. */
int helper_run_wait(Agent *agent, const Helper *helper, UnitOutput *ret, RpcStatus *reterr) _warn_unused_;
