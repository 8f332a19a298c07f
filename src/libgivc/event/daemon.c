/* SPDX-License-Identifier: Apache-2.0 */
#include "event/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

/* The journal's macros would add this file and line to every message. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

#define JOURNAL_FIELDS_MAX 16

struct Daemon {
        sd_event *event;
        DaemonHooks hooks;
        void *userdata;
        char *status;
        sd_event_source *status_timer; /* exists while the service manager has a rest from new ones */
        bool status_pending;
        char **fd_names; /* names of fds[0 …], in order */
        int *fds;        /* -EBADF once taken */
        size_t n_fds;
        bool stopping;
        sd_event_source *stop_timer;
};

/* sd_journal_sendv(3) wants "KEY=value" strings; what does not fit or cannot be allocated is left out, not the
 * message. */
static void log_to_journal(int level, const LogField *fields, const char *text) {
        char *strings[JOURNAL_FIELDS_MAX];
        struct iovec iov[JOURNAL_FIELDS_MAX];
        int n = 0;

        strings[n++] = strf("PRIORITY=%i", level);
        strings[n++] = strf("MESSAGE=%s", text);
        for (; fields && fields->key && n < JOURNAL_FIELDS_MAX; fields++)
                if (fields->value)
                        strings[n++] = strf("%s=%s", fields->key, fields->value);
        for (int i = 0; i < n; i++)
                iov[i] = (struct iovec){ .iov_base = (char *) strempty(strings[i]),
                        .iov_len = strlen(strempty(strings[i])) };
        (void) sd_journal_sendv(iov, n);
        for (int i = 0; i < n; i++)
                free(strings[i]);
}

/* The service manager names the device and inode of the stream that it connected to our standard error; see
 * systemd.exec(5), $JOURNAL_STREAM. */
static bool stderr_is_journal(void) {
        const char *e = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;

        return e && sscanf(e, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
                        st.st_dev == device && st.st_ino == inode;
}

static int daemon_pick_up_fds(Daemon *d) {
        int n, r;

        n = sd_listen_fds_with_names(true, &d->fd_names);
        if (n <= 0)
                return n;
        d->fds = mem_new(int, n);
        if (!d->fds)
                return -ENOMEM;
        for (int i = 0; i < n; i++) {
                d->fds[i] = SD_LISTEN_FDS_START + i;
                d->n_fds++;
                r = fd_prepare(d->fds[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int on_stop_timeout(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        log_warning("Not everything has ended in time; exiting all the same");
        daemon_exit(userdata, 0);
        return 0;
}

static int on_stop_signal(_unused_ sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        Daemon *d = userdata;

        log_debug("Received signal %u from process %u", si->ssi_signo, si->ssi_pid);
        if (d->stopping || !d->hooks.stop) {
                daemon_exit(d, 0);
                return 0;
        }
        d->stopping = true;
        (void) sd_notify(false, "STOPPING=1");
        if (sd_event_add_time_relative(d->event, &d->stop_timer, CLOCK_MONOTONIC, DAEMON_STOP_USEC, USEC_PER_MSEC,
                            on_stop_timeout, d) < 0)
                daemon_exit(d, 0);
        else
                d->hooks.stop(d->userdata);
        return 0;
}

static int on_reload_signal(_unused_ sd_event_source *s, _unused_ const struct signalfd_siginfo *si, void *userdata) {
        Daemon *d = userdata;

        (void) sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long) time_now(CLOCK_MONOTONIC));
        if (d->hooks.reload)
                d->hooks.reload(d->userdata);
        daemon_ready(d);
        return 0;
}

static int daemon_add_signals(Daemon *d) {
        static const struct {
                int signal;
                sd_event_signal_handler_t handler;
        } signals[] = {
                { SIGTERM, on_stop_signal },
                { SIGINT, on_stop_signal },
                { SIGHUP, on_reload_signal },
        };
        sigset_t set;
        int r;

        if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || sigemptyset(&set) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void) sigaddset(&set, signals[i].signal);
        /* Before gRPC starts its threads, which inherit the mask. */
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                r = sd_event_add_signal(d->event, NULL, signals[i].signal, signals[i].handler, d);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Nothing here uses select(2), so the low soft limit that is there for its sake need not hold us back; the hard one is
 * the administrator's word. See systemd.exec(5), LimitNOFILE=. */
static void daemon_raise_fd_limit(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        limit.rlim_cur = limit.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &limit);
}

int daemon_new(const DaemonHooks *hooks, void *userdata, Daemon **ret) {
        _cleanup_(daemon_freep) Daemon *d = NULL;
        int r;

        d = mem_new0(Daemon, 1);
        if (!d)
                return -ENOMEM;
        if (hooks)
                d->hooks = *hooks;
        d->userdata = userdata;
        if (stderr_is_journal())
                log_set_sink(log_to_journal);
        daemon_raise_fd_limit();
        r = daemon_pick_up_fds(d);
        if (r < 0)
                return r;
        r = sd_event_default(&d->event);
        if (r < 0)
                return r;
        r = sd_event_set_watchdog(d->event, true);
        if (r < 0)
                return r;
        r = daemon_add_signals(d);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

Daemon *daemon_free(Daemon *d) {
        if (!d)
                return NULL;
        for (size_t i = 0; i < d->n_fds; i++)
                (void) fd_close(d->fds[i]);
        free(d->fds);
        strv_free(d->fd_names);
        free(d->status);
        sd_event_source_disable_unref(d->stop_timer);
        sd_event_source_disable_unref(d->status_timer);
        sd_event_unref(d->event);
        free(d);
        return NULL;
}

sd_event *daemon_get_event(Daemon *d) {
        return d->event;
}

int daemon_take_fds(Daemon *d, const char *name, int **ret_fds) {
        _cleanup_free_ int *fds = NULL;
        int n = 0;

        fds = mem_new(int, d->n_fds);
        if (!fds)
                return -ENOMEM;
        for (size_t i = 0; i < d->n_fds; i++)
                if (d->fds[i] >= 0 && (streq(name, "*") || streq(name, d->fd_names[i])))
                        fds[n++] = TAKE_FD(d->fds[i]);
        *ret_fds = TAKE_PTR(fds);
        return n;
}

static void daemon_send_status(Daemon *d);

static int on_status_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        Daemon *d = userdata;

        d->status_timer = sd_event_source_disable_unref(d->status_timer);
        if (d->status_pending)
                daemon_send_status(d);
        return 0;
}

/* sd_notify(3) waits while the service manager's queue is full. False when it is. */
static bool status_send(const char *status) {
        _cleanup_free_ char *text = strf("STATUS=%s", status);
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        const char *path = getenv("NOTIFY_SOCKET");
        _cleanup_close_ int fd = -EBADF;
        size_t n = path ? strlen(path) : 0;

        if (!text || n < 2 || n >= sizeof(sa.sun_path) || (path[0] != '/' && path[0] != '@'))
                return true;
        memcpy(sa.sun_path, path, n);
        if (path[0] == '@')
                sa.sun_path[0] = 0;
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        return fd < 0 ||
                        sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *) &sa,
                                        offsetof(struct sockaddr_un, sun_path) + n) >= 0 ||
                        errno != EAGAIN;
}

