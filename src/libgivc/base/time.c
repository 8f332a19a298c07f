/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

usec_t time_now(clockid_t clock) {
        struct timespec ts;
        _unused_ int r = clock_gettime(clock, &ts); /* not within assert(), which NDEBUG takes away */

        assert(r == 0);
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}
