/* SPDX-License-Identifier: Apache-2.0 */
/* Instance names, command lines and arguments of applications, and which units an agent exposes. */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/application.h"
#include "agent/config.h"
#include "agent/exposure.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

static void test_instances(_unused_ void **state) {
        static const char *const good[] = { "foot@0.service", "-@-.service", "1@1.service", "valid@my-service.service",
                "A_b-9@12.service" };
        static const char *const bad[] = { "", "@", "foot", "foot.service", "foot@.service", "@1.service",
                "a@valid@x.service", "my-service.service", "my-service@.service", "foot@0.target", "foot@0.service ",
                " foot@0.service", "foot@0.servicex", "foo t@0.service", "foot@0\n.service", "foot@$(x).service",
                "föt@0.service" };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                if (!application_instance_is_valid(good[i]))
                        fail_msg("'%s' is refused", good[i]);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (application_instance_is_valid(bad[i]))
                        fail_msg("'%s' is accepted", bad[i]);
}

static void assert_words(const char *command, int result, const char *const words[6]) {
        _cleanup_strv_free_ char **l = NULL;
        size_t n = 0;

        assert_int_equal(application_split_command(command, &l), result);
        for (; n < 6 && words[n]; n++) {
                assert_true(n < strv_length(l));
                assert_string_equal(l[n], words[n]);
        }
        assert_int_equal(strv_length(l), n);
}

static void test_split(_unused_ void **state) {
        static const struct {
                const char *command;
                const char *words[6];
        } good[] = {
                { "", {} },
                { "   ", {} },
                { "foot", { "foot" } },
                { "  foot \t -x\n y ", { "foot", "-x", "y" } },
                { "sh -c 'echo \"a b\"; exit 1' end", { "sh", "-c", "echo \"a b\"; exit 1", "end" } },
                { "a\"b c\"d", { "ab cd" } },
                { "'' \"\" x", { "", "", "x" } },
                { "a\\ b \\'c \\\\", { "a b", "'c", "\\" } },
                { "'a\\b' \"a\\\"b\"", { "a\\b", "a\"b" } },
                { "end\\", { "end\\" } },
                { "a 'b\\'", { "a", "b\\" } },
        };
        /* A quote is not closed: they are characters like others. */
        static const struct {
                const char *command;
                const char *words[6];
        } plain[] = {
                { "'", { "'" } },
                { "a 'b", { "a", "'b" } },
                { "a \"b' c", { "a", "\"b'", "c" } },
                { "\"a\\\"", { "\"a\\\"" } },
                { "\"a b\" --title  Bob's \\x", { "\"a", "b\"", "--title", "Bob's", "\\x" } },
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_words(good[i].command, 0, good[i].words);
        for (size_t i = 0; i < ELEMENTSOF(plain); i++)
                assert_words(plain[i].command, 1, plain[i].words);
}

static void test_programs(_unused_ void **state) {
        static const struct {
                const char *command, *program;
        } vectors[] = {
                { "", NULL },
                { "  ", NULL },
                { "/usr/bin/foot -x y", "/usr/bin/foot" },
                { "foot 'x", "foot" },
                { "'my foot' waypipe", "my foot" },
                { "/run/current-system/sw/bin/run-waypipe /bin/foot -x y", "/bin/foot" },
                { "waypipe", "waypipe" },
        };

        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                const ConfigApplication app = { .command = (char *) vectors[i].command };
                _cleanup_free_ char *program = NULL;

                assert_int_equal(application_get_program(&app, &program), 0);
                if (!streq_ptr(program, vectors[i].program))
                        fail_msg("'%s' is about '%s'", vectors[i].command, strempty(program));
        }
}

static int check(char **kinds, char **directories, const char *arg, char **reterr) {
        const ConfigApplication app = { .name = (char *) "app", .args = kinds, .directories = directories };

        free(*reterr);
        *reterr = NULL;
        return application_check_args(&app, (char *const *) &arg, 1, reterr);
}

static void test_flags(_unused_ void **state) {
        static const char *const good[] = { "-x", "--long", "--a-b_9", "-1", "---",
                "--"
                "-a" };
        static const char *const bad[] = { "", "-", "--", "x", "-x=1", "--a b", "-$(id)", "-`id`", "--a;b", "-x\n",
                "-é" };
        char *kinds[] = { (char *) "flag", NULL };
        _cleanup_free_ char *error = NULL;

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                if (check(kinds, NULL, good[i], &error) != 0)
                        fail_msg("'%s' is refused: %s", good[i], error);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (check(kinds, NULL, bad[i], &error) != -EINVAL)
                        fail_msg("'%s' is accepted", bad[i]);
        /* What the application does not take is refused, whatever it looks like. */
        assert_int_equal(check(NULL, NULL, "-x", &error), -EINVAL);
        assert_string_equal(error, "Argument '-x' is not one that application 'app' takes (none).");
        assert_int_equal(check(kinds, NULL, "http://example.com", &error), -EINVAL);
        assert_string_equal(error, "Argument 'http://example.com' is not one that application 'app' takes (flag).");
}

