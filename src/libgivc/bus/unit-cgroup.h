/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says about a unit's cgroup: that it was frozen or thawed, got its first process or lost its last. The
 * manager of systemd 252 hears of a freeze in the same way, and tells nobody. */
#pragma once

#include "bus/bus.h"

typedef struct UnitCgroup UnitCgroup;

/* Where the unified hierarchy is mounted; a test has it elsewhere. */
extern const char *unit_cgroup_root;

/* The D-Bus interface of the unit's type that tells of its cgroup; NULL for a unit of a type that runs no processes. */
const char *unit_cgroup_interface(const char *name);

/* Asks for the cgroup of the unit at that object path and watches its cgroup.events; on_event says no more than that
 * they have changed. NULL for units of a type that cannot be frozen, and when out of memory; a unit without cgroup is
 * watched in silence. path is the unit's D-Bus path. */
UnitCgroup *unit_cgroup_watch(
                Bus *b, const char *name, const char *path, void (*on_event)(void *userdata), void *userdata);
UnitCgroup *unit_cgroup_free(UnitCgroup *c);
