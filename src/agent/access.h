/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call the agent: its admin, or the one peer of what it serves on another port, and root on its own machine.
 * Anybody with a valid certificate may ask whether it is well (health) and what it serves (reflection). Where there are
 * access rules they are asked in addition, and in place of the admin's name. */
#pragma once

#include "agent/config.h"
#include "rpc/rules.h"

/* The rules of the agent. */
typedef struct Access {
        RpcRules *rules; /* NULL: none */
        const char *vm;  /* the one that this agent speaks for */
} Access;

typedef struct AccessPeer {
        const char *what, *role; /* for refusals: what is called, and who it is for */
        const char *name;        /* in the peer's certificate */
        RpcAddress address;      /* where it is; all that there is without TLS. Borrowed */
        bool is_bound;           /* with TLS, too, it has to be there */
        const Access *access;    /* borrowed; NULL: no rules */
        bool rules_decide;       /* where there are rules they name the callers, and not this */
} AccessPeer;

/* An access hook; userdata is an AccessPeer. Refusals are logged. */
int access_check_peer(const Identity *identity, const ProtobufCServiceDescriptor *service, const RpcMethod *method,
                const ProtobufCMessage *request, RpcStatus *reterr, void *userdata);
/* The one of the agent's own server, the admin. */
AccessPeer access_peer_of(const Config *config, const Access *access);
