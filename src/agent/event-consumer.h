/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual devices of one event consumer: who has registered them, and which of them has a stream of events. */
#pragma once

#include <systemd/sd-event.h>

#include "agent/input-device.h"
#include "base/time.h"

#define EVENT_DEVICES_MAX 32                  /* of one consumer */
#define EVENT_UNUSED_USEC (60 * USEC_PER_SEC) /* how long a device stays without a stream */

typedef struct EventConsumer EventConsumer;
typedef struct EventDevice EventDevice;

/* unused_usec: how long a device stays without a stream. */
int event_consumer_new(sd_event *event, const InputSinkOps *ops, usec_t unused_usec, EventConsumer **ret) _warn_unused_;
/* No device has a stream any more. */
EventConsumer *event_consumer_free(EventConsumer *c);
DEFINE_CLEANUP(EventConsumer *, event_consumer_free)

/* Makes a device. It takes the place of the one that this peer has registered with the same handle; a handle of 0 is no
 * name, so that only one without a stream makes room. 0, -EBUSY when there are too many, or what the sink says. */
int event_consumer_register(EventConsumer *c, const char *peer, uint64_t handle, const InputShape *shape) _warn_unused_;
/* The device that is to have a stream from now on, until it is released; NULL when the peer has none such. */
EventDevice *event_consumer_claim(EventConsumer *c, const char *peer, uint64_t handle);

/* -ESTALE: another one has taken its place. */
int event_device_emit(EventDevice *d, const InputEvent *e) _warn_unused_;
/* Kept, it may have another stream soon; else it goes. */
void event_device_release(EventDevice *d, bool keep);
