/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon as the service manager sees it: a child process with a notification socket and passed sockets of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "event/daemon.h"

#define PATIENCE_MSEC 10000

typedef struct Manager {
        int notify;
        char path[64];
        pid_t child;
} Manager;

static Manager manager_new(void) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        Manager m = {};

        (void) snprintf(m.path, sizeof(m.path), "/tmp/givc-notify-%d", getpid());
        (void) unlink(m.path);
        (void) snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", m.path);
        m.notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_true(m.notify >= 0);
        assert_int_equal(bind(m.notify, (struct sockaddr *) &sa, sizeof(sa)), 0);
        return m;
}

/* The next message that the daemon sends, but for the watchdog's; all its lines. */
static void manager_read(Manager *m, char *ret_text, size_t size) {
        struct pollfd p = { .fd = m->notify, .events = POLLIN };
        ssize_t n;

        do {
                assert_int_equal(poll(&p, 1, PATIENCE_MSEC), 1);
                n = recv(m->notify, ret_text, size - 1, 0);
                assert_true(n > 0);
                ret_text[n] = 0;
        } while (startswith(ret_text, "WATCHDOG=1"));
}

static void manager_expect(Manager *m, const char *line) {
        char text[4096];

        manager_read(m, text, sizeof(text));
        if (!strstr(text, line))
                fail_msg("expected '%s' but the daemon said '%s'", line, text);
}

static int manager_end(Manager *m) {
        int status;

        assert_int_equal(waitpid(m->child, &status, 0), m->child);
        (void) fd_close(m->notify);
        (void) unlink(m->path);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static Daemon *daemon_;
static unsigned n_reloads;

static void on_reload(_unused_ void *userdata) {
        daemon_set_status(daemon_, "reloaded %u", ++n_reloads);
}

static void on_stop(_unused_ void *userdata) {
        daemon_set_status(daemon_, "stopping: %s", daemon_is_stopping(daemon_) ? "yes" : "no");
        daemon_exit(daemon_, 3);
}

/* Three sockets were passed: two named grpc, one named local. */
static void child_check_fds(void) {
        _cleanup_free_ int *grpc = NULL, *again = NULL, *rest = NULL;

        if (daemon_take_fds(daemon_, "nobody", &rest) != 0)
                _exit(20);
        free(TAKE_PTR(rest));
        if (daemon_take_fds(daemon_, "grpc", &grpc) != 2 || fcntl(grpc[0], F_GETFD) != FD_CLOEXEC)
                _exit(21);
        if (daemon_take_fds(daemon_, "grpc", &again) != 0)
                _exit(22);
        if (daemon_take_fds(daemon_, "*", &rest) != 1)
                _exit(23);
        (void) fd_close(grpc[0]);
        (void) fd_close(grpc[1]);
        (void) fd_close(rest[0]);
}

static void child_main(const Manager *m, bool with_fds, bool with_stop) {
        DaemonHooks hooks = { .reload = on_reload, .stop = with_stop ? on_stop : NULL };
        struct rlimit limit;
        char pid[16];
        int r;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                _exit(13);
        limit.rlim_cur = 256;
        (void) setrlimit(RLIMIT_NOFILE, &limit);
        (void) setenv("NOTIFY_SOCKET", m->path, true);
        if (with_fds) {
                (void) snprintf(pid, sizeof(pid), "%d", getpid());
                (void) setenv("LISTEN_PID", pid, true);
                (void) setenv("LISTEN_FDS", "3", true);
                (void) setenv("LISTEN_FDNAMES", "grpc:local:grpc", true);
                for (int fd = 3; fd < 6; fd++)
                        if (dup2(m->notify, fd) < 0)
                                _exit(10);
        }
        if (daemon_new(&hooks, NULL, &daemon_) < 0)
                _exit(11);
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur != limit.rlim_max)
                _exit(12);
        if (with_fds)
                child_check_fds();
        daemon_set_status(daemon_, "up");
        daemon_set_status(daemon_, "up"); /* said once */
        daemon_ready(daemon_);
        r = daemon_run(daemon_);
        (void) daemon_free(daemon_);
        _exit(r);
}

