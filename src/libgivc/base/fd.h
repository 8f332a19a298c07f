/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors and directories: closing at scope end, flags, whole files. */
#pragma once

#include <dirent.h>
#include <sys/types.h>

#include "base/macro.h"

/* Closes fd if it is one (negative is none), keeps errno, returns -EBADF to store in its place. */
int fd_close(int fd);
static inline void fd_closep(int *fd) {
        *fd = fd_close(*fd);
}
#define _cleanup_close_ _cleanup_(fd_closep)
DEFINE_CLEANUP(DIR *, closedir)
#define _cleanup_closedir_ _cleanup_(closedirp)

/* Sets O_NONBLOCK and FD_CLOEXEC; 0 or a negative errno. */
int fd_prepare(int fd);
/* Reads a whole file of at most max bytes into a new NUL-terminated string; 0, a negative errno, -EFBIG when it is
 * longer. It waits for the disk, and of a pipe for who writes to it, so it is for start-up only. */
int file_read(const char *path, size_t max, char **ret, size_t *ret_size) _warn_unused_;
/* The same for a daemon that has begun to work, and waits for the disk alone: -EMEDIUMTYPE when it is a pipe, a device
 * or the like. */
int file_read_regular(const char *path, size_t max, char **ret, size_t *ret_size) _warn_unused_;
/* Replaces the file by one with these bytes and this mode, which is on the disk when it returns: after a failure or a
 * crash there is the old content or the new, whole. It waits for the disk. 0 or a negative errno. */
int file_write(const char *path, const void *p, size_t size, mode_t mode) _warn_unused_;
/* The same, by way of a file of that name in the same directory ("PATH.new" otherwise), which two who write the same
 * file at once must not share. What is there of that name, from a crash, is removed. */
int file_write_by(const char *path, const char *temporary, const void *p, size_t size, mode_t mode) _warn_unused_;
/* As file_write(), with owner and mode of another file, when that is there. */
int file_write_like(const char *path, const char *like, const void *p, size_t size, mode_t mode) _warn_unused_;
/* As file_write(), but a file that is there keeps its owner and its mode. */
int file_replace(const char *path, const void *p, size_t size, mode_t mode) _warn_unused_;
/* The new name is on the disk when it returns. 0 or a negative errno. */
int file_rename(const char *from, const char *to) _warn_unused_;
/* A directory of this mode with those above it, which get 0755, whatever the umask is. Those that are there stay as
 * they are. 0 or a negative errno. */
int directory_make(const char *path, mode_t mode) _warn_unused_;
/* All of it; 0 or a negative errno. It waits for whom the descriptor belongs to. */
int fd_write_all(int fd, const void *data, size_t size) _warn_unused_;
