/* SPDX-License-Identifier: Apache-2.0 */
/* Where a unit is asked for: which entry of the registry a person means by a name, and the VM that answers for it. */
#pragma once

#include "admin.pb-c.h"
#include "ctl/ctl.h"

typedef struct Place {
        char *vm, *unit;
} Place;

void place_done(Place *p);
/* The entry of the list that is called name, in the VM where one is said (NULL: in any); borrowed. NULL, and a code
 * with a sentence in *reterr, when there is none or two fit equally. */
const Admin__QueryListItem *place_find_entry(const Admin__QueryListResponse *list, const char *vm, const char *name,
                RpcStatus *reterr) _warn_unused_;
/* The VM whose agent answers for the entry: the host for units of VMs, which admins of the reference do not say.
 * New string, NULL when out of memory. */
char *place_get_asked_vm(const Admin__QueryListResponse *list, const Admin__QueryListItem *item) _warn_unused_;
/* With a VM the place is what was said; without one the registry is asked. place_done() it. */
int place_find_wait(Ctl *ctl, const char *vm, const char *name, Place *ret, RpcStatus *reterr) _warn_unused_;
