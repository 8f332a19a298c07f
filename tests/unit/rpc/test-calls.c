/* SPDX-License-Identifier: Apache-2.0 */
/* Server and channel in one process, without TLS: the four kinds of call, refusals, callers that leave, slow
 * readers. */
#include "fixture.h"

#include "rpc/limits.h"

static int call_hwid(World *w, const RpcCallOptions *options, RpcStatus *status) {
        Hwid__HwIdRequest req = HWID__HW_ID_REQUEST__INIT;
        _cleanup_proto_ Hwid__HwIdResponse *reply = NULL;
        int r;

        r = rpc_channel_call_wait(
                        w->channel, &hwid__hwid_service__descriptor, "GetHwId", &req, options, &reply, status);
        if (r >= 0)
                assert_string_equal(reply->identifier, "02:00:00:00:00:01");
        else
                assert_null(reply);
        return r;
}

static int body_unary(void *userdata) {
        RpcCallOptions options = soon();
        RpcStatus status = {};
        World *w = userdata;

        for (unsigned i = 0; i < 100; i++)
                assert_int_equal(call_hwid(w, &options, &status), 0);
        assert_int_equal(w->n_started, 100);
        assert_true(w->deadline <= options.deadline + USEC_PER_SEC && w->deadline > options.deadline - USEC_PER_SEC);
        assert_int_equal(status.code, RPC_OK);
        return 0;
}

static void test_unary(void **state) {
        world_run(*state, body_unary);
}

static int register_device(World *w, const char *name, RpcStatus *status) {
        Eventproxy__DeviceInfo req = EVENTPROXY__DEVICE_INFO__INIT;
        _cleanup_proto_ ProtobufCMessage *reply = NULL;
        RpcCallOptions options = soon();

        req.name = (char *) name;
        return rpc_channel_call_wait(w->channel, &eventproxy__event_service__descriptor, "RegisterDevice", &req,
                        &options, &reply, status);
}

static int body_refusals(void *userdata) {
        static const struct {
                const char *name;
                int result;
                RpcCode code;
                const char *message, *reason, *detail;
        } cases[] = {
                { "mouse", 0, RPC_OK, NULL, NULL, NULL },
                { "", -EINVAL, RPC_INVALID_ARGUMENT, "A device has a name", "INVALID_ARGUMENT", "name" },
                { "errno", -ENOEXEC, RPC_FAILED_PRECONDITION, "Operation already in progress", "FAILED_PRECONDITION",
                                NULL },
                { "silent", -EIO, RPC_INTERNAL, "internal error", "INTERNAL", NULL },
                { "\xff\xfe", -EINVAL, RPC_INVALID_ARGUMENT, "UTF-8", "INVALID_ARGUMENT", NULL },
        };
        World *w = userdata;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                RpcStatus status = {};

                assert_int_equal(register_device(w, cases[i].name, &status), cases[i].result);
                assert_int_equal(status.code, cases[i].code);
                if (cases[i].message && !strstr(status.message, cases[i].message))
                        fail_msg("'%s' is answered '%s'", cases[i].name, status.message);
                assert_string_equal(strempty(status.reason), strempty(cases[i].reason));
                assert_string_equal(strempty(status.detail), strempty(cases[i].detail));
                rpc_status_done(&status);
        }
        return 0;
}

static void test_refusals(void **state) {
        world_run(*state, body_refusals);
}

static int body_unimplemented(void *userdata) {
        static const RpcMethod none[] = { { "Check", RPC_UNARY, NULL }, {} };
        const RpcService half = { &grpc__health__v1__health__descriptor, none };
        Hwid__HwIdRequest req = HWID__HW_ID_REQUEST__INIT;
        ProtobufCServiceDescriptor other = hwid__hwid_service__descriptor;
        RpcCallOptions options = soon();
        RpcStatus status = {};
        World *w = userdata;

        other.name = "hwid.NoSuchService";
        assert_int_equal(rpc_channel_call_wait(w->channel, &other, "GetHwId", &req, &options, NULL, &status),
                        -EOPNOTSUPP);
        assert_int_equal(status.code, RPC_UNIMPLEMENTED);
        assert_non_null(strstr(status.message, "hwid.NoSuchService/GetHwId"));
        rpc_status_done(&status);
        assert_int_equal(rpc_server_add_service(w->server, &half, NULL), -EINVAL); /* rows and descriptor must match */
        return 0;
}