static void test_urls(_unused_ void **state) {
        static const char *const good[] = { "http://example.com", "https://example.com", "http://example.com/?q=1#frag",
                "https://localhost:8080/", "element://example.com", "io.element.desktop:/something/",
                "element:room/@user", "HTTPS://example.com/", "http://[::1]:8080/", "https://w/Foo_(bar)?a=$x",
                "http://example.com/%20#@", "http://example.com:65535" };
        static const char *const bad[] = { "", "word", "http:", "http://", "http:/example.com", "http:///example.com",
                "http://?q", "element:", "element:///", "file:///etc/passwd", "tcp://example.com",
                "elements://example.com", "javascript:alert(1)", "http://http://example.com",
                "https://https://example.com", "element:http://example.com", "http://example.com/$(id)",
                "http://example.com/`id`", "http://example.com/;id", "http://example.com/a b", "http://example.com/'",
                "http://example.com/\"", "http://example.com/<", "http://example.com/\\", "http://example.com/${HOME}",
                "http://example.com/\n", "http://exämple.com", "http://user:pass@example.com",
                "http://user@example.com", "http://@example.com", "element://user:pass@example.com",
                "io.element.desktop:/user@example.com", "http://example.com:99999", "http://example.com:http",
                "http://example.com:", "http://[::1", "http://example.com/%2", "http://example.com/%zz", "http://%00/",
                "-http://example.com", " http://example.com" };
        char *kinds[] = { (char *) "url", NULL }, *both[] = { (char *) "flag", (char *) "url", NULL };
        _cleanup_free_ char *error = NULL;

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                if (check(kinds, NULL, good[i], &error) != 0)
                        fail_msg("'%s' is refused: %s", good[i], error);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (check(kinds, NULL, bad[i], &error) != -EINVAL)
                        fail_msg("'%s' is accepted", bad[i]);
        assert_int_equal(check(both, NULL, "-x", &error), 0);
        assert_int_equal(check(both, NULL, "http://example.com", &error), 0);
        assert_int_equal(check(both, NULL, "word", &error), -EINVAL);
        assert_string_equal(error, "Argument 'word' is not one that application 'app' takes (flag or url).");
}

static void test_bounds(_unused_ void **state) {
        const ConfigApplication app = { .name = (char *) "app", .args = (char *[]){ (char *) "flag", NULL } };
        char *args[APPLICATION_ARGS_MAX + 1];
        char longest[APPLICATION_ARG_SIZE_MAX + 2];
        _cleanup_free_ char *error = NULL;

        for (size_t i = 0; i < ELEMENTSOF(args); i++)
                args[i] = (char *) "-x";
        assert_int_equal(application_check_args(&app, args, APPLICATION_ARGS_MAX, &error), 0);
        assert_int_equal(application_check_args(&app, args, APPLICATION_ARGS_MAX + 1, &error), -E2BIG);
        assert_string_equal(error, "65 arguments are too many: application 'app' can be given 64.");
        free(TAKE_PTR(error));

        memset(longest, 'x', sizeof(longest));
        longest[0] = '-';
        longest[APPLICATION_ARG_SIZE_MAX] = 0;
        args[1] = longest;
        assert_int_equal(application_check_args(&app, args, 2, &error), 0);
        longest[APPLICATION_ARG_SIZE_MAX] = 'x';
        longest[APPLICATION_ARG_SIZE_MAX + 1] = 0;
        assert_int_equal(application_check_args(&app, args, 2, &error), -E2BIG);
        assert_string_equal(error, "Argument 2 is too long: application 'app' can be given 4096 bytes.");
}

/* A directory tree: allowed/{file,a dir/f,inside → file,outside → ../secret,up → ..}, allowed2/file, secret. */
typedef struct Tree {
        char root[32];
        int fd;
} Tree;

