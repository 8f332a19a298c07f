/* SPDX-License-Identifier: Apache-2.0 */
/* Input devices that VMs share, as the configuration says: a server of its own for each consumer, for its one source,
 * and a channel for each producer. */
#pragma once

#include "agent/access.h"
#include "agent/config.h"
#include "rpc/queue.h"
#include "tls/credentials.h"

typedef struct EventProxy EventProxy;

typedef struct EventProxyOptions {
        RpcQueue *queue;
        TlsCredentials *credentials; /* NULL: no TLS */
        const Config *config;        /* borrowed */
        const Access *access;        /* borrowed; the rules, which come on top of who is named there */
        const void *descriptors;     /* for reflection, as rpc_server_add_reflection() */
        size_t n_descriptors;
} EventProxyOptions;

/* Serves and carries from now on. What cannot be done is logged, and tried again where time may help. 0 or -ENOMEM. */
int event_proxy_new(const EventProxyOptions *options, EventProxy **ret) _warn_unused_;
/* The credentials have changed. */
void event_proxy_recheck(EventProxy *p);
/* All devices go. From the loop. */
EventProxy *event_proxy_free(EventProxy *p);
DEFINE_CLEANUP(EventProxy *, event_proxy_free)
