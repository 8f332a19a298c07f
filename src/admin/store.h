/* SPDX-License-Identifier: Apache-2.0 */
/* The registry over a restart of the admin: a log of what came and went, in a memory file that the service manager
 * keeps. It is written as things happen, so that whatever ends the admin, the next one knows what this one knew. */
#pragma once

#include "admin/admin.h"

#define STORE_NAME     "registry"                    /* in the service manager's store */
#define STORE_GROWTH   ((uint64_t) 1024 * 1024)      /* what may be appended before the log is written anew */
#define STORE_SIZE_MAX ((uint64_t) 64 * 1024 * 1024) /* a log that is longer than this was not written by us */

typedef struct Store Store;

/* Takes over fd, or makes a new memory file when fd is negative; puts what is in it into the registry and the agents,
 * and records what happens to them from now on. What cannot be read is skipped, with a warning. Negative errno. */
int store_new(Admin *admin, int fd, Store **ret) _warn_unused_;
/* Before the admin. The file stays what it is. */
Store *store_free(Store *s);
DEFINE_CLEANUP(Store *, store_free)
/* Borrowed. */
int store_get_fd(const Store *s);
