/* SPDX-License-Identifier: Apache-2.0 */
/* A unit's state in systemd's words, wherever it comes from. Pure data. */
#pragma once

#include "base/macro.h"

#define UNIT_TEXT_MAX 1024 /* bytes of one text of a copy; longer ones are cut at a character */

/* path is the D-Bus object path. name is the unit's own, also when it was asked for by an alias. freezer_state is
 * "running" where systemd has none to tell (before 246, and whatever is not active): nothing holds such a unit. NULL
 * counts as ""; a copy has none. A literal with borrowed strings is a view that nobody frees. */
typedef struct UnitStatus {
        char *name, *description, *load_state, *active_state, *sub_state, *path, *freezer_state;
} UnitStatus;

void unit_status_done(UnitStatus *s);
/* 0 or -ENOMEM. */
int unit_status_copy(const UnitStatus *s, UnitStatus *ret) _warn_unused_;
/* As copies of them would be: what is cut does not count. */
bool unit_status_equal(const UnitStatus *a, const UnitStatus *b);
/* Also while it reads its configuration anew. */
bool unit_status_is_active(const UnitStatus *s);
/* Active with a process, which may be frozen. */
bool unit_status_is_running(const UnitStatus *s);
bool unit_status_is_frozen(const UnitStatus *s);
/* It has no processes, and gets none until it is started again. */
bool unit_status_is_inactive_or_failed(const UnitStatus *s);
/* The same of an ActiveState alone. */
bool unit_state_is_inactive_or_failed(const char *active_state);
/* A view of a unit that is not there. */
UnitStatus unit_status_not_found(const char *name);
