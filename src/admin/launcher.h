/* SPDX-License-Identifier: Apache-2.0 */
/* Starts VMs: has the host start the unit that is the VM, and waits until the VM's own agent has registered. Starts of
 * one VM at the same time are one start, which goes on when those who asked for it leave. */
#pragma once

#include "admin/agents.h"

#define LAUNCHER_TIMEOUT_USEC (60 * USEC_PER_SEC) /* when nobody says */
#define LAUNCHES_MAX          256                 /* VMs that are being started at once */

typedef struct Launcher {
        Agents *agents; /* borrowed, outlives it */
        usec_t timeout_usec;
        List launches;
        unsigned n_launches;
        Condition reached; /* an agent is up, or is not any more: for launches that wait for theirs */
} Launcher;

void launcher_init(Launcher *l, Agents *agents, usec_t timeout_usec);
/* Nobody waits any more. */
void launcher_done(Launcher *l);

/* Suspends until the VM runs and its agent can be asked; the VM of the admin needs none. 1; 0 when that is so already.
 * NOT_FOUND, UNAVAILABLE for a host or for a running VM's agent that cannot be reached, DEADLINE_EXCEEDED with what it
 * waited for. */
int launcher_start_wait(Launcher *l, const char *vm, RpcStatus *reterr) _warn_unused_;
/* The agent of a VM, a new reference, as agents_find_vm(); a VM that is off is started first. */
int launcher_get_agent_wait(Launcher *l, const char *vm, Agent **ret, RpcStatus *reterr) _warn_unused_;
