/* SPDX-License-Identifier: Apache-2.0 */
/* A module of one's own: a gRPC service that systemd starts when somebody calls. Build it with
 *   protoc-c --c_out=. greeter.proto && cc greeter.c greeter.pb-c.c $(pkg-config --cflags --libs givc)
 * and run it from a socket: systemd-socket-activate -l 7000 ./greeter */
#include <givc/givc.h>
#include <stdio.h>
#include <string.h>

#include "greeter.pb-c.h"

static int method_greet(GivcCall *call, const void *request, GivcStatus *reterr, void *userdata) {
        const Greeter__GreetRequest *req = request;
        Greeter__GreetReply reply = GREETER__GREET_REPLY__INIT;
        char text[256];

        (void) userdata;
        if (!*req->name)
                return givc_error(reterr, GIVC_INVALID_ARGUMENT, "Whom shall I greet?");
        snprintf(text, sizeof(text), "Hello, %.200s!", req->name);
        reply.text = text;
        return givc_call_reply(call, &reply);
}

static int method_greet_often(GivcCall *call, const void *request, GivcStatus *reterr, void *userdata) {
        const Greeter__GreetRequest *req = request;
        Greeter__GreetReply reply = GREETER__GREET_REPLY__INIT;
        int r = 0;

        (void) reterr;
        (void) userdata;
        reply.text = req->name;
        for (unsigned i = 0; i < req->times && r >= 0; i++) {
                r = givc_call_send_wait(call, &reply); /* waits while the reader is slow, ends when it has gone */
                if (r >= 0)
                        r = givc_sleep_wait(1000);
        }
        return r;
}

static int method_greet_all(GivcCall *call, const void *request, GivcStatus *reterr, void *userdata) {
        Greeter__GreetReply reply = GREETER__GREET_REPLY__INIT;
        Greeter__GreetRequest *req;
        char text[1024] = "Hello";
        size_t size = strlen(text);
        int r;

        (void) request;
        (void) userdata;
        while ((r = givc_call_receive_wait(call, &req)) > 0) { /* req is there until the next one */
                if (strlen(req->name) + sizeof(", !") > sizeof(text) - size)
                        return givc_error(reterr, GIVC_RESOURCE_EXHAUSTED, "So many people!");
                size += (size_t) snprintf(text + size, sizeof(text) - size, ", %s", req->name);
        }
        if (r < 0)
                return r;
        strcpy(text + size, "!");
        reply.text = text;
        return givc_call_reply(call, &reply);
}

static const GivcMethod methods[] = {
        { "Greet", GIVC_UNARY, method_greet },
        { "GreetOften", GIVC_SERVER_STREAM, method_greet_often },
        { "GreetAll", GIVC_CLIENT_STREAM, method_greet_all },
        {},
};

int main(void) {
        GivcServer *server;
        Givc *givc;
        int r;

        r = givc_new(&givc);
        if (r < 0)
                return 1;
        r = givc_server_new(givc, NULL, &server);
        if (r >= 0)
                r = givc_server_add_service(server, &greeter__greeter__descriptor, methods, NULL);
        if (r >= 0)
                r = givc_server_listen(server, "sd-listen:*");
        if (r < 0)
                fprintf(stderr, "greeter: %s\n", strerror(-r));
        else
                r = givc_run(givc);
        givc_free(givc);
        return r < 0;
}
