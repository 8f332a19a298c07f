/* SPDX-License-Identifier: Apache-2.0 */
#include "event/stdio.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define END_OF_FILE "\x04" /* VEOF of a terminal that nobody has set up otherwise */

static int make_pipe(bool input, int *ret_theirs, Io **ret_ours) {
        int fds[2], r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        r = io_new(fds[input], ret_ours);
        if (r < 0) {
                (void) fd_close(fds[input]);
                (void) fd_close(fds[!input]);
                return r;
        }
        *ret_theirs = fds[!input];
        return 0;
}

int stdio_new_pipes(bool input, Stdio *ret) {
        _cleanup_(stdio_done) Stdio s = STDIO_NONE;
        int r;

        if (input) {
                r = make_pipe(true, &s.theirs[0], &s.in);
                if (r < 0)
                        return r;
        } else {
                s.theirs[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
                if (s.theirs[0] < 0)
                        return -errno;
        }
        r = make_pipe(false, &s.theirs[1], &s.out);
        if (r < 0)
                return r;
        r = make_pipe(false, &s.theirs[2], &s.err);
        if (r < 0)
                return r;
        *ret = s;
        s = (Stdio) STDIO_NONE;
        return 0;
}

static int set_size(int fd, unsigned rows, unsigned columns) {
        const struct winsize size = { .ws_row = MIN(rows, UINT16_MAX), .ws_col = MIN(columns, UINT16_MAX) };

        return ioctl(fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

int stdio_new_terminal(unsigned rows, unsigned columns, Stdio *ret) {
        _cleanup_(stdio_done) Stdio s = STDIO_NONE;
        _cleanup_close_ int fd = -EBADF;
        char path[64];
        int r;

        fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0)
                return -errno;
        r = ptsname_r(fd, path, sizeof(path));
        if (r != 0)
                return -r;
        s.tty = strdup(path);
        if (!s.tty)
                return -ENOMEM;
        s.tty_fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (s.tty_fd < 0)
                return -errno;
        r = set_size(fd, rows, columns);
        if (r < 0)
                return r;
        r = io_new(fd, &s.out);
        if (r < 0)
                return r;
        (void) TAKE_FD(fd);
        s.in = s.out;
        *ret = s;
        s = (Stdio) STDIO_NONE;
        return 0;
}

void stdio_release(Stdio *s) {
        for (size_t i = 0; i < ELEMENTSOF(s->theirs); i++)
                s->theirs[i] = fd_close(s->theirs[i]);
}

void stdio_done(Stdio *s) {
        stdio_release(s);
        if (s->in != s->out)
                io_free(s->in);
        io_free(s->out);
        io_free(s->err);
        (void) fd_close(s->tty_fd);
        free(s->tty);
        *s = (Stdio) STDIO_NONE;
}

int stdio_resize(Stdio *s, unsigned rows, unsigned columns) {
        return s->tty ? set_size(io_get_fd(s->out), rows, columns) : -ENOTTY;
}

int stdio_end_input_wait(Stdio *s) {
        if (s->tty)
                return io_write_wait(s->in, END_OF_FILE, strlen(END_OF_FILE), USEC_INFINITY);
        s->in = io_free(s->in);
        return 0;
}

void stdio_end_output(Stdio *s) {
        s->tty_fd = fd_close(s->tty_fd);
}

ssize_t stdio_read_wait(Io *io, void *p, size_t n) {
        ssize_t r = io_read_wait(io, p, n, USEC_INFINITY);

        return r == -EIO ? 0 : r;
}
