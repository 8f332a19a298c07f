/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stats.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "event/condition.h"

#define LOOKS_KEPT ((size_t) 2)           /* when the latest is too new, the one before is old enough */
#define BATCH      64                     /* processes, between turns of the loop */
#define FILE_MAX   ((size_t) 1024 * 1024) /* /proc/stat has a line a CPU and counts interrupts */

/* What is remembered of a process. */
typedef struct Spent {
        pid_t pid;
        uint64_t start, user, system;
} Spent;

typedef struct Look {
        usec_t at; /* 0: none */
        ProcTimes times;
        Spent *processes; /* by pid */
        size_t n_processes, n_allocated;
} Look;

struct Stats {
        Look looks[LOOKS_KEPT]; /* the latest first */
        Figures figures;        /* the latest */
        usec_t figures_at;
        bool looking;
        Condition looked;
        char *version;
        usec_t version_at;
        bool asking;
        Condition asked;
};

static void look_done(Look *l) {
        free(l->processes);
        *l = (Look){};
}

Stats *stats_new(void) {
        return mem_new0(Stats, 1);
}

Stats *stats_free(Stats *s) {
        if (!s)
                return NULL;
        assert(!s->looking && !s->asking);
        for (size_t i = 0; i < LOOKS_KEPT; i++)
                look_done(&s->looks[i]);
        free(s->version);
        free(s);
        return NULL;
}

static int read_proc(const char *root, const char *name, char **ret) {
        _cleanup_free_ char *path = strf("%s/proc/%s", root, name);

        return path ? file_read(path, FILE_MAX, ret, NULL) : -ENOMEM;
}

static int spent_compare(const void *a, const void *b) {
        const Spent *x = a, *y = b;

        return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* Keeps the list sorted, most first, and drops who is last. */
static void insert(StatsProcess top[STATS_TOP], size_t *n, const StatsProcess *p,
                bool (*less)(const StatsProcess *a, const StatsProcess *b)) {
        size_t i = *n;

        if (i == STATS_TOP && !less(&top[i - 1], p))
                return;
        if (i == STATS_TOP)
                i--;
        else
                (*n)++;
        for (; i > 0 && less(&top[i - 1], p); i--)
                top[i] = top[i - 1];
        top[i] = *p;
}

static bool less_busy(const StatsProcess *a, const StatsProcess *b) {
        return a->ticks < b->ticks;
}

static bool less_big(const StatsProcess *a, const StatsProcess *b) {
        return a->process.resident < b->process.resident;
}

/* Counters of the kernel go back at times, by a tick or so. */
static uint64_t minus(uint64_t a, uint64_t b) {
        return a > b ? a - b : 0;
}

static float percent(uint64_t ticks, uint64_t total) {
        return total > 0 ? (float) MIN(100.0 * (double) ticks / (double) total, 100.0) : 0;
}

/* A process that was not there, or was another one of that number, has spent all its time since. */
static void add_process(Figures *f, const Look *before, pid_t pid, const ProcProcess *p) {
        const Spent *old = before->n_processes == 0
                        ? NULL
                        : bsearch(&(Spent){ .pid = pid }, before->processes, before->n_processes, sizeof(Spent),
                                          spent_compare);
        bool same = old && old->start == p->start;
        uint64_t user = minus(p->user, same ? old->user : 0), system = minus(p->system, same ? old->system : 0);
        StatsProcess row = { *p, percent(user, f->spent.total), percent(system, f->spent.total), user + system };

        f->n_processes++;
        f->n_running += p->state == 'R';
        if (row.ticks > 0)
                insert(f->by_cpu, &f->n_by_cpu, &row, less_busy);
        insert(f->by_memory, &f->n_by_memory, &row, less_big);
}

/* 1: there is such a process; 0: there is none any more. */
static int read_process(const char *root, const char *pid, ProcProcess *ret) {
        _cleanup_free_ char *name = strf("%s/stat", pid), *text = NULL;
        int r;

        if (!name)
                return -ENOMEM;
        r = read_proc(root, name, &text);
        if (r == -ENOENT || r == -ESRCH)
                return 0;
        if (r >= 0)
                r = proc_parse_process(text, ret);
        return r < 0 ? r : 1;
}

static int look_add(Look *l, pid_t pid, const ProcProcess *p) {
        int r = mem_grow((void **) &l->processes, &l->n_allocated, l->n_processes + 1, sizeof(Spent));

        if (r < 0)
                return r;
        l->processes[l->n_processes++] = (Spent){ pid, p->start, p->user, p->system };
        return 0;
}

static int look_at_processes_wait(Look *l, const char *root, const Look *before, Figures *f) {
        _cleanup_free_ char *path = strf("%s/proc", root);
        _cleanup_closedir_ DIR *d = path ? opendir(path) : NULL;
        const struct dirent *entry;
        int r = path ? d ? 0 : -errno : -ENOMEM;

        for (size_t n = 1; r >= 0; n++) {
                ProcProcess p;

                errno = 0;
                entry = readdir(d);
                if (!entry) {
                        r = -errno;
                        break;
                }
                if (!isdigit((unsigned char) entry->d_name[0]))
                        continue;
                r = read_process(root, entry->d_name, &p);
                if (r > 0) {
                        add_process(f, before, atoi(entry->d_name), &p);
                        r = look_add(l, atoi(entry->d_name), &p);
                }
                if (r >= 0 && n % BATCH == 0)
                        r = fiber_sleep_wait(0);
        }
        if (r >= 0 && l->n_processes > 0)
                qsort(l->processes, l->n_processes, sizeof(Spent), spent_compare);
        return r;
}

static int look_at_times(Look *l, const char *root, const Look *before, Figures *f) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = read_proc(root, "stat", &text);
        if (r >= 0)
                r = proc_parse_times(text, &l->times);
        if (r < 0)
                return r;
        l->at = time_now(CLOCK_MONOTONIC);
        f->spent.user = minus(l->times.user, before->times.user);
        f->spent.system = minus(l->times.system, before->times.system);
        f->spent.total = minus(l->times.total, before->times.total);
        f->spent.n_cpus = l->times.n_cpus;
        return 0;
}

