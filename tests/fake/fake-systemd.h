/* SPDX-License-Identifier: Apache-2.0 */
/* A service manager for tests: org.freedesktop.systemd1 as PID 1 of systemd 252 speaks it, in the test's own process
 * and loop, so that what it does and when is in the test's hand. What it answers and the order of its signals were
 * taken from the real one with busctl and dbus-monitor.
 *
 * A test usually begins so:
 *
 *         sd_event_default(&e);
 *         fake_systemd_new(e, &fake);
 *         fake_systemd_add(fake, "app.service");               // a unit file that exists; the unit is stopped
 *         fake_systemd_connect(fake, &client);                 // one end of a socketpair, peer to peer, no broker
 *         bus_new_from_connection(e, client, &bus);
 *         fiber_start(NULL, body, NULL); loop until it has returned;
 *
 * and changes the world from the body, or between turns of the loop:
 *
 *         fake_systemd_set_jobs(fake, FAKE_JOBS_HELD);         // jobs wait for us
 *         … unit_job_wait(bus, UNIT_JOB_START, "app.service", NULL) in a fiber …
 *         fake_job_finish(fake, "app.service", "failed");      // PropertiesChanged, then JobRemoved
 *
 * Signals go to connections that have called Subscribe. As in systemd, a unit that is inactive and has no job is
 * unloaded (UnitRemoved), a transient one is then gone for good, and asking for an unloaded unit by its name loads it
 * for a moment, which UnitNew and UnitRemoved announce.
 *
 * Functions that can only fail for want of memory or by a wrong test abort. Borrowed pointers live as long as the
 * unit. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/list.h"
#include "base/macro.h"

typedef struct FakeSystemd FakeSystemd;

#define FAKE_PID 4711 /* of every main process */

/* A unit, for tests to look at. States change by the functions below only. */
typedef struct FakeUnit {
        List units;
        char *name, *description, *load_state, *active_state, *sub_state, *freezer_state;
        char *result; /* Service.Result: "success", "exit-code", … */
        int exec_main_code, exec_main_status;
        bool has_file, transient, loaded;
        bool collect;               /* CollectMode=inactive-or-failed */
        unsigned n_references;      /* AddRef */
        const void *referrer;       /* the connection that they are of, and end with */
        char **argv, **environment; /* of StartTransientUnit */
        char *type, *working_directory, *slice, *user, *tty, *environment_file;
        char **binds_to;
        int stdio[3]; /* of StartTransientUnit, or negative; the test may take them */
        uint64_t stop_usec, runtime_max_usec, tasks_max, memory_max;
        unsigned n_walls;                        /* properties that say what it may not do */
        const char *control_group;               /* for tests to set; NULL: none */
        uint64_t cpu_usage_nsec, memory_current; /* for tests to set; UINT64_MAX: not accounted, 0: nothing yet */
        unsigned n_starts, n_stops;
        int last_signal;       /* of KillUnit, 0: none */
        const char *last_whom; /* of KillUnit */
        bool has_no_main;      /* KillUnit of it finds nobody */
        uint32_t job;          /* 0: none */
        char *job_type;
        uint64_t active_enter, inactive_exit; /* CLOCK_MONOTONIC */
} FakeUnit;

void fake_systemd_new(sd_event *e, FakeSystemd **ret);
/* Closes all connections; NULL is fine. */
FakeSystemd *fake_systemd_free(FakeSystemd *f);
DEFINE_CLEANUP(FakeSystemd *, fake_systemd_free)

/* A new connection, peer to peer; the client's end is started, not attached to a loop, and the caller's. */
void fake_systemd_connect(FakeSystemd *f, sd_bus **ret);
/* Plays a whole message bus on the socket: clients say Hello and find the manager as owner of org.freedesktop.systemd1.
 * Point $DBUS_SYSTEM_BUS_ADDRESS at it and bus_new() does what it does in production, reconnects and all. */
void fake_systemd_listen(FakeSystemd *f, const char *path);
/* The bus dies: no more listening, and the socket is gone. Connections stay until fake_systemd_disconnect(). */
void fake_systemd_unlisten(FakeSystemd *f);
/* Ends all connections, in the middle of whatever they do. Listening goes on: they may come back. */
void fake_systemd_disconnect(FakeSystemd *f);
/* The manager leaves the bus, as when it re-executes itself: calls in hand are answered NoReply by the bus, signals are
 * lost, jobs and units live on. And it comes back as a new owner of its name. */
void fake_systemd_leave(FakeSystemd *f);
void fake_systemd_return(FakeSystemd *f);
unsigned fake_systemd_count_connections(const FakeSystemd *f);