static void tree_file(const Tree *t, const char *name) {
        _cleanup_close_ int fd = openat(t->fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
}

/* valgrind does not know the system call. */
static bool have_openat2(void) {
        return syscall(SYS_openat2, -1, "", NULL, 0) >= 0 || errno != ENOSYS;
}

static int tree_setup(void **state) {
        Tree *t = mem_new0(Tree, 1);

        strcpy(t->root, "/tmp/test-args-XXXXXX");
        assert_non_null(mkdtemp(t->root));
        t->fd = open(t->root, O_DIRECTORY | O_CLOEXEC);
        assert_true(t->fd >= 0);
        assert_int_equal(mkdirat(t->fd, "allowed", 0700), 0);
        assert_int_equal(mkdirat(t->fd, "allowed/a dir", 0700), 0);
        assert_int_equal(mkdirat(t->fd, "allowed2", 0700), 0);
        tree_file(t, "allowed/file");
        tree_file(t, "allowed/a dir/f (1) [x] {y}.txt");
        tree_file(t, "allowed/semi;colon");
        tree_file(t, "allowed2/file");
        tree_file(t, "secret");
        assert_int_equal(symlinkat("file", t->fd, "allowed/inside"), 0);
        assert_int_equal(symlinkat("../secret", t->fd, "allowed/outside"), 0);
        assert_int_equal(symlinkat("..", t->fd, "allowed/up"), 0);
        assert_int_equal(symlinkat("/proc/self/root", t->fd, "allowed/magic"), 0);
        *state = t;
        return 0;
}

static int tree_teardown(void **state) {
        static const char *const names[] = { "allowed/file", "allowed/a dir/f (1) [x] {y}.txt", "allowed/semi;colon",
                "allowed2/file", "secret", "allowed/inside", "allowed/outside", "allowed/up", "allowed/magic" };
        Tree *t = *state;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                (void) unlinkat(t->fd, names[i], 0);
        (void) unlinkat(t->fd, "allowed/a dir", AT_REMOVEDIR);
        (void) unlinkat(t->fd, "allowed", AT_REMOVEDIR);
        (void) unlinkat(t->fd, "allowed2", AT_REMOVEDIR);
        (void) rmdir(t->root);
        (void) fd_close(t->fd);
        free(t);
        return 0;
}

static void assert_files(const Tree *t) {
        static const char *const good[] = { "allowed/file", "allowed/a dir/f (1) [x] {y}.txt", "allowed/a dir",
                "allowed/inside" };
        static const char *const bad[] = { "allowed", "allowed/", "allowed/none", "allowed2/file", "secret",
                "allowed/../secret", "allowed/./file", "allowed//file", "allowed/file/", "allowed/outside",
                "allowed/up/secret", "allowed/up", "allowed/magic/etc/passwd", "allowed/semi;colon" };
        _cleanup_free_ char *directory = strf("%s/allowed", t->root), *slash = strf("%s/allowed/", t->root),
                            *error = NULL;
        char *kinds[] = { (char *) "file", NULL }, *directories[] = { (char *) "/nonexistent", directory, NULL };
        char *relative[] = { (char *) "tmp", NULL }, *with_slash[] = { slash, NULL };

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                _cleanup_free_ char *arg = strf("%s/%s", t->root, good[i]);

                if (check(kinds, directories, arg, &error) != 0)
                        fail_msg("'%s' is refused: %s", arg, error);
                assert_int_equal(check(kinds, with_slash, arg, &error), 0);
                assert_int_equal(check(kinds, NULL, arg, &error), -EINVAL);
                assert_int_equal(check(kinds, relative, arg, &error), -EINVAL);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_free_ char *arg = strf("%s/%s", t->root, bad[i]);

                if (check(kinds, directories, arg, &error) != -EINVAL)
                        fail_msg("'%s' is accepted", arg);
        }
        assert_int_equal(check(kinds, directories, "file", &error), -EINVAL);
        assert_int_equal(check(kinds, directories, "-x", &error), -EINVAL);
        assert_int_equal(check(kinds, directories, "", &error), -EINVAL);
}

static void test_files(void **state) {
        if (!have_openat2())
                skip();
        assert_files(*state);
}

static const struct {
        const char *name;
        bool permitted;
} without_links[] = {
        { "allowed/file", true },
        { "allowed/a dir/f (1) [x] {y}.txt", true },
        { "allowed/a dir", true },
        { "allowed/inside", false },
        { "allowed/outside", false },
        { "allowed/up", false },
        { "allowed/up/secret", false },
        { "allowed/magic/etc/passwd", false },
        { "allowed/none", false },
        { "allowed/file/none", false },
        { "allowed/../secret", false },
        { "allowed2/file", false },
};

typedef struct Filtered {
        const Tree *tree;
        int prepared, errors[ELEMENTSOF(without_links)];
        bool have;
} Filtered;

