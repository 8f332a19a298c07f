/* SPDX-License-Identifier: Apache-2.0 */
/* eventproxy.EventService: input devices of another machine, see proto/eventproxy.proto. */
#include "agent/services/event.h"

#include "agent/event-consumer.h"
#include "base/mem.h"
#include "base/str.h"
#include "eventproxy.pb-c.h"
#include "rpc/call.h"

static int add_codes(const Eventproxy__DeviceInfo *req, InputShape *shape) {
        for (size_t i = 0; i < req->n_capabilities; i++)
                for (size_t k = 0; k < req->capabilities[i]->n_codes; k++) {
                        int r = input_shape_add(shape, req->capabilities[i]->type, req->capabilities[i]->codes[k]);

                        if (r < 0)
                                return r;
                }
        return 0;
}

static int add_axes(const Eventproxy__DeviceInfo *req, InputShape *shape) {
        for (size_t i = 0; i < req->n_axes; i++) {
                const Eventproxy__Axis *a = req->axes[i];
                int r;

                if (a->code > UINT16_MAX)
                        return -EINVAL;
                r = input_shape_add_axis(shape,
                                &(InputAxis){ (uint16_t) a->code, a->value, a->minimum, a->maximum, a->fuzz, a->flat,
                                                a->resolution });
                if (r < 0)
                        return r;
        }
        return 0;
}

static int shape_from_request(const Eventproxy__DeviceInfo *req, InputShape *shape) {
        int r;

        if (req->deviceid > UINT16_MAX || req->vendorid > UINT16_MAX || req->bustype > UINT16_MAX ||
                        req->version > UINT16_MAX)
                return -EINVAL;
        shape->bus = (uint16_t) req->bustype;
        shape->vendor = (uint16_t) req->vendorid;
        shape->product = (uint16_t) req->deviceid;
        shape->version = (uint16_t) req->version;
        shape->name = strdup(req->name);
        if (!shape->name)
                return -ENOMEM;
        for (size_t i = 0; i < req->n_properties; i++) {
                if (req->properties[i] >= 32)
                        return -EINVAL;
                shape->properties |= UINT32_C(1) << req->properties[i];
        }
        r = add_codes(req, shape);
        if (r >= 0)
                r = add_axes(req, shape);
        if (r >= 0 && input_shape_is_empty(shape))
                r = input_shape_add_usual(shape);
        return r;
}

static int device_error(int r, const char *name, RpcStatus *reterr) {
        switch (r) {
        case -ENODEV:
                return rpc_error(reterr, RPC_INVALID_ARGUMENT,
                                "Nothing is known of device '%s' that another could be made by.", name);
        case -EINVAL:
        case -E2BIG:
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "There cannot be a device like '%s'.", name);
        case -EBUSY:
                return rpc_error(reterr, RPC_RESOURCE_EXHAUSTED, "There are %d devices already.", EVENT_DEVICES_MAX);
        case -ENOENT:
        case -ENXIO:
        case -EACCES:
        case -EPERM:
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "This machine makes no devices: /dev/uinput: %s.",
                                strerror(-r));
        default:
                return r;
        }
}

static const char *peer_of(RpcCall *call) {
        return identity_get_key(rpc_call_get_identity(call));
}

static int reply_ok(RpcCall *call) {
        Eventproxy__Ack ack = EVENTPROXY__ACK__INIT;

        ack.status = (char *) "OK";
        return rpc_call_reply(call, &ack);
}

static int method_register_device(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        _cleanup_(input_shape_done) InputShape shape = {};
        const Eventproxy__DeviceInfo *req = request;
        int r;

        if (isempty(req->name) || !str_is_printable(req->name))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "The device has no name.");
        r = shape_from_request(req, &shape);
        if (r >= 0)
                r = event_consumer_register(userdata, peer_of(call), req->handle, &shape);
        return r < 0 ? device_error(r, req->name, reterr) : reply_ok(call);
}

typedef struct Stream {
        EventConsumer *consumer;
        RpcCall *call;
        EventDevice *device;
        uint64_t handle;
} Stream;

static int stream_claim(Stream *s, uint64_t handle) {
        if (s->device && (handle == 0 || handle == s->handle))
                return 0;
        if (s->device)
                event_device_release(s->device, true);
        s->handle = handle;
        s->device = event_consumer_claim(s->consumer, peer_of(s->call), handle);
        return s->device ? 0 : -ENODEV;
}

static int stream_emit(Stream *s, const Eventproxy__InputEvent *message, RpcStatus *reterr) {
        int r;

        if (stream_claim(s, message->handle) < 0)
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "There is no such device without a stream.");
        if (!input_event_is_carried(message->type, message->code))
                return 0;
        r = event_device_emit(
                        s->device, &(InputEvent){ message->timestamp, message->type, message->code, message->value });
        return r == -ESTALE ? rpc_error(reterr, RPC_ABORTED, "The device was registered again.") : r;
}

static int method_stream_events(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        Stream s = { .consumer = userdata, .call = call };
        const Eventproxy__InputEvent *message;
        int r;

        /* Who knows of no handles may have nothing to say for long, and its device is not to wait for that. */
        (void) stream_claim(&s, 0);
        for (;;) {
                r = rpc_call_receive_wait(call, &message);
                if (r > 0)
                        r = stream_emit(&s, message, reterr);
                else if (r == 0)
                        break;
                if (r < 0)
                        break;
        }
        if (s.device)
                event_device_release(s.device, r == 0 && s.handle == 0);
        return r < 0 ? r : reply_ok(call);
}

static const RpcMethod methods[] = {
        { "RegisterDevice", RPC_UNARY, method_register_device },
        { "StreamEvents", RPC_CLIENT_STREAM, method_stream_events },
        {},
};

const RpcService event_service = { &eventproxy__event_service__descriptor, methods };
