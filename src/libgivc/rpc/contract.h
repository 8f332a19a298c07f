/* SPDX-License-Identifier: Apache-2.0 */
/* What the wire contract has: all services of proto/, whoever serves them. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/macro.h"

typedef struct ContractMethod {
        const ProtobufCServiceDescriptor *service;
        const ProtobufCMethodDescriptor *method;
} ContractMethod;

/* By their number, NULL behind the last. */
const ProtobufCServiceDescriptor *contract_get_service(size_t i);
/* The methods of all of them by their number; false behind the last. */
bool contract_get_method(size_t i, ContractMethod *ret);
