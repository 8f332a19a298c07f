/* SPDX-License-Identifier: Apache-2.0 */
/* ReadJournal at the admin: whose journal it passes on, refusals, and streams that end on either side. */
#include "admin/forward.h"
#include "journal.pb-c.h"
#include "unit/admin/world.h"

typedef struct Read {
        Journal__JournalRequest request;
        RpcStream *stream;
        RpcStatus status;
        Journal__JournalEntry *entry;
} Read;

static void read_done(Read *read) {
        proto_free((ProtobufCMessage *) read->entry);
        rpc_status_done(&read->status);
        rpc_stream_free(read->stream);
        *read = (Read){};
}
#define READ _cleanup_(read_done) Read

static Read read_of(const char *vm, const char *unit) {
        Read read = { .request = JOURNAL__JOURNAL_REQUEST__INIT };

        read.request.vmname = (char *) vm;
        read.request.unitname = (char *) unit;
        return read;
}

static void read_open(World *w, Read *read) {
        const RpcCallOptions options = { .deadline = soon(), .wait_for_ready = true };

        assert_int_equal(rpc_stream_open_wait(w->channel, &journal__journal_service__descriptor, "ReadJournal",
                                         &options, &read->stream, &read->status),
                        0);
        assert_int_equal(rpc_stream_send_wait(read->stream, &read->request), 0);
        assert_int_equal(rpc_stream_close_send_wait(read->stream), 0);
}

/* The next entry, or NULL at the end. */
static const Journal__JournalEntry *read_next(Read *read) {
        int r;

        proto_free((ProtobufCMessage *) read->entry);
        read->entry = NULL;
        r = rpc_stream_receive_wait(read->stream, &read->entry, &read->status);
        assert_int_equal(r > 0, !!read->entry);
        return read->entry;
}

static void assert_refused(World *w, Read read, RpcCode code, const char *message) {
        read_open(w, &read);
        assert_null(read_next(&read));
        assert_int_equal(read.status.code, code);
        assert_string_equal(read.status.message, message);
        read_done(&read);
}

static void wait_until_journals_are(const FakeAgent *a, unsigned n) {
        const usec_t deadline = soon();

        while (a->n_journals != n) {
                assert_true(time_now(CLOCK_MONOTONIC) < deadline);
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        }
}

static int test_lines(World *w) {
        READ of_unit = read_of("net-vm", "x.service"), of_vm = read_of("net-vm", ""), found = read_of("", "x.service");

        register_agents(w);
        w->net_vm.n_lines = 2;
        read_open(w, &of_unit);
        assert_string_equal(read_next(&of_unit)->message, "line 0");
        assert_string_equal(of_unit.entry->unitname, "x.service");
        assert_string_equal(read_next(&of_unit)->message, "line 1");
        assert_null(read_next(&of_unit));
        assert_int_equal(of_unit.status.code, RPC_OK);
        read_open(w, &of_vm);
        assert_string_equal(read_next(&of_vm)->unitname, "");
        read_open(w, &found);
        assert_string_equal(read_next(&found)->identifier, "net-vm"); /* as the agent was told */
        return 0;
}

static int test_refusals(World *w) {
        register_agents(w);
        assert_refused(w, read_of("", ""), RPC_INVALID_ARGUMENT, "Neither a VM nor a unit is named.");
        assert_refused(w, read_of("none", ""), RPC_NOT_FOUND, "VM 'none' is not registered.");
        assert_refused(w, read_of("../x", ""), RPC_INVALID_ARGUMENT, "'../x' is no name of a VM.");
        assert_refused(w, read_of("", "y.service"), RPC_NOT_FOUND, "No unit 'y.service' is registered.");
        assert_refused(w, read_of("net-vm", "y.service"), RPC_NOT_FOUND,
                        "Unit 'y.service' is not exposed by this agent.");
        registry_set_reachable(w->admin.registry, "givc-net-vm.service", false);
        assert_refused(w, read_of("net-vm", ""), RPC_UNAVAILABLE,
                        "Agent 'givc-net-vm.service' cannot be reached: not connected.");
        return 0;
}

static int test_an_old_agent(World *w) {
        register_agents(w);
        assert_refused(w, read_of("net-vm", ""), RPC_UNIMPLEMENTED, "The agent of VM 'net-vm' does not read journals.");
        return 0;
}

