/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon around the agent: puts the parts together, and takes them apart again in order. */
#pragma once

#include "agent/config.h"

#define EXIT_USAGE 2 /* also a configuration that cannot be used; nothing was started */

/* Looks up the names that the configuration has, runs until it is told to stop, and returns the exit status; it has
 * said what went wrong. check: only reads the files that the configuration refers to. */
int serve_run(Config *config, bool check);
