/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/registry.h"

#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"

/* Everything under one agent; lives while it has an entry. */
typedef struct Group {
        char *agent;
        bool reachable;
        Map *entries; /* name to Entry */
        size_t n_bytes;
} Group;

struct Registry {
        Map *groups; /* agent to Group, in order of first registration */
        WatchHub hub;
        uint64_t n_changes;
        List entries; /* all, in order of registration */
        size_t n_bytes;
        Reservations reservations;
        void (*on_change)(void *userdata);
        void *userdata;
        void (*on_entry)(const Entry *e, bool there, void *userdata);
        void *on_entry_userdata;
};

static Entry *entry_free(Entry *e) {
        if (!e)
                return NULL;
        free(e->name);
        free(e->agent);
        free(e->vm);
        unit_status_done(&e->status);
        entry_image_unref(e->image);
        free(e);
        return NULL;
}
DEFINE_CLEANUP(Entry *, entry_free)

static Group *group_free(Group *g) {
        if (!g)
                return NULL;
        if (g->entries)
                MAP_FOREACH(e, g->entries, Entry)
                        entry_free(e);
        free(g->agent);
        map_free(g->entries);
        free(g);
        return NULL;
}
DEFINE_CLEANUP(Group *, group_free)

int registry_new(Registry **ret) {
        _cleanup_(registry_freep) Registry *r = NULL;

        r = mem_new0(Registry, 1);
        if (!r)
                return -ENOMEM;
        watch_hub_init(&r->hub);
        list_init(&r->entries);
        reservations_init(&r->reservations);
        r->groups = map_new();
        if (!r->groups)
                return -ENOMEM;
        *ret = TAKE_PTR(r);
        return 0;
}

Registry *registry_free(Registry *r) {
        if (!r)
                return NULL;
        if (r->groups)
                MAP_FOREACH(g, r->groups, Group)
                        group_free(g);
        map_free(r->groups);
        free(r);
        return NULL;
}

void registry_set_listener(Registry *r, void (*on_change)(void *userdata), void *userdata) {
        r->on_change = on_change;
        r->userdata = userdata;
}

void registry_set_recorder(Registry *r, void (*on_entry)(const Entry *e, bool there, void *userdata), void *userdata) {
        r->on_entry = on_entry;
        r->on_entry_userdata = userdata;
}

static void registry_record(Registry *r, const Entry *e, bool there) {
        if (r->on_entry)
                r->on_entry(e, there, r->on_entry_userdata);
}

WatchHub *registry_get_hub(Registry *r) {
        return &r->hub;
}

static Group *registry_get_group(const Registry *r, const char *agent) {
        return map_get(r->groups, agent);
}

static Entry *registry_get_entry(const Registry *r, const char *agent, const char *name) {
        Group *g = registry_get_group(r, agent);

        return g ? map_get(g->entries, name) : NULL;
}

const Entry *registry_get(const Registry *r, const char *agent, const char *name) {
        return registry_get_entry(r, agent, name);
}

static void registry_account(Registry *r, const char *agent, const EntryImage *old_image, const EntryImage *new_image) {
        size_t less = old_image ? entry_image_size(old_image) : 0, more = new_image ? entry_image_size(new_image) : 0;
        Group *g = registry_get_group(r, agent);

        r->n_bytes += more - less;
        g->n_bytes += more - less;
}

/* A '/' is in no unit's name, so the key is unambiguous. */
static void registry_publish(Registry *r, const Entry *e, EntryImage *old_image, EntryImage *new_image, bool replaced) {
        char key[2 * ENTRY_NAME_MAX + 2];

        registry_account(r, e->agent, old_image, new_image);
        r->n_changes++;
        (void) snprintf(key, sizeof(key), "%s/%s", e->agent, e->name);
        watch_hub_publish(&r->hub, key, old_image, new_image, replaced);
        if (r->on_change)
                r->on_change(r->userdata);
}

