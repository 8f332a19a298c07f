/* SPDX-License-Identifier: Apache-2.0 */
/* admin.AdminService: its handlers, a file a theme, and what they share. The table of its methods is in
 * admin-service.c. userdata of a handler is the Admin. */
#pragma once

#include "admin/admin.h"
#include "rpc/service.h"

#define CALL_USEC  (30 * USEC_PER_SEC)   /* for callers that set no deadline */
#define COMMAND_OK "Command successful." /* what an ApplicationResponse says, twice */

/* The caller's deadline, or otherwise from now on when it set none. */
usec_t call_get_deadline(RpcCall *call, usec_t otherwise);
/* Logs the sentence with its MESSAGE_ID, who called what, and for which VM and unit (NULL: none). */
void call_log(RpcCall *call, int level, const char *id, const char *vm, const char *unit, const char *sentence);

/* register.c */
int method_register_service(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
/* generation.c */
int method_list_generations(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
int method_set_generation(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
/* query.c */
int method_query_list(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
int method_watch(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
/* application.c; the second is PauseApplication, ResumeApplication, StopApplication */
int method_start_application(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
int method_act_on_application(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
/* control.c; the last is Poweroff, Reboot, Suspend */
int method_get_unit_status(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
int method_start_vm(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
int method_start_service(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
int method_stop_service(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
int method_kill_unit(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
int method_power(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
/* machine.c */
int method_get_stats(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
int method_sysinfo(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
int method_ctap(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
/* locale.c */
int method_set_locale(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
int method_set_timezone(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
/* wifi.c: the VM that has the radio, of what a caller named */
const char *wifi_get_vm(const char *vm);
/* notify.c */
int method_notify_user(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata);
