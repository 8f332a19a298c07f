/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/channel.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "rpc/channel-internal.h"
#include "rpc/limits.h"

#define BACKOFF_MIN_USEC (200 * USEC_PER_MSEC)
#define BACKOFF_MAX_USEC (5 * USEC_PER_SEC)
#define CONNECT_USEC     (5 * USEC_PER_SEC)
#define STANDING_USEC    (1 * USEC_PER_SEC)

int rpc_channel_new(RpcQueue *q, const RpcChannelOptions *options, RpcChannel **ret) {
        _cleanup_(rpc_channel_unrefp) RpcChannel *c = NULL;
        int r;

        c = mem_new0(RpcChannel, 1);
        if (!c)
                return -ENOMEM;
        c->n_ref = 1;
        c->queue = rpc_queue_ref(q);
        c->credentials = options->credentials ? tls_credentials_ref(options->credentials) : NULL;
        c->connect_usec = options->connect_usec ? options->connect_usec : CONNECT_USEC;
        c->backoff.min_usec = options->backoff_min_usec ? options->backoff_min_usec : BACKOFF_MIN_USEC;
        c->backoff.max_usec = options->backoff_max_usec ? options->backoff_max_usec : BACKOFF_MAX_USEC;
        r = rpc_address_copy(options->address, &c->address);
        if (r < 0)
                return r;
        c->name = rpc_address_to_string(&c->address);
        if (!c->name || str_replace(&c->server_name, options->server_name) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(c);
        return 0;
}

RpcChannel *rpc_channel_ref(RpcChannel *c) {
        c->n_ref++;
        return c;
}

RpcChannel *rpc_channel_unref(RpcChannel *c) {
        if (!c || --c->n_ref > 0)
                return NULL;
        assert(!condition_is_awaited(&c->changed)); /* who waits holds a reference */
        sd_event_source_disable_unref(c->retry);
        if (c->link)
                link_release(c->link);
        rpc_address_done(&c->address);
        tls_credentials_unref(c->credentials);
        free(c->name);
        free(c->server_name);
        free(c->error);
        (void) rpc_queue_unref(c->queue);
        free(c);
        return NULL;
}

static void channel_set_state(RpcChannel *c, RpcChannelState state) {
        if (c->state == state)
                return;
        c->state = state;
        (void) rpc_channel_ref(c); /* the listener may drop the last one */
        condition_broadcast(&c->changed, 0);
        if (c->on_state)
                c->on_state(c, state, c->userdata);
        (void) rpc_channel_unref(c);
}

static void channel_try(RpcChannel *c);

static int on_retry(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        RpcChannel *c = userdata;

        c->retry = sd_event_source_disable_unref(c->retry);
        channel_try(c);
        return 0;
}

static void channel_retry_later(RpcChannel *c) {
        usec_t usec = backoff_next_usec(&c->backoff);

        c->retry = sd_event_source_disable_unref(c->retry);
        (void) sd_event_add_time_relative(rpc_queue_get_event(c->queue), &c->retry, CLOCK_MONOTONIC, usec,
                        10 * USEC_PER_MSEC, on_retry, c);
}

static void channel_fail(RpcChannel *c, const char *error) {
        free(c->error);
        c->error = strf("%s: %s", c->name, error);
        channel_retry_later(c);
        channel_set_state(c, RPC_CHANNEL_FAILED);
}

static void channel_try(RpcChannel *c) {
        int r;

        r = link_new(c, &c->link);
        if (r < 0)
                channel_fail(c, strerror(-r));
        else if (c->state != RPC_CHANNEL_FAILED)
                channel_set_state(c, RPC_CHANNEL_CONNECTING);
}

void channel_on_ready(RpcChannel *c) {
        c->ready_since = time_now(CLOCK_MONOTONIC);
        free(c->error);
        c->error = NULL;
        channel_set_state(c, RPC_CHANNEL_READY);
}

/* A connection that has stood for a while is made again at once, and calls wait for it; a peer that does not keep us
 * is not bothered more often than one that does not answer. */
void channel_on_closed(RpcChannel *c, const char *error) {
        if (c->state == RPC_CHANNEL_READY && time_now(CLOCK_MONOTONIC) - c->ready_since >= STANDING_USEC) {
                backoff_reset(&c->backoff);
                c->state = RPC_CHANNEL_IDLE;
                channel_try(c);
        } else
                channel_fail(c, error);
}

void rpc_channel_connect(RpcChannel *c) {
        if (c->state == RPC_CHANNEL_IDLE)
                channel_try(c);
}

void rpc_channel_retry(RpcChannel *c) {
        if (c->state != RPC_CHANNEL_READY)
                backoff_reset(&c->backoff);
        if (c->retry) {
                c->retry = sd_event_source_disable_unref(c->retry);
                channel_try(c);
        } else
                rpc_channel_connect(c);
}

RpcChannelState rpc_channel_get_state(const RpcChannel *c) {
        return c->state;
}

const char *rpc_channel_get_error(const RpcChannel *c) {
        return c->error ? c->error : "not connected";
}

void rpc_channel_set_listener(
                RpcChannel *c, void (*on_state)(RpcChannel *c, RpcChannelState state, void *userdata), void *userdata) {
        c->on_state = on_state;
        c->userdata = userdata;
}

int rpc_channel_ready_wait(RpcChannel *c, usec_t deadline) {
        int r = 0;

        (void) rpc_channel_ref(c);
        rpc_channel_connect(c);
        while (r >= 0 && c->state != RPC_CHANNEL_READY)
                r = condition_wait_until(&c->changed, deadline);
        (void) rpc_channel_unref(c);
        return r < 0 ? r : 0;
}

int channel_usable_wait(RpcChannel *c, const RpcCallOptions *options, RpcStatus *reterr) {
        usec_t deadline = options->deadline != 0 ? options->deadline : USEC_INFINITY;
        int r;

        rpc_channel_connect(c);
        /* A connection that has begun to end takes no more calls: each would fail at once, without a turn of the
         * loop. */
        while (c->state != RPC_CHANNEL_READY || (c->link && relay_is_ending(c->link->relay))) {
                if (c->state == RPC_CHANNEL_FAILED && !options->wait_for_ready)
                        return rpc_error(reterr, RPC_UNAVAILABLE, "Not reachable: %s", rpc_channel_get_error(c));
                r = condition_wait_until(&c->changed, deadline);
                if (r == -ETIMEDOUT)
                        return rpc_error(reterr, RPC_DEADLINE_EXCEEDED, "No connection in time: %s",
                                        rpc_channel_get_error(c));
                if (r < 0)
                        return rpc_error(reterr, RPC_CANCELLED, "The call was cancelled");
        }
        return 0;
}
