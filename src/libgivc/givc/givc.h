/* SPDX-License-Identifier: Apache-2.0 */
/* libgivc: gRPC on sd-event for C. Write a service as a table of functions, serve it from systemd's sockets over
 * mutual TLS, call others; every call runs in a fiber, so code reads top to bottom and never blocks the loop.
 * Names that end in _wait may suspend the calling fiber and return -ECANCELED when it shall end: clean up and return
 * then. Functions return 0 or a positive result, or a negative errno. Outputs are written on success only. Everything
 * belongs to the thread that called givc_new(). Messages are those of protobuf-c. See examples/greeter.c. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>
#include <systemd/sd-event.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Givc Givc;               /* a program: event loop, signals, watchdog, sockets from systemd, gRPC */
typedef struct GivcServer GivcServer;   /* services and where they listen */
typedef struct RpcCall GivcCall;        /* a call that one of our methods is answering */
typedef struct GivcChannel GivcChannel; /* a connection to a server that is kept and made again when it breaks */
typedef struct RpcStream GivcStream;    /* a call of ours with streams */
typedef struct RpcStatus GivcStatus;    /* how a call failed: code and sentence */

/* grpc-status, https://grpc.io/docs/guides/status-codes/. */
enum {
        GIVC_OK = 0,
        GIVC_CANCELLED = 1,
        GIVC_UNKNOWN = 2,
        GIVC_INVALID_ARGUMENT = 3,
        GIVC_DEADLINE_EXCEEDED = 4,
        GIVC_NOT_FOUND = 5,
        GIVC_ALREADY_EXISTS = 6,
        GIVC_PERMISSION_DENIED = 7,
        GIVC_RESOURCE_EXHAUSTED = 8,
        GIVC_FAILED_PRECONDITION = 9,
        GIVC_ABORTED = 10,
        GIVC_OUT_OF_RANGE = 11,
        GIVC_UNIMPLEMENTED = 12,
        GIVC_INTERNAL = 13,
        GIVC_UNAVAILABLE = 14,
        GIVC_DATA_LOSS = 15,
        GIVC_UNAUTHENTICATED = 16,
};

/* Blocks SIGTERM, SIGINT and SIGHUP and takes them over, picks up the sockets that systemd passed, logs to the
 * journal under systemd, starts gRPC. One a process, before any thread. Free with givc_free(). */
int givc_new(Givc **ret);
/* Cancels what givc_fiber_start() has begun, ends its servers and channels, and frees it. Not from a fiber. NULL is
 * fine. Returns NULL. */
Givc *givc_free(Givc *g);
/* Runs until SIGTERM: READY=1, then calls are answered; SIGTERM lets calls finish for up to 4 s, SIGHUP loads
 * certificates again. Returns 0 or a negative errno. */
int givc_run(Givc *g);
/* For clients: runs func(userdata) in a fiber and the loop until it returns; returns its result. SIGTERM cancels it. */
int givc_run_fiber(Givc *g, int (*func)(void *userdata), void *userdata);
/* The sentence of systemctl status. */
void givc_set_status(Givc *g, const char *text);
/* Borrowed, for event sources of one's own. */
sd_event *givc_get_event(Givc *g);

/* Runs func(userdata) in a fiber of its own, at once when called from the loop, else when the calling fiber waits. It
 * may go on until givc_free(); then each _wait in it returns -ECANCELED. userdata must stay valid until it has
 * returned. 0, or -ENOMEM and nothing runs. */
int givc_fiber_start(int (*func)(void *userdata), void *userdata);
/* Suspends for so many microseconds. 0 or -ECANCELED. */
int givc_sleep_wait(uint64_t usec);

typedef enum GivcKind {
        GIVC_UNARY,
        GIVC_SERVER_STREAM,
        GIVC_CLIENT_STREAM,
        GIVC_BIDI_STREAM,
} GivcKind;

/* A row of a service. func runs in a fiber; request is NULL for the two kinds in which the client streams. Returns 0
 * for OK or a negative errno, best from givc_error(). */
typedef struct GivcMethod {
        const char *name;
        GivcKind kind;
        int (*func)(GivcCall *call, const void *request, GivcStatus *reterr, void *userdata);
} GivcMethod;

/* PEM files; relative names are looked for in $CREDENTIALS_DIRECTORY. They are watched and loaded again when they
 * change. */
typedef struct GivcTls {
        const char *ca, *cert, *key, *crl; /* crl may be NULL */
} GivcTls;

