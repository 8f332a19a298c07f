/* SPDX-License-Identifier: Apache-2.0 */
/* ctap.Ctap: security keys of this machine, through the programs of Qubes that talk to them; see proto/ctap.proto. */
#include <signal.h>

#include "agent/services/helper.h"
#include "agent/services/places.h"
#include "agent/services/services.h"
#include "base/str.h"
#include "base/strv.h"
#include "ctap.pb-c.h"

#define CALLS_MAX     16 /* at once: each is a process, and waits for a person */
#define ARGUMENTS_MAX 64
#define OUTPUT_MAX    ((size_t) 64 * 1024) /* a message of CTAP has less than 8 KiB */
#define TOUCH_USEC    (60 * USEC_PER_SEC)  /* until somebody has touched the key */

static Places places = PLACES_INIT(places, "calls for security keys", CALLS_MAX);

static const char *find_program(const char *request) {
        static const struct {
                const char *request, *program;
        } rows[] = {
                { "ctap.ClientPin", "qctap-client-pin" },
                { "ctap.GetInfo", "qctap-get-info" },
                { "u2f.Authenticate", "qctap-get-assertion" },
                { "u2f.Register", "qctap-make-credential" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(rows[i].request, request))
                        return rows[i].program;
        return NULL;
}

static int make_command(const Ctap__CtapRequest *req, char ***ret, RpcStatus *reterr) {
        const char *program = find_program(req->req);
        _cleanup_strv_free_ char **argv = NULL;
        int r;

        if (!program)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "'%s' is nothing that a security key is asked for.",
                                req->req);
        if (req->n_args > ARGUMENTS_MAX)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "%zu arguments are too many: '%s' can be given %i.",
                                req->n_args, req->req, ARGUMENTS_MAX);
        r = strv_extend(&argv, program);
        for (size_t i = 0; r >= 0 && i < req->n_args; i++)
                r = strv_extend(&argv, req->args[i]);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(argv);
        return 0;
}

/* A status that is not 0 with an answer is the key's refusal, and the answer says so in CTAP's own way. */
static bool answer_is_one(const UnitOutput *a) {
        return a->result.code == CLD_EXITED && (a->result.status == 0 || a->output.size > 0);
}

static int method_ctap(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Ctap__CtapRequest *req = request;
        Ctap__CtapResponse response = CTAP__CTAP_RESPONSE__INIT;
        _cleanup_(unit_output_done) UnitOutput answer = {};
        _cleanup_strv_free_ char **argv = NULL;
        _cleanup_(place_leave) Place place = {};
        Helper helper = { .output_max = OUTPUT_MAX, .usec = TOUCH_USEC };
        _cleanup_free_ char *how = NULL;
        int r;

        r = make_command(req, &argv, reterr);
        if (r >= 0)
                r = place_take(&place, &places, rpc_call_get_identity(call), agent_get_config(userdata), reterr);
        if (r < 0)
                return r;
        helper.argv = argv;
        helper.input = req->payload.data;
        helper.n_input = req->payload.len;
        r = helper_run_wait(userdata, &helper, &answer, reterr);
        if (r < 0)
                return r;
        if (!answer_is_one(&answer)) {
                how = unit_result_to_string(&answer.result);
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "'%s' has failed (%s): %s", argv[0], strempty(how),
                                answer.complaint ? answer.complaint : "it does not say why.");
        }
        response.output.data = buffer_head(&answer.output);
        response.output.len = answer.output.size;
        return rpc_call_reply(call, &response);
}

static const RpcMethod methods[] = {
        { "Ctap", RPC_UNARY, method_ctap },
        {},
};

const RpcService ctap_service = { &ctap__ctap__descriptor, methods };
