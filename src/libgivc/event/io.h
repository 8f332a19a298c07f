/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing in fibers: pipes, sockets and terminals that make nobody else wait. */
#pragma once

#include <sys/types.h>

#include "event/fiber.h"

/* A file descriptor that at most one fiber reads from and one writes to at a time. */
typedef struct Io Io;

/* Takes the descriptor over, on success, and makes it non-blocking: for everybody who shares its open file, so a
 * descriptor that was handed down (standard input) wants io_new_shared(). A file on a disk never makes anybody wait, as
 * poll(2) has it. 0 or a negative errno. */
int io_new(int fd, Io **ret) _warn_unused_;
/* The same for a descriptor that belongs to others too: it stays as it is, and is read and written only when it is
 * ready, PIPE_BUF bytes at most; the end of a pipe that is written to is opened once more instead, where it can be, and
 * written to as any other. Freed it stays open. */
int io_new_shared(int fd, Io **ret) _warn_unused_;
/* Nobody may wait on it any more. */
Io *io_free(Io *io);
DEFINE_CLEANUP(Io *, io_free)

/* Borrowed: for shutdown(2), fstat(2) and the like. */
int io_get_fd(const Io *io);
/* Suspends until there is something to read: 1 to n bytes, 0 at the end, -ETIMEDOUT past deadline (CLOCK_MONOTONIC,
 * USEC_INFINITY: none), -ECANCELED, or what read(2) says. */
ssize_t io_read_wait(Io *io, void *p, size_t n, usec_t deadline) _warn_unused_;
/* Suspends until all is written, or it cannot be: 0, -ETIMEDOUT, -ECANCELED, -EPIPE (no signal is raised by a socket; a
 * program that writes to pipes ignores SIGPIPE), or what write(2) says. */
int io_write_wait(Io *io, const void *p, size_t n, usec_t deadline) _warn_unused_;
/* Suspends until the other side is gone (the reader of a pipe, the whole peer of a socket): 0, -ETIMEDOUT, -ECANCELED.
 * It counts as reading. */
int io_hangup_wait(Io *io, usec_t deadline) _warn_unused_;
