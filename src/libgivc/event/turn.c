/* SPDX-License-Identifier: Apache-2.0 */
#include "event/turn.h"

int turn_wait(Turn *t) {
        while (t->taken) {
                int r = condition_wait(&t->ended);

                if (r < 0)
                        return r;
        }
        t->taken = true;
        return 0;
}

void turn_end(Turn *t) {
        t->taken = false;
        condition_broadcast(&t->ended, 0);
}
