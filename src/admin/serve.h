/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon around the admin: listeners, signals, status, reload, the orderly end. */
#pragma once

#include "admin/config.h"

#define EXIT_USAGE 2 /* the configuration is wrong; nothing was started */

/* Runs until it is told to stop; the exit status. It has said what went wrong. */
int serve_run(const Config *config);
