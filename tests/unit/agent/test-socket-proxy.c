/* SPDX-License-Identifier: Apache-2.0 */
/* What goes through a socket of another VM, how it begins and how it ends. */
#include <sys/stat.h>

#include "agent/socket-listener.h"
#include "tls/file-watch.h"
#include "unit/agent/sockets.h"

static int body_both_ways(World *w) {
        PAIR p;
        _cleanup_(io_freep) Io *near = NULL, *far = NULL;

        pair_init(w, &p);
        near = come(&p);
        far = arrive(&p);
        say(near, "question");
        hear(far, "question");
        say(far, "answer");
        hear(near, "answer");
        near = io_free(near);
        hear_end(far);
        far = io_free(far);
        near = come(&p);
        far = arrive(&p);
        say(far, "last words");
        far = io_free(far);
        hear(near, "last words");
        hear_end(near);
        return 0;
}

static int body_much(World *w) {
        PAIR p;
        _cleanup_(io_freep) Io *near = NULL, *far = NULL;
        Fiber *fibers[2] = {};
        Talk up, down;

        pair_init(w, &p);
        near = come(&p);
        far = arrive(&p);
        up = (Talk){ near, MUCH, false };
        down = (Talk){ far, MUCH, false };
        check(fiber_start(&fibers[0], talk_main, &up) == 0);
        check(fiber_start(&fibers[1], talk_main, &down) == 0);
        hear_much(far, MUCH);
        hear_much(near, MUCH);
        check_becomes(!fibers[0] && !fibers[1]);
        return 0;
}

/* All of what a program wrote arrives, though it did not stay for it. */
static int body_write_and_go(World *w) {
        PAIR p;
        _cleanup_(io_freep) Io *far = NULL;
        Talk talk;

        pair_init(w, &p);
        talk = (Talk){ come(&p), MUCH, true };
        check(fiber_start(NULL, talk_main, &talk) == 0);
        far = arrive(&p);
        hear_much(far, MUCH);
        hear_end(far);
        return 0;
}

static int body_half_close(World *w) {
        PAIR p;

        pair_init(w, &p);
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(io_freep) Io *near = come(&p), *far = arrive(&p);
                Io *first = i == 0 ? near : far, *second = i == 0 ? far : near;

                say(first, "all of it");
                half_close(first);
                hear(second, "all of it");
                hear_end(second);
                say(second, "one");
                hear(first, "one");
                say(second, "two");
                hear(first, "two");
                half_close(second);
                hear_end(first);
        }
        return 0;
}

/* Half-closed, and then gone: the other side's words are for nobody. */
static int body_half_close_and_go(World *w) {
        PAIR p;
        _cleanup_(io_freep) Io *near = NULL, *far = NULL;

        pair_init(w, &p);
        near = come(&p);
        far = arrive(&p);
        half_close(near);
        hear_end(far);
        near = io_free(near);
        check(io_hangup_wait(far, SOON) == 0);
        return 0;
}

