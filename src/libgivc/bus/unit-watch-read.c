/* SPDX-License-Identifier: Apache-2.0 */
/* What signals do not say is read, many units with one call. Reading must not change what is watched: ListUnits and
 * ListUnitsByPatterns only look, whereas asking for a unit by its name loads it, which the manager announces by UnitNew
 * and UnitRemoved. So a stopped unit's file is asked for once (ListUnitsByNames), and again only after the unit was
 * loaded for another's sake. */
#include "bus/unit-watch-internal.h"

#include "base/mem.h"
#include "base/str.h"

static int on_freezer_state(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        WatchEntry *e = userdata;
        const char *state;

        slot_done(&e->freezer_slot);
        if (!sd_bus_message_is_method_error(m, NULL) && sd_bus_message_read(m, "v", "s", &state) > 0)
                (void) watch_entry_set(e, &e->known.freezer_state, state);
        watch_entry_touch(e);
        return 0;
}

void watch_entry_read_freezer(WatchEntry *e) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Bus *b = e->watch->bus;

        slot_done(&e->freezer_slot);
        if (bus_new_property_call(b, e->known.path, UNIT_INTERFACE, "FreezerState", &m) >= 0)
                (void) sd_bus_call_async(
                                b->connection, &e->freezer_slot, m, on_freezer_state, e, BUS_CALL_TIMEOUT_USEC);
}

static int entry_apply(WatchEntry *e, const UnitRow *row) {
        const struct {
                char **field;
                const char *value;
        } fields[] = {
                { &e->known.description, row->description },
                { &e->known.load_state, row->load_state },
                { &e->known.active_state, row->active_state },
                { &e->known.sub_state, row->sub_state },
                { &e->known.path, row->path },
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                r = watch_entry_set(e, fields[i].field, fields[i].value);
                if (r < 0)
                        return r;
        }
        watch_entry_follow(e);
        if (unit_state_is_inactive_or_failed(row->active_state))
                return watch_entry_set(e, &e->known.freezer_state, "running");
        watch_entry_read_freezer(e);
        return 0;
}

static int on_file(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        WatchEntry *e = userdata;
        UnitRow row;

        slot_done(&e->file_slot);
        if (sd_bus_message_is_method_error(m, NULL) ||
                        sd_bus_message_enter_container(m, 'a', UNIT_ROWS_SIGNATURE) < 0 ||
                        unit_row_read(m, &row) <= 0) {
                e->stale = true;
                watch_schedule(e->watch, WATCH_RETRY_USEC);
                return 0;
        }
        e->file_known = true;
        if (!streq(row.name, e->id)) {
                e->watch->n_aliases += streq(e->name, e->id);
                e->watch->n_aliases -= streq(e->name, row.name);
                if (str_replace(&e->id, row.name) < 0)
                        return 0;
                e->stale = true;
        }
        (void) entry_apply(e, &row);
        watch_entry_touch(e);
        return 0;
}

void watch_entry_read_file(WatchEntry *e) {
        Bus *b = e->watch->bus;

        if (!bus_is_connected(b) || e->file_slot)
                return;
        (void) sd_bus_call_method_async(b->connection, &e->file_slot, MANAGER_NAME, MANAGER_PATH, MANAGER_INTERFACE,
                        "ListUnitsByNames", on_file, e, "as", 1, e->name);
}

static void entry_on_row(WatchEntry *e, void *argument) {
        e->asked = e->stale = false;
        watch_entry_loaded(e);
        (void) entry_apply(e, argument);
        watch_entry_touch(e);
}

static int on_list(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        UnitWatch *w = userdata;
        UnitRow row;
        int r;

        slot_done(&w->list_slot);
        if (sd_bus_message_is_method_error(m, NULL) ||
                        sd_bus_message_enter_container(m, 'a', UNIT_ROWS_SIGNATURE) < 0) {
                MAP_FOREACH(e, w->entries, WatchEntry) {
                        e->stale |= e->asked;
                        e->asked = false;
                }
                w->all_stale = true;
                watch_schedule(w, WATCH_RETRY_USEC);
                return 0;
        }
        while ((r = unit_row_read(m, &row)) > 0)
                /* Known by name only, since another unit refers to it, is not there. */
                if (!streq(row.load_state, "not-found") || !unit_state_is_inactive_or_failed(row.active_state))
                        watch_visit(w, row.name, true, entry_on_row, &row);
        MAP_FOREACH(e, w->entries, WatchEntry)
                if (e->asked)
                        watch_entry_unloaded(e);
        watch_schedule(w, WATCH_TELL_DELAY_USEC);
        return 0;
}

static int append_stale(UnitWatch *w, sd_bus_message *m) {
        int r;

        r = sd_bus_message_append(m, "as", 0); /* in any state */
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'a', "s");
        if (r < 0)
                return r;
        /* A unit name has no character that a pattern would take for more than itself: the manager matches these with
         * FNM_NOESCAPE. */
        MAP_FOREACH(e, w->entries, WatchEntry) {
                if (!e->stale)
                        continue;
                r = sd_bus_message_append(m, "s", e->id);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(m);
}

int watch_read(UnitWatch *w) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        bool any = w->all_stale;
        int r;

        MAP_FOREACH(e, w->entries, WatchEntry)
                any |= e->stale;
        if (!any || w->list_slot || w->reloading || !bus_is_connected(w->bus))
                return 0;
        r = bus_new_manager_call(w->bus, w->all_stale ? "ListUnits" : "ListUnitsByPatterns", &m);
        if (r < 0)
                return r;
        if (!w->all_stale) {
                r = append_stale(w, m);
                if (r < 0)
                        return r;
        }
        r = sd_bus_call_async(w->bus->connection, &w->list_slot, m, on_list, w, BUS_CALL_TIMEOUT_USEC);
        if (r < 0)
                return r;
        MAP_FOREACH(e, w->entries, WatchEntry) {
                e->asked = e->stale || w->all_stale;
                e->stale = false;
                /* Files may have changed too. */
                if (w->all_stale)
                        e->file_known = false;
        }
        w->all_stale = false;
        return 0;
}
