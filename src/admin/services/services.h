/* SPDX-License-Identifier: Apache-2.0 */
/* The list of what the admin serves. */
#pragma once

#include "admin/admin.h"
#include "rpc/server.h"

#define JOURNALS_PER_PEER_MAX 16 /* that one peer reads at once */

extern const RpcService admin_service;
extern const RpcService journal_service;

/* Adds them all, with health and reflection. */
int services_add(RpcServer *s, Admin *admin) _warn_unused_;
/* The admin stops: ends the journals that are read, which never end by themselves. */
void journals_stop(Admin *admin);
