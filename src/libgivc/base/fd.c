/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"

int fd_close(int fd) {
        int saved = errno;

        if (fd >= 0)
                (void) close(fd);
        errno = saved;
        return -EBADF;
}

int fd_prepare(int fd) {
        int flags;

        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        flags = fcntl(fd, F_GETFD);
        if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0)
                return -errno;
        return 0;
}

int file_read(const char *path, size_t max, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd = -EBADF;
        Buffer b = {};
        ssize_t n;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        for (;;) {
                uint8_t *p = buffer_reserve(&b, 4096);
                int r = 0;

                if (!p)
                        r = -ENOMEM;
                else {
                        n = read(fd, p, 4095);
                        if (n < 0 && errno == EINTR)
                                continue;
                        if (n < 0)
                                r = -errno;
                }
                if (r == 0)
                        buffer_commit(&b, n);
                if (r == 0 && b.size > max)
                        r = -EFBIG;
                if (r < 0) {
                        buffer_done(&b);
                        return r;
                }
                if (n == 0)
                        break;
        }
        b.data[b.size] = 0;
        *ret = (char *) b.data;
        if (ret_size)
                *ret_size = b.size;
        return 0;
}
