/* SPDX-License-Identifier: Apache-2.0 */
/* Brings language and time zone to the agents, each by itself, until it has them. */
#pragma once

#include "admin/agents.h"

#define PUSH_CALL_USEC (30 * USEC_PER_SEC)
#define PUSH_MIN_USEC  (500 * USEC_PER_MSEC) /* between tries with an agent that can be reached */
#define PUSH_MAX_USEC  (60 * USEC_PER_SEC)

/* The agent may not have the settings as they are now. */
void push_agent(Agent *a);
void push_all(Agents *agents);
