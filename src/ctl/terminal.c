/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>

int terminal_block_resize(void) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGWINCH);
        return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

int terminal_get_size(int fd, unsigned *ret_rows, unsigned *ret_columns) {
        struct winsize size;

        if (ioctl(fd, TIOCGWINSZ, &size) < 0)
                return -errno;
        *ret_rows = size.ws_row;
        *ret_columns = size.ws_col;
        return 0;
}

int terminal_take(int fd, sd_event *e, sd_event_signal_handler_t on_resize, void *userdata, Terminal *ret) {
        Terminal t = { .fd = fd };
        struct termios raw;
        int r;

        if (tcgetattr(fd, &t.saved) < 0)
                return -errno;
        r = sd_event_add_signal(e, &t.resized, SIGWINCH, on_resize, userdata);
        if (r < 0)
                return r;
        raw = t.saved;
        cfmakeraw(&raw);
        if (tcsetattr(fd, TCSADRAIN, &raw) < 0) {
                r = -errno;
                sd_event_source_disable_unref(t.resized);
                return r;
        }
        *ret = t;
        return 0;
}

void terminal_done(Terminal *t) {
        if (t->fd < 0)
                return;
        (void) tcsetattr(t->fd, TCSADRAIN, &t->saved);
        sd_event_source_disable_unref(t->resized);
        *t = (Terminal) TERMINAL_NONE;
}
