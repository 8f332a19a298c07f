/* SPDX-License-Identifier: Apache-2.0 */
/* Allocations that fail: the linker sends those of our code here (--wrap); a library's own are not counted. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
int __real___vasprintf_chk(char **ret, int flag, const char *format, va_list ap);
int __real_vasprintf(char **ret, const char *format, va_list ap);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);
int __wrap___vasprintf_chk(char **ret, int flag, const char *format, va_list ap);
int __wrap_vasprintf(char **ret, const char *format, va_list ap);

static size_t allocations_left = SIZE_MAX; /* then the next one fails, and all that follow, */
static bool fails_once;                    /* or only that one */

static bool may_allocate(void) {
        if (allocations_left == SIZE_MAX)
                return true;
        if (allocations_left > 0) {
                allocations_left--;
                return true;
        }
        if (fails_once)
                allocations_left = SIZE_MAX;
        return false;
}

void *__wrap_malloc(size_t size) {
        return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t n, size_t size) {
        return may_allocate() ? __real_calloc(n, size) : NULL;
}

void *__wrap_realloc(void *p, size_t size) {
        return may_allocate() ? __real_realloc(p, size) : NULL;
}

void *__wrap_reallocarray(void *p, size_t n, size_t size) {
        return may_allocate() ? __real_reallocarray(p, n, size) : NULL;
}

char *__wrap_strdup(const char *s) {
        return may_allocate() ? __real_strdup(s) : NULL;
}

int __wrap_vasprintf(char **ret, const char *format, va_list ap) {
        return may_allocate() ? __real_vasprintf(ret, format, ap) : -1;
}

/* What vasprintf() is where its caller is fortified. */
int __wrap___vasprintf_chk(char **ret, int flag, const char *format, va_list ap) {
        return may_allocate() ? __real___vasprintf_chk(ret, flag, format, ap) : -1;
}

/* Fails the n-th allocation for each n until the call needs no more than n; returns how many that are. */
static inline size_t each_failing(int (*call)(void *arg), void *arg) {
        for (size_t n = 0;; n++) {
                int r;

                assert_true(n < 1000);
                allocations_left = n;
                r = call(arg);
                allocations_left = SIZE_MAX;
                if (r == 0)
                        return n;
                assert_int_equal(r, -ENOMEM);
        }
}
