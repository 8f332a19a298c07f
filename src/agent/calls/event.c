/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/calls/event.h"

#include <linux/input.h>

#include "base/mem.h"
#include "eventproxy.pb-c.h"
#include "proto/unpack.h"

#define SERVICE (&eventproxy__event_service__descriptor)

/* The messages of a shape, in pieces that the request points to. */
typedef struct Parts {
        Eventproxy__Capability *capabilities, **capability_list;
        Eventproxy__Axis *axes, **axis_list;
        uint32_t *codes, properties[32];
} Parts;

static void parts_done(Parts *p) {
        free(p->capabilities);
        free(p->capability_list);
        free(p->axes);
        free(p->axis_list);
        free(p->codes);
}

static int parts_allocate(Parts *p, const InputShape *shape) {
        p->capabilities = mem_new0(Eventproxy__Capability, MAX(shape->n_codes, 1U));
        p->capability_list = mem_new0(Eventproxy__Capability *, MAX(shape->n_codes, 1U));
        p->axes = mem_new0(Eventproxy__Axis, MAX(shape->n_axes, 1U));
        p->axis_list = mem_new0(Eventproxy__Axis *, MAX(shape->n_axes, 1U));
        p->codes = mem_new0(uint32_t, MAX(shape->n_codes, 1U));
        return p->capabilities && p->capability_list && p->axes && p->axis_list && p->codes ? 0 : -ENOMEM;
}

/* A message for each run of codes of one type. */
static void add_capabilities(Parts *p, const InputShape *shape, Eventproxy__DeviceInfo *request) {
        Eventproxy__Capability *c = NULL;

        for (size_t i = 0; i < shape->n_codes; i++) {
                p->codes[i] = shape->codes[i].code;
                if (!c || c->type != shape->codes[i].type) {
                        c = p->capability_list[request->n_capabilities] = &p->capabilities[request->n_capabilities];
                        request->n_capabilities++;
                        eventproxy__capability__init(c);
                        c->type = shape->codes[i].type;
                        c->codes = &p->codes[i];
                }
                c->n_codes++;
        }
        request->capabilities = p->capability_list;
}

static void add_axes(Parts *p, const InputShape *shape, Eventproxy__DeviceInfo *request) {
        for (size_t i = 0; i < shape->n_axes; i++) {
                const InputAxis *from = &shape->axes[i];
                Eventproxy__Axis *a = p->axis_list[i] = &p->axes[i];

                eventproxy__axis__init(a);
                a->code = from->code;
                a->value = from->value;
                a->minimum = from->minimum;
                a->maximum = from->maximum;
                a->fuzz = from->fuzz;
                a->flat = from->flat;
                a->resolution = from->resolution;
        }
        request->n_axes = shape->n_axes;
        request->axes = p->axis_list;
}

int event_register_wait(RpcChannel *channel, uint64_t handle, const InputShape *shape, RpcStatus *reterr) {
        const RpcCallOptions options = { .deadline = usec_add(time_now(CLOCK_MONOTONIC), EVENT_REGISTER_USEC) };
        Eventproxy__DeviceInfo request = EVENTPROXY__DEVICE_INFO__INIT;
        _cleanup_(parts_done) Parts parts = {};
        int r;

        r = parts_allocate(&parts, shape);
        if (r < 0)
                return r;
        request.deviceid = shape->product;
        request.vendorid = shape->vendor;
        request.name = shape->name;
        request.handle = handle;
        request.bustype = shape->bus;
        request.version = shape->version;
        add_capabilities(&parts, shape, &request);
        add_axes(&parts, shape, &request);
        request.properties = parts.properties;
        for (uint32_t i = 0; i < 32; i++)
                if (shape->properties & (UINT32_C(1) << i))
                        parts.properties[request.n_properties++] = i;
        return rpc_channel_call_wait(channel, SERVICE, "RegisterDevice", &request, &options, NULL, reterr);
}

int event_stream_open_wait(RpcChannel *channel, RpcStream **ret, RpcStatus *reterr) {
        const RpcCallOptions endless = {}; /* as long as the device is there */

        return rpc_stream_open_wait(channel, SERVICE, "StreamEvents", &endless, ret, reterr);
}

int event_stream_send_wait(RpcStream *stream, uint64_t handle, const InputEvent *e) {
        Eventproxy__InputEvent message = EVENTPROXY__INPUT_EVENT__INIT;

        message.timestamp = e->nsec;
        message.type = e->type;
        message.code = e->code;
        message.value = e->value;
        message.handle = handle;
        return rpc_stream_send_wait(stream, &message);
}

int event_stream_ended_wait(RpcStream *stream, RpcStatus *reterr) {
        _cleanup_proto_ Eventproxy__Ack *ack = NULL;
        int r;

        r = rpc_stream_receive_wait(stream, &ack, reterr);
        return r < 0 ? r : rpc_error(reterr, RPC_UNAVAILABLE, "The consumer has ended the stream.");
}