/* A filter belongs to a thread: this one has no openat2() any more, as under RestrictSUIDSGID=. */
static void *filtered_main(void *userdata) {
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const struct sock_fprog program = { ELEMENTSOF(filter), filter };
        Filtered *f = userdata;
        _cleanup_free_ char *directory = strf("%s/allowed", f->tree->root), *error = NULL;
        char *kinds[] = { (char *) "file", NULL }, *directories[] = { directory, NULL };

        f->prepared = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                                        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0
                        ? -errno
                        : 0;
        f->have = have_openat2();
        for (size_t i = 0; i < ELEMENTSOF(without_links); i++) {
                _cleanup_free_ char *arg = strf("%s/%s", f->tree->root, without_links[i].name);

                f->errors[i] = check(kinds, directories, arg, &error);
        }
        return NULL;
}

static void test_files_under_a_filter(void **state) {
        Filtered f = { .tree = *state };
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, filtered_main, &f), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(f.prepared, 0);
        assert_false(f.have);
        for (size_t i = 0; i < ELEMENTSOF(without_links); i++)
                if (f.errors[i] != (without_links[i].permitted ? 0 : -EINVAL))
                        fail_msg("'%s': %i", without_links[i].name, f.errors[i]);
}

/* The tables of a configuration, without its file. */
static void test_exposure(_unused_ void **state) {
        static const char *const yes[] = { "givc-net-vm.service", "a.service", "poweroff.target", "admin.service",
                "sys.service", "app.service", "foot", "foot@0.service", "foot@123.service", "a.service@7.service",
                "givc-net-vm.service@1.service" };
        static const char *const no[] = { "", "@0.service", "b.service", "a", "a.servic", "a.service ", "foot@.service",
                "foot@x.service", "foot@0.target", "foot@-1.service", "foo@0.service", "foot@0@1.service",
                "givc-gui-vm.service", "foot@0.service\n", "poweroff.target.service" };
        ConfigApplication applications[] = { { .name = (char *) "foot" } };
        Config config = { .identity = { .name = (char *) "net-vm", .subtype = 9 },
                .services = (char *[]){ (char *) "a.service", (char *) "poweroff.target", (char *) "twice.service",
                                NULL },
                .admin_vm = (char *) "admin.service",
                .system_vms = (char *[]){ (char *) "sys.service", (char *) "twice.service", NULL },
                .app_vms = (char *[]){ (char *) "app.service", (char *) "sys.service", NULL },
                .applications = applications,
                .n_applications = 1 };
        static const ExposedUnit expected[] = { { (char *) "a.service", 9 }, { (char *) "poweroff.target", 9 },
                { (char *) "twice.service", 7 }, { (char *) "admin.service", 3 }, { (char *) "sys.service", 11 },
                { (char *) "app.service", 11 } };
        _cleanup_(exposure_freep) Exposure *e = NULL;
        const ExposedUnit *units;
        size_t n;

        assert_int_equal(exposure_new(&config, &e), 0);
        assert_string_equal(exposure_get_own_name(e), "givc-net-vm.service");
        units = exposure_get_units(e, &n);
        assert_int_equal(n, ELEMENTSOF(expected));
        for (size_t i = 0; i < n; i++) {
                assert_string_equal(units[i].name, expected[i].name);
                assert_int_equal(units[i].type, expected[i].type);
        }
        for (size_t i = 0; i < ELEMENTSOF(yes); i++)
                if (!exposure_contains(e, yes[i]))
                        fail_msg("'%s' is not exposed", yes[i]);
        for (size_t i = 0; i < ELEMENTSOF(no); i++)
                if (exposure_contains(e, no[i]))
                        fail_msg("'%s' is exposed", no[i]);
        assert_true(exposure_is_application(e, "foot@0.service"));
        assert_false(exposure_is_application(e, "a.service@7.service"));
        assert_false(exposure_is_application(e, "foot"));
        assert_true(exposure_is_configured(e, "a.service"));
        assert_true(exposure_is_configured(e, "givc-net-vm.service"));
        assert_false(exposure_is_configured(e, "foot@0.service"));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_instances),
                cmocka_unit_test(test_split),
                cmocka_unit_test(test_programs),
                cmocka_unit_test(test_flags),
                cmocka_unit_test(test_urls),
                cmocka_unit_test(test_bounds),
                cmocka_unit_test_setup_teardown(test_files, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_files_under_a_filter, tree_setup, tree_teardown),
                cmocka_unit_test(test_exposure),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
