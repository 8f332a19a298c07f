/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/work.h"

#include "base/mem.h"
#include "base/str.h"
#include "ctl/entry.h"

typedef enum Step {
        STEP_BOOT,
        STEP_AGENT,
        STEP_LAST,
} Step;

static bool list_has_running(const Admin__QueryListResponse *list, EntryKind kind, const char *vm) {
        for (size_t i = 0; i < list->n_list; i++) {
                _cleanup_free_ char *own = NULL;

                if (entry_get_kind(list->list[i]) != kind || !streq(list->list[i]->vmstatus, "Running"))
                        continue;
                own = entry_get_vm(list->list[i]);
                if (own && streq(own, vm))
                        return true;
        }
        return false;
}

/* The agent alone makes a VM usable; what is left of one that was there before the boot does not count. */
static Step work_get_step(const Work *w, const Admin__QueryListResponse *list) {
        if (!w->vm || !list)
                return STEP_LAST;
        if (list_has_running(list, ENTRY_AGENT, w->vm))
                return STEP_LAST;
        return list_has_running(list, ENTRY_VM, w->vm) ? STEP_AGENT : STEP_BOOT;
}

static size_t list_count_vms(const Admin__QueryListResponse *list) {
        size_t n = 0;

        for (size_t i = 0; i < list->n_list; i++)
                n += entry_get_kind(list->list[i]) == ENTRY_VM && streq(list->list[i]->vmstatus, "Running");
        return n;
}

static char *work_last_to_text(const Work *w, const Admin__QueryListResponse *list) {
        size_t n = w->counts_vms && list ? list_count_vms(list) : 0;

        if (!w->name)
                return strf("starting %s", w->vm);
        if (n > 0)
                return strf("%s %s, %zu VM%s still run%s", w->doing, w->name, n, n == 1 ? "" : "s", n == 1 ? "s" : "");
        return strf("%s %s", w->doing, w->name);
}

char *work_to_text(const Work *w, const Admin__QueryListResponse *list) {
        char *text = NULL;

        switch (work_get_step(w, list)) {
        case STEP_BOOT:
                text = strf("booting %s", w->vm);
                break;
        case STEP_AGENT:
                text = strf("waiting for the agent of %s", w->vm);
                break;
        case STEP_LAST:
                text = work_last_to_text(w, list);
                break;
        }
        if (text)
                str_make_printable(text, '?');
        return text;
}

char *work_to_remains(const Work *w, const Admin__QueryListResponse *list) {
        const char *before = w->name ? ", '" : "", *name = strempty(w->name),
                   *behind = w->name ? "' is not started" : "";

        switch (work_get_step(w, list)) {
        case STEP_BOOT:
                return strf("VM '%s' goes on booting%s%s%s", w->vm, before, name, behind);
        case STEP_AGENT:
                return strf("VM '%s' runs, without its agent so far%s%s%s", w->vm, before, name, behind);
        default:
                return w->remains ? strdup(w->remains) : NULL;
        }
}
