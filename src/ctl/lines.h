/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the journal of a VM, as logs and status show them. */
#pragma once

#include "ctl/ctl.h"
#include "journal.pb-c.h"

#define LINES_DEFAULT 10

/* How many lines: as the options say, or otherwise. */
void lines_set_number(Journal__JournalRequest *request, const Options *o, uint32_t otherwise);
/* Prints what the admin answers, one entry after the other, until it ends, and before the first one that text. How many
 * there were, or an error as of client_call_wait(). */
int lines_show_wait(
                Ctl *ctl, const Journal__JournalRequest *request, const char *before, RpcStatus *reterr) _warn_unused_;
