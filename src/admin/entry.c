/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/entry.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"

#define WORD_MAX 200

static const EntryType types[] = {
        { VM_HOST, SERVICE_MGR },
        { VM_HOST, SERVICE_SVC },
        { VM_HOST, SERVICE_APP }, /* a host is no VM */
        { VM_ADM, SERVICE_VM },
        { VM_ADM, SERVICE_MGR },
        { VM_ADM, SERVICE_SVC },
        { VM_ADM, SERVICE_APP },
        { VM_SYS, SERVICE_VM },
        { VM_SYS, SERVICE_MGR },
        { VM_SYS, SERVICE_SVC },
        { VM_SYS, SERVICE_APP },
        { VM_APP, SERVICE_VM },
        { VM_APP, SERVICE_MGR },
        { VM_APP, SERVICE_SVC },
        { VM_APP, SERVICE_APP },
};

int entry_type_from_number(unsigned number, EntryType *ret) {
        if (number >= ELEMENTSOF(types))
                return -EINVAL;
        *ret = types[number];
        return 0;
}

unsigned entry_type_to_number(EntryType t) {
        unsigned i = 0;

        while (i < ELEMENTSOF(types) - 1 && !entry_type_equal(types[i], t))
                i++;
        return i;
}

const char *vm_type_to_string(VmType t) {
        static const char *const words[] = {
                [VM_HOST] = "Host",
                [VM_ADM] = "AdmVM",
                [VM_SYS] = "SysVM",
                [VM_APP] = "AppVM",
        };

        return words[t];
}

const char *service_type_to_string(ServiceType t) {
        static const char *const words[] = {
                [SERVICE_MGR] = "Mgr",
                [SERVICE_SVC] = "Svc",
                [SERVICE_APP] = "App",
                [SERVICE_VM] = "VM",
        };

        return words[t];
}

const char *vm_status_to_string(VmStatus s) {
        static const char *const words[] = {
                [VM_STATUS_RUNNING] = "Running",
                [VM_STATUS_POWERED_OFF] = "PoweredOff",
                [VM_STATUS_PAUSED] = "Paused",
        };

        return words[s];
}

VmStatus vm_status_from_unit(const UnitStatus *s) {
        if (unit_status_is_frozen(s))
                return VM_STATUS_PAUSED;
        return unit_status_is_running(s) ? VM_STATUS_RUNNING : VM_STATUS_POWERED_OFF;
}

static char *image_vm_name(const EntryInfo *info) {
        return info->type.service == SERVICE_VM ? vm_from_unit(info->name) : strdup(strempty(info->vm));
}

/* As the wire has it since ever: who registered itself is its own agent, an application names the one that runs it. */
static const char *image_agent_name(const EntryInfo *info) {
        return info->placement == PLACED_MANAGED ? info->agent : info->name;
}

static usec_t image_since(const EntryInfo *info, VmStatus status, const EntryImage *before) {
        if (info->since_usec > 0)
                return info->since_usec;
        return before && before->status == status ? before->since_usec : time_now(CLOCK_REALTIME);
}

int entry_image_new(const EntryInfo *info, bool reachable, const EntryImage *before, EntryImage **ret) {
        const char *description = strempty(info->status->description);
        VmStatus status = reachable ? vm_status_from_unit(info->status) : VM_STATUS_POWERED_OFF;
        _cleanup_(entry_image_unrefp) EntryImage *i = NULL;

        i = mem_new0(EntryImage, 1);
        if (!i)
                return -ENOMEM;
        *i = (EntryImage){
                .n_ref = 1,
                .name = strdup(info->name),
                .description = mem_dup(description, str_fit(description, ENTRY_SHOWN_MAX)),
                .vm_name = image_vm_name(info),
                .agent_name = strdup(image_agent_name(info)),
                .vm = vm_from_agent(info->agent),
                .status = status,
                .since_usec = image_since(info, status, before),
                .type = info->type,
        };
        if (!i->name || !i->description || !i->vm_name || !i->agent_name || !i->vm)
                return -ENOMEM;
        *ret = TAKE_PTR(i);
        return 0;
}

EntryImage *entry_image_ref(EntryImage *i) {
        if (i)
                i->n_ref++;
        return i;
}

EntryImage *entry_image_unref(EntryImage *i) {
        if (!i || --i->n_ref > 0)
                return NULL;
        free(i->name);
        free(i->description);
        free(i->vm_name);
        free(i->agent_name);
        free(i->vm);
        free(i);
        return NULL;
}

size_t entry_image_size(const EntryImage *i) {
        enum { OVERHEAD = 64 }; /* the words for status, trust and types, the time, tags and lengths */

        return strlen(i->name) + strlen(i->description) + strlen(i->vm_name) + strlen(i->agent_name) + strlen(i->vm) +
                        OVERHEAD;
}

bool entry_image_equal(const EntryImage *a, const EntryImage *b) {
        return streq(a->name, b->name) && streq(a->description, b->description) && streq(a->vm_name, b->vm_name) &&
                        streq(a->agent_name, b->agent_name) && streq(a->vm, b->vm) && a->status == b->status &&
                        a->since_usec == b->since_usec && entry_type_equal(a->type, b->type);
}

bool entry_word_is_valid(const char *s) {
        static const char permitted[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
        size_t n = strlen(s);

        return n > 0 && n <= WORD_MAX && strspn(s, permitted) == n;
}
