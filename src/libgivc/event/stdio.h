/* SPDX-License-Identifier: Apache-2.0 */
/* The standard streams of a program that the manager runs for us: their ends for it, ours for fibers. */
#pragma once

#include "event/io.h"

typedef struct Stdio {
        Io *in, *out, *err; /* ours; in: NULL when it reads from /dev/null; with a terminal in and out are one, and err
                             * is NULL */
        int theirs[3];      /* until it has been started */
        char *tty;          /* the terminal's path; NULL: pipes */
        int tty_fd;         /* keeps it open, so that it has no end before we say so */
} Stdio;

#define STDIO_NONE                                                                                                     \
        { .theirs = { -EBADF, -EBADF, -EBADF }, .tty_fd = -EBADF }

/* Pipes. 0 or a negative errno. */
int stdio_new_pipes(bool input, Stdio *ret) _warn_unused_;
/* A terminal of a size. 0 or a negative errno. */
int stdio_new_terminal(unsigned rows, unsigned columns, Stdio *ret) _warn_unused_;
void stdio_done(Stdio *s);
/* The program has its ends: closes ours of them. */
void stdio_release(Stdio *s);
int stdio_resize(Stdio *s, unsigned rows, unsigned columns);
/* There will be no more input: the program reads the end, of a terminal by its end-of-file character. Suspends. */
int stdio_end_input_wait(Stdio *s);
/* The program has ended: reading output comes to its end. */
void stdio_end_output(Stdio *s);
/* As io_read_wait(), but the end of a terminal is an end. */
ssize_t stdio_read_wait(Io *io, void *p, size_t n);
