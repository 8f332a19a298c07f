/* SPDX-License-Identifier: Apache-2.0 */
/* The watch's parts know each other: unit-watch.c keeps what is known and tells it, unit-watch-signal.c listens, and
 * unit-watch-read.c asks. */
#pragma once

#include "base/map.h"
#include "bus/bus-internal.h"
#include "bus/unit-cgroup.h"

typedef struct WatchEntry {
        List changed; /* in UnitWatch.changed while there may be something to tell */
        UnitWatch *watch;
        char *name; /* as it was wanted or added */
        char *id;   /* as the manager calls it: differs for an alias */
        UnitStatus known, told;
        bool added;                            /* by unit_watch_add() */
        bool loaded;                           /* the manager has it */
        bool file_known;                       /* known has been read since it was last loaded */
        bool stale;                            /* to be read with the next call */
        bool asked;                            /* in the call that is out */
        sd_bus_slot *file_slot, *freezer_slot; /* calls that are out; nothing is told meanwhile */
        UnitCgroup *cgroup;                    /* while it is active */
} WatchEntry;

struct UnitWatch {
        List watches;
        Bus *bus;
        BusListener listener;
        const UnitWatchHooks *hooks;
        void *userdata;
        Map *entries;
        List changed;
        unsigned n_aliases;
        sd_bus_slot *properties_slot, *new_slot, *removed_slot, *reloading_slot; /* matches */
        sd_bus_slot *list_slot;
        sd_event_source *timer;
        bool all_stale; /* read everything with the next call */
        bool reloading; /* the manager drops and makes all units; what it says of them means nothing */
        bool sync_owed;
        bool telling, freed;
};

#define WATCH_TELL_DELAY_USEC (1 * USEC_PER_MSEC)
#define WATCH_RETRY_USEC      (1 * USEC_PER_SEC)

static inline void slot_done(sd_bus_slot **s) {
        *s = sd_bus_slot_unref(*s);
}

/* Reads and tells what there is after the delay at the latest. */
void watch_schedule(UnitWatch *w, usec_t delay);
/* The entry that the manager calls so, made when it is wanted. */
WatchEntry *watch_find(UnitWatch *w, const char *id);
/* Calls f, which may forget the entry, for all that the manager calls so: the unit itself and its aliases. make: an
 * entry that is wanted and not there is made. */
void watch_visit(UnitWatch *w, const char *id, bool make, void (*f)(WatchEntry *e, void *argument), void *argument);
/* There may be something to tell. */
void watch_entry_touch(WatchEntry *e);
/* Sets a field of e->known; 1 when it changed, 0, or -ENOMEM. */
int watch_entry_set(WatchEntry *e, char **field, const char *value);
/* The manager has the unit. */
void watch_entry_loaded(WatchEntry *e);
/* The manager does not have it any more; the entry may be forgotten. */
void watch_entry_unloaded(WatchEntry *e);
/* After its state was set: follows the cgroup of an active unit. */
void watch_entry_follow(WatchEntry *e);
/* Asks for all that is stale, with one call. */
int watch_read(UnitWatch *w) _warn_unused_;
/* Asks for a unit that is not loaded, by its name. */
void watch_entry_read_file(WatchEntry *e);
/* Asks for the one property that comes with no list. */
void watch_entry_read_freezer(WatchEntry *e);
/* Adds the matches to the current connection. */
int watch_match(UnitWatch *w) _warn_unused_;
