/* SPDX-License-Identifier: Apache-2.0 */
/* hwid.HwidService, on a kernel that is made up: which interface is asked, and which of its addresses is told. */
#include "agent/hwid.h"
#include "hwid.pb-c.h"
#include "unit/agent/calling.h"
#include "unit/agent/root.h"

#define HWID     (&hwid__hwid_service__descriptor)

#define HEADINGS "Inter-|   Receive |  Transmit\n face |bytes |bytes\n"

static HwidLink link_now; /* what the kernel says of any interface */
static char asked[32];

static int get_link(const char *interface, HwidLink *ret) {
        (void) snprintf(asked, sizeof(asked), "%s", interface);
        if (streq(interface, "ib0"))
                return -EBADMSG;
        *ret = link_now;
        return 0;
}

static void assert_asks(const Root *root, const char *interface, const char *wanted) {
        _cleanup_free_ char *text = NULL;

        link_now = (HwidLink){ .current = { 0, 0x11, 0x22, 0xaa, 0xbb, 0xff }, .running = true };
        assert_int_equal(hwid_read(root->path, interface, get_link, &text), 0);
        assert_string_equal(text, "00:11:22:aa:bb:ff");
        assert_string_equal(asked, wanted);
}

static void assert_fails(const Root *root, const char *interface, int error) {
        char *text = NULL;

        assert_int_equal(hwid_read(root->path, interface, get_link, &text), error);
        assert_null(text);
}

/* Wireless before wired, each by name; none other. */
static void test_which_interface(_unused_ void **state) {
        ROOT root;

        root_init(&root);
        assert_fails(&root, NULL, -ENOENT);
        assert_asks(&root, "eth0", "eth0");
        root_write(&root, "/proc/net/dev", HEADINGS "    lo: 1 2\n  eth0: 1 2\n");
        assert_fails(&root, "", -ENODEV);
        root_write(&root, "/proc/net/dev", HEADINGS "    lo: 1 2\nenp2s0: 1 2\n  eno1: 1 2\neno10: 1\n");
        assert_asks(&root, "", "eno1");
        root_write(&root, "/proc/net/dev", HEADINGS "  eno1: 1 2\nwlp1s0:1 2\nwlp1s00: 1\n");
        assert_asks(&root, NULL, "wlp1s0");
        assert_asks(&root, "eno1", "eno1");
        assert_fails(&root, "a-name-that-is-too-long", -ENODEV);
        assert_fails(&root, "ib0", -EBADMSG);
}

/* What the interface was made with, whatever it uses and whether it runs; else what it uses, when it runs. */
static void test_which_address(_unused_ void **state) {
        _cleanup_free_ char *text = NULL;

        link_now = (HwidLink){ .current = { 2, 0, 0, 0, 0, 1 } };
        assert_int_equal(hwid_read("", "wl0", get_link, &text), -ENETDOWN);
        link_now.permanent[5] = 9;
        assert_int_equal(hwid_read("", "wl0", get_link, &text), 0);
        assert_string_equal(text, "00:00:00:00:00:09");
}

/* The kernel's answers: lo's address is of another kind, and there is none such. */
static void test_kernel(_unused_ void **state) {
        HwidLink link;

        assert_int_equal(hwid_get_link("lo", &link), -EBADMSG);
        assert_int_equal(hwid_get_link("givc-none", &link), -ENODEV);
}

static int ask(World *w, Hwid__HwIdResponse **ret, RpcStatus *reterr) {
        Hwid__HwIdRequest request = HWID__HW_ID_REQUEST__INIT;
        const RpcCallOptions options = within(10 * USEC_PER_SEC);

        return rpc_channel_call_wait(w->channel, HWID, "GetHwId", &request, &options, ret, reterr);
}

static int test_refusals(World *w) {
        static const struct {
                const char *interface, *message;
                RpcCode code;
        } rows[] = {
                { NULL, "There is no network interface 'wl* or en*'.", RPC_NOT_FOUND },
                { "givc-none", "There is no network interface 'givc-none'.", RPC_NOT_FOUND },
                { "lo", "Interface 'lo' has no address that identifies it: Bad message.", RPC_FAILED_PRECONDITION },
        };
        ROOT root;

        root_init(&root);
        root_write(&root, "/proc/net/dev", HEADINGS);
        agent_set_root(w->agent, root.path);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(rpc_status_done) RpcStatus status = {};

                w->config.hwid_interface = (char *) rows[i].interface;
                check(ask(w, NULL, &status) < 0);
                check_streq(rpc_code_to_string(status.code), rpc_code_to_string(rows[i].code));
                check_streq(status.message, rows[i].message);
        }
        return 0;
}

/* Before it has said anything. */
static int test_leaving(World *w) {
        for (unsigned i = 0; i < 2; i++) {
                const RpcCallOptions options = within(i == 0 ? 10 * USEC_PER_SEC : 50 * USEC_PER_MSEC);
                _cleanup_(rpc_stream_freep) RpcStream *stream = NULL;
                _cleanup_(rpc_status_done) RpcStatus status = {};
                Hwid__HwIdResponse *reply = NULL;

                check(rpc_stream_open_wait(w->channel, HWID, "GetHwId", &options, &stream, &status) == 0);
                if (i == 0)
                        continue;
                check(rpc_stream_receive_wait(stream, &reply, &status) < 0);
                check(status.code == RPC_DEADLINE_EXCEEDED);
        }
        check_becomes(count_handlers(w) == 0);
        return 0;
}

static void run(void **body) {
        World w;

        world_init(&w, false);
        w.config.hwid = true;
        world_play(&w, *body);
}

static int test_switched_off(World *w) {
        _cleanup_(rpc_status_done) RpcStatus status = {};

        check(ask(w, NULL, &status) < 0 && status.code == RPC_UNIMPLEMENTED);
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_which_interface),
                cmocka_unit_test(test_which_address),
                cmocka_unit_test(test_kernel),
                world_test_by(run, test_refusals),
                world_test_by(run, test_leaving),
                world_test(test_switched_off),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
