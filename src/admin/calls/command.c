/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/calls/command.h"

#include "base/mem.h"
#include "base/str.h"
#include "exec.pb-c.h"
#include "proto/unpack.h"

/* Bytes of standard error, the last of it: a message is cut at its end, where the reason stands. */
#define ERROR_TEXT_MAX ((size_t) RPC_MESSAGE_SIZE_MAX - 256)

typedef struct Running {
        RpcStream *stream;
        command_output_t on_output;
        void *userdata;
        Buffer halves[2]; /* of characters, of standard output and error, that have not come whole */
        int status;
} Running;

static void running_done(Running *r) {
        rpc_stream_free(r->stream);
        buffer_done(&r->halves[0]);
        buffer_done(&r->halves[1]);
}

static int send_start_wait(Running *r, const Command *command) {
        Exec__StartCommand__EnvVarsEntry variable = EXEC__START_COMMAND__ENV_VARS_ENTRY__INIT;
        Exec__StartCommand__EnvVarsEntry path = EXEC__START_COMMAND__ENV_VARS_ENTRY__INIT;
        Exec__StartCommand__EnvVarsEntry *variables[] = { &variable, &path };
        Exec__CommandRequest request = EXEC__COMMAND_REQUEST__INIT;
        Exec__StartCommand start = EXEC__START_COMMAND__INIT;
        int k;

        start.command = (char *) command->program;
        start.arguments = (char **) command->arguments;
        while (start.arguments[start.n_arguments])
                start.n_arguments++;
        if (command->variable) {
                variable.key = (char *) command->variable;
                variable.value = (char *) command->value;
                path.key = (char *) "PATH";
                path.value = (char *) command->path;
                start.envvars = variables;
                start.n_envvars = command->path ? 2 : 1;
        }
        request.command_case = EXEC__COMMAND_REQUEST__COMMAND_START;
        request.start = &start;
        k = rpc_stream_send_wait(r->stream, &request);
        if (k >= 0)
                k = rpc_stream_close_send_wait(r->stream);
        return k == -EPIPE ? 0 : k; /* receiving tells how it ended */
}

/* Bytes at the end that begin a character whose rest has not come. */
static size_t count_unfinished(const uint8_t *p, size_t n) {
        for (size_t i = 1; i <= MIN(n, (size_t) 3); i++) {
                uint8_t c = p[n - i];

                if (c < 0x80)
                        return 0;
                if (c >= 0xc0)
                        return i < (c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2) ? i : 0;
        }
        return 0;
}

static int take_output_wait(Running *r, bool error, const ProtobufCBinaryData *data, bool last) {
        Buffer *half = &r->halves[error];
        _cleanup_free_ char *text = NULL;
        size_t keep;
        int k;

        k = buffer_append(half, data->data, data->len);
        if (k < 0)
                return k;
        keep = last ? 0 : count_unfinished(buffer_head(half), half->size);
        if (half->size == keep)
                return 0;
        text = mem_dup(buffer_head(half), half->size - keep);
        if (!text)
                return -ENOMEM;
        buffer_consume(half, half->size - keep);
        for (char *p = text, *end = text + strlen(text); p < end; p++)
                if (!*p)
                        *p = '?';
        str_make_utf8(text, '?');
        return r->on_output(error, text, r->userdata);
}

static int flush_wait(Running *r) {
        const ProtobufCBinaryData nothing = {};
        int k;

        k = take_output_wait(r, false, &nothing, true);
        return k < 0 ? k : take_output_wait(r, true, &nothing, true);
}

/* 1 when that was the end. */
static int take_response_wait(Running *r, const Exec__CommandResponse *response) {
        switch (response->event_case) {
        case EXEC__COMMAND_RESPONSE__EVENT_STDOUT:
                return take_output_wait(r, false, &response->stdout->payload, false);
        case EXEC__COMMAND_RESPONSE__EVENT_STDERR:
                return take_output_wait(r, true, &response->stderr->payload, false);
        case EXEC__COMMAND_RESPONSE__EVENT_FINISHED:
                r->status = response->finished->returncode;
                return 1;
        default:
                return 0;
        }
}

static int receive_wait(Running *r, RpcStatus *reterr) {
        int k;

        do {
                _cleanup_proto_ Exec__CommandResponse *response = NULL;

                k = rpc_stream_receive_wait(r->stream, &response, reterr);
                if (k < 0)
                        return k;
                if (k == 0)
                        return rpc_error(reterr, RPC_UNAVAILABLE, "The agent left before the command ended.");
                k = take_response_wait(r, response);
        } while (k == 0);
        return k < 0 ? k : flush_wait(r);
}

int command_wait(RpcChannel *c, const Command *command, usec_t deadline, command_output_t on_output, void *userdata,
                int *ret_status, RpcStatus *reterr) {
        _cleanup_(running_done) Running r = { .on_output = on_output, .userdata = userdata };
        int k;

        k = rpc_stream_open_wait(c, &exec__exec__descriptor, "RunCommand", &(RpcCallOptions){ .deadline = deadline },
                        &r.stream, reterr);
        if (k >= 0)
                k = send_start_wait(&r, command);
        if (k >= 0)
                k = receive_wait(&r, reterr);
        if (k < 0)
                return k;
        *ret_status = r.status;
        return 0;
}

static void keep_last(Buffer *b, size_t max) {
        if (b->size <= max)
                return;
        buffer_consume(b, b->size - max);
        while (b->size > 0 && (*buffer_head(b) & 0xC0) == 0x80) /* the rest of a character */
                buffer_consume(b, 1);
}

static int on_collect(bool error, const char *text, void *userdata) {
        Buffer *b = (Buffer *) userdata + error;
        int k;

        if (!error && b->size + strlen(text) > COMMAND_OUTPUT_MAX)
                return -EMSGSIZE;
        k = buffer_append(b, text, strlen(text));
        if (k >= 0 && error)
                keep_last(b, ERROR_TEXT_MAX);
        return k;
}

int command_collect_wait(RpcChannel *c, const Command *command, usec_t deadline, char **ret, RpcStatus *reterr) {
        Buffer output[2] = {};
        int status, k;

        k = command_wait(c, command, deadline, on_collect, output, &status, reterr);
        if (k == -EMSGSIZE)
                k = rpc_error(reterr, RPC_RESOURCE_EXHAUSTED, "'%s' says more than anybody wants to know.",
                                command->program);
        else if (k >= 0 && status != 0)
                k = rpc_error(reterr, RPC_FAILED_PRECONDITION, "'%s' failed with %i: %.*s", command->program, status,
                                (int) output[1].size, output[1].size > 0 ? (char *) buffer_head(&output[1]) : "");
        else if (k >= 0) {
                *ret = output[0].size > 0 ? mem_dup(buffer_head(&output[0]), output[0].size) : strdup("");
                k = *ret ? 0 : -ENOMEM;
        }
        buffer_done(&output[0]);
        buffer_done(&output[1]);
        return k;
}
