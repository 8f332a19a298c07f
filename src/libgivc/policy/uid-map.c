/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/uid-map.h"

#include "base/mem.h"

void uid_map_done(UidMap *m) {
        free(m->uids);
        free(m->slots);
        *m = (UidMap){};
}

static UidSlot *find_slot(const UidMap *m, const EntityUid *uid, uint32_t hash) {
        for (size_t i = hash & (m->n_slots - 1);; i = (i + 1) & (m->n_slots - 1)) {
                UidSlot *slot = &m->slots[i];

                if (slot->number == 0 || (slot->hash == hash && entity_uid_equal(&m->uids[slot->number - 1], uid)))
                        return slot;
        }
}

uint32_t uid_map_find(const UidMap *m, const EntityUid *uid) {
        /* One less than 0 is UID_NONE. */
        return m->n > 0 ? find_slot(m, uid, entity_uid_hash(uid))->number - 1 : UID_NONE;
}

static int grow(UidMap *m) {
        UidMap larger = { .uids = m->uids, .n_slots = m->n_slots > 0 ? m->n_slots * 2 : 16 };

        larger.slots = mem_new0(UidSlot, larger.n_slots);
        if (!larger.slots)
                return -ENOMEM;
        for (size_t i = 0; i < m->n_slots; i++)
                if (m->slots[i].number > 0)
                        *find_slot(&larger, &m->uids[m->slots[i].number - 1], m->slots[i].hash) = m->slots[i];
        free(m->slots);
        m->slots = larger.slots;
        m->n_slots = larger.n_slots;
        return 0;
}

int uid_map_add(UidMap *m, const EntityUid *uid, uint32_t *ret) {
        uint32_t hash = entity_uid_hash(uid);
        UidSlot *slot;
        int r;

        r = mem_grow((void **) &m->uids, &m->n_allocated, m->n + 1, sizeof(EntityUid));
        if (r >= 0 && m->n * 2 >= m->n_slots)
                r = grow(m);
        if (r < 0)
                return r;
        slot = find_slot(m, uid, hash);
        if (slot->number == 0) {
                m->uids[m->n] = *uid;
                *slot = (UidSlot){ hash, (uint32_t) ++m->n };
        }
        *ret = slot->number - 1;
        return 0;
}
