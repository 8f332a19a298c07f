/* SPDX-License-Identifier: Apache-2.0 */
/* NotifyUser: to the VM that was meant, and what is said when it cannot show it. */
#include "unit/admin/world.h"

static RpcCode notify(World *w, const char *vm, bool says, char **ret_message) {
        Admin__UserNotificationRequest request = ADMIN__USER_NOTIFICATION_REQUEST__INIT;
        Notify__UserNotification n = NOTIFY__USER_NOTIFICATION__INIT;
        _cleanup_proto_ Notify__Status *reply = NULL;
        RpcCode code;

        n.event = (char *) "event";
        n.title = (char *) "title";
        n.icon = (char *) "icon";
        n.message = (char *) "message";
        n.urgency = NOTIFY__URGENCY_LEVEL__CRITICAL;
        request.vmname = (char *) vm;
        request.notification = says ? &n : NULL;
        code = call(w, "NotifyUser", &request, &reply, ret_message);
        if (code == RPC_OK)
                assert_string_equal(reply->status, "Notification sent");
        return code;
}

static int test_notify(World *w) {
        register_agents(w);
        assert_int_equal(notify(w, "net-vm", true, NULL), RPC_OK);
        assert_string_equal(w->net_vm.notification, "event|title|icon|message|2");
        assert_null(w->app_vm.notification);
        assert_int_equal(notify(w, "app-vm", false, NULL), RPC_OK);
        assert_string_equal(w->app_vm.notification, "||||0");
        return 0;
}

static int test_refusals(World *w) {
        _cleanup_free_ char *message = NULL;

        register_agents(w);
        assert_int_equal(notify(w, "", true, &message), RPC_INVALID_ARGUMENT);
        assert_int_equal(notify(w, "gui-vm", true, &message), RPC_NOT_FOUND);
        assert_string_equal(message, "VM 'gui-vm' is not registered.");
        w->net_vm.settings_code = RPC_UNKNOWN;
        assert_int_equal(notify(w, "net-vm", true, &message), RPC_UNKNOWN);
        assert_string_equal(message, "Not now.");
        return 0;
}

static int test_not_served(World *w) {
        _cleanup_free_ char *message = NULL;

        register_agents(w);
        assert_int_equal(notify(w, "net-vm", true, &message), RPC_UNIMPLEMENTED);
        assert_string_equal(message, "The agent of VM 'net-vm' does not show notifications.");
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                world_test(test_notify),
                world_test(test_refusals),
                world_test_old(test_not_served),
        };

        log_set_level(LOG_ERR);
        return cmocka_run_group_tests_name("admin-notify", tests, NULL, NULL);
}
