/* SPDX-License-Identifier: Apache-2.0 */
/* Times as people say them, a part of what systemd.time(7) has: all that lies in the past and is said in days, clocks
 * and spans. */
#pragma once

#include "base/time.h"

/* "now", "today", "yesterday", "2026-11-22[ 10:00[:30]][ UTC]", "10:00[:30]", "10min ago", "-1h 30min", "@SECONDS": in
 * microseconds of CLOCK_REALTIME, where now is such a time too. Without UTC it is local time. 0 or -EINVAL. */
int since_parse(const char *text, usec_t now, usec_t *ret) _warn_unused_;
/* "90d", "1h 30min", "2 weeks"; a number alone is seconds. 0 or -EINVAL. */
int span_parse(const char *text, usec_t *ret) _warn_unused_;
