/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/policy-git.h"

#include <signal.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"
#include "bus/unit-collect.h"

#define OUTPUT_MAX   ((size_t) 64 * 1024 * 1024) /* of all policies together */
#define TASKS_MAX    32
#define MEMORY_MAX   (UINT64_C(512) * 1024 * 1024)
#define STOP_USEC    (2 * USEC_PER_SEC)
#define MANAGER_USEC (5 * USEC_PER_SEC) /* until we are connected to it */
#define COMMIT_MAX   64
#define DIRECTORY    "vm-policies/"

/* Nothing is left when it ends, so it fetches into a new repository, but only what is new, and only its last commit.
 * Arguments: URL, reference, the commit that is known, and the directories that matter. */
static const char script[] =
                "set -eu\n"
                "url=$1 ref=$2 known=$3\n"
                "shift 3\n"
                "there=$(git ls-remote --exit-code -- \"$url\" \"$ref\") || {\n"
                "        [ $? -ne 2 ] || echo \"there is no $ref\" >&2\n"
                "        exit 1\n"
                "}\n"
                "commit=${there%%[!0-9a-f]*}\n"
                "echo \"$commit\"\n"
                "[ \"$commit\" != \"$known\" ] || exit 0\n"
                "git init -q --bare /tmp/repository\n"
                "cd /tmp/repository\n"
                "git fetch -q --depth=1 --no-tags --no-write-fetch-head -- \"$url\" \"+$ref:refs/new\"\n"
                "git ls-tree -r --format='%(objectname) %(objectmode) %(path)' refs/new \"$@\" >/tmp/list\n"
                "git cat-file --batch='%(objecttype) %(objectsize) %(rest)' </tmp/list\n";

static const char *const environment[] = {
        "HOME=/tmp",
        "LC_ALL=C",
        "GIT_ALLOW_PROTOCOL=http:https:git",
        "GIT_ASKPASS=true",
        "GIT_CONFIG_NOSYSTEM=1",
        "GIT_LITERAL_PATHSPECS=1",
        "GIT_TERMINAL_PROMPT=0",
        NULL,
};

/* The next word of a line that ends in front of end; NULL when there is none. */
static const char *take_word(const char **p, const char *end, char *word, size_t size) {
        const char *space = memchr(*p, ' ', (size_t) (end - *p));

        if (!space || (size_t) (space - *p) >= size)
                return NULL;
        memcpy(word, *p, (size_t) (space - *p));
        word[space - *p] = 0;
        *p = space + 1;
        return word;
}

int policy_git_next(const uint8_t **p, size_t *size, GitFile *ret) {
        while (*size > 0) {
                const char *line = (const char *) *p, *end = memchr(line, '\n', *size);
                char type[16], digits[24], mode[16];
                uint64_t length;
                size_t rest;

                if (!end || !take_word(&line, end, type, sizeof(type)) ||
                                !take_word(&line, end, digits, sizeof(digits)) ||
                                !take_word(&line, end, mode, sizeof(mode)))
                        return -EBADMSG;
                rest = *size - (size_t) ((const uint8_t *) end + 1 - *p);
                if (parse_uint(digits, OUTPUT_MAX, &length) < 0 || length >= rest || end[1 + length] != '\n')
                        return -EBADMSG;
                *ret = (GitFile){ line, (size_t) (end - line), (const uint8_t *) end + 1, length };
                *p = ret->data + length + 1;
                *size = rest - length - 1;
                if (streq(type, "blob") && startswith(mode, "100"))
                        return 1;
        }
        return 0;
}

/* The file's name in the directory of that policy; NULL when it is not there, but below it or elsewhere. */
static char *file_of_policy(const GitFile *f, const char *policy) {
        _cleanup_free_ char *path = strndup(f->path, f->path_size);
        const char *file = path ? startswith(path, DIRECTORY) : NULL;

        file = file ? startswith(file, policy) : NULL;
        if (!file || file[0] != '/' || isempty(file + 1) || strchr(file + 1, '/'))
                return NULL;
        return strdup(file + 1);
}

static int set_policy_wait(PolicySource *s, Policy *policy, const uint8_t *p, size_t size, char **reterr) {
        _cleanup_free_ char *name = NULL;
        GitFile f, found = {};
        int r;

        while ((r = policy_git_next(&p, &size, &f)) > 0) {
                char *other = file_of_policy(&f, policy->config->name);

                if (other && name) {
                        *reterr = strf("'%s%s' has more than one file.", DIRECTORY, policy->config->name);
                        free(other);
                        return -EBADMSG;
                }
                if (other) {
                        name = other;
                        found = f;
                }
        }
        if (r < 0 || !name)
                return r;
        if (found.size > POLICY_SIZE_MAX) {
                *reterr = strf("'%s%s/%s' is larger than it may be.", DIRECTORY, policy->config->name, name);
                return -EFBIG;
        }
        r = policy_set_wait(policy, found.data, found.size, name, s->policies->config->url);
        if (r < 0 && r != -ECANCELED)
                *reterr = strf("policy '%s' cannot be kept in '%s': %s.", policy->config->name, s->policies->directory,
                                strerror(-r));
        return r;
}

