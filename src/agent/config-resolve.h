/* SPDX-License-Identifier: Apache-2.0 */
/* The names that a configuration has in place of addresses, looked up once, before there is a loop to stop. */
#pragma once

#include "agent/config.h"

/* Puts addresses in the place of names in both transports. 0; -EHOSTUNREACH with a sentence in *reterr, which may be
 * otherwise later; -ENOMEM. It waits for whoever knows names. */
int config_resolve(Config *c, char **reterr) _warn_unused_;
