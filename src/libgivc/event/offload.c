/* SPDX-License-Identifier: Apache-2.0 */
#include "event/offload.h"

#include <sys/eventfd.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "event/thread.h"

struct Offload {
        int (*func)(void *userdata);
        void (*on_done)(int result, void *userdata);
        void *userdata;
        int result;
        int done_fd;
        sd_event_source *source;
        pthread_t thread;
        bool runs;
};

static void *offload_main(void *p) {
        Offload *o = p;

        o->result = o->func(o->userdata);
        (void) eventfd_write(o->done_fd, 1);
        return NULL;
}

static void offload_join(Offload *o) {
        o->source = sd_event_source_disable_unref(o->source);
        if (o->runs)
                (void) pthread_join(o->thread, NULL);
        o->runs = false;
}

static int on_event(_unused_ sd_event_source *s, _unused_ int fd, _unused_ uint32_t events, void *userdata) {
        Offload *o = userdata;

        offload_join(o);
        o->on_done(o->result, o->userdata);
        return 0;
}

int offload_start(int (*func)(void *userdata), void (*on_done)(int result, void *userdata), void *userdata,
                Offload **ret) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(offload_freep) Offload *o = NULL;
        int r;

        o = mem_new0(Offload, 1);
        if (!o)
                return -ENOMEM;
        *o = (Offload){ .func = func, .on_done = on_done, .userdata = userdata };
        o->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (o->done_fd < 0)
                return -errno;
        r = sd_event_default(&event);
        if (r < 0)
                return r;
        r = sd_event_add_io(event, &o->source, o->done_fd, EPOLLIN, on_event, o);
        if (r < 0)
                return r;
        r = thread_start(offload_main, o, &o->thread);
        if (r < 0)
                return r;
        o->runs = true;
        *ret = TAKE_PTR(o);
        return 0;
}

Offload *offload_free(Offload *o) {
        if (!o)
                return NULL;
        offload_join(o);
        (void) fd_close(o->done_fd);
        free(o);
        return NULL;
}
