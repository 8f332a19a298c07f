/* SPDX-License-Identifier: Apache-2.0 */
/* eventproxy.EventService and both its ends: what a consumer makes of what it is told, and what a producer tells, with
 * devices and consumers that come and go. */
#include "agent/calls/event.h"
#include "agent/event-consumer.h"
#include "agent/event-producer.h"
#include "agent/services/event.h"
#include "base/log.h"
#include "eventproxy.pb-c.h"
#include "unit/agent/fake-input.h"

#define SERVICE   (&eventproxy__event_service__descriptor)
#define MOUSE     "Logitech USB Optical Mouse"
#define SOON_USEC (50 * USEC_PER_MSEC)

typedef struct Events {
        World *w;
        char socket[96];
        RpcAddress address;
        EventConsumer *consumer;
        RpcServer *server;
        RpcChannel *channel;
        EventProducer *producer;
} Events;

/* Only from the loop may a server go. */
typedef struct Later {
        Promise done;
        Events *e;
} Later;

static void serve(Events *e, const RpcService *service, void *userdata) {
        check(rpc_server_new(e->w->queue, &e->server) == 0);
        check(rpc_server_add_service(e->server, service, userdata) == 0);
        check(rpc_server_listen(e->server, &e->address, 0600, (gid_t) -1) == 0);
}

static void consume(Events *e, usec_t unused) {
        check(event_consumer_new(e->w->event, &fake_sink_ops, unused, &e->consumer) == 0);
        serve(e, &event_service, e->consumer);
}

static void begin(World *w, Events *e) {
        RpcChannelOptions options = { .backoff_min_usec = 5 * USEC_PER_MSEC, .backoff_max_usec = 10 * USEC_PER_MSEC };

        *e = (Events){ .w = w };
        fake_reset();
        (void) snprintf(fake_directory, sizeof(fake_directory), "/tmp/test-event-%i/input", (int) getpid());
        (void) snprintf(e->socket, sizeof(e->socket), "/tmp/test-event-%i/socket", (int) getpid());
        *strrchr(fake_directory, '/') = 0;
        check(mkdir(fake_directory, 0700) == 0);
        fake_directory[strlen(fake_directory)] = '/';
        e->address = (RpcAddress){ .kind = RPC_ADDRESS_UNIX, .host = e->socket };
        options.address = &e->address;
        check(rpc_channel_new(w->queue, &options, &e->channel) == 0);
}

static int on_stop_serving(sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        Later *later = userdata;

        sd_event_source_unref(s);
        later->e->server = rpc_server_free(later->e->server);
        later->e->consumer = event_consumer_free(later->e->consumer);
        promise_resolve(&later->done, 0);
        return 0;
}

static int on_stop_producing(sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        Later *later = userdata;

        sd_event_source_unref(s);
        later->e->producer = event_producer_free(later->e->producer);
        promise_resolve(&later->done, 0);
        return 0;
}

static void from_the_loop(Events *e, sd_event_time_handler_t handler) {
        Later later = { .e = e };
        sd_event_source *s;

        check(sd_event_add_time_relative(e->w->event, &s, CLOCK_MONOTONIC, 0, 0, handler, &later) >= 0);
        check(promise_wait(&later.done) == 0);
}

static void end(Events *e) {
        from_the_loop(e, on_stop_producing);
        from_the_loop(e, on_stop_serving);
        rpc_channel_unref(e->channel);
        for (size_t i = 0; i < NODES_MAX; i++)
                fake_unplug(&fake_nodes[i]);
        (void) rmdir(fake_directory);
        (void) unlink(e->socket);
        *strrchr(fake_directory, '/') = 0;
        check(rmdir(fake_directory) == 0);
}

static void produce(Events *e, bool grab) {
        const EventProducerOptions options = { e->w->event, e->channel, &fake_source_ops, fake_directory, "mouse",
                "peer", grab };

        check(event_producer_new(&options, &e->producer) == 0);
}

