/* SPDX-License-Identifier: Apache-2.0 */
/* Completion scripts for shells, from the tables of verbs and options; names come from the registry when asked for. */
#pragma once

#include <stdio.h>

#include "base/macro.h"

/* shell is "bash", "zsh" or "fish": 0; else -EINVAL and nothing is printed. */
int completion_print(FILE *f, const char *shell) _warn_unused_;
