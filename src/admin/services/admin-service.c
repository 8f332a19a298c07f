/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/services/admin-service.h"

#include "admin.pb-c.h"
#include "admin/services/services.h"
#include "base/log.h"

usec_t call_get_deadline(RpcCall *call, usec_t otherwise) {
        usec_t deadline = rpc_call_get_deadline(call);

        return deadline != USEC_INFINITY ? deadline : usec_add(time_now(CLOCK_MONOTONIC), otherwise);
}

void call_log(RpcCall *call, int level, const char *id, const char *vm, const char *unit, const char *sentence) {
        log_write(level,
                        LOG_FIELDS({ "MESSAGE_ID", id }, { "GIVC_PEER", identity_get_key(rpc_call_get_identity(call)) },
                                        { "GIVC_METHOD", rpc_call_get_path(call) }, { "GIVC_VM", vm },
                                        { "UNIT", unit }),
                        "%s", sentence);
}

static int method_unimplemented(
                RpcCall *call, _unused_ const void *request, RpcStatus *reterr, _unused_ void *userdata) {
        return rpc_error(reterr, RPC_UNIMPLEMENTED, "This admin does not implement %s.", rpc_call_get_path(call));
}

static const RpcMethod methods[] = {
        { "RegisterService", RPC_UNARY, method_register_service },
        { "StartApplication", RPC_UNARY, method_start_application },
        { "StartVM", RPC_UNARY, method_start_vm },
        { "StartService", RPC_UNARY, method_start_service },
        { "StopService", RPC_UNARY, method_stop_service },
        { "PauseApplication", RPC_UNARY, method_act_on_application },
        { "ResumeApplication", RPC_UNARY, method_act_on_application },
        { "StopApplication", RPC_UNARY, method_act_on_application },
        { "SetLocale", RPC_UNARY, method_set_locale },
        { "SetTimezone", RPC_UNARY, method_set_timezone },
        { "Poweroff", RPC_UNARY, method_power },
        { "Reboot", RPC_UNARY, method_power },
        { "Suspend", RPC_UNARY, method_power },
        { "Wakeup", RPC_UNARY, method_unimplemented },
        { "GetUnitStatus", RPC_UNARY, method_get_unit_status },
        { "GetStats", RPC_UNARY, method_get_stats },
        { "QueryList", RPC_UNARY, method_query_list },
        { "Watch", RPC_SERVER_STREAM, method_watch },
        { "ListGenerations", RPC_UNARY, method_list_generations },
        { "SetGeneration", RPC_SERVER_STREAM, method_set_generation },
        { "NotifyUser", RPC_UNARY, method_notify_user },
        { "Ctap", RPC_UNARY, method_ctap },
        { "Sysinfo", RPC_UNARY, method_sysinfo },
        { "KillUnit", RPC_UNARY, method_kill_unit },
        {},
};

const RpcService admin_service = { &admin__admin_service__descriptor, methods };
