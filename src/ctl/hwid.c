/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl hwid: what tells the hardware of a VM from others. */
#include "base/mem.h"
#include "base/str.h"
#include "ctl/entry.h"
#include "ctl/output.h"
#include "ctl/verbs.h"
#include "hwid.pb-c.h"
#include "proto/unpack.h"

static int ask_wait(Ctl *ctl, char *vm, Hwid__HwIdResponse **ret, RpcStatus *reterr) {
        _cleanup_(rpc_stream_freep) RpcStream *stream = NULL;
        Hwid__HwIdRequest request = HWID__HW_ID_REQUEST__INIT;
        int r;

        request.vmname = vm;
        r = client_open_wait(ctl->client, &hwid__hwid_service__descriptor, "GetHwId", &stream, reterr);
        if (r < 0)
                return r;
        r = rpc_stream_send_wait(stream, &request);
        if (r >= 0)
                r = rpc_stream_close_send_wait(stream);
        if (r < 0 && r != -EPIPE) /* then receiving tells how it ended */
                return r;
        r = rpc_stream_receive_wait(stream, ret, reterr);
        return r == 0 ? rpc_error(reterr, RPC_INTERNAL, "The admin has not answered") : r;
}

CtlExit verb_hwid(Ctl *ctl, char **words, _unused_ size_t n_words) {
        _cleanup_proto_ Hwid__HwIdResponse *reply = NULL;
        _cleanup_free_ char *what = NULL;
        RpcStatus status = {};
        int r;

        r = ask_wait(ctl, words[0], &reply, &status);
        if (r >= 0 && ctl->options.output != OUTPUT_TEXT)
                r = output_json(stdout, reply, ctl->options.output, false);
        else if (r >= 0) {
                message_make_printable(&reply->base);
                puts(reply->identifier);
        }
        what = strf("identify the hardware of '%s'", words[0]);
        return r < 0 ? ctl_fail(ctl, r, &status, strempty(what)) : CTL_OK;
}
