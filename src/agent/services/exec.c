/* SPDX-License-Identifier: Apache-2.0 */
/* exec.Exec: one command with its input and output, see proto/exec.proto. Bytes wait where they are for who takes them;
 * only a little input is kept, so that a signal reaches a command that does not read. */
#include <signal.h>

#include "agent/services/command.h"
#include "agent/services/services.h"
#include "agent/services/unit-error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "event/stdio.h"
#include "event/task.h"
#include "event/turn.h"
#include "exec.pb-c.h"

#define OUTPUT_CHUNK ((size_t) 64 * 1024 - 64) /* with its frames four full records of TLS, and no fifth */
#define INPUT_MAX    ((size_t) 256 * 1024)     /* that the command has not read yet; then its caller waits */
#define STOP_USEC    (USEC_PER_SEC / 2)        /* from SIGTERM to SIGKILL when its caller has left */

#define EXEC_ENDED   (-4096) /* a task's word for "all is done": ends the others, is never returned to callers */

typedef struct Exec {
        RpcCall *call;
        Agent *agent;
        RpcStatus *reterr;
        UnitProgram *program;
        Stdio stdio;
        Buffer input;
        bool input_ended, deaf;
        unsigned n_outputs;
        Condition more, room; /* input: of the one who writes it, of the one who receives it */
        Turn sending;         /* output: of the stream that waits while the other one is sent */
        Promise outputs_ended;
        UnitResult result;
} Exec;

typedef struct Output {
        Exec *exec;
        Io *io;
        Exec__CommandResponse__EventCase kind;
} Output;

/* One at a time: a call sends one message after the other. */
static int exec_send_wait(Exec *e, const Exec__CommandResponse *response) {
        int r;

        r = turn_wait(&e->sending);
        if (r < 0)
                return r;
        r = rpc_call_send_wait(e->call, response);
        turn_end(&e->sending);
        return r;
}

static int send_output_wait(Output *o, uint8_t *chunk) {
        Exec__CommandIO io = EXEC__COMMAND_IO__INIT;
        Exec__CommandResponse response = EXEC__COMMAND_RESPONSE__INIT;

        for (;;) {
                ssize_t n = stdio_read_wait(o->io, chunk, OUTPUT_CHUNK);
                int r;

                if (n <= 0)
                        return (int) n;
                io.payload = (ProtobufCBinaryData){ .data = chunk, .len = (size_t) n };
                response.event_case = o->kind;
                response.stdout = &io; /* stderr is the same member of the union */
                r = exec_send_wait(o->exec, &response);
                if (r < 0)
                        return r;
        }
}

static int output_main(void *userdata) {
        Output *o = userdata;
        _cleanup_free_ uint8_t *chunk = mem_new(uint8_t, OUTPUT_CHUNK);
        int r;

        r = chunk ? send_output_wait(o, chunk) : -ENOMEM;
        if (r >= 0 && --o->exec->n_outputs == 0)
                promise_resolve(&o->exec->outputs_ended, 0);
        return r;
}

/* A command need not read what it is given. */
static int write_input_wait(Exec *e) {
        _cleanup_(buffer_done) Buffer chunk = e->input;
        int r;

        e->input = (Buffer){};
        condition_broadcast(&e->room, 0);
        if (e->deaf)
                return 0;
        r = io_write_wait(e->stdio.in, buffer_head(&chunk), chunk.size, USEC_INFINITY);
        if (r != -EPIPE && r != -EIO)
                return r;
        e->deaf = true;
        return 0;
}

static int input_main(void *userdata) {
        Exec *e = userdata;
        int r;

        while (!e->input_ended || e->input.size > 0) {
                r = e->input.size > 0 ? write_input_wait(e) : condition_wait(&e->more);
                if (r < 0)
                        return r;
        }
        if (e->deaf)
                return 0;
        r = stdio_end_input_wait(&e->stdio);
        return r == -EPIPE || r == -EIO ? 0 : r;
}

static int take_input_wait(Exec *e, const ProtobufCBinaryData *payload) {
        int r;

        if (!e->stdio.in)
                return 0; /* it reads from /dev/null, as its caller has said */
        while (e->input.size > 0 && e->input.size + payload->len > INPUT_MAX) {
                r = condition_wait(&e->room);
                if (r < 0)
                        return r;
        }
        r = buffer_append(&e->input, payload->data, payload->len);
        condition_broadcast(&e->more, 0);
        return r;
}