static int try_register(Events *e, const Eventproxy__DeviceInfo *device, RpcStatus *status) {
        const RpcCallOptions options = { .deadline = time_now(CLOCK_MONOTONIC) + 10 * USEC_PER_SEC,
                .wait_for_ready = true };

        rpc_status_done(status);
        return rpc_channel_call_wait(e->channel, SERVICE, "RegisterDevice", device, &options, NULL, status);
}

static void register_device(Events *e, const char *name, uint64_t handle) {
        Eventproxy__DeviceInfo device = EVENTPROXY__DEVICE_INFO__INIT;
        _cleanup_(rpc_status_done) RpcStatus status = {};

        device.name = (char *) name;
        device.handle = handle;
        device.vendorid = 1;
        device.deviceid = 2;
        check(try_register(e, &device, &status) == 0);
}

static RpcStream *open_call(Events *e, const char *method) {
        const RpcCallOptions options = { .wait_for_ready = true };
        _cleanup_(rpc_status_done) RpcStatus status = {};
        RpcStream *stream;

        check(rpc_stream_open_wait(e->channel, SERVICE, method, &options, &stream, &status) == 0);
        return stream;
}

static RpcStream *stream_open(Events *e) {
        return open_call(e, "StreamEvents");
}

static void stream_key(RpcStream *stream, uint64_t handle, uint32_t code) {
        const InputEvent key = { 0, EV_KEY, code, 1 };

        check(event_stream_send_wait(stream, handle, &key) == 0);
}

static void check_end(RpcStream *stream, RpcCode code) {
        _cleanup_(rpc_status_done) RpcStatus status = {};
        _cleanup_proto_ Eventproxy__Ack *ack = NULL;
        int r;

        r = rpc_stream_receive_wait(stream, &ack, &status);
        check_streq(rpc_code_to_string(status.code), rpc_code_to_string(code));
        if (code == RPC_OK) {
                check(r == 1);
                check_streq(ack->status, "OK");
        }
}

/* As the system before this one does it: no capabilities, no handle. */
static int body_reference(World *w) {
        _cleanup_(rpc_stream_freep) RpcStream *stream = NULL, *again = NULL;
        Events e;

        begin(w, &e);
        consume(&e, 5 * USEC_PER_SEC);
        register_device(&e, "Sony Wireless Controller", 0);
        check(fake_n_sinks == 1 && fake_sinks[0].n_codes == 15 && fake_sinks[0].n_axes == 8);
        check(fake_sinks[0].vendor == 1 && fake_sinks[0].product == 2);
        check_streq(fake_sinks[0].name, "Sony Wireless Controller");
        register_device(&e, MOUSE, 0);
        check(fake_sinks[0].is_closed); /* it had no stream, and nobody could name it any more */
        check(fake_n_sinks == 2 && fake_sinks[1].n_codes == 14 && fake_sinks[1].n_axes == 0);
        stream = stream_open(&e);
        stream_key(stream, 0, BTN_LEFT);
        check(event_stream_send_wait(stream, 0, &(InputEvent){ 0, EV_LED, 0, 1 }) == 0);
        check(event_stream_send_wait(stream, 0, &(InputEvent){ 0, EV_KEY, 1 << 20, 1 }) == 0);
        check(rpc_stream_close_send_wait(stream) == 0);
        check_end(stream, RPC_OK);
        check(fake_sinks[1].n_events == 1 && fake_sink_has(&fake_sinks[1], EV_KEY, BTN_LEFT, 1));
        again = stream_open(&e);
        stream_key(again, 0, BTN_RIGHT);
        check_becomes(fake_sink_has(&fake_sinks[1], EV_KEY, BTN_RIGHT, 1));
        end(&e);
        check(fake_sinks[1].is_closed);
        return 0;
}

