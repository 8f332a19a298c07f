/* SPDX-License-Identifier: Apache-2.0 */
/* Units of the manager behind a Bus: their state, and its changes. org.freedesktop.systemd1(5). */
#pragma once

#include "base/unit-status.h"
#include "bus/bus.h"

#define UNIT_NAME_SIZE_MAX 255

/* systemd's rules for the full name of a unit that can exist: characters, one known type as suffix, length, an '@'
 * neither begins it nor stands right before the suffix (that would be a template). An instance may contain '@'. */
bool unit_name_is_valid(const char *name);

/* The state of one unit; a name that systemd does not know is "not-found", "inactive", "dead", no error. 0, -EINVAL
 * (not a name), or as bus_call_wait(). */
int unit_status_wait(Bus *b, const char *name, UnitStatus *ret) _warn_unused_;

/* Watches units: on_change is called from the loop, never from within unit_watch_*, with the state of one unit
 * whenever ActiveState, SubState, LoadState, FreezerState or Description differ from what was last told; also for
 * units that appear (new = first time told) and vanish (state "inactive"/"dead", load_state "not-found"). Changes
 * within a millisecond or two are told as one. wanted() decides by name which units count; ask for a new look with
 * unit_watch_refresh() when its answer changed: units that are no longer wanted are forgotten without a word. After a
 * reconnect everything is read again, and only differences are told. systemd before 256 announces a freeze by
 * nobody's signal: ours are told all the same, those of others when the unit changes otherwise or the kernel's
 * cgroup.events says so. */
typedef struct UnitWatch UnitWatch;
typedef struct UnitWatchHooks {
        bool (*wanted)(const char *name, void *userdata);
        void (*on_change)(const UnitStatus *status, void *userdata);
        /* All units that are wanted have been told at least once since the (re)connection. May be NULL. */
        void (*on_synced)(void *userdata);
} UnitWatchHooks;

#define UNIT_WATCH_MAX 1024 /* units that one watch remembers; more are not told about */

/* hooks are static. The hooks may call all of unit_watch_*, unit_watch_free() too. */
int unit_watch_new(Bus *b, const UnitWatchHooks *hooks, void *userdata, UnitWatch **ret) _warn_unused_;
UnitWatch *unit_watch_free(UnitWatch *w);
DEFINE_CLEANUP(UnitWatch *, unit_watch_free)
/* Also tell about this name although systemd may not have it loaded (a unit that is exposed but stopped), or knows it
 * as an alias of another; its status has this name. 0, -EINVAL, -ENOMEM, -E2BIG (UNIT_WATCH_MAX). */
int unit_watch_add(UnitWatch *w, const char *name) _warn_unused_;
void unit_watch_refresh(UnitWatch *w);
/* What was last told about it, borrowed until the loop runs again, or NULL. */
const UnitStatus *unit_watch_get(UnitWatch *w, const char *name);
