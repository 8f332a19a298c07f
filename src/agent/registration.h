/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's session with its admin: it registers itself and each of its units, and again whenever the channel has
 * come back, since the admin may be another instance then. */
#pragma once

#include "agent/agent.h"
#include "rpc/channel.h"

typedef struct Registration Registration;

#define REGISTRATION_BUS_USEC         (5 * USEC_PER_SEC) /* how long a try waits for the service manager */
#define REGISTRATION_BACKOFF_MIN_USEC (200 * USEC_PER_MSEC)
#define REGISTRATION_BACKOFF_MAX_USEC (30 * USEC_PER_SEC)

/* Connects the channel, of which it is the listener from now on, and takes a reference on it. on_change(userdata) is
 * called from the loop whenever registration_describe() may say something else. */
int registration_new(Agent *a, RpcChannel *channel, void (*on_change)(void *userdata), void *userdata,
                Registration **ret) _warn_unused_;
/* From the loop, never from a fiber. */
Registration *registration_free(Registration *r);
DEFINE_CLEANUP(Registration *, registration_free)

/* The agent and all of its units are registered in this session. */
bool registration_is_complete(const Registration *r);
/* For systemctl status: "registered with admin-vm; 5 units, 2 applications; since …", "admin-vm not reachable: …". New
 * string, NULL when out of memory. */
char *registration_describe(const Registration *r) _warn_unused_;
