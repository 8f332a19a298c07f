/* SPDX-License-Identifier: Apache-2.0 */
/* Brings language, time zone and policies to the agents, each by itself, until it has them. */
#pragma once

#include "admin/agents.h"

#define PUSH_CALL_USEC   (30 * USEC_PER_SEC)
#define PUSH_POLICY_USEC (120 * USEC_PER_SEC)
#define PUSH_MIN_USEC    (500 * USEC_PER_MSEC) /* between tries with an agent that can be reached */
#define PUSH_MAX_USEC    (60 * USEC_PER_SEC)

typedef enum Push {
        PUSH_LOCALE = 1 << 0,
        PUSH_TIMEZONE = 1 << 1,
        PUSH_POLICIES = 1 << 2, /* those that an agent does not have */
} Push;

/* The agent may have nothing of it all. */
void push_agent(Agent *a);
/* There is news of it. */
void push_all(Agents *agents, Push what);
