/* SPDX-License-Identifier: Apache-2.0 */
/* Follows the units of an agent and keeps the registry true: by what it pushes or, where it cannot, by asking it. */
#pragma once

#include "admin/agents.h"

#define MONITOR_POLL_USEC         (5 * USEC_PER_SEC)
#define MONITOR_POLL_TIMEOUT_USEC (5 * USEC_PER_SEC)
#define MONITOR_POLL_PARALLEL     8
#define MONITOR_REFLECT_USEC      (1 * USEC_PER_SEC) /* how long the push behind an answer may take */
#define MONITOR_TOLD_MAX          1024               /* units that one agent may tell about */

/* Begins to follow the agent, until it is forgotten. 0 or -ENOMEM. */
int monitor_start(Agent *a) _warn_unused_;
/* Frees what was told. */
void monitor_forget(Agent *a);
/* The VM is off, or about to be: what is registered for it leaves. */
void monitor_drop_vm(Agents *agents, const char *vm);
/* The agent cannot be reached: when its VM is known to be off, its entries leave. */
void monitor_agent_lost(Agent *a);

/* What the agent pushed last about the unit, or NULL when it does not push or has not told. Borrowed until a _wait. */
const UnitStatus *monitor_get_told(const Agent *a, const char *unit);
/* A unit was registered: a poller looks at it soon. */
void monitor_kick(Agent *a);
/* The agent has answered that the unit is now so: suspends until the registry says the same, by a push that must be on
 * its way, or by this answer where nothing is pushed. Pushes know better than answers, which may be overtaken. */
int monitor_reflect_wait(
                Agent *a, const UnitStatus *status, bool (*is_as_wanted)(const UnitStatus *status)) _warn_unused_;