static Manager start(bool with_fds, bool with_stop) {
        Manager m = manager_new();

        m.child = fork();
        assert_true(m.child >= 0);
        if (m.child == 0)
                child_main(&m, with_fds, with_stop);
        manager_expect(&m, "STATUS=up");
        manager_expect(&m, "READY=1");
        return m;
}

static void test_life(_unused_ void **state) {
        Manager m = start(false, true);

        assert_int_equal(kill(m.child, SIGHUP), 0);
        manager_expect(&m, "RELOADING=1\nMONOTONIC_USEC=");
        manager_expect(&m, "STATUS=reloaded 1");
        manager_expect(&m, "READY=1");
        assert_int_equal(kill(m.child, SIGTERM), 0);
        manager_expect(&m, "STOPPING=1");
        manager_expect(&m, "STATUS=stopping: yes");
        assert_int_equal(manager_end(&m), 3);
}

/* Its queue is full soon; the loop does not wait for room. */
static void test_manager_that_does_not_read(_unused_ void **state) {
        Manager m = manager_new();

        m.child = fork();
        assert_true(m.child >= 0);
        if (m.child == 0) {
                (void) alarm(PATIENCE_MSEC / 1000);
                (void) setenv("NOTIFY_SOCKET", m.path, true);
                if (daemon_new(NULL, NULL, &daemon_) < 0)
                        _exit(11);
                for (unsigned i = 0; i < 10000; i++)
                        daemon_set_status(daemon_, "%u", i);
                for (unsigned i = 0; i < 20; i++) {
                        daemon_set_status(daemon_, "again %u", i);
                        (void) sd_event_run(daemon_get_event(daemon_), 2 * DAEMON_STATUS_USEC);
                }
                (void) daemon_free(daemon_);
                _exit(7);
        }
        assert_int_equal(manager_end(&m), 7);
}

/* As full as a queue is when its reader is frozen. */
static void manager_fill(Manager *m) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -EBADF;

        (void) snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", m->path);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(fd >= 0);
        while (sendto(fd, "WATCHDOG=1", 10, 0, (struct sockaddr *) &sa, sizeof(sa)) > 0)
                ;
        assert_int_equal(errno, EAGAIN);
}

static void child_report(int fd, const char *word) {
        if (write(fd, word, 1) != 1)
                _exit(14);
}

static void expect_report(int fd, char word) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        char c;

        assert_int_equal(poll(&p, 1, PATIENCE_MSEC), 1);
        assert_int_equal(read(fd, &c, 1), 1);
        assert_int_equal(c, word);
}

static int report_fd;

static void on_reload_report(void *userdata) {
        on_reload(userdata);
        child_report(report_fd, "l");
}

/* Its first words, a reload and the watchdog find no room either: all of it goes on, and is told when there is. */
static void test_manager_that_is_frozen(_unused_ void **state) {
        const DaemonHooks hooks = { .reload = on_reload_report, .stop = on_stop };
        Manager m = manager_new();
        char one[4096], other[4096];
        int report[2];

        assert_int_equal(pipe(report), 0);
        report_fd = report[1];
        manager_fill(&m);
        m.child = fork();
        assert_true(m.child >= 0);
        if (m.child == 0) {
                (void) alarm(2 * PATIENCE_MSEC / 1000);
                (void) setenv("NOTIFY_SOCKET", m.path, true);
                (void) setenv("WATCHDOG_USEC", "20000", true);
                if (daemon_new(&hooks, NULL, &daemon_) < 0)
                        _exit(11);
                if (daemon_store_fd(daemon_, "registry", STDERR_FILENO) != -EAGAIN)
                        _exit(12);
                daemon_set_status(daemon_, "up");
                daemon_ready(daemon_);
                child_report(report_fd, "r");
                _exit(daemon_run(daemon_));
        }
        expect_report(report[0], 'r');
        assert_int_equal(kill(m.child, SIGHUP), 0);
        expect_report(report[0], 'l');
        /* In which order depends on what it has come to before there is room. */
        manager_read(&m, one, sizeof(one));
        manager_read(&m, other, sizeof(other));
        assert_true(streq(one, "READY=1") || streq(other, "READY=1"));
        assert_true(streq(one, "STATUS=reloaded 1") || streq(other, "STATUS=reloaded 1"));
        assert_int_equal(kill(m.child, SIGTERM), 0);
        manager_expect(&m, "STOPPING=1");
        assert_int_equal(manager_end(&m), 3);
        (void) close(report[0]);
        (void) close(report[1]);
}

