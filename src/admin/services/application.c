/* SPDX-License-Identifier: Apache-2.0 */
/* StartApplication, PauseApplication, ResumeApplication, StopApplication. */
#include "admin.pb-c.h"
#include "admin/applications.h"
#include "admin/services/admin-service.h"
#include "base/log.h"
#include "base/message-id.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"

#define START_USEC (90 * USEC_PER_SEC) /* beside what its VM may take, for callers that set no deadline */

static ApplicationRequest application_request(RpcCall *call, const Admin__ApplicationRequest *req, usec_t otherwise) {
        bool has_vm = req->has_vm_name_case == ADMIN__APPLICATION_REQUEST__HAS_VM_NAME_VM_NAME && !isempty(req->vmname);

        return (ApplicationRequest){
                .app = req->appname,
                .vm = has_vm ? req->vmname : NULL,
                .args = req->args,
                .n_args = req->n_args,
                .deadline = call_get_deadline(call, otherwise),
        };
}

int method_start_application(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        _cleanup_free_ char *unit = NULL, *sentence = NULL, *home = NULL;
        Admin__StartResponse response = ADMIN__START_RESPONSE__INIT;
        Admin *admin = userdata;
        ApplicationRequest a = application_request(call, request, usec_add(admin->launcher.timeout_usec, START_USEC));
        int r;

        r = application_start_wait(&admin->launcher, &a, &unit, reterr);
        if (r < 0)
                return r;
        sentence = strf("Started application '%s'", unit);
        home = a.vm ? NULL : vm_from_app(a.app);
        call_log(call, LOG_INFO, MESSAGE_APPLICATION_STARTED, a.vm ? a.vm : home, unit, strempty(sentence));
        response.registryid = unit;
        return rpc_call_reply(call, &response);
}

int method_act_on_application(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        static const struct {
                const char *method, *done;
                ApplicationAction action;
        } acts[] = {
                { "/PauseApplication", "Paused", APPLICATION_PAUSE },
                { "/ResumeApplication", "Resumed", APPLICATION_RESUME },
                { "/StopApplication", "Stopped", APPLICATION_STOP },
        };
        _cleanup_free_ char *sentence = NULL;
        Admin__ApplicationResponse response = ADMIN__APPLICATION_RESPONSE__INIT;
        ApplicationRequest a = application_request(call, request, CALL_USEC);
        Admin *admin = userdata;
        size_t i = 0;
        int r;

        while (!endswith(rpc_call_get_path(call), acts[i].method))
                i++;
        r = application_act_wait(&admin->agents, acts[i].action, &a, reterr);
        if (r < 0)
                return r;
        sentence = strf("%s application '%s'", acts[i].done, a.app);
        call_log(call, LOG_INFO, NULL, a.vm, a.app, strempty(sentence));
        response.cmdstatus = (char *) COMMAND_OK;
        response.appstatus = (char *) COMMAND_OK;
        return rpc_call_reply(call, &response);
}
