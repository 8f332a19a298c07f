/* SPDX-License-Identifier: Apache-2.0 */
/* --no-block: the caller goes on once the admin has the request, and a process in the background stays with the call,
 * because an admin drops what nobody waits for. */
#pragma once

#include "ctl/ctl.h"

/* Before there are threads. In the background: 0, and *ret_fd is to be ctl->detach_fd. In the foreground: 1, and
 * *ret_exit is how the background process ended, or CTL_OK when it goes on. Else a negative errno. */
int detach_fork(int *ret_fd, CtlExit *ret_exit) _warn_unused_;
/* In the background (else it does nothing), connected, right before the verb's own call: starts a fiber that lets the
 * caller go when the admin has answered a question that was asked after that call. */
int detach_release(Ctl *ctl) _warn_unused_;
