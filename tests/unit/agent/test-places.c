/* SPDX-License-Identifier: Apache-2.0 */
/* How many of a service's places who may take, and that they come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/services/places.h"
#include "unit/peers.h"

static const Config config = { .network.admin.name = (char *) "admin-vm" };

/* Takes as many as there are for it; the last refusal's words are in *ret. */
static unsigned take_all(Places *places, const Identity *identity, Place *taken, unsigned n, char **ret) {
        for (unsigned i = 0; i < n; i++) {
                RpcStatus status = {};
                int r = place_take(&taken[i], places, identity, &config, &status);

                if (r == 0)
                        continue;
                assert_int_equal(status.code, RPC_RESOURCE_EXHAUSTED);
                *ret = strdup(status.message);
                rpc_status_done(&status);
                return i;
        }
        return n;
}

static void test_shares(_unused_ void **state) {
        _cleanup_(identity_freep) Identity *app = peer_certified("app-vm", "192.168.101.5"),
                                           *gui = peer_certified("gui-vm", "192.168.101.3"),
                                           *admin = peer_certified("admin-vm", "192.168.101.10");
        _cleanup_free_ char *first = NULL, *second = NULL, *third = NULL;
        Places places = PLACES_INIT(places, "things", 8);
        Place of_app[8] = {}, of_gui[8] = {}, of_admin[8] = {}, again[1] = {};

        assert_int_equal(take_all(&places, app, of_app, 8, &first), 2);
        assert_string_equal(first, "You have 2 things already, of 8 for all.");
        assert_int_equal(take_all(&places, gui, of_gui, 8, &second), 2);
        assert_int_equal(take_all(&places, admin, of_admin, 8, &third), 4);
        assert_string_equal(third, "There are 8 things already, and more are not served.");
        for (size_t i = 0; i < ELEMENTSOF(of_app); i++)
                place_leave(&of_app[i]); /* those too that it did not get */
        assert_int_equal(take_all(&places, app, again, 1, &first), 1);
        place_leave(&again[0]);
        for (size_t i = 0; i < ELEMENTSOF(of_gui); i++) {
                place_leave(&of_gui[i]);
                place_leave(&of_admin[i]);
        }
        assert_true(list_is_empty(&places.taken));
}

/* Who comes without a certificate is the admin, or root; a quarter of few is one. */
static void test_others(_unused_ void **state) {
        _cleanup_(identity_freep) Identity *plain = peer_plain("192.168.101.10"), *root = peer_local(0, 0),
                                           *app = peer_certified("app-vm", "192.168.101.5");
        _cleanup_free_ char *message = NULL, *other = NULL;
        Places places = PLACES_INIT(places, "things", 3);
        Place of_plain[1] = {}, of_root[2] = {}, of_app[2] = {};

        assert_int_equal(take_all(&places, app, of_app, 2, &message), 1);
        assert_string_equal(message, "You have 1 things already, of 3 for all.");
        assert_int_equal(take_all(&places, plain, of_plain, 1, &other), 1);
        assert_int_equal(take_all(&places, root, of_root, 2, &other), 1);
        assert_string_equal(other, "There are 3 things already, and more are not served.");
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_shares),
                cmocka_unit_test(test_others),
        };

        return cmocka_run_group_tests(tests, peers_setup, peers_teardown);
}
