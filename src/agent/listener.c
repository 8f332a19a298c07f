/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/listener.h"

#include "base/mem.h"
#include "base/str.h"
#include "event/backoff.h"

struct Listener {
        RpcServer *server;
        const RpcAddress *address;
        mode_t mode;
        void (*on_end)(int r, void *userdata);
        void *userdata;
        sd_event_source *timer;
        Backoff backoff;
        int error; /* of the last try */
};

/* What time may change. */
static const int passing[] = {
        -EADDRINUSE,
        -EADDRNOTAVAIL,
        -EAFNOSUPPORT, /* the module for vsock is not loaded */
        -ENODEV,
        -ENOENT, /* the directory of a socket */
        -ENETDOWN,
        -EMFILE,
        -ENFILE,
        -ENOBUFS,
        -ENOMEM,
};

static bool error_is_passing(int error) {
        for (size_t i = 0; i < ELEMENTSOF(passing); i++)
                if (passing[i] == error)
                        return true;
        return false;
}

/* 1 when it listens, 0 when there will be another try. */
static int listener_try(Listener *l) {
        int r;

        l->error = rpc_server_listen(l->server, l->address, l->mode, (gid_t) -1);
        if (l->error >= 0)
                return 1;
        if (!error_is_passing(l->error))
                return l->error;
        r = sd_event_source_set_time_relative(l->timer, backoff_next_usec(&l->backoff));
        return r < 0 ? r : sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT);
}

static int on_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        Listener *l = userdata;
        int r;

        r = listener_try(l);
        if (r != 0)
                l->on_end(MIN(r, 0), l->userdata);
        return 0;
}

int listener_new(sd_event *event, RpcServer *server, const RpcAddress *address, mode_t mode,
                void (*on_end)(int r, void *userdata), void *userdata, Listener **ret) {
        _cleanup_(listener_freep) Listener *l = NULL;
        int r;

        l = mem_new(Listener, 1);
        if (!l)
                return -ENOMEM;
        *l = (Listener){ server, address, mode, on_end, userdata,
                .backoff = { LISTENER_BACKOFF_MIN_USEC, LISTENER_BACKOFF_MAX_USEC, 0 } };
        r = sd_event_add_time_relative(event, &l->timer, CLOCK_MONOTONIC, 0, 0, on_timer, l);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = listener_try(l);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

Listener *listener_free(Listener *l) {
        if (!l)
                return NULL;
        sd_event_source_disable_unref(l->timer);
        free(l);
        return NULL;
}

bool listener_is_listening(const Listener *l) {
        return l->error >= 0;
}

char *listener_describe(const Listener *l) {
        _cleanup_free_ char *address = rpc_address_to_string(l->address);

        return address ? strf("cannot listen at %s: %s; trying on", address, strerror(-l->error)) : NULL;
}
