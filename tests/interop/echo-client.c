/* SPDX-License-Identifier: Apache-2.0 */
/* Calls test.Echo on any server with the rpc runtime's channel and prints one JSON line for each call: how it ended and
 * what came back. */

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "echo.pb-c.h"
#include "event/fiber.h"
#include "event/task.h"
#include "proto/unpack.h"
#include "rpc/channel.h"

typedef struct EchoClient EchoClient;
typedef struct Outcome Outcome;

struct EchoClient {
        sd_event *event;
        RpcChannel *channel;
        const ProtobufCServiceDescriptor *service;
        int (*verb)(EchoClient *c, Outcome *o, RpcStatus *reterr);
        Test__EchoRequest request;
        unsigned n_parallel, n_calls, n_messages, n_cancel_after;
        usec_t timeout_usec;
        bool fail_fast;
        bool quiet;
        unsigned n_ok, n_failed;
        int result;
};

/* What came back in one call. */
struct Outcome {
        unsigned n_replies;
        uint64_t n_bytes;
        uint32_t index;
        uint64_t size;
        char *text;
        char *header;
};

static void outcome_done(Outcome *o) {
        free(o->text);
        free(o->header);
}

static void outcome_add(Outcome *o, const Test__EchoReply *reply) {
        o->n_replies++;
        o->n_bytes += reply->payload.len;
        o->index = reply->index;
        o->size = reply->size;
        free(o->text);
        o->text = strdup(reply->text);
        free(o->header);
        o->header = strdup(reply->header);
}

static RpcCallOptions client_options(const EchoClient *c) {
        return (RpcCallOptions){
                .deadline = usec_add(time_now(CLOCK_MONOTONIC), c->timeout_usec),
                .wait_for_ready = !c->fail_fast,
        };
}

static int verb_unary(EchoClient *c, Outcome *o, RpcStatus *reterr) {
        _cleanup_proto_ Test__EchoReply *reply = NULL;
        RpcCallOptions options = client_options(c);
        int r;

        r = rpc_channel_call_wait(c->channel, c->service, "Unary", &c->request, &options, &reply, reterr);
        if (r < 0)
                return r;

        outcome_add(o, reply);
        return 0;
}

static int stream_receive_all(EchoClient *c, RpcStream *s, Outcome *o, RpcStatus *reterr) {
        int r;

        for (;;) {
                _cleanup_proto_ Test__EchoReply *reply = NULL;

                r = rpc_stream_receive_wait(s, &reply, reterr);
                if (r <= 0)
                        return r;

                outcome_add(o, reply);
                if (c->n_cancel_after > 0 && o->n_replies == c->n_cancel_after)
                        rpc_stream_cancel(s);
        }
}

static int stream_send_all(EchoClient *c, RpcStream *s, unsigned n) {
        int r;

        for (unsigned i = 0; i < n; i++) {
                r = rpc_stream_send_wait(s, &c->request);
                if (r < 0)
                        return r;
        }

        return rpc_stream_close_send_wait(s);
}

static int verb_stream(EchoClient *c, const char *method, unsigned n, Outcome *o, RpcStatus *reterr) {
        _cleanup_(rpc_stream_freep) RpcStream *s = NULL;
        RpcCallOptions options = client_options(c);
        int r;

        r = rpc_stream_open_wait(c->channel, c->service, method, &options, &s, reterr);
        if (r < 0)
                return r;

        /* -EPIPE: the server ended the call early, receiving says how. */
        r = stream_send_all(c, s, n);
        if (r < 0 && r != -EPIPE)
                return r;

        return stream_receive_all(c, s, o, reterr);
}

static int verb_server_stream(EchoClient *c, Outcome *o, RpcStatus *reterr) {
        return verb_stream(c, "ServerStream", 1, o, reterr);
}

static int verb_client_stream(EchoClient *c, Outcome *o, RpcStatus *reterr) {
        return verb_stream(c, "ClientStream", c->n_messages, o, reterr);
}

typedef struct BidiSender {
        EchoClient *client;
        RpcStream *stream;
} BidiSender;

