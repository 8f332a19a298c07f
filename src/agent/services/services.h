/* SPDX-License-Identifier: Apache-2.0 */
/* The services of the agent, each a file of this folder with a table at its bottom. */
#pragma once

#include "agent/agent.h"
#include "rpc/server.h"

extern const RpcService systemd_service;
extern const RpcService journal_service;
extern const RpcService stats_service;
extern const RpcService locale_service;
extern const RpcService exec_service;         /* capabilities.exec */
extern const RpcService notify_service;       /* capabilities.notifier */
extern const RpcService hwid_service;         /* capabilities.hwid */
extern const RpcService ctap_service;         /* capabilities.ctap */
extern const RpcService wifi_service;         /* capabilities.wifi */
extern const RpcService policy_admin_service; /* capabilities.policy */

/* How long an upload of a policy may stand still before it makes room for another; for tests to change. */
extern usec_t policy_idle_usec;

/* The i-th of all, NULL past the last. */
const RpcService *services_get(size_t i);
/* Adds all services to the server; their handlers get the agent. 0 or a negative errno. */
int services_add(RpcServer *server, Agent *agent) _warn_unused_;
