/* SPDX-License-Identifier: Apache-2.0 */
/* An agent in a world of a test's own: a fake service manager behind it, its server on a unix socket, a channel to
 * that, and a fiber in which the test runs. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/access.h"
#include "agent/agent.h"
#include "agent/services/services.h"
#include "base/mem.h"
#include "base/str.h"
#include "bus/bus-connection.h"
#include "event/fiber.h"
#include "fake/fake-systemd.h"
#include "proto/unpack.h"
#include "rpc/channel.h"
#include "systemd.pb-c.h"

#define WORLD_USEC (20 * USEC_PER_SEC) /* what a test may take; none takes more than two */

/* cmocka's assertions jump, which must not happen from a fiber's stack. */
#define check(expression)                                                                                              \
        do {                                                                                                           \
                if (!(expression)) {                                                                                   \
                        fprintf(stderr, "%s:%i: %s\n", __FILE__, __LINE__, #expression);                               \
                        abort();                                                                                       \
                }                                                                                                      \
        } while (false)
#define check_streq(a, b)                                                                                              \
        do {                                                                                                           \
                const char *_a = (a), *_b = (b);                                                                       \
                if (!streq_ptr(_a, _b)) {                                                                              \
                        fprintf(stderr, "%s:%i: '%s' is not '%s'\n", __FILE__, __LINE__, strempty(_a), strempty(_b));  \
                        abort();                                                                                       \
                }                                                                                                      \
        } while (false)
/* Waits, in a fiber, until something is so. */
#define check_becomes(expression)                                                                                      \
        do {                                                                                                           \
                usec_t _until = time_now(CLOCK_MONOTONIC) + 5 * USEC_PER_SEC;                                          \
                while (!(expression)) {                                                                                \
                        if (time_now(CLOCK_MONOTONIC) > _until) {                                                      \
                                fprintf(stderr, "%s:%i: %s did not come\n", __FILE__, __LINE__, #expression);          \
                                abort();                                                                               \
                        }                                                                                              \
                        check(fiber_sleep_wait(2 * USEC_PER_MSEC) == 0);                                               \
                }                                                                                                      \
        } while (false)

typedef struct World {
        sd_event *event;
        FakeSystemd *fake;
        FakeSystemd *machine; /* whose system bus that of a session is not; NULL: the same */
        sd_bus *client;
        Bus *bus;
        Config config;
        AccessPeer peer;
        Agent *agent;
        RpcQueue *queue;
        RpcServer *server;
        RpcChannel *channel;
        char socket[64];
        int (*body)(struct World *w);
        Fiber *fiber;
} World;

static inline int world_main(void *userdata) {
        World *w = userdata;

        check(bus_connected_wait(w->bus, USEC_INFINITY) == 0);
        return w->body(w);
}

/* Runs the loop until all fibers have returned but those that are expected to stay. */
static inline void world_loop(World *w, Fiber **fiber) {
        usec_t until = time_now(CLOCK_MONOTONIC) + WORLD_USEC;

        while (*fiber) {
                assert_true(time_now(CLOCK_MONOTONIC) < until);
                assert_true(sd_event_run(w->event, 100 * USEC_PER_MSEC) >= 0);
        }
}

/* The user's manager and the machine's, each with a bus of its own. */
static inline void world_connect_session(World *w) {
        static const char *const variables[] = { "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS" };
        FakeSystemd *buses[] = { w->fake, NULL };

        fake_systemd_new(w->event, &w->machine);
        buses[1] = w->machine;
        for (size_t i = 0; i < ELEMENTSOF(buses); i++) {
                char path[64], address[80];

                (void) snprintf(path, sizeof(path), "/tmp/test-agent-%i-%zu.bus", (int) getpid(), i);
                (void) snprintf(address, sizeof(address), "unix:path=%s", path);
                assert_int_equal(setenv(variables[i], address, true), 0);
                fake_systemd_listen(buses[i], path);
        }
        assert_int_equal(bus_new(w->event, BUS_USER, &w->bus), 0);
}

static inline void world_connect(World *w) {
        fake_systemd_connect(w->fake, &w->client);
        assert_int_equal(bus_new_from_connection(w->event, w->client, &w->bus), 0);
}

static inline void world_init(World *w, bool session) {
        static char *flag[] = { (char *) "flag", NULL };
        static ConfigApplication applications[] = {
                { .name = (char *) "foot", .command = (char *) "/usr/bin/foot --title 'a b'", .args = flag },
                { .name = (char *) "foot-page", .command = (char *) "run-waypipe /usr/bin/foot --page" },
                { .name = (char *) "bar", .command = (char *) "/usr/bin/bar" },
                { .name = (char *) "void", .command = (char *) "" },
        };
        static char *services[] = { (char *) "app.service", (char *) "poweroff.target", NULL };

        *w = (World){};
        assert_true(sd_event_default(&w->event) >= 0);
        w->config.identity.name = (char *) "net-vm";
        w->config.identity.parent = (char *) "microvm@net-vm.service";
        w->config.identity.type = 8;
        w->config.identity.subtype = 9;
        w->config.network.admin.name = (char *) "admin-vm";
        w->config.network.agent = (ConfigTransport){ (char *) "net-vm", (char *) "192.168.101.1", (char *) "9000",
                (char *) "tcp" };
        w->config.services = services;
        w->config.applications = applications;
        w->config.n_applications = ELEMENTSOF(applications);
        fake_systemd_new(w->event, &w->fake);
        fake_systemd_add(w->fake, "app.service");
        fake_systemd_add(w->fake, "secret.service");
        fake_systemd_add(w->fake, "givc-agent.service");
        fake_unit_set_state(w->fake, "givc-agent.service", "active", "running");
        if (session)
                world_connect_session(w);
        else
                world_connect(w);
        assert_int_equal(agent_new(&w->config, w->bus, "givc-agent.service", &w->agent), 0);
        assert_int_equal(rpc_queue_new(w->event, &w->queue), 0);
        (void) snprintf(w->socket, sizeof(w->socket), "/tmp/test-agent-%i.sock", (int) getpid());
}

static inline void world_serve(World *w) {
        const RpcAddress address = { .kind = RPC_ADDRESS_UNIX, .host = w->socket };
        const RpcChannelOptions options = { .address = &address };

        assert_int_equal(rpc_server_new(w->queue, &w->server), 0);
        w->config.admin_address.host = (char *) "127.0.0.1"; /* whom it answers in plain mode */
        w->peer = access_peer_of(&w->config, NULL);
        rpc_server_set_access(w->server, access_check_peer, &w->peer);
        assert_int_equal(services_add(w->server, w->agent), 0);
        assert_int_equal(rpc_server_add_health(w->server), 0);
        assert_int_equal(rpc_server_listen(w->server, &address, 0600, (gid_t) -1), 0);
        assert_int_equal(rpc_channel_new(w->queue, &options, &w->channel), 0);
}

static inline void world_done(World *w) {
        rpc_channel_unref(w->channel);
        rpc_server_free(w->server);
        agent_free(w->agent);
        bus_unref(w->bus);
        sd_bus_flush_close_unref(w->client);
        fake_systemd_free(w->fake);
        fake_systemd_free(w->machine);
        rpc_queue_unref(w->queue);
        sd_event_unref(w->event);
        (void) unlink(w->socket);
        assert_int_equal(fiber_count(), 0);
}

/* Serves as its configuration says now, runs body in a fiber, and ends. */
static inline void world_play(World *w, int (*body)(World *w)) {
        world_serve(w);
        w->body = body;
        assert_int_equal(fiber_start(&w->fiber, world_main, w), 0);
        world_loop(w, &w->fiber);
        world_done(w);
}

/* Runs body in a fiber, from the beginning to the end of a world. */
static inline void world_run_in(int (*body)(World *w), bool session, const char *notifier_socket) {
        World w;

        world_init(&w, session);
        w.config.notifier = true;
        w.config.notifier_socket = (char *) notifier_socket;
        world_play(&w, body);
}

static inline void world_run(int (*body)(World *w)) {
        world_run_in(body, false, NULL);
}

static inline void world_run_body(void **body) {
        world_run(*body);
}

/* A test that runs in a world that play(&body) makes, and in one like the others. */
#define world_test_by(play, body)                                                                                      \
        { #body, play, NULL, NULL, body }
#define world_test(body) world_test_by(world_run_body, body)
