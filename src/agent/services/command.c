/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/services/command.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/environment.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

/* About the caller's language and terminal, and harmless as long as they name no file and are no format: programs put
 * them into paths and into printf(3). */
static const char *const harmless[] = { "COLORTERM", "LANG", "LANGUAGE", "LC_*", "NO_COLOR", "TERM" };

/* By these a caller would choose what a permitted program executes: where the loader, shells and interpreters find it,
 * and what they run first. Most are those that sudo(8) drops. */
static const char *const steering[] = { "PATH", "IFS", "CDPATH", "LD_*", "DYLD_*", "GCONV_PATH", "GLIBC_TUNABLES",
        "LOCPATH", "NLSPATH", "HOSTALIASES", "RESOLV_*", "RES_OPTIONS", "LOCALDOMAIN", "TERMINFO*", "TERMCAP",
        "TERMPATH", "ENV", "BASH*", "SHELL*", "PS4", "PROMPT_COMMAND", "ZDOTDIR", "FPATH", "NULLCMD", "READNULLCMD",
        "PYTHON*", "PERL*", "RUBY*", "NODE_*", "LUA_*", "JAVA_*", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "OPENSSL_*",
        "GNUTLS_*", "SSL_*", "GIT_*", "NIX_*", "SSH_*", "GIO_*", "G_*", "GTK_*", "QT_*", "GST_*", "HOME", "TMPDIR",
        "XDG_*", "DBUS_*", "SYSTEMD_*", "PAGER", "LESS*", "MORE", "EDITOR", "VISUAL", "BROWSER" };

void command_done(Command *c) {
        strv_free(c->argv);
        free(c->environment);
        free(c->description);
        (void) fd_close(c->environment_fd);
}

/* The service manager writes it into the unit's file as it is: behind the end of a line would be a setting of its own,
 * which it obeys once it reads its files again. */
static int check_path(const char *what, const char *path, RpcStatus *reterr) {
        if (path[0] == '/' && str_is_printable(path))
                return 0;
        return rpc_error(reterr, RPC_INVALID_ARGUMENT, "%s '%s' is not an absolute path.", what, path);
}

/* KEY="value", in which a backslash takes what follows for itself. */
static int append_variable(Command *c, const char *name, const char *value) {
        size_t before = strlen(strempty(c->environment)), n = before + strlen(name) + 2 * strlen(value) + 5;
        char *p = realloc(c->environment, n);

        if (!p)
                return -ENOMEM;
        c->environment = p;
        p = stpcpy(stpcpy(p + before, name), "=\"");
        for (; *value; value++) {
                if (strchr("\"\\`$", *value))
                        *p++ = '\\';
                *p++ = *value;
        }
        (void) strcpy(p, "\"\n");
        return 0;
}

static bool name_is_among(const char *name, const char *const *patterns, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (environment_name_matches(name, patterns[i]))
                        return true;
        return false;
}

/* A list of what is dangerous is never whole: a permitted program obeys variables that only its author knows. So a
 * configuration that says which there may be is obeyed to the letter. Without one, callers set what they could set with
 * the system before this one, but for what is known to steer programs. */
static int check_variable(const Config *config, const char *name, const char *value, RpcStatus *reterr) {
        if (isempty(name) || name[environment_name_length(name)])
                return rpc_error(
                                reterr, RPC_INVALID_ARGUMENT, "'%s' is not the name of an environment variable.", name);
        if (name_is_among(name, harmless, ELEMENTSOF(harmless)))
                return !strpbrk(value, "/%") ? 0
                                             : rpc_error(reterr, RPC_INVALID_ARGUMENT,
                                                               "Variable '%s' may have no '/' or '%%' in it.", name);
        if (!config->exec_environment)
                return !name_is_among(name, steering, ELEMENTSOF(steering))
                                ? 0
                                : rpc_error(reterr, RPC_PERMISSION_DENIED,
                                                  "Variable '%s' would choose what else the command executes; "
                                                  "capabilities.exec.environment may permit it.",
                                                  name);
        STRV_FOREACH(pattern, config->exec_environment)
                if (environment_name_matches(name, *pattern))
                        return 0;
        return rpc_error(reterr, RPC_PERMISSION_DENIED,
                        "Variable '%s' is not one that callers may set here: capabilities.exec.environment has those.",
                        name);
}

static int add_variable(Command *c, const Config *config, const char *name, const char *value, RpcStatus *reterr) {
        int r = check_variable(config, name, value, reterr);

        return r < 0 ? r : append_variable(c, name, value);
}

static int add_environment(Command *c, const Exec__StartCommand *start, const Config *config, RpcStatus *reterr) {
        if (start->n_envvars > COMMAND_VARIABLES_MAX)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "%zu environment variables are too many: %i can be set.",
                                start->n_envvars, COMMAND_VARIABLES_MAX);
        for (size_t i = 0; i < start->n_envvars; i++) {
                int r = add_variable(c, config, start->envvars[i]->key, start->envvars[i]->value, reterr);

                if (r < 0)
                        return r;
        }
        return start->terminal && !isempty(start->terminal->type)
                        ? add_variable(c, config, "TERM", start->terminal->type, reterr)
                        : 0;
}

static int make_environment_file(Command *c) {
        size_t n = strlen(strempty(c->environment));
        int r;

        if (n == 0)
                return 0;
        c->environment_fd = memfd_create("environment", MFD_CLOEXEC);
        if (c->environment_fd < 0)
                return -errno;
        r = fd_write_all(c->environment_fd, c->environment, n);
        if (r < 0)
                return r;
        (void) snprintf(c->environment_path, sizeof(c->environment_path), "/proc/%d/fd/%d", (int) getpid(),
                        c->environment_fd);
        return 0;
}

static int add_arguments(Command *c, const Exec__StartCommand *start, RpcStatus *reterr) {
        int r;

        if (start->n_arguments > COMMAND_ARGUMENTS_MAX)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "%zu arguments are too many: a command can be given %i.",
                                start->n_arguments, COMMAND_ARGUMENTS_MAX);
        r = strv_extend(&c->argv, start->command);
        for (size_t i = 0; r >= 0 && i < start->n_arguments; i++)
                r = strv_extend(&c->argv, start->arguments[i]);
        return r;
}

int command_from_request(Command *ret, const Exec__StartCommand *start, const Config *config, RpcStatus *reterr) {
        _cleanup_(command_done) Command c = COMMAND_NONE;
        const char *role = start->has_role_case ? start->role : NULL;
        int r;

        if (isempty(start->command))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "There is no command to run.");
        if (!strv_contains(config->exec_commands, start->command))
                return rpc_error(reterr, RPC_PERMISSION_DENIED, "Command '%s' is not one that this agent runs.",
                                start->command);
        r = add_arguments(&c, start, reterr);
        if (r < 0)
                return r;
        r = add_environment(&c, start, config, reterr);
        if (r < 0)
                return r;
        if (start->has_working_directory_case) {
                r = check_path("Working directory", start->workingdirectory, reterr);
                if (r < 0)
                        return r;
                c.run.working_directory = start->workingdirectory;
        }
        r = make_environment_file(&c);
        if (r < 0)
                return r;
        c.description = strf("Command %s", start->command);
        if (!c.description)
                return -ENOMEM;
        c.run.description = c.description;
        c.run.user = isempty(role) ? NULL : role;
        c.run.argv = c.argv;
        c.run.literal = true;
        *ret = c;
        c = (Command) COMMAND_NONE;
        ret->run.environment_file = ret->environment ? ret->environment_path : NULL;
        return 0;
}