/* A service with a unit file, stopped and not loaded. */
FakeUnit *fake_systemd_add(FakeSystemd *f, const char *name);
/* Another name for it. */
void fake_systemd_add_alias(FakeSystemd *f, const char *alias, const char *name);
/* By name or alias; NULL when there is none (any more). */
FakeUnit *fake_systemd_find(FakeSystemd *f, const char *name);
/* The first whose name begins so, or NULL. */
FakeUnit *fake_systemd_find_by_prefix(FakeSystemd *f, const char *prefix);
/* "masked", "error", "loaded": what the unit file is. */
void fake_unit_set_load_state(FakeSystemd *f, const char *name, const char *state);
/* Sets the state and announces it, by UnitNew first when it was not loaded; unloads what has no reason to stay. */
void fake_unit_set_state(FakeSystemd *f, const char *name, const char *active_state, const char *sub_state);
/* The main process ends: "inactive" for status 0, else "failed" with Result exit-code. */
void fake_unit_exit(FakeSystemd *f, const char *name, int status);
/* A signal ends the main process: "failed" with Result signal. */
void fake_unit_kill(FakeSystemd *f, const char *name, int number);
/* Somebody else freezes or thaws the unit: as in systemd 252 no signal says so, unless
 * fake_systemd_announce_freezer(). */
void fake_unit_set_freezer_state(FakeSystemd *f, const char *name, const char *state);
void fake_systemd_announce_freezer(FakeSystemd *f, bool announce);
/* false: a manager without the property FreezerState. */
void fake_systemd_have_freezer(FakeSystemd *f, bool have);
/* What daemon-reload does: Reloading(true), all units removed and new, Reloading(false). */
void fake_systemd_reload(FakeSystemd *f);
/* The same in two halves: between them nothing is loaded. */
void fake_systemd_begin_reload(FakeSystemd *f);
void fake_systemd_end_reload(FakeSystemd *f);
/* Units that were only looked at are unloaded (UnitRemoved) no sooner than fake_systemd_collect(), not at once. */
void fake_systemd_hold_collection(FakeSystemd *f);
/* Unloads them. 0 when there were none. */
unsigned fake_systemd_collect(FakeSystemd *f);

typedef enum FakeJobs {
        FAKE_JOBS_AT_ONCE, /* the answer, then at once JobRemoved: the default */
        FAKE_JOBS_EARLY,   /* JobRemoved overtakes the answer */
        FAKE_JOBS_HELD,    /* they wait for fake_job_finish() */
} FakeJobs;
void fake_systemd_set_jobs(FakeSystemd *f, FakeJobs jobs);
/* In mode FAKE_JOBS_EARLY, so many foreign jobs end between JobRemoved and the answer. */
void fake_systemd_set_foreign_jobs(FakeSystemd *f, unsigned n);
/* How jobs end that are not held: "done" (the default), "failed", "timeout", "dependency", … */
void fake_systemd_set_job_result(FakeSystemd *f, const char *result);
/* The exit status of programs whose start job ends with "failed": 1 unless set; 203 is "cannot be executed". */
void fake_systemd_set_failure_status(FakeSystemd *f, int status);
/* Ends the unit's job: the unit's new state, then JobRemoved. The unit must have a job. */
void fake_job_finish(FakeSystemd *f, const char *name, const char *result);
/* The unit gets a job by somebody else's call: "start", "stop", "restart". It is held, whatever the mode. */
void fake_unit_queue_job(FakeSystemd *f, const char *name, const char *type);
/* JobRemoved of n jobs that nobody has heard of. */
void fake_systemd_send_foreign_jobs(FakeSystemd *f, unsigned n);

/* What other services of the same bus were last told, as one text each; NULL: nothing. Borrowed. */
typedef struct FakeMachine {
        char *locale;       /* of SetLocale: "LANG=C LC_TIME=C" */
        char *timezone;     /* of SetTimezone */
        char *environment;  /* of UnsetAndSetEnvironment: "-LANG -LC_TIME LANG=C" */
        char *notification; /* of Notify: "application|icon|summary|body|urgency" */
} FakeMachine;
const FakeMachine *fake_systemd_get_machine(const FakeSystemd *f);

/* The next call of this method ("StartUnit") is answered with this D-Bus error. */
void fake_systemd_fail_next(FakeSystemd *f, const char *member, const char *error, const char *message);
/* Calls of this method are not handled until fake_systemd_release(). One method at a time. */
void fake_systemd_hold(FakeSystemd *f, const char *member);
void fake_systemd_release(FakeSystemd *f);
/* Calls that have arrived, held ones included; "" counts all. Properties.Get counts as "Get". */
unsigned fake_systemd_count_calls(const FakeSystemd *f, const char *member);
/* A signal to everybody that seems to be the manager's but comes from another client of the bus (listening only). */
void fake_systemd_spoof_job_removed(FakeSystemd *f, uint32_t id, const char *name, const char *result);
void fake_systemd_spoof_state(FakeSystemd *f, const char *name, const char *active_state);
