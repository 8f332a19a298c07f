/* SPDX-License-Identifier: Apache-2.0 */
/* What may wait for a disk, in a thread beside the loop: fsync(2) and its like, which no descriptor announces. */
#pragma once

#include "base/macro.h"

typedef struct Offload Offload;

/* Runs func(userdata) in a thread of its own, which touches nothing that others do meanwhile, and then, from the loop,
 * on_done with its result. 0, or -EAGAIN, -EMFILE, -ENOMEM and func is not run. */
int offload_start(int (*func)(void *userdata), void (*on_done)(int result, void *userdata), void *userdata,
                Offload **ret) _warn_unused_;
/* In on_done or later. Before, it blocks until func has returned, and on_done is not called. */
Offload *offload_free(Offload *o);
DEFINE_CLEANUP(Offload *, offload_free)