static void test_frozen_until_the_end(_unused_ void **state) {
        Manager m = manager_new();

        manager_fill(&m);
        m.child = fork();
        assert_true(m.child >= 0);
        if (m.child == 0) {
                (void) alarm(PATIENCE_MSEC / 1000);
                (void) setenv("NOTIFY_SOCKET", m.path, true);
                if (daemon_new(NULL, NULL, &daemon_) < 0)
                        _exit(11);
                daemon_ready(daemon_);
                daemon_exit(daemon_, -EIO);
                _exit(daemon_run(daemon_) == -EIO ? 7 : 8);
        }
        assert_int_equal(manager_end(&m), 7);
}

/* The service manager may be told nothing but WATCHDOG for as long as it runs. */
static void test_watchdog(_unused_ void **state) {
        Manager m = manager_new();
        char text[64] = {};

        m.child = fork();
        assert_true(m.child >= 0);
        if (m.child == 0) {
                (void) alarm(PATIENCE_MSEC / 1000);
                (void) setenv("NOTIFY_SOCKET", m.path, true);
                (void) setenv("WATCHDOG_USEC", "20000", true);
                if (daemon_new(NULL, NULL, &daemon_) < 0)
                        _exit(11);
                _exit(daemon_run(daemon_));
        }
        for (unsigned i = 0; i < 5; i++) {
                memset(text, 0, sizeof(text));
                assert_true(recv(m.notify, text, sizeof(text) - 1, 0) > 0);
                assert_string_equal(text, "WATCHDOG=1");
        }
        assert_int_equal(kill(m.child, SIGTERM), 0);
        manager_expect(&m, "STOPPING=1");
        assert_int_equal(manager_end(&m), 0);
}

static void test_stop_at_once(_unused_ void **state) {
        Manager m = start(false, false);

        assert_int_equal(kill(m.child, SIGINT), 0);
        manager_expect(&m, "STOPPING=1");
        assert_int_equal(manager_end(&m), 0);
}

static void test_passed_sockets(_unused_ void **state) {
        Manager m = start(true, false);

        assert_int_equal(kill(m.child, SIGTERM), 0);
        assert_int_equal(manager_end(&m), 0);
}

static void test_store(_unused_ void **state) {
        Manager m = manager_new();
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control;
        char text[256];
        struct iovec iov = { text, sizeof(text) - 1 };
        struct msghdr message = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };
        ssize_t n;

        (void) setenv("NOTIFY_SOCKET", m.path, true);
        assert_int_equal(daemon_store_fd(NULL, "registry", STDERR_FILENO), 0);
        (void) unsetenv("NOTIFY_SOCKET");
        n = recvmsg(m.notify, &message, 0);
        assert_true(n > 0);
        text[n] = 0;
        assert_string_equal(text, "FDSTORE=1\nFDNAME=registry");
        assert_int_equal(CMSG_FIRSTHDR(&message)->cmsg_type, SCM_RIGHTS);
        (void) fd_close(*(int *) CMSG_DATA(CMSG_FIRSTHDR(&message)));
        (void) fd_close(m.notify);
        (void) unlink(m.path);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_life),
                cmocka_unit_test(test_manager_that_does_not_read),
                cmocka_unit_test(test_manager_that_is_frozen),
                cmocka_unit_test(test_frozen_until_the_end),
                cmocka_unit_test(test_watchdog),
                cmocka_unit_test(test_stop_at_once),
                cmocka_unit_test(test_passed_sockets),
                cmocka_unit_test(test_store),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
