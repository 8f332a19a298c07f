/* SPDX-License-Identifier: Apache-2.0 */
/* Policies from a git repository: git runs in a unit that may do nothing else, and tells the files over a pipe. */
#pragma once

#include "admin/policy-source.h"

/* One answer: the name of a file in the repository, and what is in it. */
typedef struct GitFile {
        const char *path; /* not terminated */
        size_t path_size;
        const uint8_t *data;
        size_t size;
} GitFile;

/* Takes the next file off what git has written ("blob SIZE MODE PATH", a line's end, as many bytes, a line's end): 1, 0
 * at the end, -EBADMSG when it is cut or no such thing. What is no plain file is skipped. */
int policy_git_next(const uint8_t **p, size_t *size, GitFile *ret) _warn_unused_;

/* Suspends until the policies are what the repository has: 0, or a negative errno with a sentence in *reterr. */
int policy_git_poll_wait(PolicySource *s, char **reterr) _warn_unused_;
