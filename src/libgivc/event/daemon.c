/* SPDX-License-Identifier: Apache-2.0 */
#include "event/daemon.h"

#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "event/log-target.h"
#include "event/notify.h"

#define HEAP_KEEP (512 * 1024) /* of freed memory; a message on its way takes less, and returning it takes longer */

struct Daemon {
        sd_event *event;
        DaemonHooks hooks;
        void *userdata;
        char *status;
        char *unsent; /* the last of READY, RELOADING and STOPPING; it says all that the ones before did */
        bool status_pending, ping_pending;
        sd_event_source *rest; /* exists while the service manager has a rest; then comes what is pending */
        sd_event_source *watchdog;
        usec_t watchdog_usec;
        char **fd_names; /* names of fds[0 …], in order */
        int *fds;        /* -EBADF once taken */
        size_t n_fds;
        bool stopping;
        sd_event_source *stop_timer;
};

/* What the service manager is told: at once, or as soon as its queue has room; it is never waited for. */

static int on_rest(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata);

static void daemon_rest(Daemon *d) {
        if (!d->rest)
                (void) sd_event_add_time_relative(
                                d->event, &d->rest, CLOCK_MONOTONIC, DAEMON_STATUS_USEC, USEC_PER_MSEC, on_rest, d);
}

static void daemon_notify(Daemon *d, const char *state) {
        _cleanup_free_ char *copy = NULL;

        if (notify_send(state, -EBADF, 0) == -EAGAIN) {
                copy = strdup(state);
                daemon_rest(d);
        }
        free(d->unsent);
        d->unsent = TAKE_PTR(copy);
}

/* Peers can make any number of changes: the service manager and the loop have a rest from them. */
static void daemon_send_status(Daemon *d) {
        _cleanup_free_ char *text = strf("STATUS=%s", d->status);

        d->status_pending = d->rest || (text && notify_send(text, -EBADF, 0) == -EAGAIN);
        daemon_rest(d);
}

static void daemon_ping(Daemon *d) {
        d->ping_pending = notify_send("WATCHDOG=1", -EBADF, 0) == -EAGAIN;
        if (d->ping_pending)
                daemon_rest(d);
}

static int on_rest(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        Daemon *d = userdata;
        _cleanup_free_ char *unsent = TAKE_PTR(d->unsent);

        d->rest = sd_event_source_disable_unref(d->rest);
        if (d->ping_pending)
                daemon_ping(d);
        if (unsent)
                daemon_notify(d, unsent);
        if (d->status_pending)
                daemon_send_status(d);
        return 0;
}

static void daemon_flush_status(Daemon *d) {
        if (!d->status_pending)
                return;
        d->rest = sd_event_source_disable_unref(d->rest);
        daemon_send_status(d);
}

static int on_watchdog(sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        Daemon *d = userdata;

        daemon_ping(d);
        return sd_event_source_set_time_relative(s, d->watchdog_usec / 2);
}

/* As sd_event_set_watchdog(3), which tells by sd_notify(3). */
static int daemon_add_watchdog(Daemon *d) {
        int r;

        r = sd_watchdog_enabled(false, &d->watchdog_usec);
        if (r <= 0)
                return r;
        r = sd_event_add_time_relative(d->event, &d->watchdog, CLOCK_MONOTONIC, d->watchdog_usec / 2,
                        d->watchdog_usec / 8, on_watchdog, d);
        return r < 0 ? r : sd_event_source_set_enabled(d->watchdog, SD_EVENT_ON);
}

void daemon_ready(Daemon *d) {
        daemon_flush_status(d);
        daemon_notify(d, "READY=1");
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
        daemon_notify(d, "STOPPING=1");
        if (sd_event_add_time_relative(d->event, &d->stop_timer, CLOCK_MONOTONIC, DAEMON_STOP_USEC, USEC_PER_MSEC,
                            on_stop_timeout, d) < 0)
                daemon_exit(d, 0);
        else
                d->hooks.stop(d->userdata);
        return 0;
}

static int on_reload_signal(_unused_ sd_event_source *s, _unused_ const struct signalfd_siginfo *si, void *userdata) {
        _cleanup_free_ char *state = strf("RELOADING=1\nMONOTONIC_USEC=%" PRIu64, time_now(CLOCK_MONOTONIC));
        Daemon *d = userdata;

        if (state)
                daemon_notify(d, state);
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
        log_target_open();
        daemon_raise_fd_limit();
        (void) mallopt(M_TRIM_THRESHOLD, HEAP_KEEP);
        r = daemon_pick_up_fds(d);
        if (r < 0)
                return r;
        r = sd_event_default(&d->event);
        if (r < 0)
                return r;
        r = daemon_add_watchdog(d);
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
        free(d->unsent);
        sd_event_source_disable_unref(d->stop_timer);
        sd_event_source_disable_unref(d->rest);
        sd_event_source_disable_unref(d->watchdog);
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

int daemon_store_fd(_unused_ Daemon *d, const char *name, int fd) {
        _cleanup_free_ char *state = NULL;
        int r;

        state = strf("FDSTORE=1\nFDNAME=%s", name);
        if (!state)
                return -ENOMEM;
        r = notify_send(state, fd, DAEMON_STORE_USEC);
        return r < 0 ? r : 0;
}

int daemon_run(Daemon *d) {
        int r;

        r = sd_event_loop(d->event);
        daemon_flush_status(d);
        if (!d->stopping)
                daemon_notify(d, "STOPPING=1");
        return r;
}

void daemon_exit(Daemon *d, int code) {
        _cleanup_free_ char *state = code < 0 ? strf("ERRNO=%i", -code) : NULL;

        if (state)
                (void) notify_send(state, -EBADF, 0);
        (void) sd_event_exit(d->event, code);
}

bool daemon_is_stopping(const Daemon *d) {
        return d->stopping;
}
