/* SPDX-License-Identifier: Apache-2.0 */
/* Listening where the configuration says, as soon as that is possible: a machine that boots may have its vsock device,
 * its run directory or its port a little later than its agent. */
#pragma once

#include "rpc/server.h"

typedef struct Listener Listener;

#define LISTENER_BACKOFF_MIN_USEC (200 * USEC_PER_MSEC)
#define LISTENER_BACKOFF_MAX_USEC (5 * USEC_PER_SEC)

/* Listens at once, or tries until it works. Did it not at once, on_end(r, userdata) is called from the loop when it
 * does, with 0, or when trying on would not help any more, with a negative errno. 0, or that errno when it would not
 * from the beginning. Borrows server and address. */
int listener_new(sd_event *event, RpcServer *server, const RpcAddress *address, mode_t mode,
                void (*on_end)(int r, void *userdata), void *userdata, Listener **ret) _warn_unused_;
/* Tries no more; what is listened at stays. */
Listener *listener_free(Listener *l);
DEFINE_CLEANUP(Listener *, listener_free)

bool listener_is_listening(const Listener *l);
/* For systemctl status while it is not: "cannot listen at tcp:10.0.0.1:9000: Address already in use; trying on". New
 * string, NULL when out of memory. */
char *listener_describe(const Listener *l) _warn_unused_;
