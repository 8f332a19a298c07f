/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call at all: a certificate is used at its own address, and at the local front door come root and group givc.
 * What a caller may do is not decided here. */
#pragma once

#include "base/time.h"
#include "rpc/service.h"

#define ACCESS_GROUP "givc"
#define ACCESS_GROUP_REFRESH_USEC                                                                                      \
        (5 * USEC_PER_SEC) /* how late who joins the group is let in, and who leaves it is not */

typedef struct Access {
        bool group_exists;
        gid_t group;
        uid_t *members; /* by the group file; who has it as primary group comes with it */
        size_t n_members;
        usec_t read_usec;
} Access;

void access_init(Access *a);
void access_done(Access *a);
/* Reads the group's members again. */
void access_refresh(Access *a);
/* What the rpc_access_t of the server asks first; userdata is the Access. */
int access_check(const Identity *identity, const ProtobufCServiceDescriptor *service, const RpcMethod *method,
                const ProtobufCMessage *request, RpcStatus *reterr, void *userdata);
