/* SPDX-License-Identifier: Apache-2.0 */
/* Where log messages go: to the journal with their fields, to standard error as text, or nowhere. */
#pragma once

/* Messages go to the journal from now on, if the service manager has connected standard error to it. */
void log_target_open(void);
/* "journal", "console", "null", or "auto": the journal where standard error leads there, else the console. 0, or
 * -EINVAL for any other. */
int log_target_set(const char *name);
/* The one that is in use. */
const char *log_target_get(void);
