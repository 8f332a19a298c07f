/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says in /proc of a machine and its processes: lines to numbers. It reads no files. */
#pragma once

#include "base/macro.h"

#define PROC_NAME_SIZE 64 /* of a command's name, which is shorter for all but the kernel's own */

/* Times since boot, in clock ticks of all CPUs. */
typedef struct ProcTimes {
        uint64_t user, system, total; /* user and total without guests, whose time is the user's already */
        unsigned n_cpus;
} ProcTimes;

typedef struct ProcProcess {
        char name[PROC_NAME_SIZE];
        char state; /* 'R': it runs or could, see proc(5) */
        uint64_t user, system;
        uint64_t start;    /* when it was made: with its number, which process it is */
        uint64_t resident; /* bytes */
} ProcProcess;

typedef struct ProcMemory {
        uint64_t total, free, available, cached; /* bytes */
} ProcMemory;

/* The text of /proc/stat, of /proc/PID/stat, of /proc/meminfo, of /proc/loadavg. 0, or -EBADMSG. */
int proc_parse_times(const char *text, ProcTimes *ret) _warn_unused_;
int proc_parse_process(const char *text, ProcProcess *ret) _warn_unused_;
int proc_parse_memory(const char *text, ProcMemory *ret) _warn_unused_;
int proc_parse_load(const char *text, float ret[3]) _warn_unused_;
