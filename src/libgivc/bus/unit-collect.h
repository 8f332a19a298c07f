/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of which all is wanted that they put out: input is given at once, output is taken whole, and of what they
 * complain about the last line. */
#pragma once

#include "base/mem.h"
#include "bus/unit-program.h"
#include "event/stdio.h"

typedef struct UnitCollect {
        const void *input; /* where there is a pipe for it */
        size_t n_input;
        size_t output_max; /* bytes */
        usec_t deadline;   /* CLOCK_MONOTONIC */
} UnitCollect;

typedef struct UnitOutput {
        Buffer output;
        UnitResult result;
        char *complaint; /* the last line that it wrote to standard error, printable; NULL: none */
} UnitOutput;

void unit_output_done(UnitOutput *o);
/* Suspends until a program that was started with these pipes has ended, however it did: 0, -EFBIG when it puts out
 * more, or as unit_program_end_wait(). */
int unit_collect_wait(UnitProgram *p, Stdio *stdio, const UnitCollect *collect, UnitOutput *ret) _warn_unused_;