static int bidi_send(void *userdata) {
        BidiSender *b = userdata;
        int r;

        r = stream_send_all(b->client, b->stream, b->client->n_messages);
        return r == -EPIPE ? 0 : r;
}

static int verb_bidi(EchoClient *c, Outcome *o, RpcStatus *reterr) {
        _cleanup_(rpc_stream_freep) RpcStream *s = NULL;
        _cleanup_(task_group_freep) TaskGroup *g = NULL;
        RpcCallOptions options = client_options(c);
        BidiSender sender;
        int r;

        r = rpc_stream_open_wait(c->channel, c->service, "Bidi", &options, &s, reterr);
        if (r < 0)
                return r;

        g = task_group_new();
        if (!g)
                return -ENOMEM;
        sender = (BidiSender){ c, s };
        r = task_group_start(g, bidi_send, &sender);
        if (r < 0)
                return r;

        return stream_receive_all(c, s, o, reterr);
}

static void client_print(const Outcome *o, int r, const RpcStatus *status, usec_t usec) {
        json_t *j;
        char *s;

        j = json_pack("{ss si si sI sI sI ss* ss* ss* ss* ss* sI}", "code",
                        r < 0 && status->code == RPC_OK ? "NONE" : rpc_code_to_string(status->code), "result", r, "n",
                        (int) o->n_replies, "bytes", (json_int_t) o->n_bytes, "index", (json_int_t) o->index, "size",
                        (json_int_t) o->size, "text", o->text, "header", o->header, "message", status->message,
                        "reason", status->reason, "detail", status->detail, "usec", (json_int_t) usec);
        s = j ? json_dumps(j, JSON_ENSURE_ASCII) : NULL;
        puts(s ?: "{}");
        free(s);
        json_decref(j);
}

static int client_worker(void *userdata) {
        EchoClient *c = userdata;

        for (unsigned i = 0; i < c->n_calls; i++) {
                usec_t begin = time_now(CLOCK_MONOTONIC);
                RpcStatus status = {};
                Outcome o = {};
                int r;

                r = c->verb(c, &o, &status);
                *(r < 0 ? &c->n_failed : &c->n_ok) += 1;
                if (!c->quiet)
                        client_print(&o, r, &status, time_now(CLOCK_MONOTONIC) - begin);
                outcome_done(&o);
                rpc_status_done(&status);
        }

        return 0;
}

static int client_main(void *userdata) {
        _cleanup_(task_group_freep) TaskGroup *g = NULL;
        usec_t begin = time_now(CLOCK_MONOTONIC);
        EchoClient *c = userdata;
        int r = 0;

        g = task_group_new();
        if (!g)
                r = -ENOMEM;
        for (unsigned i = 0; r >= 0 && i < c->n_parallel; i++)
                r = task_group_start(g, client_worker, c);
        if (r >= 0)
                r = task_group_wait(g);

        if (c->quiet)
                printf("{\"ok\": %u, \"failed\": %u, \"usec\": %llu}\n", c->n_ok, c->n_failed,
                                (unsigned long long) (time_now(CLOCK_MONOTONIC) - begin));
        c->result = r;
        (void) sd_event_exit(c->event, 0);
        return r;
}

static const struct {
        const char *name;
        int (*func)(EchoClient *c, Outcome *o, RpcStatus *reterr);
} verbs[] = {
        { "unary", verb_unary },
        { "server-stream", verb_server_stream },
        { "client-stream", verb_client_stream },
        { "bidi", verb_bidi },
};

typedef struct Options {
        const char *connect, *server_name, *service;
        TlsPaths paths;
        unsigned size, timeout_ms;
} Options;

/* One of the three pointers says what the option sets; a flag has no value. */
typedef struct Option {
        const char *name;
        const char **text;
        unsigned *number;
        bool *flag;
} Option;

static bool option_set(const Option *options, const char *name, const char *value) {
        for (; options->name; options++) {
                if (strcmp(options->name, name) != 0)
                        continue;

                if (options->flag)
                        *options->flag = true;
                else if (options->text)
                        *options->text = value;
                else
                        *options->number = strtoul(value, NULL, 10);
                return !options->flag;
        }

        log_error("There is no option '%s'.", name);
        exit(2);
}

