/* SPDX-License-Identifier: Apache-2.0 */
/* SetLocale, SetTimezone: kept, and then brought to all machines that there are and that come. */
#include "base/locale.h"

#include "admin.pb-c.h"
#include "admin/services/admin-service.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

static int keep_error(const Admin *admin, int r, const char *what, const char *file, RpcStatus *reterr) {
        bool full = r == -ENOSPC || r == -EDQUOT;

        if (r == -ECANCELED || r == -ENOMEM)
                return r;
        return rpc_error(reterr, full ? RPC_RESOURCE_EXHAUSTED : RPC_FAILED_PRECONDITION,
                        "The %s stays as it is, since it cannot be kept in %s/%s: %s.", what,
                        strempty(admin->settings.directory), file, strerror(-r));
}

static int assignments_from_request(const Admin__LocaleRequest *req, char ***ret, RpcStatus *reterr) {
        _cleanup_strv_free_ char **assignments = NULL;
        _cleanup_free_ char *reason = NULL;
        int r;

        if (req->n_assignments == 0)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "A locale needs at least one assignment.");
        for (size_t i = 0; i < req->n_assignments; i++) {
                r = locale_assign(
                                &assignments, (unsigned) req->assignments[i]->key, req->assignments[i]->value, &reason);
                if (r == -EINVAL)
                        return rpc_error(reterr, RPC_INVALID_ARGUMENT, "%s", reason);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(assignments);
        return 0;
}

int method_set_locale(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        _cleanup_strv_free_ char **assignments = NULL;
        Admin__Empty response = ADMIN__EMPTY__INIT;
        Admin *admin = userdata;
        int r;

        r = assignments_from_request(request, &assignments, reterr);
        if (r < 0)
                return r;
        r = settings_set_locale_wait(&admin->settings, TAKE_PTR(assignments));
        if (r < 0)
                return keep_error(admin, r, "locale", SETTINGS_LOCALE_FILE, reterr);
        call_log(call, LOG_INFO, NULL, NULL, NULL, "Set the locale");
        return rpc_call_reply(call, &response);
}

int method_set_timezone(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Admin__TimezoneRequest *req = request;
        _cleanup_free_ char *sentence = NULL, *zone = NULL;
        Admin__Empty response = ADMIN__EMPTY__INIT;
        Admin *admin = userdata;
        int r;

        if (!timezone_is_valid(req->timezone))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "'%.64s' is no name of a time zone.", req->timezone);
        zone = strdup(req->timezone);
        if (!zone)
                return -ENOMEM;
        r = settings_set_timezone_wait(&admin->settings, TAKE_PTR(zone));
        if (r < 0)
                return keep_error(admin, r, "time zone", SETTINGS_TIMEZONE_FILE, reterr);
        sentence = strf("Set the time zone to '%s'", req->timezone);
        call_log(call, LOG_INFO, NULL, NULL, NULL, strempty(sentence));
        return rpc_call_reply(call, &response);
}
