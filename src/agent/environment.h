/* SPDX-License-Identifier: Apache-2.0 */
/* Environment variables: their names, and what applications get of the agent's. */
#pragma once

#include "base/macro.h"

/* A new list of the assignments that are for every program of the machine or session: without what the service manager
 * told this process about itself, without what is ours (configured: also without our configuration), and without what
 * systemd would refuse. 0 or -ENOMEM. */
int environment_for_applications(char *const *own, bool configured, char ***ret) _warn_unused_;

/* Bytes of s that are the name of a variable, as systemd has them; 0: it does not begin with one. */
size_t environment_name_length(const char *s);
/* A pattern is a name, or with a '*' behind it all that begin so: "LC_*", "*". */
bool environment_pattern_is_valid(const char *pattern);
bool environment_name_matches(const char *name, const char *pattern);
