/* SPDX-License-Identifier: Apache-2.0 */
/* The file of access rules, and what the log says of it. */
#pragma once

#include "policy/policy.h"

/* Reads it, which waits for the disk. As rpc_rules_new(). */
int rules_file_read(const char *file, PolicySet **ret, char **reterr) _warn_unused_;
/* Logs that these rules are in use now, and what in them was hardly meant so. */
void rules_file_log(const char *file, const PolicySet *set);
