/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/entry.h"

#include <fnmatch.h>

#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"

static const struct {
        const char *name, *word;
        EntryKind kind;
} kinds[] = {
        { "VM", "VM", ENTRY_VM },
        { "Mgr", "agent", ENTRY_AGENT },
        { "Svc", "service", ENTRY_SERVICE },
        { "App", "app", ENTRY_APP },
};

static const struct {
        const char *name, *word;
} vm_types[] = {
        { "Host", "host" },
        { "AdmVM", "admin VM" },
        { "SysVM", "system VM" },
        { "AppVM", "app VM" },
};

EntryKind entry_get_kind(const Admin__QueryListItem *item) {
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (streq(item->servicetype, kinds[i].name))
                        return kinds[i].kind;
        return ENTRY_OTHER;
}

const char *entry_kind_to_word(const Admin__QueryListItem *item) {
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (streq(item->servicetype, kinds[i].name))
                        return kinds[i].word;
        return item->servicetype;
}

unsigned entry_vm_rank(const Admin__QueryListItem *item) {
        unsigned i;

        for (i = 0; i < ELEMENTSOF(vm_types); i++)
                if (streq(item->vmtype, vm_types[i].name))
                        break;
        return i;
}

const char *entry_vm_type_to_word(const Admin__QueryListItem *item) {
        unsigned i = entry_vm_rank(item);

        return i < ELEMENTSOF(vm_types) ? vm_types[i].word : item->vmtype;
}

char *entry_get_vm(const Admin__QueryListItem *item) {
        const char *agent = item->has_agent_name_case ? item->agentname : "";
        char *vm = NULL;

        if (entry_get_kind(item) == ENTRY_VM)
                vm = vm_from_unit(item->name);
        else if (item->has_vm_case && !isempty(item->vm))
                return strdup(item->vm);
        if (!vm && item->has_vm_name_case && !isempty(item->vmname))
                return strdup(item->vmname);
        if (!vm)
                vm = vm_from_agent(item->name);
        if (!vm)
                vm = vm_from_agent(agent);
        return vm ? vm : strdup("");
}

static bool name_is_service(const char *name, const char *said) {
        const char *rest = startswith(name, said);

        return rest && (rest[0] == 0 || streq(rest, ".service"));
}

bool entry_is_called(const Admin__QueryListItem *item, const char *name) {
        _cleanup_free_ char *vm = NULL;

        if (name_is_service(item->name, name))
                return true;
        vm = entry_get_kind(item) <= ENTRY_AGENT ? entry_get_vm(item) : NULL;
        return vm && streq(vm, name);
}

bool entry_matches(const Admin__QueryListItem *item, char *const *patterns) {
        _cleanup_free_ char *vm = NULL, *shorter = NULL;
        const char *end = endswith(item->name, ".service");

        if (!patterns || !*patterns)
                return true;
        vm = entry_get_vm(item);
        if (end)
                shorter = mem_dup(item->name, end - item->name);
        if (!vm || (end && !shorter))
                return false;
        for (char *const *p = patterns; *p; p++)
                if (fnmatch(*p, item->name, 0) == 0 || fnmatch(*p, vm, 0) == 0 ||
                                (shorter && fnmatch(*p, shorter, 0) == 0))
                        return true;
        return false;
}

bool unit_name_is_complete(const char *name) {
        static const char *const suffixes[] = { ".service", ".socket", ".target", ".device", ".mount", ".automount",
                ".swap", ".timer", ".path", ".slice", ".scope" };

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
                if (endswith(name, suffixes[i]))
                        return true;
        return false;
}

char *unit_name_complete(const char *name) {
        return unit_name_is_complete(name) ? strdup(name) : strf("%s.service", name);
}

/* The unset strings of a message share one constant: nothing is ever to be replaced in an empty one. */
static void field_make_printable(const ProtobufCFieldDescriptor *field, void *member) {
        if (field->type == PROTOBUF_C_TYPE_STRING)
                str_make_printable(*(char **) member, '?');
        else if (*(ProtobufCMessage **) member)
                message_make_printable(*(ProtobufCMessage **) member);
}

void message_make_printable(ProtobufCMessage *m) {
        for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
                const ProtobufCFieldDescriptor *field = m->descriptor->fields + i;
                char *base = (char *) m, *member = base + field->offset;

                if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
                        continue;
                if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
                                *(uint32_t *) (base + field->quantifier_offset) != field->id)
                        continue;
                if (field->label != PROTOBUF_C_LABEL_REPEATED) {
                        field_make_printable(field, member);
                        continue;
                }
                for (size_t k = 0; k < *(size_t *) (base + field->quantifier_offset); k++)
                        field_make_printable(field, *(char **) member + k * sizeof(void *));
        }
}