static void test_unimplemented(void **state) {
        world_run(*state, body_unimplemented);
}

static int body_client_stream(void *userdata) {
        _cleanup_(rpc_stream_freep) RpcStream *s = NULL;
        Eventproxy__InputEvent event = EVENTPROXY__INPUT_EVENT__INIT;
        _cleanup_proto_ Eventproxy__Ack *ack = NULL;
        RpcCallOptions options = soon();
        ProtobufCMessage *none;
        World *w = userdata;

        assert_int_equal(rpc_stream_open_wait(w->channel, &eventproxy__event_service__descriptor, "StreamEvents",
                                         &options, &s, NULL),
                        0);
        for (int i = 0; i < 50; i++)
                assert_int_equal(rpc_stream_send_wait(s, &event), 0);
        assert_int_equal(rpc_stream_close_send_wait(s), 0);
        assert_int_equal(rpc_stream_receive_wait(s, &ack, NULL), 1);
        assert_string_equal(ack->status, "50");
        assert_int_equal(rpc_stream_receive_wait(s, &none, NULL), 0);
        return 0;
}

static void test_client_stream(void **state) {
        world_run(*state, body_client_stream);
}

static int open_transfer(World *w, RpcStream **ret) {
        RpcCallOptions options = soon();

        return rpc_stream_open_wait(
                        w->channel, &socketproxy__socket_stream__descriptor, "TransferData", &options, ret, NULL);
}

static int send_chunk(RpcStream *s, const void *data, size_t size) {
        Socketproxy__StreamFrame frame = SOCKETPROXY__STREAM_FRAME__INIT;

        frame.chunk = (ProtobufCBinaryData){ .data = (uint8_t *) data, .len = size };
        return rpc_stream_send_wait(s, &frame);
}

static int body_bidi(void *userdata) {
        _cleanup_(rpc_stream_freep) RpcStream *s = NULL;
        ProtobufCMessage *none;

        assert_int_equal(open_transfer(userdata, &s), 0);
        for (int i = 0; i < 20; i++) {
                _cleanup_proto_ Socketproxy__StreamFrame *back = NULL;
                char text[16];

                (void) snprintf(text, sizeof(text), "chunk %d", i);
                assert_int_equal(send_chunk(s, text, strlen(text)), 0);
                assert_int_equal(rpc_stream_receive_wait(s, &back, NULL), 1);
                assert_int_equal(back->chunk.len, strlen(text));
                assert_memory_equal(back->chunk.data, text, strlen(text));
        }
        assert_int_equal(rpc_stream_close_send_wait(s), 0);
        assert_int_equal(rpc_stream_receive_wait(s, &none, NULL), 0);
        return 0;
}

static void test_bidi(void **state) {
        world_run(*state, body_bidi);
}

static int body_sizes(void *userdata) {
        _cleanup_free_ uint8_t *data = mem_new0(uint8_t, RPC_MESSAGE_MAX);
        static const size_t sizes[] = { 0, 1, 16384, 65535, 65536, 1000000, RPC_MESSAGE_MAX - 16 };
        _cleanup_(rpc_stream_freep) RpcStream *s = NULL;

        assert_int_equal(open_transfer(userdata, &s), 0);
        for (size_t i = 0; i < RPC_MESSAGE_MAX; i++)
                data[i] = i % 253;
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                _cleanup_proto_ Socketproxy__StreamFrame *back = NULL;

                assert_int_equal(send_chunk(s, data, sizes[i]), 0);
                assert_int_equal(rpc_stream_receive_wait(s, &back, NULL), 1);
                assert_int_equal(back->chunk.len, sizes[i]);
                if (sizes[i] > 0)
                        assert_memory_equal(back->chunk.data, data, sizes[i]);
        }
        assert_int_equal(send_chunk(s, data, RPC_MESSAGE_MAX), -EMSGSIZE); /* refused here; the call goes on */
        assert_int_equal(send_chunk(s, "x", 1), 0);
        return 0;
}

static void test_sizes(void **state) {
        world_run(*state, body_sizes);
}

