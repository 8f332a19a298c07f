/* SPDX-License-Identifier: Apache-2.0 */
/* Every method of the wire contract by name: the client can call what it has no verb for. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/macro.h"

typedef struct WireMethod {
        const ProtobufCServiceDescriptor *service;
        const ProtobufCMethodDescriptor *method;
        bool client_streams, server_streams;
} WireMethod;

/* "admin.AdminService/QueryList", "admin.AdminService.QueryList", or "QueryList" where the admin has it. -ENOENT. */
int method_find(const char *name, WireMethod *ret) _warn_unused_;
/* A service by its full name; NULL when there is none. */
const ProtobufCServiceDescriptor *service_find(const char *name);
/* A message that some method takes or gives, or that is in one of those, by its full name; NULL when there is none. */
const ProtobufCMessageDescriptor *message_find(const char *name);
WireMethod method_get(const ProtobufCServiceDescriptor *service, const ProtobufCMethodDescriptor *method);