static void check_refused(Events *e, const Eventproxy__DeviceInfo *device, RpcCode code) {
        _cleanup_(rpc_status_done) RpcStatus status = {};

        check(try_register(e, device, &status) < 0);
        check_streq(rpc_code_to_string(status.code), rpc_code_to_string(code));
}

static int body_refusals(World *w) {
        Eventproxy__DeviceInfo device = EVENTPROXY__DEVICE_INFO__INIT;
        Eventproxy__Capability capability = EVENTPROXY__CAPABILITY__INIT, *capabilities = &capability;
        Eventproxy__Axis axis = EVENTPROXY__AXIS__INIT, *axes = &axis;
        static uint32_t code = KEY_A;
        Events e;

        begin(w, &e);
        consume(&e, 5 * USEC_PER_SEC);
        check_refused(&e, &device, RPC_INVALID_ARGUMENT);
        device.name = (char *) "two\nlines mouse";
        check_refused(&e, &device, RPC_INVALID_ARGUMENT);
        device.name = (char *) "wireless keyboard";
        check_refused(&e, &device, RPC_INVALID_ARGUMENT);
        capability.type = EV_LED;
        capability.n_codes = 1;
        capability.codes = &code;
        device.n_capabilities = 1;
        device.capabilities = &capabilities;
        check_refused(&e, &device, RPC_INVALID_ARGUMENT);
        capability.type = EV_KEY;
        axis.code = ABS_MT_SLOT;
        axis.maximum = 1 << 30; /* the kernel would allocate as many */
        device.n_axes = 1;
        device.axes = &axes;
        check_refused(&e, &device, RPC_INVALID_ARGUMENT);
        device.n_axes = 0;
        fake_sink_error = -ENOENT;
        check_refused(&e, &device, RPC_FAILED_PRECONDITION);
        fake_sink_error = 0;
        for (device.handle = 1; device.handle <= EVENT_DEVICES_MAX; device.handle++) {
                RpcStatus status = {};

                check(try_register(&e, &device, &status) == 0);
        }
        check_refused(&e, &device, RPC_RESOURCE_EXHAUSTED);
        end(&e);
        return 0;
}

static unsigned n_lines;

static void sink(_unused_ int level, _unused_ const LogField *fields, _unused_ const char *text) {
        n_lines++;
}

/* Nobody forbids it, but the journal is others', too. */
static int body_restless(World *w) {
        InputCode code = { EV_KEY, BTN_LEFT };
        InputShape shape = { .name = (char *) MOUSE, .codes = &code, .n_codes = 1 };
        Events e;

        begin(w, &e);
        consume(&e, USEC_PER_SEC);
        log_set_sink(sink);
        n_lines = 0;
        for (unsigned i = 0; i < 2 * LOG_LINES_PER_SUBJECT_MAX; i++) {
                check(event_consumer_register(e.consumer, "restless-vm", 1, &shape) == 0);
                fake_n_sinks = 0;
        }
        log_set_sink(NULL);
        check(n_lines == LOG_LINES_PER_SUBJECT_MAX);
        end(&e);
        return 0;
}

static int body_streams(World *w) {
        _cleanup_(rpc_stream_freep) RpcStream *none = NULL, *first = NULL, *second = NULL, *other = NULL;
        Events e;

        begin(w, &e);
        consume(&e, 5 * USEC_PER_SEC);
        none = stream_open(&e);
        stream_key(none, 0, KEY_A);
        check_end(none, RPC_FAILED_PRECONDITION);
        register_device(&e, MOUSE, 7);
        register_device(&e, MOUSE, 8);
        first = stream_open(&e);
        stream_key(first, 7, KEY_A);
        other = stream_open(&e);
        stream_key(other, 8, KEY_B);
        check_becomes(fake_sinks[0].n_events == 1 && fake_sinks[1].n_events == 1);
        register_device(&e, MOUSE, 7); /* its source has lost a connection of which this end has not heard */
        check(fake_sinks[0].is_closed && !fake_sinks[2].is_closed);
        stream_key(first, 7, KEY_C);
        check_end(first, RPC_ABORTED);
        second = stream_open(&e);
        stream_key(second, 7, KEY_D);
        check_becomes(fake_sink_has(&fake_sinks[2], EV_KEY, KEY_D, 1));
        check(rpc_stream_close_send_wait(second) == 0);
        check_end(second, RPC_OK);
        check_becomes(fake_sinks[2].is_closed);
        check(!fake_sinks[1].is_closed);
        end(&e);
        return 0;
}

