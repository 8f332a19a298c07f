/* SPDX-License-Identifier: Apache-2.0 */
/* Where new policies come from: fibers that ask again and again, each its own source. What goes wrong leaves the
 * policies as they are. */
#pragma once

#include "admin/policies.h"
#include "bus/bus.h"
#include "event/fiber.h"

#define POLICY_RETRY_MIN_USEC (2 * USEC_PER_SEC) /* between tries with a source that fails */
#define POLICY_RETRY_MAX_USEC (60 * USEC_PER_SEC)
#define POLICY_FETCH_USEC     (120 * USEC_PER_SEC) /* how long a try may take */

struct PolicySource {
        Policies *policies;
        Policy *policy; /* NULL: all of them, from the repository */
        Fiber *fiber;
        Promise news;                        /* somebody wants it to be asked now */
        char *etag, *last_modified, *commit; /* of what was fetched last; NULL: none */
        char *reason;                        /* why it fails; NULL: it does not */
};

/* Starts them all. bus is borrowed: git runs in units. 0 or -ENOMEM. */
int policy_sources_start(Policies *p, Bus *bus) _warn_unused_;
/* Asks them all now. */
void policy_sources_poll(Policies *p);
/* From the loop. */
void policy_sources_stop(Policies *p);
/* How many policies cannot be fetched now; a repository that cannot is all of them. */
unsigned policy_sources_failing(const Policies *p);
