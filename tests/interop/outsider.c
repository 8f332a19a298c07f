/* SPDX-License-Identifier: Apache-2.0 */
/* A program of somebody else's: it knows <givc/givc.h> and libgivc.so and nothing else of ours. It calls the greeter of
 * the examples, or is one itself, over TLS when $CREDENTIALS_DIRECTORY holds certificates.
 *
 *     outsider unary|stream|leave|pair|linger ADDRESS NAME [TIMES [TIMEOUT_MSEC]]
 *     outsider serve ADDRESS [CRL]
 *
 * Each reply is a line on standard output; the last one is the status, as a number and a sentence. */
#include <givc/givc.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "greeter.pb-c.h"

#define GREETER  &greeter__greeter__descriptor
#define N_LEAVES 3 /* messages after which a reader has enough */

typedef struct Plan {
        const char *verb, *name;
        unsigned times;
        uint64_t timeout_usec;
        Givc *givc;
        GivcChannel *channel;
        int n_pair; /* calls of a pair that have not ended */
} Plan;

static int say_status(int r, GivcStatus *status) {
        printf("%i %s\n", status ? givc_status_get_code(status) : GIVC_OK,
                        status                  ? givc_status_get_message(status)
                                        : r < 0 ? strerror(-r)
                                                : "");
        givc_status_free(status);
        return r;
}

static int unary_wait(Plan *p) {
        Greeter__GreetRequest request = GREETER__GREET_REQUEST__INIT;
        Greeter__GreetReply *reply = NULL;
        GivcStatus *status = NULL;
        int r;

        request.name = (char *) p->name;
        r = givc_channel_call_wait(p->channel, GREETER, "Greet", &request, p->timeout_usec, &reply, &status);
        if (r >= 0)
                printf("%s\n", reply->text);
        givc_message_free(reply);
        return say_status(r, status);
}

static int open_wait(Plan *p, GivcStream **ret, GivcStatus **reterr) {
        Greeter__GreetRequest request = GREETER__GREET_REQUEST__INIT;
        int r;

        r = givc_stream_open_wait(p->channel, GREETER, "GreetOften", p->timeout_usec, ret, reterr);
        if (r < 0)
                return r;
        request.name = (char *) p->name;
        request.times = p->times;
        r = givc_stream_send_wait(*ret, &request);
        return r < 0 ? r : givc_stream_close_send_wait(*ret);
}

static int stream_wait(Plan *p, unsigned n_max) {
        Greeter__GreetReply *reply = NULL;
        GivcStream *stream = NULL;
        GivcStatus *status = NULL;
        unsigned n = 0;
        int r;

        r = open_wait(p, &stream, &status);
        while (r >= 0 && n < n_max) {
                r = givc_stream_receive_wait(stream, &reply, &status);
                if (r <= 0)
                        break;
                n++;
                givc_message_free(reply);
        }
        givc_stream_free(stream);
        printf("%u\n", n);
        return say_status(r, status);
}

/* Two calls at once in two fibers over one channel. */
static int half_of_pair(void *userdata) {
        Plan *p = userdata;

        (void) stream_wait(p, UINT32_MAX);
        p->n_pair--;
        return 0;
}