static int body_leaving(World *w) {
        RpcStream *stream;
        Events e;

        begin(w, &e);
        consume(&e, SOON_USEC);
        register_device(&e, MOUSE, 0);
        stream = stream_open(&e);
        stream_key(stream, 0, BTN_LEFT);
        check_becomes(fake_sinks[0].n_events == 1);
        rpc_stream_free(stream);
        check_becomes(fake_sinks[0].is_closed);
        register_device(&e, MOUSE, 5); /* and nobody ever comes with its events */
        check_becomes(fake_sinks[1].is_closed);
        end(&e);
        return 0;
}

/* The device is made, and waits in vain: nobody knows of it. */
static int body_register_left(World *w) {
        const RpcCallOptions now = { .deadline = 1, .wait_for_ready = true };
        Eventproxy__DeviceInfo device = EVENTPROXY__DEVICE_INFO__INIT;
        _cleanup_(rpc_status_done) RpcStatus status = {};
        _cleanup_(rpc_stream_freep) RpcStream *call = NULL;
        Events e;

        begin(w, &e);
        consume(&e, SOON_USEC);
        device.name = (char *) MOUSE;
        device.handle = 3;
        check(rpc_channel_call_wait(e.channel, SERVICE, "RegisterDevice", &device, &now, NULL, &status) < 0);
        check(fake_n_sinks == 0);
        call = open_call(&e, "RegisterDevice");
        check(rpc_stream_send_wait(call, &device) == 0);
        call = rpc_stream_free(call);
        register_device(&e, MOUSE, 4);
        for (size_t i = 0; i < fake_n_sinks; i++)
                check_becomes(fake_sinks[i].is_closed);
        end(&e);
        return 0;
}

static int body_hotplug(World *w) {
        FakeNode *mouse, *other;
        const InputSink *s = fake_sinks;
        Events e;

        begin(w, &e);
        consume(&e, 5 * USEC_PER_SEC);
        produce(&e, true);
        check(fiber_sleep_wait(SOON_USEC) == 0);
        check(mkdir(fake_directory, 0700) == 0); /* devtmpfs makes it with its first device */
        fake_plug(0, "VirtualPS/2 VMware VMMouse");
        fake_plug(1, "AT Keyboard");
        mouse = fake_plug(2, MOUSE);
        check_becomes(fake_n_sinks == 1);
        check_streq(s[0].name, MOUSE);
        check(s[0].bus == BUS_USB && s[0].vendor == 0x46d && s[0].product == 0xc077 && s[0].version == 0x111);
        check(s[0].properties == 1 && s[0].n_codes == 3 && s[0].codes[2].type == EV_REL && s[0].n_axes == 1);
        check(s[0].axis.code == ABS_X && s[0].axis.value == 5 && s[0].axis.minimum == -10 && s[0].axis.maximum == 10);
        check(s[0].axis.fuzz == 1 && s[0].axis.flat == 2 && s[0].axis.resolution == 3);
        check_becomes(mouse->grabbed);
        fake_tell_key(mouse, BTN_LEFT, 1);
        check_becomes(fake_sink_has(&s[0], EV_KEY, BTN_LEFT, 1));
        other = fake_plug(3, "Second Mouse");
        check_becomes(fake_n_sinks == 2);
        fake_tell_key(other, KEY_A, 1);
        check_becomes(fake_sink_has(&s[1], EV_KEY, KEY_A, 1));
        check(!fake_sink_has(&s[0], EV_KEY, KEY_A, 1));
        fake_unplug(mouse);
        check_becomes(s[0].is_closed);
        check(!s[1].is_closed);
        fake_plug(2, MOUSE);
        check_becomes(fake_n_sinks == 3);
        end(&e);
        return 0;
}

