/* SPDX-License-Identifier: Apache-2.0 */
/* Applications: start, pause, resume, stop, as a client sees it. */
#include "admin/applications.h"
#include "unit/admin/world.h"

static int test_life_of_an_application(World *w) {
        _cleanup_free_ char *id = NULL, *message = NULL;

        register_agents(w);
        wait_until_live(w, "givc-app-vm.service");
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        assert_string_equal(id, "app@0.service");
        assert_string_equal(status_in_list(w, id), "Running");
        assert_int_equal(act(w, "PauseApplication", id, NULL, NULL), RPC_OK);
        assert_string_equal(status_in_list(w, id), "Paused");
        assert_int_equal(act(w, "ResumeApplication", id, "app-vm", NULL), RPC_OK);
        assert_string_equal(status_in_list(w, id), "Running");
        assert_int_equal(act(w, "StopApplication", id, NULL, NULL), RPC_OK);
        assert_string_equal(status_in_list(w, id), "");
        assert_int_equal(act(w, "StopApplication", id, NULL, &message), RPC_NOT_FOUND);
        assert_string_equal(message, "No application 'app@0.service' is registered.");
        return 0;
}

static int test_life_with_an_old_agent(World *w) {
        _cleanup_free_ char *id = NULL;

        register_agents(w);
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        assert_int_equal(act(w, "PauseApplication", id, NULL, NULL), RPC_OK);
        assert_string_equal(status_in_list(w, id), "Paused");
        assert_int_equal(act(w, "ResumeApplication", id, NULL, NULL), RPC_OK);
        assert_int_equal(act(w, "StopApplication", id, NULL, NULL), RPC_OK);
        assert_string_equal(status_in_list(w, id), "");
        return 0;
}

static int test_all_instances(World *w) {
        _cleanup_free_ char *a = NULL, *b = NULL, *other = NULL;

        register_agents(w);
        assert_int_equal(start(w, "app", NULL, &a, NULL), RPC_OK);
        assert_int_equal(start(w, "app", NULL, &b, NULL), RPC_OK);
        assert_int_equal(start(w, "ap", "app-vm", &other, NULL), RPC_OK);
        assert_string_equal(b, "app@1.service");
        assert_int_equal(act(w, "PauseApplication", "app", NULL, NULL), RPC_OK);
        assert_string_equal(status_in_list(w, a), "Paused");
        assert_string_equal(status_in_list(w, b), "Paused");
        assert_string_equal(status_in_list(w, other), "Running");
        assert_int_equal(act(w, "StopApplication", "app", "app-vm", NULL), RPC_OK);
        assert_string_equal(status_in_list(w, a), "");
        assert_string_equal(status_in_list(w, b), "");
        assert_int_equal(start(w, "app", NULL, &a, NULL), RPC_OK);
        assert_string_equal(a, "app@0.service");
        return 0;
}

static int body_stop_all(void *userdata) {
        _cleanup_free_ char *message = NULL;

        assert_int_equal(act(userdata, "StopApplication", "app", "app-vm", &message), RPC_PERMISSION_DENIED);
        assert_string_equal(message, "'app@1.service' is no application any more.");
        return 0;
}

/* What was judged to be applications is looked at again before each is acted on. */
static int test_instance_that_becomes_another_thing(World *w) {
        _cleanup_free_ char *a = NULL, *b = NULL;
        UnitStatus status = { .name = (char *) "app@1.service" };
        EntryInfo info = { .name = status.name,
                .agent = "givc-app-vm.service",
                .type = { VM_APP, SERVICE_SVC },
                .vm = "app-vm",
                .status = &status };
        Fiber *f = NULL;

        register_agents(w);
        assert_int_equal(start(w, "app", NULL, &a, NULL), RPC_OK);
        assert_int_equal(start(w, "app", NULL, &b, NULL), RPC_OK);
        w->app_vm.holds = a;
        assert_int_equal(fiber_start(&f, body_stop_all, w), 0);
        while (w->app_vm.n_waiting == 0)
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        assert_true(registry_put(w->admin.registry, &info) >= 0);
        promise_resolve(&w->app_vm.let_go, 0);
        while (f)
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
        assert_string_equal(fake_unit(&w->app_vm, b)->active, "active"); /* nobody has asked its agent */
        return 0;
}

static int test_start_refusals(World *w) {
        _cleanup_free_ char *message = NULL;

        register_agents(w);
        assert_int_equal(start(w, "foo", NULL, NULL, &message), RPC_NOT_FOUND);
        assert_string_equal(message, "VM 'foo-vm' is not registered.");
        assert_int_equal(start(w, "foo@0", "app-vm", NULL, &message), RPC_INVALID_ARGUMENT);
        assert_int_equal(start(w, "", "app-vm", NULL, &message), RPC_INVALID_ARGUMENT);
        assert_int_equal(start(w, "foo", "../x", NULL, &message), RPC_INVALID_ARGUMENT);
        assert_int_equal(w->app_vm.n_starts, 0);
        w->app_vm.refuses = "it is a test";
        assert_int_equal(start(w, "app", NULL, NULL, &message), RPC_FAILED_PRECONDITION);
        assert_string_equal(message, "cannot do that: it is a test");
        assert_string_equal(status_in_list(w, "app@0.service"), "");
        return 0;
}

