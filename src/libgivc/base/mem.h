/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: typed allocation that may fail with NULL, and a growing byte buffer with a bound. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/macro.h"

#define mem_new(t, n)  ((t *) mem_alloc_multiply(sizeof(t), (n), false))
#define mem_new0(t, n) ((t *) mem_alloc_multiply(sizeof(t), (n), true))

/* size * n bytes, or NULL when out of memory or when the product overflows. Free with free(). */
void *mem_alloc_multiply(size_t size, size_t n, bool zero) _warn_unused_;
/* A copy of size bytes plus a NUL byte behind them; NULL when out of memory. */
void *mem_dup(const void *p, size_t size) _warn_unused_;
/* Grows *p so that it holds at least need elements of size; keeps *n_allocated. 0 or -ENOMEM (then nothing changed). */
int mem_grow(void **p, size_t *n_allocated, size_t need, size_t size) _warn_unused_;

static inline void freep(void *p) {
        free(*(void **) p);
}
#define _cleanup_free_ _cleanup_(freep)

/* Bytes between two moving ends: append at the tail, consume at the head. Zero-initialised is empty and owns
 * nothing. */
typedef struct Buffer {
        uint8_t *data; /* the allocation */
        size_t start;  /* first byte not yet consumed */
        size_t size;   /* bytes between start and the tail */
        size_t allocated;
} Buffer;

static inline uint8_t *buffer_head(const Buffer *b) {
        return b->data + b->start;
}

/* Makes room for n more bytes at the tail and returns where they go; NULL when out of memory. Confirm with
 * buffer_commit(). */
uint8_t *buffer_reserve(Buffer *b, size_t n) _warn_unused_;
void buffer_commit(Buffer *b, size_t n);
/* Copies n bytes to the tail; 0 or -ENOMEM. */
int buffer_append(Buffer *b, const void *p, size_t n) _warn_unused_;
/* Forgets the first n bytes (n <= size). */
void buffer_consume(Buffer *b, size_t n);
/* Gives back the allocation of an empty buffer that has grown above max. */
void buffer_trim(Buffer *b, size_t max);
/* Frees the allocation; the buffer is empty and usable again. */
void buffer_done(Buffer *b);