/* Whoever comes when fingers are down has them where they are, and what a touch has left in its slot. */
static int body_touches(World *w) {
        static const InputEvent expected[] = {
                { 0, EV_SYN, SYN_REPORT, 0 },
                { 0, EV_ABS, ABS_X, 7 },
                { 0, EV_ABS, ABS_MT_SLOT, 2 },
                { 0, EV_ABS, ABS_MT_POSITION_X, 40 },
                { 0, EV_ABS, ABS_MT_SLOT, 1 },
                { 0, EV_ABS, ABS_MT_POSITION_X, 30 },
                { 0, EV_ABS, ABS_MT_TRACKING_ID, 8 },
                { 0, EV_ABS, ABS_MT_SLOT, 1 },
                { 0, EV_SYN, SYN_REPORT, 0 },
        };
        FakeNode *pad;
        Events e;

        begin(w, &e);
        check(mkdir(fake_directory, 0700) == 0);
        pad = fake_plug(0, MOUSE);
        pad->n_slots = 3;
        for (unsigned i = 0; i < pad->n_slots; i++)
                pad->slots[i][ABS_MT_TRACKING_ID] = i == 1 ? 8 : -1;
        pad->slots[1][ABS_MT_POSITION_X] = 30;
        pad->slots[2][ABS_MT_POSITION_X] = 40;
        pad->axes[ABS_MT_SLOT] = 1;
        pad->axes[ABS_X] = 7;
        consume(&e, 5 * USEC_PER_SEC);
        produce(&e, false);
        check_becomes(fake_n_sinks == 1 && fake_sinks[0].n_events >= ELEMENTSOF(expected));
        check(fake_sinks[0].n_events == ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                const InputEvent *heard = &fake_sinks[0].events[i];

                check(heard->type == expected[i].type && heard->code == expected[i].code);
                check(heard->value == expected[i].value);
        }
        end(&e);
        return 0;
}

/* Its end arrives though the peer has not heard yet whose stream it is that ends. */
static int body_unplugged_at_once(World *w) {
        Events e;

        begin(w, &e);
        check(mkdir(fake_directory, 0700) == 0);
        consume(&e, 3600 * USEC_PER_SEC);
        produce(&e, true);
        for (unsigned i = 0; i < 10; i++) {
                fake_sink_unplugs = fake_plug(0, MOUSE);
                check_becomes(fake_n_sinks == i + 1 && fake_sinks[i].is_closed);
        }
        end(&e);
        return 0;
}

/* It comes late, goes, and comes back; a key that was held all the time is held on. */
static int body_consumer_restarts(World *w) {
        FakeNode *mouse;
        Events e;

        begin(w, &e);
        check(mkdir(fake_directory, 0700) == 0);
        mouse = fake_plug(0, MOUSE);
        produce(&e, false);
        check(fiber_sleep_wait(SOON_USEC) == 0);
        consume(&e, 5 * USEC_PER_SEC);
        check_becomes(fake_n_sinks == 1 && fake_sinks[0].n_events > 0);
        fake_tell_key(mouse, BTN_LEFT, 1);
        check_becomes(fake_sink_has(&fake_sinks[0], EV_KEY, BTN_LEFT, 1));
        check(!mouse->grabbed);
        from_the_loop(&e, on_stop_serving);
        check(fake_sinks[0].is_closed);
        consume(&e, 5 * USEC_PER_SEC);
        check_becomes(fake_n_sinks == 2 && fake_sink_has(&fake_sinks[1], EV_KEY, BTN_LEFT, 1));
        fake_sink_error = -EACCES; /* for a while the consumer cannot */
        from_the_loop(&e, on_stop_serving);
        consume(&e, 5 * USEC_PER_SEC);
        check(fiber_sleep_wait(4 * SOON_USEC) == 0);
        fake_sink_error = 0;
        check_becomes(fake_n_sinks == 3 && fake_sinks[2].n_events > 0);
        end(&e);
        return 0;
}