static int take_signal_wait(Exec *e, int number) {
        _cleanup_(bus_error_done) BusError error = {};
        int r;

        if (!unit_kill_signal_is_valid(number))
                return rpc_error(e->reterr, RPC_INVALID_ARGUMENT, "%i is not the number of a signal.", number);
        r = unit_program_kill_wait(e->program, number, &error);
        return r < 0 && r != -ESRCH ? unit_error(e->reterr, r, "signal", unit_program_get_name(e->program), &error) : 0;
}

static int take_request_wait(Exec *e, const Exec__CommandRequest *request) {
        switch (request->command_case) {
        case EXEC__COMMAND_REQUEST__COMMAND_STDIN:
                return take_input_wait(e, &request->stdin->payload);
        case EXEC__COMMAND_REQUEST__COMMAND_SIGNAL:
                return take_signal_wait(e, request->signal->signal);
        case EXEC__COMMAND_REQUEST__COMMAND_RESIZE:
                if (!e->stdio.tty)
                        return rpc_error(e->reterr, RPC_INVALID_ARGUMENT, "The command has no terminal to resize.");
                return stdio_resize(&e->stdio, request->resize->rows, request->resize->columns);
        case EXEC__COMMAND_REQUEST__COMMAND_START:
                return rpc_error(e->reterr, RPC_INVALID_ARGUMENT, "The command has been started already.");
        default:
                return 0; /* of a newer caller */
        }
}

static int requests_main(void *userdata) {
        Exec *e = userdata;

        for (;;) {
                const Exec__CommandRequest *request;
                int r = rpc_call_receive_wait(e->call, &request);

                if (r <= 0) {
                        e->input_ended = true;
                        condition_broadcast(&e->more, 0);
                        return r;
                }
                r = take_request_wait(e, request);
                if (r < 0)
                        return r;
        }
}

static int end_main(void *userdata) {
        Exec *e = userdata;
        int r;

        r = unit_program_end_wait(e->program, USEC_INFINITY, &e->result);
        if (r < 0)
                return unit_error(e->reterr, r, "learn the end of", unit_program_get_name(e->program), NULL);
        stdio_end_output(&e->stdio);
        r = promise_wait(&e->outputs_ended);
        return r < 0 ? r : EXEC_ENDED;
}

/* The agent stops, and with it what it runs. */
static int stop_main(void *userdata) {
        Exec *e = userdata;
        _cleanup_(feed_reader_freep) FeedReader *feed = NULL;
        int r;

        r = feed_reader_new(agent_get_feed(e->agent), &feed);
        if (r < 0)
                return r;
        r = feed_reader_sleep_wait(feed, USEC_INFINITY);
        return r == -ESHUTDOWN ? rpc_error(e->reterr, RPC_UNAVAILABLE, "The agent stops.") : r;
}

static int exec_run_wait(Exec *e) {
        Output outputs[] = {
                { e, e->stdio.out, EXEC__COMMAND_RESPONSE__EVENT_STDOUT },
                { e, e->stdio.err, EXEC__COMMAND_RESPONSE__EVENT_STDERR },
        };
        static const fiber_func_t tasks[] = { end_main, stop_main, input_main, requests_main };
        _cleanup_(task_group_freep) TaskGroup *group = task_group_new();
        int r = group ? 0 : -ENOMEM;

        e->n_outputs = e->stdio.err ? 2 : 1;
        for (unsigned i = 0, n = e->n_outputs; r >= 0 && i < n; i++)
                r = task_group_start(group, output_main, &outputs[i]);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(tasks); i++)
                if (tasks[i] != input_main || e->stdio.in)
                        r = task_group_start(group, tasks[i], e);
        if (r >= 0)
                r = task_group_wait(group);
        return r == EXEC_ENDED ? 0 : r;
}

