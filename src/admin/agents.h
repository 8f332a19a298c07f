/* SPDX-License-Identifier: Apache-2.0 */
/* The agents that have registered: one kept channel each, whether it can be reached, and what it last said of its
 * units. */
#pragma once

#include "admin/policies.h"
#include "admin/registry.h"
#include "admin/settings.h"
#include "base/map.h"
#include "event/condition.h"
#include "rpc/channel.h"

#define AGENT_GRACE_USEC (1 * USEC_PER_SEC) /* a connection that is back by then was never lost */
#define AGENT_PROBE_USEC (3 * USEC_PER_SEC) /* how long a kept connection may take to prove that it is one */

typedef struct Agents Agents;

/* Shared by reference, since calls to it outlast its registration. */
typedef struct Agent {
        unsigned n_ref;
        Agents *agents; /* NULL once it is not registered any more */
        char *name;
        RpcAddress address;
        char *tls_name;
        RpcChannel *channel;
        sd_event_source *grace;
        Fiber *monitor; /* follows its units; see monitor.h */
        bool live;      /* it pushes, and has told all of its units */
        Map *told;      /* unit name to UnitStatus: the last that was pushed */
        Condition told_more;
        Promise kick; /* wakes the poller */
        bool polled;
        bool reconnected; /* since the poller has begun */
        Fiber *push;      /* brings it settings and policies; see push.h */
        Promise push_news;
        unsigned push_due, n_push_tries, n_registrations;
        uint64_t *policies; /* serials of those that it has, as policies->items */
        bool was_up;        /* its connection stood when its state was last told */
        bool probed;        /* a proof that the connection stands is on its way */
} Agent;

/* What all agents share; borrowed, outlives them. */
struct Agents {
        RpcQueue *queue;
        TlsCredentials *credentials; /* NULL: plain */
        Registry *registry;
        const Settings *settings;
        const Policies *policies;
        bool monitoring;
        void (*on_registered)(const Agent *a, void *userdata); /* at a new address; may be NULL */
        void *userdata;
        void (*on_reach)(const char *name, bool up, void *userdata); /* see agents_tell_off(); may be NULL */
        void *on_reach_userdata;
        Map *map; /* unit name to Agent */
};

/* Fill in the other members first. 0 or -ENOMEM. */
int agents_init(Agents *a) _warn_unused_;
void agents_done(Agents *a);

/* The agent of that name is there at that address: reaches for it now, over a new channel when anything differs from
 * before. */
int agents_register(Agents *a, const char *name, const char *tls_name, const RpcAddress *address) _warn_unused_;
/* Forgets the agent and closes its channel; its entries are the caller's business. */
void agents_forget(Agents *a, const char *name);
/* Borrowed; agent_ref() it before a _wait. NULL when there is none. */
Agent *agents_get(const Agents *a, const char *name);

/* The agent of a VM, a new reference, if it can be reached: INVALID_ARGUMENT, NOT_FOUND, UNAVAILABLE. */
int agents_find_vm(const Agents *agents, const char *vm, Agent **ret, RpcStatus *reterr) _warn_unused_;
/* The agent that speaks for the unit: the VM's, or, where no VM is named, the one that has registered it; as above, and
 * FAILED_PRECONDITION when there are two. */
int agents_find_unit(
                const Agents *agents, const char *vm, const char *unit, Agent **ret, RpcStatus *reterr) _warn_unused_;
/* The host's agent, a new reference, if it can be reached: UNAVAILABLE. */
int agents_find_host(const Agents *agents, Agent **ret, RpcStatus *reterr) _warn_unused_;
/* Tells who waits for that agent that it became unreachable, or that its VM was said to be off. That its connection
 * stands is told by itself. */
void agents_tell_off(Agents *a, const char *name);

Agent *agent_ref(Agent *a);
Agent *agent_unref(Agent *a);
DEFINE_CLEANUP(Agent *, agent_unref)
/* Its connection stands. */
bool agent_is_up(const Agent *a);
/* 0, or UNAVAILABLE with a sentence that says why. */
int agent_check_reachable(const Agent *a, RpcStatus *reterr) _warn_unused_;
/* What a caller is told of an agent's refusal: of one that does not have the service, what it does not do ("read
 * journals"); of one whose access rules do not let the admin call it, what they lack. Others stay. What counts then. */
int agent_explain(const Agent *a, const ProtobufCServiceDescriptor *service, const char *what, int r,
                RpcStatus *reterr) _warn_unused_;
