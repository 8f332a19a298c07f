/* SPDX-License-Identifier: Apache-2.0 */
/* The total order of values, and sets and records, which keep theirs by it. */
#include "policy/value.h"

#include <stdlib.h>

int text_compare(Text a, Text b) {
        size_t n = a.size < b.size ? a.size : b.size;
        int r = n > 0 ? memcmp(a.data, b.data, n) : 0;

        return r != 0 ? r : (a.size > b.size) - (a.size < b.size);
}

static uint32_t hash_text(uint32_t hash, Text text) {
        for (size_t i = 0; i < text.size; i++)
                hash = (hash ^ (uint8_t) text.data[i]) * 16777619;
        return hash;
}

/* FNV-1a; 0 parts the two, which no type holds. */
uint32_t entity_uid_hash(const EntityUid *uid) {
        return hash_text(hash_text(2166136261, uid->type) * 16777619, uid->id);
}

static int compare_numbers(int64_t a, int64_t b) {
        return (a > b) - (a < b);
}

static int compare_entities(const EntityUid *a, const EntityUid *b) {
        int r = text_compare(a->type, b->type);

        return r != 0 ? r : text_compare(a->id, b->id);
}

static int compare_ips(const IpRange *a, const IpRange *b) {
        int r = memcmp(a->bytes, b->bytes, sizeof(a->bytes));

        if (a->is_v6 != b->is_v6)
                return a->is_v6 ? 1 : -1;
        return r != 0 ? r : (int) a->prefix - (int) b->prefix;
}

static int compare_sets(const ValueSet *a, const ValueSet *b) {
        int r = compare_numbers((int64_t) a->n, (int64_t) b->n);

        for (size_t i = 0; r == 0 && i < a->n; i++)
                r = value_compare(&a->items[i], &b->items[i]);
        return r;
}

static int compare_records(const ValueRecord *a, const ValueRecord *b) {
        int r = compare_numbers((int64_t) a->n, (int64_t) b->n);

        for (size_t i = 0; r == 0 && i < a->n; i++)
                r = text_compare(a->members[i].name, b->members[i].name);
        for (size_t i = 0; r == 0 && i < a->n; i++)
                r = value_compare(&a->members[i].value, &b->members[i].value);
        return r;
}

int value_compare(const Value *a, const Value *b) {
        if (a->kind != b->kind)
                return a->kind < b->kind ? -1 : 1;
        switch (a->kind) {
        case VALUE_BOOL:
                return (int) a->boolean - (int) b->boolean;
        case VALUE_STRING:
                return text_compare(a->string, b->string);
        case VALUE_ENTITY:
                return compare_entities(a->entity, b->entity);
        case VALUE_SET:
                return a->set == b->set ? 0 : compare_sets(a->set, b->set);
        case VALUE_RECORD:
                return a->record == b->record ? 0 : compare_records(a->record, b->record);
        case VALUE_IP:
                return compare_ips(a->ip, b->ip);
        default:
                return compare_numbers(a->number, b->number);
        }
}

static int compare_items(const void *a, const void *b) {
        return value_compare(a, b);
}

const ValueSet *value_set_new(Arena *arena, Value *items, size_t n) {
        ValueSet *set = arena_new(arena, ValueSet, 1);
        size_t n_items = 0;

        if (!set)
                return NULL;
        if (n > 1)
                qsort(items, n, sizeof(Value), compare_items);
        for (size_t i = 0; i < n; i++)
                if (n_items == 0 || !value_equal(&items[n_items - 1], &items[i]))
                        items[n_items++] = items[i];
        *set = (ValueSet){ n_items, items };
        return set;
}

bool value_set_contains(const ValueSet *set, const Value *v) {
        return set->n > 0 && bsearch(v, set->items, set->n, sizeof(Value), compare_items);
}

static int compare_members(const void *a, const void *b) {
        return text_compare(((const ValueMember *) a)->name, ((const ValueMember *) b)->name);
}

int value_record_new(Arena *arena, ValueMember *members, size_t n, const ValueRecord **ret, Text *ret_name) {
        ValueRecord *record = arena_new(arena, ValueRecord, 1);

        if (!record)
                return -ENOMEM;
        if (n > 1)
                qsort(members, n, sizeof(ValueMember), compare_members);
        for (size_t i = 1; i < n; i++)
                if (text_equal(members[i - 1].name, members[i].name)) {
                        if (ret_name)
                                *ret_name = members[i].name;
                        return -EEXIST;
                }
        *record = (ValueRecord){ n, members };
        *ret = record;
        return 0;
}

const Value *value_record_get(const ValueRecord *record, Text name) {
        const ValueMember key = { .name = name };
        const ValueMember *found = record->n > 0
                        ? bsearch(&key, record->members, record->n, sizeof(ValueMember), compare_members)
                        : NULL;

        return found ? &found->value : NULL;
}
