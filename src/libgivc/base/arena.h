/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is given back all at once: many small pieces for one job, with a bound on the whole. */
#pragma once

#include <stddef.h>

#include "base/macro.h"

typedef struct ArenaChunk ArenaChunk;

typedef struct Arena {
        ArenaChunk *chunks; /* newest first; the caller's own block is none of them */
        char *next, *end;   /* what is free in the block that is used now */
        char *block;        /* the caller's, used first: a job that fits into it allocates nothing */
        size_t block_size;
        size_t used, max; /* bytes given out; more than max is -ENOMEM for the caller */
} Arena;

/* block may be NULL; it is borrowed until arena_done(), and aligned for any type. */
void arena_init(Arena *a, void *block, size_t block_size, size_t max);
/* Zeroed memory, aligned for any type of ours, until reset; NULL when out of memory or above the bound. */
void *arena_alloc(Arena *a, size_t size) _warn_unused_;
/* A copy of size bytes; n of a type. The same. */
void *arena_dup(Arena *a, const void *p, size_t size) _warn_unused_;
#define arena_new(a, t, n) ((t *) arena_alloc_multiply((a), sizeof(t), (n)))
void *arena_alloc_multiply(Arena *a, size_t size, size_t n) _warn_unused_;
/* What was given out after the mark was made is gone with its release. Marks are released in the order opposite to that
 * in which they were made. */
typedef struct ArenaMark {
        ArenaChunk *chunks;
        char *next, *end;
        size_t used;
} ArenaMark;
ArenaMark arena_mark(const Arena *a);
void arena_release(Arena *a, const ArenaMark *mark);
/* Everything that was given out is gone; the arena is as after init. */
void arena_reset(Arena *a);
void arena_done(Arena *a);
#define _cleanup_arena_ _cleanup_(arena_done)
