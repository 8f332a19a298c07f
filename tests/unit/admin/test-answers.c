/* SPDX-License-Identifier: Apache-2.0 */
/* What was packed is given again as long as it says what is so, and no longer. */
#include "admin.pb-c.h"
#include "admin/answers.h"
#include "entries.h"

static RpcPacked *pack(void) {
        const Admin__Empty empty = ADMIN__EMPTY__INIT;
        RpcPacked *p = NULL;

        assert_int_equal(rpc_packed_new(&empty, &p), 0);
        return p;
}

static void test_lists_until_a_change(_unused_ void **state) {
        _cleanup_(registry_freep) Registry *r = NULL;
        UnitStatus frozen_now = frozen("a.service");
        Answers a = {};

        assert_int_equal(registry_new(&r), 0);
        assert_int_equal(put(r, "givc-a.service", "a.service", VM_SYS, SERVICE_SVC, NULL), 1);
        answers_refresh(&a, r);
        a.list = pack();
        a.initial = pack();
        answers_refresh(&a, r);
        assert_non_null(a.list);
        assert_int_equal(put(r, "givc-a.service", "a.service", VM_SYS, SERVICE_SVC, NULL), 0); /* no news */
        answers_refresh(&a, r);
        assert_non_null(a.list);
        assert_non_null(a.initial);

        assert_int_equal(registry_update(r, "givc-a.service", "a.service", &frozen_now), 1);
        answers_refresh(&a, r);
        assert_null(a.list);
        assert_null(a.initial);
        a.list = pack();
        registry_set_reachable(r, "givc-a.service", false);
        answers_refresh(&a, r);
        assert_null(a.list);
        a.list = pack();
        assert_int_equal(registry_remove(r, "givc-a.service", "a.service"), 0);
        answers_refresh(&a, r);
        assert_null(a.list);
        answers_done(&a);
}

static void test_event_for_the_next_watcher(_unused_ void **state) {
        _cleanup_(registry_freep) Registry *r = NULL;
        _cleanup_(rpc_packed_unrefp) RpcPacked *p = pack();
        WatchEvent added = { .type = WATCH_ADDED }, removed = { .type = WATCH_REMOVED }, other = { WATCH_ADDED, NULL };
        Answers a = {};

        assert_int_equal(registry_new(&r), 0);
        assert_int_equal(put(r, "givc-a.service", "a.service", VM_SYS, SERVICE_SVC, NULL), 1);
        assert_int_equal(put(r, "givc-a.service", "b.service", VM_SYS, SERVICE_SVC, NULL), 1);
        added.image = removed.image = registry_get(r, "givc-a.service", "a.service")->image;
        other.image = registry_get(r, "givc-a.service", "b.service")->image;
        assert_null(answers_get_event(&a, &added));
        answers_keep_event(&a, &added, p);
        assert_ptr_equal(answers_get_event(&a, &added), p);
        assert_null(answers_get_event(&a, &removed));
        assert_null(answers_get_event(&a, &other));

        /* The image is kept with it: no other one can be at its place. */
        assert_int_equal(registry_remove(r, "givc-a.service", "a.service"), 0);
        assert_ptr_equal(answers_get_event(&a, &added), p);
        answers_keep_event(&a, &other, p);
        assert_ptr_equal(answers_get_event(&a, &other), p);
        answers_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lists_until_a_change),
                cmocka_unit_test(test_event_for_the_next_watcher),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
