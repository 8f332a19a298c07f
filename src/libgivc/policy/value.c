/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/value.h"

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
