/* SPDX-License-Identifier: Apache-2.0 */
/* How busy the machine is: the difference between two looks at /proc. Looks are kept for a while, so that a caller
 * needs no first call, and no caller changes what another one gets. */
#pragma once

#include "agent/proc.h"
#include "base/time.h"

#define STATS_TOP       5                     /* processes in each list */
#define STATS_MIN_USEC  USEC_PER_SEC          /* between two looks that are kept, and that are compared */
#define STATS_MAX_USEC  (10 * USEC_PER_SEC)   /* a look that is older says nothing about now */
#define STATS_WAIT_USEC (250 * USEC_PER_MSEC) /* how long to look where nobody has looked lately */
#define STATS_SAME_USEC (100 * USEC_PER_MSEC) /* callers that are so close get one answer */
/* The same of the version, for which a program is run: anybody may ask. */
#define STATS_VERSION_USEC (500 * USEC_PER_MSEC)

typedef struct StatsProcess {
        ProcProcess process;
        float user, system; /* percent of all CPUs' time */
        uint64_t ticks;
} StatsProcess;

typedef struct Figures {
        ProcMemory memory;
        float load[3];
        ProcTimes spent; /* since the look that this one is compared with; n_cpus: as it is */
        StatsProcess by_cpu[STATS_TOP], by_memory[STATS_TOP];
        size_t n_by_cpu, n_by_memory; /* most first; by_cpu has none that did nothing */
        uint64_t n_processes, n_running;
} Figures;

typedef struct Stats Stats;
/* NULL when out of memory. */
Stats *stats_new(void) _warn_unused_;
/* Nobody may wait any more. */
Stats *stats_free(Stats *s);
DEFINE_CLEANUP(Stats *, stats_free)

/* Looks at ROOT/proc; lets the loop turn meanwhile, and waits for STATS_WAIT_USEC where there is nothing to compare
 * with. 0, -EBADMSG, -ENOMEM, -ECANCELED, or what reading says. */
int stats_get_wait(Stats *s, const char *root, Figures *ret) _warn_unused_;
/* The version of the image: what ask_wait(userdata) says in *ret (new string), or has said just now to somebody else.
 * 0, -ENOMEM, or what ask_wait() says. New string in *ret. */
int stats_get_version_wait(
                Stats *s, int (*ask_wait)(void *userdata, char **ret), void *userdata, char **ret) _warn_unused_;
