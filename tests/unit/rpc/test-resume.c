/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits in a call may be cancelled while the call goes on: what was begun is not lost, and the next one to send or
 * to receive takes it up. */
#include "fixture.h"

#include "exec.pb-c.h"

#define PIECE_SIZE (32 * 1024)

/* A fiber of a handler, or of a client, that is cancelled half-way. */
typedef struct Half {
        RpcCall *call;
        RpcStream *stream;
        unsigned n_sent;
        int result;
} Half;

static int send_piece(RpcCall *call, const uint8_t *data, size_t size) {
        Exec__CommandResponse response = EXEC__COMMAND_RESPONSE__INIT;
        Exec__CommandIO io = EXEC__COMMAND_IO__INIT;

        io.payload = (ProtobufCBinaryData){ .data = (uint8_t *) data, .len = size };
        response.event_case = EXEC__COMMAND_RESPONSE__EVENT_STDOUT;
        response.stdout = &io;
        return rpc_call_send_wait(call, &response);
}

static int flood(void *userdata) {
        _cleanup_free_ uint8_t *data = mem_new0(uint8_t, PIECE_SIZE);
        Half *h = userdata;

        while ((h->result = send_piece(h->call, data, PIECE_SIZE)) >= 0)
                h->n_sent++;
        return 0;
}

static int call_receive(void *userdata) {
        Exec__CommandRequest *request;
        Half *h = userdata;

        h->result = rpc_call_receive_wait(h->call, &request);
        return 0;
}

/* Each part is begun in a fiber of its own, which is cancelled, and ended by the handler's. */
static int method_run_command(RpcCall *call, _unused_ const void *request, _unused_ RpcStatus *reterr, void *userdata) {
        Half reader = { .call = call }, writer = { .call = call };
        Exec__CommandRequest *received;
        Fiber *reading = NULL, *writing = NULL;
        World *w = userdata;
        int r;

        assert_int_equal(fiber_start(&reading, call_receive, &reader), 0);
        assert_int_equal(fiber_start(&writing, flood, &writer), 0);
        while (w->n_sent == 0 || w->n_sent != writer.n_sent) { /* the window is full soon */
                w->n_sent = writer.n_sent;
                assert_int_equal(fiber_sleep_wait(20 * USEC_PER_MSEC), 0);
        }
        fiber_cancel(reading);
        fiber_cancel(writing);
        while (reading || writing)
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        assert_int_equal(reader.result, -ECANCELED);
        assert_int_equal(writer.result, -ECANCELED);
        promise_resolve(&w->entered, 0);
        r = rpc_call_receive_wait(call, &received);
        w->n_received += r > 0;
        if (r > 0)
                r = send_piece(call, (const uint8_t *) "last", 4);
        if (r >= 0)
                r = rpc_call_receive_wait(call, &received);
        w->last_result = r;
        return r;
}

static int stream_receive(void *userdata) {
        Exec__CommandResponse *response;
        Half *h = userdata;

        h->result = rpc_stream_receive_wait(h->stream, &response, NULL);
        return 0;
}

static int body_server(void *userdata) {
        static const RpcMethod methods[] = { { "RunCommand", RPC_BIDI_STREAM, method_run_command }, {} };
        const RpcService service = { &exec__exec__descriptor, methods };
        Exec__CommandRequest request = EXEC__COMMAND_REQUEST__INIT;
        _cleanup_(rpc_stream_freep) RpcStream *s = NULL;
        RpcCallOptions options = soon();
        World *w = userdata;
        bool last = false;
        unsigned n = 0;

        assert_int_equal(rpc_server_add_service(w->server, &service, w), 0);
        assert_int_equal(
                        rpc_stream_open_wait(w->channel, &exec__exec__descriptor, "RunCommand", &options, &s, NULL), 0);
        assert_int_equal(promise_wait(&w->entered), 0);
        assert_int_equal(rpc_stream_send_wait(s, &request), 0);
        while (!last) {
                _cleanup_proto_ Exec__CommandResponse *response = NULL;

                assert_int_equal(rpc_stream_receive_wait(s, &response, NULL), 1);
                last = response->stdout->payload.len == 4;
                n++;
        }
        assert_int_equal(n, w->n_sent + 2); /* and the one that was on its way when its sender was cancelled */
        assert_int_equal(rpc_stream_close_send_wait(s), 0);
        assert_int_equal(rpc_stream_receive_wait(s, &request, NULL), 0);
        assert_int_equal(w->n_received, 1);
        assert_int_equal(w->last_result, 0);
        return 0;
}

static void test_server(void **state) {
        world_run(*state, body_server);
}

static int open_echo(World *w, RpcStream **ret) {
        RpcCallOptions options = soon();

        return rpc_stream_open_wait(
                        w->channel, &socketproxy__socket_stream__descriptor, "TransferData", &options, ret, NULL);
}

/* late: the answer is there before anybody asks again. */
static void check_client(World *w, bool late) {
        Socketproxy__StreamFrame frame = SOCKETPROXY__STREAM_FRAME__INIT;
        _cleanup_(rpc_stream_freep) RpcStream *s = NULL;
        Half reader = {};
        Fiber *reading = NULL;

        assert_int_equal(open_echo(w, &s), 0);
        reader.stream = s;
        assert_int_equal(fiber_start(&reading, stream_receive, &reader), 0);
        assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        fiber_cancel(reading);
        while (reading)
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        assert_int_equal(reader.result, -ECANCELED);
        for (unsigned i = 1; i <= 3; i++) {
                _cleanup_proto_ Socketproxy__StreamFrame *answer = NULL;

                frame.chunk = (ProtobufCBinaryData){ .data = (uint8_t *) "abc", .len = i };
                w->n_sent = 0;
                assert_int_equal(rpc_stream_send_wait(s, &frame), 0);
                while (late && w->n_sent == 0)
                        assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
                assert_int_equal(rpc_stream_receive_wait(s, &answer, NULL), 1);
                assert_int_equal(answer->chunk.len, i);
        }
}

static int body_client(void *userdata) {
        check_client(userdata, false);
        check_client(userdata, true);
        return 0;
}

static void test_client(void **state) {
        world_run(*state, body_client);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_server, world_setup, world_teardown),
                cmocka_unit_test_setup_teardown(test_client, world_setup, world_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
