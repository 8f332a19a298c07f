/* SPDX-License-Identifier: Apache-2.0 */
/* Units of the manager behind a Bus: their state, and its changes. org.freedesktop.systemd1(5). */
#pragma once

#include "bus/bus.h"

#define UNIT_NAME_SIZE_MAX 255

/* A unit's state as systemd has it. Strings are never NULL once filled. */
typedef struct UnitStatus {
        char *name, *description, *load_state, *active_state, *sub_state, *path, *freezer_state;
} UnitStatus;

void unit_status_done(UnitStatus *s);
int unit_status_copy(const UnitStatus *s, UnitStatus *ret) _warn_unused_;
bool unit_status_equal(const UnitStatus *a, const UnitStatus *b);
bool unit_status_is_active(const UnitStatus *s);

/* systemd's rules for a full unit name: characters, one known type as suffix, length, at most one '@' that does not begin it. */
bool unit_name_is_valid(const char *name);

/* The state of one unit; a name that systemd does not know is "not-found", "inactive", "dead", no error. */
int unit_status_wait(Bus *b, const char *name, UnitStatus *ret) _warn_unused_;

/* Watches units: on_change is called from the loop, never from within unit_watch_*, with the state of one unit whenever
 * ActiveState, SubState, LoadState, FreezerState or Description differ from what was last told; also for units that appear
 * (new = first time told) and vanish (state "inactive"/"dead", load_state "not-found"). wanted() decides by name which
 * units count; ask for a new look with unit_watch_refresh() when its answer changed. After a reconnect everything is read
 * again, and only differences are told. */
typedef struct UnitWatch UnitWatch;
typedef struct UnitWatchHooks {
        bool (*wanted)(const char *name, void *userdata);
        void (*on_change)(const UnitStatus *status, void *userdata);
        /* All units that are wanted have been told at least once since the (re)connection. */
        void (*on_synced)(void *userdata);
} UnitWatchHooks;
int unit_watch_new(Bus *b, const UnitWatchHooks *hooks, void *userdata, UnitWatch **ret) _warn_unused_;
UnitWatch *unit_watch_free(UnitWatch *w);
DEFINE_CLEANUP(UnitWatch *, unit_watch_free)
/* Also tell about this name although systemd may not have it loaded (a unit that is exposed but stopped). */
int unit_watch_add(UnitWatch *w, const char *name) _warn_unused_;
void unit_watch_refresh(UnitWatch *w);
/* The last known state, borrowed until the loop runs again, or NULL. */
const UnitStatus *unit_watch_get(UnitWatch *w, const char *name);
