/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/event-consumer.h"

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

struct EventConsumer {
        sd_event *event;
        const InputSinkOps *ops;
        usec_t unused_usec;
        List devices; /* in order of registration */
};

struct EventDevice {
        List devices;
        EventConsumer *consumer;
        char *peer, *name;
        uint64_t handle;
        InputSink *sink; /* NULL: replaced */
        sd_event_source *timer;
        bool has_stream;
};

/* It is up to the peer how often. */
static void device_log(const EventDevice *d, const char *what) {
        log_write(LOG_INFO, LOG_FIELDS({ "GIVC_PEER", d->peer }), "Device '%s' of '%s' is %s", d->name, d->peer, what);
}

static EventDevice *device_free(EventDevice *d) {
        if (!d)
                return NULL;
        list_remove(&d->devices);
        sd_event_source_disable_unref(d->timer);
        if (d->sink) {
                device_log(d, "gone");
                d->consumer->ops->close(d->sink);
        }
        free(d->peer);
        free(d->name);
        free(d);
        return NULL;
}
DEFINE_CLEANUP(EventDevice *, device_free)

static int on_unused(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        device_free(userdata);
        return 0;
}

int event_consumer_new(sd_event *event, const InputSinkOps *ops, usec_t unused_usec, EventConsumer **ret) {
        EventConsumer *c = mem_new0(EventConsumer, 1);

        if (!c)
                return -ENOMEM;
        c->event = event;
        c->ops = ops;
        c->unused_usec = unused_usec;
        list_init(&c->devices);
        *ret = c;
        return 0;
}

EventConsumer *event_consumer_free(EventConsumer *c) {
        if (!c)
                return NULL;
        LIST_FOREACH(device, &c->devices, EventDevice, devices)
                device_free(device);
        free(c);
        return NULL;
}

/* A stream keeps what it has claimed, and finds out. */
static void make_room(EventConsumer *c, const char *peer, uint64_t handle) {
        LIST_FOREACH(device, &c->devices, EventDevice, devices) {
                if (!streq(device->peer, peer) || device->handle != handle)
                        continue;
                if (!device->has_stream)
                        device_free(device);
                else if (handle != 0 && device->sink)
                        device->sink = c->ops->close(device->sink);
        }
}

static size_t count_devices(const EventConsumer *c) {
        size_t n = 0;

        LIST_FOREACH(device, &c->devices, EventDevice, devices)
                n++;
        return n;
}

int event_consumer_register(EventConsumer *c, const char *peer, uint64_t handle, const InputShape *shape) {
        _cleanup_(device_freep) EventDevice *d = NULL;
        int r;

        make_room(c, peer, handle);
        if (count_devices(c) >= EVENT_DEVICES_MAX)
                return -EBUSY;
        d = mem_new0(EventDevice, 1);
        if (!d)
                return -ENOMEM;
        list_init(&d->devices);
        d->consumer = c;
        d->handle = handle;
        d->peer = strdup(peer);
        d->name = strdup(shape->name);
        if (!d->peer || !d->name)
                return -ENOMEM;
        r = sd_event_add_time_relative(c->event, &d->timer, CLOCK_MONOTONIC, c->unused_usec, 0, on_unused, d);
        if (r >= 0)
                r = c->ops->open(shape, &d->sink);
        if (r < 0)
                return r;
        device_log(d, "there");
        list_append(&c->devices, &d->devices);
        (void) TAKE_PTR(d);
        return 0;
}

EventDevice *event_consumer_claim(EventConsumer *c, const char *peer, uint64_t handle) {
        EventDevice *d = NULL;

        LIST_FOREACH(device, &c->devices, EventDevice, devices)
                if (device->handle == handle && !device->has_stream && streq(device->peer, peer))
                        d = device;
        if (d) {
                d->has_stream = true;
                (void) sd_event_source_set_enabled(d->timer, SD_EVENT_OFF);
        }
        return d;
}

int event_device_emit(EventDevice *d, const InputEvent *e) {
        return d->sink ? d->consumer->ops->emit(d->sink, e) : -ESTALE;
}

void event_device_release(EventDevice *d, bool keep) {
        d->has_stream = false;
        if (!keep || !d->sink || sd_event_source_set_time_relative(d->timer, d->consumer->unused_usec) < 0 ||
                        sd_event_source_set_enabled(d->timer, SD_EVENT_ONESHOT) < 0)
                device_free(d);
}
