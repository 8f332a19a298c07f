/* SPDX-License-Identifier: Apache-2.0 */
/* A line on the terminal while a call takes long: what it waits for, and for how long already. It is read from the
 * admin's Watch beside the call, so it is shown for any admin; a Watch that fails only makes it say less. */
#pragma once

#include "ctl/ctl.h"
#include "ctl/work.h"

typedef struct Progress Progress;

/* NULL, and nothing happens, when standard error is no terminal, in the background, as givc-cli, or when out of memory.
 * work is borrowed. */
Progress *progress_begin(Ctl *ctl, const Work *work) _warn_unused_;
/* Erases the line, before anything else is printed. Leaves in ctl what goes on when a signal has ended the waiting. */
Progress *progress_end(Progress *p);
DEFINE_CLEANUP(Progress *, progress_end)
