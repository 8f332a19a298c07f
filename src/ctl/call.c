/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl call: any method of the contract, its messages as JSON. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/methods.h"
#include "ctl/output.h"
#include "ctl/verbs.h"
#include "proto/json.h"
#include "proto/unpack.h"

#define INPUT_MAX (64 * 1024 * 1024)

typedef struct Requests {
        ProtobufCMessage **list;
        size_t n, allocated;
        RpcStream *stream;
} Requests;

static void requests_done(Requests *q) {
        for (size_t i = 0; i < q->n; i++)
                proto_free(q->list[i]);
        free(q->list);
}

/* One JSON object after the other. -EINVAL with a sentence in *reterr. */
static int requests_parse(Requests *q, const ProtobufCMessageDescriptor *type, const char *text, char **reterr) {
        while (text[strspn(text, " \t\r\n")]) {
                json_error_t error;
                json_t *json = json_loads(text, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);
                int r;

                if (!json) {
                        *reterr = strf("The request is no JSON: %s in line %d", error.text, error.line);
                        return -EINVAL;
                }
                r = mem_grow((void **) &q->list, &q->allocated, q->n + 1, sizeof(*q->list));
                if (r >= 0)
                        r = proto_from_json(json, type, &q->list[q->n], reterr);
                json_decref(json);
                if (r < 0)
                        return r;
                q->n++;
                text += error.position; /* where this value ended */
        }
        return 0;
}

static int on_input(sd_event_source *s, _unused_ int fd, _unused_ uint32_t events, void *userdata) {
        (void) sd_event_source_set_enabled(s, SD_EVENT_OFF);
        promise_resolve(userdata, 0);
        return 0;
}

/* Suspends until standard input can be read; files always can. */
static int input_ready_wait(void) {
        sd_event_source *source = NULL;
        sd_event *event = NULL;
        Promise promise = {};
        int r;

        r = sd_event_default(&event);
        if (r < 0)
                return r;
        r = sd_event_add_io(event, &source, STDIN_FILENO, EPOLLIN, on_input, &promise);
        if (r >= 0)
                r = promise_wait(&promise);
        sd_event_source_disable_unref(source);
        sd_event_unref(event);
        return r == -EPERM ? 0 : r;
}

static int input_read_wait(Buffer *b) {
        for (;;) {
                uint8_t *room = b->size < INPUT_MAX ? buffer_reserve(b, 65536) : NULL;
                ssize_t n;
                int r;

                if (!room)
                        return b->size < INPUT_MAX ? -ENOMEM : -EFBIG;
                r = input_ready_wait();
                if (r < 0)
                        return r;
                n = read(STDIN_FILENO, room, 65535);
                if (n < 0 && errno != EINTR && errno != EAGAIN)
                        return -errno;
                if (n == 0) {
                        *room = 0;
                        return 0;
                }
                if (n > 0)
                        buffer_commit(b, (size_t) n);
        }
}

/* "-" is standard input; a method that takes one request gets an empty one when nothing is said. */
static int requests_read_wait(Requests *q, const WireMethod *m, const char *said, char **reterr) {
        Buffer input = {};
        int r;

        if (!said || !streq(said, "-"))
                return requests_parse(q, m->method->input, said ? said : "{}", reterr);
        r = input_read_wait(&input);
        if (r >= 0)
                r = requests_parse(q, m->method->input, (const char *) buffer_head(&input), reterr);
        buffer_done(&input);
        return r;
}

/* Beside the fiber that receives: a method may answer before it has read all. */
static int requests_send_wait(void *userdata) {
        Requests *q = userdata;
        int r = 0;

        for (size_t i = 0; i < q->n && r >= 0; i++)
                r = rpc_stream_send_wait(q->stream, q->list[i]);
        if (r >= 0)
                r = rpc_stream_close_send_wait(q->stream);
        return r == -EPIPE ? 0 : r; /* it has ended, and receiving tells how */
}

static int replies_print_wait(const Options *o, RpcStream *stream, RpcStatus *reterr) {
        OutputMode mode = o->output != OUTPUT_TEXT ? o->output
                        : isatty(STDOUT_FILENO)    ? OUTPUT_JSON_PRETTY
                                                   : OUTPUT_JSON_SHORT;
        int r;

        for (;;) {
                _cleanup_proto_ ProtobufCMessage *reply = NULL;

                r = rpc_stream_receive_wait(stream, &reply, reterr);
                if (r <= 0)
                        return r;
                r = output_json(stdout, reply, mode, false);
                if (r >= 0 && fflush(stdout) != 0)
                        r = -errno;
                if (r < 0)
                        return r;
        }
}

static int call_wait(Ctl *ctl, const WireMethod *m, Requests *q, RpcStatus *reterr) {
        _cleanup_(rpc_stream_freep) RpcStream *stream = NULL;
        TaskGroup *sending;
        int r;

        r = client_open_wait(ctl->client, m->service, m->method->name, &stream, reterr);
        if (r < 0)
                return r;
        sending = task_group_new();
        if (!sending)
                return -ENOMEM;
        ctl->asked = true;
        q->stream = stream;
        r = task_group_start(sending, requests_send_wait, q);
        if (r >= 0)
                r = replies_print_wait(&ctl->options, stream, reterr);
        if (r < 0)
                rpc_stream_cancel(stream);
        task_group_free(sending);
        return r;
}

CtlExit verb_call(Ctl *ctl, char **words, _unused_ size_t n_words) {
        _cleanup_free_ char *what = NULL, *error = NULL;
        Requests requests = {};
        RpcStatus status = {};
        CtlExit e = CTL_OK;
        WireMethod method;
        int r;

        if (method_find(words[0], &method) < 0)
                return ctl_usage("There is no method '%s'; 'givcctl introspect' lists them.", words[0]);
        what = strf("call '%s'", words[0]);
        r = requests_read_wait(&requests, &method, words[1], &error);
        if (r >= 0 && requests.n != 1 && !method.client_streams)
                e = ctl_usage("'%s' takes one request, not %zu.", words[0], requests.n);
        else if (r == -EINVAL && error)
                e = ctl_usage("%s.", error);
        else {
                if (r >= 0)
                        r = call_wait(ctl, &method, &requests, &status);
                if (r < 0)
                        e = ctl_fail(ctl, r, &status, strempty(what));
        }
        requests_done(&requests);
        return e;
}
