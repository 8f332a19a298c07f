/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs about certificates share. */
#pragma once

#include "ctl/ctl.h"

/* The authority's, as --dir says. */
const char *certs_get_directory(const Ctl *ctl);
/* The seconds that an option says, 0 when nothing is said. CTL_OK or, after saying why, CTL_USAGE. */
CtlExit certs_parse_span(const char *option, const char *text, time_t *ret) _warn_unused_;
/* Says that the verb failed, and why; takes the sentence, which may be NULL. */
CtlExit certs_fail(const Ctl *ctl, int error, char *why, const char *what) _warn_unused_;
