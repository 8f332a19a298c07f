/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: what is kept, who gets them and when, and what a disk that is full changes: nothing. */
#include <stdlib.h>
#include <sys/stat.h>

#include "admin/policy-git.h"
#include "base/fd.h"
#include "unit/admin/world.h"
#include "unit/leave.h"

#define BIG ((size_t) 5 * 1024 * 1024 + 3) /* in more than one message */

static char *app_vm_alone[] = { (char *) "app-vm", NULL };
static char *both[] = { (char *) "net-vm", (char *) "app-vm", NULL };
static ConfigPolicy configs[] = {
        { .name = (char *) "proxy", .vms = app_vm_alone },
        { .name = (char *) "shared", .vms = both },
};

static char *path_of(const char *policy, const char *file) {
        return strf("%s/" POLICY_DIRECTORY "/%s/%s", world_policy_store, policy, file);
}

static void write_kept(const char *policy, const char *file, const char *text) {
        _cleanup_free_ char *path = path_of(policy, file), *command = strf("mkdir -p $(dirname '%s')", path);

        assert_int_equal(system(command), 0);
        assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
}

static void check_kept(const char *policy, const char *file, const char *text) {
        _cleanup_free_ char *path = path_of(policy, file), *kept = NULL;
        struct stat st;
        int r = file_read(path, 1000, &kept, NULL);

        if (!text) {
                leave_check(r == -ENOENT);
                return;
        }
        leave_check(r == 0 && streq(kept, text));
        leave_check(stat(path, &st) == 0 && (st.st_mode & 07777) == 0644);
}

static int set(World *w, size_t i, const char *text, const char *file) {
        return policy_set_wait(&w->admin.policies.items[i], text, strlen(text), file, "the test");
}

static bool told(const FakeAgent *a, unsigned n, const char *policy) {
        return a->n_policies == n && streq_ptr(a->policy, policy);
}

static bool is_pushing(World *w, const char *agent) {
        return agents_get(&w->admin.agents, agent)->push;
}

static RpcCode register_app_vm(World *w) {
        return do_register(w, "givc-app-vm.service", "microvm@app-vm.service", 12, "app-vm", w->app_vm.path, "active",
                        "running");
}

/* What is new goes to who wants it, once. */
static int body_change(World *w) {
        register_agents(w);
        leave_check(set(w, 0, "one", "p.conf") == 1);
        leave_becomes(told(&w->app_vm, 1, "proxy|one"));
        leave_check(set(w, 0, "one", "p.conf") == 0);
        leave_check(set(w, 1, "two", NULL) == 1);
        leave_becomes(told(&w->app_vm, 2, "shared|two") && told(&w->net_vm, 1, "shared|two"));
        leave_check(set(w, 0, "", "../x") == 1);
        leave_becomes(told(&w->app_vm, 3, "proxy|"));
        leave_check(w->net_vm.n_policies == 1);
        check_kept("proxy", "p.conf", NULL);
        check_kept("proxy", "policy.bin", "");
        check_kept("shared", "policy.bin", "two");
        leave_check(w->app_vm.n_settings == 3 && !w->app_vm.locale); /* and nothing else is said again */
        return 0;
}

static int body_registration(World *w) {
        leave_check(set(w, 1, "kept", NULL) == 1);
        register_agents(w);
        leave_becomes(told(&w->app_vm, 1, "shared|kept") && told(&w->net_vm, 1, "shared|kept"));
        leave_becomes(!is_pushing(w, "givc-app-vm.service"));
        leave_check(register_app_vm(w) == RPC_OK);
        leave_becomes(told(&w->app_vm, 2, "shared|kept"));
        return 0;
}

/* In the middle of telling it: whoever has taken that may not be who has come. */
static int body_again(World *w) {
        register_agents(w);
        w->app_vm.holds_policy = true;
        leave_check(set(w, 0, "x", NULL) == 1);
        leave_becomes(w->app_vm.n_waiting > 0);
        leave_check(register_app_vm(w) == RPC_OK);
        w->app_vm.holds_policy = false;
        promise_resolve(&w->app_vm.let_go, 0);
        leave_becomes(told(&w->app_vm, 2, "proxy|x") && !is_pushing(w, "givc-app-vm.service"));
        return 0;
}

