/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/exposure.h"

#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"
#include "base/strv.h"
#include "bus/unit.h"

enum { /* registration types of units that are VMs, see admin.proto */
        TYPE_ADMIN_VM = 3,
        TYPE_SYSTEM_VM = 7,
        TYPE_APP_VM = 11,
};

struct Exposure {
        const Config *config;
        char *own_name;
        ExposedUnit *units;
        size_t n_units, n_allocated;
};

static ExposedUnit *exposure_find(const Exposure *e, const char *name) {
        for (size_t i = 0; i < e->n_units; i++)
                if (streq(e->units[i].name, name))
                        return &e->units[i];
        return NULL;
}

/* A unit that is named twice keeps its place and takes the later type. */
static int exposure_add(Exposure *e, const char *name, uint32_t type) {
        ExposedUnit *unit = exposure_find(e, name);
        int r;

        if (isempty(name) || streq(name, e->own_name))
                return 0;
        if (unit) {
                unit->type = type;
                return 0;
        }
        r = mem_grow((void **) &e->units, &e->n_allocated, e->n_units + 1, sizeof(ExposedUnit));
        if (r < 0)
                return r;
        unit = &e->units[e->n_units];
        *unit = (ExposedUnit){ strdup(name), type };
        if (!unit->name)
                return -ENOMEM;
        e->n_units++;
        return 0;
}

static int exposure_add_list(Exposure *e, char **names, uint32_t type) {
        int r;

        STRV_FOREACH(name, names) {
                r = exposure_add(e, *name, type);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int exposure_fill(Exposure *e) {
        const Config *c = e->config;
        int r;

        r = exposure_add_list(e, c->services, c->identity.subtype);
        if (r < 0)
                return r;
        r = exposure_add(e, strempty(c->admin_vm), TYPE_ADMIN_VM);
        if (r < 0)
                return r;
        r = exposure_add_list(e, c->system_vms, TYPE_SYSTEM_VM);
        if (r < 0)
                return r;
        return exposure_add_list(e, c->app_vms, TYPE_APP_VM);
}

int exposure_new(const Config *config, Exposure **ret) {
        _cleanup_(exposure_freep) Exposure *e = NULL;
        int r;

        e = mem_new0(Exposure, 1);
        if (!e)
                return -ENOMEM;
        e->config = config;
        e->own_name = agent_from_vm(config->identity.name);
        if (!e->own_name)
                return -ENOMEM;
        r = exposure_fill(e);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(e);
        return 0;
}

Exposure *exposure_free(Exposure *e) {
        if (!e)
                return NULL;
        for (size_t i = 0; i < e->n_units; i++)
                free(e->units[i].name);
        free(e->units);
        free(e->own_name);
        free(e);
        return NULL;
}

const char *exposure_get_own_name(const Exposure *e) {
        return e->own_name;
}

static bool entry_is(const char *entry, const char *name, size_t size) {
        return strlen(entry) == size && memcmp(entry, name, size) == 0;
}

static bool exposure_has_entry(const Exposure *e, const char *name, size_t size) {
        if (size == 0)
                return false;
        if (entry_is(e->own_name, name, size))
                return true;
        for (size_t i = 0; i < e->n_units; i++)
                if (entry_is(e->units[i].name, name, size))
                        return true;
        return config_find_application(e->config, name, size);
}

bool exposure_has_instance(char *const *names, const char *unit) {
        size_t size = instance_prefix_length(unit);

        for (; size > 0 && names && *names; names++)
                if (entry_is(*names, unit, size))
                        return true;
        return false;
}

bool exposure_contains(const Exposure *e, const char *name) {
        return exposure_has_entry(e, name, strlen(name)) || exposure_has_entry(e, name, instance_prefix_length(name));
}

bool exposure_is_configured(const Exposure *e, const char *name) {
        return streq(e->own_name, name) || exposure_find(e, name);
}

bool exposure_is_application(const Exposure *e, const char *name) {
        size_t size = instance_prefix_length(name);

        return size > 0 && unit_name_is_valid(name) && config_find_application(e->config, name, size);
}

const ExposedUnit *exposure_get_units(const Exposure *e, size_t *ret_n) {
        *ret_n = e->n_units;
        return e->units;
}
