/* SPDX-License-Identifier: Apache-2.0 */
/* Files of rules, entities and requests, as the verbs of 'policy' read them. */
#pragma once

#include <stdio.h>

#include "policy/json.h"
#include "policy/policy.h"

/* A file with the name that messages call it, which is printable. */
typedef struct PolicyFile {
        char *name, *text;
        PolicySource source;
} PolicyFile;

void policy_file_done(PolicyFile *f);
/* Reads it; 0, or a negative errno and a sentence in *reterr (new string). */
int policy_file_read(const char *path, size_t max, PolicyFile *ret, char **reterr) _warn_unused_;
/* Prints what source_message() says, its sentence filled to the width of a terminal. */
void policy_message_print(FILE *f, const char *message);
/* A set of the rules of a file. The same. */
int policy_file_load_set(const char *path, PolicySet **ret, char **reterr) _warn_unused_;
