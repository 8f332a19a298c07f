/* SPDX-License-Identifier: Apache-2.0 */
/* givc-cli ctap: asks the security keys, as a service of Qubes' qrexec: OPERATION or OPERATION+ARGUMENT, and the rest
 * on standard input. */
#include <unistd.h>

#include "admin.pb-c.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctl/output.h"
#include "ctl/verbs.h"
#include "event/io.h"
#include "proto/unpack.h"

#define PAYLOAD_MAX ((size_t) 1024 * 1024)
#define CHUNK       ((size_t) 4096)

static int read_payload_wait(Buffer *ret, RpcStatus *reterr) {
        _cleanup_(io_freep) Io *io = NULL;
        int r = io_new_shared(STDIN_FILENO, &io);

        while (r >= 0 && ret->size <= PAYLOAD_MAX) {
                uint8_t *p = buffer_reserve(ret, CHUNK);
                ssize_t n = p ? io_read_wait(io, p, CHUNK, USEC_INFINITY) : -ENOMEM;

                if (n <= 0)
                        return (int) n;
                buffer_commit(ret, (size_t) n);
        }
        return r < 0 ? r
                     : rpc_error(reterr, RPC_INVALID_ARGUMENT, "Standard input is longer than %zu bytes", PAYLOAD_MAX);
}

CtlExit verb_ctap(Ctl *ctl, char **words, _unused_ size_t n_words) {
        _cleanup_proto_ Ctap__CtapResponse *reply = NULL;
        _cleanup_(buffer_done) Buffer payload = {};
        Ctap__CtapRequest request = CTAP__CTAP_REQUEST__INIT;
        char *argument = strchr(words[0], '+');
        RpcStatus status = {};
        int r;

        if (argument) {
                *argument++ = 0;
                request.args = &argument;
                request.n_args = 1;
        }
        request.req = words[0];
        r = read_payload_wait(&payload, &status);
        request.payload = (ProtobufCBinaryData){ .data = payload.data ? buffer_head(&payload) : NULL,
                .len = payload.size };
        if (r >= 0)
                r = client_call_wait(ctl->client, "Ctap", &request, &reply, &status);
        if (r >= 0 && ctl->options.output != OUTPUT_TEXT)
                r = output_json(stdout, reply, ctl->options.output, false);
        else if (r >= 0)
                (void) fwrite(reply->output.data, 1, reply->output.len, stdout);
        return r < 0 ? ctl_fail(ctl, r, &status, "ask the security key") : CTL_OK;
}