/* Gone with words unread, which the kernel tells as a reset. */
static int body_reset(World *w) {
        PAIR p;
        _cleanup_(io_freep) Io *near = NULL, *far = NULL;

        pair_init(w, &p);
        near = come(&p);
        far = arrive(&p);
        say(near, "unread");
        check_becomes(recv(io_get_fd(far), &(char){ 0 }, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
        far = io_free(far);
        hear_end(near);
        check(io_hangup_wait(near, SOON) == 0);
        check(io_write_wait(near, "x", 1, SOON) == -EPIPE);
        return 0;
}

/* Who does not read stops who writes to him, and nobody else. */
static int body_slow_reader(World *w) {
        static uint8_t chunk[65536];
        PAIR p;
        _cleanup_(io_freep) Io *near = NULL, *far = NULL, *other_near = NULL, *other_far = NULL;
        size_t written = 0, taken = 0;

        pair_init(w, &p);
        near = come(&p);
        far = arrive(&p);
        while (io_write_wait(near, chunk, sizeof(chunk), time_now(CLOCK_MONOTONIC) + USEC_PER_SEC / 2) == 0) {
                written += sizeof(chunk);
                check(written < HELD_MAX);
        }
        other_near = come(&p);
        other_far = arrive(&p);
        say(other_near, "I read");
        hear(other_far, "I read");
        say(other_far, "so do I");
        hear(other_near, "so do I");
        half_close(near);
        for (ssize_t n = 1; n > 0; taken += (size_t) n) {
                n = io_read_wait(far, chunk, sizeof(chunk), SOON);
                check(n >= 0);
        }
        check(taken >= written && taken < written + sizeof(chunk));
        return 0;
}

static int body_peer_dies(World *w) {
        PAIR p;
        _cleanup_(io_freep) Io *near = NULL, *far = NULL;

        pair_init(w, &p);
        near = come(&p);
        far = arrive(&p);
        say(near, "hello");
        hear(far, "hello");
        end_proxy(&p, &p.far);
        hear_end(near);
        hear_end(far);
        near = io_free(near);
        far = io_free(far);
        start_proxy(&p, &p.far_config, &p.far); /* who comes meanwhile waits for it */
        near = come(&p);
        far = arrive(&p);
        say(near, "again");
        hear(far, "again");
        end_proxy(&p, &p.near);
        hear_end(far);
        hear_end(near);
        return 0;
}

/* Nobody is there to take the call: told in time, and nobody has to wait who does not want to. */
static int body_unreachable(World *w) {
        PAIR p;
        _cleanup_(io_freep) Io *near = NULL, *hasty = NULL;

        pair_describe(w, &p);
        start_proxy(&p, &p.near_config, &p.near);
        hasty = come(&p);
        hasty = io_free(hasty);
        near = come(&p);
        hear_end(near);
        check_becomes(logged && strstr(logged, "Connection refused"));
        return 0;
}

static int body_served_comes_and_goes(World *w) {
        PAIR p;
        _cleanup_(io_freep) Io *near = NULL, *far = NULL;

        pair_init(w, &p);
        p.gate = fd_close(p.gate); /* its program is gone, its file is not */
        near = come(&p);
        check(fiber_sleep_wait(PATIENCE / 4) == 0);
        check(unlink(p.far_path) == 0);
        p.gate = listen_at(p.far_path);
        far = arrive(&p);
        say(near, "late");
        hear(far, "late");
        near = io_free(near);
        far = io_free(far);
        p.gate = fd_close(p.gate);
        check(unlink(p.far_path) == 0);
        near = come(&p);
        check(fiber_sleep_wait(PATIENCE / 4) == 0);
        p.gate = listen_at(p.far_path);
        far = arrive(&p);
        say(far, "new");
        hear(near, "new");
        return 0;
}

static int body_never_served(World *w) {
        PAIR p;
        _cleanup_(io_freep) Io *near = NULL;

        pair_init(w, &p);
        check(unlink(p.far_path) == 0);
        near = come(&p);
        hear_end(near);
        check_becomes(logged && startswith(logged, "A connection of"));
        check(strstr(logged, "Nobody answers at socket"));
        return 0;
}

static int body_backlog_is_full(World *w) {
        enum { N = 2 * GATE_BACKLOG };
        PAIR p;
        Io *near[N], *far[N];

        pair_init(w, &p);
        for (unsigned i = 0; i < N; i++)
                near[i] = come(&p);
        check(fiber_sleep_wait(PATIENCE / 8) == 0);
        for (unsigned i = 0; i < N; i++)
                far[i] = arrive(&p);
        for (unsigned i = 0; i < N; i++) {
                io_free(near[i]);
                io_free(far[i]);
        }
        return 0;
}

static int body_many(World *w) {
        PAIR p;
        Io *near[SOCKET_CONNECTIONS_MAX + 1], *far[SOCKET_CONNECTIONS_MAX];

        pair_init(w, &p);
        for (unsigned i = 0; i < SOCKET_CONNECTIONS_MAX; i++) {
                near[i] = come(&p);
                far[i] = arrive(&p);
        }
        near[SOCKET_CONNECTIONS_MAX] = come(&p);
        hear_end(near[SOCKET_CONNECTIONS_MAX]);
        check(strstr(logged, "too many connections"));
        io_free(near[SOCKET_CONNECTIONS_MAX]);
        for (unsigned i = 0; i < SOCKET_CONNECTIONS_MAX; i++)
                say(near[i], "to");
        for (unsigned i = 0; i < SOCKET_CONNECTIONS_MAX; i++) {
                hear(far[i], "to");
                say(far[i], "fro");
        }
        for (unsigned i = 0; i < SOCKET_CONNECTIONS_MAX; i++)
                hear(near[i], "fro");
        io_free(near[0]);
        hear_end(far[0]);
        io_free(far[0]);
        near[0] = come(&p); /* there is room again */
        far[0] = arrive(&p);
        say(near[0], "again");
        hear(far[0], "again");
        for (unsigned i = 0; i < SOCKET_CONNECTIONS_MAX; i++) {
                io_free(near[i]);
                io_free(far[i]);
        }
        return 0;
}

static int body_owner_and_mode(World *w) {
        struct stat st;
        PAIR p;

        pair_init(w, &p);
        check(stat(p.near_path, &st) == 0 && S_ISSOCK(st.st_mode));
        check((st.st_mode & 07777) == SOCKET_MODE && st.st_gid == (geteuid() == 0 ? SOCKET_GROUP : getegid()));
        return 0;
}

/* What its last owner has left is replaced, what is not a socket stays, and a directory may come later. */
static int body_listening_later(World *w) {
        _cleanup_free_ char *later = NULL;
        PAIR p;
        _cleanup_(io_freep) Io *near = NULL;

        pair_describe(w, &p);
        later = strf("%s/later", p.directory);
        (void) snprintf(p.near_path, sizeof(p.near_path), "%s/near", later);
        p.gate = listen_at(p.far_path);
        start_proxy(&p, &p.far_config, &p.far);
        start_proxy(&p, &p.near_config, &p.near);
        check(mkdir(later, 0700) == 0);
        near = come(&p);
        near = io_free(near);
        end_proxy(&p, &p.near);
        start_proxy(&p, &p.near_config, &p.near);
        near = come(&p);
        return 0;
}

static void check_comes_through(const Pair *p) {
        _cleanup_(io_freep) Io *near = come(p), *far = arrive(p);

        say(near, "through");
        hear(far, "through");
}

static int body_removed(World *w) {
        PAIR p;
        _cleanup_(io_freep) Io *near = NULL, *far = NULL;
        struct stat st;

        pair_init(w, &p);
        near = come(&p);
        far = arrive(&p);
        for (unsigned i = 0; i < 2; i++) {
                check(unlink(p.near_path) == 0);
                check_comes_through(&p);
        }
        check(stat(p.near_path, &st) == 0 && (st.st_mode & 07777) == SOCKET_MODE);
        say(near, "as before");
        hear(far, "as before");
        return 0;
}

/* Another one's socket stays while it listens, and so does what is no socket; the agent's own may come back. */
static int body_replaced(World *w) {
        PAIR p;
        _cleanup_free_ char *away = NULL;
        struct stat before, st;
        int other, asked = -EBADF;

        pair_init(w, &p);
        away = strf("%s/away", p.directory);
        check(rename(p.near_path, away) == 0);
        other = listen_at(p.near_path);
        check(lstat(p.near_path, &before) == 0);
        check_becomes((asked = accept4(other, NULL, NULL, SOCK_CLOEXEC)) >= 0);
        check(fd_close(asked) == -EBADF);
        check(lstat(p.near_path, &st) == 0 && st.st_ino == before.st_ino);
        check(fd_close(other) == -EBADF);
        check_comes_through(&p);
        check(rename(p.near_path, away) == 0 && mkdir(p.near_path, 0700) == 0);
        check(fiber_sleep_wait(3 * FILE_WATCH_QUIET_USEC) == 0);
        check(lstat(p.near_path, &st) == 0 && S_ISDIR(st.st_mode));
        check(rmdir(p.near_path) == 0);
        check(lstat(away, &before) == 0 && rename(away, p.near_path) == 0);
        check_comes_through(&p);
        check(lstat(p.near_path, &st) == 0 && st.st_ino == before.st_ino);
        return 0;
}

static int body_directory_removed(World *w) {
        _cleanup_free_ char *directory = NULL;
        uint64_t before, after;
        PAIR p;

        pair_describe(w, &p);
        directory = strf("%s/sockets", p.directory);
        (void) snprintf(p.near_path, sizeof(p.near_path), "%s/near", directory);
        check(mkdir(directory, 0700) == 0);
        p.gate = listen_at(p.far_path);
        start_proxy(&p, &p.far_config, &p.far);
        start_proxy(&p, &p.near_config, &p.near);
        check_comes_through(&p);
        check(unlink(p.near_path) == 0 && rmdir(directory) == 0);
        check(sd_event_get_iteration(w->event, &before) >= 0);
        check(fiber_sleep_wait(5 * FILE_WATCH_QUIET_USEC) == 0);
        check(sd_event_get_iteration(w->event, &after) >= 0 && after - before < 1000); /* some end connections */
        check(mkdir(directory, 0700) == 0);
        check_comes_through(&p);
        return 0;
}

static int body_passed(World *w) {
        PAIR p;
        _cleanup_(io_freep) Io *near = NULL, *far = NULL;
        const SocketProxyOptions options = { .queue = w->queue, .config = &p.near_config };
        int fd, other;

        pair_describe(w, &p);
        p.gate = listen_at(p.far_path);
        start_proxy(&p, &p.far_config, &p.far);
        fd = listen_at(p.near_path);
        near = come(&p); /* before the agent is there */
        check(socket_proxy_new(&options, &p.near) == 0);
        other = dup(p.gate);
        check(!socket_proxy_take_fd(p.near, other));
        check(close(other) == 0);
        check(socket_proxy_take_fd(p.near, fd));
        check(!socket_proxy_take_fd(p.near, fd));
        socket_proxy_start(p.near);
        far = arrive(&p);
        say(near, "activated");
        hear(far, "activated");
        return 0;
}

#define TEST(name)                                                                                                     \
        static void test_##name(_unused_ void **state) {                                                               \
                run_world(body_##name);                                                                                \
        }
TEST(both_ways)
TEST(much)
TEST(write_and_go)
TEST(half_close)
TEST(half_close_and_go)
TEST(reset)
TEST(slow_reader)
TEST(peer_dies)
TEST(unreachable)
TEST(served_comes_and_goes)
TEST(never_served)
TEST(backlog_is_full)
TEST(many)
TEST(owner_and_mode)
TEST(listening_later)
TEST(removed)
TEST(replaced)
TEST(directory_removed)
TEST(passed)

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_both_ways),
                cmocka_unit_test(test_much),
                cmocka_unit_test(test_write_and_go),
                cmocka_unit_test(test_half_close),
                cmocka_unit_test(test_half_close_and_go),
                cmocka_unit_test(test_reset),
                cmocka_unit_test(test_slow_reader),
                cmocka_unit_test(test_peer_dies),
                cmocka_unit_test(test_unreachable),
                cmocka_unit_test(test_served_comes_and_goes),
                cmocka_unit_test(test_never_served),
                cmocka_unit_test(test_backlog_is_full),
                cmocka_unit_test(test_many),
                cmocka_unit_test(test_owner_and_mode),
                cmocka_unit_test(test_listening_later),
                cmocka_unit_test(test_removed),
                cmocka_unit_test(test_replaced),
                cmocka_unit_test(test_directory_removed),
                cmocka_unit_test(test_passed),
        };

        return run_group(tests, ELEMENTSOF(tests));
}
