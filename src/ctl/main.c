/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl: reads the command line, runs the loop, lets the verb run in a fiber on it, and says how it ended. */
#include <locale.h>
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctl/completion.h"
#include "ctl/detach.h"
#include "ctl/help.h"
#include "ctl/output.h"
#include "ctl/pager.h"
#include "ctl/terminal.h"
#include "ctl/verbs.h"
#include "event/fiber.h"

typedef struct Run {
        Ctl ctl;
        sd_event *event;
        CtlExit exit;
} Run;

static int run_verb_wait(void *userdata) {
        Run *run = userdata;
        Ctl *ctl = &run->ctl;
        size_t n;
        char **words = verb_get_rest(ctl->verb, &ctl->options, &n);

        run->exit = ctl->verb->func(ctl, words, n);
        task_group_free(ctl->detached);
        ctl->detached = NULL;
        return sd_event_exit(run->event, 0);
}

static int on_interrupt(_unused_ sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        Run *run = userdata;

        run->ctl.interrupted = (int) si->ssi_signo;
        fiber_cancel(run->ctl.fiber);
        return 0;
}

/* Before gRPC makes its threads, so that they inherit the mask and the loop alone gets the signals. */
static int run_watch_signals(Run *run) {
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
        sigset_t set;
        int r = 0;

        sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaddset(&set, signals[i]);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(signals) && r >= 0; i++)
                r = sd_event_add_signal(run->event, NULL, signals[i], on_interrupt, run);
        return r;
}

/* Servers of updates have nothing to do with the admin, which may be out of reach. */
static bool asks_admin(const Ctl *ctl) {
        return !(ctl->verb->flags & VERB_WEB);
}

static int run_loop(Run *run, char **reterr) {
        Ctl *ctl = &run->ctl;
        usec_t timeout = ctl->options.timeout_usec > 0 ? ctl->options.timeout_usec : ctl->verb->timeout_usec;
        int r;

        r = asks_admin(ctl) ? client_resolve(&ctl->options.address, reterr) : 0;
        if (r < 0)
                return r;
        if (ctl->options.no_block) {
                r = detach_fork(&ctl->detach_fd, &run->exit);
                if (r != 0)
                        return r;
        }
        r = sd_event_default(&run->event);
        if (r < 0)
                return r;
        r = run_watch_signals(run);
        if (r < 0)
                return r;
        if (ctl->options.terminal) {
                r = terminal_block_resize();
                if (r < 0)
                        return r;
        }
        r = asks_admin(ctl) ? client_new(run->event, &ctl->options, timeout, &ctl->client, reterr) : 0;
        if (r < 0)
                return r;
        r = fiber_start(&ctl->fiber, run_verb_wait, run);
        if (r < 0)
                return r;
        return sd_event_loop(run->event);
}

static CtlExit run_options(Run *run) {
        _cleanup_free_ char *error = NULL;
        int r;

        r = run_loop(run, &error);
        run->ctl.client = client_free(run->ctl.client);
        sd_event_unref(run->event);
        if (r >= 0)
                return run->exit;
        fprintf(stderr, "%sFailed to %s: %s.\n", run->ctl.options.reference ? "Error: " : "", run->ctl.verb->name,
                        error ? error : strerror(-r));
        if (run->ctl.options.reference)
                return CTL_FAILED;
        return r == -EHOSTUNREACH ? CTL_UNREACHABLE : r == -EACCES || r == -EPERM ? CTL_NO_PERMISSION : CTL_FAILED;
}

static CtlExit run_command_line(Run *run, int argc, char **argv) {
        _cleanup_free_ char *error = NULL;
        Options *o = &run->ctl.options;
        char **words;
        size_t n;
        CtlExit e;

        if (options_parse(argc, argv, o, &error) < 0)
                return ctl_usage("%s", error ? error : "The command line is wrong.");
        if (o->help || o->help_all)
                return help_show(o);
        if (o->version) {
                puts("givcctl " GIVC_VERSION);
                return CTL_OK;
        }
        if (o->completion) {
                if (completion_print(stdout, o->completion) >= 0)
                        return CTL_OK;
                return ctl_usage("--completion=%s is none of bash, zsh and fish.", o->completion);
        }
        e = verb_from_options(o, &run->ctl.verb);
        if (e != CTL_OK)
                return e;
        words = verb_get_rest(run->ctl.verb, o, &n);
        if (run->ctl.verb->flags & VERB_LOCAL || (run->ctl.verb->flags & VERB_LOCAL_NAMES && n > 0))
                return run->ctl.verb->func(&run->ctl, words, n);
        if (asks_admin(&run->ctl) && options_find_admin(o, &error) < 0)
                return ctl_usage("%s", error ? error : "The command line is wrong.");
        return run_options(run);
}

/* Shells and scripts tell a command that was interrupted from one that failed by the signal that ended it. */
static void die_of(int signo) {
        sigset_t set;

        (void) signal(signo, SIG_DFL);
        sigemptyset(&set);
        sigaddset(&set, signo);
        (void) sigprocmask(SIG_UNBLOCK, &set, NULL);
        (void) raise(signo);
}

int main(int argc, char **argv) {
        const char *level = getenv("GIVC_LOG");
        Run run = { .ctl.detach_fd = -EBADF };
        CtlExit e;

        (void) setlocale(LC_CTYPE, "");
        (void) signal(SIGPIPE, SIG_IGN);
        log_set_level(LOG_WARNING);
        if (!isempty(level) && log_level_from_string(level) >= 0)
                log_set_level(log_level_from_string(level));
        e = run_command_line(&run, argc, argv);
        options_done(&run.ctl.options);
        free(run.ctl.remains);
        if (pager_close())
                e = e == CTL_FAILED ? CTL_OK : e;
        else if (fflush(stdout) != 0 && e == CTL_OK)
                e = CTL_FAILED;
        if (output_lost_its_reader())
                die_of(SIGPIPE);
        if (run.ctl.interrupted && e != CTL_OK)
                die_of(run.ctl.interrupted);
        return e;
}
