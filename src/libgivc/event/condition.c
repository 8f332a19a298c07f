/* SPDX-License-Identifier: Apache-2.0 */
#include "event/condition.h"

typedef struct Waiter {
        List waiters;
        Promise woken;
} Waiter;

void condition_broadcast(Condition *c, int result) {
        List woken;

        list_init(&woken);
        while (condition_is_awaited(c)) {
                List *node = c->waiters.next;

                list_remove(node);
                list_append(&woken, node);
        }
        /* From here on the condition may be gone. */
        while (!list_is_empty(&woken)) {
                Waiter *w = LIST_ITEM(woken.next, Waiter, waiters);

                list_remove(&w->waiters);
                promise_resolve(&w->woken, result);
        }
}

int condition_wait(Condition *c) {
        return condition_wait_until(c, USEC_INFINITY);
}

int condition_wait_until(Condition *c, usec_t deadline) {
        Waiter w = {};
        int r;

        if (!c->waiters.next)
                list_init(&c->waiters);
        list_append(&c->waiters, &w.waiters);
        r = promise_wait_until(&w.woken, deadline);
        list_remove(&w.waiters);
        return r;
}
