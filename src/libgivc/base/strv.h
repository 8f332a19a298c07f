/* SPDX-License-Identifier: Apache-2.0 */
/* NULL-terminated lists of strings that own their strings. A NULL list is an empty list. */
#pragma once

#include "base/macro.h"

#define STRV_FOREACH(s, l) for (char *const *s = (l); s && *s; s++)

size_t strv_length(char *const *l);
bool strv_contains(char *const *l, const char *s);
/* Appends a copy of s; 0 or -ENOMEM (then the list is as before). */
int strv_extend(char ***l, const char *s) _warn_unused_;
void strv_free(char **l);
DEFINE_CLEANUP(char **, strv_free)
#define _cleanup_strv_free_ _cleanup_(strv_freep)
