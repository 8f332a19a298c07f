/* SPDX-License-Identifier: Apache-2.0 */
/* The policies that agents are given: what each one is now, on the disk and in memory. Where new ones come from is
 * policy-source.h's, how they reach agents push.h's. */
#pragma once

#include <stdint.h>

#include "admin/config-policies.h"
#include "rpc/limits.h"

#define POLICY_DIRECTORY "data/vm-policies" /* in the store: in it a directory of each, with one file */

typedef struct Policies Policies;
typedef struct PolicySource PolicySource;
typedef struct UnitPrograms UnitPrograms;
typedef struct Bus Bus;

/* Does not change, so that an agent gets all of one while the next one comes. */
typedef struct PolicyContent {
        unsigned n_ref;
        size_t size;
        uint8_t data[];
} PolicyContent;

typedef struct Policy {
        Policies *policies;
        const ConfigPolicy *config;
        char *file;             /* its name in the store; NULL: there is none yet */
        PolicyContent *content; /* NULL: the same */
        uint64_t serial;        /* of the content: another one has another */
} Policy;

struct Policies {
        const ConfigPolicies *config;
        char *directory;
        Policy *items;
        size_t n_items;
        void (*on_change)(void *userdata);
        void *userdata;
        Bus *bus;               /* for git; borrowed */
        UnitPrograms *programs; /* the same */
        PolicySource *sources;
        size_t n_sources;
};

/* Reads what the store has. config is borrowed and outlives it. on_change is told of each policy that is
 * another one, or can be fetched or not as it could not before, from then on. 0 or a negative errno. */
int policies_init(Policies *p, const ConfigPolicies *config, const char *store, void (*on_change)(void *userdata),
                void *userdata) _warn_unused_;
void policies_done(Policies *p);

/* Suspends until this is the policy, on the disk and then here: 1, 0 when it was already, or a negative errno and all
 * is as before. from: who has it, for the journal; file: a name for it, NULL or unfit: "policy.bin". */
int policy_set_wait(Policy *p, const void *data, size_t size, const char *file, const char *from) _warn_unused_;
bool policy_is_for(const Policy *p, const char *vm);

PolicyContent *policy_content_ref(PolicyContent *c);
PolicyContent *policy_content_unref(PolicyContent *c);
DEFINE_CLEANUP(PolicyContent *, policy_content_unref)