static Promise released;

static int method_slow(RpcCall *call, _unused_ const void *request, _unused_ RpcStatus *reterr, _unused_ void *u) {
        const Eventproxy__InputEvent *event;
        int r;

        r = promise_wait(&released);
        while (r >= 0) {
                r = rpc_call_receive_wait(call, &event);
                if (r == 0)
                        break;
        }
        return r;
}

static int method_accept(RpcCall *call, _unused_ const void *request, _unused_ RpcStatus *reterr, _unused_ void *u) {
        Eventproxy__Ack ack = EVENTPROXY__ACK__INIT;

        return rpc_call_reply(call, &ack);
}

/* Until it reads, and for so long at least after all there is room for has been sent. */
static FakeNode *begin_stuck(World *w, Events *e, usec_t usec, unsigned *ret_stuck) {
        static const RpcMethod methods[] = {
                { "RegisterDevice", RPC_UNARY, method_accept },
                { "StreamEvents", RPC_CLIENT_STREAM, method_slow },
                {},
        };
        static const RpcService service = { SERVICE, methods };
        FakeNode *mouse;

        released = (Promise){};
        begin(w, e);
        serve(e, &service, NULL);
        check(mkdir(fake_directory, 0700) == 0);
        mouse = fake_plug(0, MOUSE);
        mouse->is_endless = true;
        produce(e, false);
        do {
                *ret_stuck = mouse->n_next;
                check(fiber_sleep_wait(usec) == 0);
        } while (mouse->n_next == 0 || mouse->n_next != *ret_stuck);
        check(mouse->n_skips == 0);
        promise_resolve(&released, 0);
        return mouse;
}

static int body_slow(World *w) {
        FakeNode *mouse;
        unsigned stuck;
        Events e;

        mouse = begin_stuck(w, &e, EVENT_LATE_USEC * 3 / 2, &stuck);
        check_becomes(mouse->n_skips > 0);
        check_becomes(mouse->n_next > stuck); /* and it goes on */
        mouse->is_endless = false;
        end(&e);
        return 0;
}

/* A machine may stand still for a moment. */
static int body_halting(World *w) {
        FakeNode *mouse;
        unsigned stuck;
        Events e;

        mouse = begin_stuck(w, &e, 200 * USEC_PER_MSEC, &stuck);
        check_becomes(mouse->n_next > stuck + 10);
        check(mouse->n_skips == 0);
        mouse->is_endless = false;
        end(&e);
        return 0;
}

#define TEST(name)                                                                                                     \
        static void test_##name(_unused_ void **state) {                                                               \
                world_run(body_##name);                                                                                \
        }
TEST(reference)
TEST(refusals)
TEST(restless)
TEST(streams)
TEST(leaving)
TEST(register_left)
TEST(hotplug)
TEST(consumer_restarts)
TEST(touches)
TEST(unplugged_at_once)
TEST(slow)
TEST(halting)

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reference),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_restless),
                cmocka_unit_test(test_streams),
                cmocka_unit_test(test_leaving),
                cmocka_unit_test(test_register_left),
                cmocka_unit_test(test_hotplug),
                cmocka_unit_test(test_consumer_restarts),
                cmocka_unit_test(test_touches),
                cmocka_unit_test(test_unplugged_at_once),
                cmocka_unit_test(test_slow),
                cmocka_unit_test(test_halting),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
