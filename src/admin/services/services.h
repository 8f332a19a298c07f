/* SPDX-License-Identifier: Apache-2.0 */
/* The list of what the admin serves. */
#pragma once

#include "admin/admin.h"
#include "rpc/server.h"

extern const RpcService admin_service;
extern const RpcService journal_service;
extern const RpcService exec_service;
extern const RpcService hwid_service;
extern const RpcService wifi_service;

/* All of them; ends with NULL. */
extern const RpcService *const admin_services[];
/* Adds them all, with health and reflection. */
int services_add(RpcServer *s, Admin *admin) _warn_unused_;
