/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room know of each other. */
#pragma once

#include "base/list.h"
#include "bus/bus-connection.h"
#include "bus/unit-run.h"
#include "event/backoff.h"
#include "event/condition.h"
#include "event/fiber.h"

#define MANAGER_NAME      "org.freedesktop.systemd1"
#define MANAGER_PATH      "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE "org.freedesktop.systemd1.Manager"
#define UNIT_INTERFACE    "org.freedesktop.systemd1.Unit"
#define SERVICE_INTERFACE "org.freedesktop.systemd1.Service"
#define UNIT_PATH         "/org/freedesktop/systemd1/unit"

/* Jobs that were removed while a call that queues one had no answer yet; see job_find_removed(). */
#define BUS_JOBS_REMEMBERED 32

typedef struct RemovedJob {
        uint32_t id;
        const char *result; /* one of the table in unit-job.c */
} RemovedJob;

struct Bus {
        unsigned n_ref;
        BusScope scope;
        bool reconnects; /* the connection is ours to replace */
        bool connected;  /* the manager has answered Subscribe */
        sd_event *event;
        sd_bus *connection;
        char *owner; /* the manager's unique name; NULL when there is no broker between us */
        sd_bus_slot *disconnected_slot, *owner_changed_slot, *job_removed_slot;
        sd_bus_slot *get_owner_slot, *subscribe_slot;
        sd_event_source *retry;
        Backoff backoff;
        BusListener *listeners;
        BusListener *next_listener; /* whom to tell after the one that is being told */
        Condition settled;          /* connected, or never again */
        List jobs;                  /* fibers that wait for a job */
        List watches;               /* UnitWatch */
        unsigned n_unanswered;      /* calls that queue a job and have no answer yet */
        uint64_t n_removed;
        RemovedJob removed[BUS_JOBS_REMEMBERED];
};

/* Whether the signal really is the manager's: any client of the bus may send us a signal that looks like it. */
bool bus_is_from_manager(const Bus *b, sd_bus_message *m);
/* Everything in flight is void: the connection or the manager has gone. */
void unit_jobs_lost(Bus *b);
int unit_jobs_on_removed(sd_bus_message *m, void *userdata, sd_bus_error *reterr);
/* The unit was changed by us in a way that the manager may not announce. */
void unit_watches_poke(Bus *b, const char *name);

/* Calls to the manager object, with members of signature types; the message is new and the caller's. */
int bus_new_manager_call(Bus *b, const char *member, sd_bus_message **ret) _warn_unused_;
#define bus_manager_call_wait(b, member, reterr, ...)                                                                  \
        bus_method_wait(b, MANAGER_NAME, MANAGER_PATH, MANAGER_INTERFACE, member, USEC_INFINITY, reterr, __VA_ARGS__)
/* Nobody waits for an answer: for clean-up, also in a cancelled fiber. Without a connection nothing is sent. */
void bus_manager_tell(Bus *b, const char *member, const char *types, ...);
/* Reads one property; type is the expected basic type or signature, the answer is open at its value. */
int bus_get_property_wait(Bus *b, const char *path, const char *interface, const char *property, const char *type,
                sd_bus_message **ret) _warn_unused_;
/* The same of one that is a number. */
int bus_get_number_wait(Bus *b, const char *path, const char *interface, const char *property, char type,
                void *ret) _warn_unused_;
int bus_new_property_call(Bus *b, const char *path, const char *interface, const char *property,
                sd_bus_message **ret) _warn_unused_;

/* Object path of the unit; 0 or -ENOMEM. */
int unit_path(const char *name, char **ret) _warn_unused_;

/* One row of ListUnits and its sisters; strings are borrowed from the message. */
typedef struct UnitRow {
        const char *name, *description, *load_state, *active_state, *sub_state, *following, *path;
} UnitRow;
#define UNIT_ROWS_SIGNATURE "(ssssssouso)"
/* 1 and a row, 0 at the end, or a negative errno. */
int unit_row_read(sd_bus_message *m, UnitRow *ret) _warn_unused_;
int unit_status_from_row(const UnitRow *row, const char *freezer_state, UnitStatus *ret) _warn_unused_;

/* Sends m, which queues a job for the unit, and suspends until the job has ended; unit_job_wait() says how.
 * ret_queued (may be NULL) says whether the manager has taken the job, or may have; it is set with every result once
 * m was sent. */
int unit_job_call_wait(Bus *b, sd_bus_message *m, UnitJob job, const char *name, bool *ret_queued,
                BusError *reterr) _warn_unused_;
/* unit_run_wait() that keeps its reference on the unit: *ret_held says whether there is one, also after a failure. Give
 * it back with UnrefUnit. */
int unit_run_held_wait(Bus *b, const UnitRun *run, bool *ret_held, BusError *reterr) _warn_unused_;

/* Make *reterr (NULL is fine) what e says, what the format says; one that cannot be kept is none. */
void bus_error_copy(BusError *reterr, const sd_bus_error *e);
void bus_error_setf(BusError *reterr, const char *name, const char *fmt, ...) _printf_(3, 4);
