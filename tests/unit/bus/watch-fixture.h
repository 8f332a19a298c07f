/* SPDX-License-Identifier: Apache-2.0 */
/* A watch whose hooks write down what they are told. */
#pragma once

#include "unit/bus/fixture.h"

#include <stdio.h>

typedef struct Told {
        unsigned n, n_synced;
        char log[8192];         /* "name load/active/sub/freezer; " for each call */
        const char *wanted;     /* prefix; NULL: none */
        UnitWatch **free_watch; /* free it from within the hook */
        const char *add;        /* add this from within the hook */
        bool inside;            /* of a unit_watch_* call */
        UnitWatch *watch;
} Told;

static inline _unused_ bool hook_wanted(const char *name, void *userdata) {
        const Told *t = userdata;

        return t->wanted && startswith(name, t->wanted);
}

static inline _unused_ void hook_on_change(const UnitStatus *s, void *userdata) {
        Told *t = userdata;
        size_t n = strlen(t->log);

        if (n > sizeof(t->log) / 2)
                t->log[n = 0] = 0;
        assert_false(t->inside);
        t->n++;
        (void) snprintf(t->log + n, sizeof(t->log) - n, "%s %s/%s/%s/%s; ", s->name, s->load_state, s->active_state,
                        s->sub_state, s->freezer_state);
        if (t->free_watch)
                *t->free_watch = unit_watch_free(*t->free_watch);
        if (t->add) {
                assert_return_code(unit_watch_add(t->watch, t->add), 0);
                t->add = NULL;
        }
}

static inline _unused_ void hook_on_synced(void *userdata) {
        Told *t = userdata;

        assert_false(t->inside);
        t->n_synced++;
        if (t->free_watch)
                *t->free_watch = unit_watch_free(*t->free_watch);
}

static const UnitWatchHooks hooks _unused_ = { hook_wanted, hook_on_change, hook_on_synced };

static inline _unused_ UnitWatch *watch_begin(Fixture *f, Told *t) {
        UnitWatch *w;

        t->inside = true;
        assert_return_code(unit_watch_new(f->bus, &hooks, t, &w), 0);
        t->inside = false;
        t->watch = w;
        return w;
}

static inline _unused_ void watch_add(Told *t, const char *name) {
        t->inside = true;
        assert_return_code(unit_watch_add(t->watch, name), 0);
        t->inside = false;
}

/* What was told since the last time. */
static inline _unused_ void assert_told(Told *t, const char *expected) {
        assert_string_equal(t->log, expected);
        t->log[0] = 0;
        t->n = 0;
}

static inline _unused_ void assert_told_in_any_order(Told *t, const char *const *expected, size_t n) {
        size_t size = 0;

        for (size_t i = 0; i < n; i++) {
                if (!strstr(t->log, expected[i]))
                        fail_msg("'%s' is not in '%s'", expected[i], t->log);
                size += strlen(expected[i]);
        }
        assert_int_equal(strlen(t->log), size);
        t->log[0] = 0;
        t->n = 0;
}
