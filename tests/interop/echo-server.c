/* SPDX-License-Identifier: Apache-2.0 */
/* Serves test.Echo, health and reflection with the rpc runtime, for tests that look at it from outside. It prints
 * "ready" when it listens and one JSON line about itself for each SIGUSR1. */

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "base/log.h"
#include "base/time.h"
#include "echo.pb-c.h"
#include "event/fiber.h"
#include "interop/self.h"
#include "rpc/call.h"
#include "rpc/server.h"

extern const uint8_t echo_descriptors[], echo_descriptors_end[];

typedef struct EchoServer {
        sd_event *event;
        RpcQueue *queue;
        RpcServer *server;
        unsigned long long n_sent; /* messages of server streams that gRPC has taken */
} EchoServer;

static int echo_fail(const Test__EchoRequest *req, RpcStatus *reterr) {
        int r;

        if (req->fail_code >= RPC_CODE_MAX_)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "There is no status %u.", req->fail_code);
        if (req->fail_code == RPC_OK)
                return 0;

        r = rpc_error(reterr, (RpcCode) req->fail_code, "%s", req->fail_text);
        if (req->fail_detail[0] == '\0')
                return r;

        return rpc_error_detail(reterr, r, "%s", req->fail_detail);
}

static void echo_describe(RpcCall *call, const Test__EchoRequest *req, Test__EchoReply *reply) {
        usec_t deadline = rpc_call_get_deadline(call), now = time_now(CLOCK_MONOTONIC);
        const char *value;

        if (req->header[0] != '\0') {
                value = rpc_call_get_metadata(call, req->header);
                if (value)
                        reply->header = (char *) value;
        }
        if (!req->about)
                return;

        reply->peer = (char *) identity_to_string(rpc_call_get_identity(call));
        reply->path = (char *) rpc_call_get_path(call);
        if (deadline != USEC_INFINITY && deadline > now)
                reply->remaining_ms = (deadline - now) / USEC_PER_MSEC;
}

static Test__EchoReply echo_reply(RpcCall *call, const Test__EchoRequest *req, uint32_t i) {
        Test__EchoReply reply = TEST__ECHO_REPLY__INIT;

        reply.text = req->text;
        reply.payload = req->payload;
        reply.index = i;
        echo_describe(call, req, &reply);
        return reply;
}

static int echo_delay_wait(const Test__EchoRequest *req) {
        return req->delay_ms > 0 ? fiber_sleep_wait(req->delay_ms * USEC_PER_MSEC) : 0;
}

static int method_unary(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Test__EchoRequest *req = request;
        Test__EchoReply reply;
        int r;

        (void) userdata;

        r = echo_delay_wait(req);
        if (r < 0)
                return r;
        r = echo_fail(req, reterr);
        if (r < 0)
                return r;

        reply = echo_reply(call, req, 0);
        return rpc_call_reply(call, &reply);
}

static int method_server_stream(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Test__EchoRequest *req = request;
        int r;

        EchoServer *e = userdata;

        for (uint32_t i = 0; i < req->count; i++, e->n_sent++) {
                Test__EchoReply reply = echo_reply(call, req, i);

                r = echo_delay_wait(req);
                if (r < 0)
                        return r;
                r = rpc_call_send_wait(call, &reply);
                if (r < 0)
                        return r;
        }

        return echo_fail(req, reterr);
}

static int method_client_stream(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        Test__EchoReply reply = TEST__ECHO_REPLY__INIT;
        Test__EchoRequest *req;
        char text[256] = "";
        int r;

        (void) request;
        (void) userdata;

        for (;;) {
                r = rpc_call_receive_wait(call, &req);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;

                reply.index++;
                reply.size += req->payload.len;
                snprintf(text, sizeof(text), "%s", req->text);
                r = echo_delay_wait(req);
                if (r < 0)
                        return r;
                r = echo_fail(req, reterr);
                if (r < 0)
                        return r;
        }

        reply.text = text;
        return rpc_call_reply(call, &reply);
}

static int method_bidi(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        Test__EchoRequest *req;
        uint32_t n = 0;
        int r;

        (void) request;
        (void) userdata;

        for (;;) {
                r = rpc_call_receive_wait(call, &req);
                if (r <= 0)
                        return r;

                r = echo_delay_wait(req);
                if (r < 0)
                        return r;
                for (uint32_t i = 0; i < MAX(req->count, 1U); i++) {
                        Test__EchoReply reply = echo_reply(call, req, n++);

                        r = rpc_call_send_wait(call, &reply);
                        if (r < 0)
                                return r;
                }
                r = echo_fail(req, reterr);
                if (r < 0)
                        return r;
        }
}

static const RpcMethod echo_methods[] = { { "Unary", RPC_UNARY, method_unary },
        { "ServerStream", RPC_SERVER_STREAM, method_server_stream },
        { "ClientStream", RPC_CLIENT_STREAM, method_client_stream }, { "Bidi", RPC_BIDI_STREAM, method_bidi }, {} };

static const RpcService echo_service = { &test__echo__descriptor, echo_methods };

