/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent's services work on: the configuration, the units that it makes of them, the manager's bus, and the
 * feed of their states. It knows neither gRPC nor the admin. */
#pragma once

#include "agent/config.h"
#include "agent/exposure.h"
#include "agent/feed.h"
#include "agent/stats.h"
#include "base/list.h"
#include "bus/unit-program.h"
#include "event/fiber.h"

typedef struct Agent Agent;

/* own_unit is the name of the unit that the process runs in; NULL: as exposure_get_own_name(). Borrows the config,
 * takes a reference on the bus. */
int agent_new(const Config *config, Bus *bus, const char *own_unit, Agent **ret) _warn_unused_;
/* From the loop, never from a fiber. */
Agent *agent_free(Agent *a);
DEFINE_CLEANUP(Agent *, agent_free)

const Config *agent_get_config(const Agent *a);
const Exposure *agent_get_exposure(const Agent *a);
Bus *agent_get_bus(const Agent *a);
Feed *agent_get_feed(const Agent *a);
/* Programs that services run for their callers. */
UnitPrograms *agent_get_programs(const Agent *a);
/* How busy the machine is. */
Stats *agent_get_stats(const Agent *a);
/* The directory that has the machine's /proc and /sys, "" by default; borrowed. */
const char *agent_get_root(const Agent *a);
void agent_set_root(Agent *a, const char *root);
/* The unit that the agent runs in, NULL when it runs in none. */
const char *agent_get_unit(const Agent *a);

/* A manager that is just being reached, or that executes itself again, is worth a moment to any caller: suspends until
 * it is there, for that moment at most. 0, -ENOTCONN, -ECANCELED. */
int agent_manager_wait(const Agent *a);
/* The machine's own bus, a new reference: the manager's, or, when that is a user's, a connection that is kept from the
 * first use on, so that answers to callers who have left find who takes them. Suspends until it stands, for that moment
 * at most. 0, -ENOMEM, -ENOTCONN, -ECANCELED. */
int agent_system_bus_wait(Agent *a, Bus **ret) _warn_unused_;
/* The name that systemd has for an exposed unit: the agent's own unit may be called anything. */
const char *agent_real_name(const Agent *a, const char *name);
/* unit_status_wait() under the exposed name. */
int agent_unit_status_wait(const Agent *a, const char *name, UnitStatus *ret);

/* A failed application instance is in nobody's way for long: the agent logs its result and lets systemd forget it,
 * unless somebody holds it to do so himself. Between hold and release it must not be held again. */
typedef struct AgentHold {
        List holds;
        Agent *agent;
        const char *name; /* borrowed */
        bool concluded;   /* the feed may not know it yet */
        bool ended;
        Promise *wake;
} AgentHold;
void agent_hold(Agent *a, const char *name, AgentHold *ret);
void agent_release(AgentHold *h);
/* Suspends until the unit was told to be inactive or failed since this was last asked, or until the deadline. That may
 * have been true before a job was done that the caller has waited for: read the state then. 0, -ETIMEDOUT,
 * -ECANCELED. */
int agent_hold_ended_wait(AgentHold *h, usec_t deadline);
/* Reads why the unit failed into *ret and lets systemd forget it. 0 or a negative errno. */
int agent_conclude_wait(Agent *a, const char *name, UnitResult *ret);
