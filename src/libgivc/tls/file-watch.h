/* SPDX-License-Identifier: Apache-2.0 */
/* Notices that what a set of paths leads to may have changed: files written in place or renamed over, and symbolic
 * links and directories on the way that are swapped (as Kubernetes and NixOS do). */
#pragma once

#include <systemd/sd-event.h>

#include "base/macro.h"
#include "base/time.h"

#define FILE_WATCH_QUIET_USEC  (100 * USEC_PER_MSEC) /* without a change, before it is reported */
#define FILE_WATCH_LATEST_USEC (2 * USEC_PER_SEC)    /* after the first change, when they do not stop */

typedef struct FileWatch FileWatch;

/* changed(userdata) is called from the loop; it may free the watch. paths are absolute; a NULL one is skipped. */
int file_watch_new(sd_event *e, const char *const *paths, size_t n_paths, void (*changed)(void *userdata),
                void *userdata, FileWatch **ret) _warn_unused_;
FileWatch *file_watch_free(FileWatch *w);
DEFINE_CLEANUP(FileWatch *, file_watch_free)
