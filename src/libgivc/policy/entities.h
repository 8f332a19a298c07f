/* SPDX-License-Identifier: Apache-2.0 */
/* Entities that a decision knows: their attributes, their tags, and what they are in. An entity that is not here has
 * none of these, and is in itself only. */
#pragma once

#include "policy/value.h"

typedef struct Entity {
        EntityUid uid;
        const ValueRecord *attributes, *tags; /* never NULL */
        size_t n_parents;
        const EntityUid *parents;
} Entity;

typedef struct Entities Entities;

#define ENTITIES_MAX           1000000    /* entities, with those that are named as parents only */
#define ENTITIES_RELATIONS_MAX (16 << 20) /* steps from one to what it is in, all in all */

/* Everything in the entities is borrowed, and outlives this. NULL when out of memory. */
Entities *entities_new(void) _warn_unused_;
void entities_free(Entities *e);
DEFINE_CLEANUP(Entities *, entities_free)
/* Adds one; 0, -EEXIST when one of that uid is there and says something else, -E2BIG, -ENOMEM. */
int entities_add(Entities *e, const Entity *entity) _warn_unused_;
/* Finds what each is in, however far up. Call it after the last was added. 0, -ELOOP when one is in itself (*ret is
 * it), -E2BIG, -ENOMEM. */
int entities_finish(Entities *e, const EntityUid **ret) _warn_unused_;

/* NULL when it is not known. e may be NULL, and knows nothing then. Good until the next is added. */
const Entity *entities_get(const Entities *e, const EntityUid *uid);
/* Whether a is b or is in it. */
bool entities_is_in(const Entities *e, const EntityUid *a, const EntityUid *b);
/* The i-th of all that it is in, NULL past the last. */
const EntityUid *entities_get_ancestor(const Entities *e, const EntityUid *uid, size_t i);
