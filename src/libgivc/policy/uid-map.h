/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of entities: the first that is added has 0, the next one 1. What is kept of each is an array of its owner. */
#pragma once

#include "policy/value.h"

#define UID_NONE UINT32_MAX

typedef struct UidSlot {
        uint32_t hash, number; /* number plus one; 0 in a free slot */
} UidSlot;

/* Zero-initialised is empty. What uids point to is borrowed, and outlives it. */
typedef struct UidMap {
        EntityUid *uids; /* by number */
        size_t n, n_allocated;
        UidSlot *slots; /* each at the first free place from its hash on */
        size_t n_slots; /* a power of two, twice as many as uids at least */
} UidMap;

void uid_map_done(UidMap *m);
/* The number of the uid, or UID_NONE. */
uint32_t uid_map_find(const UidMap *m, const EntityUid *uid);
/* The same of one that is added when need be. 0 or -ENOMEM. */
int uid_map_add(UidMap *m, const EntityUid *uid, uint32_t *ret) _warn_unused_;
