/* SPDX-License-Identifier: Apache-2.0 */
/* How things look on standard output: colours, width, JSON. */
#pragma once

#include <stdio.h>

#include <protobuf-c/protobuf-c.h>

#include "base/time.h"
#include "ctl/options.h"
#include "proto/json.h"

typedef struct Look {
        bool colours;
        bool unicode;
        bool legend;
        size_t width; /* columns; 0: as wide as it gets */
} Look;

/* From the terminal, $COLUMNS, $NO_COLOR, $TERM, the locale and the options. */
void look_init(Look *look, const Options *o);

/* The escape sequence for a word of state (VmStatus, ActiveState, FreezerState), NULL for an ordinary one. */
const char *state_to_colour(const char *state);
/* The same for a priority of syslog(3). */
const char *priority_to_colour(unsigned priority);
/* Around a coloured text; "" when there are no colours. */
const char *look_begin(const Look *look, const char *colour);
const char *look_end(const Look *look, const char *colour);

/* How long ago the time was, in its largest unit, as systemctl says it: "2min ago", or "now" when it is to come. */
#define AGO_MAX 32
void ago_to_text(usec_t time, usec_t now, char ret[AGO_MAX]);

/* Writing to standard output has failed, because it is a pipe that nobody reads any more. */
bool output_lost_its_reader(void);
/* A message in the mode that the options ask for, as a line (or lines); in a sequence each begins with RS (RFC 7464).
 * 0 or a negative errno. */
int output_json(FILE *f, const void *message, OutputMode mode, bool sequence) _warn_unused_;
/* The same for a JSON object or array. */
int output_json_value(FILE *f, const json_t *json, OutputMode mode, bool sequence) _warn_unused_;
