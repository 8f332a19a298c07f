/* SPDX-License-Identifier: Apache-2.0 */
/* What the registry keeps about one unit: its type, its state, and the image of it that readers see. Pure
 * data. */
#pragma once

#include <sys/types.h>

#include "base/time.h"
#include "base/unit-status.h"

#define ENTRY_NAME_MAX  255 /* bytes of a unit's name */
#define ENTRY_SHOWN_MAX 256 /* bytes of a description in the list */

typedef enum VmType {
        VM_HOST,
        VM_ADM,
        VM_SYS,
        VM_APP,
} VmType;

typedef enum ServiceType {
        SERVICE_MGR, /* an agent */
        SERVICE_SVC,
        SERVICE_APP,
        SERVICE_VM, /* the unit on the host that is a VM */
} ServiceType;

typedef struct EntryType {
        VmType vm;
        ServiceType service;
} EntryType;

typedef enum VmStatus {
        VM_STATUS_RUNNING,
        VM_STATUS_POWERED_OFF,
        VM_STATUS_PAUSED,
} VmStatus;

typedef enum EntryPlacement {
        PLACED_ENDPOINT, /* registered by its agent */
        PLACED_MANAGED,  /* an application instance that runs under an agent */
} EntryPlacement;

/* The number on the wire; -EINVAL when there is no such type. */
int entry_type_from_number(unsigned number, EntryType *ret) _warn_unused_;
unsigned entry_type_to_number(EntryType t);
static inline bool entry_type_equal(EntryType a, EntryType b) {
        return a.vm == b.vm && a.service == b.service;
}
/* The words on the wire, never NULL. */
const char *vm_type_to_string(VmType t);
const char *service_type_to_string(ServiceType t);
const char *vm_status_to_string(VmStatus s);

VmStatus vm_status_from_unit(const UnitStatus *s);

/* One line of the list as readers see it; made once, never changed, shared by reference. */
typedef struct EntryImage {
        unsigned n_ref;
        char *name, *description, *vm_name, *agent_name;
        char *vm; /* whose agent speaks for it; vm_name and agent_name are what they were before us */
        VmStatus status;
        usec_t since_usec; /* CLOCK_REALTIME: when it got its status */
        EntryType type;
} EntryImage;

/* What an image is made of. Strings are borrowed. */
typedef struct EntryInfo {
        const char *name, *agent; /* together the key: the unit and the agent that speaks for it */
        EntryType type;
        EntryPlacement placement;
        const char *vm; /* name of the VM that it was placed in, "" when it did not say */
        const UnitStatus *status;
        usec_t since_usec; /* CLOCK_REALTIME: when it got its status; 0: now, unless it has had it before */
} EntryInfo;

/* That of an application instance that runs under an agent of that VM. */
static inline EntryInfo entry_info_of_application(const char *agent, const char *vm, const UnitStatus *status) {
        return (EntryInfo){
                .name = status->name,
                .agent = agent,
                .type = { VM_APP, SERVICE_APP },
                .placement = PLACED_MANAGED,
                .vm = vm,
                .status = status,
        };
}

/* reachable: whether the agent is. before: how it was seen until now, NULL when it was not. 0 or -ENOMEM. */
int entry_image_new(const EntryInfo *info, bool reachable, const EntryImage *before, EntryImage **ret) _warn_unused_;
EntryImage *entry_image_ref(EntryImage *i);
EntryImage *entry_image_unref(EntryImage *i);
DEFINE_CLEANUP(EntryImage *, entry_image_unref)
/* About what it takes in a message that lists it. */
size_t entry_image_size(const EntryImage *i);
bool entry_image_equal(const EntryImage *a, const EntryImage *b);

/* A word that may name a VM or an application: letters, digits, '-', '_', '.', at most 200 bytes. */
bool entry_word_is_valid(const char *s);
