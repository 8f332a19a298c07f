/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

void *mem_alloc_multiply(size_t size, size_t n, bool zero) {
        size_t total;

        if (__builtin_mul_overflow(size, n, &total))
                return NULL;
        if (total == 0)
                total = 1;
        return zero ? calloc(1, total) : malloc(total);
}

void *mem_dup(const void *p, size_t size) {
        uint8_t *copy;

        if (size == SIZE_MAX)
                return NULL;
        copy = malloc(size + 1);
        if (!copy)
                return NULL;
        if (size > 0)
                memcpy(copy, p, size);
        copy[size] = 0;
        return copy;
}

int mem_grow(void **p, size_t *n_allocated, size_t need, size_t size) {
        size_t n, total;
        void *q;

        if (need <= *n_allocated)
                return 0;
        n = MAX(need, *n_allocated * 2);
        n = MAX(n, (size_t) 4);
        if (__builtin_mul_overflow(n, size, &total))
                return -ENOMEM;
        q = realloc(*p, total);
        if (!q)
                return -ENOMEM;
        *p = q;
        *n_allocated = n;
        return 0;
}

uint8_t *buffer_reserve(Buffer *b, size_t n) {
        void *data = b->data;

        if (b->start > 0 && b->allocated - b->start - b->size < n) {
                memmove(b->data, b->data + b->start, b->size);
                b->start = 0;
        }
        if (mem_grow(&data, &b->allocated, b->start + b->size + n, 1) < 0)
                return NULL;
        b->data = data;
        return b->data + b->start + b->size;
}

void buffer_commit(Buffer *b, size_t n) {
        assert(b->start + b->size + n <= b->allocated);
        b->size += n;
}

int buffer_append(Buffer *b, const void *p, size_t n) {
        uint8_t *tail;

        if (n == 0)
                return 0;
        tail = buffer_reserve(b, n);
        if (!tail)
                return -ENOMEM;
        memcpy(tail, p, n);
        buffer_commit(b, n);
        return 0;
}

void buffer_consume(Buffer *b, size_t n) {
        assert(n <= b->size);
        b->size -= n;
        b->start = b->size > 0 ? b->start + n : 0;
}

void buffer_trim(Buffer *b, size_t max) {
        if (b->size == 0 && b->allocated > max)
                buffer_done(b);
}

void buffer_done(Buffer *b) {
        free(b->data);
        *b = (Buffer){};
}
