/* SPDX-License-Identifier: Apache-2.0 */
/* What the fake's files know of each other. */
#pragma once

#include "fake/fake-systemd.h"

#include "base/str.h"

#define MANAGER_NAME      "org.freedesktop.systemd1"
#define MANAGER_PATH      "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE "org.freedesktop.systemd1.Manager"
#define UNIT_INTERFACE    "org.freedesktop.systemd1.Unit"

#define CALLS_MAX         256

/* Aborts the test, with the expression. */
#define fake_check(expression)                                                                                         \
        do {                                                                                                           \
                if (!(expression))                                                                                     \
                        fake_abort(#expression, __FILE__, __LINE__);                                                   \
        } while (false)
void fake_abort(const char *expression, const char *file, int line) __attribute__((noreturn));

typedef struct FakeConnection {
        List connections;
        FakeSystemd *fake;
        sd_bus *bus;
        bool subscribed;
} FakeConnection;

typedef struct FakeAlias {
        List aliases;
        char *alias, *name;
} FakeAlias;

typedef struct FakeCount {
        char member[64];
        unsigned n;
} FakeCount;

typedef struct FakeHeld {
        List held;
        sd_bus_message *call;
        FakeConnection *connection;
} FakeHeld;

struct FakeSystemd {
        sd_event *event;
        List connections, units, aliases, held;
        int listen_fd;
        char *listen_path;
        sd_event_source *listen_source;
        bool away;           /* left the bus */
        unsigned generation; /* unique name :1.generation */
        bool announce_freezer, no_freezer;
        bool hold_collection;
        char **glanced; /* what fake_systemd_collect() unloads */
        FakeJobs jobs;
        unsigned n_foreign_jobs;
        char *job_result;
        int failure_status;
        uint32_t last_job;
        char *fail_member, *fail_error, *fail_message;
        char *hold_member;
        FakeMachine machine;
        FakeCount counts[CALLS_MAX];
        unsigned n_counts;
};

/* fake-systemd.c */
FakeUnit *fake_unit_new(FakeSystemd *f, const char *name);
char *fake_unit_path(const char *name);
void fake_unit_signal(FakeSystemd *f, const char *member, const char *name);
void fake_unit_announce(FakeSystemd *f, const FakeUnit *u, const char *sender, const char *active_state);
void fake_unit_load(FakeSystemd *f, FakeUnit *u);
/* u may be freed. */
void fake_unit_collect(FakeSystemd *f, FakeUnit *u);
/* The connection has ended, and the references to units that it had. */
void fake_units_unref(FakeSystemd *f, const void *referrer);
uint32_t fake_job_new(FakeSystemd *f, FakeUnit *u, const char *type);
/* fake-methods.c: answers a call, now or later. */
int fake_handle(FakeConnection *c, sd_bus_message *m);
/* fake-machine.c: answers a call to another service; 0 when there is none that knows it. */
int fake_machine_handle(FakeConnection *c, sd_bus_message *m);
void fake_machine_done(FakeMachine *m);
/* fake-bus.c: a signal to all that have subscribed; sender NULL: the manager. */
void fake_broadcast(FakeSystemd *f, const char *sender, const char *path, const char *interface, const char *member,
                const char *types, ...);
const char *fake_owner(const FakeSystemd *f, char buffer[static 32]);
void fake_connection_free(FakeConnection *c);
