/* SPDX-License-Identifier: Apache-2.0 */
#include "event/file.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "event/io.h"
#include "event/thread.h"

/* What the thread works on, and all of it its own once it runs. */
typedef struct Work {
        char *path, *temporary, *directory;
        uint8_t *data;
        size_t size;
        mode_t mode;
        FileFlags flags;
        int done_fd; /* eventfd: takes WORK_BASE + result */
} Work;

#define WORK_BASE 8192 /* above every errno, so that what is written is never 0 */

static void work_free(Work *w) {
        free(w->path);
        free(w->temporary);
        free(w->directory);
        free(w->data);
        fd_close(w->done_fd);
        free(w);
}
DEFINE_CLEANUP(Work *, work_free)

static bool file_has_content(const char *path, const uint8_t *data, size_t size) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
        uint8_t chunk[16384];
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (size_t) st.st_size != size)
                return false;
        while (size > 0) {
                ssize_t n = read(fd, chunk, MIN(sizeof(chunk), size));

                if (n <= 0 || memcmp(chunk, data, (size_t) n) != 0)
                        return false;
                data += n;
                size -= (size_t) n;
        }
        return true;
}

/* Those of others, as they are made and renamed, begin with a dot. */
static void remove_others(const char *directory, const char *name) {
        _cleanup_closedir_ DIR *d = opendir(directory);
        const struct dirent *e;
        struct stat st;

        while (d && (e = readdir(d)))
                if (e->d_name[0] != '.' && !streq(e->d_name, name) &&
                                fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
                        (void) unlinkat(dirfd(d), e->d_name, 0);
}

static int work_write(const Work *w) {
        int r = w->flags & FILE_IN_DIRECTORY ? directory_make(w->directory, FILE_DIRECTORY_MODE) : 0;

        if (r < 0 || file_has_content(w->path, w->data, w->size))
                return r;
        r = file_write_by(w->path, w->temporary, w->data, w->size, w->mode);
        return r < 0 ? r : 1;
}

static int work_do(const Work *w) {
        int r = work_write(w);

        if (r >= 0 && w->flags & FILE_ALONE)
                remove_others(w->directory, strrchr(w->path, '/') + 1);
        return r;
}

static void *work_main(void *userdata) {
        _cleanup_(work_freep) Work *w = userdata;
        uint64_t result = (uint64_t) (WORK_BASE + work_do(w));

        (void) !write(w->done_fd, &result, sizeof(result));
        return NULL;
}

static int work_new(const char *path, const void *data, size_t size, mode_t mode, FileFlags flags, Work **ret) {
        static unsigned n_works; /* two may have the same path */
        const char *slash = strrchr(path, '/');
        _cleanup_(work_freep) Work *w = NULL;

        if (!slash || !slash[1])
                return -EINVAL;
        w = mem_new0(Work, 1);
        if (!w)
                return -ENOMEM;
        w->done_fd = -EBADF;
        w->path = strdup(path);
        w->temporary = strf("%.*s/.%s.%u", (int) (slash - path), path, slash + 1, n_works++);
        w->directory = strndup(path, (size_t) (slash - path));
        w->data = mem_dup(data, size);
        w->size = size;
        w->mode = mode;
        w->flags = flags;
        if (!w->path || !w->temporary || !w->directory || !w->data)
                return -ENOMEM;
        *ret = TAKE_PTR(w);
        return 0;
}

int file_replace_wait(const char *path, const void *data, size_t size, mode_t mode, FileFlags flags) {
        _cleanup_(work_freep) Work *w = NULL;
        _cleanup_(io_freep) Io *io = NULL;
        _cleanup_close_ int fd = -EBADF;
        uint64_t result;
        ssize_t n;
        int r;

        r = work_new(path, data, size, mode, flags, &w);
        if (r < 0)
                return r;
        fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        w->done_fd = fd < 0 ? -EBADF : fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0 || w->done_fd < 0)
                return -errno;
        r = io_new(fd, &io);
        if (r < 0)
                return r;
        fd = -EBADF;
        r = thread_start(work_main, w, NULL);
        if (r < 0)
                return r;
        (void) TAKE_PTR(w);
        n = io_read_wait(io, &result, sizeof(result), USEC_INFINITY);
        return n < 0 ? (int) n : n == sizeof(result) ? (int) result - WORK_BASE : -EIO;
}
