/* SPDX-License-Identifier: Apache-2.0 */
/* policyadmin.PolicyAdmin: what is in the store and at the destination after each upload, whole or not at all. */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "policyadmin.pb-c.h"
#include "unit/agent/calling.h"
#include "unit/leave.h"

#define POLICY (&policyadmin__policy_admin__descriptor)

static char directory[] = "/tmp/test-policies-XXXXXX", store[64], stored[96], destination[64], elsewhere[64];

static int setup(_unused_ void **state) {
        if (!mkdtemp(directory))
                return -1;
        (void) snprintf(store, sizeof(store), "%s/store", directory);
        (void) snprintf(stored, sizeof(stored), "%s/proxy/policy.bin", store);
        (void) snprintf(destination, sizeof(destination), "%s/proxy.conf", directory);
        (void) snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere.conf", directory);
        (void) umask(0077);
        return 0;
}

static int teardown(_unused_ void **state) {
        _cleanup_free_ char *command = strf("rm -rf %s", directory);

        return system(command);
}

static void policy_run(int (*body)(World *w), const char *where) {
        char *policies[] = { (char *) "proxy", (char *) where, (char *) "kept", (char *) "", (char *) "lost",
                (char *) "/none/there", NULL };
        World w;

        world_init(&w, false);
        w.config.policy = true;
        w.config.policy_store = store;
        w.config.policies = policies;
        world_play(&w, body);
}

static int send_chunk(RpcStream *stream, const char *name, const void *data, size_t n) {
        Policyadmin__StreamPolicyRequest request = POLICYADMIN__STREAM_POLICY_REQUEST__INIT;

        if (name)
                request.policy_name = (char *) name;
        request.policy_chunk = (ProtobufCBinaryData){ .data = (uint8_t *) data, .len = n };
        return rpc_stream_send_wait(stream, &request);
}

/* In chunks of so many bytes. Returns the code that the agent answers with. */
static RpcCode upload(World *w, const char *name, const char *data, size_t n, size_t chunk, RpcStatus *ret_status) {
        _cleanup_(rpc_stream_freep) RpcStream *stream = NULL;
        _cleanup_proto_ Policyadmin__Status *reply = NULL;
        const RpcCallOptions options = within(10 * USEC_PER_SEC);
        int r;

        *ret_status = (RpcStatus){};
        check(rpc_stream_open_wait(w->channel, POLICY, "StreamPolicy", &options, &stream, ret_status) == 0);
        for (size_t i = 0; i == 0 || i < n; i += chunk)
                if (send_chunk(stream, i == 0 ? name : NULL, data + i, MIN(chunk, n - i)) < 0)
                        break; /* refused already */
        r = rpc_stream_close_send_wait(stream);
        check(r == 0 || r == -EPIPE);
        r = rpc_stream_receive_wait(stream, &reply, ret_status);
        check((r > 0) == (ret_status->code == RPC_OK));
        if (r > 0)
                check_streq(reply->status, "Success");
        return ret_status->code;
}

static void upload_text(World *w, const char *name, const char *text) {
        _cleanup_(rpc_status_done) RpcStatus status = {};

        check(upload(w, name, text, strlen(text), 4, &status) == RPC_OK);
}

static void check_file(const char *path, const char *text) {
        _cleanup_free_ char *content = NULL;
        struct stat st;

        check(file_read(path, 1024, &content, NULL) == 0);
        check_streq(content, text);
        check(stat(path, &st) == 0 && (st.st_mode & 07777) == 0644);
}

static ino_t inode_of(const char *path) {
        struct stat st;

        return stat(path, &st) == 0 ? st.st_ino : 0;
}

static unsigned count_files(const char *path) {
        DIR *d = opendir(path);
        unsigned n = 0;

        for (struct dirent *e; d && (e = readdir(d));)
                n += e->d_type == DT_REG;
        if (d)
                (void) closedir(d);
        return n;
}

