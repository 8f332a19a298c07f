/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl exec: a command on a VM, with our standard streams or our terminal as its own, like ssh. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/terminal.h"
#include "ctl/verbs.h"
#include "event/condition.h"
#include "event/io.h"
#include "event/turn.h"
#include "exec.pb-c.h"
#include "proto/unpack.h"

#define EXIT_OWN_FAILURE 255                       /* as ssh: what the command ends with is below */
#define CHUNK            ((size_t) 64 * 1024 - 64) /* as the agent's */
#define ESCAPE           '\x1d' /* ^], three times within a second, leaves: as machinectl(1) has it */
#define ESCAPE_TIMES     3
#define ESCAPE_USEC      USEC_PER_SEC

#define EXEC_FINISHED    (-4096) /* a task's word for the end of all, never returned to callers */

typedef struct Exec {
        Ctl *ctl;
        RpcStream *stream;
        RpcStatus *reterr;
        Io *in, *out, *err;
        Terminal terminal;
        Condition resized;
        Turn sending;
        unsigned n_escapes;
        usec_t first_escape;
        int status;
} Exec;

/* Input and sizes come from two fibers. */
static int send_wait(Exec *e, const Exec__CommandRequest *request) {
        int r;

        r = turn_wait(&e->sending);
        if (r < 0)
                return r;
        r = rpc_stream_send_wait(e->stream, request);
        turn_end(&e->sending);
        return r == -EPIPE ? 0 : r; /* receiving tells how it ended */
}

static bool is_escape(Exec *e, const uint8_t *p, size_t n) {
        const usec_t now = time_now(CLOCK_MONOTONIC);

        for (; n > 0; p++, n--) {
                if (*p != ESCAPE) {
                        e->n_escapes = 0;
                        continue;
                }
                if (e->n_escapes == 0 || now > e->first_escape + ESCAPE_USEC) {
                        e->n_escapes = 0;
                        e->first_escape = now;
                }
                if (++e->n_escapes == ESCAPE_TIMES)
                        return true;
        }
        return false;
}

static int send_input_wait(Exec *e, uint8_t *chunk) {
        Exec__CommandRequest request = EXEC__COMMAND_REQUEST__INIT;
        Exec__CommandIO io = EXEC__COMMAND_IO__INIT;

        request.command_case = EXEC__COMMAND_REQUEST__COMMAND_STDIN;
        request.stdin = &io;
        for (;;) {
                ssize_t n = io_read_wait(e->in, chunk, CHUNK, USEC_INFINITY);
                int r;

                if (n <= 0)
                        return n == -EIO ? 0 : (int) n; /* a terminal that has hung up */
                if (e->terminal.fd >= 0 && is_escape(e, chunk, (size_t) n))
                        return -ECANCELED;
                io.payload = (ProtobufCBinaryData){ .data = chunk, .len = (size_t) n };
                r = send_wait(e, &request);
                if (r < 0)
                        return r;
        }
}

static int input_main(void *userdata) {
        Exec *e = userdata;
        _cleanup_free_ uint8_t *chunk = mem_new(uint8_t, CHUNK);
        int r;

        r = chunk ? send_input_wait(e, chunk) : -ENOMEM;
        if (r < 0)
                return r;
        r = turn_wait(&e->sending);
        if (r < 0)
                return r;
        r = rpc_stream_close_send_wait(e->stream);
        turn_end(&e->sending);
        return r == -EPIPE ? 0 : r;
}

static int resize_main(void *userdata) {
        Exec *e = userdata;
        Exec__CommandRequest request = EXEC__COMMAND_REQUEST__INIT;
        Exec__Terminal terminal = EXEC__TERMINAL__INIT;
        int r = 0;

        request.command_case = EXEC__COMMAND_REQUEST__COMMAND_RESIZE;
        request.resize = &terminal;
        while (r >= 0) {
                r = condition_wait(&e->resized);
                if (r >= 0)
                        r = terminal_get_size(e->terminal.fd, &terminal.rows, &terminal.columns);
                if (r >= 0)
                        r = send_wait(e, &request);
        }
        return r;
}

static int on_resize(_unused_ sd_event_source *s, _unused_ const struct signalfd_siginfo *si, void *userdata) {
        Exec *e = userdata;

        condition_broadcast(&e->resized, 0);
        return 0;
}

/* Whoever reads our output has left: the command is to end, and we as any program in a pipe. */
static int write_wait(Exec *e, Io *to, const Exec__CommandIO *io) {
        int r;

        r = io_write_wait(to, io->payload.data, io->payload.len, USEC_INFINITY);
        if (r == -EPIPE) {
                e->ctl->interrupted = SIGPIPE;
                return -ECANCELED;
        }
        return r;
}

