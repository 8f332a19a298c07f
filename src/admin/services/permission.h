/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what to what: the admin's access hook. Without access rules, everybody who may call may do anything but
 * run commands; with them, they decide. What a call is about is looked up as its handler does, which runs
 * at once when the call is allowed, so that what was judged is what is acted on. */
#pragma once

#include "admin/admin.h"
#include "rpc/rules.h"

/* What a call is about; strings are the request's, the registry's, and the room's here. */
typedef struct Target {
        RpcTarget found;
        char home[ENTRY_NAME_MAX + sizeof("-vm")];
} Target;

/* Of a message that an admin's method takes; services that have no targets have an empty one. */
void target_find(Target *ret, const Admin *admin, const ProtobufCServiceDescriptor *service, const char *method,
                const ProtobufCMessage *request);
/* The rpc_access_t of the server; userdata is the Admin. */
int permission_check(const Identity *identity, const ProtobufCServiceDescriptor *service, const RpcMethod *method,
                const ProtobufCMessage *request, RpcStatus *reterr, void *userdata);
