/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that do not know how to behave: a thread opens them, they stay until they are freed, then they vanish. */
#pragma once

#include "base/macro.h"

typedef struct Rude Rude;

typedef struct RudeOptions {
        unsigned port; /* of 127.0.0.1 */
        const char *ca, *cert, *key;
        const char *server_name;
} RudeOptions;

/* Begins to open n connections, of each kind as many; the options must stay. 0 or a negative errno. */
int rude_new(const RudeOptions *options, unsigned n, Rude **ret) _warn_unused_;
/* Readable when all are as far as they will go. */
int rude_get_fd(const Rude *r);
/* How many could not get that far; once the descriptor is readable. */
unsigned rude_count_failed(const Rude *r);
/* Lets them vanish. */
Rude *rude_free(Rude *r);
DEFINE_CLEANUP(Rude *, rude_free)
