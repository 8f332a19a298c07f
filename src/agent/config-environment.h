/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as the environment variables of givc-agent(8) that agents had before there was a file. It reads
 * them; config-check.c judges what they say. */
#pragma once

#include "agent/config.h"

/* 0; -EINVAL with "VARIABLE: reason" in *reterr; -ENOMEM. */
int config_environment_read(Config *c, char **reterr) _warn_unused_;
/* "VARIABLE: reason" for what config-check.c says of a key, "key: reason"; NULL when out of memory. */
char *config_environment_translate(const char *reason);
/* Whether the variable NAME, of NAME=VALUE, is one that an agent is configured with. */
bool config_environment_has(const char *assignment);