static int stored_body(World *w) {
        ino_t before, stored_before;
        struct stat st;

        upload_text(w, "proxy", "first policy");
        check_file(stored, "first policy");
        check_file(destination, "first policy");
        check(stat(store, &st) == 0 && (st.st_mode & 07777) == 0755);
        before = inode_of(destination);
        stored_before = inode_of(stored);
        upload_text(w, "proxy", "first policy");
        check(inode_of(destination) == before && inode_of(stored) == stored_before);
        upload_text(w, "proxy", "other policy");
        check_file(stored, "other policy");
        check_file(destination, "other policy");
        check(inode_of(destination) != before);
        upload_text(w, "proxy", "");
        check_file(destination, "");
        check(count_files(directory) == 1);
        return 0;
}

static void test_stored(_unused_ void **state) {
        policy_run(stored_body, destination);
}

static int kept_body(World *w) {
        _cleanup_free_ char *path = strf("%s/kept/policy.bin", store);

        upload_text(w, "kept", "in the store only");
        check_file(path, "in the store only");
        return 0;
}

static void test_without_destination(_unused_ void **state) {
        policy_run(kept_body, destination);
}

static int repaired_body(World *w) {
        upload_text(w, "proxy", "policy");
        check(unlink(destination) == 0);
        upload_text(w, "proxy", "policy");
        check_file(destination, "policy");
        return 0;
}

static void test_lost_file_comes_back(_unused_ void **state) {
        policy_run(repaired_body, destination);
}

static int moved_body(World *w) {
        upload_text(w, "proxy", "policy");
        check_file(elsewhere, "policy");
        return 0;
}

/* The configuration says where, whatever is in the store. */
static void test_new_destination(_unused_ void **state) {
        policy_run(repaired_body, destination);
        policy_run(moved_body, elsewhere);
}

static void check_upload_refused(World *w, const char *name, size_t n, RpcCode code, const char *message) {
        _cleanup_(rpc_status_done) RpcStatus status = {};
        _cleanup_free_ char *data = mem_new0(char, n + 1);

        check(data);
        check(upload(w, name, data, n, (size_t) 3 * 1024 * 1024, &status) == code);
        check_streq(status.message, message);
}

static int refused_body(World *w) {
        static const char *const names[] = { "../proxy", ".", "a/b" };
        _cleanup_(rpc_stream_freep) RpcStream *stream = NULL;
        const RpcCallOptions options = within(10 * USEC_PER_SEC);
        _cleanup_(rpc_status_done) RpcStatus status = {};
        ProtobufCMessage *reply = NULL;

        upload_text(w, "proxy", "old");
        check_upload_refused(w, "", 10, RPC_INVALID_ARGUMENT, "'' is no name of a policy.");
        check_upload_refused(w, "unknown", 10, RPC_NOT_FOUND, "This machine does not subscribe to policy 'unknown'.");
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_free_ char *text = strf("'%s' is no name of a policy.", names[i]);

                check_upload_refused(w, names[i], 10, RPC_INVALID_ARGUMENT, text);
        }
        check_upload_refused(w, "proxy", (size_t) 16 * 1024 * 1024 + 1, RPC_RESOURCE_EXHAUSTED,
                        "A policy has 16777216 bytes at most.");
        check_upload_refused(w, "lost", 10, RPC_FAILED_PRECONDITION,
                        "Cannot write '/none/there': No such file or directory.");
        check(rpc_stream_open_wait(w->channel, POLICY, "StreamPolicy", &options, &stream, &status) == 0);
        check(rpc_stream_close_send_wait(stream) == 0);
        check(rpc_stream_receive_wait(stream, &reply, &status) < 0);
        check(status.code == RPC_INVALID_ARGUMENT);
        check_file(destination, "old");
        return 0;
}

static void test_refused(_unused_ void **state) {
        policy_run(refused_body, destination);
}

