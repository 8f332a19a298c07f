/* SPDX-License-Identifier: Apache-2.0 */
/* What the admin tells an agent of language and time zone: locale.LocaleClient. */
#pragma once

#include "base/time.h"
#include "rpc/channel.h"

/* The assignments ("LANG=C") become the locale of the agent's machine. */
int locale_call_wait(RpcChannel *c, char *const *assignments, usec_t deadline, RpcStatus *reterr) _warn_unused_;
int timezone_call_wait(RpcChannel *c, const char *zone, usec_t deadline, RpcStatus *reterr) _warn_unused_;