/* A policy that is no good holds up no other; all are tried again. */
static int take_output_wait(PolicySource *s, const Buffer *output, char **reterr) {
        const uint8_t *p = buffer_head(output), *end = output->size > 0 ? memchr(p, '\n', output->size) : NULL;
        _cleanup_free_ char *commit = end ? strndup((const char *) p, (size_t) (end - p)) : NULL;
        int result = 0, r;

        if (!commit || strlen(commit) > COMMIT_MAX || isempty(commit))
                return -EBADMSG;
        if (streq_ptr(commit, s->commit))
                return 0;
        for (size_t i = 0; i < s->policies->n_items; i++) {
                _cleanup_free_ char *why = NULL;

                r = set_policy_wait(s, &s->policies->items[i], end + 1, output->size - (size_t) (end + 1 - p), &why);
                if (r == -ECANCELED)
                        return r;
                if (r >= 0 || result < 0)
                        continue;
                result = r;
                *reterr = TAKE_PTR(why);
        }
        return result < 0 ? result : str_replace(&s->commit, commit);
}

/* git's last line says what it could not do. */
static int judge_end(const UnitOutput *output, const char *url, char **reterr) {
        _cleanup_free_ char *how = NULL;

        if (output->result.code == CLD_EXITED && output->result.status == 0)
                return 0;
        how = unit_result_to_string(&output->result);
        *reterr = strf("'%s': git: %s.", url, output->complaint ? output->complaint : strempty(how));
        return -EPROTO;
}

static int run_wait(PolicySource *s, UnitRun *run, UnitOutput *ret, char **reterr) {
        const UnitCollect collect = {
                .output_max = OUTPUT_MAX,
                .deadline = usec_add(time_now(CLOCK_MONOTONIC), POLICY_FETCH_USEC),
        };
        _cleanup_(unit_program_freep) UnitProgram *program = NULL;
        _cleanup_(bus_error_done) BusError error = {};
        _cleanup_(stdio_done) Stdio stdio = STDIO_NONE;
        int r;

        r = bus_connected_wait(s->policies->bus, usec_add(time_now(CLOCK_MONOTONIC), MANAGER_USEC));
        if (r == -ETIMEDOUT)
                *reterr = strdup("git cannot be run: the service manager cannot be reached.");
        if (r >= 0)
                r = stdio_new_pipes(false, &stdio);
        if (r < 0)
                return r;
        run->stdio = stdio.theirs;
        r = unit_program_start_wait(s->policies->programs, run, &program, &error);
        stdio_release(&stdio);
        if (r < 0) {
                *reterr = strf("git cannot be run in a unit: %s.", error.message ? error.message : strerror(-r));
                if (*reterr)
                        str_make_printable(*reterr, '?');
                return r;
        }
        r = unit_collect_wait(program, &stdio, &collect, ret);
        if (r == -EFBIG || r == -ETIMEDOUT)
                *reterr = strf("'%s': git %s.", s->policies->config->url,
                                r == -EFBIG ? "has more to say than it may" : "has not ended in time");
        return r < 0 ? r : judge_end(ret, s->policies->config->url, reterr);
}

static int append_words(char ***argv, const PolicySource *s) {
        const ConfigPolicies *c = s->policies->config;
        const char *const words[] = { "sh", "-c", script, "givc-policies", c->url, c->ref,
                s->commit ? s->commit : "none" };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                r = strv_extend(argv, words[i]);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < c->n_policies; i++) {
                _cleanup_free_ char *directory = strf(DIRECTORY "%s/", c->policies[i].name);

                r = directory ? strv_extend(argv, directory) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        return 0;
}

int policy_git_poll_wait(PolicySource *s, char **reterr) {
        _cleanup_(unit_output_done) UnitOutput output = {};
        _cleanup_strv_free_ char **argv = NULL;
        UnitRun run = {
                .description = "Policies for VMs, from a git repository",
                .environment = (char *const *) environment,
                .stop_usec = STOP_USEC,
                .runtime_max_usec = POLICY_FETCH_USEC,
                .tasks_max = TASKS_MAX,
                .memory_max = MEMORY_MAX,
                .literal = true,
                .sandbox = true,
        };
        int r;

        r = append_words(&argv, s);
        if (r < 0)
                return r;
        run.argv = argv;
        r = run_wait(s, &run, &output, reterr);
        if (r < 0)
                return r;
        r = take_output_wait(s, &output.output, reterr);
        if (r == -EBADMSG && !*reterr)
                *reterr = strf("'%s': git has said something else than a list of files.", s->policies->config->url);
        return r;
}
