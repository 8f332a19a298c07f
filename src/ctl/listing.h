/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the registry as a table for people: a tree of VMs and of what is in each. */
#pragma once

#include "admin.pb-c.h"
#include "base/time.h"
#include "ctl/output.h"

/* Prints the n items as they are at the time now (CLOCK_REALTIME); 0 or a negative errno. */
int listing_print(FILE *f, const Look *look, usec_t now, Admin__QueryListItem *const *items, size_t n) _warn_unused_;
