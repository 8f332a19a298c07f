/* SPDX-License-Identifier: Apache-2.0 */
/* socketproxy.SocketStream as peers of the system before this one speak it, who may call it, and callers who leave. */
#include "agent/services/socket-stream.h"
#include "socketproxy.pb-c.h"
#include "unit/agent/sockets.h"

#define STREAM (&socketproxy__socket_stream__descriptor)

static RpcChannel *open_channel(const Pair *p) {
        const RpcChannelOptions options = { .address = &p->served.address };
        RpcChannel *channel = NULL;

        check(rpc_channel_new(p->w->queue, &options, &channel) == 0);
        return channel;
}

/* A peer of the system before this one: what it calls with, and what it knows of frames. */
typedef struct Stranger {
        RpcChannel *channel;
        RpcStream *stream;
        RpcStatus status;
} Stranger;

static void stranger_done(Stranger *s) {
        rpc_stream_free(s->stream);
        rpc_channel_unref(s->channel);
        rpc_status_done(&s->status);
}
#define STRANGER _cleanup_(stranger_done) Stranger

static void stranger_call(const Pair *p, Stranger *ret) {
        const RpcCallOptions options = within(10 * USEC_PER_SEC);

        *ret = (Stranger){ .channel = open_channel(p) };
        check(rpc_stream_open_wait(ret->channel, STREAM, "TransferData", &options, &ret->stream, &ret->status) == 0);
}

static Socketproxy__StreamFrame frame_of(const void *data, size_t size, bool eof) {
        Socketproxy__StreamFrame frame = SOCKETPROXY__STREAM_FRAME__INIT;

        frame.chunk = (ProtobufCBinaryData){ .data = (uint8_t *) data, .len = size };
        frame.eof = eof;
        return frame;
}

static void stranger_say(Stranger *s, const char *text, bool eof) {
        Socketproxy__StreamFrame frame = frame_of(text, strlen(text), eof);

        check(rpc_stream_send_wait(s->stream, &frame) == 0);
}

/* Its next frame that means anything. */
static void stranger_hear(Stranger *s, const char *text, bool eof) {
        Socketproxy__StreamFrame *frame = NULL;

        check(rpc_stream_receive_wait(s->stream, &frame, &s->status) == 1);
        check(frame->chunk.len == strlen(text));
        check(frame->chunk.len == 0 || memcmp(frame->chunk.data, text, strlen(text)) == 0);
        check(frame->eof == eof);
        proto_free((ProtobufCMessage *) frame);
}

static void stranger_end(Stranger *s, RpcCode code) {
        Socketproxy__StreamFrame *frame = NULL;

        check((rpc_stream_receive_wait(s->stream, &frame, &s->status) == 0) == (code == RPC_OK));
        check_streq(rpc_code_to_string(s->status.code), rpc_code_to_string(code));
}

/* Empty frames mean nothing, a chunk may have any size, and Eof comes with or without one. */
static int body_reference_calls(World *w) {
        _cleanup_free_ char *large = mem_new0(char, 1024 * 1024 + 1);
        static char chunk[65536];
        PAIR p;
        _cleanup_(io_freep) Io *far = NULL;
        STRANGER s = {};

        pair_init(w, &p);
        stranger_call(&p, &s);
        far = arrive(&p);
        stranger_say(&s, "", false);
        stranger_say(&s, "one", false);
        stranger_say(&s, "", false);
        hear(far, "one");
        for (size_t i = 0; i < 1024 * 1024; i++)
                large[i] = (char) (pattern(i) | 1);
        stranger_say(&s, large, false);
        for (size_t n = 0; n < 1024 * 1024;) {
                ssize_t k = io_read_wait(far, chunk, sizeof(chunk), SOON);

                check(k > 0 && memcmp(chunk, large + n, (size_t) k) == 0);
                n += (size_t) k;
        }
        say(far, "two");
        stranger_hear(&s, "two", false);
        stranger_say(&s, "three", true);
        hear(far, "three");
        hear_end(far);
        check(io_hangup_wait(far, SOON) == 0);
        stranger_end(&s, RPC_OK);
        return 0;
}