static int on_usr1(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        EchoServer *e = userdata;
        RpcServerStats s;

        (void) source;
        (void) si;

        rpc_server_get_stats(e->server, &s);
        printf("{\"connections\": %u, \"handshakes\": %u, \"calls\": %u, \"accepted\": %llu, \"refused\": %llu, "
               "\"guarded\": %llu, \"lanes\": %u, \"fibers\": %u, \"fds\": %u, \"rss_kb\": %llu, \"heap_kb\": %llu, "
               "\"sent\": %llu, \"mode\": \"%s\"}\n",
                        s.n_connections, s.n_handshakes, s.n_calls, (unsigned long long) s.n_accepted,
                        (unsigned long long) s.n_refused, (unsigned long long) s.n_guarded,
                        rpc_queue_count_lanes(e->queue), fiber_count(), self_count_fds(),
                        (unsigned long long) self_rss_kb(), (unsigned long long) self_heap_kb(), e->n_sent,
                        rpc_queue_get_mode(e->queue) == RPC_QUEUE_DRIVEN ? "driven" : "threaded");
        return 0;
}

static void on_drained(void *userdata) {
        EchoServer *e = userdata;

        (void) sd_event_exit(e->event, 0);
}

static int on_term(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        EchoServer *e = userdata;

        (void) source;
        (void) si;

        rpc_server_drain(e->server, on_drained, e);
        return 0;
}

static int echo_server_listen(EchoServer *e, const char *s) {
        RpcAddress a = {};
        char *error = NULL;
        int r;

        r = rpc_address_parse(s, &a, &error);
        if (r < 0) {
                log_error("Cannot listen on '%s': %s", s, error ?: "out of memory");
                free(error);
                return r;
        }

        r = rpc_server_listen(e->server, &a, 0, (gid_t) -1);
        rpc_address_done(&a);
        if (r < 0)
                return log_error_errno(r, "Cannot listen on '%s'", s);

        return 0;
}

static int echo_server_new(EchoServer *e, const TlsPaths *paths) {
        TlsCredentials *credentials = NULL;
        char *error = NULL;
        int r;

        r = rpc_queue_new(e->event, &e->queue);
        if (r < 0)
                return log_error_errno(r, "Cannot make a queue");
        r = rpc_server_new(e->queue, &e->server);
        if (r < 0)
                return log_error_errno(r, "Cannot make a server");

        if (paths->cert) {
                r = tls_credentials_new(paths, &credentials, &error);
                if (r < 0) {
                        log_error("Cannot load the credentials: %s", error ?: "out of memory");
                        free(error);
                        return r;
                }
                rpc_server_set_credentials(e->server, credentials);
                tls_credentials_unref(credentials);
        }

        r = rpc_server_add_service(e->server, &echo_service, e);
        if (r >= 0)
                r = rpc_server_add_health(e->server);
        if (r >= 0)
                r = rpc_server_add_reflection(e->server, echo_descriptors, echo_descriptors_end - echo_descriptors);
        if (r < 0)
                return log_error_errno(r, "Cannot add the services");

        return 0;
}

static void echo_server_done(EchoServer *e) {
        rpc_server_free(e->server);
        rpc_queue_unref(e->queue);
        sd_event_unref(e->event);
}

static int echo_server_start(EchoServer *e) {
        sigset_t mask;
        int r;

        /* Before gRPC starts threads, so that none of them takes the signals. */
        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGUSR1);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        signal(SIGPIPE, SIG_IGN);

        /* A test that dies takes its server with it. */
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);

        r = sd_event_default(&e->event);
        if (r >= 0)
                r = sd_event_add_signal(e->event, NULL, SIGTERM, on_term, e);
        if (r >= 0)
                r = sd_event_add_signal(e->event, NULL, SIGINT, on_term, e);
        if (r >= 0)
                r = sd_event_add_signal(e->event, NULL, SIGUSR1, on_usr1, e);
        if (r < 0)
                return log_error_errno(r, "Cannot make an event loop");

        return 0;
}

int main(int argc, char **argv) {
        static const struct option options[] = { { "listen", required_argument, NULL, 'l' },
                { "ca", required_argument, NULL, 'a' }, { "cert", required_argument, NULL, 'c' },
                { "key", required_argument, NULL, 'k' }, {} };
        const char *listen[16];
        size_t n_listen = 0;
        TlsPaths paths = {};
        EchoServer e = {};
        int c, r;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (c) {
                case 'l':
                        if (n_listen == ELEMENTSOF(listen))
                                return EXIT_FAILURE;
                        listen[n_listen++] = optarg;
                        break;
                case 'a':
                        paths.ca = optarg;
                        break;
                case 'c':
                        paths.cert = optarg;
                        break;
                case 'k':
                        paths.key = optarg;
                        break;
                default:
                        return 2;
                }

        setvbuf(stdout, NULL, _IOLBF, 0);
        r = echo_server_start(&e);
        if (r >= 0)
                r = echo_server_new(&e, &paths);
        for (size_t i = 0; r >= 0 && i < n_listen; i++)
                r = echo_server_listen(&e, listen[i]);
        if (r >= 0) {
                puts("ready");
                r = sd_event_loop(e.event);
        }

        echo_server_done(&e);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