/* tls NULL: connections over a network are not protected. Unix sockets never use TLS. It has grpc.health.v1, and
 * reflection once givc_server_add_reflection() was called. Owned by g. */
int givc_server_new(Givc *g, const GivcTls *tls, GivcServer **ret);
/* rows end with {}; they and the descriptor (both must stay valid) have to name the same methods: -EINVAL otherwise. */
int givc_server_add_service(
                GivcServer *s, const ProtobufCServiceDescriptor *descriptor, const GivcMethod *rows, void *userdata);
/* A serialized FileDescriptorSet (protoc --descriptor_set_out --include_imports), which must stay valid. */
int givc_server_add_reflection(GivcServer *s, const void *descriptors, size_t size);
/* tcp:HOST:PORT, [v6]:PORT, unix:PATH, @abstract, vsock:CID:PORT; sd-listen:NAME and sd-listen:* for sockets of
 * systemd. -ENOENT when systemd passed none of that name, -EINVAL for an address that cannot be read (logged with the
 * reason). */
int givc_server_listen(GivcServer *s, const char *address);

/* The caller: its certificate's first name, NULL over a unix socket or without TLS; and a text for logs. */
const char *givc_call_get_principal(GivcCall *call);
const char *givc_call_get_peer(GivcCall *call);
/* CLOCK_MONOTONIC microseconds at which the caller gives up; UINT64_MAX: never. */
uint64_t givc_call_get_deadline(GivcCall *call);
/* The first header of the request with that key (lower case), borrowed from the call; NULL when there is none, or no
 * memory. Peers choose what is in it. */
const char *givc_call_get_metadata(GivcCall *call, const char *key);
/* The reply of unary and client-streaming methods, sent when the method returns 0. It is packed at once and may live on
 * the stack. -EBUSY when there is one already, -EMSGSIZE above 4 MiB. */
int givc_call_reply(GivcCall *call, const void *message);
/* A message of server-streaming and bidirectional methods; suspends while the reader is slow. -ECANCELED when it has
 * gone, -EMSGSIZE above 4 MiB. One fiber at a time may send and one may receive. */
int givc_call_send_wait(GivcCall *call, const void *message);
/* Suspends for the next message of client-streaming and bidirectional methods. 1: *ret, a pointer to one of the
 * method's input type, is valid until the next receive; 0: there are no more; -ECANCELED; -EBADMSG when it cannot be
 * parsed, of which the caller is told. */
int givc_call_receive_wait(GivcCall *call, void *ret);
/* Fills *reterr and returns the errno that stands for code. */
int givc_error(GivcStatus *reterr, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* server_name is checked against the server's certificate. tls NULL: plain. Owned by g. */
int givc_channel_new(Givc *g, const char *address, const GivcTls *tls, const char *server_name, GivcChannel **ret);
/* A unary call. timeout_usec 0: no limit. *ret (may be NULL) is a message of the method's output type, freed with
 * givc_message_free(). On failure *reterr (may be NULL) is a status, freed with givc_status_free(). */
int givc_channel_call_wait(GivcChannel *c, const ProtobufCServiceDescriptor *service, const char *method,
                const void *request, uint64_t timeout_usec, void *ret, GivcStatus **reterr);
/* A call with streams: send and receive in any order, in one fiber or two. Free with givc_stream_free(), which cancels
 * it if it has not ended, and not while another fiber waits in it. Suspends until there is a connection; timeout_usec
 * is for the whole call. */
int givc_stream_open_wait(GivcChannel *c, const ProtobufCServiceDescriptor *service, const char *method,
                uint64_t timeout_usec, GivcStream **ret, GivcStatus **reterr);
/* Suspends until the transport took it. -EPIPE when the call has ended: receive tells how; -EMSGSIZE above 4 MiB. */
int givc_stream_send_wait(GivcStream *s, const void *message);
/* No more messages from us. The same errors. */
int givc_stream_close_send_wait(GivcStream *s);
/* 1: a message, freed with givc_message_free(); 0: ended with OK; else how it failed, as givc_channel_call_wait(). */
int givc_stream_receive_wait(GivcStream *s, void *ret, GivcStatus **reterr);
GivcStream *givc_stream_free(GivcStream *s);

void givc_message_free(void *message);
int givc_status_get_code(const GivcStatus *s);
const char *givc_status_get_message(const GivcStatus *s);
GivcStatus *givc_status_free(GivcStatus *s);

#ifdef __cplusplus
}
#endif
