/* SPDX-License-Identifier: Apache-2.0 */
/* ListGenerations and SetGeneration: what the host's tool is told and says, refusals, callers that leave.
 * net-vm's fake plays the host. */
#include "unit/admin/world.h"

#define LIST                                                                                                           \
        "[{\"generation\":7,\"date\":\"2026-11-20T10:00:00\",\"nixosVersion\":\"26.05\",\"kernelVersion\":\"6.12\","   \
        "\"configurationRevision\":null,\"specialisations\":[\"debug\",\"kiosk\"],\"current\":true,"                   \
        "\"storePath\":\"/nix/store/a\",\"booted\":true},"                                                             \
        "{\"generation\":6,\"nixosVersion\":\"25.11\",\"kernelVersion\":\"6.6\",\"configurationRevision\":\"abc\","    \
        "\"current\":false,\"storePath\":\"/nix/store/b\"}]"

static void register_host(World *w) {
        FakeAgent *host = &w->net_vm;

        fake_unit_add(host, "givc-ghaf-host.service", "active", "running");
        assert_int_equal(do_register(w, "givc-ghaf-host.service", "", 0, "ghaf-host", host->path, "active", "running"),
                        RPC_OK);
        if (host->pushes)
                wait_until_live(w, "givc-ghaf-host.service");
}

static int list_wait(World *w, Admin__ListGenerationsResponse **ret, RpcStatus *ret_status) {
        const RpcCallOptions options = { .deadline = soon(), .wait_for_ready = true };
        Admin__Empty request = ADMIN__EMPTY__INIT;

        *ret_status = (RpcStatus){};
        return rpc_channel_call_wait(w->channel, &admin__admin_service__descriptor, "ListGenerations", &request,
                        &options, ret, ret_status);
}

static int test_list(World *w) {
        _cleanup_proto_ Admin__ListGenerationsResponse *response = NULL;
        RpcStatus status;
        Admin__Generation *g;

        register_host(w);
        w->net_vm.tool_says = LIST;
        w->net_vm.tool_chunk = 5;
        assert_int_equal(list_wait(w, &response, &status), 0);
        assert_string_equal(w->net_vm.tool_arguments, "get");
        assert_int_equal(response->n_list, 2);
        g = response->list[0];
        assert_int_equal(g->generation, 7);
        assert_string_equal(g->date, "2026-11-20T10:00:00");
        assert_string_equal(g->nixosversion, "26.05");
        assert_string_equal(g->configurationrevision, "unknown");
        assert_int_equal(g->n_specialisations, 2);
        assert_string_equal(g->specialisations[1], "kiosk");
        assert_true(g->current);
        g = response->list[1];
        assert_string_equal(g->date, "");
        assert_string_equal(g->configurationrevision, "abc");
        assert_string_equal(g->storepath, "/nix/store/b");
        assert_int_equal(g->n_specialisations, 0);
        return 0;
}

static void assert_list_refused(World *w, RpcCode code, const char *message) {
        Admin__ListGenerationsResponse *response = NULL;
        RpcStatus status;

        assert_true(list_wait(w, &response, &status) < 0);
        assert_null(response);
        assert_int_equal(status.code, code);
        assert_string_equal(status.message, message);
        rpc_status_done(&status);
}

static int test_list_refusals(World *w) {
        assert_list_refused(w, RPC_UNAVAILABLE, "No host is registered.");
        register_host(w);
        w->net_vm.tool_complains = "no profile";
        w->net_vm.tool_status = 4;
        assert_list_refused(w, RPC_FAILED_PRECONDITION, "'ota-update' failed with 4: no profile");
        w->net_vm.tool_status = 0;
        for (unsigned i = 0; i < 3; i++) {
                w->net_vm.tool_says = (const char *const[]){ "", "{}", "[{\"generation\":\"x\"}]" }[i];
                assert_list_refused(w, RPC_FAILED_PRECONDITION, "'ota-update' of the host lists no generations.");
        }
        return 0;
}

/* Of much that the tool says, the end is told: there is the reason. */
static int test_long_complaint(World *w) {
        static const size_t chunks[] = { 7, 1000, 100000 };
        _cleanup_free_ char *text = mem_new(char, 30000);

        register_host(w);
        assert_non_null(text);
        text[0] = 0;
        for (unsigned i = 0; i < 9000; i++)
                (void) strcpy(text + 3 * i, "\xe2\x82\xac");
        (void) strcat(text, "the reason");
        w->net_vm.tool_complains = text;
        w->net_vm.tool_status = 4;
        for (size_t i = 0; i < ELEMENTSOF(chunks); i++) {
                Admin__ListGenerationsResponse *response = NULL;
                RpcStatus status;

                w->net_vm.tool_chunk = chunks[i];
                assert_true(list_wait(w, &response, &status) < 0);
                assert_int_equal(status.code, RPC_FAILED_PRECONDITION);
                assert_non_null(startswith(status.message, "'ota-update' failed with 4: \xe2\x82\xac\xe2\x82\xac"));
                assert_non_null(endswith(status.message, "\xe2\x82\xacthe reason"));
                rpc_status_done(&status);
        }
        return 0;
}

typedef struct Update {
        RpcStream *stream;
        RpcStatus status;
        char output[128], errors[128];
        bool finished;
} Update;

static void update_done(Update *u) {
        rpc_stream_free(u->stream);
        rpc_status_done(&u->status);
}
#define UPDATE _cleanup_(update_done) Update

