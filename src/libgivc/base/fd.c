/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

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

static int read_all(int fd, size_t max, char **ret, size_t *ret_size) {
        Buffer b = {};
        ssize_t n;

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

int file_read(const char *path, size_t max, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

        return fd < 0 ? -errno : read_all(fd, max, ret, ret_size);
}

int file_read_regular(const char *path, size_t max, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -EMEDIUMTYPE;
        return read_all(fd, max, ret, ret_size);
}

int fd_write_all(int fd, const void *data, size_t size) {
        const uint8_t *p = data;

        while (size > 0) {
                ssize_t n = write(fd, p, size);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        p += n;
                        size -= (size_t) n;
                }
        }
        return 0;
}

/* Owner and mode are right before anybody sees the file by its name. before is NULL for a new one. */
static int file_make(const char *path, const void *p, size_t size, mode_t mode, const struct stat *before) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode & 0600);
        int r;

        if (fd < 0)
                return -errno;
        r = fd_write_all(fd, p, size);
        if (r < 0)
                return r;
        if (before && (before->st_uid != geteuid() || before->st_gid != getegid()) &&
                        fchown(fd, before->st_uid, before->st_gid) < 0)
                return -errno;
        return fchmod(fd, before ? before->st_mode & 07777 : mode) < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* The new name is on the disk when its directory is. */
static int file_sync_directory(const char *path) {
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *directory = strndup(path, slash ? MAX((size_t) (slash - path), (size_t) 1) : 0);
        _cleanup_close_ int fd = -EBADF;

        if (!directory)
                return -ENOMEM;
        fd = open(isempty(directory) ? "." : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int file_put(const char *path, const char *temporary, const void *p, size_t size, mode_t mode,
                const struct stat *before) {
        int r;

        (void) unlink(temporary); /* of a crash */
        r = file_make(temporary, p, size, mode, before);
        if (r >= 0 && rename(temporary, path) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlink(temporary);
                return r;
        }
        return file_sync_directory(path);
}

int file_write_by(const char *path, const char *temporary, const void *p, size_t size, mode_t mode) {
        return file_put(path, temporary, p, size, mode, NULL);
}

int file_write(const char *path, const void *p, size_t size, mode_t mode) {
        _cleanup_free_ char *temporary = strf("%s.new", path);

        return temporary ? file_put(path, temporary, p, size, mode, NULL) : -ENOMEM;
}

int file_write_like(const char *path, const char *like, const void *p, size_t size, mode_t mode) {
        _cleanup_free_ char *temporary = strf("%s.new", path);
        struct stat st;

        if (!temporary)
                return -ENOMEM;
        if (stat(like, &st) >= 0)
                return file_put(path, temporary, p, size, mode, &st);
        return errno == ENOENT ? file_put(path, temporary, p, size, mode, NULL) : -errno;
}

int file_replace(const char *path, const void *p, size_t size, mode_t mode) {
        return file_write_like(path, path, p, size, mode);
}

int file_rename(const char *from, const char *to) {
        return rename(from, to) < 0 ? -errno : file_sync_directory(to);
}

static int directory_make_one(const char *path, mode_t mode) {
        if (mkdir(path, mode) < 0)
                return errno == EEXIST ? 0 : -errno;
        return chmod(path, mode) < 0 ? -errno : 0;
}

int directory_make(const char *path, mode_t mode) {
        _cleanup_free_ char *walk = strdup(path);
        int r = 0;

        if (!walk)
                return -ENOMEM;
        for (size_t n = strlen(walk); n > 1 && walk[n - 1] == '/';)
                walk[--n] = 0;
        for (char *slash = walk; r >= 0 && *slash && (slash = strchr(slash + 1, '/'));) {
                *slash = 0;
                r = directory_make_one(walk, 0755);
                *slash = '/';
        }
        return r < 0 ? r : directory_make_one(walk, mode);
}
