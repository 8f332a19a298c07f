/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting until the registry says something of a name: that it runs, that it has ended. */
#pragma once

#include "admin.pb-c.h"
#include "ctl/ctl.h"

/* Asked of each state of the registry: above 0 ends the waiting, a negative errno too. */
typedef int (*follow_func_t)(const Admin__QueryListResponse *list, void *userdata, RpcStatus *reterr);

/* Calls func with the registry as it is, and again after each change, until it returns something else than 0, which is
 * returned; as does what goes wrong. No longer than wait (USEC_INFINITY: no limit): then -ETIMEDOUT. */
int follow_wait(Ctl *ctl, usec_t wait, follow_func_t func, void *userdata, RpcStatus *reterr) _warn_unused_;
/* The same without a limit of its own: it ends with the deadline of the client's calls. */
int follow_on_wait(Ctl *ctl, follow_func_t func, void *userdata, RpcStatus *reterr) _warn_unused_;
/* Until the unit (of that VM, if one is said) is not there or not running any more, for as long as --wait says. */
int follow_end_wait(Ctl *ctl, const char *vm, const char *unit, RpcStatus *reterr) _warn_unused_;
