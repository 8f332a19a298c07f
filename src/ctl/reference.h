/* SPDX-License-Identifier: Apache-2.0 */
/* What givc-cli, the program before this one, wrote to standard output, to the letter: scripts read it. */
#pragma once

#include <stdio.h>

#include "admin.pb-c.h"
#include "proto/json.h"
#include "systemd.pb-c.h"

/* A string as Rust's {:?} writes it. */
void rust_print_string(FILE *f, const char *s);
/* Entries as a new JSON array with its field names; NULL when out of memory. */
json_t *reference_list_to_json(const Admin__QueryListResponse *list) _warn_unused_;
/* Both print a line, or, without as_json, Rust's {:#?}. 0 or a negative errno. */
int reference_print_list(FILE *f, const Admin__QueryListResponse *list, bool as_json) _warn_unused_;
/* Of an event that is not Initial; others are ignored. */
int reference_print_event(FILE *f, const Admin__WatchItem *event, bool as_json) _warn_unused_;
/* {:?} and a line's end. */
void reference_print_started(FILE *f, const Admin__StartResponse *reply);
/* The same. */
void reference_print_generations(FILE *f, const Admin__ListGenerationsResponse *reply);
/* The same, of what the program before this one knew. */
void reference_print_stats(FILE *f, const Stats__StatsResponse *stats);
/* {:?} and no line's end. */
void reference_print_notified(FILE *f, const Notify__Status *reply);
void reference_print_status(FILE *f, const Systemd__UnitStatus *status);
