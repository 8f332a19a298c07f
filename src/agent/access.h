/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call the agent: its admin, or the one peer of what it serves on another port, and root on its own machine.
 * Anybody with a valid certificate may ask whether it is well (health) and what it serves (reflection). */
#pragma once

#include "agent/config.h"
#include "rpc/service.h"

typedef struct AccessPeer {
        const char *what, *role; /* for refusals: what is called, and who it is for */
        const char *name;        /* in the peer's certificate */
        RpcAddress address;      /* where it is; all that there is without TLS. Borrowed */
        bool is_bound;           /* with TLS, too, it has to be there */
} AccessPeer;

/* An access hook; userdata is an AccessPeer. Refusals are logged. */
int access_check_peer(const Identity *identity, const ProtobufCServiceDescriptor *service, const char *method,
                const ProtobufCMessage *request, RpcStatus *reterr, void *userdata);
/* The access hook of the agent's server; userdata is the Config. Refusals are logged. */
int access_check(const Identity *identity, const ProtobufCServiceDescriptor *service, const char *method,
                const ProtobufCMessage *request, RpcStatus *reterr, void *userdata);