static int take_response_wait(Exec *e, const Exec__CommandResponse *response) {
        switch (response->event_case) {
        case EXEC__COMMAND_RESPONSE__EVENT_STDOUT:
                return write_wait(e, e->out, response->stdout);
        case EXEC__COMMAND_RESPONSE__EVENT_STDERR:
                return write_wait(e, e->err, response->stderr);
        case EXEC__COMMAND_RESPONSE__EVENT_FINISHED:
                e->status = response->finished->returncode;
                return EXEC_FINISHED;
        default:
                return 0;
        }
}

static int output_main(void *userdata) {
        Exec *e = userdata;
        int r;

        do {
                _cleanup_proto_ Exec__CommandResponse *response = NULL;

                r = rpc_stream_receive_wait(e->stream, &response, e->reterr);
                if (r <= 0)
                        return r < 0 ? r
                                     : rpc_error(e->reterr, RPC_UNAVAILABLE,
                                                       "The agent ended the stream before the command");
                r = take_response_wait(e, response);
        } while (r >= 0);
        return r;
}

static int start_wait(Exec *e, const char *vm, char **argv) {
        const Options *o = &e->ctl->options;
        Exec__CommandRequest request = EXEC__COMMAND_REQUEST__INIT;
        Exec__StartCommand start = EXEC__START_COMMAND__INIT;
        Exec__Terminal terminal = EXEC__TERMINAL__INIT;
        int r;

        start.command = argv[0];
        start.arguments = argv + 1;
        while (start.arguments[start.n_arguments])
                start.n_arguments++;
        start.vmname = (char *) vm;
        start.has_stdin_case = EXEC__START_COMMAND__HAS_STDIN_STDIN;
        if (o->user) {
                start.has_role_case = EXEC__START_COMMAND__HAS_ROLE_ROLE;
                start.role = (char *) o->user;
        }
        if (o->directory) {
                start.has_working_directory_case = EXEC__START_COMMAND__HAS_WORKING_DIRECTORY_WORKING_DIRECTORY;
                start.workingdirectory = (char *) o->directory;
        }
        if (o->terminal) {
                r = terminal_get_size(STDIN_FILENO, &terminal.rows, &terminal.columns);
                if (r < 0)
                        return r;
                terminal.type = (char *) strempty(getenv("TERM"));
                start.terminal = &terminal;
        }
        request.command_case = EXEC__COMMAND_REQUEST__COMMAND_START;
        request.start = &start;
        return send_wait(e, &request);
}

static int run_wait(Exec *e, sd_event *event) {
        static const fiber_func_t tasks[] = { output_main, input_main, resize_main };
        _cleanup_(task_group_freep) TaskGroup *group = task_group_new();
        int r = group ? 0 : -ENOMEM;

        if (r >= 0)
                r = io_new_shared(STDIN_FILENO, &e->in);
        if (r >= 0)
                r = io_new_shared(STDOUT_FILENO, &e->out);
        if (r >= 0)
                r = io_new_shared(STDERR_FILENO, &e->err);
        if (r >= 0 && e->ctl->options.terminal)
                r = terminal_take(STDIN_FILENO, event, on_resize, e, &e->terminal);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(tasks); i++)
                if (tasks[i] != resize_main || e->terminal.fd >= 0)
                        r = task_group_start(group, tasks[i], e);
        return r < 0 ? r : task_group_wait(group);
}

static void exec_done(Exec *e) {
        terminal_done(&e->terminal);
        rpc_stream_free(e->stream);
        io_free(e->in);
        io_free(e->out);
        io_free(e->err);
}

static int exec_wait(Exec *e, const char *vm, char **argv) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        int r;

        r = sd_event_default(&event);
        if (r < 0)
                return r;
        r = client_open_wait(e->ctl->client, &exec__exec__descriptor, "RunCommand", &e->stream, e->reterr);
        if (r < 0)
                return r;
        r = start_wait(e, vm, argv);
        return r < 0 ? r : run_wait(e, event);
}

CtlExit verb_exec(Ctl *ctl, char **words, _unused_ size_t n_words) {
        _cleanup_free_ char *what =
                        strf("run '%s' on '%s'", ctl->options.arguments ? ctl->options.arguments[0] : "", words[0]);
        char **argv = ctl->options.arguments;
        RpcStatus status = {};
        int r;

        if (!argv || !*argv)
                return ctl_usage("'exec' needs a command behind '--': exec %s -- COMMAND [ARG…]", words[0]);
        if (ctl->options.terminal && !isatty(STDIN_FILENO))
                return ctl_usage("Standard input is no terminal, which --tty needs.");
        {
                _cleanup_(exec_done) Exec e = { .ctl = ctl, .reterr = &status, .terminal = TERMINAL_NONE };

                r = exec_wait(&e, words[0], argv);
                if (r == EXEC_FINISHED)
                        return (CtlExit) (e.status & 0xff);
        }
        if (r == -ECANCELED && (!ctl->interrupted || ctl->interrupted == SIGPIPE)) /* the escape, or nobody reads */
                rpc_status_done(&status);
        else if (ctl_fail(ctl, r, &status, what ? what : "run it") == CTL_OK)
                return CTL_OK;
        return (CtlExit) EXIT_OWN_FAILURE;
}