/* Down while it changes, and changed again before it is back. */
static int body_unreachable(World *w) {
        register_agents(w);
        wait_until_live(w, "givc-app-vm.service");
        stop_agent(w, &w->app_vm);
        leave_check(set(w, 1, "missed", NULL) == 1);
        leave_becomes(told(&w->net_vm, 1, "shared|missed"));
        leave_check(set(w, 1, "last", NULL) == 1);
        fake_agent_listen(&w->app_vm, w->queue);
        leave_becomes(told(&w->app_vm, 1, "shared|last") && told(&w->net_vm, 2, "shared|last"));
        return 0;
}

/* What may pass is tried again, also what is no answer; a refusal is not, and holds up no other policy. */
static int body_trying(World *w) {
        register_agents(w);
        w->app_vm.settings_code = RPC_RESOURCE_EXHAUSTED;
        w->net_vm.settings_code = RPC_NOT_FOUND;
        leave_check(set(w, 1, "x", NULL) == 1);
        leave_becomes(w->app_vm.n_policies >= 2 && w->net_vm.n_policies == 1);
        leave_becomes(!is_pushing(w, "givc-net-vm.service"));
        w->app_vm.settings_code = RPC_OK;
        w->app_vm.policy_status = "Failure";
        leave_becomes(streq_ptr(w->app_vm.policy, "shared|x"));
        leave_check(is_pushing(w, "givc-app-vm.service"));
        w->app_vm.policy_status = NULL;
        leave_becomes(!is_pushing(w, "givc-app-vm.service"));
        leave_check(w->net_vm.n_policies == 1);
        w->net_vm.settings_code = RPC_OK;
        leave_check(set(w, 1, "y", NULL) == 1);
        leave_becomes(told(&w->net_vm, 2, "shared|y"));
        return 0;
}

static int body_big(World *w) {
        _cleanup_free_ char *data = mem_new(char, BIG + 1);

        leave_check(data);
        memset(data, 'x', BIG);
        data[BIG] = 0;
        register_agents(w);
        leave_check(set(w, 0, data, NULL) == 1);
        leave_becomes(w->app_vm.policy && strlen(w->app_vm.policy) == BIG + strlen("proxy|"));
        return 0;
}

static int body_forgotten(World *w) {
        register_agents(w);
        w->app_vm.silent = true;
        leave_check(set(w, 0, "x", NULL) == 1);
        leave_becomes(w->app_vm.n_waiting > 0);
        agents_forget(&w->admin.agents, "givc-app-vm.service");
        leave_becomes(w->app_vm.n_waiting == 0);
        w->app_vm.silent = false;
        return 0;
}

/* A directory in the way is what a disk that cannot be written to is, for root too. */
static int body_not_kept(World *w) {
        _cleanup_free_ char *in_the_way = path_of("proxy", "full/file");

        register_agents(w);
        leave_check(set(w, 0, "old", "file") == 1);
        leave_becomes(told(&w->app_vm, 1, "proxy|old"));
        write_kept("proxy", "full/file", "");
        leave_check(set(w, 0, "new", "full") < 0);
        leave_check(unlink(in_the_way) == 0);
        check_kept("proxy", "file", "old");
        leave_check(w->admin.policies.items[0].content->size == 3);
        leave_check(w->app_vm.n_policies == 1);
        return 0;
}

/* What was there before us, or of the last run; the newest one where there are two. */
static int body_loaded(World *w) {
        const Policy *p = w->admin.policies.items;

        leave_check(p[0].content && streq(p[0].file, "b.conf") && p[0].content->size == 5);
        leave_check(!p[1].content);
        register_agents(w);
        leave_becomes(told(&w->app_vm, 1, "proxy|newer"));
        leave_check(set(w, 0, "newer", "b.conf") == 0);
        return 0;
}

