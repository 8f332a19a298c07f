/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CHUNK_SIZE ((size_t) 16 * 1024)
#define ALIGNMENT  alignof(max_align_t)

struct ArenaChunk {
        ArenaChunk *older;
        alignas(max_align_t) char data[];
};

static void use_block(Arena *a) {
        a->next = a->block;
        a->end = a->block ? a->block + a->block_size : NULL;
        a->used = 0;
}

void arena_init(Arena *a, void *block, size_t block_size, size_t max) {
        *a = (Arena){ .block = block,
                .block_size = block_size & ~(ALIGNMENT - 1),
                .max = max < SIZE_MAX / 2 ? max : SIZE_MAX / 2 };
        use_block(a);
}

/* The rest of the chunk before is lost, which is why a piece that would fill a chunk gets one of its own size. */
static bool add_chunk(Arena *a, size_t size) {
        size_t n = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        ArenaChunk *c = malloc(sizeof(ArenaChunk) + n);

        if (!c)
                return false;
        c->older = a->chunks;
        a->chunks = c;
        a->next = c->data;
        a->end = c->data + n;
        return true;
}

void *arena_alloc(Arena *a, size_t size) {
        void *p;

        if (size > a->max - a->used)
                return NULL;
        size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
        if ((!a->next || size > (size_t) (a->end - a->next)) && !add_chunk(a, size))
                return NULL;
        p = a->next;
        a->next += size;
        a->used = size > a->max - a->used ? a->max : a->used + size;
        return memset(p, 0, size);
}

void *arena_alloc_multiply(Arena *a, size_t size, size_t n) {
        size_t product;

        return __builtin_mul_overflow(size, n, &product) ? NULL : arena_alloc(a, product);
}

void *arena_dup(Arena *a, const void *p, size_t size) {
        void *copy = arena_alloc(a, size);

        if (copy && size > 0)
                memcpy(copy, p, size);
        return copy;
}

static void free_chunks_until(Arena *a, const ArenaChunk *kept) {
        while (a->chunks != kept) {
                ArenaChunk *older = a->chunks->older;

                free(a->chunks);
                a->chunks = older;
        }
}

ArenaMark arena_mark(const Arena *a) {
        return (ArenaMark){ a->chunks, a->next, a->end, a->used };
}

void arena_release(Arena *a, const ArenaMark *mark) {
        free_chunks_until(a, mark->chunks);
        a->next = mark->next;
        a->end = mark->end;
        a->used = mark->used;
}

void arena_reset(Arena *a) {
        free_chunks_until(a, NULL);
        use_block(a);
}

void arena_done(Arena *a) {
        arena_reset(a);
        *a = (Arena){};
}