static int read_memory_and_load(const char *root, Figures *f) {
        _cleanup_free_ char *memory = NULL, *load = NULL;
        int r;

        r = read_proc(root, "meminfo", &memory);
        if (r >= 0)
                r = proc_parse_memory(memory, &f->memory);
        if (r >= 0)
                r = read_proc(root, "loadavg", &load);
        return r < 0 ? r : proc_parse_load(load, f->load);
}

static int look_wait(const char *root, const Look *before, Look *ret, Figures *ret_figures) {
        _cleanup_(look_done) Look look = {};
        Figures f = {};
        int r;

        r = look_at_times(&look, root, before, &f);
        if (r >= 0)
                r = look_at_processes_wait(&look, root, before, &f);
        if (r >= 0)
                r = read_memory_and_load(root, &f);
        if (r < 0)
                return r;
        *ret = look;
        look = (Look){};
        *ret_figures = f;
        return 0;
}

static const Look *stats_find_before(const Stats *s, usec_t now) {
        for (size_t i = 0; i < LOOKS_KEPT; i++)
                if (s->looks[i].at > 0 && now - s->looks[i].at >= STATS_MIN_USEC &&
                                now - s->looks[i].at <= STATS_MAX_USEC)
                        return &s->looks[i];
        return NULL;
}

/* Takes the look over, unless there is one that is hardly older. */
static void stats_keep(Stats *s, Look *look) {
        if (s->looks[0].at > 0 && look->at - s->looks[0].at < STATS_MIN_USEC) {
                look_done(look);
                return;
        }
        look_done(&s->looks[LOOKS_KEPT - 1]);
        for (size_t i = LOOKS_KEPT - 1; i > 0; i--)
                s->looks[i] = s->looks[i - 1];
        s->looks[0] = *look;
        *look = (Look){};
}

static int stats_look_wait(Stats *s, const char *root) {
        static const Look nothing = {};
        const Look *before = stats_find_before(s, time_now(CLOCK_MONOTONIC));
        _cleanup_(look_done) Look first = {}, look = {};
        Figures figures;
        int r = 0;

        if (!before) {
                r = look_wait(root, &nothing, &first, &figures);
                if (r >= 0)
                        r = fiber_sleep_wait(STATS_WAIT_USEC);
                before = &first;
        }
        if (r >= 0)
                r = look_wait(root, before, &look, &figures);
        if (r < 0)
                return r;
        s->figures = figures;
        s->figures_at = look.at;
        stats_keep(s, first.at > 0 ? &first : &look);
        return 0;
}

int stats_get_wait(Stats *s, const char *root, Figures *ret) {
        int r = 0;

        while (r >= 0 && s->looking)
                r = condition_wait(&s->looked);
        if (r >= 0 && (s->figures_at == 0 || time_now(CLOCK_MONOTONIC) - s->figures_at > STATS_SAME_USEC)) {
                s->looking = true;
                r = stats_look_wait(s, root);
                s->looking = false;
                condition_broadcast(&s->looked, 0);
        }
        if (r >= 0)
                *ret = s->figures;
        return r;
}

static int stats_ask_version_wait(Stats *s, int (*ask_wait)(void *userdata, char **ret), void *userdata) {
        char *version;
        int r;

        r = ask_wait(userdata, &version);
        if (r < 0)
                return r;
        free(s->version);
        s->version = version;
        s->version_at = time_now(CLOCK_MONOTONIC);
        return 0;
}

int stats_get_version_wait(Stats *s, int (*ask_wait)(void *userdata, char **ret), void *userdata, char **ret) {
        int r = 0;

        while (r >= 0 && s->asking)
                r = condition_wait(&s->asked);
        if (r >= 0 && (!s->version || time_now(CLOCK_MONOTONIC) - s->version_at > STATS_VERSION_USEC)) {
                s->asking = true;
                r = stats_ask_version_wait(s, ask_wait, userdata);
                s->asking = false;
                condition_broadcast(&s->asked, 0);
        }
        if (r < 0)
                return r;
        *ret = strdup(s->version);
        return *ret ? 0 : -ENOMEM;
}
