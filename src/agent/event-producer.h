/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of this machine that another one is to have: found by name as they come, and carried for as long as they are
 * there and whenever the consumer is. */
#pragma once

#include <systemd/sd-event.h>

#include "agent/input-device.h"
#include "rpc/channel.h"

#define EVENT_SETTLE_USEC    (20 * USEC_PER_MSEC) /* from news of a node until it is looked at */
#define EVENT_LATE_USEC      (1 * USEC_PER_SEC)   /* an event that waited so long: those behind it are dropped */
#define EVENT_CLOSE_USEC     (5 * USEC_PER_SEC)   /* from the end of a device until its peer has read up to there */
#define EVENT_RETRY_MIN_USEC (200 * USEC_PER_MSEC)
#define EVENT_RETRY_MAX_USEC (5 * USEC_PER_SEC)
#define EVENT_SOURCES_MAX    32

typedef struct EventProducer EventProducer;

typedef struct EventProducerOptions {
        sd_event *event;
        RpcChannel *channel;
        const InputSourceOps *ops;
        const char *directory; /* absolute; it and its nodes may come and go. Borrowed */
        const char *device;    /* part of the names of the devices. Borrowed */
        const char *peer;      /* for the log. Borrowed */
        bool grab;             /* nobody else on this machine hears of the events while they are carried */
} EventProducerOptions;

int event_producer_new(const EventProducerOptions *options, EventProducer **ret) _warn_unused_;
/* From the loop. */
EventProducer *event_producer_free(EventProducer *p);
DEFINE_CLEANUP(EventProducer *, event_producer_free)