static void update_open(
                World *w, const char *pin, const char *cache, const char *host, const char *token, Update *ret) {
        const RpcCallOptions options = { .deadline = soon(), .wait_for_ready = true };
        Admin__SetGenerationRequest request = ADMIN__SET_GENERATION_REQUEST__INIT;
        Admin__Cachix cachix = ADMIN__CACHIX__INIT;

        *ret = (Update){};
        cachix.pin = (char *) pin;
        cachix.cache = (char *) cache;
        if (host) {
                cachix.has_cachix_host_case = ADMIN__CACHIX__HAS_CACHIX_HOST_CACHIX_HOST;
                cachix.cachixhost = (char *) host;
        }
        if (token) {
                cachix.has_token_case = ADMIN__CACHIX__HAS_TOKEN_TOKEN;
                cachix.token = (char *) token;
        }
        if (pin) {
                request.update_case = ADMIN__SET_GENERATION_REQUEST__UPDATE_CACHIX;
                request.cachix = &cachix;
        }
        assert_int_equal(rpc_stream_open_wait(w->channel, &admin__admin_service__descriptor, "SetGeneration", &options,
                                         &ret->stream, &ret->status),
                        0);
        assert_int_equal(rpc_stream_send_wait(ret->stream, &request), 0);
        assert_int_equal(rpc_stream_close_send_wait(ret->stream), 0);
}

/* To its end: 0, or negative with its status. */
static int update_read(Update *u) {
        int r;

        do {
                _cleanup_proto_ Admin__SetGenerationResponse *response = NULL;

                r = rpc_stream_receive_wait(u->stream, &response, &u->status);
                if (r <= 0)
                        return r;
                assert_false(u->finished); /* that is the last one */
                u->finished = response->finished;
                if (response->has_output_case)
                        strcat(u->output, response->output);
                if (response->has_error_case)
                        strcat(u->errors, response->error);
        } while (true);
}

static int test_update(World *w) {
        UPDATE private, public;

        register_host(w);
        w->net_vm.tool_says = "gr\xc3\xbc\xc3\x9f \xe2\x82\xac\xff!";
        w->net_vm.tool_complains = "warn\xc3";
        w->net_vm.tool_chunk = 1; /* characters come in pieces */
        update_open(w, "laptop", "ghaf-dev", "cache.test", "secret", &private);
        assert_int_equal(update_read(&private), 0);
        assert_true(private.finished);
        assert_string_equal(private.output, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac?!");
        assert_string_equal(private.errors, "warn?");
        assert_string_equal(w->net_vm.tool_arguments, "cachix laptop --cache ghaf-dev --cachix-host cache.test");
        assert_string_equal(w->net_vm.tool_variables, "CACHIX_TOKEN=secret");

        update_open(w, "laptop", "ghaf-dev", NULL, NULL, &public);
        assert_int_equal(update_read(&public), 0);
        assert_string_equal(w->net_vm.tool_arguments, "cachix laptop --cache ghaf-dev");
        assert_string_equal(w->net_vm.tool_variables, "");
        return 0;
}

static int test_update_refusals(World *w) {
        static const struct {
                const char *pin, *cache, *host;
        } rows[] = { { "", "c", NULL }, { "--token", "c", NULL }, { "p", "", NULL }, { "p", "-x", NULL },
                { "p", "c", "-h" }, { "p", "c", "" }, { "a\nb", "c", NULL } };
        UPDATE unnamed, failing;

        register_host(w);
        update_open(w, NULL, NULL, NULL, NULL, &unnamed);
        assert_true(update_read(&unnamed) < 0);
        assert_int_equal(unnamed.status.code, RPC_INVALID_ARGUMENT);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                UPDATE odd;

                update_open(w, rows[i].pin, rows[i].cache, rows[i].host, NULL, &odd);
                assert_true(update_read(&odd) < 0);
                assert_int_equal(odd.status.code, RPC_INVALID_ARGUMENT);
                assert_false(odd.finished);
        }
        assert_string_equal(w->net_vm.tool_arguments, "");
        w->net_vm.tool_status = 1;
        w->net_vm.tool_complains = "no such pin";
        update_open(w, "laptop", "ghaf-dev", NULL, NULL, &failing);
        assert_true(update_read(&failing) < 0);
        assert_true(failing.finished);
        assert_string_equal(failing.errors, "no such pin");
        assert_int_equal(failing.status.code, RPC_INVALID_ARGUMENT);
        assert_string_equal(failing.status.message, "'ota-update' failed with 1.");
        return 0;
}

/* The update ends with its caller. */
static int test_update_left(World *w) {
        _cleanup_free_ char *much = mem_new0(char, 8 * 1024 * 1024);
        const usec_t deadline = soon();

        assert_non_null(much);
        memset(much, 'x', 8 * 1024 * 1024 - 1);
        register_host(w);
        w->net_vm.tool_says = much;
        w->net_vm.tool_chunk = 64 * 1024;
        {
                _cleanup_proto_ Admin__SetGenerationResponse *response = NULL;
                UPDATE u;

                update_open(w, "laptop", "ghaf-dev", NULL, NULL, &u);
                assert_int_equal(rpc_stream_receive_wait(u.stream, &response, &u.status), 1);
                assert_int_equal(w->net_vm.n_commands, 1);
        }
        while (w->net_vm.n_commands > 0) {
                assert_true(time_now(CLOCK_MONOTONIC) < deadline);
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        }
        return 0;
}

static int test_without_exec(World *w) {
        RpcStatus status;
        Admin__ListGenerationsResponse *response = NULL;

        register_host(w);
        assert_true(list_wait(w, &response, &status) < 0);
        assert_int_equal(status.code, RPC_UNIMPLEMENTED);
        rpc_status_done(&status);
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                world_test(test_list),
                world_test(test_list_refusals),
                world_test(test_long_complaint),
                world_test(test_update),
                world_test(test_update_refusals),
                world_test(test_update_left),
                world_test_old(test_without_exec),
        };

        log_set_level(LOG_ERR);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