static EntryInfo entry_to_info(const Entry *e) {
        return (EntryInfo){
                .name = e->name,
                .agent = e->agent,
                .type = e->type,
                .placement = e->placement,
                .vm = e->vm,
                .status = &e->status,
        };
}

/* Gives the entry the image of what info says; when it differs from the old one, readers are told. */
static int registry_show(Registry *r, Entry *e, const EntryInfo *info, bool reachable, bool replaced) {
        _cleanup_(entry_image_unrefp) EntryImage *image = NULL, *old_image = entry_image_ref(e->image);
        int k;

        k = entry_image_new(info, reachable, old_image, &image);
        if (k < 0)
                return k;
        k = !entry_image_equal(old_image, image);
        if (k > 0) {
                entry_image_unref(e->image);
                e->image = entry_image_ref(image);
                registry_publish(r, e, old_image, image, replaced);
        }
        if (replaced || old_image->since_usec != e->image->since_usec)
                registry_record(r, e, true);
        return k;
}

/* As registry_show(), of what the entry says itself. */
static int registry_refresh(Registry *r, Entry *e, bool reachable) {
        EntryInfo info = entry_to_info(e);

        return registry_show(r, e, &info, reachable, false);
}

static int entry_new(const EntryInfo *info, bool reachable, Entry **ret) {
        _cleanup_(entry_freep) Entry *e = NULL;
        int k;

        e = mem_new0(Entry, 1);
        if (!e)
                return -ENOMEM;
        e->name = strdup(info->name);
        e->agent = strdup(info->agent);
        e->vm = strdup(strempty(info->vm));
        e->type = info->type;
        e->placement = info->placement;
        if (!e->name || !e->agent || !e->vm)
                return -ENOMEM;
        k = unit_status_copy(info->status, &e->status);
        if (k < 0)
                return k;
        k = entry_image_new(info, reachable, NULL, &e->image);
        if (k < 0)
                return k;
        *ret = TAKE_PTR(e);
        return 0;
}

static int registry_add_group(Registry *r, const char *agent, Group **ret) {
        _cleanup_(group_freep) Group *g = NULL;
        int k;

        if (map_size(r->groups) >= REGISTRY_AGENTS_MAX)
                return -ENOSPC;
        g = mem_new0(Group, 1);
        if (!g)
                return -ENOMEM;
        g->reachable = true;
        g->agent = strdup(agent);
        g->entries = map_new();
        if (!g->agent || !g->entries)
                return -ENOMEM;
        k = map_put(r->groups, agent, g);
        if (k < 0)
                return k;
        *ret = TAKE_PTR(g);
        return 0;
}

static void registry_drop_empty_group(Registry *r, Group *g) {
        if (map_size(g->entries) > 0)
                return;
        (void) map_remove(r->groups, g->agent);
        group_free(g);
}

static int registry_add(Registry *r, const EntryInfo *info) {
        _cleanup_(entry_freep) Entry *e = NULL;
        Group *g = registry_get_group(r, info->agent);
        size_t n;
        int k;

        if (g && map_size(g->entries) >= REGISTRY_ENTRIES_PER_AGENT_MAX)
                return -ENOSPC;
        k = entry_new(info, !g || g->reachable, &e);
        if (k < 0)
                return k;
        n = entry_image_size(e->image);
        if (r->n_bytes + n > REGISTRY_BYTES_MAX || (g ? g->n_bytes : 0) + n > REGISTRY_BYTES_PER_AGENT_MAX)
                return -ENOSPC;
        if (!g) {
                k = registry_add_group(r, info->agent, &g);
                if (k < 0)
                        return k;
        }
        k = map_put(g->entries, e->name, e);
        if (k < 0) {
                registry_drop_empty_group(r, g);
                return k;
        }
        list_append(&r->entries, &e->entries);
        registry_publish(r, e, NULL, e->image, false);
        registry_record(r, e, true);
        (void) TAKE_PTR(e);
        return 1;
}

