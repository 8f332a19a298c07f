/* SPDX-License-Identifier: Apache-2.0 */
/* What every daemon of systemd does: Type=notify with READY, STATUS, RELOADING and STOPPING, the watchdog, sockets
 * that were passed by name, the file descriptor store, SIGTERM and SIGHUP, the journal. See sd_notify(3),
 * sd_listen_fds(3). A service manager that does not read holds up nothing: what it was not told is told later. */
#pragma once

#include <systemd/sd-event.h>

#include "base/macro.h"
#include "base/time.h"

typedef struct Daemon Daemon;

typedef struct DaemonHooks {
        /* SIGHUP: read everything again. The daemon says RELOADING before and READY after it. */
        void (*reload)(void *userdata);
        /* SIGTERM, SIGINT: stop accepting, begin to drain; call daemon_exit() when done. After DAEMON_STOP_USEC the
         * loop ends anyway. NULL: end at once. */
        void (*stop)(void *userdata);
} DaemonHooks;

#define DAEMON_STOP_USEC   (5 * USEC_PER_SEC)
#define DAEMON_STATUS_USEC (100 * USEC_PER_MSEC)
#define DAEMON_STORE_USEC  (2 * USEC_PER_SEC)

/* Raises the soft limit on open files to the hard one, blocks the signals, attaches the watchdog, picks up the passed
 * sockets and installs the journal as log sink when the service manager started us. One a process. 0 or a negative
 * errno. */
int daemon_new(const DaemonHooks *hooks, void *userdata, Daemon **ret) _warn_unused_;
Daemon *daemon_free(Daemon *d);
DEFINE_CLEANUP(Daemon *, daemon_free)

/* Borrowed; sd_event_default(). */
sd_event *daemon_get_event(Daemon *d);
/* The passed sockets of that name (FileDescriptorName=), "*" for all; the caller owns them from now on. Returns their
 * number (0: none), with the descriptors in a new array that the caller frees. */
int daemon_take_fds(Daemon *d, const char *name, int **ret_fds);
/* READY=1, once everything that others can reach stands. */
void daemon_ready(Daemon *d);
/* The sentence that systemctl status shows; sent only when it changed, and the last of many within
 * DAEMON_STATUS_USEC. */
void daemon_set_status(Daemon *d, const char *fmt, ...) _printf_(2, 3);
/* Puts fd into the service manager's store under name, to be passed again after a restart; it keeps a duplicate. Blocks
 * while the manager's queue is full, for DAEMON_STORE_USEC at most (-EAGAIN then). */
int daemon_store_fd(Daemon *d, const char *name, int fd);
/* Runs the loop until daemon_exit(); returns its code. Not from a fiber. */
int daemon_run(Daemon *d);
void daemon_exit(Daemon *d, int code);
bool daemon_is_stopping(const Daemon *d);
