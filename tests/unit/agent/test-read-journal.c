/* SPDX-License-Identifier: Apache-2.0 */
/* ReadJournal as the admin calls it: which units one may read and by which names, refusals, and how it ends. */
#include <sys/stat.h>

#include "journal.pb-c.h"
#include "unit/agent/calling.h"
#include "unit/agent/written.h"

typedef struct Read {
        Journal__JournalRequest request;
        RpcStream *stream;
        RpcStatus status;
        Journal__JournalEntry *entry;
        int r;
} Read;

static void read_done(Read *read) {
        proto_free((ProtobufCMessage *) read->entry);
        rpc_status_done(&read->status);
        rpc_stream_free(read->stream);
}
#define READ _cleanup_(read_done) Read

static Read read_of(const char *unit) {
        Read read = { .request = JOURNAL__JOURNAL_REQUEST__INIT };

        read.request.unitname = (char *) unit;
        return read;
}

static void read_open(World *w, Read *read) {
        const RpcCallOptions options = { .deadline = USEC_INFINITY, .wait_for_ready = true };

        check(rpc_stream_open_wait(w->channel, &journal__journal_service__descriptor, "ReadJournal", &options,
                              &read->stream, &read->status) == 0);
        check(rpc_stream_send_wait(read->stream, &read->request) == 0);
        check(rpc_stream_close_send_wait(read->stream) == 0);
}

/* "UNIT: MESSAGE" of the next entry is that; NULL: the stream ends. */
static void check_next(Read *read, const char *wanted) {
        _cleanup_free_ char *line = NULL;

        proto_free((ProtobufCMessage *) read->entry);
        read->entry = NULL;
        read->r = rpc_stream_receive_wait(read->stream, &read->entry, &read->status);
        if (read->r > 0)
                line = strf("%s: %s", read->entry->unitname, read->entry->message);
        check_streq(line, wanted);
}

static void check_read_refused(World *w, Read *read, RpcCode code, const char *message) {
        read_open(w, read);
        check_next(read, NULL);
        check_streq(rpc_code_to_string(read->status.code), rpc_code_to_string(code));
        check_streq(read->status.message, message);
        read_done(read);
}

static void write_some(void) {
        FILE *f = written_open("one");

        written_put(f, 0, "_SYSTEMD_UNIT=app.service\nPRIORITY=4\n_PID=7\n_COMM=app", "one", 3);
        written_put(f, 0, "_SYSTEMD_UNIT=givc-agent.service", "two", 3);
        written_put(f, 0, "_SYSTEMD_UNIT=givc-net-vm.service", "not us", 6);
        written_put(f, 0, "_SYSTEMD_UNIT=secret.service", "secret", 6);
        written_put(f, 0, "_SYSTEMD_UNIT=foot@3.service", "three", 5);
        written_put(f, 0, "_PID=1\nUNIT=foot@4.service", "four", 4);
        written_close(f);
}

static int names_body(World *w) {
        READ one = read_of("app.service"), short_one = read_of("app"), own = read_of(OWN_NAME);
        READ application = read_of("foot"), instance = read_of("foot@4"), all = read_of("");

        write_some();
        read_open(w, &one);
        check_next(&one, "app.service: one");
        check(one.entry->priority == 4 && one.entry->pid == 7 && one.entry->realtime > 0 && !one.entry->cut);
        check_streq(one.entry->identifier, "app");
        check(!isempty(one.entry->cursor));
        check_next(&one, NULL);
        check(one.r == 0);
        read_open(w, &short_one);
        check_next(&short_one, "app.service: one");
        read_open(w, &own);
        check_next(&own, OWN_NAME ": two");
        check_next(&own, NULL);
        read_open(w, &application);
        check_next(&application, "foot@3.service: three");
        check_next(&application, "foot@4.service: four");
        check_next(&application, NULL);
        read_open(w, &instance);
        check_next(&instance, "foot@4.service: four");
        all.request.vmname = (char *) "net-vm";
        read_open(w, &all);
        check_next(&all, "app.service: one");
        check_next(&all, OWN_NAME ": two");
        check_next(&all, "foot@3.service: three");
        check_next(&all, "foot@4.service: four");
        check_next(&all, NULL);
        check(all.r == 0);
        return 0;
}

static void test_names(_unused_ void **state) {
        world_run(names_body);
}