static void run_with_store(int (*body)(World *w), void (*prepare)(void)) {
        char store[] = "/tmp/givc-policies-XXXXXX";
        _cleanup_free_ char *command = NULL;

        assert_non_null(mkdtemp(store));
        world_policies = (ConfigPolicies){ .policies = configs, .n_policies = ELEMENTSOF(configs) };
        world_policy_store = store;
        if (prepare)
                prepare();
        run(body, true);
        command = strf("rm -r %s", store);
        assert_int_equal(system(command), 0);
}

static void prepare_loaded(void) {
        write_kept("proxy", "a.conf", "older");
        write_kept("proxy", ".hidden", "no");
        write_kept("proxy", "b.conf", "newer");
        write_kept("shared", "directory/file", "no");
}

#define TEST(name, prepare)                                                                                            \
        static void test_##name(void **state) {                                                                        \
                (void) state;                                                                                          \
                run_with_store(body_##name, prepare);                                                                  \
        }
TEST(change, NULL)
TEST(registration, NULL)
TEST(again, NULL)
TEST(unreachable, NULL)
TEST(trying, NULL)
TEST(big, NULL)
TEST(forgotten, NULL)
TEST(not_kept, NULL)
TEST(loaded, prepare_loaded)

#define LISTING "blob 3 100644 vm-policies/a/x\nabc\nblob 0 100755 vm-policies/b y/z\n\n"

static void test_git_listing(void **state) {
        const char *text = "blob 4 120000 vm-policies/a/link\n/etc\n" LISTING "commit 1 160000 vm-policies/sub\nx\n";
        const uint8_t *p = (const uint8_t *) text;
        size_t size = strlen(text);
        GitFile f;

        (void) state;
        assert_int_equal(policy_git_next(&p, &size, &f), 1);
        assert_int_equal(f.path_size, strlen("vm-policies/a/x"));
        assert_memory_equal(f.path, "vm-policies/a/x", f.path_size);
        assert_int_equal(f.size, 3);
        assert_memory_equal(f.data, "abc", 3);
        assert_int_equal(policy_git_next(&p, &size, &f), 1);
        assert_memory_equal(f.path, "vm-policies/b y/z", f.path_size);
        assert_int_equal(f.size, 0);
        assert_int_equal(policy_git_next(&p, &size, &f), 0);
}

/* Cut anywhere it is no listing, but for where one file ends and the next begins. */
static void test_git_garbage(void **state) {
        static const char *const texts[] = { "x", "blob\n", "blob 1\nx\n", "blob 1 100644 a\nxy\n",
                "blob -1 100644 a\nx\n", "blob 99999999999999999999 100644 a\nx\n", "0123 missing\n" };

        (void) state;
        for (size_t n = 1; n < strlen(LISTING); n++) {
                _cleanup_free_ uint8_t *copy = mem_dup(LISTING, n);
                const uint8_t *p = copy;
                size_t size = n;
                GitFile f;
                int r;

                while ((r = policy_git_next(&p, &size, &f)) > 0)
                        ;
                assert_int_equal(r, n == strlen("blob 3 100644 vm-policies/a/x\nabc\n") ? 0 : -EBADMSG);
        }
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                const uint8_t *p = (const uint8_t *) texts[i];
                size_t size = strlen(texts[i]);
                GitFile f;

                assert_int_equal(policy_git_next(&p, &size, &f), -EBADMSG);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_change),
                cmocka_unit_test(test_registration),
                cmocka_unit_test(test_again),
                cmocka_unit_test(test_unreachable),
                cmocka_unit_test(test_trying),
                cmocka_unit_test(test_big),
                cmocka_unit_test(test_forgotten),
                cmocka_unit_test(test_not_kept),
                cmocka_unit_test(test_loaded),
                cmocka_unit_test(test_git_listing),
                cmocka_unit_test(test_git_garbage),
        };

        log_set_level(LOG_CRIT);
        return cmocka_run_group_tests_name("admin-policies", tests, NULL, NULL);
}
