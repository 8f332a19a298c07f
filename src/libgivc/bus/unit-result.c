/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/unit-result.h"

#include <signal.h>

#include "base/mem.h"
#include "base/str.h"
#include "bus/bus-internal.h"

void unit_result_done(UnitResult *r) {
        free(r->result);
        *r = (UnitResult){};
}

char *unit_result_to_string(const UnitResult *r) {
        const char *abbreviation;

        switch (r->code) {
        case CLD_EXITED:
                return strf("%s, status %i", r->result, r->status);
        case CLD_KILLED:
        case CLD_DUMPED:
                abbreviation = sigabbrev_np(r->status);
                return abbreviation ? strf("%s, SIG%s", r->result, abbreviation)
                                    : strf("%s, signal %i", r->result, r->status);
        default:
                return strdup(r->result);
        }
}

int unit_result_wait(Bus *b, const char *name, UnitResult *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *answer = NULL;
        _cleanup_(unit_result_done) UnitResult result = {};
        _cleanup_free_ char *path = NULL;
        const char *word;
        int r;

        r = unit_path(name, &path);
        if (r < 0)
                return r;
        r = bus_get_property_wait(b, path, SERVICE_INTERFACE, "Result", "s", &answer);
        if (r < 0)
                return r;
        r = sd_bus_message_read_basic(answer, 's', &word);
        if (r < 0)
                return r;
        result.result = strdup(word);
        if (!result.result)
                return -ENOMEM;
        r = bus_get_number_wait(b, path, SERVICE_INTERFACE, "ExecMainCode", 'i', &result.code);
        if (r < 0)
                return r;
        r = bus_get_number_wait(b, path, SERVICE_INTERFACE, "ExecMainStatus", 'i', &result.status);
        if (r < 0)
                return r;
        r = bus_get_number_wait(b, path, SERVICE_INTERFACE, "ExecMainPID", 'u', &result.pid);
        if (r < 0)
                return r;
        *ret = result;
        result = (UnitResult){};
        return 0;
}
