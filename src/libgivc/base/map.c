/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct MapEntry {
        UT_hash_handle hh;
        void *value;
        char key[];
};

struct Map {
        MapEntry *entries;
};

Map *map_new(void) {
        return calloc(1, sizeof(Map));
}

void map_free(Map *m) {
        MapEntry *e, *next;

        if (!m)
                return;
        HASH_ITER(hh, m->entries, e, next) {
                HASH_DEL(m->entries, e);
                free(e);
        }
        free(m);
}

size_t map_size(const Map *m) {
        return HASH_COUNT(m->entries);
}

static MapEntry *map_find(const Map *m, const char *key) {
        MapEntry *e;

        HASH_FIND_STR(m->entries, key, e);
        return e;
}

void *map_get(const Map *m, const char *key) {
        MapEntry *e = map_find(m, key);

        return e ? e->value : NULL;
}

int map_put(Map *m, const char *key, void *value) {
        size_t n = strlen(key);
        MapEntry *e;

        assert(value);
        if (map_find(m, key))
                return -EEXIST;
        e = malloc(sizeof(MapEntry) + n + 1);
        if (!e)
                return -ENOMEM;
        *e = (MapEntry){ .value = value };
        memcpy(e->key, key, n + 1);
        HASH_ADD_KEYPTR(hh, m->entries, e->key, n, e);
        if (!map_find(m, key)) {
                free(e);
                return -ENOMEM;
        }
        return 0;
}

void *map_remove(Map *m, const char *key) {
        MapEntry *e = map_find(m, key);
        void *value;

        if (!e)
                return NULL;
        value = e->value;
        HASH_DEL(m->entries, e);
        free(e);
        return value;
}

const MapEntry *map_next(const Map *m, const MapEntry *entry) {
        return entry ? entry->hh.next : m->entries;
}

void *map_entry_value(const MapEntry *entry) {
        return entry->value;
}
