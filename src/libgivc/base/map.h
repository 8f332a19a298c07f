/* SPDX-License-Identifier: Apache-2.0 */
/* A map from strings to pointers, in order of insertion. It owns its keys, never its values. */
#pragma once

#include "base/macro.h"

typedef struct Map Map;
typedef struct MapEntry MapEntry;

/* NULL when out of memory. */
Map *map_new(void) _warn_unused_;
void map_free(Map *m);
DEFINE_CLEANUP(Map *, map_free)

size_t map_size(const Map *m);
/* The value, or NULL when there is none. */
void *map_get(const Map *m, const char *key);
/* Adds a value; 0, -EEXIST when the key is there, -ENOMEM. Values are never NULL. */
int map_put(Map *m, const char *key, void *value) _warn_unused_;
/* Takes the entry out and returns its value, or NULL when there was none. */
void *map_remove(Map *m, const char *key);

/* Iteration in order of insertion: pass NULL to begin; NULL ends it. The entry that was returned may be removed only
 * after the next one was asked for. */
const MapEntry *map_next(const Map *m, const MapEntry *entry);
void *map_entry_value(const MapEntry *entry);

#define MAP_FOREACH(v, m, type)                                                                                        \
        for (const MapEntry *_e = map_next(m, NULL), *_f = _e ? map_next(m, _e) : NULL; _e;                            \
                        _e = _f, _f = _e ? map_next(m, _e) : NULL)                                                     \
                for (type *v = map_entry_value(_e); v; v = NULL)
