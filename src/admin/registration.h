/* SPDX-License-Identifier: Apache-2.0 */
/* Who may register what: names belong to certificates. Judges a registration; changes nothing. */
#pragma once

#include "admin/registry.h"
#include "rpc/address.h"
#include "rpc/status.h"
#include "tls/identity.h"

/* What a peer asks for, in its words; borrowed, "" where it says nothing. */
typedef struct Registration {
        const char *name, *parent;
        unsigned type;
        const char *protocol, *address, *port, *tls_name;
} Registration;

typedef struct RegistrationRules {
        const Registry *registry;
        const char *own_name; /* the admin's own certificate name: agents of its VM have it too; NULL without TLS */
        const char *host;     /* the only name that may be the host; NULL: whoever says so */
} RegistrationRules;

/* What it comes to. */
typedef struct Registered {
        EntryType type;
        char *agent; /* under which it goes; the name itself for an agent */
        char *vm;    /* "" when the parent names none */
        RpcAddress address;
} Registered;

void registered_done(Registered *r);
/* 0; INVALID_ARGUMENT for what cannot be understood, PERMISSION_DENIED for what is not the peer's to register,
 * FAILED_PRECONDITION for a unit whose agent has not registered. */
int registration_judge(const Registration *g, const RegistrationRules *rules, const Identity *peer, Registered *ret,
                RpcStatus *reterr) _warn_unused_;
