/* SPDX-License-Identifier: Apache-2.0 */
/* Names, paths and states of units, and how one is asked for. */
#include "bus/bus-internal.h"

#include "base/mem.h"
#include "base/str.h"

bool unit_name_is_valid(const char *name) {
        static const char *const types[] = { "automount", "device", "mount", "path", "scope", "service", "slice",
                "socket", "swap", "target", "timer" };
        static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:-_.\\@";
        const char *dot, *at;

        if (!name || strnlen(name, UNIT_NAME_SIZE_MAX + 1) > UNIT_NAME_SIZE_MAX)
                return false;
        dot = strrchr(name, '.');
        if (!dot || dot == name || name + strspn(name, allowed) < dot)
                return false;
        at = memchr(name, '@', dot - name);
        if (at && (at == name || at + 1 == dot))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (streq(dot + 1, types[i]))
                        return true;
        return false;
}

int unit_path(const char *name, char **ret) {
        return sd_bus_path_encode(UNIT_PATH, name, ret);
}

int unit_row_read(sd_bus_message *m, UnitRow *ret) {
        const char *job_type, *job_path;
        uint32_t job;

        return sd_bus_message_read(m, UNIT_ROWS_SIGNATURE, &ret->name, &ret->description, &ret->load_state,
                        &ret->active_state, &ret->sub_state, &ret->following, &ret->path, &job, &job_type, &job_path);
}

int unit_status_from_row(const UnitRow *row, const char *freezer_state, UnitStatus *ret) {
        return unit_status_copy(&(const UnitStatus){ .name = (char *) row->name,
                                                .description = (char *) row->description,
                                                .load_state = (char *) row->load_state,
                                                .active_state = (char *) row->active_state,
                                                .sub_state = (char *) row->sub_state,
                                                .path = (char *) row->path,
                                                .freezer_state = (char *) freezer_state },
                        ret);
}

/* LoadUnit would do too, but keeps what it loads; this lets a unit go again that nothing needs. */
static int unit_row_wait(Bus *b, const char *name, UnitRow *row, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *answer = NULL;
        int r;

        r = bus_new_manager_call(b, "ListUnitsByNames", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "as", 1, name);
        if (r < 0)
                return r;
        r = bus_call_wait(b, m, USEC_INFINITY, NULL, &answer);
        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(answer, 'a', UNIT_ROWS_SIGNATURE);
        if (r < 0)
                return r;
        r = unit_row_read(answer, row);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        *ret = TAKE_PTR(answer);
        return 0;
}

int unit_status_wait(Bus *b, const char *name, UnitStatus *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *rows = NULL, *property = NULL;
        const char *freezer_state = "running";
        UnitRow row;
        int r;

        if (!unit_name_is_valid(name))
                return -EINVAL;
        r = unit_row_wait(b, name, &row, &rows);
        if (r < 0)
                return r;
        /* What is not active has no processes that could be held. */
        if (!unit_state_is_inactive_or_failed(row.active_state)) {
                r = bus_get_property_wait(b, row.path, UNIT_INTERFACE, "FreezerState", "s", &property);
                if (r >= 0)
                        r = sd_bus_message_read(property, "s", &freezer_state);
                if (r < 0 && r != -EOPNOTSUPP)
                        return r;
        }
        return unit_status_from_row(&row, freezer_state, ret);
}