/* Our program ends one direction or both: to such a peer it is the end, and the call ends with its answer to that. */
static int body_reference_is_told(World *w) {
        PAIR p;

        pair_init(w, &p);
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(io_freep) Io *far = NULL;
                STRANGER s = {};

                stranger_call(&p, &s);
                far = arrive(&p);
                say(far, "bye");
                if (i == 0)
                        half_close(far);
                else
                        far = io_free(far);
                stranger_hear(&s, "bye", false);
                stranger_hear(&s, "", true);
                stranger_say(&s, "", true);
                stranger_end(&s, RPC_OK);
                if (far)
                        check(io_hangup_wait(far, SOON) == 0);
        }
        return 0;
}

/* That system's server: echoes, and its answer to Eof is Eof; it tells nobody of half a connection. */
static int method_reference(
                RpcCall *call, _unused_ const void *request, _unused_ RpcStatus *reterr, _unused_ void *userdata) {
        const Socketproxy__StreamFrame *frame;
        int r;

        while ((r = rpc_call_receive_wait(call, &frame)) > 0) {
                Socketproxy__StreamFrame reply = frame_of(frame->chunk.data, frame->chunk.len, frame->eof);
                Socketproxy__StreamFrame nothing = SOCKETPROXY__STREAM_FRAME__INIT;

                if (rpc_call_send_wait(call, &nothing) < 0 || rpc_call_send_wait(call, &reply) < 0)
                        return -ECANCELED;
                if (frame->eof)
                        return 0;
        }
        return r;
}

static int body_reference_serves(World *w) {
        static const RpcMethod methods[] = { { "TransferData", RPC_BIDI_STREAM, method_reference }, {} };
        const RpcService service = { STREAM, methods };
        _cleanup_(rpc_server_freep) RpcServer *server = NULL;
        PAIR p;
        _cleanup_(io_freep) Io *near = NULL;

        pair_describe(w, &p);
        check(rpc_server_new(w->queue, &server) == 0);
        check(rpc_server_add_service(server, &service, NULL) == 0);
        check(rpc_server_listen(server, &p.served.address, 0, (gid_t) -1) == 0);
        start_proxy(&p, &p.near_config, &p.near);
        near = come(&p);
        say(near, "echo");
        hear(near, "echo");
        half_close(near);
        hear_end(near);
        check(io_hangup_wait(near, SOON) == 0);
        return 0;
}

static int body_leaving(World *w) {
        PAIR p;
        _cleanup_(io_freep) Io *far = NULL;
        STRANGER s = {};

        pair_init(w, &p);
        stranger_call(&p, &s);
        far = arrive(&p);
        stranger_say(&s, "half a wo", false);
        hear(far, "half a wo");
        s.stream = rpc_stream_free(s.stream);
        hear_end(far);
        check(io_hangup_wait(far, SOON) == 0);
        return 0;
}

/* Only the peer that it is for, at its address. */
static int body_refused(World *w) {
        PAIR p;
        _cleanup_(io_freep) Io *near = NULL;

        pair_describe(w, &p);
        p.served.peer.host = (char *) "127.0.0.2";
        p.gate = listen_at(p.far_path);
        start_proxy(&p, &p.far_config, &p.far);
        start_proxy(&p, &p.near_config, &p.near);
        near = come(&p);
        hear_end(near);
        check_becomes(logged && startswith(logged, "A connection of"));
        check(strstr(logged, "answers the address of its peer only, not 127.0.0.1 without certificate."));
        check(accept4(p.gate, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) == -1 && errno == EAGAIN);
        return 0;
}

/* The agent's own port knows nothing of sockets. */
static int body_not_at_the_agent(World *w) {
        const RpcCallOptions options = within(10 * USEC_PER_SEC);
        STRANGER s = {};

        check(rpc_stream_open_wait(w->channel, STREAM, "TransferData", &options, &s.stream, &s.status) == 0);
        stranger_end(&s, RPC_UNIMPLEMENTED);
        return 0;
}

#define TEST(name)                                                                                                     \
        static void test_##name(_unused_ void **state) {                                                               \
                run_world(body_##name);                                                                                \
        }
TEST(reference_calls)
TEST(reference_is_told)
TEST(reference_serves)
TEST(leaving)
TEST(refused)
TEST(not_at_the_agent)

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reference_calls),
                cmocka_unit_test(test_reference_is_told),
                cmocka_unit_test(test_reference_serves),
                cmocka_unit_test(test_leaving),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_not_at_the_agent),
        };

        return run_group(tests, ELEMENTSOF(tests));
}