static int refusals_body(World *w) {
        Read secret = read_of("secret.service"), bare = read_of("secret"), odd = read_of("a b/c");
        Read vm = read_of(""), cursor = read_of("app.service"), none = read_of("app.service");

        check_read_refused(w, &none, RPC_FAILED_PRECONDITION, "This machine keeps no journal.");
        write_some();
        check_read_refused(w, &secret, RPC_NOT_FOUND, "Unit 'secret.service' is not exposed by this agent.");
        check_read_refused(w, &bare, RPC_NOT_FOUND, "Unit 'secret.service' is not exposed by this agent.");
        check_read_refused(w, &odd, RPC_NOT_FOUND, "Unit 'a b/c.service' is not exposed by this agent.");
        vm.request.vmname = (char *) "gui-vm";
        check_read_refused(w, &vm, RPC_NOT_FOUND, "This agent speaks for VM 'net-vm', not for 'gui-vm'.");
        cursor.request.aftercursor = (char *) "x";
        check_read_refused(w, &cursor, RPC_INVALID_ARGUMENT, "AfterCursor is not a cursor of a journal.");
        return 0;
}

static void test_refusals(_unused_ void **state) {
        world_run(refusals_body);
}

static int unreadable_body(World *w) {
        _cleanup_free_ char *file = strf("%s/one.journal", written_directory);
        Read read = read_of("app.service");
        const uid_t before = geteuid();
        REPLY;

        write_some();
        call(w, "GetUnitStatus", "app.service", &reply); /* connects, as who may */
        check(reply.r == 0);
        check(chmod(written_directory, 0755) == 0 && chmod(file, 0) == 0);
        check(before != 0 || seteuid(65534) == 0);
        check_read_refused(w, &read, RPC_FAILED_PRECONDITION,
                        "The agent may not read the journal of this machine: its user is not in group "
                        "'systemd-journal'.");
        check(seteuid(before) == 0);
        return 0;
}

static void test_unreadable(_unused_ void **state) {
        world_run(unreadable_body);
}

/* It is told on, and its end is the caller's or the agent's. */
static int follow_body(World *w) {
        READ one = read_of("app.service"), all = read_of("");

        write_some();
        one.request.follow = all.request.follow = true;
        one.request.has_lines_case = JOURNAL__JOURNAL_REQUEST__HAS_LINES_LINES;
        one.request.lines = 0;
        all.request.has_lines_case = JOURNAL__JOURNAL_REQUEST__HAS_LINES_LINES;
        all.request.lines = 1;
        read_open(w, &one);
        read_open(w, &all);
        check_next(&all, "foot@4.service: four");
        check_becomes(count_handlers(w) == 2);
        written_add("_SYSTEMD_UNIT=secret.service", "never");
        written_add("_SYSTEMD_UNIT=app.service", "five");
        check_next(&one, "app.service: five");
        check_next(&all, "app.service: five");
        rpc_stream_cancel(one.stream);
        check_becomes(count_handlers(w) == 1);
        check_becomes(journal_count_readers() == 1);
        journal_shutdown();
        check_next(&all, NULL);
        check(all.status.code == RPC_UNAVAILABLE);
        check_streq(all.status.message, "The agent stops.");
        check_becomes(written_nobody_reads());
        return 0;
}

static void test_follow(_unused_ void **state) {
        world_run(follow_body);
}

/* Far more than fits into all buffers on the way waits in the journal, for a reader that is slow and then leaves. */
static int slow_body(World *w) {
        static char text[8000];
        READ read = read_of("app.service");
        FILE *f = written_open("one");

        memset(text, 'x', sizeof(text));
        for (unsigned i = 0; i < 1000; i++)
                written_put(f, 0, "_SYSTEMD_UNIT=app.service", text, sizeof(text));
        written_close(f);
        read_open(w, &read);
        for (unsigned i = 0; i < 10; i++) {
                read.r = rpc_stream_receive_wait(read.stream, &read.entry, &read.status);
                check(read.r == 1 && strlen(read.entry->message) == sizeof(text));
                proto_free((ProtobufCMessage *) TAKE_PTR(read.entry));
        }
        check(count_handlers(w) == 1);
        rpc_stream_cancel(read.stream);
        check_becomes(count_handlers(w) == 0);
        check_becomes(written_nobody_reads());
        return 0;
}

static void test_slow(_unused_ void **state) {
        world_run(slow_body);
}

static int busy_body(World *w) {
        Read reads[JOURNAL_READERS_MAX], more = read_of("app.service");

        write_some();
        for (unsigned i = 0; i < JOURNAL_READERS_MAX; i++) {
                reads[i] = read_of("app.service");
                reads[i].request.follow = true;
                read_open(w, &reads[i]);
                check_next(&reads[i], "app.service: one");
        }
        check_read_refused(w, &more, RPC_RESOURCE_EXHAUSTED,
                        "There are 32 readers of the journal already, and more are not served.");
        for (unsigned i = 0; i < JOURNAL_READERS_MAX; i++)
                read_done(&reads[i]);
        check_becomes(written_nobody_reads());
        return 0;
}

static void test_busy(_unused_ void **state) {
        world_run(busy_body);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, written_setup, written_teardown)

int main(void) {
        static const struct CMUnitTest tests[] = {
                TEST(test_names),
                TEST(test_refusals),
                TEST(test_unreadable),
                TEST(test_follow),
                TEST(test_slow),
                TEST(test_busy),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