/* Agents before us have one code for all that they refuse, so it is in their words. */
static int test_words_of_others(World *w) {
        static const struct {
                const char *text;
                RpcCode code;
        } words[] = {
                { "application not found in manifest", RPC_NOT_FOUND },
                { "invalid application argument: -x", RPC_INVALID_ARGUMENT },
                { "unit is not whitelisted", RPC_PERMISSION_DENIED },
                { "Unit app@0.service was already loaded or has a fragment file.", RPC_ALREADY_EXISTS },
                { "failed to start app app@0.service: dependency", RPC_FAILED_PRECONDITION },
                { "", RPC_FAILED_PRECONDITION },
        };

        register_agents(w);
        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                _cleanup_free_ char *message = NULL;

                w->app_vm.refuses = words[i].text;
                assert_int_equal(start(w, "app", NULL, NULL, &message), words[i].code);
                assert_string_equal(message + strlen("cannot do that: "), words[i].text);
        }
        return 0;
}

static int test_start_that_exits(World *w) {
        _cleanup_free_ char *id = NULL;

        register_agents(w);
        w->app_vm.starts_in = "inactive";
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        assert_string_equal(id, "app@0.service");
        assert_string_equal(status_in_list(w, id), "");
        return 0;
}

static int test_start_that_merges(World *w) {
        _cleanup_free_ char *id = NULL, *message = NULL;

        register_agents(w);
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        w->app_vm.merges_into = "app@0.service";
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        assert_string_equal(id, "app@0.service");
        assert_string_equal(status_in_list(w, "app@1.service"), "");
        /* An agent may not make its answer look like something else. */
        w->app_vm.merges_into = "givc-net-vm.service";
        assert_int_equal(start(w, "app", NULL, &id, &message), RPC_INTERNAL);
        return 0;
}

/* Starts whose callers have left go on at the agent, and nobody has told the admin of their instances yet. */
static int test_start_beside_others(World *w) {
        _cleanup_free_ char *id = NULL, *message = NULL;

        register_agents(w);
        fake_unit_add(&w->app_vm, "app@0.service", "activating", "start");
        fake_unit_add(&w->app_vm, "app@1.service", "activating", "start");
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        assert_string_equal(id, "app@2.service");
        assert_int_equal(w->app_vm.n_starts, 3);
        for (unsigned i = 0; i < APPLICATION_START_ATTEMPTS; i++) {
                _cleanup_free_ char *name = strf("other@%u.service", i);

                fake_unit_add(&w->app_vm, name, "activating", "start");
        }
        assert_int_equal(start(w, "other", "app-vm", NULL, &message), RPC_ALREADY_EXISTS);
        assert_int_equal(w->app_vm.n_starts, 3 + APPLICATION_START_ATTEMPTS);
        assert_false(registry_is_reserved(w->admin.registry, "givc-app-vm.service", "other@0.service"));
        return 0;
}

typedef struct Starter {
        World *world;
        char *id;
        Promise done;
} Starter;

static int starter_run(void *userdata) {
        Starter *s = userdata;

        assert_int_equal(start(s->world, "app", NULL, &s->id, NULL), RPC_OK);
        promise_resolve(&s->done, 0);
        return 0;
}

static int test_starts_at_once(World *w) {
        Starter starters[50] = {};

        register_agents(w);
        for (size_t i = 0; i < ELEMENTSOF(starters); i++) {
                starters[i].world = w;
                assert_int_equal(fiber_start(NULL, starter_run, &starters[i]), 0);
        }
        for (size_t i = 0; i < ELEMENTSOF(starters); i++)
                assert_int_equal(promise_wait_until(&starters[i].done, soon()), 0);
        for (size_t i = 0; i < ELEMENTSOF(starters); i++) {
                assert_string_equal(status_in_list(w, starters[i].id), "Running");
                for (size_t k = 0; k < i; k++)
                        assert_string_not_equal(starters[i].id, starters[k].id);
        }
        for (size_t i = 0; i < ELEMENTSOF(starters); i++)
                free(starters[i].id);
        return 0;
}

static int test_only_applications(World *w) {
        static const char *const methods[] = { "PauseApplication", "ResumeApplication", "StopApplication" };
        _cleanup_free_ char *message = NULL;

        register_agents(w);
        for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
                assert_int_equal(act(w, methods[i], "givc-net-vm.service", NULL, &message), RPC_PERMISSION_DENIED);
                assert_string_equal(message, "'givc-net-vm.service' is no application.");
                assert_int_equal(act(w, methods[i], "x.service", NULL, &message), RPC_PERMISSION_DENIED);
                assert_int_equal(act(w, methods[i], "givc-net-vm.service", "app-vm", &message), RPC_NOT_FOUND);
                assert_int_equal(act(w, methods[i], "x", NULL, &message), RPC_NOT_FOUND);
                assert_int_equal(act(w, methods[i], "", NULL, &message), RPC_INVALID_ARGUMENT);
                assert_int_equal(act(w, methods[i], "app", "none", &message), RPC_NOT_FOUND);
                assert_string_equal(message, "VM 'none' is not registered.");
        }
        assert_string_equal(status_in_list(w, "x.service"), "Running");
        assert_string_equal(status_in_list(w, "givc-net-vm.service"), "Running");
        return 0;
}