static void options_parse(int argc, char **argv, Options *o, EchoClient *c) {
        Test__EchoRequest *req = &c->request;
        const Option options[] = {
                { "--connect", &o->connect },
                { "--name", &o->server_name },
                { "--service", &o->service },
                { "--ca", &o->paths.ca },
                { "--cert", &o->paths.cert },
                { "--key", &o->paths.key },
                { "--text", (const char **) &req->text },
                { "--fail-text", (const char **) &req->fail_text },
                { "--fail-detail", (const char **) &req->fail_detail },
                { "--header", (const char **) &req->header },
                { "--size", .number = &o->size },
                { "--delay", .number = &req->delay_ms },
                { "--count", .number = &req->count },
                { "--fail", .number = &req->fail_code },
                { "--timeout", .number = &o->timeout_ms },
                { "--parallel", .number = &c->n_parallel },
                { "--calls", .number = &c->n_calls },
                { "--messages", .number = &c->n_messages },
                { "--cancel-after", .number = &c->n_cancel_after },
                { "--no-wait", .flag = &c->fail_fast },
                { "--quiet", .flag = &c->quiet },
                {},
        };
        int i;

        for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++)
                i += option_set(options, argv[i], argv[i + 1] ?: "");
        for (size_t k = 0; i < argc && k < ELEMENTSOF(verbs); k++)
                if (strcmp(argv[i], verbs[k].name) == 0)
                        c->verb = verbs[k].func;

        if (!c->verb || !o->connect) {
                log_error("usage: echo-client --connect ADDRESS [OPTION VALUE...] "
                          "unary|server-stream|client-stream|bidi");
                exit(2);
        }
}

static int client_connect(EchoClient *c, RpcQueue *q, const Options *o) {
        TlsCredentials *credentials = NULL;
        RpcAddress address = {};
        char *error = NULL;
        int r;

        r = rpc_address_parse(o->connect, &address, &error);
        if (r >= 0 && o->paths.cert)
                r = tls_credentials_new(&o->paths, &credentials, &error);
        if (r >= 0)
                r = rpc_channel_new(q,
                                &(RpcChannelOptions){
                                                .address = &address,
                                                .credentials = credentials,
                                                .server_name = o->server_name,
                                },
                                &c->channel);
        if (r < 0)
                log_error("Cannot connect to '%s': %s", o->connect, error ?: strerror(-r));

        free(error);
        tls_credentials_unref(credentials);
        rpc_address_done(&address);
        return r;
}

static int client_run(EchoClient *c, const Options *o) {
        _cleanup_(rpc_queue_unrefp) RpcQueue *q = NULL;
        int r;

        r = sd_event_default(&c->event);
        if (r < 0)
                return r;
        r = rpc_queue_new(c->event, &q);
        if (r < 0)
                return r;
        r = client_connect(c, q, o);
        if (r < 0)
                return r;

        r = fiber_start(NULL, client_main, c);
        if (r >= 0)
                r = sd_event_loop(c->event);
        rpc_channel_unref(c->channel);
        return r;
}

int main(int argc, char **argv) {
        EchoClient c = { .request = TEST__ECHO_REQUEST__INIT, .n_parallel = 1, .n_calls = 1, .n_messages = 1 };
        ProtobufCServiceDescriptor service = test__echo__descriptor;
        Options o = { .timeout_ms = 10000 };
        int r;

        setvbuf(stdout, NULL, _IOLBF, 0);
        signal(SIGPIPE, SIG_IGN);
        options_parse(argc, argv, &o, &c);
        if (o.service)
                service.name = o.service;
        c.service = &service;
        c.timeout_usec = o.timeout_ms * USEC_PER_MSEC;
        if (o.size > 0) {
                c.request.payload.data = calloc(1, o.size);
                c.request.payload.len = o.size;
        }

        r = client_run(&c, &o);
        sd_event_unref(c.event);
        free(c.request.payload.data);
        return r < 0 || c.result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
