/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/pager.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"

static struct {
        pid_t pid;    /* 0: none */
        int terminal; /* what standard output was */
} pager;

int pager_get_terminal(void) {
        return pager.pid > 0 ? pager.terminal : STDOUT_FILENO;
}

/* Who got privileges for this command only must not get a shell out of the pager: 1, or 0; as systemd's tools tell. */
static int pager_find_secure(bool *ret_said) {
        int said = parse_boolean(strempty(getenv("GIVC_PAGERSECURE")));
        uid_t owner;

        *ret_said = said >= 0;
        if (said >= 0)
                return said;
        if (getuid() != geteuid() || getenv("SUDO_UID") || getenv("PKEXEC_UID"))
                return 1;
        return sd_pid_get_owner_uid(0, &owner) >= 0 && owner != geteuid();
}

/* The command that the user wants, "" for none, NULL when he does not say. A command is not taken from the environment
 * of somebody with fewer privileges. */
static const char *pager_find_command(bool trusted) {
        const char *command = getenv("GIVC_PAGER");

        if (!command)
                command = getenv("PAGER");
        if (!command || streq(command, "") || streq(command, "cat"))
                return command ? "" : NULL;
        return trusted ? command : NULL;
}

/* Ours go before what the environment has of the same name. */
static int pager_environment(bool secure, char ***ret) {
        static const char *const names[] = { "LESS=", "LESSSECURE=", "LESSCHARSET=" };
        _cleanup_strv_free_ char **env = NULL;
        int r;

        /* Quit when all fits, colours, no wrapping, leave the screen as it is, quit on Ctrl-C, show the position. */
        r = strv_extend(&env, "LESS=FRSXMK");
        if (r >= 0)
                r = strv_extend(&env, "LESSCHARSET=utf-8");
        if (r >= 0 && secure)
                r = strv_extend(&env, "LESSSECURE=1");
        for (char **e = environ; *e && r >= 0; e++) {
                bool ours = false;

                for (size_t i = 0; i < ELEMENTSOF(names); i++)
                        ours = ours || startswith(*e, names[i]);
                if (!ours)
                        r = strv_extend(&env, *e);
        }
        if (r >= 0)
                *ret = TAKE_PTR(env);
        return r;
}

/* Signals are the loop's; a pager wants its own. */
static int pager_spawn(const char *command, int input, char **env, pid_t *ret) {
        char *shell[] = { (char *) "sh", (char *) "-c", (char *) command, NULL }, *less[] = { (char *) "less", NULL };
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attributes;
        sigset_t none, piped;
        int r;

        sigemptyset(&none);
        sigemptyset(&piped);
        sigaddset(&piped, SIGPIPE);
        r = posix_spawn_file_actions_init(&files);
        if (r != 0)
                return -r;
        r = posix_spawnattr_init(&attributes);
        if (r != 0) {
                posix_spawn_file_actions_destroy(&files);
                return -r;
        }
        (void) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        (void) posix_spawnattr_setsigmask(&attributes, &none);
        (void) posix_spawnattr_setsigdefault(&attributes, &piped);
        r = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
        if (r == 0 && command)
                r = posix_spawn(ret, "/bin/sh", &files, &attributes, shell, env);
        else if (r == 0)
                r = posix_spawnp(ret, "less", &files, &attributes, less, env);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&files);
        return -r;
}

static void pager_connect(const char *command, char **env) {
        int fds[2], terminal;
        pid_t pid = 0;

        terminal = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        if (terminal < 0)
                return;
        if (pipe2(fds, O_CLOEXEC) < 0) {
                close(terminal);
                return;
        }
        (void) fflush(stdout);
        if (pager_spawn(command, fds[0], env, &pid) >= 0 && dup2(fds[1], STDOUT_FILENO) >= 0) {
                pager.pid = pid;
                pager.terminal = terminal;
        } else
                close(terminal);
        close(fds[0]);
        close(fds[1]);
}

void pager_open(const Options *o) {
        _cleanup_strv_free_ char **env = NULL;
        const char *term = getenv("TERM"), *command;
        bool said, secure;

        if (pager.pid > 0 || o->no_pager || o->reference || !isatty(STDOUT_FILENO) || isempty(term) ||
                        streq(term, "dumb"))
                return;
        secure = pager_find_secure(&said);
        command = pager_find_command(!secure || said);
        if (command && isempty(command))
                return;
        if (pager_environment(secure, &env) >= 0)
                pager_connect(command, env);
}

bool pager_close(void) {
        bool left;

        if (pager.pid <= 0)
                return false;
        left = fflush(stdout) != 0 || ferror(stdout);
        __fpurge(stdout); /* what was not written is not for the terminal */
        clearerr(stdout);
        (void) dup2(pager.terminal, STDOUT_FILENO); /* the pager's input ends */
        close(pager.terminal);
        (void) TEMP_FAILURE_RETRY(waitpid(pager.pid, NULL, 0));
        pager.pid = 0;
        return left;
}