static int entry_set_status(Entry *e, const UnitStatus *status) {
        UnitStatus copy;
        int k;

        if (unit_status_equal(&e->status, status))
                return 0;
        k = unit_status_copy(status, &copy);
        if (k < 0)
                return k;
        unit_status_done(&e->status);
        e->status = copy;
        return 1;
}

/* The same unit again is no news, and its new state is a change; only another kind of thing under the name replaces
 * it. */
int registry_put(Registry *r, const EntryInfo *info) {
        Entry *e = registry_get_entry(r, info->agent, info->name);
        bool replaced;
        int k;

        if (!e)
                return registry_add(r, info);
        replaced = !entry_type_equal(e->type, info->type) || e->placement != info->placement ||
                        !streq(e->vm, strempty(info->vm));
        k = str_replace(&e->vm, strempty(info->vm));
        if (k < 0)
                return k;
        k = entry_set_status(e, info->status);
        if (k < 0)
                return k;
        e->type = info->type;
        e->placement = info->placement;
        return registry_show(r, e, info, registry_is_reachable(r, e->agent), replaced);
}

static void registry_take_out(Registry *r, Group *g, Entry *e) {
        (void) map_remove(g->entries, e->name);
        list_remove(&e->entries);
        registry_publish(r, e, e->image, NULL, false);
        registry_record(r, e, false);
        entry_free(e);
}

/* All entries but the agent's own, which goes last. */
static void registry_remove_group(Registry *r, Group *g) {
        Entry *own = map_get(g->entries, g->agent);

        MAP_FOREACH(e, g->entries, Entry)
                if (e != own)
                        registry_take_out(r, g, e);
        if (own)
                registry_take_out(r, g, own);
        registry_drop_empty_group(r, g);
}

static int registry_remove_agent_of(Registry *r, const char *vm_unit, const char *speaker) {
        _cleanup_free_ char *vm = vm_from_unit(vm_unit), *agent = NULL;
        Group *g;

        if (!vm)
                return 0;
        agent = agent_from_vm(vm);
        if (!agent)
                return -ENOMEM;
        g = streq(agent, speaker) ? NULL : registry_get_group(r, agent);
        if (g)
                registry_remove_group(r, g);
        return 0;
}

int registry_remove(Registry *r, const char *agent, const char *name) {
        Group *g = registry_get_group(r, agent);
        Entry *e = g ? map_get(g->entries, name) : NULL;
        int k;

        if (!e)
                return -ENOENT;
        if (streq(agent, name)) {
                registry_remove_group(r, g);
                return 0;
        }
        if (e->type.service == SERVICE_VM) {
                k = registry_remove_agent_of(r, name, agent);
                if (k < 0)
                        return k;
        }
        registry_take_out(r, g, e);
        registry_drop_empty_group(r, g);
        return 0;
}

int registry_update(Registry *r, const char *agent, const char *name, const UnitStatus *status) {
        Group *g = registry_get_group(r, agent);
        Entry *e = g ? map_get(g->entries, name) : NULL;
        int k;

        reservations_tell(&r->reservations, agent, name, unit_status_is_inactive_or_failed(status));
        if (!e)
                return -ENOENT;
        if (e->type.service == SERVICE_APP && unit_status_is_inactive_or_failed(status)) {
                registry_take_out(r, g, e);
                registry_drop_empty_group(r, g);
                return 1;
        }
        k = entry_set_status(e, status);
        return k <= 0 ? k : registry_refresh(r, e, g->reachable);
}

int registry_unit_gone(Registry *r, const char *agent, const char *name) {
        const Entry *e = registry_get(r, agent, name);
        UnitStatus gone = unit_status_not_found(name);

        gone.description = e ? e->status.description : NULL;
        return registry_update(r, agent, name, &gone);
}

void registry_set_reachable(Registry *r, const char *agent, bool reachable) {
        Group *g = registry_get_group(r, agent);

        if (!g || g->reachable == reachable)
                return;
        g->reachable = reachable;
        MAP_FOREACH(e, g->entries, Entry)
                (void) registry_refresh(r, e, reachable);
        if (r->on_change)
                r->on_change(r->userdata);
}

