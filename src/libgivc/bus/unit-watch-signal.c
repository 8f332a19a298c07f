/* SPDX-License-Identifier: Apache-2.0 */
/* The manager's signals about units, applied to what is watched. */
#include "bus/unit-watch-internal.h"

#include "base/mem.h"
#include "base/str.h"

/* Sent whenever a unit changes, once for each of its interfaces. */
#define PROPERTIES_RULE                                                                                                \
        "interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',path_namespace='" UNIT_PATH "',"       \
        "arg0='" UNIT_INTERFACE "'"

/* What a signal says about the entry; what it does not say stays. */
static int entry_apply_signal(WatchEntry *e, sd_bus_message *m) {
        const struct {
                const char *property;
                char **field;
        } fields[] = {
                { "ActiveState", &e->known.active_state },
                { "SubState", &e->known.sub_state },
                { "FreezerState", &e->known.freezer_state },
                { "Description", &e->known.description },
                { "LoadState", &e->known.load_state },
        };
        const char *property, *value;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                char **field = NULL;

                r = sd_bus_message_read(m, "s", &property);
                if (r < 0)
                        return r;
                for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                        if (streq(property, fields[i].property))
                                field = fields[i].field;
                r = field ? sd_bus_message_read(m, "v", "s", &value) : sd_bus_message_skip(m, "v");
                if (r >= 0 && field)
                        r = watch_entry_set(e, field, value);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r;
}

static void entry_on_signal(WatchEntry *e, void *argument) {
        sd_bus_message *m = argument;

        if (!e->loaded) {
                e->stale = true;
                watch_entry_touch(e);
        }
        watch_entry_loaded(e);
        if (entry_apply_signal(e, m) < 0)
                e->stale = true;
        watch_entry_follow(e);
        if (sd_bus_message_rewind(m, true) >= 0)
                (void) sd_bus_message_skip(m, "s");
}

static int on_properties(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        _cleanup_free_ char *id = NULL;
        UnitWatch *w = userdata;
        const char *interface;

        /* Most signals end here: they are about units that nobody wants. */
        if (sd_bus_path_decode(sd_bus_message_get_path(m), UNIT_PATH, &id) <= 0)
                return 0;
        if (w->n_aliases == 0 && !watch_find(w, id))
                return 0;
        if (!bus_is_from_manager(w->bus, m) || sd_bus_message_read(m, "s", &interface) < 0 ||
                        !streq(interface, UNIT_INTERFACE))
                return 0;
        watch_visit(w, id, true, entry_on_signal, m);
        return 0;
}

static void entry_on_new(WatchEntry *e, _unused_ void *argument) {
        e->stale = true;
        watch_entry_touch(e);
}

static int on_new(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        UnitWatch *w = userdata;
        const char *id;

        if (!w->reloading && bus_is_from_manager(w->bus, m) && sd_bus_message_read(m, "s", &id) >= 0)
                watch_visit(w, id, true, entry_on_new, NULL);
        return 0;
}

static void entry_on_removed(WatchEntry *e, _unused_ void *argument) {
        if (e->loaded || (!e->added && !e->told.name)) {
                watch_entry_unloaded(e);
                return;
        }
        /* The echo of our own look at its file. */
        e->stale = false;
        watch_entry_touch(e);
}

static int on_removed(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        UnitWatch *w = userdata;
        const char *id;

        if (!w->reloading && bus_is_from_manager(w->bus, m) && sd_bus_message_read(m, "s", &id) >= 0)
                watch_visit(w, id, false, entry_on_removed, NULL);
        return 0;
}

static int on_reloading(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        UnitWatch *w = userdata;
        int active;

        if (!bus_is_from_manager(w->bus, m) || sd_bus_message_read(m, "b", &active) < 0)
                return 0;
        w->reloading = active;
        if (!active)
                unit_watch_refresh(w);
        return 0;
}

int watch_match(UnitWatch *w) {
        const struct {
                const char *member;
                sd_bus_message_handler_t callback;
                sd_bus_slot **slot;
        } signals[] = {
                { "UnitNew", on_new, &w->new_slot },
                { "UnitRemoved", on_removed, &w->removed_slot },
                { "Reloading", on_reloading, &w->reloading_slot },
        };
        sd_bus *connection = w->bus->connection;
        const bool broker = sd_bus_is_bus_client(connection) > 0;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                r = sd_bus_match_signal_async(connection, signals[i].slot, broker ? MANAGER_NAME : NULL, MANAGER_PATH,
                                MANAGER_INTERFACE, signals[i].member, signals[i].callback, NULL, w);
                if (r < 0)
                        return r;
        }
        return sd_bus_add_match_async(connection, &w->properties_slot,
                        broker ? "type='signal',sender='" MANAGER_NAME "'," PROPERTIES_RULE
                               : "type='signal'," PROPERTIES_RULE,
                        on_properties, NULL, w);
}