/* The agent is left as soon as the caller leaves. */
static int test_leaving(World *w) {
        Read one = read_of("net-vm", ""), two = read_of("net-vm", "");

        register_agents(w);
        one.request.follow = two.request.follow = true;
        w->net_vm.n_lines = 1;
        read_open(w, &one);
        read_open(w, &two);
        assert_non_null(read_next(&one));
        assert_non_null(read_next(&two));
        assert_int_equal(w->net_vm.n_journals, 2);
        read_done(&one);
        wait_until_journals_are(&w->net_vm, 1);
        rpc_stream_cancel(two.stream);
        wait_until_journals_are(&w->net_vm, 0);
        read_done(&two);
        return 0;
}

/* The agent does not get far ahead of a caller who does not read. */
static int test_slow(World *w) {
        READ read = read_of("net-vm", "");

        register_agents(w);
        w->net_vm.n_lines = 10000;
        w->net_vm.line_size = 10000;
        read_open(w, &read);
        for (unsigned i = 0; i < 10; i++) {
                assert_non_null(read_next(&read));
                assert_int_equal(fiber_sleep_wait(10 * USEC_PER_MSEC), 0);
        }
        assert_true(w->net_vm.n_lines_sent < 1000);
        rpc_stream_cancel(read.stream);
        wait_until_journals_are(&w->net_vm, 0);
        return 0;
}

static int test_agent_dies(World *w) {
        READ read = read_of("net-vm", "");

        register_agents(w);
        read.request.follow = true;
        w->net_vm.n_lines = 1;
        read_open(w, &read);
        assert_non_null(read_next(&read));
        stop_agent(w, &w->net_vm);
        assert_null(read_next(&read));
        assert_int_equal(read.status.code, RPC_UNAVAILABLE);
        return 0;
}

static int test_admin_stops(World *w) {
        Read reads[3] = { read_of("net-vm", ""), read_of("net-vm", ""), read_of("app-vm", "") };

        register_agents(w);
        w->net_vm.n_lines = w->app_vm.n_lines = 1;
        for (size_t i = 0; i < ELEMENTSOF(reads); i++) {
                reads[i].request.follow = true;
                read_open(w, &reads[i]);
                assert_non_null(read_next(&reads[i]));
        }
        forwards_stop(&w->admin);
        for (size_t i = 0; i < ELEMENTSOF(reads); i++) {
                assert_null(read_next(&reads[i]));
                assert_int_equal(reads[i].status.code, RPC_UNAVAILABLE);
                assert_string_equal(reads[i].status.message, "The admin is stopping.");
                read_done(&reads[i]);
        }
        wait_until_journals_are(&w->net_vm, 0);
        return 0;
}

/* Of what one agent serves one peer gets a part, and of what all serve. */
static int test_too_many(World *w) {
        Read reads[FORWARDS_PER_PEER_MAX];

        register_agents(w);
        w->net_vm.n_lines = w->app_vm.n_lines = 1;
        for (size_t i = 0; i < ELEMENTSOF(reads); i++) {
                if (i == FORWARDS_JOURNAL_MAX)
                        assert_refused(w, read_of("net-vm", ""), RPC_RESOURCE_EXHAUSTED,
                                        "You have 8 calls of 'journal.JournalService' at 'givc-net-vm.service' "
                                        "already.");
                reads[i] = read_of(i < FORWARDS_JOURNAL_MAX ? "net-vm" : "app-vm", "");
                reads[i].request.follow = true;
                read_open(w, &reads[i]);
                assert_non_null(read_next(&reads[i]));
        }
        assert_refused(w, read_of("app-vm", ""), RPC_RESOURCE_EXHAUSTED,
                        "You have 16 calls of 'journal.JournalService' already.");
        for (size_t i = 0; i < ELEMENTSOF(reads); i++)
                read_done(&reads[i]);
        wait_until_journals_are(&w->net_vm, 0);
        wait_until_journals_are(&w->app_vm, 0);
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                world_test(test_lines),
                world_test(test_refusals),
                world_test_old(test_an_old_agent),
                world_test(test_leaving),
                world_test(test_slow),
                world_test(test_agent_dies),
                world_test(test_admin_stops),
                world_test(test_too_many),
        };

        log_set_level(LOG_ERR);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
