/* SPDX-License-Identifier: Apache-2.0 */
/* Watching units: what is known of each, and what was told of it. Signals of the manager are applied as they come;
 * whatever they do not say is read. */
#include "bus/unit-watch-internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

void watch_schedule(UnitWatch *w, usec_t delay) {
        const usec_t at = usec_add(time_now(CLOCK_MONOTONIC), delay);
        int enabled = SD_EVENT_OFF;
        uint64_t planned;

        if (sd_event_source_get_enabled(w->timer, &enabled) >= 0 && enabled != SD_EVENT_OFF &&
                        sd_event_source_get_time(w->timer, &planned) >= 0 && planned <= at)
                return;
        (void) sd_event_source_set_time(w->timer, at);
        (void) sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

static WatchEntry *entry_free(WatchEntry *e) {
        if (!e)
                return NULL;
        if (e->id && !streq(e->name, e->id))
                e->watch->n_aliases--;
        list_remove(&e->changed);
        slot_done(&e->file_slot);
        slot_done(&e->freezer_slot);
        unit_cgroup_free(e->cgroup);
        unit_status_done(&e->known);
        unit_status_done(&e->told);
        free(e->name);
        free(e->id);
        free(e);
        return NULL;
}
DEFINE_CLEANUP(WatchEntry *, entry_free)

static void entry_forget(WatchEntry *e) {
        (void) map_remove(e->watch->entries, e->name);
        entry_free(e);
}

static int entry_new(UnitWatch *w, const char *name, WatchEntry **ret) {
        _cleanup_(entry_freep) WatchEntry *e = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        if (map_size(w->entries) >= UNIT_WATCH_MAX)
                return -E2BIG;
        e = mem_new0(WatchEntry, 1);
        if (!e)
                return -ENOMEM;
        e->watch = w;
        e->stale = true;
        e->name = strdup(name);
        e->id = e->name ? strdup(name) : NULL;
        if (!e->id)
                return -ENOMEM;
        r = unit_path(name, &path);
        if (r < 0)
                return r;
        r = unit_status_from_row(&(const UnitRow){ name, name, "not-found", "inactive", "dead", "", path }, "running",
                        &e->known);
        if (r < 0)
                return r;
        r = map_put(w->entries, name, e);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(e);
        return 0;
}

WatchEntry *watch_find(UnitWatch *w, const char *id) {
        WatchEntry *e = map_get(w->entries, id);
        int r;

        if (e || !w->hooks->wanted(id, w->userdata))
                return e;
        r = entry_new(w, id, &e);
        if (r < 0) {
                log_write_errno(LOG_DEBUG, r, "Unit '%s' is not watched", id);
                return NULL;
        }
        return e;
}

void watch_visit(UnitWatch *w, const char *id, bool make, void (*f)(WatchEntry *e, void *argument), void *argument) {
        WatchEntry *e = make ? watch_find(w, id) : map_get(w->entries, id);

        if (e && streq(e->id, id))
                f(e, argument);
        if (w->n_aliases > 0)
                MAP_FOREACH(a, w->entries, WatchEntry)
                        if (streq(a->id, id) && !streq(a->name, id))
                                f(a, argument);
}

int watch_entry_set(WatchEntry *e, char **field, const char *value) {
        int r;

        r = str_replace(field, value);
        if (r > 0)
                watch_entry_touch(e);
        /* A unit that begins again has a new cgroup. */
        if (r > 0 && field == &e->known.active_state)
                e->cgroup = unit_cgroup_free(e->cgroup);
        return r;
}

void watch_entry_touch(WatchEntry *e) {
        if (!e->changed.next || e->changed.next == &e->changed) {
                list_init(&e->changed);
                list_append(&e->watch->changed, &e->changed);
        }
        watch_schedule(e->watch, WATCH_TELL_DELAY_USEC);
}

static void on_cgroup(void *userdata) {
        watch_entry_read_freezer(userdata);
        watch_entry_touch(userdata);
}

void watch_entry_follow(WatchEntry *e) {
        if (!e->cgroup && !unit_state_is_inactive_or_failed(e->known.active_state) && bus_is_connected(e->watch->bus))
                e->cgroup = unit_cgroup_watch(e->watch->bus, e->id, e->known.path, on_cgroup, e);
}

/* The manager does not have the unit. What was added is still a unit, with a file or without. */
void watch_entry_unloaded(WatchEntry *e) {
        e->loaded = e->stale = e->asked = false;
        slot_done(&e->freezer_slot);
        if (!e->added && !e->told.name) {
                entry_forget(e);
                return;
        }
        (void) watch_entry_set(e, &e->known.active_state, "inactive");
        (void) watch_entry_set(e, &e->known.sub_state, "dead");
        (void) watch_entry_set(e, &e->known.freezer_state, "running");
        if (!e->added)
                (void) watch_entry_set(e, &e->known.load_state, "not-found");
        else if (!e->file_known)
                watch_entry_read_file(e);
        watch_entry_touch(e);
}

void watch_entry_loaded(WatchEntry *e) {
        e->loaded = true;
        e->file_known = false;
        slot_done(&e->file_slot);
}

/* Something is still to be read before this may be told. */
static bool entry_is_pending(const WatchEntry *e) {
        return e->stale || e->asked || e->file_slot || e->freezer_slot;
}

static void entry_tell(WatchEntry *e) {
        UnitWatch *w = e->watch;

        if (e->told.name && unit_status_equal(&e->known, &e->told)) {
                if (!e->loaded && !e->added)
                        entry_forget(e);
                return;
        }
        unit_status_done(&e->told);
        if (unit_status_copy(&e->known, &e->told) < 0) {
                watch_entry_touch(e);
                watch_schedule(w, WATCH_RETRY_USEC);
                return;
        }
        if (!e->loaded && !e->added) {
                _cleanup_(unit_status_done) UnitStatus last = e->told;

                e->told = (UnitStatus){};
                entry_forget(e);
                w->hooks->on_change(&last, w->userdata);
                return;
        }
        w->hooks->on_change(&e->told, w->userdata);
}

static void watch_tell(UnitWatch *w) {
        while (!w->freed && !list_is_empty(&w->changed)) {
                WatchEntry *e = LIST_ITEM(w->changed.next, WatchEntry, changed);

                list_remove(&e->changed);
                if (entry_is_pending(e))
                        continue; /* whoever answers touches it again */
                entry_tell(e);
        }
}

static bool watch_is_synced(UnitWatch *w) {
        if (!bus_is_connected(w->bus) || w->all_stale || w->list_slot || w->reloading || !list_is_empty(&w->changed))
                return false;
        MAP_FOREACH(e, w->entries, WatchEntry)
                if (entry_is_pending(e))
                        return false;
        return true;
}

static int on_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        UnitWatch *w = userdata;
        int r;

        r = watch_read(w);
        if (r < 0) {
                log_write_errno(LOG_DEBUG, r, "Cannot ask for units");
                watch_schedule(w, WATCH_RETRY_USEC);
        }
        w->telling = true;
        watch_tell(w);
        if (!w->freed && w->sync_owed && watch_is_synced(w)) {
                w->sync_owed = false;
                if (w->hooks->on_synced)
                        w->hooks->on_synced(w->userdata);
        }
        w->telling = false;
        if (w->freed)
                unit_watch_free(w);
        return 0;
}

