/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC's mutexes look for deadlock cycles unless their library was built for release, which Debian's was not: a sixth
 * of the instructions of a call. The switch exists in C++ only, hence the one file in that language. */
#include <absl/synchronization/mutex.h>

extern "C" {
#include "rpc/mutex.h"
}

void rpc_mutex_tune(void) {
        absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}
