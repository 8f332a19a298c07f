/* SPDX-License-Identifier: Apache-2.0 */
/* Text to numbers and back, strictly: the whole text must be the value. */
#pragma once

#include "base/macro.h"

/* Decimal digits only (no sign, no blanks), at most max; 0, -EINVAL or -ERANGE. */
int parse_uint(const char *s, uint64_t max, uint64_t *ret) _warn_unused_;
/* A TCP or vsock port that one can connect to, 1 to 65535; 0, -EINVAL or -ERANGE. */
int parse_port(const char *s, uint16_t *ret) _warn_unused_;
/* true/yes/on/1 and false/no/off/0, without regard to case; 1, 0 or -EINVAL. */
int parse_boolean(const char *s) _warn_unused_;
