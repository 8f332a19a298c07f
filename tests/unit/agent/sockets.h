/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets from one VM to another: both agents' proxies in one process, the programs at both ends played by the test. */
#pragma once

#include "unit/agent/calling.h"

#include <sys/un.h>
#include <netinet/in.h>

#include "agent/socket-proxy.h"
#include "base/fd.h"
#include "base/log.h"
#include "event/io.h"

#define STREAM       (&socketproxy__socket_stream__descriptor)
#define SOON         (time_now(CLOCK_MONOTONIC) + 10 * USEC_PER_SEC)
#define PATIENCE     (400 * USEC_PER_MSEC)
#define MUCH         ((size_t) 5 * 1024 * 1024)
#define HELD_MAX     ((size_t) 4 * 1024 * 1024) /* kernel, gRPC and relays, of one connection */
#define GATE_BACKLOG 64

extern const uint8_t givc_descriptors[], givc_descriptors_end[];

/* The VM that has the socket, and the one that wants it. */
typedef struct Pair {
        World *w;
        char directory[32], near_path[64], far_path[64];
        int gate; /* where the program that serves accepts */
        unsigned port;
        ConfigSocket served, wanted;
        Config far_config, near_config;
        SocketProxy *far, *near;
} Pair;

static char *logged;

static inline void sink(int level, const LogField *fields, const char *text) {
        if (level > LOG_WARNING)
                return;
        for (const LogField *f = fields; f && f->key; f++)
                if (streq(f->key, "GIVC_REASON")) {
                        free(logged);
                        logged = strf("%s|%s", text, f->value);
                }
}

static inline unsigned free_port(void) {
        _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);

        check(bind(fd, (struct sockaddr *) &address, size) == 0);
        check(getsockname(fd, (struct sockaddr *) &address, &size) == 0);
        return ntohs(address.sin_port);
}

static inline struct sockaddr_un unix_address(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        strcpy(address.sun_path, path);
        return address;
}