static int pair_wait(Plan *p) {
        int r;

        for (p->n_pair = 0; p->n_pair < 2; p->n_pair++) {
                r = givc_fiber_start(half_of_pair, p);
                if (r < 0)
                        return r;
        }
        while (p->n_pair > 0) {
                r = givc_sleep_wait(1000);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* It would go on for ever, with a call in it that does. */
static int linger(void *userdata) {
        int r;

        do
                r = stream_wait(userdata, UINT32_MAX);
        while (r != -ECANCELED && (r = givc_sleep_wait(1000)) >= 0);
        puts(r == -ECANCELED ? "cancelled" : "ended");
        return 0;
}

static int run(void *userdata) {
        Plan *p = userdata;

        if (!strcmp(p->verb, "linger"))
                return givc_fiber_start(linger, p) < 0 ? -1 : unary_wait(p);
        if (!strcmp(p->verb, "unary"))
                return unary_wait(p);
        if (!strcmp(p->verb, "stream"))
                return stream_wait(p, UINT32_MAX);
        if (!strcmp(p->verb, "pair"))
                return pair_wait(p);
        (void) stream_wait(p, N_LEAVES);
        return unary_wait(p);
}

static int method_greet(GivcCall *call, const void *request, GivcStatus *reterr, void *userdata) {
        Greeter__GreetReply reply = GREETER__GREET_REPLY__INIT;
        const char *principal = givc_call_get_principal(call);

        (void) request;
        (void) userdata;
        if (!principal)
                return givc_error(reterr, GIVC_UNAUTHENTICATED, "Who is %s?", givc_call_get_peer(call));
        reply.text = (char *) principal;
        return givc_call_reply(call, &reply);
}

static int method_greet_often(GivcCall *call, const void *request, GivcStatus *reterr, void *userdata) {
        Greeter__GreetReply reply = GREETER__GREET_REPLY__INIT;
        int r;

        (void) request;
        (void) reterr;
        (void) userdata;
        do
                r = givc_call_send_wait(call, &reply);
        while (r >= 0 && (r = givc_sleep_wait(10000)) >= 0);
        return r;
}

/* What is known of the call, instead of a greeting: names, a header, and whether there is a deadline. */
static int method_greet_all(GivcCall *call, const void *request, GivcStatus *reterr, void *userdata) {
        const char *header = givc_call_get_metadata(call, "x-greeting");
        Greeter__GreetReply reply = GREETER__GREET_REPLY__INIT;
        Greeter__GreetRequest *req;
        char text[256] = "";
        int n = 0, r;

        (void) request;
        (void) reterr;
        (void) userdata;
        while ((r = givc_call_receive_wait(call, &req)) > 0)
                n += snprintf(text + n, sizeof(text) - n, "%.20s ", req->name);
        if (r < 0)
                return r;
        snprintf(text + n, sizeof(text) - n, "%s %s", header ? header : "-",
                        givc_call_get_deadline(call) == UINT64_MAX ? "never" : "soon");
        reply.text = text;
        return givc_call_reply(call, &reply);
}

static int on_turn(sd_event_source *s, void *userdata) {
        (void) s;
        (void) userdata;
        puts("ready");
        return 0;
}

static int add_reflection(GivcServer *server, const char *path) {
        static char descriptors[4096]; /* stays valid */
        FILE *f = path ? fopen(path, "r") : NULL;
        size_t n;

        if (!f)
                return path ? -1 : 0;
        n = fread(descriptors, 1, sizeof(descriptors), f);
        fclose(f);
        return givc_server_add_reflection(server, descriptors, n);
}

static int serve(Plan *p, const char *address, const GivcTls *tls) {
        static const GivcMethod methods[] = {
                { "Greet", GIVC_UNARY, method_greet },
                { "GreetOften", GIVC_SERVER_STREAM, method_greet_often },
                { "GreetAll", GIVC_CLIENT_STREAM, method_greet_all },
                {},
        };
        GivcServer *server;
        int r;

        r = givc_server_new(p->givc, tls, &server);
        if (r >= 0)
                r = givc_server_add_service(server, GREETER, methods, NULL);
        if (r >= 0)
                r = givc_server_listen(server, address);
        if (r >= 0)
                r = add_reflection(server, getenv("DESCRIPTORS"));
        if (r >= 0)
                r = sd_event_add_defer(givc_get_event(p->givc), NULL, on_turn, NULL);
        if (r < 0)
                return r;
        givc_set_status(p->givc, "greets");
        return givc_run(p->givc);
}

int main(int argc, char **argv) {
        GivcTls tls = { "ca-cert.pem", "cert.pem", "key.pem", NULL };
        const GivcTls *secure = getenv("CREDENTIALS_DIRECTORY") ? &tls : NULL;
        Plan p = { .times = 1, .timeout_usec = 10000000 };
        int r;

        if (argc < 3)
                return 2;
        setvbuf(stdout, NULL, _IOLBF, 0);
        p.verb = argv[1];
        r = givc_new(&p.givc);
        if (r < 0)
                return 2;
        if (!strcmp(p.verb, "serve")) {
                tls.crl = argc > 3 ? argv[3] : NULL;
                r = serve(&p, argv[2], secure);
        } else {
                p.name = argc > 3 ? argv[3] : "";
                p.times = argc > 4 ? (unsigned) atoi(argv[4]) : p.times;
                p.timeout_usec = argc > 5 ? (uint64_t) atoi(argv[5]) * 1000 : p.timeout_usec;
                r = givc_channel_new(p.givc, argv[2], secure, "greeter.test", &p.channel);
                if (r >= 0)
                        r = givc_run_fiber(p.givc, run, &p);
        }
        givc_free(p.givc);
        return r < 0;
}