static void watch_detach(UnitWatch *w) {
        slot_done(&w->properties_slot);
        slot_done(&w->new_slot);
        slot_done(&w->removed_slot);
        slot_done(&w->reloading_slot);
        slot_done(&w->list_slot);
        w->reloading = false;
        MAP_FOREACH(e, w->entries, WatchEntry) {
                slot_done(&e->file_slot);
                slot_done(&e->freezer_slot);
                e->cgroup = unit_cgroup_free(e->cgroup);
                e->asked = false;
        }
}

static void watch_attach(UnitWatch *w) {
        int r;

        r = watch_match(w);
        if (r < 0)
                log_write_errno(LOG_DEBUG, r, "Cannot watch units");
        w->sync_owed = true;
        unit_watch_refresh(w);
}

static void on_connection(bool connected, void *userdata) {
        watch_detach(userdata);
        if (connected)
                watch_attach(userdata);
}

int unit_watch_new(Bus *b, const UnitWatchHooks *hooks, void *userdata, UnitWatch **ret) {
        _cleanup_(unit_watch_freep) UnitWatch *w = mem_new0(UnitWatch, 1);
        int r;

        if (!w)
                return -ENOMEM;
        w->bus = bus_ref(b);
        w->hooks = hooks;
        w->userdata = userdata;
        w->listener = (BusListener){ .on_connection = on_connection, .userdata = w };
        list_init(&w->changed);
        list_append(&b->watches, &w->watches);
        bus_add_listener(b, &w->listener);
        w->entries = map_new();
        if (!w->entries)
                return -ENOMEM;
        r = sd_event_add_time(b->event, &w->timer, CLOCK_MONOTONIC, 0, 1, on_timer, w);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        if (bus_is_connected(b))
                watch_attach(w);
        *ret = TAKE_PTR(w);
        return 0;
}

UnitWatch *unit_watch_free(UnitWatch *w) {
        if (!w)
                return NULL;
        list_remove(&w->watches);
        bus_remove_listener(w->bus, &w->listener);
        w->freed = true;
        if (w->telling)
                return NULL; /* on_timer() does the rest */
        if (w->entries) {
                watch_detach(w);
                MAP_FOREACH(e, w->entries, WatchEntry)
                        entry_forget(e);
                map_free(w->entries);
        }
        sd_event_source_disable_unref(w->timer);
        bus_unref(w->bus);
        free(w);
        return NULL;
}

int unit_watch_add(UnitWatch *w, const char *name) {
        WatchEntry *e = map_get(w->entries, name);
        int r;

        if (!unit_name_is_valid(name))
                return -EINVAL;
        if (!e) {
                r = entry_new(w, name, &e);
                if (r < 0)
                        return r;
        }
        if (e->added)
                return 0;
        e->added = true;
        if (!e->loaded)
                e->stale = true;
        watch_entry_touch(e);
        return 0;
}

void unit_watch_refresh(UnitWatch *w) {
        MAP_FOREACH(e, w->entries, WatchEntry)
                if (!e->added && !w->hooks->wanted(e->name, w->userdata))
                        entry_forget(e);
        w->all_stale = true;
        watch_schedule(w, WATCH_TELL_DELAY_USEC);
}

const UnitStatus *unit_watch_get(UnitWatch *w, const char *name) {
        const WatchEntry *e = map_get(w->entries, name);

        return e && e->told.name ? &e->told : NULL;
}

static void watch_poke(UnitWatch *w, const char *name) {
        const WatchEntry *named = map_get(w->entries, name);

        /* A name that we do not know may be an alias of any. */
        MAP_FOREACH(e, w->entries, WatchEntry)
                if (e->loaded && !unit_state_is_inactive_or_failed(e->known.active_state) &&
                                (!named || streq(e->id, named->id))) {
                        watch_entry_read_freezer(e);
                        watch_entry_touch(e);
                }
}

void unit_watches_poke(Bus *b, const char *name) {
        if (bus_is_connected(b))
                LIST_FOREACH(w, &b->watches, UnitWatch, watches)
                        watch_poke(w, name);
}