static inline int listen_at(const char *path) {
        const struct sockaddr_un address = unix_address(path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        check(fd >= 0 && bind(fd, (const struct sockaddr *) &address, sizeof(address)) == 0);
        check(listen(fd, GATE_BACKLOG) == 0);
        return fd;
}

static inline void start_proxy(Pair *p, const Config *config, SocketProxy **ret) {
        const SocketProxyOptions options = {
                .queue = p->w->queue,
                .config = config,
                .descriptors = givc_descriptors,
                .n_descriptors = givc_descriptors_end - givc_descriptors,
                .patience_usec = PATIENCE,
        };

        check(socket_proxy_new(&options, ret) == 0);
        socket_proxy_start(*ret);
}

/* Names and addresses, and nothing that listens yet. */
static inline void pair_describe(World *w, Pair *p) {
        *p = (Pair){ .w = w, .gate = -EBADF, .port = free_port() };
        strcpy(p->directory, "/tmp/givc-socket-XXXXXX");
        check(mkdtemp(p->directory));
        (void) snprintf(p->near_path, sizeof(p->near_path), "%s/near", p->directory);
        (void) snprintf(p->far_path, sizeof(p->far_path), "%s/far", p->directory);
        p->served = (ConfigSocket){ .server = true, .socket = p->far_path, .usable = true, .has_peer = true };
        p->served.transport.name = (char *) "gui-vm";
        p->served.address = (RpcAddress){ RPC_ADDRESS_TCP, (char *) "127.0.0.1", 0, p->port };
        p->served.peer = p->served.address;
        p->wanted = (ConfigSocket){ .socket = p->near_path, .address = p->served.address, .usable = true };
        p->wanted.transport.name = (char *) "net-vm";
        p->far_config = (Config){ .socket_proxy = true, .sockets = &p->served, .n_sockets = 1 };
        p->near_config = (Config){ .socket_proxy = true, .sockets = &p->wanted, .n_sockets = 1 };
}

static inline void pair_init(World *w, Pair *p) {
        pair_describe(w, p);
        p->gate = listen_at(p->far_path);
        start_proxy(p, &p->far_config, &p->far);
        start_proxy(p, &p->near_config, &p->near);
}

/* What is to be called from the loop, called from a fiber. */
typedef struct Later {
        SocketProxy **proxy;
        Promise done;
        sd_event_source *source;
} Later;

static inline int on_later(_unused_ sd_event_source *s, void *userdata) {
        Later *later = userdata;

        *later->proxy = socket_proxy_free(*later->proxy);
        promise_resolve(&later->done, 0);
        return 0;
}

static inline void end_proxy(Pair *p, SocketProxy **proxy) {
        Later later = { .proxy = proxy };

        check(sd_event_add_defer(p->w->event, &later.source, on_later, &later) >= 0);
        check(promise_wait(&later.done) == 0);
        sd_event_source_disable_unref(later.source);
}

static inline void pair_done(Pair *p) {
        _cleanup_free_ char *command = strf("rm -rf %s", p->directory);

        end_proxy(p, &p->near);
        end_proxy(p, &p->far);
        p->gate = fd_close(p->gate);
        check(system(command) == 0);
}
#define PAIR _cleanup_(pair_done) Pair

static inline Io *io_of(int fd) {
        Io *io = NULL;

        check(io_new(fd, &io) == 0);
        return io;
}

/* A program of this VM comes. */
static inline Io *come(const Pair *p) {
        const RpcAddress address = { .kind = RPC_ADDRESS_UNIX, .host = (char *) p->near_path };
        int fd = -EBADF;

        check_becomes((fd = rpc_address_connect(&address)) >= 0);
        return io_of(fd);
}

/* And arrives at the one that serves in the other. */
static inline Io *arrive(const Pair *p) {
        int fd = -EBADF;

        check_becomes((fd = accept4(p->gate, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0);
        return io_of(fd);
}

static inline void say(Io *io, const char *text) {
        check(io_write_wait(io, text, strlen(text), SOON) == 0);
}

static inline void hear(Io *io, const char *text) {
        char heard[64] = "";
        size_t n = 0;

        while (n < strlen(text)) {
                ssize_t k = io_read_wait(io, heard + n, strlen(text) - n, SOON);

                check(k > 0);
                n += (size_t) k;
        }
        check_streq(heard, text);
}

static inline void hear_end(Io *io) {
        char byte;
        ssize_t n = io_read_wait(io, &byte, 1, SOON);

        check(n == 0 || n == -ECONNRESET);
}

static inline void half_close(Io *io) {
        check(shutdown(io_get_fd(io), SHUT_WR) == 0);
}

static inline unsigned pattern(size_t i) {
        return (unsigned) (i * 2654435761u >> 13) & 0xff;
}

typedef struct Talk {
        Io *io;
        size_t n;
        bool go; /* when all is said */
} Talk;

static inline int talk_main(void *userdata) {
        Talk *talk = userdata;
        _cleanup_free_ uint8_t *data = mem_new(uint8_t, talk->n);

        for (size_t i = 0; i < talk->n; i++)
                data[i] = (uint8_t) pattern(i);
        check(io_write_wait(talk->io, data, talk->n, SOON) == 0);
        if (talk->go)
                talk->io = io_free(talk->io);
        return 0;
}

static inline void hear_much(Io *io, size_t size) {
        static uint8_t chunk[100000];
        size_t n = 0;

        while (n < size) {
                ssize_t k = io_read_wait(io, chunk, MIN(sizeof(chunk), size - n), SOON);

                check(k > 0);
                for (ssize_t i = 0; i < k; i++)
                        check(chunk[i] == pattern(n + (size_t) i));
                n += (size_t) k;
        }
}

static inline void run_world(int (*body)(World *w)) {
        free(TAKE_PTR(logged));
        world_run(body);
}

static inline int run_group(const struct CMUnitTest *tests, size_t n) {
        int r;

        log_set_sink(sink);
        r = _cmocka_run_group_tests("sockets", tests, n, NULL, NULL);
        free(logged);
        return r;
}
