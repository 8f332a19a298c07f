/* SPDX-License-Identifier: Apache-2.0 */
/* What was packed for one reader and is the same for the next: the list, until something changes, and the last event,
 * which a thousand watchers are told one after the other. It knows no messages; who packs them is services/query.c. */
#pragma once

#include "admin/registry.h"
#include "rpc/packed.h"

typedef struct Answers {
        uint64_t n_changes; /* of the registry, when the lists were packed */
        RpcPacked *list;    /* what QueryList answers */
        RpcPacked *initial; /* with what a watch begins */
        EntryImage *image;  /* of what event tells, in which way */
        WatchEventType type;
        RpcPacked *event;
} Answers;

void answers_done(Answers *a);
/* Lets go of the lists if the registry has changed since they were packed. */
void answers_refresh(Answers *a, const Registry *registry);
/* Borrowed; NULL when the last one was another. */
RpcPacked *answers_get_event(const Answers *a, const WatchEvent *event);
void answers_keep_event(Answers *a, const WatchEvent *event, RpcPacked *packed);
