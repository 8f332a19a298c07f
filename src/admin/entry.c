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

static const size_t status_texts[] = {
        offsetof(EntryStatus, name),
        offsetof(EntryStatus, description),
        offsetof(EntryStatus, load_state),
        offsetof(EntryStatus, active_state),
        offsetof(EntryStatus, sub_state),
        offsetof(EntryStatus, path),
        offsetof(EntryStatus, freezer_state),
};

static char **status_text(EntryStatus *s, size_t i) {
        return (char **) ((char *) s + status_texts[i]);
}

static const char *status_text_const(const EntryStatus *s, size_t i) {
        return strempty(*(char *const *) ((const char *) s + status_texts[i]));
}

void entry_status_done(EntryStatus *s) {
        for (size_t i = 0; i < ELEMENTSOF(status_texts); i++)
                free(*status_text(s, i));
        *s = (EntryStatus){};
}

/* A copy that ends before the character which would go over the limit. */
static char *text_cut(const char *s, size_t max) {
        size_t n = strnlen(s, max + 1);

        if (n > max) {
                n = max;
                while (n > 0 && ((unsigned char) s[n] & 0xC0) == 0x80)
                        n--;
        }
        return mem_dup(s, n);
}

int entry_status_copy(const EntryStatus *s, EntryStatus *ret) {
        _cleanup_(entry_status_done) EntryStatus copy = {};

        for (size_t i = 0; i < ELEMENTSOF(status_texts); i++) {
                *status_text(&copy, i) = text_cut(status_text_const(s, i), ENTRY_TEXT_MAX);
                if (!*status_text(&copy, i))
                        return -ENOMEM;
        }
        *ret = copy;
        copy = (EntryStatus){};
        return 0;
}

bool entry_status_equal(const EntryStatus *a, const EntryStatus *b) {
        for (size_t i = 0; i < ELEMENTSOF(status_texts); i++)
                if (!streq(status_text_const(a, i), status_text_const(b, i)))
                        return false;
        return true;
}

bool entry_status_is_active(const EntryStatus *s) {
        return streq(strempty(s->active_state), "active");
}

bool entry_status_is_paused(const EntryStatus *s) {
        return streq(strempty(s->freezer_state), "frozen");
}

bool entry_status_is_running(const EntryStatus *s) {
        return entry_status_is_active(s) && streq(strempty(s->load_state), "loaded") &&
                        streq(strempty(s->sub_state), "running") && !entry_status_is_paused(s);
}

bool entry_status_is_exited(const EntryStatus *s) {
        const char *active = strempty(s->active_state);

        return streq(active, "inactive") || streq(active, "failed");
}

VmStatus entry_status_to_vm_status(const EntryStatus *s) {
        if (entry_status_is_paused(s))
                return VM_STATUS_PAUSED;
        return entry_status_is_running(s) ? VM_STATUS_RUNNING : VM_STATUS_POWERED_OFF;
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
        VmStatus status = reachable ? entry_status_to_vm_status(info->status) : VM_STATUS_POWERED_OFF;
        _cleanup_(entry_image_unrefp) EntryImage *i = NULL;

        i = mem_new0(EntryImage, 1);
        if (!i)
                return -ENOMEM;
        *i = (EntryImage){
                .n_ref = 1,
                .name = strdup(info->name),
                .description = text_cut(strempty(info->status->description), ENTRY_SHOWN_MAX),
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
