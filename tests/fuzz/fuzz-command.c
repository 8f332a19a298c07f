/* SPDX-License-Identifier: Apache-2.0 */
/* Any line as a command, any words as an application's arguments: words survive being quoted, and an argument that is
 * permitted is a flag or the name of something below the directory. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/application.h"
#include "agent/config.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "words.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[] = "/tmp/givc-fuzz-XXXXXX", *resolved;
static int fd;

static void make_file(const char *name) {
        int file = openat(fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

        check(file >= 0 && close(file) == 0);
}

static void remove_tree(void) {
        static const char *const files[] = { "a", "s/b", "o", "l" };

        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                (void) unlinkat(fd, files[i], 0);
        (void) unlinkat(fd, "s", AT_REMOVEDIR);
        (void) rmdir(directory);
}

/* It holds a, s/b, a link out of it, and one within. */
int LLVMFuzzerInitialize(_unused_ int *argc, _unused_ char ***argv) {
        check(mkdtemp(directory));
        fd = open(directory, O_DIRECTORY | O_CLOEXEC);
        check(fd >= 0 && atexit(remove_tree) == 0 && mkdirat(fd, "s", 0755) == 0);
        make_file("a");
        make_file("s/b");
        check(symlinkat("/", fd, "o") == 0 && symlinkat("s/b", fd, "l") == 0);
        resolved = realpath(directory, NULL);
        check(resolved);
        return 0;
}

static void check_split(const char *command) {
        _cleanup_strv_free_ char **words = NULL, **again = NULL;
        _cleanup_free_ char *line = strdup("");
        size_t i = 0;
        int r;

        r = application_split_command(command, &words);
        check(r == 0 || r == 1);
        STRV_FOREACH(word, words) {
                char *longer;

                if (strchr(*word, '\''))
                        return; /* cannot stand in '…' */
                longer = strf("%s '%s'", line, *word);
                check(longer);
                free(line);
                line = longer;
        }
        check(application_split_command(line, &again) == 0);
        check(strv_length(again) == strv_length(words));
        STRV_FOREACH(word, again)
                check(streq(*word, words[i++]));
}

static bool is_flag(const char *arg) {
        size_t dashes = strspn(arg, "-");

        for (const char *p = arg; *p; p++)
                if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *p))
                        return false;
        return dashes > 0 && strlen(arg) > MIN(dashes, (size_t) 2);
}

static bool is_below(const char *arg) {
        char path[PATH_MAX];
        const char *rest;

        if (!realpath(arg, path))
                return false;
        rest = startswith(path, resolved);
        return rest && (*rest == '/' || !*rest);
}

static void check_args(bool flags, bool files, char **args, size_t n) {
        char *kinds[3] = {}, *directories[] = { directory, NULL };
        ConfigApplication a = { .name = (char *) "app", .args = kinds, .directories = directories };
        _cleanup_free_ char *error = NULL;
        int n_kinds = 0, r;

        if (flags)
                kinds[n_kinds++] = (char *) "flag";
        if (files)
                kinds[n_kinds++] = (char *) "file";
        r = application_check_args(&a, args, n, &error);
        if (r < 0) {
                check((r == -EINVAL || r == -E2BIG) && !isempty(error));
                return;
        }
        check(!error);
        for (size_t i = 0; i < n; i++)
                check((flags && is_flag(args[i])) || (files && is_below(args[i])));
}

/* A word that begins with '@' stands for one below the directory, whose name is another in each run. */
static void name_files(Words *w) {
        for (size_t i = 1; i < w->n; i++) {
                char *word = w->words[i];

                if (word[0] != '@')
                        continue;
                w->words[i] = strf("%s/%s", directory, word + 1);
                check(w->words[i]);
                free(word);
        }
}

/* The first byte: the kinds that it takes. Then lines: the command, and its arguments. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(words_done) Words w = {};

        if (size < 1)
                return 0;
        w = words_split(data + 1, size - 1);
        name_files(&w);
        check_split(w.words[0]);
        check_args(data[0] & 1, data[0] & 2, w.words + 1, w.n - 1);
        return 0;
}