static int full_body(World *w) {
        const struct rlimit small = { 8, RLIM_INFINITY }, large = { RLIM_INFINITY, RLIM_INFINITY };

        upload_text(w, "proxy", "old");
        check(setrlimit(RLIMIT_FSIZE, &small) == 0);
        {
                _cleanup_free_ char *message = strf("Cannot write '%s': File too large.", stored);

                check_upload_refused(w, "proxy", 100, RPC_FAILED_PRECONDITION, message);
        }
        check(setrlimit(RLIMIT_FSIZE, &large) == 0);
        check_file(destination, "old");
        check_file(stored, "old");
        check(count_files(directory) == 1);
        {
                _cleanup_free_ char *beside = strf("%s/proxy", store);

                check(count_files(beside) == 1);
        }
        return 0;
}

/* As on a disk that is full. */
static void test_file_that_does_not_fit(_unused_ void **state) {
        (void) signal(SIGXFSZ, SIG_IGN);
        (void) unlink(elsewhere);
        policy_run(full_body, destination);
}

static int crowd_body(World *w) {
        const RpcCallOptions options = within(10 * USEC_PER_SEC);
        RpcStream *streams[4];

        for (size_t i = 0; i < ELEMENTSOF(streams); i++) {
                check(rpc_stream_open_wait(w->channel, POLICY, "StreamPolicy", &options, &streams[i], NULL) == 0);
                check(send_chunk(streams[i], "proxy", "x", 1) == 0);
        }
        check_becomes(count_handlers(w) == 4);
        check_upload_refused(w, "proxy", 1, RPC_RESOURCE_EXHAUSTED,
                        "There are 4 policies on their way already, and more are not served.");
        for (size_t i = 0; i < ELEMENTSOF(streams); i++)
                rpc_stream_free(streams[i]);
        check_becomes(count_handlers(w) == 0);
        upload_text(w, "proxy", "after them");
        return 0;
}

static void test_crowd(_unused_ void **state) {
        policy_run(crowd_body, destination);
}

/* Those that do not come on make room. */
static int stalled_body(World *w) {
        const RpcCallOptions options = within(10 * USEC_PER_SEC);
        RpcStream *streams[4];

        policy_idle_usec = 100 * USEC_PER_MSEC;
        for (size_t i = 0; i < ELEMENTSOF(streams); i++) {
                check(rpc_stream_open_wait(w->channel, POLICY, "StreamPolicy", &options, &streams[i], NULL) == 0);
                check(send_chunk(streams[i], "proxy", "half", 4) == 0);
        }
        for (size_t i = 0; i < ELEMENTSOF(streams); i++) {
                _cleanup_(rpc_status_done) RpcStatus status = {};
                ProtobufCMessage *reply = NULL;

                check(rpc_stream_receive_wait(streams[i], &reply, &status) < 0);
                check(status.code == RPC_DEADLINE_EXCEEDED);
                check_streq(status.message, "The policy does not come on.");
                rpc_stream_free(streams[i]);
        }
        check_becomes(count_handlers(w) == 0);
        policy_idle_usec = 10 * USEC_PER_SEC;
        upload_text(w, "proxy", "after all");
        check_file(destination, "after all");
        return 0;
}

static void test_stalled(_unused_ void **state) {
        policy_run(stalled_body, destination);
}

static int leaving_body(World *w) {
        Leaver l;

        upload_text(w, "proxy", "old");
        leave_init(&l, w->queue, w->server, POLICY, "StreamPolicy");
        for (Leave how = 0; how < _LEAVE_MAX; how++) {
                leave_begin(&l, how, POLICY, "StreamPolicy", NULL);
                leave_check(send_chunk(l.stream, "proxy", "half", 4) == 0);
                leave_becomes(leave_count(&l).n_calls > l.before.n_calls || leave_is_late(&l));
                leave_end(&l);
                leave_settle(&l, "StreamPolicy");
                check_file(destination, "old");
                check_file(stored, "old");
        }
        return 0;
}

static void test_leaving(_unused_ void **state) {
        policy_run(leaving_body, destination);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stored),
                cmocka_unit_test(test_without_destination),
                cmocka_unit_test(test_lost_file_comes_back),
                cmocka_unit_test(test_new_destination),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_file_that_does_not_fit),
                cmocka_unit_test(test_crowd),
                cmocka_unit_test(test_stalled),
                cmocka_unit_test(test_leaving),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