bool registry_is_reachable(const Registry *r, const char *agent) {
        const Group *g = registry_get_group(r, agent);

        return g && g->reachable;
}

static int candidates_add(char **candidates, const char *agent) {
        char *s = *candidates ? strf("%s, %s", *candidates, agent) : strdup(agent);

        if (!s)
                return -ENOMEM;
        free(*candidates);
        *candidates = s;
        return 0;
}

int registry_find(const Registry *r, const char *name, const char *agent, const Entry **ret, char **reterr_candidates) {
        _cleanup_free_ char *candidates = NULL;
        const Entry *found = NULL;
        unsigned n = 0;
        int k;

        MAP_FOREACH(g, r->groups, Group) {
                const Entry *e = agent && !streq(agent, g->agent) ? NULL : map_get(g->entries, name);

                if (!e)
                        continue;
                found = e;
                n++;
                k = candidates_add(&candidates, g->agent);
                if (k < 0)
                        return k;
        }
        if (n == 0)
                return -ENOENT;
        if (n > 1) {
                *reterr_candidates = TAKE_PTR(candidates);
                return -ENOTUNIQ;
        }
        *ret = found;
        return 0;
}

const Entry *registry_get_host(const Registry *r) {
        MAP_FOREACH(g, r->groups, Group) {
                const Entry *e = map_get(g->entries, g->agent);

                if (e && e->type.vm == VM_HOST)
                        return e;
        }
        return NULL;
}

const Entry *registry_next(const Registry *r, const char *agent, const Entry *after) {
        for (const List *l = after ? after->entries.next : r->entries.next; l != &r->entries; l = l->next) {
                const Entry *e = LIST_ITEM(l, Entry, entries);

                if (!agent || streq(agent, e->agent))
                        return e;
        }
        return NULL;
}

uint64_t registry_count_changes(const Registry *r) {
        return r->n_changes;
}

size_t registry_count(const Registry *r) {
        size_t n = 0;

        MAP_FOREACH(g, r->groups, Group)
                n += map_size(g->entries);
        return n;
}

void registry_get_stats(const Registry *r, RegistryStats *ret) {
        *ret = (RegistryStats){ .n_watches = r->hub.n_watches };
        MAP_FOREACH(g, r->groups, Group) {
                bool registered = map_get(g->entries, g->agent);

                ret->n_agents += registered;
                ret->n_unreachable += registered && !g->reachable;
                ret->n_units += map_size(g->entries) - registered;
        }
}

static bool registry_has_name(const Registry *r, const char *name) {
        if (reservations_have_name(&r->reservations, name))
                return true;
        MAP_FOREACH(g, r->groups, Group)
                if (map_get(g->entries, name))
                        return true;
        return false;
}

/* Ends: there are fewer names than entries and reservations. */
static char *registry_free_instance(const Registry *r, const char *app) {
        for (unsigned i = 0;; i++) {
                _cleanup_free_ char *name = unit_from_app(app, i);

                if (!name || !registry_has_name(r, name))
                        return TAKE_PTR(name);
        }
}

int registry_reserve_instance(Registry *r, const char *agent, const char *app, Reservation **ret) {
        const Group *g = registry_get_group(r, agent);
        size_t n = reservations_count(&r->reservations, agent) + (g ? map_size(g->entries) : 0);
        _cleanup_free_ char *name = NULL;

        if (n >= REGISTRY_ENTRIES_PER_AGENT_MAX || r->reservations.n >= REGISTRY_RESERVATIONS_MAX)
                return -ENOSPC;
        name = registry_free_instance(r, app);
        return name ? reservation_new(&r->reservations, agent, name, ret) : -ENOMEM;
}

bool registry_is_reserved(const Registry *r, const char *agent, const char *name) {
        return reservations_include(&r->reservations, agent, name);
}
