/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/password.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "event/io.h"

typedef struct Quiet {
        bool on;
        struct termios saved;
} Quiet;

static void quiet_begin(Quiet *q, const char *prompt) {
        struct termios quiet;

        if (tcgetattr(STDIN_FILENO, &q->saved) < 0)
                return; /* no terminal, nobody to ask */
        quiet = q->saved;
        quiet.c_lflag &= ~(tcflag_t) ECHO;
        q->on = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) >= 0;
        fputs(prompt, stderr);
}

static void quiet_end(Quiet *q) {
        if (!q->on)
                return;
        (void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &q->saved);
        fputs("\n", stderr);
}

int password_read_wait(const char *prompt, char **ret) {
        _cleanup_(quiet_end) Quiet quiet = {};
        _cleanup_(io_freep) Io *io = NULL;
        char text[PASSWORD_MAX + 1];
        size_t n = 0;
        int r;

        r = io_new_shared(STDIN_FILENO, &io);
        if (r < 0)
                return r;
        quiet_begin(&quiet, prompt);
        while (n < PASSWORD_MAX) {
                ssize_t k = io_read_wait(io, text + n, 1, USEC_INFINITY);

                if (k < 0)
                        return (int) k;
                if (k == 0 || text[n] == '\n')
                        break;
                n++;
        }
        text[n] = 0;
        r = n == PASSWORD_MAX ? -E2BIG : 0;
        if (r >= 0) {
                *ret = strdup(text);
                r = *ret ? 0 : -ENOMEM;
        }
        explicit_bzero(text, sizeof(text));
        return r;
}
