/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive doubly-linked lists: an item carries a List node, the owner a List head that points to itself when
 * empty. */
#pragma once

#include "base/macro.h"

typedef struct List {
        struct List *next, *prev;
} List;

static inline void list_init(List *l) {
        l->next = l->prev = l;
}
static inline bool list_is_empty(const List *l) {
        return l->next == l || !l->next;
}
/* Adds the node before head, that is, at the end of the list. */
static inline void list_append(List *head, List *node) {
        node->prev = head->prev;
        node->next = head;
        head->prev->next = node;
        head->prev = node;
}
/* Takes the node out; doing it twice, or to a zeroed node, does nothing. */
static inline void list_remove(List *node) {
        if (!node->next)
                return;
        node->prev->next = node->next;
        node->next->prev = node->prev;
        node->next = node->prev = node;
}

#define LIST_ITEM(node, type, member) CONTAINER_OF(node, type, member)

/* Visits every item; the current item may be removed (and freed) on the way, its neighbour may not. */
#define LIST_FOREACH(i, head, type, member)                                                                            \
        for (type *i = LIST_ITEM((head)->next, type, member), *_n = LIST_ITEM(i->member.next, type, member);           \
                        &i->member != (head); i = _n, _n = LIST_ITEM(i->member.next, type, member))
