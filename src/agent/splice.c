/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/splice.h"

#include <poll.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "event/task.h"

#define SPLICE_ENDED (-4096) /* a task's word for "both directions have ended", never returned to callers */

typedef struct Splice {
        Io *io;
        const SpliceWire *wire;
        void *userdata;
        bool deaf; /* the local program takes nothing any more */
} Splice;

static int send_end_wait(Splice *s, bool half) {
        return s->wire->send_wait(s->userdata, &(SpliceFrame){ .end = true, .half = half });
}

static bool program_is_gone(const Splice *s) {
        struct pollfd p = { .fd = io_get_fd(s->io) };

        return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

/* Until the local program has ended its direction: 0 when it did so in order. */
static int send_bytes_wait(Splice *s, uint8_t *chunk) {
        for (;;) {
                ssize_t n = io_read_wait(s->io, chunk, SPLICE_CHUNK_MAX, USEC_INFINITY);
                int r;

                if (n == -ECANCELED)
                        return (int) n;
                if (n <= 0)
                        return n < 0; /* what was sent before is to arrive all the same */
                r = s->wire->send_wait(s->userdata, &(SpliceFrame){ .data = chunk, .size = (size_t) n });
                if (r < 0)
                        return r;
        }
}

/* A program that has said all that it had to say may still listen; one that is gone does neither. */
static int send_all_wait(Splice *s) {
        _cleanup_free_ uint8_t *chunk = mem_new(uint8_t, SPLICE_CHUNK_MAX);
        int r;

        if (!chunk)
                return -ENOMEM;
        r = send_bytes_wait(s, chunk);
        if (r == 0 && !program_is_gone(s)) {
                free(TAKE_PTR(chunk));
                r = send_end_wait(s, true);
                if (r >= 0)
                        r = io_hangup_wait(s->io, USEC_INFINITY);
        }
        return r < 0 ? r : send_end_wait(s, false);
}

static int send_main(void *userdata) {
        int r = send_all_wait(userdata);

        return r == -EPIPE ? 0 : r;
}

/* It may have closed its socket, or only its ear: reading tells, and has what it said before. */
static int take_bytes_wait(Splice *s, const SpliceFrame *frame) {
        int r;

        if (s->deaf || frame->size == 0)
                return 0;
        r = io_write_wait(s->io, frame->data, frame->size, USEC_INFINITY);
        if (r == -ECANCELED)
                return r;
        s->deaf = r < 0;
        return 0;
}

static int receive_main(void *userdata) {
        Splice *s = userdata;

        for (;;) {
                SpliceFrame frame;
                int r = s->wire->receive_wait(s->userdata, &frame);

                if (r <= 0)
                        return r < 0 ? r : SPLICE_ENDED;
                r = take_bytes_wait(s, &frame);
                if (r < 0)
                        return r;
                if (frame.end && !frame.half)
                        return SPLICE_ENDED;
                if (frame.end)
                        (void) shutdown(io_get_fd(s->io), SHUT_WR);
        }
}

int splice_wait(Io *io, const SpliceWire *wire, void *userdata) {
        _cleanup_(task_group_freep) TaskGroup *group = task_group_new();
        Splice s = { .io = io, .wire = wire, .userdata = userdata };
        int r;

        r = group ? task_group_start(group, receive_main, &s) : -ENOMEM;
        if (r >= 0)
                r = task_group_start(group, send_main, &s);
        if (r >= 0)
                r = task_group_wait(group);
        return r == SPLICE_ENDED ? 0 : r;
}
