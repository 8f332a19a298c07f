/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/answers.h"

static void answers_drop_lists(Answers *a) {
        a->list = rpc_packed_unref(a->list);
        a->initial = rpc_packed_unref(a->initial);
}

void answers_done(Answers *a) {
        answers_drop_lists(a);
        a->event = rpc_packed_unref(a->event);
        a->image = entry_image_unref(a->image);
}

void answers_refresh(Answers *a, const Registry *registry) {
        uint64_t n = registry_count_changes(registry);

        if (a->n_changes != n)
                answers_drop_lists(a);
        a->n_changes = n;
}

RpcPacked *answers_get_event(const Answers *a, const WatchEvent *event) {
        return a->event && a->image == event->image && a->type == event->type ? a->event : NULL;
}

void answers_keep_event(Answers *a, const WatchEvent *event, RpcPacked *packed) {
        rpc_packed_unref(a->event);
        entry_image_unref(a->image);
        a->event = rpc_packed_ref(packed);
        a->image = entry_image_ref(event->image);
        a->type = event->type;
}
