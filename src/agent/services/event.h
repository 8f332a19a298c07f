/* SPDX-License-Identifier: Apache-2.0 */
/* The service of an event consumer, on a server of its own; its userdata is the EventConsumer. */
#pragma once

#include "rpc/service.h"

extern const RpcService event_service;
