/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648), as proto3's JSON mapping wants it. */
#pragma once

#include "base/macro.h"

/* A new string in the standard alphabet with padding; NULL when out of memory. */
char *base64_encode(const void *data, size_t size) _warn_unused_;
/* The same into text, which has room for base64_size(size) bytes and a NUL. */
static inline size_t base64_size(size_t size) {
        return (size + 2) / 3 * 4;
}
void base64_write(char *text, const void *data, size_t size);
/* The bytes that n characters of the standard or the URL-safe alphabet, padded or not, stand for: a new buffer with
 * room for at least one byte. -EINVAL, -ENOMEM. */
int base64_decode(const char *text, size_t n, void **ret, size_t *ret_size) _warn_unused_;