/* Peers can make any number of changes: the service manager and the loop have a rest from them. */
static void daemon_send_status(Daemon *d) {
        d->status_pending = d->status_timer || !status_send(d->status);
        if (!d->status_timer)
                (void) sd_event_add_time_relative(d->event, &d->status_timer, CLOCK_MONOTONIC, DAEMON_STATUS_USEC,
                                USEC_PER_MSEC, on_status_timer, d);
}

static void daemon_flush_status(Daemon *d) {
        d->status_timer = sd_event_source_disable_unref(d->status_timer);
        if (d->status_pending)
                daemon_send_status(d);
}

void daemon_ready(Daemon *d) {
        daemon_flush_status(d);
        (void) sd_notify(false, "READY=1");
}

void daemon_set_status(Daemon *d, const char *fmt, ...) {
        _cleanup_free_ char *status = NULL;
        va_list ap;

        va_start(ap, fmt);
        status = strvf(fmt, ap);
        va_end(ap);
        if (!status || streq_ptr(d->status, status))
                return;
        free(d->status);
        d->status = TAKE_PTR(status);
        daemon_send_status(d);
}

int daemon_store_fd(_unused_ Daemon *d, const char *name, int fd) {
        _cleanup_free_ char *state = NULL;
        int r;

        state = strf("FDSTORE=1\nFDNAME=%s", name);
        if (!state)
                return -ENOMEM;
        r = sd_pid_notify_with_fds(0, false, state, &fd, 1);
        return r < 0 ? r : 0;
}

int daemon_run(Daemon *d) {
        int r;

        r = sd_event_loop(d->event);
        daemon_flush_status(d);
        if (!d->stopping)
                (void) sd_notify(false, "STOPPING=1");
        return r;
}

void daemon_exit(Daemon *d, int code) {
        if (code < 0)
                (void) sd_notifyf(false, "ERRNO=%i", -code);
        (void) sd_event_exit(d->event, code);
}

bool daemon_is_stopping(const Daemon *d) {
        return d->stopping;
}