/* A reader that does not read stops its writer, and is not forgotten when it reads again. */
static int body_back_pressure(void *userdata) {
        _cleanup_(rpc_stream_freep) RpcStream *s = NULL;
        World *w = userdata;
        unsigned sent;

        assert_int_equal(open_transfer(w, &s), 0);
        assert_int_equal(send_chunk(s, "flood", 5), 0);
        do { /* until the writer stands still */
                sent = w->n_sent;
                assert_int_equal(fiber_sleep_wait(100 * USEC_PER_MSEC), 0);
        } while (w->n_sent != sent);
        assert_in_range(sent, 1, 8 * 1024 * 1024 / (32 * 1024)); /* windows and buffers, not memory without end */
        for (unsigned i = 0; i < 2 * sent; i++) {
                _cleanup_proto_ ProtobufCMessage *m = NULL;

                assert_int_equal(rpc_stream_receive_wait(s, &m, NULL), 1);
        }
        assert_true(w->n_sent > sent);
        return 0;
}

static void test_back_pressure(void **state) {
        World *w = *state;

        world_run(w, body_back_pressure);
        world_until(w, w->n_ended == 1); /* and its end ends the writer */
        assert_int_equal(w->last_result, -ECANCELED);
}

static int body_deadline(void *userdata) {
        RpcCallOptions options = { .deadline = time_now(CLOCK_MONOTONIC) + 400 * USEC_PER_MSEC };
        RpcStatus status = {};
        World *w = userdata;

        w->until_gate = true;
        assert_int_equal(call_hwid(w, &options, &status), -ETIMEDOUT);
        assert_int_equal(status.code, RPC_DEADLINE_EXCEEDED);
        rpc_status_done(&status);
        return 0;
}

static void test_deadline(void **state) {
        World *w = *state;

        world_run(w, body_deadline);
        world_until(w, w->n_ended == 1);
        assert_int_equal(w->last_result, -ECANCELED);
}

static int body_wait_for_ever(void *userdata) {
        RpcCallOptions options = soon();
        RpcStatus status = {};
        World *w = userdata;

        w->until_gate = true;
        assert_int_equal(call_hwid(w, &options, &status), -ECANCELED);
        assert_int_equal(status.code, RPC_CANCELLED);
        rpc_status_done(&status);
        return 0;
}

static void test_cancel_in_unary(void **state) {
        World *w = *state;
        Fiber *f;

        assert_int_equal(fiber_start(&f, body_wait_for_ever, w), 0);
        world_until(w, w->entered.done);
        fiber_cancel(f);
        assert_null(f);
        world_until(w, w->n_ended == 1);
        assert_int_equal(w->last_result, -ECANCELED);
}

static int body_leave_streams(void *userdata) {
        _cleanup_(rpc_stream_freep) RpcStream *events = NULL, *transfer = NULL;
        RpcCallOptions options = soon();

        assert_int_equal(rpc_stream_open_wait(((World *) userdata)->channel, &eventproxy__event_service__descriptor,
                                         "StreamEvents", &options, &events, NULL),
                        0);
        assert_int_equal(open_transfer(userdata, &transfer), 0);
        assert_int_equal(send_chunk(transfer, "x", 1), 0);
        while (((World *) userdata)->n_started < 2)
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        return 0;
}

static void test_leave_streams(void **state) {
        World *w = *state;

        world_run(w, body_leave_streams);
        world_until(w, w->n_ended == 2);
        assert_int_equal(w->last_result, -ECANCELED);
        world_until(w, fiber_count() == 0);
}

/* The reply comes while its caller is being cancelled, at each moment of it. */
static void test_cancel_race(void **state) {
        World *w = *state;

        for (unsigned turns = 0; turns < 12; turns++) {
                Fiber *f;

                w->entered = w->gate = (Promise){};
                assert_int_equal(fiber_start(&f, body_wait_for_ever, w), 0);
                world_until(w, w->entered.done);
                for (unsigned i = 0; i < turns % 4; i++)
                        assert_true(sd_event_run(w->event, 0) >= 0);
                if (turns >= 4)
                        promise_resolve(&w->gate, -ECANCELED);
                fiber_cancel(f);
                world_until(w, fiber_count() == 0);
        }
}

typedef struct Judge {
        unsigned n_heads, n_bodies;
} Judge;

