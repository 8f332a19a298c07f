/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that hold something of this machine for long, a process, a thread or memory: so many of a service at once, and
 * of a peer that is not the admin no more than a quarter of them, so that whom the access rules let in cannot shut the
 * others out. The admin comes for many, and counts those himself. */
#pragma once

#include "agent/config.h"
#include "base/list.h"
#include "rpc/status.h"
#include "tls/identity.h"

typedef struct Places {
        const char *what; /* "uploads of policies" */
        unsigned max;
        List taken;
} Places;

#define PLACES_INIT(name, text, n)                                                                                     \
        {                                                                                                              \
                .what = (text), .max = (n), .taken = { &(name).taken, &(name).taken }                                  \
        }

/* Lives in the handler. Zero-initialised is ready for place_leave(). */
typedef struct Place {
        List places;
        const char *peer; /* the identity's, which outlives it */
} Place;

/* 0, or RESOURCE_EXHAUSTED with the limit. */
int place_take(Place *p, Places *of, const Identity *identity, const Config *config, RpcStatus *reterr) _warn_unused_;
void place_leave(Place *p);
