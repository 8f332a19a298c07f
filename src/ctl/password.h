/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords: from the terminal without echo, or from whatever else standard input is. Not from the command line, which
 * others can read. */
#pragma once

#include "base/macro.h"

#define PASSWORD_MAX 512 /* bytes */

/* Asks with the prompt on a terminal, and reads a line; an end of input ends it as well. 0 and a new string, -E2BIG, or
 * what reading says. */
int password_read_wait(const char *prompt, char **ret) _warn_unused_;
