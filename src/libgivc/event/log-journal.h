/* SPDX-License-Identifier: Apache-2.0 */
/* The journal as the sink of log messages, with their fields. */
#pragma once

/* Messages go to the journal from now on, if the service manager has connected standard error to it; otherwise they
 * stay text there. */
void log_journal_open(void);