static int send_started_wait(Exec *e) {
        Exec__StartedEvent started = EXEC__STARTED_EVENT__INIT;
        Exec__CommandResponse response = EXEC__COMMAND_RESPONSE__INIT;
        pid_t pid;
        int r;

        r = unit_program_pid_wait(e->program, &pid);
        if (r < 0)
                return unit_error(e->reterr, r, "ask after", unit_program_get_name(e->program), NULL);
        started.pid = pid;
        response.event_case = EXEC__COMMAND_RESPONSE__EVENT_STARTED;
        response.started = &started;
        return exec_send_wait(e, &response);
}

static int send_finished_wait(Exec *e) {
        Exec__FinishedEvent finished = EXEC__FINISHED_EVENT__INIT;
        Exec__CommandResponse response = EXEC__COMMAND_RESPONSE__INIT;

        finished.returncode = e->result.code == CLD_EXITED ? e->result.status : 128 + e->result.status;
        response.event_case = EXEC__COMMAND_RESPONSE__EVENT_FINISHED;
        response.finished = &finished;
        return exec_send_wait(e, &response);
}

static int exec_start_wait(Exec *e, const Exec__StartCommand *start) {
        _cleanup_(bus_error_done) BusError error = {};
        _cleanup_(command_done) Command command = COMMAND_NONE;
        const Config *config = agent_get_config(e->agent);
        int r;

        r = command_from_request(&command, start, config, e->reterr);
        if (r < 0)
                return r;
        r = start->terminal ? stdio_new_terminal(start->terminal->rows, start->terminal->columns, &e->stdio)
                            : stdio_new_pipes(start->has_stdin_case, &e->stdio);
        if (r < 0)
                return r;
        r = agent_manager_wait(e->agent);
        if (r < 0)
                return unit_error(e->reterr, r, "run", start->command, NULL);
        command.run.tty = e->stdio.tty;
        command.run.stdio = e->stdio.tty ? NULL : e->stdio.theirs;
        command.run.binds_to = agent_get_unit(e->agent);
        command.run.stop_usec = STOP_USEC;
        command.run.tasks_max = config->exec_tasks_max;
        command.run.memory_max = (uint64_t) config->exec_memory_max_mib << 20;
        r = unit_program_start_wait(agent_get_programs(e->agent), &command.run, &e->program, &error);
        stdio_release(&e->stdio);
        if (r == -ENOENT)
                return rpc_error(e->reterr, RPC_NOT_FOUND, "There is no program '%s' on this machine.", start->command);
        if (r == -ESRCH)
                return rpc_error(e->reterr, RPC_FAILED_PRECONDITION, "Command '%s' cannot be run as user '%s'.",
                                start->command, strempty(command.run.user));
        if (r == -ENOTDIR)
                return rpc_error(e->reterr, RPC_FAILED_PRECONDITION, "Command '%s' cannot be run in '%s'.",
                                start->command, strempty(command.run.working_directory));
        if (r < 0)
                return unit_error(e->reterr, r, "run", start->command, &error);
        log_write(LOG_INFO,
                        LOG_FIELDS({ "GIVC_PEER", identity_get_key(rpc_call_get_identity(e->call)) },
                                        { "UNIT", unit_program_get_name(e->program) }),
                        "Runs '%s' as '%s'", start->command, unit_program_get_name(e->program));
        return take_input_wait(e, &start->stdin);
}

static void exec_done(Exec *e) {
        unit_program_free(e->program);
        stdio_done(&e->stdio);
        buffer_done(&e->input);
        unit_result_done(&e->result);
}

static int method_run_command(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        _cleanup_(exec_done) Exec e = { .call = call, .agent = userdata, .reterr = reterr, .stdio = STDIO_NONE };
        const Exec__CommandRequest *first;
        int r;

        r = rpc_call_receive_wait(call, &first);
        if (r < 0)
                return r;
        if (r == 0 || first->command_case != EXEC__COMMAND_REQUEST__COMMAND_START)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "The first message must say what to start.");
        r = exec_start_wait(&e, first->start);
        if (r < 0)
                return r;
        r = send_started_wait(&e);
        if (r < 0)
                return r;
        r = exec_run_wait(&e);
        return r < 0 ? r : send_finished_wait(&e);
}

static const RpcMethod methods[] = {
        { "RunCommand", RPC_BIDI_STREAM, method_run_command },
        {},
};

const RpcService exec_service = { &exec__exec__descriptor, methods };
