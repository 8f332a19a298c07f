/* SPDX-License-Identifier: Apache-2.0 */
/* The host's power, by the targets of its service manager. */
#pragma once

#include "admin/agents.h"

typedef enum PowerAction {
        POWER_OFF,
        POWER_REBOOT,
        POWER_SUSPEND,
} PowerAction;

/* Suspends until the host's job has ended, which for POWER_SUSPEND is after it has resumed. A host that goes away as
 * it was told to has done it. UNAVAILABLE when there is none that can be reached. */
int power_wait(const Agents *agents, PowerAction action, usec_t deadline, RpcStatus *reterr) _warn_unused_;
