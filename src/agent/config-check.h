/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration says, judged: a fault of what all depends on refuses it, a fault of one thing that it asks for
 * leaves that out with a warning. What permits something to callers has to be said without a fault. */
#pragma once

#include "agent/config.h"

/* Completes what was read: addresses, what is usable, what goes without saying. 0; -EINVAL with "key: reason" in
 * *reterr; -ENOMEM. */
int config_check(Config *c, char **reterr) _warn_unused_;
/* Adds a sentence to c->warnings. 0 or -ENOMEM. */
int config_warn(Config *c, const char *fmt, ...) _printf_(2, 3) _warn_unused_;
