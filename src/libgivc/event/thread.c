/* SPDX-License-Identifier: Apache-2.0 */
#include "event/thread.h"

#include <signal.h>

int thread_start(void *(*main)(void *userdata), void *userdata, pthread_t *ret) {
        sigset_t all, before;
        pthread_t thread;
        int r;

        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        r = -pthread_create(&thread, NULL, main, userdata);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r < 0)
                return r;
        if (ret)
                *ret = thread;
        else
                (void) pthread_detach(thread);
        return 0;
}
