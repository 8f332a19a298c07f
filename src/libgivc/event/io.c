/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel tells of edges only, and is asked for them once in a descriptor's life: a fiber tries first and waits for
 * the next edge when there was nothing, so that a busy stream costs no system call but its own. */
#include "event/io.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

struct Io {
        int fd;
        bool shared, is_socket, hung_up;
        sd_event_source *source;  /* NULL: never makes anybody wait */
        Promise *reader, *writer; /* of who waits */
        bool *ret_freed;          /* whoever is woken may free us */
};

static bool io_wake(Io *io, Promise **slot) {
        bool freed = false;

        if (!*slot)
                return true;
        io->ret_freed = &freed;
        promise_resolve(TAKE_PTR(*slot), 0);
        if (!freed)
                io->ret_freed = NULL;
        return !freed;
}

static int on_edge(_unused_ sd_event_source *s, _unused_ int fd, uint32_t revents, void *userdata) {
        const uint32_t end = EPOLLHUP | EPOLLERR;
        Io *io = userdata;

        io->hung_up = io->hung_up || (revents & end);
        if ((revents & (EPOLLIN | EPOLLRDHUP | end)) && !io_wake(io, &io->reader))
                return 0;
        if (revents & (EPOLLOUT | end))
                (void) io_wake(io, &io->writer);
        return 0;
}

static int io_make(int fd, bool shared, Io **ret) {
        _cleanup_(sd_event_unrefp) sd_event *e = NULL;
        struct stat st;
        Io *io;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        r = sd_event_default(&e);
        if (r < 0)
                return r;
        if (!shared) {
                r = fd_prepare(fd);
                if (r < 0)
                        return r;
        }
        io = mem_new0(Io, 1);
        if (!io)
                return -ENOMEM;
        r = sd_event_add_io(e, &io->source, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, on_edge, io);
        if (r < 0 && r != -EPERM) { /* a file, a directory, /dev/null */
                free(io);
                return r;
        }
        io->fd = fd;
        io->shared = shared;
        io->is_socket = S_ISSOCK(st.st_mode);
        *ret = io;
        return 0;
}

int io_new(int fd, Io **ret) {
        return io_make(fd, false, ret);
}

/* Opened once more, the end of a pipe that one writes to can be made non-blocking for oneself. */
static int reopen_pipe(int fd) {
        char path[sizeof("/proc/self/fd/") + 10];
        struct stat st;

        if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode) || (fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY)
                return -ENOTSUP;
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

int io_new_shared(int fd, Io **ret) {
        _cleanup_close_ int own = reopen_pipe(fd);
        int r;

        if (own < 0)
                return io_make(fd, true, ret);
        r = io_make(own, false, ret);
        if (r >= 0)
                TAKE_FD(own);
        return r;
}

Io *io_free(Io *io) {
        if (!io)
                return NULL;
        assert(!io->reader && !io->writer);
        if (io->ret_freed)
                *io->ret_freed = true;
        sd_event_source_disable_unref(io->source);
        if (!io->shared)
                (void) fd_close(io->fd);
        free(io);
        return NULL;
}

int io_get_fd(const Io *io) {
        return io->fd;
}

static int edge_wait(Promise **slot, usec_t deadline) {
        Promise edge = {};
        int r;

        assert(!*slot);
        *slot = &edge;
        r = promise_wait_until(&edge, deadline);
        if (r < 0)
                *slot = NULL;
        return r;
}

static bool io_is_ready(const Io *io, short events) {
        struct pollfd p = { .fd = io->fd, .events = events };

        return !io->shared || !io->source || poll(&p, 1, 0) > 0;
}

ssize_t io_read_wait(Io *io, void *p, size_t n, usec_t deadline) {
        for (;;) {
                ssize_t k = -1;
                int r;

                errno = EAGAIN;
                if (io_is_ready(io, POLLIN))
                        k = read(io->fd, p, n);
                if (k >= 0)
                        return k;
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return -errno;
                r = edge_wait(&io->reader, deadline);
                if (r < 0)
                        return r;
        }
}

static ssize_t io_write(Io *io, const void *p, size_t n) {
        if (!io_is_ready(io, POLLOUT)) {
                errno = EAGAIN;
                return -1;
        }
        if (io->shared)
                n = MIN(n, (size_t) PIPE_BUF); /* what a pipe that is ready takes without waiting */
        return io->is_socket ? send(io->fd, p, n, MSG_NOSIGNAL) : write(io->fd, p, n);
}

int io_write_wait(Io *io, const void *p, size_t n, usec_t deadline) {
        while (n > 0) {
                ssize_t k = io_write(io, p, n);
                int r;

                if (k >= 0) {
                        p = (const uint8_t *) p + k;
                        n -= (size_t) k;
                        continue;
                }
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return -errno;
                r = edge_wait(&io->writer, deadline);
                if (r < 0)
                        return r;
        }
        return 0;
}

int io_hangup_wait(Io *io, usec_t deadline) {
        while (!io->hung_up) {
                int r = edge_wait(&io->reader, deadline);

                if (r < 0)
                        return r;
        }
        return 0;
}
