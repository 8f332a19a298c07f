/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/application.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/url.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

#define LETTERS_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define WORD           LETTERS_DIGITS "-_"

bool application_instance_is_valid(const char *name) {
        size_t application = strspn(name, WORD), instance;

        if (application == 0 || name[application] != '@')
                return false;
        instance = strspn(name + application + 1, WORD);
        return instance > 0 && streq(name + application + 1 + instance, ".service");
}

#define BLANKS " \t\n"

/* Reads one word from *p on into word, which has room for all of it; -EINVAL when a quote is not closed. */
static int split_word(const char **p, bool quotes, char *word) {
        char quote = 0;

        for (; **p && (quote || !strchr(BLANKS, **p)); (*p)++) {
                if (quote && **p == quote)
                        quote = 0;
                else if (quotes && !quote && (**p == '\'' || **p == '"'))
                        quote = **p;
                else if (quotes && **p == '\\' && quote != '\'' && (*p)[1])
                        *word++ = *++(*p);
                else
                        *word++ = **p;
        }
        *word = 0;
        return quote ? -EINVAL : 0;
}

static int split_words(const char *command, bool quotes, char ***ret) {
        _cleanup_strv_free_ char **l = NULL;
        _cleanup_free_ char *word = NULL;
        int r;

        word = mem_new(char, strlen(command) + 1);
        if (!word)
                return -ENOMEM;
        for (const char *p = command + strspn(command, BLANKS); *p; p += strspn(p, BLANKS)) {
                r = split_word(&p, quotes, word);
                if (r < 0)
                        return r;
                r = strv_extend(&l, word);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

/* Manifests were written for an agent that knows no quotes: an apostrophe in one has to go on being one. */
int application_split_command(const char *command, char ***ret) {
        int r;

        r = split_words(command, true, ret);
        if (r != -EINVAL)
                return r;
        r = split_words(command, false, ret);
        return r < 0 ? r : 1;
}

int application_get_program(const ConfigApplication *a, char **ret) {
        _cleanup_strv_free_ char **argv = NULL;
        char **word;
        int r;

        r = application_split_command(strempty(a->command), &argv);
        if (r < 0)
                return r;
        word = argv && strstr(argv[0], "waypipe") && argv[1] ? argv + 1 : argv;
        *ret = word ? strdup(*word) : NULL;
        return word && !*ret ? -ENOMEM : 0;
}

static bool is_flag(_unused_ const ConfigApplication *a, const char *arg) {
        const char *p = startswith(arg, "-");

        if (!p)
                return false;
        if (*p == '-')
                p++;
        return *p && p[strspn(p, WORD)] == 0;
}

/* Absolute, without "//", "." and ".." components and without a slash at the end. */
static bool path_is_clean(const char *path) {
        for (const char *p = path; *p; p += strcspn(p, "/")) {
                size_t n;

                if (*p++ != '/')
                        return false;
                n = strcspn(p, "/");
                if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
                        return false;
        }
        return *path == '/';
}

/* The part of the path behind the directory, or NULL when it is not below it: "/home/u" does not hold "/home/user2". */
static const char *path_below(const char *path, const char *directory) {
        size_t n = strlen(directory);

        while (n > 0 && directory[n - 1] == '/')
                n--;
        return strncmp(path, directory, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

/* Step by step, and no step may be a link. */
static bool exists_beneath_without_links(int dir, const char *name) {
        _cleanup_close_ int at = fcntl(dir, F_DUPFD_CLOEXEC, 3);

        while (at >= 0 && *name) {
                size_t n = strcspn(name, "/");
                char part[NAME_MAX + 1];
                struct stat st;
                int next;

                if (n > NAME_MAX)
                        return false;
                memcpy(part, name, n);
                part[n] = 0;
                next = openat(at, part, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                (void) fd_close(at);
                at = next;
                if (at < 0 || fstat(at, &st) < 0 || S_ISLNK(st.st_mode))
                        return false;
                name += n + (name[n] == '/');
        }
        return at >= 0;
}

/* The kernel resolves the name and refuses each step that would leave the directory, so no link that is made
 * meanwhile leads out of it. Where a filter keeps that system call from us (RestrictSUIDSGID= does), links lead
 * nowhere. */
static bool exists_beneath(const char *directory, const char *name) {
        const struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
        _cleanup_close_ int dir = -EBADF, fd = -EBADF;

        dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return false;
        fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));
        if (fd < 0 && (errno == ENOSYS || errno == EPERM))
                return exists_beneath_without_links(dir, name);
        return fd >= 0;
}

static bool is_url(_unused_ const ConfigApplication *a, const char *arg) {
        return url_is_permitted(arg);
}

static bool is_file(const ConfigApplication *a, const char *arg) {
        if (!path_is_clean(arg) || arg[strspn(arg, WORD "/. ()[]{}")] != 0)
                return false;
        STRV_FOREACH(directory, a->directories) {
                const char *name = **directory == '/' ? path_below(arg, *directory) : NULL;

                if (name && exists_beneath(*directory, name))
                        return true;
        }
        return false;
}

static const struct {
        const char *name;
        bool (*check)(const ConfigApplication *a, const char *arg);
} kinds[] = {
        { "flag", is_flag },
        { "file", is_file },
        { "url", is_url },
};

bool application_kind_is_known(const char *kind) {
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (streq(kinds[i].name, kind))
                        return true;
        return false;
}

static bool arg_is_permitted(const ConfigApplication *a, const char *arg) {
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (strv_contains(a->args, kinds[i].name) && kinds[i].check(a, arg))
                        return true;
        return false;
}

static char *join_kinds(const ConfigApplication *a) {
        _cleanup_free_ char *text = NULL;

        STRV_FOREACH(kind, a->args)
                if (str_extend(&text, " or ", "%s", *kind) < 0)
                        return NULL;
        return text ? TAKE_PTR(text) : strdup("none");
}

static int refuse_arg(const ConfigApplication *a, const char *arg, char **reterr) {
        _cleanup_free_ char *permitted = join_kinds(a);

        if (!permitted)
                return -ENOMEM;
        *reterr = strf("Argument '%s' is not one that application '%s' takes (%s).", arg, a->name, permitted);
        return *reterr ? -EINVAL : -ENOMEM;
}

int application_check_args(const ConfigApplication *a, char *const *args, size_t n, char **reterr) {
        if (n > APPLICATION_ARGS_MAX) {
                *reterr = strf("%zu arguments are too many: application '%s' can be given %i.", n, a->name,
                                APPLICATION_ARGS_MAX);
                return *reterr ? -E2BIG : -ENOMEM;
        }
        for (size_t i = 0; i < n; i++) {
                if (strlen(args[i]) > APPLICATION_ARG_SIZE_MAX) {
                        *reterr = strf("Argument %zu is too long: application '%s' can be given %i bytes.", i + 1,
                                        a->name, APPLICATION_ARG_SIZE_MAX);
                        return *reterr ? -E2BIG : -ENOMEM;
                }
                if (!str_is_printable(args[i])) {
                        *reterr = strf("Argument %zu holds characters that cannot be printed.", i + 1);
                        return *reterr ? -EINVAL : -ENOMEM;
                }
                if (!arg_is_permitted(a, args[i]))
                        return refuse_arg(a, args[i], reterr);
        }
        return 0;
}
