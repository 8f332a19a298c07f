/* SPDX-License-Identifier: Apache-2.0 */
/* What -h and --help-all print, from the tables of verbs and options. */
#pragma once

#include "ctl/ctl.h"

/* The first screen; behind a verb what there is to say on it; with --help-all everything. CTL_USAGE for no verb. */
CtlExit help_show(const Options *o) _warn_unused_;
