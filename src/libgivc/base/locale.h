/* SPDX-License-Identifier: Apache-2.0 */
/* Words for language and time zone, and which of them can be one: locale(7), tzset(3). Whether a machine has it is the
 * machine's to say. */
#pragma once

#include "base/macro.h"

#define LOCALE_VARIABLES_MAX 14  /* LANG, LC_…, as numbered in locale.proto */
#define LOCALE_NAME_MAX      255 /* bytes of the name of a locale or of a time zone */

/* "C", "POSIX", "fi", "fi_FI", "fi_FI@euro", each also with a codeset behind it: "fi_FI@euro.UTF-8". */
bool locale_is_valid(const char *s);
/* "UTC", "Etc/GMT+8", "America/Argentina/Rio_Gallegos". */
bool timezone_is_valid(const char *s);

/* NULL when there is no variable of that number. */
const char *locale_variable_to_string(unsigned variable);
/* Of the first n bytes; -EINVAL. */
int locale_variable_from_string(const char *s, size_t n);
/* Appends "LANG=value". 0, -ENOMEM, or -EINVAL with a sentence in *reterr (new string): no such variable, no locale, or
 * the variable has been assigned to. */
int locale_assign(char ***assignments, unsigned variable, const char *value, char **reterr) _warn_unused_;
