/* SPDX-License-Identifier: Apache-2.0 */
/* What may be started as an application, and with which arguments: the manifest's rules, as pure functions. Only the
 * check of a file argument looks at the file system. */
#pragma once

#include "base/macro.h"

struct ConfigApplication;

#define APPLICATION_ARGS_MAX     64   /* arguments of one start */
#define APPLICATION_ARG_SIZE_MAX 4096 /* bytes of one */

/* APPLICATION@INSTANCE.service, both of letters, digits, '-' and '_'. */
bool application_instance_is_valid(const char *name);
/* Splits at blanks; '…' and "…" hold together, a backslash outside of '…' takes the next character as it is. Where a
 * quote is not closed none is one: then it splits at blanks alone. A new list; 0, 1 when it was so, -ENOMEM. */
int application_split_command(const char *command, char ***ret) _warn_unused_;
/* The program that the application's command is about: its first word, or the second where the first is waypipe, which
 * connects the program's windows to another machine. A new string, NULL when there is none; 0 or -ENOMEM. */
int application_get_program(const struct ConfigApplication *a, char **ret) _warn_unused_;
/* flag, url or file. */
bool application_kind_is_known(const char *kind);
/* 0 when each argument is of a kind that the application takes; -EINVAL, -E2BIG (too many, too long) with a sentence in
 * *reterr; -ENOMEM. */
int application_check_args(const struct ConfigApplication *a, char *const *args, size_t n, char **reterr) _warn_unused_;