static int test_ambiguous(World *w) {
        static const char *const methods[] = { "PauseApplication", "ResumeApplication", "StopApplication" };
        _cleanup_free_ char *message = NULL;

        register_agents(w);
        fake_unit_add(&w->app_vm, "app@0.service", "active", "running");
        fake_unit_add(&w->net_vm, "app@0.service", "active", "running");
        assert_int_equal(
                        do_register(w, "app@0.service", "", 14, "app-vm", w->app_vm.path, "active", "running"), RPC_OK);
        assert_int_equal(
                        do_register(w, "app@0.service", "", 10, "net-vm", w->net_vm.path, "active", "running"), RPC_OK);
        for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
                assert_int_equal(act(w, methods[i], "app@0.service", NULL, &message), RPC_FAILED_PRECONDITION);
                assert_non_null(strstr(message, "givc-app-vm.service, givc-net-vm.service"));
                assert_int_equal(act(w, methods[i], "app", NULL, &message), RPC_FAILED_PRECONDITION);
                assert_non_null(strstr(message, "givc-app-vm.service, givc-net-vm.service"));
        }
        assert_int_equal(act(w, "PauseApplication", "app@0.service", "net-vm", NULL), RPC_OK);
        assert_string_equal(fake_unit(&w->net_vm, "app@0.service")->freezer, "frozen");
        assert_string_equal(fake_unit(&w->app_vm, "app@0.service")->freezer, "running");
        assert_int_equal(act(w, "ResumeApplication", "app", "net-vm", NULL), RPC_OK);
        assert_int_equal(act(w, "StopApplication", "app@0.service", "app-vm", NULL), RPC_OK);
        assert_int_equal(act(w, "StopApplication", "app@0.service", NULL, NULL), RPC_OK); /* there is one now */
        return 0;
}

static int test_action_without_effect(World *w) {
        _cleanup_free_ char *id = NULL, *message = NULL;

        register_agents(w);
        assert_int_equal(start(w, "app", NULL, &id, NULL), RPC_OK);
        w->app_vm.stuck = true;
        assert_int_equal(act(w, "PauseApplication", id, NULL, &message), RPC_FAILED_PRECONDITION);
        assert_string_equal(message, "Failed to pause 'app@0.service': it is active (running), its freezer running.");
        assert_int_equal(act(w, "StopApplication", id, NULL, &message), RPC_FAILED_PRECONDITION);
        assert_string_equal(status_in_list(w, id), "Running");
        fake_unit_forget(&w->app_vm, id);
        assert_int_equal(act(w, "StopApplication", id, NULL, &message), RPC_NOT_FOUND);
        assert_string_equal(status_in_list(w, id), "");
        return 0;
}

static int test_deadline(World *w) {
        _cleanup_(rpc_status_done) RpcStatus status = {};
        Admin__ApplicationRequest request = ADMIN__APPLICATION_REQUEST__INIT;
        RpcCallOptions options = { .deadline = usec_add(time_now(CLOCK_MONOTONIC), 200 * USEC_PER_MSEC) };
        RpcServerStats stats;

        register_agents(w);
        w->app_vm.silent = true;
        request.appname = (char *) "app";
        assert_true(rpc_channel_call_wait(w->channel, &admin__admin_service__descriptor, "StartApplication", &request,
                                    &options, NULL, &status) < 0);
        assert_int_equal(status.code, RPC_DEADLINE_EXCEEDED);
        /* What it had reserved is free again, and nobody waits for it. */
        do {
                assert_int_equal(fiber_sleep_wait(USEC_PER_MSEC), 0);
                rpc_server_get_stats(w->server, &stats);
        } while (stats.n_calls > 0);
        w->app_vm.silent = false;
        assert_int_equal(start(w, "app", NULL, NULL, NULL), RPC_OK);
        assert_string_equal(status_in_list(w, "app@0.service"), "Running");
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                world_test(test_life_of_an_application),
                world_test_old(test_life_with_an_old_agent),
                world_test(test_all_instances),
                world_test(test_instance_that_becomes_another_thing),
                world_test(test_start_refusals),
                world_test(test_words_of_others),
                world_test(test_start_that_exits),
                world_test(test_start_that_merges),
                world_test(test_start_beside_others),
                world_test_old(test_starts_at_once),
                world_test(test_only_applications),
                world_test(test_ambiguous),
                world_test(test_action_without_effect),
                world_test(test_deadline),
        };

        log_set_level(LOG_ERR);
        return cmocka_run_group_tests_name("admin-applications", tests, NULL, NULL);
}
