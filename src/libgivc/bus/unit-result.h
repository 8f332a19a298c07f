/* SPDX-License-Identifier: Apache-2.0 */
/* Why a service unit ended. */
#pragma once

#include "bus/unit.h"

typedef struct UnitResult {
        char *result; /* systemd's word: "success", "exit-code", "signal", "oom-kill", "timeout", … */
        int code;     /* of its main process as waitid(2) has it: CLD_EXITED, CLD_KILLED, CLD_DUMPED; 0: it never ran */
        int status;   /* exit status or signal */
        uint32_t pid; /* of it; 0: it never ran */
} UnitResult;

void unit_result_done(UnitResult *r);
/* "exit-code, status 3", "signal, SIGSEGV", "start-limit-hit"; new string, NULL when out of memory. */
char *unit_result_to_string(const UnitResult *r) _warn_unused_;

/* Asks the manager, for a service that it still knows. -ENOENT, and what bus_call_wait() returns. */
int unit_result_wait(Bus *b, const char *name, UnitResult *ret) _warn_unused_;
