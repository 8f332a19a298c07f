/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that somebody waits for: transient services that run no longer than whoever asked for them, with their
 * standard streams at our end of pipes or of a terminal. What they are given and how they are ended is systemd's. */
#pragma once

#include "bus/unit-result.h"
#include "bus/unit-run.h"

/* The programs that run over one bus. Their units are called PREFIX-NUMBER.service, with a number that no other
 * process and no earlier one of the same name has used. */
typedef struct UnitPrograms UnitPrograms;
int unit_programs_new(Bus *b, const char *prefix, UnitPrograms **ret) _warn_unused_;
/* When all programs are freed. */
UnitPrograms *unit_programs_free(UnitPrograms *p);
DEFINE_CLEANUP(UnitPrograms *, unit_programs_free)

typedef struct UnitProgram UnitProgram;

/* Starts it and suspends until it has been executed, or cannot be: results are unit_run_wait()'s. What ended as soon as
 * it was executed has been started, too. run->name and
 * run->collect are ours to fill. */
int unit_program_start_wait(UnitPrograms *p, const UnitRun *run, UnitProgram **ret, BusError *reterr) _warn_unused_;
/* Lets go of it at any moment, also in a cancelled fiber: a program that still runs is told to stop, and killed with
 * all its children when it has not after the stop_usec that it was started with. */
UnitProgram *unit_program_free(UnitProgram *p);
DEFINE_CLEANUP(UnitProgram *, unit_program_free)

const char *unit_program_get_name(const UnitProgram *p);
/* The main process' ID, of the manager's PID namespace; 0 when it has ended already. Waits for the manager's answer;
 * errors as bus_call_wait(). */
int unit_program_pid_wait(UnitProgram *p, pid_t *ret) _warn_unused_;
/* Sends a signal to the main process. 0, -ESRCH when it has ended, or as bus_call_wait(). */
int unit_program_kill_wait(UnitProgram *p, int signal, BusError *reterr) _warn_unused_;
/* Suspends until it has ended with all its children, or until deadline: 0 and how, -ETIMEDOUT, -ECANCELED, -ECONNRESET
 * when the manager was lost and knows nothing of it any more. One fiber at a time. */
int unit_program_end_wait(UnitProgram *p, usec_t deadline, UnitResult *ret) _warn_unused_;
