/* SPDX-License-Identifier: Apache-2.0 */
/* How a relay ends: by the peer, by gRPC, by its owner, or at once because of a fault. */
#include "rpc/relay-internal.h"

#include <sys/socket.h>

#include "base/fd.h"
#include "base/str.h"

#define RELAY_LINGER_USEC (1 * USEC_PER_SEC)

void relay_set_error(Relay *r, const char *prefix, const char *error) {
        if (r->error)
                return;
        r->error = prefix ? strf("%s: %s", prefix, error) : strdup(error);
}

void relay_close_net(Relay *r) {
        r->net_source = sd_event_source_disable_unref(r->net_source);
        r->net = fd_close(r->net);
        r->net_eof = true;
        buffer_consume(relay_output(r), relay_output(r)->size);
        buffer_consume(&r->to_grpc, r->to_grpc.size);
}

static int on_closed(_unused_ sd_event_source *s, void *userdata) {
        Relay *r = userdata;

        r->hooks.closed(r, r->userdata);
        return 0;
}

int relay_prepare_close(Relay *r) {
        int k;

        k = sd_event_add_defer(rpc_queue_get_event(r->queue), &r->closed_source, on_closed, r);
        return k < 0 ? k : sd_event_source_set_enabled(r->closed_source, SD_EVENT_OFF);
}

/* closed() runs from the loop's top: it frees what the functions on the stack are still using. */
static void relay_finish(Relay *r) {
        r->state = RELAY_CLOSED;
        r->timer = sd_event_source_disable_unref(r->timer);
        r->stall = sd_event_source_disable_unref(r->stall);
        r->inner = fd_close(r->inner);
        (void) sd_event_source_set_enabled(r->closed_source, SD_EVENT_ONESHOT);
}

static int on_linger(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        Relay *r = userdata;

        relay_close_net(r);
        relay_update(r);
        return 0;
}

void relay_begin_close(Relay *r) {
        if (r->state >= RELAY_CLOSING)
                return;
        r->state = RELAY_CLOSING;
        r->timer = sd_event_source_disable_unref(r->timer);
        if (r->inner < 0)
                r->inner_eof = true;
}

void relay_shut_inner(Relay *r) {
        if (r->inner < 0 || r->inner_shut)
                return;
        r->inner_shut = true;
        (void) shutdown(r->inner, SHUT_WR);
        rpc_lane_drive(r->lane);
}

bool relay_go_on_closing(Relay *r) {
        size_t left = relay_output(r)->size;

        if (r->inner_eof && left == 0)
                relay_close_net(r);
        if (r->inner >= 0 && (r->net < 0 || r->net_eof))
                relay_shut_inner(r);
        if (r->inner_eof && r->net < 0) {
                relay_finish(r);
                return true;
        }
        if (left > 0 && !r->timer &&
                        sd_event_add_time_relative(rpc_queue_get_event(r->queue), &r->timer, CLOCK_MONOTONIC,
                                        RELAY_LINGER_USEC, USEC_PER_MSEC, on_linger, r) < 0)
                relay_close_net(r);
        return false;
}

void relay_close(Relay *r, const char *error) {
        if (r->state >= RELAY_CLOSING)
                return;
        if (error)
                relay_set_error(r, NULL, error);
        relay_begin_close(r);
        r->net_eof = true;
        buffer_consume(&r->to_grpc, r->to_grpc.size);
        rpc_queue_enter(r->queue);
        if (r->lane)
                rpc_lane_touch(r->lane);
        else
                relay_update(r);
        rpc_queue_leave(r->queue);
}

void relay_abort(Relay *r, const char *prefix, const char *error) {
        relay_set_error(r, prefix, error);
        relay_begin_close(r);
        relay_close_net(r);
}

void relay_drop(Relay *r) {
        if (r->state == RELAY_CLOSING)
                relay_close_net(r);
}
