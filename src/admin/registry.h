/* SPDX-License-Identifier: Apache-2.0 */
/* What is there: agents and the units that they speak for, keyed by (agent, name), and who reads along. Data and rules
 * about data only; it knows neither connections nor calls, and nothing here waits. */
#pragma once

#include "admin/entry.h"
#include "admin/reservation.h"
#include "admin/watch.h"

#define REGISTRY_AGENTS_MAX            256
#define REGISTRY_ENTRIES_PER_AGENT_MAX 512 /* the agent itself, its units and its application instances */
/* Application starts in progress: far more than a peer may have calls, so that nobody whose own agent does not answer
 * takes the room of others. */
#define REGISTRY_RESERVATIONS_MAX 4096
/* What the list may take, of RPC_MESSAGE_MAX: the rest is for descriptions that grow. */
#define REGISTRY_BYTES_MAX           (3 * 1024 * 1024)
#define REGISTRY_BYTES_PER_AGENT_MAX (128 * 1024)

typedef struct Registry Registry;

typedef struct Entry {
        List entries;       /* the registry's */
        char *name, *agent; /* the key */
        EntryType type;
        EntryPlacement placement;
        char *vm;
        UnitStatus status;
        EntryImage *image;
} Entry;

/* 0 or -ENOMEM. */
int registry_new(Registry **ret) _warn_unused_;
/* Without readers and reservations. */
Registry *registry_free(Registry *r);
DEFINE_CLEANUP(Registry *, registry_free)
/* on_change(userdata) after each visible change: readers have news, watch_hub_dispatch() them when nothing is half
 * done. */
void registry_set_listener(Registry *r, void (*on_change)(void *userdata), void *userdata);
/* on_entry(entry, there, userdata) when an entry was added, became another kind of thing, is seen in another state, or
 * is about to leave. */
void registry_set_recorder(Registry *r, void (*on_entry)(const Entry *e, bool there, void *userdata), void *userdata);
WatchHub *registry_get_hub(Registry *r);

/* Adds the entry, or makes the one with its key what info says. 1 when something visible changed, 0 when not; -ENOSPC
 * when a limit is reached, -ENOMEM. */
int registry_put(Registry *r, const EntryInfo *info) _warn_unused_;
/* A unit's new state. An application that has exited leaves. 1, 0 as above, -ENOENT when there is no such entry (a
 * reservation for it learns of it nevertheless), -ENOMEM. */
int registry_update(Registry *r, const char *agent, const char *name, const UnitStatus *status);
/* The unit is not there any more: an application leaves, another entry is PoweredOff. As registry_update(). */
int registry_unit_gone(Registry *r, const char *agent, const char *name);
/* Takes an entry out: an agent with everything under it, a VM's unit with its agent. -ENOENT when it is not there. */
int registry_remove(Registry *r, const char *agent, const char *name);
/* What an agent speaks for is PoweredOff while nobody can reach it. */
void registry_set_reachable(Registry *r, const char *agent, bool reachable);
bool registry_is_reachable(const Registry *r, const char *agent);

/* Borrowed until the next change; NULL when not there. */
const Entry *registry_get(const Registry *r, const char *agent, const char *name);
/* The one entry of that name, under any agent (agent NULL) or that one. -ENOENT; -ENOTUNIQ with the candidates as a
 * sentence's tail in *reterr_candidates ("givc-a-vm.service, givc-b-vm.service", new string). */
int registry_find(const Registry *r, const char *name, const char *agent, const Entry **ret,
                char **reterr_candidates) _warn_unused_;
/* The host's agent, or NULL: a second one is never let in. */
const Entry *registry_get_host(const Registry *r);

/* Visits all entries (agent NULL), or those of an agent: pass NULL to begin, NULL ends it. Nothing may change
 * meanwhile. */
const Entry *registry_next(const Registry *r, const char *agent, const Entry *after);
size_t registry_count(const Registry *r);
/* How often since it was made something has changed that readers see. */
uint64_t registry_count_changes(const Registry *r);
typedef struct RegistryStats {
        unsigned n_agents, n_unreachable, n_units, n_watches;
} RegistryStats;
void registry_get_stats(const Registry *r, RegistryStats *ret);

/* Reserves the first free instance APP@N.service for a start under agent: no entry and no other start has that name.
 * What becomes of the unit meanwhile is recorded. -ENOSPC, -ENOMEM. */
int registry_reserve_instance(Registry *r, const char *agent, const char *app, Reservation **ret) _warn_unused_;
bool registry_is_reserved(const Registry *r, const char *agent, const char *name);
