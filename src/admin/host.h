/* SPDX-License-Identifier: Apache-2.0 */
/* Whose certificate is the host's: as the configuration says or, where it does not, that of the first who registers as
 * the host. Who is first after the next boot shall not decide anew, so the name is kept where the service manager has
 * given us a directory for state. */
#pragma once

#include "base/macro.h"

#define HOST_FILE "host" /* in the state directory: the name, a line */

typedef struct Host {
        char *name; /* NULL: nobody yet */
        char *path; /* NULL: kept as long as we run */
} Host;

/* named (NULL: nobody is named) is the only one for this run and not kept; else what is kept in the directory (NULL:
 * none) is read. What cannot be read is as if it was not there, with a warning. 0 or -ENOMEM. */
int host_init(Host *h, const char *named, const char *directory) _warn_unused_;
void host_done(Host *h);
/* The one of that name has registered as the host; it may. A name that cannot be kept is a warning. */
void host_registered(Host *h, const char *name);
