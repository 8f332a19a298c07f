/* SPDX-License-Identifier: Apache-2.0 */
/* What an entry of the registry means to people: its VM, its kind, its names. Our admin says the VM; admins of the
 * reference do not, and leave VmName and AgentName half filled, so for theirs both are looked at together. */
#pragma once

#include "admin.pb-c.h"
#include "base/macro.h"

typedef enum EntryKind {
        ENTRY_VM,
        ENTRY_AGENT,
        ENTRY_SERVICE,
        ENTRY_APP,
        ENTRY_OTHER,
} EntryKind;

EntryKind entry_get_kind(const Admin__QueryListItem *item);
/* "agent", "service", "app", "VM", or what the admin says. */
const char *entry_kind_to_word(const Admin__QueryListItem *item);
/* "host", "admin VM", "system VM", "app VM", or what the admin says. */
const char *entry_vm_type_to_word(const Admin__QueryListItem *item);
/* Order of VMs in a list: the host first, then the admin's, system and application VMs. */
unsigned entry_vm_rank(const Admin__QueryListItem *item);
/* The VM that the entry is in or is; "" when nobody says. New string, NULL when out of memory. It differs from the VM
 * whose agent answers for the entry, the host, for the units that are VMs. */
char *entry_get_vm(const Admin__QueryListItem *item) _warn_unused_;
/* The entry's name is said: in full, without ".service", or, of a VM or the agent of one without, by the VM's name. */
bool entry_is_called(const Admin__QueryListItem *item, const char *name);
/* One of the shell patterns fits the entry's name, with or without ".service", or its VM. No patterns fit all. */
bool entry_matches(const Admin__QueryListItem *item, char *const *patterns);

/* It has a unit's suffix, as ".service". */
bool unit_name_is_complete(const char *name);
/* "foot@0" means the unit "foot@0.service"; complete names stay. New string, NULL when out of memory. */
char *unit_name_complete(const char *name) _warn_unused_;
/* Replaces control characters in the strings of a message, and of messages in it: a terminal shall not obey a peer. */
void message_make_printable(ProtobufCMessage *m);
