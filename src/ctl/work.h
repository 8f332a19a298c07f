/* SPDX-License-Identifier: Apache-2.0 */
/* What a call does for a person, step by step as the registry shows it, in words. */
#pragma once

#include "admin.pb-c.h"
#include "base/macro.h"

typedef struct Work {
        const char *doing;   /* "starting" */
        const char *name;    /* what it is done to; NULL: booting the VM is all */
        const char *vm;      /* that is booted first where it is off, or NULL */
        bool counts_vms;     /* how many VMs still run tells how far it is */
        const char *remains; /* what is true when nobody waits any more; NULL: nobody knows */
} Work;

/* "booting app-vm", "waiting for the agent of app-vm", "starting hold"; the last when list is NULL. New string, NULL
 * when out of memory. */
char *work_to_text(const Work *w, const Admin__QueryListResponse *list) _warn_unused_;
/* A sentence on what goes on without the client, without its full stop. New string, NULL when nobody knows. */
char *work_to_remains(const Work *w, const Admin__QueryListResponse *list) _warn_unused_;
