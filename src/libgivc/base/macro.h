/* SPDX-License-Identifier: Apache-2.0 */
/* The words that every file uses: cleanup at scope end, taking ownership, sizes. Nothing here allocates. */
#pragma once

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define _cleanup_(f)                    __attribute__((cleanup(f)))
#define _printf_(a, b)                  __attribute__((format(printf, a, b)))
#define _unused_                        __attribute__((unused))
#define _warn_unused_                   __attribute__((warn_unused_result))
#define _noinline_                      __attribute__((noinline))
#define _public_                        __attribute__((visibility("default")))

#define ELEMENTSOF(x)                   (sizeof(x) / sizeof((x)[0]))
#define MIN(a, b)                       ((a) < (b) ? (a) : (b))
#define MAX(a, b)                       ((a) > (b) ? (a) : (b))
#define CLAMP(x, lo, hi)                MIN(MAX(x, lo), hi)

#define CONTAINER_OF(ptr, type, member) ((type *) ((char *) (ptr) -offsetof(type, member)))

/* Hands a pointer over: yields its value and leaves NULL behind, so that its cleanup does nothing. */
#define TAKE_PTR(p)                                                                                                    \
        ({                                                                                                             \
                typeof(p) *_p = &(p);                                                                                  \
                typeof(p) _v = *_p;                                                                                    \
                *_p = NULL;                                                                                            \
                _v;                                                                                                    \
        })

/* The same for a file descriptor, which leaves -EBADF behind. */
#define TAKE_FD(fd)                                                                                                    \
        ({                                                                                                             \
                int *_f = &(fd);                                                                                       \
                int _v = *_f;                                                                                          \
                *_f = -EBADF;                                                                                          \
                _v;                                                                                                    \
        })

/* Defines funcp() for _cleanup_(funcp) from a func() that takes the pointer (and accepts NULL). */
#define DEFINE_CLEANUP(type, func)                                                                                     \
        static inline void func##p(type *p) {                                                                          \
                if (*p)                                                                                                \
                        (void) func(*p);                                                                               \
        }
