/* SPDX-License-Identifier: Apache-2.0 */
/* Threads beside the loop, for what would make it wait. */
#pragma once

#include <pthread.h>

#include "base/macro.h"

/* Runs main(userdata) in a thread that no signal is delivered to: signals are the loop's. ret is for pthread_join();
 * NULL: nobody joins it. 0, or -EAGAIN and main is not run. */
int thread_start(void *(*main)(void *userdata), void *userdata, pthread_t *ret) _warn_unused_;