static int judge(const Identity *identity, const ProtobufCServiceDescriptor *service, const RpcMethod *method,
                const ProtobufCMessage *request, RpcStatus *reterr, void *userdata) {
        Judge *j = userdata;

        assert_int_equal(identity_get_kind(identity), IDENTITY_UNIX);
        assert_int_equal(identity_get_ucred(identity)->pid, getpid());
        if (streq(method->name, "GetHwId"))
                return -EPERM;
        if (!request)
                j->n_heads++;
        else
                j->n_bodies++;
        if (request && streq(service->name, "eventproxy.EventService") && streq(method->name, "RegisterDevice") &&
                        streq(((const Eventproxy__DeviceInfo *) request)->name, "forbidden"))
                return rpc_error(reterr, RPC_PERMISSION_DENIED, "no such device for you");
        return 0;
}

static int body_access(void *userdata) {
        RpcCallOptions options = soon();
        RpcStatus status = {};
        World *w = userdata;
        Judge j = {};

        rpc_server_set_access(w->server, judge, &j);
        assert_int_equal(call_hwid(w, &options, &status), -EACCES);
        assert_string_equal(status.message, "permission denied");
        assert_int_equal(w->n_started, 0);
        assert_int_equal(j.n_bodies, 0); /* nothing was read of what was refused by its name */
        rpc_status_done(&status);
        assert_int_equal(register_device(w, "forbidden", &status), -EACCES);
        assert_string_equal(status.message, "no such device for you");
        rpc_status_done(&status);
        assert_int_equal(register_device(w, "mouse", &status), 0);
        assert_int_equal(j.n_heads, 2);
        assert_int_equal(j.n_bodies, 2);
        rpc_server_set_access(w->server, NULL, NULL);
        return 0;
}

/* Who may send what is only known once it was sent: frames that begin with 'y', events with a handle. */
static int judge_first(_unused_ const Identity *identity, const ProtobufCServiceDescriptor *service,
                _unused_ const RpcMethod *method, const ProtobufCMessage *request, _unused_ RpcStatus *reterr,
                void *userdata) {
        const Socketproxy__StreamFrame *frame = (const Socketproxy__StreamFrame *) request;
        Judge *j = userdata;

        if (!request)
                return j->n_heads++, 1;
        j->n_bodies++;
        if (service == &eventproxy__event_service__descriptor)
                return ((const Eventproxy__InputEvent *) request)->handle > 0 ? 0 : -EPERM;
        return frame->chunk.len > 0 && frame->chunk.data[0] == 'y' ? 0 : -EPERM;
}

static int body_first_message(void *userdata) {
        _cleanup_(rpc_stream_freep) RpcStream *good = NULL, *bad = NULL;
        Socketproxy__StreamFrame *frame;
        RpcStatus status = {};
        World *w = userdata;
        Judge j = {};

        rpc_server_set_access(w->server, judge_first, &j);
        assert_int_equal(open_transfer(w, &good), 0);
        while (j.n_heads < 1)
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        assert_int_equal(w->n_started, 0); /* nobody acts for who has said nothing */
        assert_int_equal(send_chunk(good, "yes", 3), 0);
        assert_int_equal(rpc_stream_receive_wait(good, &frame, &status), 1);
        assert_int_equal(w->n_started, 1);
        assert_int_equal(frame->chunk.len, 3); /* the message that was judged is the first that is received */
        assert_memory_equal(frame->chunk.data, "yes", 3);
        proto_free(&frame->base);
        assert_int_equal(send_chunk(good, "no", 2), 0); /* only the first one is judged */
        assert_int_equal(rpc_stream_receive_wait(good, &frame, &status), 1);
        assert_memory_equal(frame->chunk.data, "no", 2);
        proto_free(&frame->base);
        assert_int_equal(rpc_stream_close_send_wait(good), 0);
        assert_int_equal(rpc_stream_receive_wait(good, &frame, &status), 0);

        assert_int_equal(open_transfer(w, &bad), 0);
        assert_int_equal(send_chunk(bad, "no", 2), 0);
        assert_int_equal(rpc_stream_receive_wait(bad, &frame, &status), -EACCES);
        assert_string_equal(status.message, "permission denied");
        rpc_status_done(&status);
        assert_int_equal(w->n_started, 1);
        assert_int_equal(j.n_bodies, 2);
        rpc_server_set_access(w->server, NULL, NULL);
        return 0;
}

