/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/calls/locale.h"

#include "base/locale.h"
#include "base/mem.h"
#include "locale.pb-c.h"

#define SERVICE (&locale__locale_client__descriptor)

int locale_call_wait(RpcChannel *c, char *const *assignments, usec_t deadline, RpcStatus *reterr) {
        Locale__LocaleAssignment items[LOCALE_VARIABLES_MAX], *pointers[LOCALE_VARIABLES_MAX];
        const RpcCallOptions options = { .deadline = deadline };
        Locale__LocaleMessage request = LOCALE__LOCALE_MESSAGE__INIT;

        request.assignments = pointers;
        for (size_t i = 0; assignments[i] && i < ELEMENTSOF(items); i++) {
                const size_t n = strcspn(assignments[i], "=");

                locale__locale_assignment__init(&items[i]);
                items[i].key = (Locale__LocaleMacroKey) locale_variable_from_string(assignments[i], n);
                items[i].value = assignments[i] + n + 1;
                pointers[request.n_assignments++] = &items[i];
        }
        return rpc_channel_call_wait(c, SERVICE, "LocaleSet", &request, &options, NULL, reterr);
}

int timezone_call_wait(RpcChannel *c, const char *zone, usec_t deadline, RpcStatus *reterr) {
        const RpcCallOptions options = { .deadline = deadline };
        Locale__TimezoneMessage request = LOCALE__TIMEZONE_MESSAGE__INIT;

        request.timezone = (char *) zone;
        return rpc_channel_call_wait(c, SERVICE, "TimezoneSet", &request, &options, NULL, reterr);
}
