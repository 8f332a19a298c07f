/* SPDX-License-Identifier: Apache-2.0 */
/* Long texts on a terminal go through a pager. There is one standard output, and so there is one pager. */
#pragma once

#include "ctl/options.h"

/* From here on standard output goes to $GIVC_PAGER, $PAGER or less, when it is a terminal and --no-pager is not said.
 * Does nothing when there is no pager or one is open. */
void pager_open(const Options *o);
/* Waits until the user has left it; standard output is the terminal again. True when he left before the end: then
 * what could not be written is no failure. */
bool pager_close(void);
/* The terminal that standard output goes to in the end, or standard output itself. */
int pager_get_terminal(void);