/* Who sends nothing has sent what nothing stands for. */
static int body_no_message(void *userdata) {
        _cleanup_(rpc_stream_freep) RpcStream *silent = NULL;
        Socketproxy__StreamFrame *frame;
        RpcStatus status = {};
        World *w = userdata;
        Judge j = {};

        rpc_server_set_access(w->server, judge_first, &j);
        assert_int_equal(open_transfer(w, &silent), 0);
        assert_int_equal(rpc_stream_close_send_wait(silent), 0);
        assert_int_equal(rpc_stream_receive_wait(silent, &frame, &status), -EACCES);
        rpc_status_done(&status);
        assert_int_equal(w->n_started, 0);
        assert_int_equal(j.n_bodies, 1);
        rpc_server_set_access(w->server, NULL, NULL);
        return 0;
}

/* Who leaves before saying anything leaves nothing behind. */
static int body_leave_before_first_message(void *userdata) {
        RpcStream *stream = NULL;
        RpcServerStats stats;
        World *w = userdata;
        Judge j = {};

        rpc_server_set_access(w->server, judge_first, &j);
        assert_int_equal(open_transfer(w, &stream), 0);
        while (j.n_heads < 1)
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        rpc_stream_free(stream);
        do {
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
                rpc_server_get_stats(w->server, &stats);
        } while (stats.n_calls > 0);
        assert_int_equal(w->n_started, 0);
        rpc_server_set_access(w->server, NULL, NULL);
        return 0;
}

static void test_leave_before_first_message(void **state) {
        world_run(*state, body_leave_before_first_message);
}

static void test_first_message(void **state) {
        world_run(*state, body_first_message);
}

static void test_no_message(void **state) {
        world_run(*state, body_no_message);
}

static void test_access(void **state) {
        world_run(*state, body_access);
}

typedef struct Bulky {
        World *world;
        unsigned n_refused, n_ended;
} Bulky;

/* A request of four million bytes, all of them in a field that no version knows. */
static int body_bulky(void *userdata) {
        _cleanup_free_ uint8_t *data = mem_new0(uint8_t, 4000004);
        ProtobufCMessageUnknownField field = {
                .tag = 1000,
                .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
                .len = 4000004,
                .data = data,
        };
        Hwid__HwIdRequest req = HWID__HW_ID_REQUEST__INIT;
        RpcCallOptions options = soon();
        RpcStatus status = {};
        Bulky *b = userdata;

        memcpy(data, "\x80\x92\xf4\x01", 4); /* the varint of 4,000,000 */
        req.base.n_unknown_fields = 1;
        req.base.unknown_fields = &field;
        if (rpc_channel_call_wait(b->world->channel, &hwid__hwid_service__descriptor, "GetHwId", &req, &options, NULL,
                            &status) == -ENOBUFS)
                b->n_refused++;
        b->n_ended++;
        rpc_status_done(&status);
        return 0;
}

/* Requests that handlers work on are counted by their bytes, for all connections of a peer together. */
static void test_bytes_per_peer(void **state) {
        World *w = *state;
        Bulky b = { .world = w };

        w->until_gate = true;
        for (unsigned i = 1; i <= RPC_BYTES_PER_PEER_MAX / 4000000; i++) {
                assert_int_equal(fiber_start(NULL, body_bulky, &b), 0);
                world_until(w, w->n_started == i);
        }
        assert_int_equal(b.n_ended, 0);
        assert_int_equal(fiber_start(NULL, body_bulky, &b), 0);
        world_until(w, b.n_ended == 1);
        assert_int_equal(b.n_refused, 1);
        (void) rpc_channel_unref(TAKE_PTR(w->channel)); /* its calls end, and give back what they held */
        world_until(w, fiber_count() == 0);
        assert_int_equal(rpc_channel_new(w->queue, &(RpcChannelOptions){ .address = &w->address }, &w->channel), 0);
        w->until_gate = false;
        b = (Bulky){ .world = w };
        assert_int_equal(fiber_start(NULL, body_bulky, &b), 0);
        world_until(w, b.n_ended == 1);
        assert_int_equal(b.n_refused, 0);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                world_test(test_unary),
                world_test(test_refusals),
                world_test(test_unimplemented),
                world_test(test_client_stream),
                world_test(test_bidi),
                world_test(test_sizes),
                world_test(test_back_pressure),
                world_test(test_deadline),
                world_test(test_cancel_in_unary),
                world_test(test_leave_streams),
                world_test(test_cancel_race),
                world_test(test_access),
                world_test(test_first_message),
                world_test(test_no_message),
                world_test(test_leave_before_first_message),
                world_test(test_bytes_per_peer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
