/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit-status.h"

#include "base/mem.h"
#include "base/str.h"

static const size_t texts[] = {
        offsetof(UnitStatus, name),
        offsetof(UnitStatus, description),
        offsetof(UnitStatus, load_state),
        offsetof(UnitStatus, active_state),
        offsetof(UnitStatus, sub_state),
        offsetof(UnitStatus, path),
        offsetof(UnitStatus, freezer_state),
};

static char **text_at(const UnitStatus *s, size_t i) {
        return (char **) ((char *) s + texts[i]);
}

void unit_status_done(UnitStatus *s) {
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                free(TAKE_PTR(*text_at(s, i)));
}

int unit_status_copy(const UnitStatus *s, UnitStatus *ret) {
        _cleanup_(unit_status_done) UnitStatus copy = {};

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                const char *text = strempty(*text_at(s, i));

                *text_at(&copy, i) = mem_dup(text, str_fit(text, UNIT_TEXT_MAX));
                if (!*text_at(&copy, i))
                        return -ENOMEM;
        }
        *ret = copy;
        copy = (UnitStatus){};
        return 0;
}

bool unit_status_equal(const UnitStatus *a, const UnitStatus *b) {
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                const char *x = strempty(*text_at(a, i)), *y = strempty(*text_at(b, i));
                size_t n = str_fit(x, UNIT_TEXT_MAX);

                if (n != str_fit(y, UNIT_TEXT_MAX) || memcmp(x, y, n) != 0)
                        return false;
        }
        return true;
}

bool unit_status_is_active(const UnitStatus *s) {
        const char *active = strempty(s->active_state);

        return streq(active, "active") || streq(active, "reloading") || streq(active, "refreshing");
}

bool unit_status_is_running(const UnitStatus *s) {
        return unit_status_is_active(s) && streq_ptr(s->load_state, "loaded") && streq_ptr(s->sub_state, "running");
}

bool unit_status_is_frozen(const UnitStatus *s) {
        return streq_ptr(s->freezer_state, "frozen");
}

bool unit_state_is_inactive_or_failed(const char *active_state) {
        return streq(active_state, "inactive") || streq(active_state, "failed");
}

bool unit_status_is_inactive_or_failed(const UnitStatus *s) {
        return unit_state_is_inactive_or_failed(strempty(s->active_state));
}

UnitStatus unit_status_not_found(const char *name) {
        return (UnitStatus){
                .name = (char *) name,
                .load_state = (char *) "not-found",
                .active_state = (char *) "inactive",
                .sub_state = (char *) "dead",
                .freezer_state = (char *) "running",
        };
}
