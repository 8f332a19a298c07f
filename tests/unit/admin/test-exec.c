/* SPDX-License-Identifier: Apache-2.0 */
/* RunCommand at the admin: to whom it is passed on, both ways, refusals, and ends on either side. */
#include "admin/forward.h"
#include "exec.pb-c.h"
#include "unit/admin/world.h"

typedef struct Command {
        RpcStream *stream;
        RpcStatus status;
} Command;

static void command_done(Command *c) {
        rpc_stream_free(c->stream);
        rpc_status_done(&c->status);
        *c = (Command){};
}
#define COMMAND _cleanup_(command_done) Command

static void command_open(World *w, Command *ret) {
        const RpcCallOptions options = { .deadline = soon(), .wait_for_ready = true };

        *ret = (Command){};
        assert_int_equal(rpc_stream_open_wait(w->channel, &exec__exec__descriptor, "RunCommand", &options, &ret->stream,
                                         &ret->status),
                        0);
}

static void command_start(World *w, const char *vm, const char *name, Command *ret) {
        Exec__CommandRequest request = EXEC__COMMAND_REQUEST__INIT;
        Exec__StartCommand start = EXEC__START_COMMAND__INIT;

        command_open(w, ret);
        start.vmname = (char *) vm;
        start.command = (char *) name;
        request.command_case = EXEC__COMMAND_REQUEST__COMMAND_START;
        request.start = &start;
        assert_int_equal(rpc_stream_send_wait(ret->stream, &request), 0);
}

static int command_say(Command *c, const void *data, size_t n) {
        Exec__CommandRequest request = EXEC__COMMAND_REQUEST__INIT;
        Exec__CommandIO io = EXEC__COMMAND_IO__INIT;

        io.payload = (ProtobufCBinaryData){ .data = (uint8_t *) data, .len = n };
        request.command_case = EXEC__COMMAND_REQUEST__COMMAND_STDIN;
        request.stdin = &io;
        return rpc_stream_send_wait(c->stream, &request);
}

static void assert_heard(Command *c, const char *text) {
        _cleanup_proto_ Exec__CommandResponse *response = NULL;

        assert_int_equal(rpc_stream_receive_wait(c->stream, &response, &c->status), 1);
        assert_int_equal(response->event_case, EXEC__COMMAND_RESPONSE__EVENT_STDOUT);
        assert_int_equal(response->stdout->payload.len, strlen(text));
        assert_memory_equal(response->stdout->payload.data, text, strlen(text));
}

static void assert_finished(Command *c, int status) {
        _cleanup_proto_ Exec__CommandResponse *response = NULL;

        assert_int_equal(rpc_stream_receive_wait(c->stream, &response, &c->status), 1);
        assert_int_equal(response->event_case, EXEC__COMMAND_RESPONSE__EVENT_FINISHED);
        assert_int_equal(response->finished->returncode, status);
}

static void assert_end(Command *c, RpcCode code, const char *message) {
        _cleanup_proto_ Exec__CommandResponse *response = NULL;

        assert_true(rpc_stream_receive_wait(c->stream, &response, &c->status) <= 0);
        assert_int_equal(c->status.code, code);
        if (message)
                assert_string_equal(c->status.message, message);
}

static void wait_until_commands_are(const FakeAgent *a, unsigned n) {
        const usec_t deadline = soon();

        while (a->n_commands != n) {
                assert_true(time_now(CLOCK_MONOTONIC) < deadline);
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        }
}

static int test_both_ways(World *w) {
        COMMAND c;

        register_agents(w);
        command_start(w, "net-vm", "cat", &c);
        assert_int_equal(command_say(&c, "one", 3), 0);
        assert_heard(&c, "one");
        assert_int_equal(command_say(&c, "three", 5), 0);
        assert_heard(&c, "three");
        assert_int_equal(w->net_vm.n_commands, 1);
        assert_int_equal(rpc_stream_close_send_wait(c.stream), 0);
        assert_finished(&c, 8);
        assert_end(&c, RPC_OK, NULL);
        assert_true(w->net_vm.command_ended);
        wait_until_commands_are(&w->net_vm, 0);
        return 0;
}

static int test_refusals(World *w) {
        static const struct {
                const char *vm, *command;
                RpcCode code;
                const char *message;
        } rows[] = {
                { "", "cat", RPC_INVALID_ARGUMENT, "No VM is named that is to run 'cat'." },
                { "none", "cat", RPC_NOT_FOUND, "VM 'none' is not registered." },
                { "../x", "cat", RPC_INVALID_ARGUMENT, "'../x' is no name of a VM." },
                { "net-vm", "deny", RPC_PERMISSION_DENIED, "Command 'deny' is not one that this agent runs." },
        };
        COMMAND silent, first;

        register_agents(w);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                COMMAND c;

                command_start(w, rows[i].vm, rows[i].command, &c);
                assert_end(&c, rows[i].code, rows[i].message);
        }
        command_open(w, &silent);
        assert_int_equal(rpc_stream_close_send_wait(silent.stream), 0);
        assert_end(&silent, RPC_INVALID_ARGUMENT, "The first message must say what to start.");
        command_open(w, &first);
        assert_int_equal(command_say(&first, "x", 1), 0);
        assert_end(&first, RPC_INVALID_ARGUMENT, "The first message must say what to start.");
        assert_int_equal(w->net_vm.n_commands, 0);
        return 0;
}

static int test_an_agent_without(World *w) {
        COMMAND c;

        register_agents(w);
        command_start(w, "net-vm", "cat", &c);
        assert_end(&c, RPC_UNIMPLEMENTED, "The agent of VM 'net-vm' does not run commands.");
        return 0;
}

static int test_leaving(World *w) {
        register_agents(w);
        for (int cancels = 0; cancels <= 1; cancels++) {
                COMMAND c;

                command_start(w, "net-vm", "cat", &c);
                assert_int_equal(command_say(&c, "one", 3), 0);
                assert_heard(&c, "one");
                if (cancels)
                        rpc_stream_cancel(c.stream);
                else
                        command_done(&c);
                wait_until_commands_are(&w->net_vm, 0);
        }
        assert_false(w->net_vm.command_ended); /* half its input is not all of it */
        return 0;
}

static int test_agent_dies(World *w) {
        COMMAND c;

        register_agents(w);
        command_start(w, "net-vm", "cat", &c);
        assert_int_equal(command_say(&c, "one", 3), 0);
        assert_heard(&c, "one");
        stop_agent(w, &w->net_vm);
        assert_end(&c, RPC_UNAVAILABLE, NULL);
        return 0;
}

static int test_admin_stops(World *w) {
        COMMAND c;

        register_agents(w);
        command_start(w, "net-vm", "cat", &c);
        assert_int_equal(command_say(&c, "one", 3), 0);
        assert_heard(&c, "one");
        forwards_stop(&w->admin);
        assert_end(&c, RPC_UNAVAILABLE, "The admin is stopping.");
        wait_until_commands_are(&w->net_vm, 0);
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                world_test(test_both_ways),
                world_test(test_refusals),
                world_test_old(test_an_agent_without),
                world_test(test_leaving),
                world_test(test_agent_dies),
                world_test(test_admin_stops),
        };

        log_set_level(LOG_ERR);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
