/* SPDX-License-Identifier: Apache-2.0 */
/* The user's own terminal, handed to a program elsewhere: every key goes there, and its size is told. */
#pragma once

#include <systemd/sd-event.h>
#include <termios.h>

#include "base/macro.h"

typedef struct Terminal {
        int fd;
        struct termios saved;
        sd_event_source *resized;
} Terminal;

#define TERMINAL_NONE                                                                                                  \
        { .fd = -EBADF }

/* Before anything makes threads, so that they inherit the mask: the loop gets SIGWINCH. 0 or a negative errno. */
int terminal_block_resize(void) _warn_unused_;
/* Takes it over; on_resize is called from the loop. 0, or a negative errno and nothing is changed. */
int terminal_take(
                int fd, sd_event *e, sd_event_signal_handler_t on_resize, void *userdata, Terminal *ret) _warn_unused_;
/* As it was. */
void terminal_done(Terminal *t);
int terminal_get_size(int fd, unsigned *ret_rows, unsigned *ret_columns) _warn_unused_;
