/* SPDX-License-Identifier: Apache-2.0 */
/* Programs as transient service units: user, environment, limits, signals and clean-up belong to systemd. */
#pragma once

#include "bus/unit-job.h"

typedef struct UnitRun {
        const char *name; /* full unit name, must not be loaded yet */
        const char *description;
        char *const *argv;             /* argv[0] is looked up in the manager's PATH unless it is absolute */
        char *const *environment;      /* KEY=VALUE, added to the manager's own; NULL: nothing */
        const char *environment_file;  /* more of them, which the manager reads from this path; NULL: none */
        const char *working_directory; /* NULL: the manager's default */
        const char *service_type;      /* "exec" when NULL */
        const char *slice;             /* NULL: the manager's default */
        const char *user;              /* NULL: the manager's default */
        const char *binds_to;          /* a unit without which this one stops; NULL: none */
        const char *tty;               /* path of a terminal that becomes the controlling one; NULL: none */
        const int *stdio;              /* three descriptors for standard input, output and error; NULL: the default */
        usec_t stop_usec;              /* from SIGTERM to SIGKILL; 0: the manager's default */
        uint64_t tasks_max;            /* processes and threads; 0: the manager's default */
        uint64_t memory_max;           /* bytes; 0: the manager's default */
        usec_t runtime_max_usec;       /* after which it is stopped; 0: never */
        bool sandbox;                  /* a user of its own that can write to nothing but its own /tmp */
        bool literal;                  /* "$" in argv is itself: no variable is put in its place */
        bool collect;                  /* CollectMode=inactive-or-failed: vanish also after a failure */
} UnitRun;

/* Starts the unit and suspends until its start job has ended. 0, or as unit_job_wait(); -EEXIST when the unit exists,
 * -ENOENT when the program does not, -ESRCH when it cannot become the user, -ENOTDIR when it cannot go to the
 * directory. */
int unit_run_wait(Bus *b, const UnitRun *run, BusError *reterr) _warn_unused_;
