/* SPDX-License-Identifier: Apache-2.0 */
/* Every method of the wire contract by name: the client can call what it has no verb for. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/macro.h"

typedef struct ContractMethod {
        const ProtobufCServiceDescriptor *service;
        const ProtobufCMethodDescriptor *method;
        bool client_streams, server_streams;
} ContractMethod;

/* "admin.AdminService/QueryList", "admin.AdminService.QueryList", or "QueryList" where the admin has it. -ENOENT. */
int method_find(const char *name, ContractMethod *ret) _warn_unused_;
/* All of the contract by their number, NULL behind the last. */
const ProtobufCServiceDescriptor *service_get(size_t i);
/* By its full name; NULL when there is none. */
const ProtobufCServiceDescriptor *service_find(const char *name);
/* A message that some method takes or gives, or that is in one of those, by its full name; NULL when there is none. */
const ProtobufCMessageDescriptor *message_find(const char *name);
ContractMethod method_get(const ProtobufCServiceDescriptor *service, const ProtobufCMethodDescriptor *method);
