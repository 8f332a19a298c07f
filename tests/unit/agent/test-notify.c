/* SPDX-License-Identifier: Apache-2.0 */
/* notify.UserNotificationService: the sockets of sessions, one that does not read, and the desktop of one's own. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/log.h"
#include "event/io.h"
#include "notify.pb-c.h"
#include "unit/agent/calling.h"
#include "unit/leave.h"

#define NOTIFY_SERVICE (&notify__user_notification_service__descriptor)
#define SENT           "{\"Event\":\"update\",\"Icon\":\"info\",\"Message\":\"Now\",\"Title\":\"One\",\"Urgency\":%d}"

static char directory[] = "/tmp/test-notify-XXXXXX";

static int listen_at(const char *name, int backlog) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", directory, name);
        check(fd >= 0 && bind(fd, (struct sockaddr *) &address, sizeof(address)) == 0 && listen(fd, backlog) == 0);
        return fd;
}

static void unlisten(const char *name, int fd) {
        _cleanup_free_ char *path = strf("%s/%s", directory, name);

        fd_close(fd);
        check(unlink(path) == 0);
}

/* All that one caller says, and that it ends. */
static void check_received(int listener, const char *text) {
        _cleanup_(io_freep) Io *io = NULL;
        char buffer[1024] = "";
        size_t n = 0;
        ssize_t k;
        int fd;

        check_becomes((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0);
        check(io_new(fd, &io) == 0);
        while ((k = io_read_wait(io, buffer + n, sizeof(buffer) - n - 1, time_now(CLOCK_MONOTONIC) + LEAVE_PATIENCE)) >
                        0)
                n += (size_t) k;
        check(k == 0);
        check_streq(buffer, text);
}

static void check_silent(int listener) {
        check(accept4(listener, NULL, NULL, SOCK_CLOEXEC) < 0 && errno == EAGAIN);
}

static Notify__UserNotification notification(int urgency) {
        Notify__UserNotification n = NOTIFY__USER_NOTIFICATION__INIT;

        n.event = (char *) "update";
        n.title = (char *) "One";
        n.icon = (char *) "info";
        n.message = (char *) "Now";
        n.urgency = (Notify__UrgencyLevel) urgency;
        return n;
}

static int notify(World *w, int urgency, RpcStatus *reterr) {
        const RpcCallOptions options = within(10 * USEC_PER_SEC);
        const Notify__UserNotification n = notification(urgency);
        _cleanup_proto_ Notify__Status *reply = NULL;
        int r = rpc_channel_call_wait(w->channel, NOTIFY_SERVICE, "NotifyUser", &n, &options, &reply, reterr);

        if (r >= 0)
                check_streq(reply->status, "Notification sent");
        return r;
}

/* Every urgency arrives as the number that it is; what is no socket is left alone. */
static int sockets_body(World *w) {
        _cleanup_free_ char *file = strf("%s/file", directory), *link = strf("%s/link", directory);
        int one = listen_at("user-1.sock", 8), two = listen_at("user-2.sock", 8);
        FILE *f = fopen(file, "we");

        check(f && fclose(f) == 0 && symlink("user-1.sock", link) == 0);
        for (int urgency = 0; urgency <= 2; urgency++) {
                _cleanup_free_ char *text = strf(SENT, urgency);

                check(notify(w, urgency, NULL) == 0);
                check_received(one, text);
                check_received(two, text);
        }
        check_silent(one);
        check(unlink(file) == 0 && unlink(link) == 0);
        unlisten("user-1.sock", one);
        unlisten("user-2.sock", two);
        check(notify(w, 1, NULL) == 0); /* nobody listens, and that is no failure */
        return 0;
}

static void test_sockets(_unused_ void **state) {
        world_run_in(sockets_body, false, directory);
}

/* One that nobody reads from any more and one whose queue is full hold up nobody else. */
static int stuck_body(World *w) {
        int dead = listen_at("dead.sock", 8), full = listen_at("full.sock", 0), good = listen_at("good.sock", 8);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_free_ char *text = strf(SENT, 2);
        int waiting[8];

        fd_close(dead);
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/full.sock", directory);
        for (size_t i = 0; i < ELEMENTSOF(waiting); i++) {
                waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                (void) connect(waiting[i], (struct sockaddr *) &address, sizeof(address));
        }
        check(notify(w, 2, NULL) == 0);
        check_received(good, text);
        for (size_t i = 0; i < ELEMENTSOF(waiting); i++)
                fd_close(waiting[i]);
        unlisten("dead.sock", -EBADF);
        unlisten("full.sock", full);
        unlisten("good.sock", good);
        return 0;
}

static unsigned n_lines;

static void sink(_unused_ int level, _unused_ const LogField *fields, const char *text) {
        n_lines += strstr(text, "did not reach") != NULL;
}

/* What is said of a socket that nobody listens at is up to who notifies. */
static int often_body(World *w) {
        int dead = listen_at("dead.sock", 8);

        fd_close(dead);
        log_set_sink(sink);
        for (unsigned i = 0; i < LOG_LINES_PER_SUBJECT_MAX + 50; i++)
                check(notify(w, 1, NULL) == 0);
        log_set_sink(NULL);
        check(n_lines > 0 && n_lines < LOG_LINES_PER_SUBJECT_MAX);
        unlisten("dead.sock", -EBADF);
        return 0;
}

static void test_often(_unused_ void **state) {
        world_run_in(often_body, false, directory);
}

static void test_stuck(_unused_ void **state) {
        world_run_in(stuck_body, false, directory);
}

static int refused_body(World *w) {
        _cleanup_(rpc_status_done) RpcStatus status = {}, urgency = {}, size = {};
        const RpcCallOptions options = within(10 * USEC_PER_SEC);
        Notify__UserNotification big = notification(1);
        _cleanup_proto_ Notify__Status *reply = NULL;
        static char text[65 * 1024];

        check(notify(w, 1, &status) < 0);
        check(status.code == RPC_UNKNOWN);
        check_streq(status.message,
                        "Cannot read the directory of sockets for notifications, '/nonexistent/dir': No such "
                        "file or directory.");
        check(notify(w, 3, &urgency) < 0);
        check(urgency.code == RPC_INVALID_ARGUMENT);
        check_streq(urgency.message, "There is no urgency 3.");
        memset(text, 'x', sizeof(text) - 1);
        big.title = text;
        check(rpc_channel_call_wait(w->channel, NOTIFY_SERVICE, "NotifyUser", &big, &options, &reply, &size) < 0);
        check(size.code == RPC_INVALID_ARGUMENT);
        check_streq(size.message, "A notification has 65536 bytes at most.");
        return 0;
}

static void test_refused(_unused_ void **state) {
        world_run_in(refused_body, false, "/nonexistent/dir");
}

static int unconfigured_body(World *w) {
        _cleanup_(rpc_status_done) RpcStatus status = {};

        check(notify(w, 1, &status) < 0);
        check(status.code == RPC_FAILED_PRECONDITION);
        check_streq(status.message, "The configuration of this agent names no directory of sockets for notifications.");
        return 0;
}

static void test_unconfigured(_unused_ void **state) {
        world_run_in(unconfigured_body, false, NULL);
}

/* Neither the desktop nor a socket: whoever asked for it hears so. */
static void check_nobody_shows_it(World *w) {
        _cleanup_(rpc_status_done) RpcStatus status = {};

        fake_systemd_fail_next(w->fake, "Notify", "org.freedesktop.DBus.Error.ServiceUnknown", "No desktop");
        check(notify(w, 1, &status) < 0);
        check(status.code == RPC_UNAVAILABLE);
        check_streq(status.message,
                        "Cannot show the notification: the machine has no service for it that could be reached: "
                        "No desktop.");
}

/* The own desktop is asked itself and has it once; without one its socket does. */
static int session_body(World *w) {
        int own = listen_at("user-own.sock", 8);
        _cleanup_free_ char *text = strf(SENT, 2);

        check(notify(w, 2, NULL) == 0);
        check_streq(fake_systemd_get_machine(w->fake)->notification, "update|info|One|Now|2");
        check_silent(own);
        fake_systemd_fail_next(w->fake, "Notify", "org.freedesktop.DBus.Error.ServiceUnknown", "No desktop.");
        check(notify(w, 2, NULL) == 0);
        check_received(own, text);
        check_silent(own);
        unlisten("user-own.sock", own);
        check_nobody_shows_it(w);
        return 0;
}

static void test_session(_unused_ void **state) {
        world_run_in(session_body, true, directory);
}

static int session_alone_body(World *w) {
        check(notify(w, 0, NULL) == 0);
        check_streq(fake_systemd_get_machine(w->fake)->notification, "update|info|One|Now|0");
        check_nobody_shows_it(w);
        return 0;
}

static void test_session_without_sockets(_unused_ void **state) {
        world_run_in(session_alone_body, true, NULL);
}

static int leaving_body(World *w) {
        const Notify__UserNotification n = notification(1);
        Leaver l;

        check(notify(w, 1, NULL) == 0);
        leave_init(&l, w->queue, w->server, SERVICE, "GetUnitStatus");
        for (Leave how = 0; how < _LEAVE_MAX; how++) {
                unsigned before = fake_systemd_count_calls(w->fake, "Notify");

                fake_systemd_hold(w->fake, "Notify");
                leave_begin(&l, how, NOTIFY_SERVICE, "NotifyUser", &n);
                leave_becomes(fake_systemd_count_calls(w->fake, "Notify") > before || leave_is_late(&l));
                leave_end(&l);
                fake_systemd_release(w->fake);
                leave_settle(&l, "NotifyUser");
        }
        return 0;
}

static void test_leaving(_unused_ void **state) {
        world_run_in(leaving_body, true, NULL);
}

static int make_directory(_unused_ void **state) {
        return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(_unused_ void **state) {
        return rmdir(directory);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sockets),
                cmocka_unit_test(test_stuck),
                cmocka_unit_test(test_often),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_unconfigured),
                cmocka_unit_test(test_session),
                cmocka_unit_test(test_session_without_sockets),
                cmocka_unit_test(test_leaving),
        };

        return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
